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
from realtime.config import Config
from realtime.errors import ExitCode, FakewatchError
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.types import FrameResult, SourceState
from realtime.window.actions import Actions
from realtime.window.canvas import Canvas, Layers
from realtime.window.controls import Controls, ElidedLabel
from realtime.window.messages import Banner, Rate, StartPage, figures, words
from realtime.window.player import Player

log = logging.getLogger(__name__)

JUMP_S = 5.0
_STATUS_MS = 250
_FILTER = (
    "Videos (*.mp4 *.m4v *.mov *.mkv *.webm *.avi *.mpg *.mpeg *.ts *.flv *.wmv *.ogv *.3gp)"
    ";;All files (*)"
)


class MainWindow(QMainWindow):
    """Everything in it is for Qt's thread, `report_trouble` excepted."""

    _trouble = Signal(str)

    def __init__(
        self, config: Config, *, extra_sinks: Sequence[Sink] = (), loop: bool = False
    ) -> None:
        super().__init__()
        self._loop = loop
        self._folder = ""
        self._error: FakewatchError | None = None
        self._told: FakewatchError | None = None
        # Where a seek goes that no frame has answered yet, and the epoch it started from.
        self._target_s: float | None = None
        self._epoch_before = 0
        self._rate = Rate()
        self._age_s: float | None = None
        self._player = Player(config, extra_sinks)
        self.banner = Banner()
        self.canvas = Canvas()
        self.start_page = StartPage()
        self.actions_ = Actions(self)
        self.controls = Controls(self.actions_.buttons)
        self.figures = ElidedLabel()
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
        """What the source is doing, None while there is none."""
        if self._player.opening:
            return SourceState.CONNECTING
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
        self._stack.addWidget(self.start_page)
        self._stack.addWidget(self.canvas)
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
        self._timer.timeout.connect(self._show_figures)
        self._timer.start()

    def _connect(self) -> None:
        self._trouble.connect(self.banner.say)
        self.start_page.asked.connect(self.choose_file)
        self.controls.slider.sought.connect(self.seek)
        self._player.opened.connect(self._on_opened)
        self._player.failed.connect(self._on_failed)
        actions = self.actions_
        actions.open.triggered.connect(self.choose_file)
        actions.quit.triggered.connect(self._quit)
        for layer in (actions.heat, actions.boxes, actions.labels):
            layer.toggled.connect(self._set_layers)
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.leave_full_screen.triggered.connect(lambda: actions.full_screen.setChecked(False))
        actions.play.triggered.connect(self.toggle_play)
        actions.step.triggered.connect(self.step)
        actions.step_back.triggered.connect(self.step_back)
        actions.forward.triggered.connect(lambda: self._seek_by(JUMP_S))
        actions.back.triggered.connect(lambda: self._seek_by(-JUMP_S))
        actions.home.triggered.connect(lambda: self.seek(0.0))
        actions.end.triggered.connect(self._seek_end)
        actions.shortcuts.triggered.connect(lambda: self._tell("Shortcuts", actions.help_text()))
        actions.about.triggered.connect(lambda: self._tell("About fakewatch", _ABOUT))

    # Opening

    def choose_file(self) -> None:
        """Ask for a file and open it."""
        path, _ = QFileDialog.getOpenFileName(self, "Open a video file", self._folder, _FILTER)
        if path:
            self._folder = str(Path(path).parent)
            self.open(path)

    def open(self, text: str) -> None:
        """Open a source; an answer comes later, as a picture or in the banner."""
        self.banner.hide()
        self._error = self._told = None
        self._target_s = self._age_s = None
        self._rate = Rate()
        self.setWindowTitle(f"{_title(text)} — fakewatch")
        self.controls.set_source(None)
        self.canvas.show_result(None)
        self._stack.setCurrentWidget(self.canvas)
        self._player.open(text)
        bridge = self._player.bridge
        assert bridge is not None
        bridge.arrived.connect(self._on_arrived)
        bridge.changed.connect(self._show_state)
        self._show_state()

    def _on_opened(self) -> None:
        pipeline = self._player.pipeline
        if pipeline is not None:
            info = pipeline.info
            self.controls.set_source(info.duration_s, seekable=info.seekable)
        self._show_state()

    def _on_failed(self, error: FakewatchError) -> None:
        self._error = error
        self.banner.say(error)
        self._show_idle()

    def _show_idle(self) -> None:
        self.setWindowTitle("fakewatch")
        self.controls.set_source(None)
        self.canvas.show_result(None)
        self._stack.setCurrentWidget(self.start_page)
        self._show_state()

    # Playing

    def toggle_play(self) -> None:
        """Play or pause; from the end, play again."""
        pipeline, state = self._player.pipeline, self.state
        if pipeline is None:
            return
        if state is SourceState.ENDED:
            pipeline.resume()
            self.seek(0.0)
        elif state is SourceState.PAUSED:
            pipeline.resume()
        else:
            pipeline.pause()

    def step(self) -> None:
        """Pause, one frame on."""
        if self._player.pipeline is not None:
            self._player.pipeline.step()

    def step_back(self) -> None:
        """Pause, one frame back."""
        if self._player.pipeline is not None:
            self._player.pipeline.step_back()

    def seek(self, time_s: float) -> None:
        """Go to that time, held to the length of the source."""
        pipeline = self._player.pipeline
        if pipeline is None or not pipeline.info.seekable:
            return
        time_s = max(0.0, min(time_s, pipeline.info.duration_s or time_s))
        shown = self.canvas.result
        self._epoch_before = -1 if shown is None else shown.frame.epoch
        self._target_s = time_s
        self.controls.set_time(time_s)
        pipeline.seek(time_s)

    def _seek_by(self, seconds: float) -> None:
        shown = self.canvas.result
        here = 0.0 if shown is None else shown.frame.time_s
        self.seek((here if self._target_s is None else self._target_s) + seconds)

    def _seek_end(self) -> None:
        pipeline = self._player.pipeline
        if pipeline is not None and pipeline.info.duration_s:
            self.seek(pipeline.info.duration_s)

    # Showing

    def _on_arrived(self) -> None:
        bridge = self._player.bridge
        result = None if bridge is None else bridge.take()
        if result is not None:
            self._show(result)

    def _show(self, result: FrameResult) -> None:
        self.canvas.show_result(result)
        self._age_s = result.age_s
        if self._target_s is not None and result.frame.epoch == self._epoch_before:
            return  # from before the jump: the slider stays where the viewer put it
        self._target_s = None
        self.controls.set_time(result.frame.time_s)

    def _show_state(self) -> None:
        state = self.state
        # Playing can be seen, and the start page says that there is nothing.
        silent = (None, SourceState.LIVE)
        self.canvas.set_state_text("" if state in silent else words(state))
        self.actions_.set_playing(
            state is SourceState.LIVE,
            ready=self._player.pipeline is not None and state is not SourceState.FAILED,
        )
        self._show_error()
        self._show_figures()
        if state is SourceState.ENDED and self._loop:
            self.seek(0.0)

    def _show_error(self) -> None:
        pipeline = self._player.pipeline
        error = None if pipeline is None else pipeline.error
        if error is not None and error is not self._told:
            self._told = self._error = error
            self.banner.say(error)

    def _show_figures(self) -> None:
        pipeline, bridge, state = self._player.pipeline, self._player.bridge, self.state
        if pipeline is None or bridge is None or state is None:
            self.figures.set_full_text(words(state))
            return
        counts = pipeline.counts
        fps = self._rate.update(counts.analysed)
        self.figures.set_full_text(figures(state, counts, fps, self._age_s, bridge.model))

    def _set_layers(self) -> None:
        actions = self.actions_
        self.canvas.set_layers(
            Layers(
                heat=actions.heat.isChecked(),
                boxes=actions.boxes.isChecked(),
                labels=actions.labels.isChecked(),
            )
        )

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


def _title(text: str) -> str:
    # Qt reads [*] as the mark of a changed document.
    return redact(os.path.basename(text) or text).replace("[*]", "[*][*]")


def _dropped(event: QDropEvent) -> str | None:
    data = event.mimeData()
    urls = [] if data is None else data.urls()
    return next((url.toLocalFile() for url in urls if url.isLocalFile()), None)
