"""Short pieces of slow work for Qt's thread: files that are looked at, a keyring that is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from qtpy.QtCore import QObject, Signal

from realtime.window.outcome import outcome

JOIN_S: Final = 0.3
"""How long closing waits. A keyring may wait for its owner, and a disk for a network."""


def join(threads: Iterable[threading.Thread]) -> None:
    """Wait for all of them, `JOIN_S` in all."""
    until = time.monotonic() + JOIN_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


class Errands(QObject):
    """Each runs on a thread of its own; what came of it is told on Qt's."""

    _done = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._done.connect(self._tell)

    def run(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        """Do ``work`` elsewhere; ``then`` gets what it gave, or the `FakewatchError` it raised.

        Nothing is told any more after `stop` or `close`.
        """
        self._threads = self.threads
        thread = threading.Thread(
            target=self._run, args=(work, then), name="fw-errand", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    @property
    def threads(self) -> list[threading.Thread]:
        """Those that are still under way."""
        return [thread for thread in self._threads if thread.is_alive()]

    def stop(self) -> None:
        """Tell nothing any more; returns at once, and whoever calls it joins `threads` later."""
        with self._lock:
            self._closed = True

    def close(self) -> None:
        """Wait for what is under way, but not for long."""
        self.stop()
        join(self._threads)

    def _run(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        result = outcome(work)
        with self._lock:  # or Qt might have deleted what the signal belongs to
            if not self._closed:
                self._done.emit(then, result)

    def _tell(self, then: Callable[[Any], None], result: object) -> None:
        if not self._closed:
            then(result)
