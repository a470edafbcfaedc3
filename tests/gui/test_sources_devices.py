"""Devices before they are chosen: what they show, what hangs, and regions of screens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from qtpy.QtGui import QGuiApplication, QImage, QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from realtime.config import Config
from realtime.sources import Address, SourceKind, camera
from realtime.window.device_dialog import DeviceDialog
from realtime.window.device_list import Choice
from realtime.window.main_window import MainWindow
from realtime.window.preview import Preview, small
from realtime.window.region_picker import Place, RegionPicker, pair
from realtime.window.veil import Shot, Veil, to_pixels
from tests.gui.live import items, quick, wait_for
from tests.x_server import XWindows, needs_xvfb, x_server

Key, Modifier = Qt.Key, Qt.KeyboardModifier
ODD_TITLE = "<script>alert(1)</script> & שלום"
CAMERA = Address(SourceKind.CAMERA, "/dev/video77", "C920")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with x_server("640x480") as (display, _):
        yield display


@pytest.fixture
def display(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A real screen to capture; the window itself is offscreen."""
    monkeypatch.setenv("DISPLAY", server)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    return server


class Driver:
    """In place of OpenCV's capture: one that hangs until ``go`` is set, or gives grey pictures."""

    def __init__(self, *, hangs: bool) -> None:
        self.go = threading.Event()
        self.released = threading.Event()
        if not hangs:
            self.go.set()

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self.go.wait(20.0)
        time.sleep(0.005)
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.full((48, 64, 3), 128, np.uint8)

    def get(self, _prop: int) -> float:
        return 0.0

    def set(self, _prop: int, _value: float) -> bool:
        return True

    def release(self) -> None:
        self.released.set()


@pytest.fixture
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    driver = Driver(hangs=request.param == "hangs")
    monkeypatch.setattr(camera, "_claim", lambda *_: None)
    monkeypatch.setattr(camera, "_open_capture", lambda _place: driver)
    yield driver
    driver.go.set()


def opened(dialog: DeviceDialog, qtbot: QtBot) -> DeviceDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    wait_for(qtbot, lambda: "looking …" not in [i.text(0) for i in items(dialog.tree)])
    return dialog


def colour(picture: QImage | None, x: float, y: float) -> str:
    assert picture is not None
    at = QPoint(int(x * (picture.width() - 1)), int(y * (picture.height() - 1)))
    return picture.pixelColor(at).name()


# Previews


@needs_xvfb
def test_a_window_is_shown_before_it_is_chosen(qtbot: QtBot, config: Config, display: str) -> None:
    program = XWindows(display)
    try:
        program.new("Another", 96, 64).do("move 300 20")
        window = program.new(ODD_TITLE, 128, 96)
        window.do("show 5")
        dialog = opened(DeviceDialog(None, quick(config), SourceKind.WINDOW), qtbot)
        assert dialog._selected() is not None  # the first of them, at once
        found = {item.text(0): item for item in items(dialog.tree)}
        assert "<script>" not in found[ODD_TITLE].toolTip(0)
        dialog.tree.setCurrentItem(found["Another"])
        wait_for(qtbot, lambda: dialog.preview.picture is not None)
        assert colour(dialog.preview.picture, 0.5, 0.5) == "#808080"
        dialog.tree.setCurrentItem(found[ODD_TITLE])
        assert dialog.preview.picture is None  # never the picture of another one
        assert dialog.preview.text == "Opening …"
        wait_for(qtbot, lambda: dialog.preview.picture is not None)
        shown = dialog.preview.picture
        assert (shown.width(), shown.height()) == (128, 96)
        assert {colour(shown, x / 8, 0.2) for x in range(8)} > {"#ffffff"}
        window.do("show 9")  # it is live
        wait_for(qtbot, lambda: dialog.preview.picture != shown)
        dialog.tree.setCurrentItem(found["Screen 1"])
        wait_for(qtbot, lambda: (p := dialog.preview.picture) is not None and p.width() == 533)
        window.do("close")
        dialog.tree.setCurrentItem(found[ODD_TITLE])
        wait_for(qtbot, lambda: "No window is called" in dialog.preview.text)
        dialog.reject()
    finally:
        program.end()


@needs_xvfb
@pytest.mark.parametrize("driver", ["hangs"], indirect=True)
def test_a_device_that_hangs_holds_up_neither_the_next_nor_the_end(
    qtbot: QtBot, config: Config, display: str, driver: Driver
) -> None:
    preview = Preview(quick(config))
    qtbot.addWidget(preview)
    preview.show()
    preview.show_address(CAMERA)
    wait_for(qtbot, lambda: any(t.name == "fw-device-preview" for t in threading.enumerate()))
    preview.show_address(Address(SourceKind.SCREEN, "1", "Screen 1"))
    wait_for(qtbot, lambda: preview.picture is not None)
    preview.show_address(CAMERA)
    qtbot.wait(250)
    before = time.monotonic()
    preview.stop()
    assert time.monotonic() - before < 1.0
    assert not driver.released.is_set()
    assert [thread.name for thread in preview.threads] == ["fw-preview"]  # left to its owner


@pytest.mark.parametrize("driver", ["hangs"], indirect=True)
def test_what_hangs_is_given_up_and_can_be_opened_all_the_same(
    qtbot: QtBot, config: Config, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.window.device_dialog._LET_GO_MS", 300)
    dialog = opened(DeviceDialog(None, quick(config)), qtbot)
    dialog._fill(dialog._asked, SourceKind.CAMERA, [Choice(SourceKind.CAMERA, "C920", "", CAMERA)])
    found = {item.text(0): item for item in items(dialog.tree)}
    dialog.tree.setCurrentItem(found["C920"])
    qtbot.wait(250)
    with qtbot.waitSignal(dialog.chosen, timeout=5000) as told:
        dialog.accept()
    assert told.args == [CAMERA]
    wait_for(qtbot, lambda: not dialog.isVisible())


@pytest.mark.parametrize("driver", ["works"], indirect=True)
def test_a_camera_is_let_go_of_before_it_is_opened(
    qtbot: QtBot, config: Config, driver: Driver
) -> None:
    dialog = opened(DeviceDialog(None, quick(config), SourceKind.CAMERA), qtbot)
    dialog._fill(dialog._asked, SourceKind.CAMERA, [Choice(SourceKind.CAMERA, "C920", "", CAMERA)])
    wait_for(qtbot, lambda: dialog.preview.picture is not None)
    assert colour(dialog.preview.picture, 0.5, 0.5) == "#808080"
    free: list[bool] = []
    dialog.chosen.connect(lambda _address: free.append(driver.released.is_set()))
    dialog.accept()
    dialog.accept()  # the second of two clicks
    wait_for(qtbot, lambda: not dialog.isVisible())
    assert free == [True]


def test_what_cannot_be_opened_is_said_in_place_of_the_picture(
    qtbot: QtBot, config: Config
) -> None:
    preview = Preview(quick(config))
    qtbot.addWidget(preview)
    preview.show()
    preview.show_address(CAMERA)
    wait_for(qtbot, lambda: "C920" in preview.text)
    assert preview.accessibleDescription() == preview.text
    preview.grab()
    preview.show_address(None, "It is in use; close that program.")
    assert preview.text == "It is in use; close that program."
    preview.stop()


def test_a_preview_is_small_and_true() -> None:
    image = np.zeros((2160, 3840, 3), np.uint8)
    image[:, :1920] = (0, 0, 255)
    picture = small(image)
    assert (picture.width(), picture.height()) == (640, 360)
    assert colour(picture, 0.2, 0.5) == "#ff0000"
    assert colour(picture, 0.8, 0.5) == "#000000"
    assert small(image[:48, :64]).width() == 64


def test_the_dialog_leads_to_a_region(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    window.actions_.open_window.trigger()
    (dialog,) = window.findChildren(DeviceDialog)
    (button,) = [b for b in dialog.buttons.buttons() if "region" in b.text()]
    button.click()
    wait_for(qtbot, window.banner.isVisible)
    assert "There is no screen to capture" in window.banner.text
    wait_for(qtbot, lambda: not window.findChildren(RegionPicker))


# Regions


@pytest.mark.parametrize(
    ("places", "areas", "expected"),
    [
        ([((0, 0, 1920, 1080), 1.0)], [(0, 0, 1920, 1080)], [0]),
        # Corners in pixels, sizes divided: as Qt has it on X11 and Windows.
        (
            [((3840, 0, 1920, 1080), 1.0), ((0, 0, 1920, 1080), 2.0)],
            [(0, 0, 3840, 2160), (3840, 0, 1920, 1080)],
            [1, 0],
        ),
        # Everything in points, as on macOS.
        (
            [((0, 0, 1440, 900), 2.0), ((1440, 0, 1920, 1080), 1.0)],
            [(1440, 0, 1920, 1080), (0, 0, 1440, 900)],
            [1, 0],
        ),
        ([((0, 0, 1280, 720), 1.5), ((1920, 0, 800, 600), 1.0)], [(0, 0, 1920, 1080)], [0, None]),
        ([((0, 0, 800, 800), 1.0)], [], [None]),
    ],
)
def test_screens_are_told_apart_whatever_their_ratio(
    places: list[tuple[tuple[int, int, int, int], float]],
    areas: list[tuple[int, int, int, int]],
    expected: list[int | None],
) -> None:
    assert pair([Place(area, ratio) for area, ratio in places], areas) == expected


@pytest.mark.parametrize(
    ("chosen", "room", "pixels", "expected"),
    [
        (QRect(10, 20, 300, 200), (1920, 1080), (1920, 1080), (10, 20, 300, 200)),
        (QRect(10, 20, 300, 200), (1920, 1080), (3840, 2160), (20, 40, 600, 400)),
        (QRect(11, 21, 101, 51), (1280, 720), (1920, 1080), (16, 32, 152, 76)),
        (QRect(0, 0, 1536, 864), (1536, 864), (1920, 1080), (0, 0, 1920, 1080)),
        (QRect(-5, -5, 4000, 4000), (800, 600), (1600, 1200), (0, 0, 1600, 1200)),
        (QRect(), (800, 600), (800, 600), (0, 0, 0, 0)),
    ],
)
def test_units_become_pixels_of_the_screen(
    chosen: QRect,
    room: tuple[int, int],
    pixels: tuple[int, int],
    expected: tuple[int, int, int, int],
) -> None:
    assert to_pixels(chosen, room, pixels) == expected


@pytest.fixture
def veil(qtbot: QtBot) -> Iterator[tuple[Veil, list[tuple[int, object]]]]:
    """On a screen of twice as many pixels as Qt has units, and what was taken."""
    screen = QGuiApplication.primaryScreen()
    assert screen is not None
    picture = QImage(1600, 1600, QImage.Format.Format_RGB888)
    picture.fill(0x336699)
    owner = QWidget()
    qtbot.addWidget(owner)
    veil = Veil(owner, screen, Shot(2, (1600, 0, 1600, 1600), picture))
    taken: list[tuple[int, object]] = []
    veil.taken.connect(lambda number, region: taken.append((number, region)))
    veil.resize(800, 800)
    veil.show()
    veil.begin_with_keys()
    yield veil, taken
    veil.close()


def move(veil: Veil, to: QPoint) -> None:
    """With the button held; Qt's own tests would move the pointer of a screen."""
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(QEvent.Type.MouseMove, QPointF(to), left, left, none)
    QApplication.sendEvent(veil, event)


def test_a_region_is_dragged(veil: tuple[Veil, list[tuple[int, object]]], qtbot: QtBot) -> None:
    one, taken = veil
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(one, left, pos=QPoint(300, 250))
    move(one, QPoint(200, 200))
    move(one, QPoint(100, 150))
    assert one.region == QRect(100, 150, 200, 100)
    assert "400 × 200 pixels at 200, 300" in one.accessibleDescription()
    shown = one.grab().toImage()
    ratio = shown.width() / 800
    inside = shown.pixelColor(int(200 * ratio), int(170 * ratio)).name()
    outside = shown.pixelColor(int(500 * ratio), int(500 * ratio)).lightness()
    assert inside == "#336699"
    assert outside < 60
    qtbot.mouseRelease(one, left, pos=QPoint(100, 150))
    assert taken == [(2, (200, 300, 400, 200))]


def test_a_region_that_is_too_small_is_said_and_can_be_dragged_again(
    veil: tuple[Veil, list[tuple[int, object]]], qtbot: QtBot
) -> None:
    one, taken = veil
    qtbot.mouseClick(one, Qt.MouseButton.LeftButton, pos=QPoint(300, 250))
    assert taken == []
    assert "too small; 16 pixels" in one.accessibleDescription()
    qtbot.mousePress(one, Qt.MouseButton.LeftButton, pos=QPoint(1, 0))
    assert "too small" not in one.accessibleDescription()
    qtbot.mouseRelease(one, Qt.MouseButton.LeftButton, pos=QPoint(2000, 2000))
    assert taken == [(2, (2, 0, 1598, 1600))]


def test_a_region_is_chosen_without_a_mouse(
    veil: tuple[Veil, list[tuple[int, object]]], qtbot: QtBot
) -> None:
    one, taken = veil
    assert one.pixels == (400, 400, 800, 800)  # the middle of the screen
    qtbot.keyClick(one, Key.Key_Left)
    qtbot.keyClick(one, Key.Key_Down)
    assert one.pixels == (380, 420, 800, 800)
    qtbot.keyClick(one, Key.Key_Right, Modifier.ShiftModifier)
    qtbot.keyClick(one, Key.Key_Up, Modifier.ShiftModifier | Modifier.ControlModifier)
    assert one.pixels == (380, 420, 820, 798)
    for _ in range(100):
        qtbot.keyClick(one, Key.Key_Left)
        qtbot.keyClick(one, Key.Key_Down, Modifier.ShiftModifier)
    assert one.pixels == (0, 420, 820, 1180)  # not beyond the screen
    for _ in range(100):
        qtbot.keyClick(one, Key.Key_Left, Modifier.ShiftModifier)
    assert one.pixels[2] == 20
    qtbot.keyClick(one, Key.Key_Return)
    assert taken == [(2, (0, 420, 20, 1180))]
    with qtbot.waitSignal(one.cancelled):
        qtbot.keyClick(one, Key.Key_Escape)
    with qtbot.waitSignal(one.passed):
        qtbot.keyClick(one, Key.Key_Tab)


@needs_xvfb
def test_from_the_shortcut_to_a_picture_of_the_region(
    qtbot: QtBot, config: Config, display: str
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    program = XWindows(display)
    try:
        program.new("call", 640, 480)
        window.actions_.open_region.trigger()
        window.actions_.open_region.trigger()  # a second one is not begun
        picker = window.findChild(RegionPicker)
        wait_for(qtbot, lambda: bool(picker.veils))
        (veil,) = picker.veils
        assert veil.isVisible()
        qtbot.keyClick(veil, Key.Key_Escape)
        assert window.asked is None
        wait_for(qtbot, lambda: not window.findChildren(RegionPicker))
        window.actions_.open_region.trigger()
        picker = window.findChild(RegionPicker)
        wait_for(qtbot, lambda: bool(picker.veils))
        qtbot.keyClick(picker.veils[0], Key.Key_Tab)  # the only screen stays
        qtbot.keyClick(picker.veils[0], Key.Key_Return)
        wait_for(qtbot, lambda: window.canvas.result is not None)
        assert window.canvas.result.frame.image.shape == (240, 320, 3)
        assert (window.canvas.result.frame.image == 128).all()
        (recent,) = window.sources.recents.all
        assert recent.label == "Screen 1, 320 × 240 at 160, 120"
        assert window.windowTitle() == f"{recent.label} — fakewatch"
        window.actions_.open_region.trigger()
        window.close()  # while the pictures are taken
    finally:
        program.end()


@needs_xvfb
def test_a_real_pointer_on_a_real_screen_gives_its_pixels(server: str) -> None:
    corners = (96, 60, 396, 300)
    program = subprocess.run(
        [sys.executable, "-m", "tests.gui.region_program", *map(str, corners)],
        cwd=Path(__file__).resolve().parents[2],
        env={
            **os.environ,
            "DISPLAY": server,
            "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": "1.5",
            "QT_ENABLE_HIGHDPI_SCALING": "1",
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert program.returncode == 0, program.stderr
    region = [int(word) for word in program.stdout.split()]
    assert region == pytest.approx([96, 60, 300, 240], abs=1.5)
