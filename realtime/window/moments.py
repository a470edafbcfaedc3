"""Where playing goes to: in a file to any moment, in a live source to those still held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtime.events import Event
from realtime.window.live_play import LivePlay
from realtime.window.look_back import LookBack
from realtime.window.messages import mention

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

JUMP_S: Final = 5.0


class Moments:
    """Connects what ``window`` offers to go back and on with what is shown in it."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        actions = window.actions_
        window.controls.slider.sought.connect(self.seek)
        actions.step.triggered.connect(lambda: self.step(forward=True))
        actions.step_back.triggered.connect(lambda: self.step(forward=False))
        actions.forward.triggered.connect(lambda: self.seek_by(JUMP_S))
        actions.back.triggered.connect(lambda: self.seek_by(-JUMP_S))
        actions.home.triggered.connect(self.seek_start)
        actions.end.triggered.connect(self.seek_end)
        for digit, action in enumerate(actions.tenths):
            action.triggered.connect(lambda _on, share=digit / 10: self.seek_share(share))
        window.grid.changed.connect(self.show)

    def seek(self, time_s: float) -> None:
        """To that moment of the time line, of the source that it shows."""
        past = self._past
        if past is None:
            self._window.file.seek(time_s)
        else:
            self._told(past.seek(time_s, self._window.desk.source_id))

    def seek_by(self, seconds: float) -> None:
        """So far from here."""
        past = self._past
        if past is None:
            self._window.file.seek_by(seconds)
        else:
            self._told(past.seek_by(seconds))

    def seek_share(self, share: float) -> None:
        """To that part of the whole, 0..1."""
        past = self._past
        if past is None:
            self._window.file.seek_share(share)
        else:
            self._told(past.seek_share(share))

    def seek_start(self) -> None:
        """To the first frame, or to the oldest picture held."""
        if self._past is None:
            self._window.file.seek(0.0)
        else:
            self.seek_share(0.0)

    def seek_end(self) -> None:
        """To the last frame, or back to the live picture."""
        past = self._past
        if past is None:
            self._window.file.seek_end()
        else:
            past.follow()
            self._told("")

    def step(self, *, forward: bool) -> None:
        """One picture on or back."""
        past = self._past
        if past is not None:
            past.step(forward=forward)
            self._told("")
        elif forward:
            self._window.file.step()
        else:
            self._window.file.step_back()

    def go_to(self, event: Event) -> None:
        """To where that happened, to its source if there are many."""
        live = self._live
        if live is None:
            self._window.file.seek(event.time_s)
        else:
            self._told(live.past.seek(event.time_s, event.source_id))

    def refresh(self) -> None:
        """Show on the time line which moments of a live source are held."""
        desk, live = self._window.desk, self._live
        desk.timeline.show_held([] if live is None else live.past.spans(desk.source_id))

    def show(self) -> None:
        """Say what can be done with what is looked at, if it is live."""
        live = self._live
        if live is not None:
            self._window.actions_.set_live(live.held, past=live.looked_at is not None)

    @property
    def _live(self) -> LivePlay | None:
        return None if self._window.player.engine is None else self._window.live

    @property
    def _past(self) -> LookBack | None:
        live = self._live
        return None if live is None else live.past

    def _told(self, sentence: str) -> None:
        self.show()
        if sentence:
            mention(self._window, sentence)
