"""Carries results from the pipeline's thread to Qt's: the newest one only, never a queue.

A signal for every frame would queue every frame: measured, that grew to 2 GB within a minute.
So there is one slot, and a signal without content that says it was filled. While the window is
busy the slot is overwritten, and no second signal is sent until it was emptied.
"""

from __future__ import annotations

import threading
from collections import deque

from qtpy.QtCore import QObject, Signal

from realtime.challenge_run import ChallengeRun
from realtime.events import Event, EventWatch
from realtime.history import History
from realtime.types import FrameResult, ModelInfo, RunStart, RunSummary, SourceState
from realtime.window.recording import Recording

_MAX_EVENTS = 500


class Bridge(QObject):
    """A `Sink` for one run; ``take`` is for Qt's thread, all else for the pipeline's threads.

    ``arrived``: there is a result to take. ``changed``: the state of the
    source, `model` or `summary` did. `history` and the events hold what every result said, shown
    or not. `recording` gathers what a report on the source would say. ``challenge`` is carried out
    here unless a sink does it.
    """

    arrived = Signal()
    changed = Signal()

    def __init__(self, source_id: str = "source") -> None:
        super().__init__()
        self.history: History | None = None
        self.recording = Recording()
        self.challenge: ChallengeRun | None = None
        self._watch = EventWatch(source_id)
        self._events: deque[Event] = deque(maxlen=_MAX_EVENTS)
        self._lock = threading.Lock()
        self._newest: FrameResult | None = None
        self._closed = False
        self.model: ModelInfo | None = None
        self.summary: RunSummary | None = None

    def start(self, start: RunStart) -> None:
        """The model is known now."""
        self.model = start.model
        self.history = History(live=start.source.live)
        self.recording.start(start)
        if self.challenge is not None:
            self.challenge.forget()
        self._tell()

    def write(self, result: FrameResult) -> None:
        """Keep ``result`` instead of the one before."""
        history = self.history
        if history is not None and not self._closed:
            history.add(result)
            self.recording.write(result)
            self._events += self._watch.see(result, history.time_of(result.frame))
        with self._lock:
            if self._closed:
                return
            told = self._newest is not None
            self._newest = result
        if not told:
            self.arrived.emit()
        if self.challenge is not None:
            self.challenge.see(result)

    def finish(self, summary: RunSummary) -> None:
        """The run is over."""
        self.summary = summary
        self.recording.finish(summary)
        if self.challenge is not None:
            self.challenge.stop()
        self._tell()

    def close(self) -> None:
        """Hold nothing and say nothing from now on."""
        with self._lock:
            self._closed = True
            self._newest = None

    def set_state(self, _state: SourceState) -> None:
        """The source does something else now; the pipeline says what."""
        self._tell()

    def take(self) -> FrameResult | None:
        """The newest result, once; None if it was taken already."""
        with self._lock:
            newest, self._newest = self._newest, None
            return newest

    def take_events(self) -> list[Event]:
        """What happened since this was asked last, once."""
        found = []
        while self._events:
            found.append(self._events.popleft())
        return found

    def _tell(self) -> None:
        with self._lock:
            if self._closed:
                return
        self.changed.emit()
