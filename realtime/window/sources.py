"""All the ways to say what is to be watched, and what of it is remembered."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSettings, Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent

from realtime import config as files
from realtime import keyring_store
from realtime.config import Config
from realtime.errors import ConfigError, FakewatchError
from realtime.keyring_store import Credentials
from realtime.redact import redact
from realtime.sources import Address, SourceKind, parse
from realtime.types import SourceState
from realtime.window import recent_menu
from realtime.window.actions import Actions
from realtime.window.chooser import Chooser
from realtime.window.drops import Drop, what
from realtime.window.errands import Errands
from realtime.window.recents import MANY, Login, Recent, Recents, of_address, of_config
from realtime.window.source_bar import SourceBar
from realtime.window.start_page import StartPage
from realtime.window.start_room import StartRoom
from realtime.window.translate import tr

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow


class Sources:
    """The row above the picture, the start page, the dialogs, what is dropped, and the list of
    recent sources of ``window``. All of it is for Qt's thread."""

    def __init__(
        self,
        window: MainWindow,
        actions: Actions,
        config: Config,
        settings: QSettings | None,
        say: Callable[[object], None],
    ) -> None:
        self._window = window
        self._actions = actions
        self._say = say
        self._errands = Errands(window)
        self._asked = 0
        self._kept: set[str] = set()
        self.recents = Recents(settings, window)
        self.chooser = Chooser(
            window,
            config,
            chosen=self.open_address,
            listed=self.open_config,
            remember=self.remember,
            refused=say,
        )
        cameras = [actions.open_stream, actions.open_device, actions.open_config]
        self.page = StartPage(actions.open_window, cameras, actions.open)
        buttons = {
            "start": actions.start_stop,
            "play": actions.play,
            "snapshot": actions.snapshot,
            "mark": actions.mark,
            "settings": actions.settings,
        }
        entries = {
            "camera": actions.open_device,
            "screen": actions.open_screen,
            "window": actions.open_window,
            "region": actions.open_region,
            "stream": actions.open_stream,
            "file": actions.open,
            "many": actions.open_config,
        }
        self.bar = SourceBar(actions.sources, entries, buttons)
        window.addToolBar(self.bar)
        self._room = StartRoom(window, self.page, actions)

    def connect(self) -> None:
        """Let every action do something; comes after `Extras.connect`."""
        actions, chooser = self._actions, self.chooser
        actions.open.triggered.connect(chooser.choose_file)
        actions.open_config.triggered.connect(chooser.choose_config)
        actions.open_stream.triggered.connect(_caller(chooser.choose_stream, ""))
        for action, kind in (
            (actions.open_device, SourceKind.CAMERA),
            (actions.open_screen, SourceKind.SCREEN),
            (actions.open_window, SourceKind.WINDOW),
        ):
            action.triggered.connect(_caller(chooser.choose_device, kind))
        actions.open_region.triggered.connect(chooser.choose_region)
        actions.clear_recent.triggered.connect(self.clear_recents)
        actions.full_screen.toggled.connect(self._on_full_screen)
        self.page.recent_chosen.connect(self.open_recent)
        self.recents.changed.connect(self._show_recents)
        self._window.player.opened.connect(self._note)
        actions.add_docks([self.bar])
        self._show_recents()
        self.refresh()

    def refresh(self) -> None:
        """Let the buttons say what they would do; to be called several times a second."""
        player = self._window.player
        live = player.engine is not None
        self.bar.show_running(running=live or player.pipeline is not None or player.opening)
        if live:
            self.bar.show_play(tr("Go on") if self._window.live.held else tr("Hold"))
        else:
            playing = self._window.state is SourceState.LIVE
            self.bar.show_play(tr("Pause") if playing else tr("Play"))

    def close(self) -> None:
        """End what is under way, and leave the layout as it is to be kept."""
        self._room.give_back()
        self.chooser.close()
        self._errands.close()

    # Opening

    def open_address(self, source: str | Address) -> None:
        """Open one source."""
        self._asked += 1
        self._window.open(source)

    def open_config(self, path: str, notice: str = "") -> None:
        """Open the sources that a file of settings lists; ``notice`` is said then."""

        def on_config(config: Config | FakewatchError) -> None:
            if isinstance(config, FakewatchError):
                self._say(config)
                return
            try:
                self._window.open_many(config, os.path.basename(path))
            except ConfigError as exc:
                self._say(exc)
                return
            self.recents.add(of_config(path))
            if notice:
                self._say(notice)

        self._ask(partial(files.load, Path(path)), on_config)

    def open_recent(self, recent: Recent) -> None:
        """Open it again, with what the keyring knows of it; what is gone is said."""
        if recent.kind in (MANY, SourceKind.FILE.value):
            self._ask(partial(os.path.exists, recent.target), partial(self._open_path, recent))
        elif recent.login == Login.KEPT.value:
            recall = partial(keyring_store.recall, recent.target)
            self._ask(recall, partial(self._open_with, recent))
        elif recent.login == Login.ASKED.value:
            self.chooser.choose_stream(recent.target, transport=recent.transport)
        else:
            self.open_address(recent.address())

    def _open_path(self, recent: Recent, there: bool | FakewatchError) -> None:
        if there is not True:
            self._say(
                tr(
                    "{name} is no longer where it was; open it from where it is now, or take it "
                    "off the list with Clear recent."
                ).format(name=recent.label)
            )
        elif recent.kind == MANY:
            self.open_config(recent.target)
        else:
            self.open_address(recent.address())

    def _open_with(self, recent: Recent, found: Credentials | FakewatchError | None) -> None:
        if isinstance(found, Credentials):
            self.open_address(recent.address(found))
            return
        if found is None:
            self._kept.discard(recent.target)
            self.recents.set_login(recent.target, Login.ASKED)
            found = ConfigError(
                tr("The keyring knows no password for it any more; type user and password again.")
            )
        self.chooser.choose_stream(recent.target, redact(found), transport=recent.transport)

    def _ask(self, work: Callable[[], object], then: Callable[[Any], None]) -> None:
        """Do ``work`` elsewhere; its answer is for nobody once something else was asked for."""
        self._asked += 1
        asked = self._asked

        def tell(result: object) -> None:
            if asked == self._asked:
                then(result)

        self._errands.run(work, tell)

    # Dropping

    def drag(self, event: QDragEnterEvent | None) -> None:
        """Take what can be opened."""
        if event is not None and what(event.mimeData()) is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def drop(self, event: QDropEvent | None) -> None:
        """Open the first of what was dropped, and say so if there is more."""
        dropped = None if event is None else what(event.mimeData())
        if event is not None and dropped is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self._open_drop(dropped)

    def _open_drop(self, dropped: Drop) -> None:
        if dropped.lists_sources:
            self.open_config(dropped.text, dropped.notice)
            return
        if dropped.address:
            if dropped.text.lower().startswith("http"):
                # Anybody on the way can read and change it, so a person has to allow it.
                self.chooser.choose_stream(dropped.text)
            else:
                self._open_url(dropped.text)
        else:
            self.open_address(dropped.text)
        if dropped.notice:
            self._say(dropped.notice)

    def _open_url(self, text: str) -> None:
        try:
            self.open_address(parse(text))
        except ConfigError as exc:
            self._say(exc)

    # Remembering

    def remember(self, url: str, credentials: Credentials) -> None:
        """Keep these in the keyring, or say why that cannot be done."""

        def on_kept(problem: FakewatchError | None) -> None:
            if problem is not None:
                self._say(problem)
            else:
                self._kept.add(url)
                self.recents.set_login(url, Login.KEPT)

        self._errands.run(partial(keyring_store.remember, url, credentials), on_kept)

    def clear_recents(self) -> None:
        """Empty the list; what the keyring keeps for streams in it goes as well."""
        kept = [one.target for one in self.recents.all if one.login == Login.KEPT.value]
        self.recents.clear()
        self._kept.clear()

        def forget() -> None:
            for url in kept:
                keyring_store.forget_host(url)

        def on_forgotten(problem: FakewatchError | None) -> None:
            if problem is not None:
                self._say(problem)

        if kept:
            self._errands.run(forget, on_forgotten)

    def _note(self) -> None:
        """A source was opened."""
        request, wanted = self._window.asked, self._window.player.wanted
        if request is None or request.config is not None or not wanted:
            return
        source = wanted[0].source
        recent = of_address(source) if isinstance(source, Address) else None
        if recent is not None:
            self.recents.add(recent)
            if recent.target in self._kept:
                self.recents.set_login(recent.target, Login.KEPT)

    def _show_recents(self) -> None:
        actions, recents = self._actions, self.recents.all
        recent_menu.fill(actions.recent, recents, self.open_recent, actions.clear_recent)
        self.page.show_recents(recents)

    def _on_full_screen(self, on: bool) -> None:
        # When it is left, the layout comes back with the row in it.
        if on:
            self.bar.hide()


def _caller(call: Callable[[Any], None], value: object) -> Callable[[], None]:
    """Without the state of the action that Qt hands over."""
    return lambda: call(value)
