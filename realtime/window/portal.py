"""What the desktop asks for, light or dark or high contrast, told over D-Bus while it changes.

Qt 5 itself learns this from GTK's and KDE's plugins alone; the portal is what all of them have.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from qtpy.QtCore import QObject, Signal, Slot
from qtpy.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher, QDBusPendingReply

SERVICE: Final = "org.freedesktop.portal.Desktop"
PATH: Final = "/org/freedesktop/portal/desktop"
INTERFACE: Final = "org.freedesktop.portal.Settings"
NAMESPACE: Final = "org.freedesktop.appearance"
_SCHEMES: Final = {1: "dark", 2: "light"}


def reachable() -> bool:
    """Whether there is a session bus; to ask for one would start one where there is none."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(folder) and (Path(folder) / "bus").exists()


def portal_of_session() -> Portal | None:
    """The portal of the session, None where there is no session bus."""
    return Portal(QDBusConnection.sessionBus()) if reachable() else None


class Portal(QObject):
    """``changed`` tells that ``scheme`` or ``high_contrast`` are something else now.

    Without a portal on ``bus`` both stay as they are: nothing is asked for.
    """

    changed = Signal()

    def __init__(self, bus: QDBusConnection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scheme = ""
        self.high_contrast = False
        self._bus = bus
        if not bus.isConnected():
            return
        bus.connect(SERVICE, PATH, INTERFACE, "SettingChanged", self._on_changed)
        for key in ("color-scheme", "contrast"):
            call = QDBusMessage.createMethodCall(SERVICE, PATH, INTERFACE, "Read")
            call.setArguments([NAMESPACE, key])
            watcher = QDBusPendingCallWatcher(bus.asyncCall(call), self)
            watcher.setObjectName(key)
            watcher.finished.connect(self._on_read)

    def close(self) -> None:
        """Hear of no more changes."""
        if self._bus.isConnected():
            self._bus.disconnect(SERVICE, PATH, INTERFACE, "SettingChanged", self._on_changed)

    def _on_read(self, watcher: QDBusPendingCallWatcher) -> None:
        reply = QDBusPendingReply(watcher)
        arguments = [] if reply.isError() else reply.reply().arguments()
        if arguments:
            self._take(watcher.objectName(), arguments[0])
        watcher.deleteLater()

    @Slot(QDBusMessage)
    def _on_changed(self, message: QDBusMessage) -> None:
        arguments = message.arguments()
        if len(arguments) == 3 and arguments[0] == NAMESPACE:
            self._take(str(arguments[1]), arguments[2])

    def _take(self, key: str, value: Any) -> None:
        before = (self.scheme, self.high_contrast)
        while hasattr(value, "variant"):  # one variant within another
            value = value.variant()
        if not isinstance(value, int):
            return
        if key == "color-scheme":
            self.scheme = _SCHEMES.get(value, "")
        elif key == "contrast":
            self.high_contrast = value == 1
        if before != (self.scheme, self.high_contrast):
            self.changed.emit()
