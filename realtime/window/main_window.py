"""The main window: it shows what the player delivers and passes on what the viewer asks for."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSettings, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from realtime.config import Config
from realtime.errors import ExitCode, FakewatchError
from realtime.sinks.base import Sink
from realtime.sources import Address
from realtime.types import SourceState
from realtime.window import request
from realtime.window.actions import Actions
from realtime.window.canvas import Canvas
from realtime.window.closer_look import CloserLook
from realtime.window.controls import Controls, ElidedLabel
from realtime.window.extras import Extras
from realtime.window.file_play import FilePlay
from realtime.window.grid import Grid
from realtime.window.live_call import LiveCall
from realtime.window.live_play import LivePlay
from realtime.window.messages import Banner
from realtime.window.moments import Moments
from realtime.window.player import LiveSinks, Player
from realtime.window.sources import Sources
from realtime.window.states import words

_STATUS_MS = 250


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
        settings: QSettings | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._loop = loop
        self._error: FakewatchError | None = None
        self._request: request.Request | None = None
        self._player = Player(config, extra_sinks, live_sinks, self.report_trouble)
        self.banner = Banner()
        self.canvas = Canvas()
        self.grid = Grid()
        self.actions_ = Actions(self)
        self.controls = Controls(self.actions_.buttons)
        self.figures = ElidedLabel()
        self.file = FilePlay(self._player, self.canvas, self.controls)
        self.live = LivePlay(self._player, self.canvas, self.grid)
        self.sources = Sources(self, self.actions_, config, settings, self.banner.say)
        self.start_page = self.sources.page
        self.extras = Extras(self, self.actions_, config, settings, self.banner.say)
        self.desk = self.extras.desk
        self.moments = Moments(self)
        self.closer = CloserLook(self)
        self.call = LiveCall(self, self.actions_, settings)
        self._stack = QStackedWidget()
        self._timer = QTimer(self)
        self._build()
        self._connect()
        self.extras.connect()
        self.sources.connect()
        self._show_idle()
        if settings is not None:
            self.extras.restore(settings)

    @property
    def player(self) -> Player:
        """What opens and plays."""
        return self._player

    @property
    def asked(self) -> request.Request | None:
        """What was asked for last."""
        return self._request

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

    @property
    def _many(self) -> bool:
        """Whether each source has a tile of its own."""
        return self._request is not None and self._request.many

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
        self.grid.changed.connect(self._show_figures)
        self._player.opened.connect(self._on_opened)
        self._player.failed.connect(self._on_failed)
        actions = self.actions_
        actions.reopen.triggered.connect(self.reopen)
        actions.start_stop.triggered.connect(self.start_or_stop)
        actions.play.triggered.connect(self.toggle_play)

    # Opening

    def open(self, source: str | Address) -> None:
        """Open a source; an answer comes later, as a picture or in the banner."""
        self._open(request.one(source))

    def open_many(self, config: Config, title: str = "") -> None:
        """Watch all sources of ``config`` with its settings: a tile each if there are several.

        Raises:
            ConfigError: if it lists no source, or one that makes no sense.
        """
        self._open(request.all_of(config, title))

    def reopen(self) -> None:
        """Open once more what was opened last."""
        if self._request is not None:
            self._open(self._request)

    def start_or_stop(self) -> None:
        """Stop what runs, or else open once more what was opened last."""
        if self._player.pipeline is None and self._player.engine is None:
            self.reopen()
        else:
            self._player.stop()
            self._show_idle()

    def _open(self, wanted: request.Request) -> None:
        self._request = wanted
        self.banner.hide()
        self._error = None
        self.setWindowTitle(wanted.title)
        self.file.reset()
        self.live.stop()
        self._stack.setCurrentWidget(self.canvas)
        self.actions_.reopen.setEnabled(True)
        self.actions_.start_stop.setEnabled(True)
        self._player.open(wanted.wanted, wanted.config)
        self.desk.start(self._player)
        for bridge in self._player.bridges.values():
            bridge.changed.connect(self._show_state)
            if not wanted.many:
                bridge.arrived.connect(self._on_arrived)
        self._show_state()

    def _on_opened(self) -> None:
        self.file.opened()
        if self._player.engine is not None:
            self.live.start(many=self._many)
            self.extras.set_layers()
            self._stack.setCurrentWidget(self.grid if self._many else self.canvas)
        if not self._many:
            self.setWindowTitle(request.title_of(self._player.wanted[0].name))
            self._on_arrived()  # a picture may have come before anybody listened
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
        self.extras.refresh()
        self.moments.refresh()
        self.sources.refresh()
        self.call.refresh()
        self._show_figures()

    def _show_state(self) -> None:
        live = self._player.engine is not None
        self.controls.setVisible(self._player.pipeline is not None)
        if live:
            self.live.refresh()
            self.moments.show()
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
        live = self._player.engine is not None
        self.figures.set_full_text(self.live.figures() if live else self.file.figures(self.state))

    # Qt's own events

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take what can be opened."""
        self.sources.drag(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open the first of what was dropped."""
        self.sources.drop(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End everything first."""
        self._timer.stop()
        self.call.close()
        self.live.stop()
        self.sources.close()
        self.extras.close(self._settings)
        self._player.close()
        super().closeEvent(event)
