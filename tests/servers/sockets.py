"""A TCP server that does one thing with each connection, on threads that end with it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Certificate and key of localhost and 127.0.0.1, signed by itself, for tests and nothing else."""


class Server:
    """Listens on loopback; ``serve`` gets each connection and is over before `close` returns.

    ``serve`` must end soon after ``stopping`` is set or its socket is shut down.
    """

    def __init__(
        self,
        serve: Callable[[socket.socket], None],
        *,
        port: int = 0,
        tls: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        self.stopping = threading.Event()
        self.connections = 0
        self._serve = serve
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(16)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="fw-test-accept")
        self._accepting.start()

    def close(self) -> None:
        """Drop every connection, stop listening and wait for the threads."""
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.drop()
        for thread in self._threads:
            thread.join()

    def drop(self) -> None:
        """End every connection there is, as a server that dies."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._handle, args=(connection,), name="fw-test-serve")
            self._threads.append(thread)
            thread.start()

    def _handle(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                self._serve(connection)


@contextmanager
def serving(
    serve: Callable[[socket.socket], None],
    *,
    port: int = 0,
    tls: bool = False,
    address: str = "127.0.0.1",
) -> Iterator[Server]:
    """A `Server` for the length of a block."""
    server = Server(serve, port=port, tls=tls, address=address)
    try:
        yield server
    finally:
        server.close()


def silent(connection: socket.socket) -> None:
    """Take everything and say nothing: the black hole."""
    while connection.recv(65536):
        pass


def garbage(connection: socket.socket) -> None:
    """Answer with noise."""
    connection.recv(65536)
    connection.sendall(bytes(range(256)) * 16)


def http(
    files: Mapping[str, tuple[str, bytes]],
    *,
    status: str = "200 OK",
    length: bool = True,
    silence_s: float = 0.0,
) -> Callable[[socket.socket], None]:
    """Serve ``files`` (path to type and content) over HTTP; any other path is a 404.

    Without a ``length`` the end of the content is when the connection is closed, which is
    ``silence_s`` later or when the client has gone.
    """

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(65536):
            path = request.split(b" ")[1].decode().partition("?")[0]
            kind, body = files.get(path, ("text/plain", b"no such thing"))
            told = status if path in files else "404 Not Found"
            size = f"Content-Length: {len(body)}" if length else "Connection: close"
            head = f"HTTP/1.1 {told}\r\nContent-Type: {kind}\r\n{size}\r\n\r\n"
            connection.sendall(head.encode() + body)
            if not length:
                connection.settimeout(silence_s or 0.001)
                connection.recv(1)

    return serve


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
