"""Carries results from the pipeline's thread to Qt's: the newest one only, never a queue.

A signal for every frame would queue every frame: measured, that grew to 2 GB within a minute.
So there is one slot, and a signal without content that says it was filled. While the window is
busy the slot is overwritten, and no second signal is sent until it was emptied.
"""

from __future__ import annotations

import threading

from qtpy.QtCore import QObject, Signal

from realtime.types import FrameResult, ModelInfo, RunStart, RunSummary, SourceState


class Bridge(QObject):
    """A `Sink` for one run; ``take`` is for Qt's thread, all else for the pipeline's threads.

    ``arrived``: there is a result to take. ``changed``: the state of the
    source, `model` or `summary` did.
    """

    arrived = Signal()
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._newest: FrameResult | None = None
        self._closed = False
        self.model: ModelInfo | None = None
        self.summary: RunSummary | None = None

    def start(self, start: RunStart) -> None:
        """The model is known now."""
        self.model = start.model
        self._tell()

    def write(self, result: FrameResult) -> None:
        """Keep ``result`` instead of the one before."""
        with self._lock:
            if self._closed:
                return
            told = self._newest is not None
            self._newest = result
        if not told:
            self.arrived.emit()

    def finish(self, summary: RunSummary) -> None:
        """The run is over."""
        self.summary = summary
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

    def _tell(self) -> None:
        with self._lock:
            if self._closed:
                return
        self.changed.emit()
