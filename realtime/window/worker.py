"""Slow work in order: one piece after the other, on a thread that ends when there is none."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from realtime.errors import FakewatchError
from realtime.redact import redact
from realtime.window.outcome import outcome

log = logging.getLogger(__name__)


class Worker(QObject):
    """What was asked for is done, also after `close` was called, as far as that waits for it."""

    _done = Signal()

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Callable[[], object], Callable[[Any], None]]] = deque()
        self._ready: deque[tuple[Callable[[Any], None], object]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._done.connect(self._tell)

    @property
    def busy(self) -> bool:
        """Whether something is being done or waits for it."""
        with self._lock:
            return self._thread is not None

    def run(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        """Do ``work`` after all that was asked for before; ``then`` gets, on Qt's thread, what it
        gave or the `FakewatchError` it raised. After `close` nothing is begun."""
        with self._lock:
            if self._closed:
                return
            self._waiting.append((work, then))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def close(self, timeout_s: float) -> bool:
        """Wait for what was asked for, but no longer; whether it is all done.

        Errors that nobody can be told of any more are logged.
        """
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
            if thread.is_alive():
                log.error("the thread %s did not end in time", self._name)
        while self._ready:
            _, result = self._ready.popleft()
            if isinstance(result, FakewatchError):
                log.error("%s", redact(result))
        return thread is None or not thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                work, then = self._waiting.popleft()
            result = outcome(work)
            with self._lock:  # Qt might delete what the signal belongs to
                self._ready.append((then, result))
                if not self._closed:
                    self._done.emit()

    def _tell(self) -> None:
        while self._ready and not self._closed:
            then, result = self._ready.popleft()
            then(result)
