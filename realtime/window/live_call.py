"""What somebody in a call needs beside the window: panel, tray, notifications, a pause of all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QAction

from realtime.window import notification_settings, placing
from realtime.window.actions import Actions
from realtime.window.call_state import CallState, call_state
from realtime.window.challenges import Challenges
from realtime.window.live_panel import LivePanel
from realtime.window.notification_policy import NotificationPolicy, notification
from realtime.window.notification_settings import NotificationSettings
from realtime.window.notifications import Notifier
from realtime.window.translate import tr
from realtime.window.tray import Tray

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow


class LiveCall:
    """Belongs to ``window``; ``refresh`` is to be called several times a second."""

    def __init__(self, window: MainWindow, actions: Actions, settings: QSettings | None) -> None:
        self._window = window
        self._settings = settings
        self._play = actions.play
        # Esc puts the panel away, and the space bar presses its buttons.
        self._not_in_panel = (actions.play, actions.leave_full_screen)
        menu = actions.tools
        menu.addSeparator()
        self.show_panel = actions.add(menu, tr("&Live panel"), "Ctrl+T", checked=False)
        self.pause = actions.add(menu, tr("&Pause all analysis"), "Ctrl+Shift+Space")
        self.pause.setEnabled(False)
        self.challenges = Challenges(window, actions)
        self.to_window = QAction(tr("Show the &window"), window)
        self.to_window.setToolTip(tr("Back to the main window"))
        self.quick_mark = QAction(tr("Mark this moment"), window)
        self.quick_mark.setToolTip(tr("Mark this moment, without a note"))
        self.panel = LivePanel(
            [
                (self.pause, "pause"),
                (self.quick_mark, "mark"),
                (actions.snapshot, "snapshot"),
                (self.challenges.action, "call"),
                (self.to_window, "window"),
            ]
        )
        entries = [self.to_window, self.show_panel, self.pause, None, actions.quit]
        self.tray = Tray(window, entries)
        self.policy = NotificationPolicy(notification_settings.load(settings))
        self.notifier = Notifier(self.tray.message, window)
        self.state = CallState()
        self._seen = 0
        self._closed = False
        self._connect()

    def set_notifications(self, wanted: NotificationSettings) -> None:
        """Notify by these from now on."""
        self.policy.settings = wanted

    def refresh(self) -> None:
        """Show what is new everywhere, and notify of it."""
        window = self._window
        player = window.player
        self.state = call_state(player, time.monotonic())
        self._show_pause()
        self.tray.show_state(self.state)
        if self.panel.isVisible():
            self.panel.keep_out_of(placing.watched([one.source for one in player.wanted]))
            self.panel.show_state(self.state)
        self.challenges.refresh()
        for event in window.desk.log.events:
            if event.number > self._seen:
                self._seen = event.number
                self.policy.take(event)
        due = self.policy.due()
        if due:
            self.notifier.send(notification(due, player.wanted))

    def toggle_pause(self) -> None:
        """Stop all analysis, or go on with it."""
        player = self._window.player
        player.pause(on=not player.paused)
        self.refresh()

    def close(self) -> None:
        """Put everything away; the panel remembers where it was."""
        if self._closed:
            return
        self._closed = True
        if self._settings is not None:
            self.panel.save(self._settings)
        self.challenges.close()
        self.tray.close()
        self.panel.hidden.disconnect()
        self.panel.release()
        self.panel.close()
        self.panel.deleteLater()

    def _connect(self) -> None:
        self.show_panel.toggled.connect(self._on_panel)
        self.pause.triggered.connect(self.toggle_pause)
        self.to_window.triggered.connect(self._to_window)
        self.quick_mark.triggered.connect(self._mark)
        self.tray.clicked.connect(self._to_window)
        self.panel.hidden.connect(lambda: self.show_panel.setChecked(False))
        self._play.triggered.connect(self._on_play)
        if self._settings is not None:
            self.panel.restore(self._settings)

    def _on_panel(self, shown: bool) -> None:
        if not shown:
            self.panel.hide()
            return
        # So that the other keys of the window work in the panel as well.
        keys = [a for a in self._window.actions() if a not in self._not_in_panel]
        self.panel.addActions(keys)
        wanted = self._window.player.wanted
        self.panel.keep_out_of(placing.watched([one.source for one in wanted]))
        self.panel.show_up()
        self.refresh()

    def _on_play(self) -> None:
        """Who plays a file on wants no pause any more."""
        player = self._window.player
        if player.paused and player.pipeline is not None:
            player.pause(on=False)

    def _to_window(self) -> None:
        window = self._window
        if window.isMinimized():
            window.showNormal()
        window.show()
        window.raise_()
        window.activateWindow()

    def _mark(self) -> None:
        window = self._window
        window.desk.mark(window.desk.here(window.extras.canvas.result), "")

    def _show_pause(self) -> None:
        player = self._window.player
        running = player.opening or player.pipeline is not None or player.engine is not None
        self.pause.setEnabled(running)
        text = tr("&Go on with the analysis") if player.paused else tr("&Pause all analysis")
        if self.pause.text() != text:
            self.pause.setText(text)
            keys = self.pause.shortcut().toString()
            self.pause.setToolTip(f"{text.replace('&', '')} ({keys})")
        self.panel.show_button(0, "start" if player.paused else "pause")
