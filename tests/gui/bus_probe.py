"""Sends one notification on the session bus and prints which way it went, and what arrived.

    dbus-run-session -- python -m tests.gui.bus_probe [service]

With ``service`` there is somebody on the bus who takes notifications.
"""

from __future__ import annotations

import sys
import time

from qtpy import QtDBus
from qtpy.QtCore import Q_CLASSINFO, QCoreApplication, QObject, Slot

from realtime.window.notifications import Notification, Notifier

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"


class Service(QObject):
    """Takes notifications as a desktop does, by the signature of its interface."""

    Q_CLASSINFO("D-Bus Interface", NAME)

    @Slot(QtDBus.QDBusMessage)
    def Notify(self, message: QtDBus.QDBusMessage) -> None:
        print("signature", message.signature())
        print("arrived", message.arguments()[3:5])


def main() -> None:
    application = QCoreApplication(sys.argv)
    service = Service()
    if "service" in sys.argv:
        kind = QtDBus.QDBusConnection.BusType.SessionBus
        bus = QtDBus.QDBusConnection.connectToBus(kind, "service")
        options = QtDBus.QDBusConnection.RegisterOption.ExportAllSlots
        assert bus.registerService(NAME)
        assert bus.registerObject(PATH, service, options)
    ways: list[str] = []
    notifier = Notifier(lambda _title, _text: True)
    notifier.sent.connect(ways.append)
    notifier.send(Notification("Title", "Text <b>"))
    until = time.monotonic() + 20
    while not ways and time.monotonic() < until:
        application.processEvents()
        time.sleep(0.01)
    print("way", *ways)


if __name__ == "__main__":
    main()
