"""The theme follows the system while the window is open, as Qt or the desktop's portal tell it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent
from qtpy.QtDBus import QDBusConnection
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QLineEdit, QWidget
from skimage.color import rgb2lab

from realtime.types import VerdictState
from realtime.window import canvas, notice, themes, tile
from realtime.window.main_window import MainWindow
from realtime.window.portal import Portal, reachable
from realtime.window.themes import THEMES, contrast, palette_of, state_hex, system_theme
from scripts import colour_blind

DARK = QPalette(QColor("#303030"), QColor("#202020"))
LIGHT = QPalette(QColor("#e0e0e0"), QColor("#f0f0f0"))
needs_bus = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="no session bus")


@pytest.fixture
def as_before(qapp: QApplication) -> Iterator[None]:
    """The palette that the tests began with, whatever a test says the system asks for."""
    kept = qapp.property("fakewatch_look")
    before = QPalette(qapp.palette())
    yield
    qapp.setProperty("fakewatch_look", kept)
    qapp.setPalette(before)


def shown(window: MainWindow) -> str:
    return window.palette().window().color().name()


@pytest.mark.usefixtures("as_before")
def test_other_colours_of_the_system_are_followed(window: MainWindow, qapp: QApplication) -> None:
    assert window.extras.look.choice == "system"
    for palette, name in ((DARK, "dark"), (LIGHT, "light"), (DARK, "dark")):
        qapp.setPalette(palette)
        assert window.extras.look.theme is THEMES[name]
        assert shown(window) == THEMES[name].window
        assert qapp.palette().base().color().name() == THEMES[name].base
        assert window.desk.timeline.backgroundBrush().color().name() == THEMES[name].base


@pytest.mark.usefixtures("as_before")
def test_white_on_black_is_for_high_contrast(window: MainWindow, qapp: QApplication) -> None:
    palette = QPalette(QColor("black"), QColor("black"))
    palette.setColor(QPalette.ColorRole.WindowText, QColor("white"))
    qapp.setPalette(palette)
    assert shown(window) == THEMES["high contrast"].window


@pytest.mark.usefixtures("as_before")
def test_what_was_chosen_stays(window: MainWindow, qapp: QApplication) -> None:
    window.extras.choose_theme("light")
    qapp.setPalette(DARK)
    assert shown(window) == THEMES["light"].window
    window.extras.choose_theme("system")
    assert shown(window) == THEMES["dark"].window


@pytest.mark.usefixtures("as_before")
def test_a_theme_change_lets_the_colours_of_the_system_be_seen(
    window: MainWindow, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qt tells it to the window; its own palette lies below the one that was set."""
    set_palette = qapp.setPalette
    below = {"palette": DARK}
    monkeypatch.setattr(
        window.extras.look,
        "_app",
        Below(
            qapp, lambda palette: set_palette(palette if palette.resolve() else below["palette"])
        ),
    )
    QApplication.sendEvent(window, QEvent(themes._THEME_CHANGE))
    assert shown(window) == THEMES["dark"].window
    below["palette"] = LIGHT
    QApplication.sendEvent(window, QEvent(themes._THEME_CHANGE))
    assert shown(window) == THEMES["light"].window


class Below:
    """The application, on a platform whose own palette is given: here it cannot be changed."""

    def __init__(self, app: QApplication, set_palette: object) -> None:
        self._app = app
        self.setPalette = set_palette

    def __getattr__(self, name: str) -> object:
        return getattr(self._app, name)


def test_what_the_desktop_says_goes_before_the_palette() -> None:
    assert system_theme(LIGHT, "dark") == "dark"
    assert system_theme(DARK, "light") == "light"
    assert system_theme(DARK) == "dark"
    assert system_theme(LIGHT, "light", high_contrast=True) == "high contrast"
    for theme in THEMES.values():
        assert system_theme(palette_of(theme)) == theme.name


def test_no_bus_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert not reachable()
    (tmp_path / "bus").touch()
    assert reachable()


SERVER = """
import sys
from PyQt5.QtCore import Q_CLASSINFO, QCoreApplication, QObject, QSocketNotifier, pyqtSlot
from PyQt5.QtDBus import QDBusAbstractAdaptor, QDBusConnection, QDBusMessage, QDBusVariant

PATH, NAME = "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"
VALUES = {"color-scheme": 1, "contrast": 0}


def wrapped(number):
    inner, outer = QDBusVariant(), QDBusVariant()
    inner.setVariant(number)
    outer.setVariant(inner)
    return outer


class Settings(QDBusAbstractAdaptor):
    Q_CLASSINFO("D-Bus Interface", NAME)

    @pyqtSlot(str, str, result=QDBusVariant)
    def Read(self, space, key):
        return wrapped(VALUES[key])


def tell():
    line = sys.stdin.readline().split()
    if not line:
        app.quit()
        return
    signal = QDBusMessage.createSignal(PATH, NAME, "SettingChanged")
    variant = QDBusVariant()
    variant.setVariant(int(line[1]))
    signal.setArguments(["org.freedesktop.appearance", line[0], variant])
    bus.send(signal)
    print("told", flush=True)


app = QCoreApplication(sys.argv)
bus = QDBusConnection.connectToBus(sys.argv[1], "portal")
root = QObject()
settings = Settings(root)
assert bus.registerObject(PATH, root)
assert bus.registerService("org.freedesktop.portal.Desktop")
notifier = QSocketNotifier(0, QSocketNotifier.Read)
notifier.activated.connect(tell)
print("ready", flush=True)
app.exec_()
"""


@dataclass
class Desktop:
    """A bus of its own with a portal on it that says what it is told to."""

    address: str
    portal: subprocess.Popen[str]

    def say(self, key: str, value: int) -> None:
        assert self.portal.stdin is not None
        assert self.portal.stdout is not None
        self.portal.stdin.write(f"{key} {value}\n")
        self.portal.stdin.flush()
        assert self.portal.stdout.readline() == "told\n"


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    portal = subprocess.Popen(
        [sys.executable, "-c", SERVER, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert portal.stdout is not None
        assert portal.stdout.readline() == "ready\n"
        yield Desktop(address, portal)
    finally:
        for process in (portal, daemon):
            process.terminate()
            process.communicate(timeout=30)


@needs_bus
@pytest.mark.usefixtures("as_before")
def test_the_portal_of_the_desktop_is_followed(
    window: MainWindow, desktop: Desktop, qtbot: QtBot
) -> None:
    name = f"test{time.monotonic_ns()}"
    portal = Portal(QDBusConnection.connectToBus(desktop.address, name))
    look = window.extras.look
    look.follow(window, portal)
    qtbot.waitUntil(lambda: shown(window) == THEMES["dark"].window, timeout=30_000)
    desktop.say("color-scheme", 2)
    qtbot.waitUntil(lambda: shown(window) == THEMES["light"].window, timeout=30_000)
    desktop.say("contrast", 1)
    qtbot.waitUntil(lambda: shown(window) == THEMES["high contrast"].window, timeout=30_000)
    desktop.say("contrast", 0)
    qtbot.waitUntil(lambda: shown(window) == THEMES["light"].window, timeout=30_000)
    portal.close()
    desktop.say("color-scheme", 1)
    qtbot.wait(200)
    assert shown(window) == THEMES["light"].window
    QDBusConnection.disconnectFromBus(name)


def test_a_bus_without_a_portal_changes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    portal = Portal(QDBusConnection("there is no such bus"))
    window.extras.look.follow(window, portal)
    qtbot.wait(20)
    assert portal.scheme == ""
    assert not portal.high_contrast


@pytest.mark.parametrize("kind", colour_blind.KINDS)
def test_states_differ_for_those_who_lack_a_kind_of_cone(kind: str) -> None:
    """Beside their shapes; strong and very strong share a colour and differ in shape alone."""
    colours = list(dict.fromkeys(state_hex(state) for state in VerdictState))
    assert len(colours) == 4
    pixels = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]
    there = colour_blind.seen(np.array([pixels], np.uint8), kind)
    lab = rgb2lab(there)[0]
    apart = [float(np.linalg.norm(lab[i] - lab[j])) for i in range(len(lab)) for j in range(i)]
    assert min(apart) > 10, apart


def test_without_any_colour_grey_stays_grey() -> None:
    greys = np.repeat(np.arange(0, 256, 5, np.uint8)[None, :, None], 3, axis=2)
    for kind in colour_blind.KINDS:
        assert np.abs(colour_blind.seen(greys, kind).astype(int) - greys).max() <= 1


def over(top: QColor, below: QColor) -> str:
    """``top`` with its opacity on ``below``, as ``#rrggbb``."""
    share = top.alphaF()
    pairs = zip(top.getRgb()[:3], below.getRgb()[:3], strict=True)
    return QColor(*(round(share * a + (1 - share) * b) for a, b in pairs)).name()


def ground(widget: QWidget) -> str:
    """What lies behind the text of a widget."""
    while True:
        own = widget.autoFillBackground() or isinstance(widget, (QAbstractButton, QLineEdit))
        parent = widget.parentWidget()
        if own or widget.isWindow() or parent is None:
            return widget.palette().color(widget.backgroundRole()).name()
        if parent.objectName() == "banner":
            return BANNER
        widget = parent


BANNER = "#8c3a00"
WRITTEN = (QLabel, QAbstractButton, QLineEdit)


def hard_to_read(root: QWidget) -> list[str]:
    """Each text below ``root`` with a contrast of less than 4.5 to 1."""
    found = []
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, WRITTEN) or not widget.isVisibleTo(root) or not widget.text():
            continue
        ink = widget.palette().color(widget.foregroundRole()).name()
        ratio = contrast(ink, ground(widget))
        if ratio < 4.5 and ground(widget) != BANNER:
            found.append(f"{widget.text()!r}: {ratio:.1f} ({ink} on {ground(widget)})")
    return found


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.usefixtures("as_before")
def test_every_text_can_be_read_on_every_theme(window: MainWindow, qtbot: QtBot, name: str) -> None:
    window.actions_.themes[name].trigger()
    window.banner.say("Something is wrong; mend it.")
    assert hard_to_read(window) == []
    window.actions_.tour.trigger()
    assert window.extras.tour.bubble is not None
    assert hard_to_read(window.extras.tour.bubble) == []
    window.extras.tour.end()
    window.actions_.settings.trigger()
    window.actions_.help.trigger()
    for dialog in window.findChildren(QDialog):
        if dialog.isVisible():
            assert hard_to_read(dialog) == []
            dialog.reject()
    panel = window.call.panel
    panel.show()
    assert hard_to_read(panel) == []
    panel.hide()


def test_what_is_painted_can_be_read_on_any_picture() -> None:
    assert contrast("#ffffff", BANNER) >= 4.5
    for picture in (QColor("white"), QColor("black")):
        card = over(notice._CARD, picture)
        for ink in (notice._INK, notice._PALE_INK):
            assert contrast(ink.name(), card) >= 4.5
    for ink in (tile._INK, tile._PALE_INK, tile._WARM_INK):
        assert contrast(ink.name(), tile.GROUND.name()) >= 4.5
    assert contrast(canvas._STATE_INK.name(), canvas._BACKGROUND.name()) >= 4.5


def test_a_text_that_cannot_be_read_is_found(qtbot: QtBot) -> None:
    around = QWidget()
    qtbot.addWidget(around)
    around.setPalette(palette_of(THEMES["light"]))
    label = QLabel("pale", around)
    palette = QPalette(label.palette())
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#bbbbbb"))
    label.setPalette(palette)
    around.show()
    assert len(hard_to_read(around)) == 1
