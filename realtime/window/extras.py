"""What an analyst does beside watching: layers, marks, alerts, snapshots, commands, themes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QByteArray, QSettings
from qtpy.QtWidgets import QAction, QInputDialog, QWidget

from realtime.config import Config
from realtime.events import Event
from realtime.redact import redact
from realtime.window.about import about
from realtime.window.access import Access
from realtime.window.actions import Actions
from realtime.window.canvas import Canvas
from realtime.window.command_palette import CommandPalette
from realtime.window.desk import Desk
from realtime.window.evidence_actions import EvidenceActions
from realtime.window.help_page import HelpPage
from realtime.window.layers import Layers
from realtime.window.messages import mention
from realtime.window.snapshot import Snapshots
from realtime.window.themes import SYSTEM, Look
from realtime.window.tour import Tour
from realtime.window.translate import tr

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

log = logging.getLogger(__name__)


class Extras:
    """Connects the actions of ``window`` that do not play anything with the docks."""

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
        self.look = Look()
        self._layout: QByteArray | None = None
        self.desk = Desk(window, lambda _track_id: self.set_layers())
        self.snapshots = Snapshots()
        actions.add_docks(self.desk.docks)
        self.evidence = EvidenceActions(window, self, config, settings, say)

    def connect(self) -> None:
        """Let every action do something."""
        actions, desk = self._actions, self.desk
        for layer in self._layers():
            layer.toggled.connect(self.set_layers)
        actions.larger.triggered.connect(lambda: self.look.larger(1))
        actions.smaller.triggered.connect(lambda: self.look.larger(-1))
        for name, action in actions.themes.items():
            action.triggered.connect(lambda _on, name=name: self.choose_theme(name))
        actions.reset_layout.triggered.connect(desk.reset)
        actions.snapshot.triggered.connect(self.take_snapshot)
        actions.mark.triggered.connect(self.ask_for_mark)
        actions.acknowledge.triggered.connect(desk.acknowledge)
        actions.alert_before.triggered.connect(lambda: self.go_to_alert(forward=False))
        actions.alert_after.triggered.connect(lambda: self.go_to_alert(forward=True))
        actions.palette.triggered.connect(self.show_palette)
        actions.full_screen.toggled.connect(self.set_full_screen)
        actions.leave_full_screen.triggered.connect(self.step_back_out)
        actions.help.triggered.connect(self.show_help)
        self.access, self.tour = Access(self._window), Tour(self._window)
        actions.about.triggered.connect(lambda: about(self._window))
        actions.quit.triggered.connect(self._quit)
        desk.timeline.sought.connect(self._window.moments.seek)
        desk.events.picked.connect(self.go_to)
        self.snapshots.saved.connect(lambda path: self._tell(tr("Saved {path}").format(path=path)))
        self.snapshots.failed.connect(self._say)
        self.look.followed.connect(lambda: self.choose_theme(SYSTEM))
        self.look.follow(self._window)
        self.choose_theme(SYSTEM)

    def refresh(self) -> None:
        """Bring the docks up to date."""
        window = self._window
        engine, pipeline = window.player.engine, window.player.pipeline
        statuses = [] if engine is None else [view.status for view in engine.sources]
        tile = window.grid.enlarged
        self.desk.refresh(
            self.canvas.result,
            statuses,
            source_id=None if tile is None else tile.source_id,
            duration_s=None if pipeline is None else pipeline.info.duration_s,
        )
        self.evidence.refresh()

    @property
    def canvas(self) -> Canvas:
        """The picture that is looked at."""
        tile = self._window.grid.enlarged
        if tile is None and self._window.live.many:
            tile = next(iter(self._window.grid.tiles), None)
        return self._window.canvas if tile is None else tile.canvas

    def set_layers(self) -> None:
        """Draw what is ticked over all pictures."""
        heat, boxes, labels, landmarks, blur, beside = (a.isChecked() for a in self._layers())
        spare = self.desk.selected if blur else None
        layers = Layers(heat, boxes, labels, landmarks, blur, spare, beside)
        self._window.canvas.set_layers(layers)
        self._window.grid.set_layers(layers)
        self.desk.people.hide_faces(on=blur, spare=spare)

    def choose_theme(self, name: str) -> None:
        """Show that theme, or the system's."""
        self.look.choose(name)
        self._actions.themes[self.look.choice].setChecked(True)
        self._actions.show_icons()
        self.desk.set_theme(self.look.theme)

    def take_snapshot(self) -> None:
        """Save what the canvas shows."""
        image = self.canvas.snapshot()
        if image is None:
            self._tell(tr("There is no picture to save yet."))
        else:
            self.snapshots.take(image, self._window.live.age_s)

    def ask_for_mark(self) -> None:
        """Ask for a note; the mark is where the picture was when it was asked."""
        time_s = self.desk.here(self.canvas.result)
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle(tr("Mark"))
        dialog.setLabelText(tr("Note:"))
        dialog.textValueSelected.connect(lambda note: self.desk.mark(time_s, note))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def go_to_alert(self, *, forward: bool) -> None:
        """To the next or the previous alert, change or mark."""
        found = self.desk.beside(self.canvas.result, forward=forward)
        if found is None:
            self._tell(
                tr("There is no later alert.") if forward else tr("There is no earlier alert.")
            )
        else:
            self._window.moments.go_to(found)

    def go_to(self, event: Event) -> None:
        """To where that happened, if its source is still shown."""
        if event.run == self.desk.log.run:
            if event.track_id is not None:
                self.desk.select(event.track_id)
            self._window.moments.go_to(event)

    def show_palette(self) -> None:
        """Offer every action by name."""
        CommandPalette(self._window.actions(), self._window).open()

    def show_help(self) -> None:
        """How to read what is shown, and every key."""
        bar = self._window.menuBar()
        if bar is not None:
            HelpPage(bar, self._window).open()

    def step_back_out(self) -> None:
        """From an enlarged tile to all of them, then out of full screen."""
        grid = self._window.grid
        if grid.enlarged is not None:
            grid.toggle(grid.enlarged)
        else:
            self._actions.full_screen.setChecked(False)

    def set_full_screen(self, on: bool) -> None:
        """Fill the screen with the picture, or go back to the window with all its docks."""
        window = self._window
        bars: list[QWidget | None] = [window.menuBar(), window.statusBar()]
        for bar in bars:
            if bar is not None:
                bar.setVisible(not on)
        if on:
            self._layout = window.saveState()
            for dock in self.desk.docks:
                dock.hide()
            window.showFullScreen()
        else:
            window.showNormal()
            if self._layout is not None:
                window.restoreState(self._layout)
                self._layout = None

    def restore(self, settings: QSettings) -> None:
        """As it was when the window was closed; nonsense in the settings is as nothing."""
        self.choose_theme(str(settings.value("theme", SYSTEM)))
        try:
            self.look.set_scale(float(str(settings.value("text", 1.0))))
        except ValueError:
            log.warning("the size of the text in the settings is no number")
        self.desk.restore(settings)

    def save(self, settings: QSettings) -> None:
        """Keep theme, size of text and layout; of full screen, the layout behind it."""
        if self._layout is not None:
            self._window.restoreState(self._layout)
        settings.setValue("theme", self.look.choice)
        settings.setValue("text", self.look.scale)
        self.desk.save(settings)
        settings.sync()
        if settings.status() != QSettings.Status.NoError:
            log.warning("the layout was not saved: %s", redact(settings.fileName()))

    def close(self, settings: QSettings | None) -> None:
        """Keep how it was in ``settings``, and wait for what is being saved."""
        if settings is not None:
            self.save(settings)
        self.snapshots.close()
        self.evidence.close()
        self.look.close()

    def _quit(self) -> None:
        self._window.close()

    def _layers(self) -> tuple[QAction, ...]:
        a = self._actions
        return a.heat, a.boxes, a.labels, a.landmarks, a.blur, a.beside

    def _tell(self, text: str) -> None:
        mention(self._window, text)
