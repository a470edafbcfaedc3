"""Sends notifications to the desktop: through D-Bus where there is one, else through the tray."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qtpy.QtCore import QMetaType, QObject, QVariant, Signal

log = logging.getLogger(__name__)

_SERVICE: Final = "org.freedesktop.Notifications"
_PATH: Final = "/org/freedesktop/Notifications"
_WAIT_MS: Final = 2000
_SHOWN_MS: Final = 8000


@dataclass(frozen=True, slots=True)
class Notification:
    """Title and text, plain."""

    title: str
    text: str


class Notifier(QObject):
    """``sent`` says which way a notification went: ``dbus``, ``tray`` or ``none``.

    ``beside_tray`` shows a message beside the icon of the tray, and says whether it could.
    """

    sent = Signal(str)

    def __init__(
        self, beside_tray: Callable[[str, str], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._beside_tray = beside_tray

    def send(self, what: Notification) -> None:
        """Show it; returns at once. Where there is no way to, it is in the events all the same."""
        if not self._by_dbus(what):
            self._by_tray(what)

    def _by_tray(self, what: Notification) -> None:
        self.sent.emit("tray" if self._beside_tray(what.title, what.text) else "none")

    def _by_dbus(self, what: Notification) -> bool:
        """Ask the notification service of the desktop; False if there is nobody to ask."""
        if not session_bus():
            return False
        try:
            from qtpy import QtDBus  # noqa: PLC0415 - not on every system
        except ImportError:
            return False
        bus = QtDBus.QDBusConnection.sessionBus()
        if not bus.isConnected():
            return False
        message = QtDBus.QDBusMessage.createMethodCall(_SERVICE, _PATH, _SERVICE, "Notify")
        replaces = QVariant(0)
        replaces.convert(QVariant.UInt)
        actions = QtDBus.QDBusArgument()
        actions.beginArray(QMetaType.QString)
        actions.endArray()
        title, text = what.title, what.text
        message.setArguments(
            ["fakewatch", replaces, "", title, text, actions, {"urgency": 1}, _SHOWN_MS]
        )
        watcher = QtDBus.QDBusPendingCallWatcher(bus.asyncCall(message, _WAIT_MS), self)

        def answered() -> None:
            failed = QtDBus.QDBusPendingReply(watcher).isError()
            watcher.deleteLater()
            if failed:
                log.debug("the desktop has no notification service")
                self._by_tray(what)
            else:
                self.sent.emit("dbus")

        watcher.finished.connect(answered)
        return True


def session_bus() -> bool:
    """Whether there is a session bus: Qt would start one where there is none."""
    if not sys.platform.startswith("linux"):
        return False
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and (Path(str(runtime)) / "bus").exists()
