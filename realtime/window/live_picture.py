"""Keeps a canvas in step with one live source."""

from __future__ import annotations

from realtime.types import Frame, FrameResult, SourceState, SourceStatus
from realtime.window.bridge import Bridge
from realtime.window.canvas import Canvas
from realtime.window.states import LATE_S, SILENCE, live_notice


class LivePicture:
    """Brings results and states onto ``canvas``; all of it is for Qt's thread."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self._bridge: Bridge | None = None
        self._status = SourceStatus("", SourceState.CONNECTING, 0.0)
        self._held = False

    @property
    def status(self) -> SourceStatus:
        """What the source is doing, as it was told last."""
        return self._status

    @property
    def held(self) -> bool:
        """Whether the viewer keeps one picture while the analysis goes on."""
        return self._held

    @property
    def shown(self) -> Frame | None:
        """The frame that is on the canvas, whatever its age."""
        result = self.canvas.result
        return None if result is None else result.frame

    def start(self, source_id: str, bridge: Bridge, now: float) -> None:
        """Show this source from now on."""
        self._bridge = bridge
        self._held = False
        self.canvas.set_state_text("")
        self.refresh(SourceStatus(source_id, SourceState.CONNECTING, now), now)

    def stop(self) -> None:
        """Show no live source any more."""
        self._bridge = None
        self._held = False
        self.canvas.set_notice(SILENCE)

    def toggle_hold(self, now: float) -> None:
        """Keep this picture, or follow the source again."""
        self._held = not self._held and self.canvas.result is not None
        self.refresh(self._status, now)

    def pull(self) -> bool:
        """Show the newest result; False if there is none."""
        result = None if self._bridge is None else self._bridge.take()
        if result is None:
            return False
        if not self._held or self._lost(result):
            self._held = False
            self.canvas.show_result(result)
        return True

    def refresh(self, status: SourceStatus, now: float) -> None:
        """Say what the source is doing; to be called often, since ages and countdowns move."""
        self._status = status
        self.canvas.set_notice(live_notice(status, now, self.shown, held=self._held))

    def newest(self, now: float) -> FrameResult | None:
        """What may be called the present: None if the source or its picture is not live."""
        result = self.canvas.result
        if result is None or self._status.state is not SourceState.LIVE:
            return None
        late = now - result.frame.captured_mono > LATE_S
        return None if late or result.frame.epoch < self._status.epoch else result

    def _lost(self, result: FrameResult) -> bool:
        # After a reconnect a held picture is of another run.
        shown = self.canvas.result
        return shown is None or shown.frame.epoch != result.frame.epoch
