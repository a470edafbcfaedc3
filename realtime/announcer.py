"""Keeps the states of one live source for those who want to hear them, in order and once each."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from realtime.lifecycle import LifeCycle
from realtime.source_sinks import Outputs
from realtime.types import SourceStatus

log = logging.getLogger(__name__)


class Announcer:
    """Several threads change the life of a source, and one after another tells of it.

    ``wake`` is called when there is something new to tell and must return at once.
    """

    def __init__(self, life: LifeCycle, outputs: Outputs, wake: Callable[[], None]) -> None:
        self._life = life
        self._outputs = outputs
        self._wake = wake
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._newest = life.status
        # With each whether the sinks had started by then: what was before is not theirs.
        self._news: deque[tuple[SourceStatus, bool]] = deque([(self._newest, False)])

    @property
    def status(self) -> SourceStatus:
        """The newest state."""
        return self._life.status

    @property
    def over(self) -> bool:
        """Whether the source has ended or failed for good."""
        return self._life.over

    @contextmanager
    def change(self) -> Iterator[LifeCycle]:
        """The life of the source, for one thread at a time; what becomes of it will be told."""
        with self._lock:
            yield self._life
            status = self._life.status
            if status != self._newest:
                self._newest = status
                self._news.append((status, self._outputs.started))
                self._wake()

    def tell(self, listener: Callable[[SourceStatus], None] | None) -> None:
        """Tell everything that is new to the sinks and to ``listener``."""
        with self._telling:
            while self._news:
                status, started = self._news.popleft()
                if started:
                    self._outputs.status(status)
                if listener is not None:
                    _tell(listener, status)


def _tell(listener: Callable[[SourceStatus], None], status: SourceStatus) -> None:
    try:
        listener(status)
    except Exception:
        log.exception("unexpected error of whoever listens to states")
