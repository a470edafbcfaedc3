"""Keeps a slow or stuck output from holding up a live source.

Between the engine and the sink lie a bounded queue and one thread. When the sink cannot keep up,
the oldest results go and are counted; what a run consists of (start, states, finish) stays.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from realtime.errors import FakewatchError, SinkError
from realtime.logs import unexpected
from realtime.sinks.base import Sink, StatusSink
from realtime.types import FrameResult, Image, RunStart, RunSummary, SourceStatus, TrackSummary

log = logging.getLogger(__name__)

WITH_PICTURES: Final = 8
"""Results that may wait for a sink that paints: each holds a whole frame."""
WITHOUT_PICTURES: Final = 256
"""Results that may wait for a sink that has ``needs_pictures = False``."""
MAX_STATES: Final = 1000
"""States that may wait; only a sink that is stuck for hours ever loses one."""

_Item = RunStart | FrameResult | SourceStatus | RunSummary


@dataclass(frozen=True, slots=True)
class _Bounds:
    finish_s: float
    close_s: float


class QueuedSink:
    """Hands everything to ``sink`` on a thread of its own and never waits for it, but to finish.

    The first error of the sink goes to ``on_error``, on that thread and as a `FakewatchError`;
    from then on results and states are ignored, and only ``finish`` is still tried. ``on_drop``
    hears how many results were lost just now. Tracks that ended with a lost result are told with
    the next one. A sink that is stuck for ever is left behind, on its daemon thread, when
    ``finish`` and ``close`` have waited for their bounds.

    The sink itself is closed by whoever made it, unless ``owned``.
    """

    def __init__(
        self,
        sink: Sink,
        on_error: Callable[[FakewatchError], None],
        *,
        name: str = "",
        on_drop: Callable[[int], None] | None = None,
        capacity: int | None = None,
        finish_timeout_s: float = 1.0,
        close_timeout_s: float = 1.0,
        owned: bool = False,
    ) -> None:
        self._sink = sink
        self._pictures = bool(getattr(sink, "needs_pictures", True))
        default = WITH_PICTURES if self._pictures else WITHOUT_PICTURES
        self._capacity = max(1, default if capacity is None else capacity)
        self._on_error = on_error
        self._on_drop = on_drop
        self._bounds = _Bounds(finish_timeout_s, close_timeout_s)
        self._owned = owned
        self._items: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._results = self._states = 0
        self._dropped = 0
        self._busy = False
        self._closed = False
        self._failed = False
        label = name or type(sink).__name__
        self._thread = threading.Thread(target=self._work, name=f"fw-sink-{label}", daemon=True)

    @property
    def dropped(self) -> int:
        """How many results the sink never got because it was too slow."""
        return self._dropped

    @property
    def failed(self) -> bool:
        """Whether the sink has raised an error."""
        return self._failed

    def start(self, start: RunStart) -> None:
        """A run begins; what the sink says to it comes through ``on_error``."""
        self._put(start)

    def write(self, result: FrameResult) -> None:
        """One more result, never waits; raises `SinkError` after ``close`` only."""
        self._put(result if self._pictures else _without_picture(result))

    def status(self, status: SourceStatus) -> None:
        """The source does something else now; for sinks that want to hear it."""
        if isinstance(self._sink, StatusSink):
            self._put(status)

    def finish(self, summary: RunSummary, timeout_s: float | None = None) -> None:
        """The run has ended: wait until the sink has it all, or for the bound.

        With ``timeout_s`` 0 it does not wait; `drained` does so for many sinks at once.
        """
        self._put(summary)
        bound = self._bounds.finish_s if timeout_s is None else timeout_s
        if bound > 0 and not self.drained(bound):
            log.warning("The output %s did not finish within %.1f s.", self._thread.name, bound)

    def drained(self, timeout_s: float) -> bool:
        """Whether the sink has taken everything, waiting for that at most ``timeout_s``."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._items or self._busy), timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """Let the sink take what still waits, for a bounded time, and end the thread."""
        bound = self._bounds.close_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + bound
        if not self._closed:
            self.drained(bound)
        with self._changed:
            self._closed = True
            lost, self._results, self._states = self._results, 0, 0
            self._items.clear()
            self._changed.notify_all()
        self._count(lost)
        if self._thread.ident is not None:
            self._thread.join(max(deadline - time.monotonic(), 0.1))
            if self._thread.is_alive():
                log.error("The output %s is stuck and was left behind.", self._thread.name)
        if self._owned:
            self._sink.close()

    def _put(self, item: _Item) -> None:
        with self._changed:
            if self._closed:
                raise SinkError("The output is already closed.")
            if self._failed and not isinstance(item, (RunStart, RunSummary)):
                return
            self._items.append(item)
            lost = self._make_room(item)
            if self._thread.ident is None:
                self._thread.start()
            self._changed.notify_all()
        self._count(lost)

    def _make_room(self, item: _Item) -> int:
        """Count ``item`` in; how many results had to go for it."""
        if isinstance(item, SourceStatus):
            self._states += 1
            if self._states > MAX_STATES:
                self._states -= 1
                del self._items[_first(self._items, SourceStatus)]
        if not isinstance(item, FrameResult):
            return 0
        self._results += 1
        if self._results <= self._capacity:
            return 0
        self._results -= 1
        oldest = _first(self._items, FrameResult)
        gone = self._items[oldest]
        del self._items[oldest]
        assert isinstance(gone, FrameResult)
        self._carry_over(gone.ended, oldest)
        return 1

    def _carry_over(self, ended: tuple[TrackSummary, ...], start: int) -> None:
        """Tell tracks with the next result of their run; without one its summary has them."""
        if not ended:
            return
        for i in range(start, len(self._items)):
            item = self._items[i]
            if isinstance(item, FrameResult):
                self._items[i] = replace(item, ended=ended + item.ended)
                return
            if isinstance(item, RunSummary):
                return

    def _count(self, lost: int) -> None:
        if lost:
            with self._changed:
                self._dropped += lost
            if self._on_drop is not None:
                self._on_drop(lost)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._items or self._closed)
                if not self._items:
                    return
                item = self._items.popleft()
                self._results -= isinstance(item, FrameResult)
                self._states -= isinstance(item, SourceStatus)
                self._busy = True
            self._hand_over(item)

    def _hand_over(self, item: _Item) -> None:
        if self._failed and not isinstance(item, RunSummary):
            return
        try:
            if isinstance(item, FrameResult):
                self._sink.write(item)
            elif isinstance(item, RunStart):
                self._sink.start(item)
            elif isinstance(item, RunSummary):
                self._sink.finish(item)
            elif isinstance(self._sink, StatusSink):
                self._sink.status(item)
        except Exception as exc:  # noqa: BLE001 - told once, to whoever decides
            self._tell(exc)

    def _tell(self, error: Exception) -> None:
        if self._failed:
            return
        self._failed = True
        if not isinstance(error, FakewatchError):
            log.error("unexpected error of an output", exc_info=error)
            error = unexpected(error)
        try:
            self._on_error(error)
        except Exception:
            log.exception("unexpected error of whoever hears of errors of an output")


def _first(items: deque[_Item], kind: type[FrameResult] | type[SourceStatus]) -> int:
    return next(i for i, item in enumerate(items) if isinstance(item, kind))


def _without_picture(result: FrameResult) -> FrameResult:
    """The same result with a picture of the same shape that takes no memory."""
    image: Image = np.broadcast_to(np.zeros((), np.uint8), result.frame.image.shape)
    return replace(result, frame=replace(result.frame, image=image))
