"""A text output that several runs write whole lines into, and that never blocks for good."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from realtime.errors import OutputClosed, SinkError
from realtime.redact import redact

if sys.platform != "win32":
    import fcntl
    import select

_OPEN: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
# So that a pipe without a reader is an error instead of a wait, and a full one can be left.
_NEVER_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_POLL_MS: Final = 100
_PIPE_BYTES: Final = 4096
"""What fits into every pipe that says it has room (PIPE_BUF on Linux)."""
_CLOSE_S: Final = 0.5


class JsonlFile:
    """One file, pipe or text stream; every method may be called from any thread.

    A file is opened at once, so that one that cannot be written is known before the work begins.
    What it held is replaced. No other program may write it at the same time. A pipe whose reader
    does nothing makes `write` wait, until `close` is called from another thread.

    Raises:
        SinkError: if the file cannot be opened or written.
        OutputClosed: if the reader of a pipe has gone away.
    """

    def __init__(self, target: Path | TextIO) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._owned = isinstance(target, Path)
        self._stream: TextIO | None = None
        self._descriptor = -1
        if isinstance(target, Path):
            self._name = redact(target)
            self._descriptor = self._open(target)
        else:
            self._name = "the standard output"
            self._stream = target
            # A stream that is no file, in memory for example, is written as a stream.
            with suppress(OSError, AttributeError, io.UnsupportedOperation, ValueError):
                self._descriptor = target.fileno()

    def write(self, lines: Iterable[str]) -> None:
        """Write whole lines, given without their ends, with nothing of another writer between."""
        text = "".join(f"{line}\n" for line in lines)
        if not text:
            return
        with self._lock:
            try:
                if self._descriptor >= 0 and sys.platform != "win32":
                    self._write_bytes(text.encode("utf-8", "backslashreplace"))
                else:
                    self._write_stream(text)
            except OSError as exc:
                raise self._told(exc) from None

    def close(self) -> None:
        """Close the file; a stream that was given is left open. Ends a `write` that waits."""
        if self._closed:
            return
        self._closed = True
        # A writer in the middle of a line sees the flag within a moment.
        if self._lock.acquire(timeout=_CLOSE_S):
            if self._owned:
                with suppress(OSError):
                    os.close(self._descriptor)
            self._lock.release()

    def _open(self, path: Path) -> int:
        try:
            descriptor = os.open(path, _OPEN | _NEVER_WAIT, 0o666)
        except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
            if getattr(exc, "errno", None) == errno.ENXIO:
                raise SinkError(
                    f"Cannot write {self._name}: nobody reads this pipe; start the reader first."
                ) from None
            reason = redact(getattr(exc, "strerror", None) or exc)
            raise SinkError(
                f"Cannot write {self._name}: {reason}; name another output file."
            ) from None
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                _lock(descriptor)
                os.ftruncate(descriptor, 0)
        except BlockingIOError:
            os.close(descriptor)
            raise SinkError(
                f"Cannot write {self._name}: another program is writing it; name another file."
            ) from None
        except OSError as exc:
            os.close(descriptor)
            raise self._told(exc) from None
        return descriptor

    def _write_bytes(self, data: bytes) -> None:
        if sys.platform == "win32":
            raise NotImplementedError
        if self._stream is not None:
            # What others printed comes first.
            self._stream.flush()
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        view = memoryview(data)
        # What is ours never waits; of what is not, only so much is sure to find room.
        most = len(data) if self._owned else _PIPE_BYTES
        try:
            while view:
                self._check()
                if not poll.poll(_POLL_MS):
                    continue
                try:
                    view = view[os.write(self._descriptor, view[:most]) :]
                except BlockingIOError:
                    continue
        except OSError:
            self._take_back(len(data) - len(view))
            raise

    def _write_stream(self, text: str) -> None:
        self._check()
        if self._stream is None:
            os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))
        else:
            self._stream.write(text)
            self._stream.flush()

    def _check(self) -> None:
        if self._closed:
            raise SinkError(f"The output {self._name} is closed.")

    def _take_back(self, written: int) -> None:
        """Cut off the beginning of a line that could not be completed."""
        with suppress(OSError):
            found = os.fstat(self._descriptor)
            if self._owned and stat.S_ISREG(found.st_mode):
                os.ftruncate(self._descriptor, found.st_size - written)

    def _told(self, exc: OSError) -> SinkError:
        if isinstance(exc, BrokenPipeError) or exc.errno == errno.EPIPE:
            return OutputClosed("The reader of the output has gone away.")
        reason = redact(exc.strerror or type(exc).__name__)
        return SinkError(f"Cannot write {self._name} any more: {reason}; what was written is kept.")


def _lock(descriptor: int) -> None:
    """Keep other programs out; raises `BlockingIOError` if one is in already."""
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system that knows no locks
        return
