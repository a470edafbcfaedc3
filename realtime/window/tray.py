"""The state beside the clock: a shape, a tool tip in words, and a menu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QAction, QMenu, QSystemTrayIcon, QWidget

from realtime.window import state_icon
from realtime.window.call_state import CallState
from realtime.window.live_panel import kind_of
from realtime.window.translate import tr

_LOOK_EVERY: Final = 20
"""Calls of `show_state` between two looks whether the system has a tray by now."""
_MESSAGE_MS: Final = 8000


class Tray(QObject):
    """``clicked``: on the icon itself. Without a tray all of this does nothing.

    ``actions`` are the entries of the menu from above, None for a line between them.
    """

    clicked = Signal()

    def __init__(self, parent: QWidget, actions: Sequence[QAction | None]) -> None:
        super().__init__(parent)
        self.menu = QMenu(parent)
        for action in actions:
            if action is None:
                self.menu.addSeparator()
            else:
                self.menu.addAction(action)
        self.kind = ""
        self._looked = 0
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._on_activated)
        self.icon.messageClicked.connect(self.clicked)

    @property
    def shown(self) -> bool:
        """Whether there is a tray with the icon in it."""
        return self.icon.isVisible() and QSystemTrayIcon.isSystemTrayAvailable()

    @property
    def tip(self) -> str:
        """What the icon says in words."""
        return self.icon.toolTip()

    def show_state(self, state: CallState) -> None:
        """Show this from now on; a tray that appears later is found."""
        kind = kind_of(state)
        if kind != self.kind:
            self.kind = kind
            self.icon.setIcon(state_icon.icon(kind))
        text = "\n".join(part for part in (f"fakewatch: {state.headline}", _who(state)) if part)
        if text != self.icon.toolTip():
            self.icon.setToolTip(text)
        self._looked += 1
        look = not self.icon.isVisible() and self._looked % _LOOK_EVERY == 1
        if look and QSystemTrayIcon.isSystemTrayAvailable():
            self.icon.show()

    def message(self, title: str, text: str) -> bool:
        """Show a message beside the icon; False where that is not possible."""
        if not (self.shown and QSystemTrayIcon.supportsMessages()):
            return False
        self.icon.showMessage(title, text, state_icon.icon(self.kind), _MESSAGE_MS)
        return True

    def close(self) -> None:
        """Take the icon away."""
        self.icon.hide()

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (
            QSystemTrayIcon.ActivationReason.Trigger,
            QSystemTrayIcon.ActivationReason.DoubleClick,
        ):
            self.clicked.emit()


def _who(state: CallState) -> str:
    if state.paused or state.gravest is None:
        return state.source
    more = len(state.people) - 1
    others = tr("+{count} more").format(count=more) if more > 0 else ""
    return " ".join(part for part in (state.gravest.who, others) if part)
