"""The main window: it shows what the player delivers and passes on what the viewer asks for."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from realtime import __version__
from realtime import config as settings
from realtime.config import Config
from realtime.errors import ConfigError, ExitCode, FakewatchError
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.sources import Address
from realtime.sources.listed import listed
from realtime.types import SourceState
from realtime.window.actions import Actions
from realtime.window.canvas import Canvas, Layers
from realtime.window.controls import Controls, ElidedLabel
from realtime.window.device_dialog import DeviceDialog
from realtime.window.file_play import FilePlay
from realtime.window.grid import Grid
from realtime.window.job import Wanted
from realtime.window.live_play import LivePlay
from realtime.window.messages import Banner, Rate, figures
from realtime.window.player import LiveSinks, Player
from realtime.window.start_page import StartPage
from realtime.window.states import words
from realtime.window.stream_dialog import StreamDialog

log = logging.getLogger(__name__)

JUMP_S = 5.0
_STATUS_MS = 250
_FILTER = (
    "Videos (*.mp4 *.m4v *.mov *.mkv *.webm *.avi *.mpg *.mpeg *.ts *.flv *.wmv *.ogv *.3gp)"
    ";;All files (*)"
)
_CONFIG_FILTER = "Settings (*.toml);;All files (*)"


class MainWindow(QMainWindow):
    """Everything in it is for Qt's thread, `report_trouble` excepted."""

    _trouble = Signal(str)

    def __init__(
        self,
        config: Config,
        *,
        extra_sinks: Sequence[Sink] = (),
        live_sinks: LiveSinks | None = None,
        loop: bool = False,
    ) -> None:
        super().__init__()
        self._loop = loop
        self._folder = ""
        self._error: FakewatchError | None = None
        self._last: tuple[tuple[Wanted, ...], Config | None, str] | None = None
        self._many = False
        self._rate = Rate()
        self._player = Player(config, extra_sinks, live_sinks, self.report_trouble)
        self.banner = Banner()
        self.canvas = Canvas()
        self.grid = Grid()
        self.actions_ = Actions(self)
        self.start_page = StartPage(self.actions_.beginnings)
        self.controls = Controls(self.actions_.buttons)
        self.figures = ElidedLabel()
        self.file = FilePlay(self._player, self.canvas, self.controls)
        self.live = LivePlay(self._player, self.canvas, self.grid)
        self._stack = QStackedWidget()
        self._timer = QTimer(self)
        self._build()
        self._connect()
        self._show_idle()

    @property
    def player(self) -> Player:
        """What opens and plays."""
        return self._player

    @property
    def exit_code(self) -> ExitCode:
        """OK, or that of the error if the newest source failed."""
        return ExitCode.OK if self._error is None else self._error.exit_code

    @property
    def state(self) -> SourceState | None:
        """What the source is doing, None while there is none, or while many are shown."""
        if self._player.opening:
            return SourceState.CONNECTING
        if self._player.engine is not None:
            status = self.live.status
            return None if status is None else status.state
        pipeline = self._player.pipeline
        return None if pipeline is None else pipeline.state

    def report_trouble(self, sentence: str) -> None:
        """Show an error; may be called from any thread."""
        self._trouble.emit(sentence)

    # Building

    def _build(self) -> None:
        self.setMinimumSize(560, 400)
        self.resize(1280, 860)
        self.setAcceptDrops(True)
        for page in (self.start_page, self.canvas, self.grid):
            self._stack.addWidget(page)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self._stack, 1)
        column.addWidget(self.controls)
        self.setCentralWidget(middle)
        status = self.statusBar()
        assert status is not None
        status.setSizeGripEnabled(False)
        status.setContentsMargins(8, 0, 8, 0)
        status.addWidget(self.figures, 1)
        self._timer.setInterval(_STATUS_MS)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start()

    def _connect(self) -> None:
        self._trouble.connect(self.banner.say)
        self.controls.slider.sought.connect(self.file.seek)
        self.grid.changed.connect(self._show_figures)
        self._player.opened.connect(self._on_opened)
        self._player.failed.connect(self._on_failed)
        actions = self.actions_
        actions.open.triggered.connect(self.choose_file)
        actions.open_device.triggered.connect(self.choose_device)
        actions.open_stream.triggered.connect(self.choose_stream)
        actions.open_config.triggered.connect(self.choose_config)
        actions.reopen.triggered.connect(self.reopen)
        actions.quit.triggered.connect(self._quit)
        for layer in (actions.heat, actions.boxes, actions.labels):
            layer.toggled.connect(self._set_layers)
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.leave_full_screen.triggered.connect(self._step_back_out)
        actions.play.triggered.connect(self.toggle_play)
        actions.step.triggered.connect(self.file.step)
        actions.step_back.triggered.connect(self.file.step_back)
        actions.forward.triggered.connect(lambda: self.file.seek_by(JUMP_S))
        actions.back.triggered.connect(lambda: self.file.seek_by(-JUMP_S))
        actions.home.triggered.connect(lambda: self.file.seek(0.0))
        actions.end.triggered.connect(self.file.seek_end)
        actions.shortcuts.triggered.connect(lambda: self._tell("Shortcuts", actions.help_text()))
        actions.about.triggered.connect(lambda: self._tell("About fakewatch", _ABOUT))

    # Opening

    def choose_file(self) -> None:
        """Ask for a file and open it."""
        path, _ = QFileDialog.getOpenFileName(self, "Open a video file", self._folder, _FILTER)
        if path:
            self._folder = str(Path(path).parent)
            self.open(path)

    def choose_config(self) -> None:
        """Ask for a file of settings and watch the sources in it."""
        path, _ = QFileDialog.getOpenFileName(
            self, "Watch the sources of a configuration", self._folder, _CONFIG_FILTER
        )
        if not path:
            return
        self._folder = str(Path(path).parent)
        try:
            self.open_many(settings.load(Path(path)), os.path.basename(path))
        except ConfigError as exc:
            self.banner.say(exc)

    def choose_stream(self) -> None:
        """Ask for the address of a stream and watch it."""
        dialog = StreamDialog(self)
        dialog.chosen.connect(self.open)
        dialog.open()

    def choose_device(self) -> None:
        """Show the cameras, screens and windows there are, and watch one."""
        dialog = DeviceDialog(self)
        dialog.chosen.connect(self.open)
        dialog.open()

    def open(self, source: str | Address) -> None:
        """Open a source; an answer comes later, as a picture or in the banner."""
        name = source.name if isinstance(source, Address) else _shown(source)
        self._open((Wanted("source", name, source),), None, name, many=False)

    def open_many(self, config: Config, title: str = "") -> None:
        """Watch all sources of ``config`` with its settings: a tile each if there are several.

        Raises:
            ConfigError: if it lists no source, or one that makes no sense.
        """
        found = listed(config)
        if not found:
            raise ConfigError(
                "The configuration lists no source; add [[sources]] with a url or a source."
            )
        if len(found) == 1:
            ((name, address),) = found.items()
            self._open((Wanted(name, address.name, address),), config, address.name, many=False)
            return
        wanted = tuple(Wanted(name, name, address) for name, address in found.items())
        self._open(wanted, config, redact(title) or f"{len(wanted)} sources", many=True)

    def reopen(self) -> None:
        """Open once more what was opened last."""
        if self._last is not None:
            wanted, config, title = self._last
            self._open(wanted, config, title, many=self._many)

    def _open(
        self, wanted: tuple[Wanted, ...], config: Config | None, title: str, *, many: bool
    ) -> None:
        self._last = (wanted, config, title)
        self._many = many
        self.banner.hide()
        self._error = None
        self._rate = Rate()
        self.setWindowTitle(_title(title))
        self.file.reset()
        self.live.stop()
        self._stack.setCurrentWidget(self.canvas)
        self.actions_.reopen.setEnabled(True)
        self._player.open(wanted, config)
        for bridge in self._player.bridges.values():
            bridge.changed.connect(self._show_state)
            if not many:
                bridge.arrived.connect(self._on_arrived)
        self._show_state()

    def _on_opened(self) -> None:
        self.file.opened()
        if self._player.engine is not None:
            self.live.start(many=self._many)
            self._set_layers()
            self._stack.setCurrentWidget(self.grid if self._many else self.canvas)
        if not self._many:
            self.setWindowTitle(_title(self._player.wanted[0].name))
        self._show_state()

    def _on_failed(self, error: FakewatchError) -> None:
        self._error = error
        self.banner.say(error)
        self._show_idle()

    def _show_idle(self) -> None:
        self.setWindowTitle("fakewatch")
        self.file.reset()
        self.live.stop()
        self._stack.setCurrentWidget(self.start_page)
        self._show_state()

    # Playing

    def toggle_play(self) -> None:
        """Play or pause a file; hold or release the picture of a live source."""
        if self._player.engine is not None:
            self.live.toggle_hold()
            self._show_state()
        else:
            self.file.toggle_play()

    # Showing

    def _on_arrived(self) -> None:
        bridge = self._player.bridge
        if self._player.pipeline is None and not self._player.opening:
            self.live.pull()
            return
        result = None if bridge is None else bridge.take()
        if result is not None:
            self.file.show(result)

    def _on_tick(self) -> None:
        if self._player.engine is not None:
            self.live.refresh()
            self._show_error()
        self._show_figures()

    def _show_state(self) -> None:
        live = self._player.engine is not None
        self.controls.setVisible(self._player.pipeline is not None)
        if live:
            self.live.refresh()
            self.actions_.set_live(self.live.held)
        else:
            self._show_file_state()
        self._show_error()
        self._show_figures()

    def _show_file_state(self) -> None:
        state = self.state
        # Playing can be seen, and the start page says that there is nothing.
        silent = (None, SourceState.LIVE)
        self.canvas.set_state_text("" if state in silent else words(state))
        self.actions_.set_playing(
            state is SourceState.LIVE,
            ready=self._player.pipeline is not None and state is not SourceState.FAILED,
        )
        if state is SourceState.ENDED and self._loop:
            self.file.seek(0.0)

    def _show_error(self) -> None:
        error = self._player.error
        if error is not None and error is not self._error:
            self._error = error
            # A live source says over its picture what is wrong with it.
            if self._player.engine is None:
                self.banner.say(error)

    def _show_figures(self) -> None:
        pipeline, bridge, state = self._player.pipeline, self._player.bridge, self.state
        if self._player.engine is not None:
            self.figures.set_full_text(self.live.figures())
            return
        if pipeline is None or bridge is None or state is None:
            self.figures.set_full_text(words(state))
            return
        result = self.canvas.result
        counts = pipeline.counts
        fps = self._rate.update(counts.analysed)
        age_s = None if result is None else result.age_s
        self.figures.set_full_text(figures(words(state), counts, fps, age_s, bridge.model))

    def _set_layers(self) -> None:
        actions = self.actions_
        layers = Layers(
            heat=actions.heat.isChecked(),
            boxes=actions.boxes.isChecked(),
            labels=actions.labels.isChecked(),
        )
        self.canvas.set_layers(layers)
        self.grid.set_layers(layers)

    def _step_back_out(self) -> None:
        """From an enlarged tile to all of them, then out of full screen."""
        if self.grid.enlarged is not None:
            self.grid.toggle(self.grid.enlarged)
        else:
            self.actions_.full_screen.setChecked(False)

    def _set_full_screen(self, on: bool) -> None:
        menu, status = self.menuBar(), self.statusBar()
        assert menu is not None
        assert status is not None
        menu.setVisible(not on)
        status.setVisible(not on)
        if on:
            self.showFullScreen()
        else:
            self.showNormal()

    def _quit(self) -> None:
        self.close()

    def _tell(self, title: str, text: str) -> None:
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(title)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text)
        box.open()

    # Qt's own events

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take a local file."""
        if event is not None and _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open the first local file of what was dropped."""
        path = None if event is None else _dropped(event)
        if event is not None and path is not None:
            event.acceptProposedAction()
            self.open(path)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End everything first."""
        self._timer.stop()
        self._player.close()
        super().closeEvent(event)


_ABOUT = (
    f"fakewatch {__version__}\n\n"
    "Says, face by face, how strong the evidence is that a video was forged.\n"
    "Little evidence is no proof that a face is real.\n\n"
    "fakewatch: Apache License 2.0. This window uses PyQt5, GNU General Public License 3."
)


def _shown(text: str) -> str:
    """What may be shown of a source before it was taken apart."""
    return redact(text if "://" in text else os.path.basename(text) or text)


def _title(name: str) -> str:
    # Of a path the end; and Qt reads [*] as the mark of a changed document.
    name = name if "://" in name else os.path.basename(name) or name
    return f"{name.replace('[*]', '[*][*]')} — fakewatch"


def _dropped(event: QDropEvent) -> str | None:
    data = event.mimeData()
    urls = [] if data is None else data.urls()
    return next((url.toLocalFile() for url in urls if url.isLocalFile()), None)
