"""The server of HTTP below `realtime.health`.

Each connection carries one GET or HEAD, has one deadline for everything, and only so many are
served at once: nobody who connects can hold up the run or its end.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any, Final

from realtime.redact import redact

log = logging.getLogger(__name__)

DEADLINE_S: Final = 5.0
"""For a whole request, from connecting to the last byte of the answer."""
MAX_REQUESTS: Final = 8
"""Served at once; further connections are closed."""
MAX_HEAD: Final = 16_384

Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""


class Server(socketserver.TCPServer):
    """Listens at once; ``answer`` gets a path and the header Accept. Raises `OSError`."""

    allow_reuse_address = True
    request_queue_size = 16

    def __init__(
        self,
        family: socket.AddressFamily,
        place: tuple[Any, ...],
        answer: Callable[[str, str], Answer],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.address_family = family
        self.answer = answer
        self.deadline_s = deadline_s
        self._lock = threading.Lock()
        self._requests: dict[threading.Thread, socket.socket] = {}
        super().__init__(place, _Request)
        host, port = self.server_address[:2]
        self.shown = f"[{host!s}]:{port}" if family is socket.AF_INET6 else f"{host!s}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own, if there are not too many already."""
        thread = threading.Thread(
            target=self._answer, args=(request, client_address), name="fw-health-request"
        )
        thread.daemon = True
        with self._lock:
            free = len(self._requests) < MAX_REQUESTS
            if free:
                self._requests[thread] = request
        if free:
            thread.start()
        else:
            self.shutdown_request(request)

    def _answer(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            log.debug("a request for health was broken off")
        except Exception:
            log.exception("unexpected error while answering a request for health")
        finally:
            with self._lock:
                self._requests.pop(threading.current_thread(), None)
            self.shutdown_request(request)

    def end_requests(self, deadline: float) -> None:
        """Cut every connection and wait for its thread until ``deadline``."""
        with self._lock:
            left = list(self._requests.items())
        for _, request in left:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                continue
        for thread, _ in left:
            thread.join(max(deadline - time.monotonic(), 0.05))


class _Request(BaseHTTPRequestHandler):
    """One request of HTTP/1.0, after which the connection is closed."""

    server: Server

    def setup(self) -> None:
        """Read the whole head before anything else, against one deadline."""
        self._deadline = time.monotonic() + self.server.deadline_s
        self.connection = self.request
        self.rfile = BytesIO(self._head())
        self.wfile = self._gathered = BytesIO()

    def finish(self) -> None:
        """Send what was gathered, in what is left of the time."""
        self.connection.settimeout(self._left())
        self.connection.sendall(self._gathered.getvalue())

    def _left(self) -> float:
        return max(self._deadline - time.monotonic(), 0.001)

    def _head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) < MAX_HEAD:
            self.connection.settimeout(self._left())
            try:
                more = self.connection.recv(4096)
            except TimeoutError:
                return b""
            if not more:
                break
            head += more
        return head[:MAX_HEAD]

    def do_GET(self) -> None:
        """Answer with the page."""
        path = self.path.partition("?")[0]
        try:
            found = self.server.answer(path, self.headers.get("Accept", ""))
        except Exception:
            log.exception("unexpected error in %s", path)
            found = (HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"Internal error, see log.\n")
        self._send(*found)

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the base class refuses, such as other methods, as plain text."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._send(status, "text/plain", f"{status.phrase}: only GET and HEAD.\n".encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Without the versions of Python and its modules."""
        return "fakewatch"

    def log_message(self, format: str, *args: object) -> None:
        """Requests go into the debug log."""
        log.debug("health: %s", redact(format % args))
