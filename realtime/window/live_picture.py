"""Keeps a canvas in step with one live source, or with a moment of its last minutes."""

from __future__ import annotations

from collections.abc import Callable

from realtime.types import Frame, FrameResult, SourceState, SourceStatus
from realtime.window.bridge import Bridge
from realtime.window.canvas import Canvas
from realtime.window.states import LATE_S, SILENCE, Notice, duration, live_notice, words
from realtime.window.translate import tr

Keep = Callable[[str, FrameResult], None]
"""Takes the id of a source and a result of it."""


class LivePicture:
    """Brings results and states onto ``canvas``; all of it is for Qt's thread."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self._bridge: Bridge | None = None
        self._keep: Keep | None = None
        self._status = SourceStatus("", SourceState.CONNECTING, 0.0)
        self._held = False
        # While the viewer looks back, the newest goes on beside what the canvas shows.
        self._newest: FrameResult | None = None
        self._back = False
        self._missed = False

    @property
    def status(self) -> SourceStatus:
        """What the source is doing, as it was told last."""
        return self._status

    @property
    def held(self) -> bool:
        """Whether the viewer keeps one picture, or an earlier one, while the analysis goes on."""
        return self._held or self._back

    @property
    def back(self) -> bool:
        """Whether an earlier picture is shown."""
        return self._back

    @property
    def shown(self) -> Frame | None:
        """The frame that stands for the source now, whatever its age: it is on the canvas, unless
        the viewer looks back."""
        result = self._newest if self._back else self.canvas.result
        return None if result is None else result.frame

    def start(self, source_id: str, bridge: Bridge, now: float, keep: Keep | None = None) -> None:
        """Show this source from now on, and let ``keep`` have what is shown."""
        self._bridge = bridge
        self._keep = keep
        self._forget()
        self.canvas.set_state_text("")
        self.refresh(SourceStatus(source_id, SourceState.CONNECTING, now), now)

    def stop(self) -> None:
        """Show no live source any more."""
        self._bridge = self._keep = None
        self._forget()
        self.canvas.set_notice(SILENCE)

    def toggle_hold(self, now: float) -> None:
        """Keep this picture, or follow the source again."""
        if self._back:
            self.follow(now)
            return
        self._held = not self._held and self.canvas.result is not None
        self.refresh(self._status, now)

    def look_back(self, result: FrameResult, now: float, *, missed: bool = False) -> None:
        """Show that earlier picture; ``missed``: there is none of the very moment."""
        if not self._back:
            self._newest = self.canvas.result
        self._back, self._held, self._missed = True, False, missed
        self.canvas.show_result(result)
        self.refresh(self._status, now)

    def follow(self, now: float) -> None:
        """Show the source as it is now."""
        if self._back:
            newest, self._newest = self._newest, None
            self._back = False
            if newest is not None:
                self.canvas.show_result(newest)
        self._held = False
        self.refresh(self._status, now)

    def pull(self) -> bool:
        """Show the newest result; False if there is none."""
        result = None if self._bridge is None else self._bridge.take()
        if result is None:
            return False
        if self._keep is not None:
            self._keep(self._status.source_id, result)
        if self._back:
            self._newest = result
        elif not self._held or self._lost(result):
            self._held = False
            self.canvas.show_result(result)
        return True

    def refresh(self, status: SourceStatus, now: float) -> None:
        """Say what the source is doing; to be called often, since ages and countdowns move."""
        self._status = status
        if self._back and self.canvas.result is not None:
            self.canvas.set_notice(self._past(self.canvas.result, now))
        else:
            self.canvas.set_notice(live_notice(status, now, self.shown, held=self._held))

    def newest(self, now: float) -> FrameResult | None:
        """What may be called the present: None if the source or its picture is not live."""
        result = self._newest if self._back else self.canvas.result
        if result is None or self._status.state is not SourceState.LIVE:
            return None
        late = now - result.frame.captured_mono > LATE_S
        return None if late or result.frame.epoch < self._status.epoch else result

    def _past(self, result: FrameResult, now: float) -> Notice:
        ago = duration(now - result.frame.captured_mono)
        parts = [tr("Press Space for the live picture.")]
        if self._missed:
            parts.insert(0, tr("No picture was kept of the very moment; this is the nearest."))
        if self._status.state is not SourceState.LIVE:
            parts.insert(0, words(self._status.state, live=True) + ".")
        return Notice(tr("{time} ago").format(time=ago), " ".join(parts), strip=True)

    def _forget(self) -> None:
        self._held = self._back = self._missed = False
        self._newest = None

    def _lost(self, result: FrameResult) -> bool:
        # After a reconnect a held picture is of another run.
        shown = self.canvas.result
        return shown is None or shown.frame.epoch != result.frame.epoch
