"""The tour: it comes once, goes at a key, points at what it speaks of and can be read aloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QRect, QSettings, Qt
from qtpy.QtWidgets import QApplication

from realtime.config import Config
from realtime.window.bubble import Bubble, place
from realtime.window.main_window import MainWindow
from realtime.window.themes import THEMES, contrast

Key = Qt.Key
ROOM = QRect(0, 0, 1000, 700)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


def bubble(window: MainWindow) -> Bubble:
    shown = window.extras.tour.bubble
    assert shown is not None
    return shown


def rect_of(window: MainWindow, of: Bubble) -> QRect:
    return QRect(of.mapTo(window, QPoint(0, 0)), of.size())


def test_it_comes_once(window: MainWindow, settings: QSettings) -> None:
    tour = window.extras.tour
    tour.first_time(settings)
    assert tour.bubble is not None
    tour.end()
    again = QSettings(settings.fileName(), QSettings.Format.IniFormat)
    tour.first_time(again)
    assert tour.bubble is None
    window.actions_.tour.trigger()
    assert tour.bubble is not None


def test_a_window_of_a_test_or_script_has_none(config: Config, qtbot: QtBot) -> None:
    window = MainWindow(config)
    qtbot.addWidget(window)
    window.show()
    qtbot.wait(50)
    assert window.extras.tour.bubble is None
    window.close()


def test_keys_lead_through_it_and_out(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.tour.trigger()
    shown = bubble(window)
    assert shown.hasFocus()
    said = [shown.accessibleName()]
    for key in (Key.Key_Right, Key.Key_Return, Key.Key_Space, Key.Key_Right):
        qtbot.keyClick(shown, key)
        said.append(shown.accessibleName())
        assert shown.hasFocus()
    assert shown.at == 4
    assert len(set(said)) == 5
    qtbot.keyClick(shown, Key.Key_Left)
    assert shown.at == 3
    qtbot.keyClick(shown, Key.Key_Right)
    qtbot.keyClick(shown, Key.Key_Right)
    assert window.extras.tour.bubble is None


def test_escape_ends_it_wherever_the_focus_is(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.tour.trigger()
    qtbot.keyClick(bubble(window), Key.Key_Escape)
    assert window.extras.tour.bubble is None
    window.actions_.tour.trigger()
    window.desk.people.setFocus()
    qtbot.keyClick(window.desk.people, Key.Key_Escape)
    assert window.extras.tour.bubble is None


def test_buttons_do_the_same_with_mouse_and_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    window.desk.events.setFocus()
    window.actions_.tour.trigger()
    shown = bubble(window)
    assert not shown.back.isEnabled()
    qtbot.mouseClick(shown.next, Qt.MouseButton.LeftButton)
    assert shown.at == 1
    shown.back.setFocus()
    qtbot.keyClick(shown.back, Key.Key_Return)
    assert shown.at == 0
    shown.skip.setFocus()
    qtbot.keyClick(shown.skip, Key.Key_Space)
    assert window.extras.tour.bubble is None
    assert QApplication.focusWidget() is window.desk.events


def test_the_window_can_be_used_meanwhile(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.tour.trigger()
    shown = bubble(window)
    shown.next.setFocus()
    reached = set()
    for _ in range(40):
        focus = QApplication.focusWidget()
        assert focus is not None
        reached.add(focus)
        qtbot.keyClick(focus, Key.Key_Tab)
    assert window.desk.people in reached
    assert {shown.skip, shown.next} <= reached


@pytest.mark.parametrize("size", [(1366, 768), (700, 560), (560, 400)])
def test_it_lies_in_the_window_and_beside_what_it_speaks_of(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int]
) -> None:
    window.resize(*size)
    qtbot.wait(20)
    window.actions_.tour.trigger()
    shown = bubble(window)
    for at in range(5):
        assert shown.at == at
        around = rect_of(window, shown)
        assert window.rect().contains(around)
        assert shown.width() >= shown.minimumSizeHint().width()
        if at and size == (1366, 768):
            view = (window.desk.people, window.desk.why, window.desk.timeline, window.desk.events)
            target = view[at - 1]
            spoken = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
            assert not around.adjusted(2, 2, -2, -2).intersects(spoken)
        if at < 4:
            shown.go(1)
    window.resize(window.width() + 80, window.height() + 40)
    qtbot.wait(20)
    assert window.rect().contains(rect_of(window, shown))


def test_hidden_docks_are_spoken_of_without_an_arrow(window: MainWindow) -> None:
    for dock in window.desk.docks:
        dock.hide()
    window.actions_.tour.trigger()
    shown = bubble(window)
    shown.go(1)
    assert window.rect().contains(rect_of(window, shown))


@pytest.mark.parametrize(
    ("target", "side"),
    [
        (QRect(800, 100, 200, 200), "left"),
        (QRect(0, 500, 1000, 200), "above"),
        (QRect(0, 0, 1000, 200), "below"),
        (QRect(0, 0, 300, 700), "right"),
    ],
)
def test_the_arrow_touches_the_target_on_the_side_of_the_bubble(target: QRect, side: str) -> None:
    around, tip = place(target, (300, 150), ROOM)
    assert ROOM.contains(around)
    assert not around.intersects(target.adjusted(1, 1, -1, -1))
    assert tip is not None
    expected = {
        "left": tip.x() == target.left() and around.right() <= target.left(),
        "above": tip.y() == target.top() and around.bottom() <= target.top(),
        "below": tip.y() == target.bottom() and around.top() >= target.bottom(),
        "right": tip.x() == target.right() and around.left() >= target.right(),
    }
    assert expected[side]


def test_what_fills_the_window_has_the_bubble_on_it() -> None:
    around, tip = place(ROOM, (300, 150), ROOM)
    assert ROOM.contains(around)
    assert tip is None


@pytest.mark.parametrize("name", THEMES)
def test_bubbles_can_be_read_on_every_theme(window: MainWindow, name: str) -> None:
    window.actions_.themes[name].trigger()
    window.actions_.tour.trigger()
    theme, palette = THEMES[name], bubble(window).palette()
    assert palette.base().color().name() == theme.base
    assert palette.windowText().color().name() == theme.text
    assert contrast(theme.text, theme.base) >= 4.5
    assert contrast(theme.text, theme.button) >= 4.5
    window.actions_.themes["system"].trigger()


def test_closing_the_window_during_the_tour_is_clean(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.tour.trigger()
    window.close()
    qtbot.wait(20)
