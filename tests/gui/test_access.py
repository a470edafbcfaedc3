"""With the keyboard and a screen reader: everything is reached, has a name, and lets go again."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QAction,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QGraphicsView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QRadioButton,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QToolButton,
    QWidget,
)

import realtime.window
from realtime.config import Config, FeedbackConfig
from realtime.history import Lane
from realtime.types import Verdict, VerdictState
from realtime.window.actions import plain
from realtime.window.device_dialog import DeviceDialog
from realtime.window.export_dialog import ExportDialog
from realtime.window.feedback_dialog import ConsentDialog, FeedbackDialog
from realtime.window.feedback_list import FeedbackList
from realtime.window.help_page import HelpPage, keys_of
from realtime.window.main_window import MainWindow
from realtime.window.people import People
from realtime.window.settings_dialog import SettingsDialog
from realtime.window.stream_dialog import StreamDialog
from realtime.window.tile import Tile
from realtime.window.translate import choose
from tests.gui.conftest import WAIT_MS
from tests.gui.evidence import judged

Key = Qt.Key
INTERACTIVE = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QTabBar,
    QTextEdit,
    Tile,
)


# What is there, and what Tab reaches


def interactive(root: QWidget) -> list[QWidget]:
    """What somebody could want to use in there, parts of other controls excepted."""
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, INTERACTIVE)
        and widget.isVisibleTo(root)
        and widget.isEnabled()
        and not isinstance(widget, QScrollBar)
        and not _part(widget)
        and widget.window() is root.window()
    ]


def _part(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    if isinstance(parent, (QAbstractSpinBox, QComboBox, QTabBar, QLineEdit, QDockWidget)):
        return True  # the buttons of a dock are in the menu
    inner = isinstance(parent, (QAbstractItemView, QGraphicsView, QTextEdit))
    return inner or widget.objectName().startswith("qt_")


def walk(root: QWidget, *, back: bool = False) -> list[QWidget]:
    """What has the focus, Tab by Tab, until it comes round."""
    reached: list[QWidget] = []
    modifier = Qt.KeyboardModifier.ShiftModifier if back else Qt.KeyboardModifier.NoModifier
    for _ in range(200):
        focus = QApplication.focusWidget()
        assert focus is not None
        assert focus.window() is root.window()
        if focus in reached and (focus is not reached[-1] or len(reached) == 1):
            assert focus is reached[0], f"Tab goes round in a part: {focus}"
            return reached
        if focus not in reached:  # Tab goes through the hours and minutes of one field
            reached.append(focus)
        QTest.keyClick(focus, Key.Key_Backtab if back else Key.Key_Tab, modifier)
    raise AssertionError("Tab does not come round")


def unreached(root: QWidget, reached: list[QWidget]) -> list[QWidget]:
    """What is left, without what has a key of its own."""
    return [
        widget
        for widget in interactive(root)
        if not (widget in reached or widget.focusProxy() in reached or _with(widget, reached))
    ]


def _with(widget: QWidget, reached: list[QWidget]) -> bool:
    """Radio buttons are one stop; arrows go from one to the next."""
    radios = [one for one in reached if isinstance(one, QRadioButton)]
    return isinstance(widget, QRadioButton) and any(
        one.parent() is widget.parent() for one in radios
    )


def spoken(widget: QWidget) -> str:
    """What a screen reader calls it."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton) and widget.text():
        return widget.text()
    if isinstance(widget, QTabBar):
        return widget.tabText(widget.currentIndex())
    labels = widget.window().findChildren(QLabel)
    return next((label.text() for label in labels if label.buddy() is widget), "")


def in_menus(window: MainWindow) -> set[QAction]:
    bar = window.menuBar()
    assert bar is not None
    found: set[QAction] = set(bar.actions())
    menus = [action.menu() for action in bar.actions()]
    while menus:
        menu = menus.pop()
        assert isinstance(menu, QMenu)
        found |= set(menu.actions())
        menus += [action.menu() for action in menu.actions() if action.menu() is not None]
    return found


def has_keys(window: MainWindow, widget: QWidget) -> bool:
    """Whether what it does is done from a menu as well."""
    if widget is window.controls.slider:
        return True  # arrows, Home, End and digits
    if isinstance(widget, QToolButton):
        action, menu = widget.defaultAction(), widget.menu()
        there = in_menus(window)
        return action in there or (menu is not None and menu.menuAction() in there)
    return False


# The main window


def check_window(window: MainWindow) -> list[QWidget]:
    reached = walk(window)
    left = [one for one in unreached(window, reached) if not has_keys(window, one)]
    assert left == []
    assert [one for one in reached if not spoken(one)] == []
    assert set(walk(window, back=True)) == set(reached)
    return reached


def test_tab_goes_through_the_start_page_and_all_docks(window: MainWindow) -> None:
    page = window.start_page
    page.call.setFocus()
    reached = check_window(window)
    docks = window.desk
    order = [page.call, page.cameras, page.file]
    order += [docks.people, docks.why.table, docks.timeline, docks.events]
    found = [reached.index(one) for one in order]
    assert found == sorted(found)


def test_tab_goes_through_a_window_that_plays(paused: MainWindow) -> None:
    paused.canvas.setFocus()
    reached = check_window(paused)
    assert paused.canvas in reached
    assert paused.desk.events in reached


def test_the_banner_is_dismissed_with_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    window.banner.say("Something is wrong; mend it.")
    window.start_page.call.setFocus()
    reached = check_window(window)
    dismiss = next(one for one in reached if window.banner.isAncestorOf(one))
    dismiss.setFocus()
    qtbot.keyClick(dismiss, Key.Key_Return)
    assert window.banner.isHidden()


def test_f6_goes_from_area_to_area_and_back(window: MainWindow, qtbot: QtBot) -> None:
    window.start_page.call.setFocus()
    docks = window.desk.docks

    def at() -> QWidget | None:
        focus = QApplication.focusWidget()
        assert focus is not None
        return next((dock for dock in docks if dock.isAncestorOf(focus)), None)

    seen = []
    for _ in range(5):
        qtbot.keyClick(QApplication.focusWidget(), Key.Key_F6)
        seen.append(at())
    assert seen == [*docks, None]
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QApplication.focusWidget(), Key.Key_F6, shift)
    assert at() is docks[-1]
    docks[0].hide()
    qtbot.keyClick(QApplication.focusWidget(), Key.Key_F6)
    qtbot.keyClick(QApplication.focusWidget(), Key.Key_F6)
    assert at() is docks[1]


def test_arrows_go_through_lists_while_something_plays(person: MainWindow, qtbot: QtBot) -> None:
    people = person.desk.people
    people.show_lanes([lane(1), lane(2), lane(3)], 10.0, 1)
    people.setFocus()
    picked: list[int] = []
    people.picked.connect(picked.append)
    qtbot.keyClick(people, Key.Key_Down)
    qtbot.keyClick(people, Key.Key_Down)
    qtbot.keyClick(people, Key.Key_Up)
    assert picked == [2, 3, 2]


def test_space_presses_the_button_that_has_the_focus(paused: MainWindow, qtbot: QtBot) -> None:
    """Although the window has an action for it."""
    pressed: list[str] = []
    button = QPushButton("Press", paused)
    button.clicked.connect(lambda: pressed.append("x"))
    button.show()
    button.setFocus()
    state = paused.state
    qtbot.keyClick(button, Key.Key_Space)
    qtbot.keyClick(button, Key.Key_Enter)
    assert pressed == ["x", "x"]
    assert paused.state is state
    button.hide()
    button.deleteLater()


# Dialogs


@pytest.fixture
def person(qtbot: QtBot, config: Config, tmp_path: Path, face_clip: Path) -> Iterator[MainWindow]:
    """A window that has judged somebody, with settings of its own."""
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    place = str(tmp_path / "feedback.sqlite3")
    window = MainWindow(replace(config, feedback=FeedbackConfig(place=place)), settings=settings)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    yield judged(window, face_clip, qtbot)
    window.close()


OPENERS = {
    HelpPage: "Help",
    StreamDialog: "Watch a stream…",
    DeviceDialog: "Watch a camera…",
    SettingsDialog: "Settings…",
    ExportDialog: "Export a report…",
    FeedbackList: "Feedback that is kept…",
    ConsentDialog: "This was fake…",
}


def opened(window: MainWindow, kind: type[QDialog], qtbot: QtBot) -> QDialog:
    """The dialog of that kind, opened as a user does."""
    if kind is FeedbackDialog:
        consent = opened(window, ConsentDialog, qtbot)
        assert isinstance(consent, ConsentDialog)
        consent.agree.click()
    else:
        name = OPENERS[kind]
        action = next(one for one in window.actions() if plain(one) == name)
        action.trigger()

    def shown() -> list[QDialog]:
        return [one for one in window.findChildren(kind) if one.isVisible()]

    qtbot.waitUntil(lambda: bool(shown()), timeout=WAIT_MS)
    dialog = shown()[0]
    qtbot.waitUntil(dialog.isActiveWindow, timeout=WAIT_MS)
    return dialog


def pages(dialog: QDialog) -> Iterator[None]:
    """Each page of the dialog, one after the other."""
    bars = [one for one in dialog.findChildren(QTabBar) if one.isVisibleTo(dialog)]
    if not bars:
        yield
    for bar in bars:
        for i in range(bar.count()):
            bar.setCurrentIndex(i)
            yield


@pytest.mark.parametrize("kind", [*OPENERS, FeedbackDialog], ids=lambda kind: kind.__name__)
def test_tab_goes_through_every_dialog(
    person: MainWindow, qtbot: QtBot, kind: type[QDialog]
) -> None:
    dialog = opened(person, kind, qtbot)
    qtbot.wait(100)
    for _ in pages(dialog):
        if QApplication.focusWidget() is None or not QApplication.focusWidget().isVisible():
            dialog.setFocus()
            QTest.keyClick(dialog, Key.Key_Tab)
        reached = walk(dialog)
        left = unreached(dialog, reached)
        assert left == [], [(spoken(one), one.focusPolicy()) for one in left]
        assert [one for one in reached if one is not dialog and not spoken(one)] == []
        assert set(walk(dialog, back=True)) == set(reached)
    assert dialog.windowTitle()
    QTest.keyClick(QApplication.focusWidget(), Key.Key_Escape)
    qtbot.waitUntil(lambda: not _visible(dialog), timeout=WAIT_MS)


def _visible(dialog: QDialog) -> bool:
    try:
        return dialog.isVisible()
    except RuntimeError:  # deleted when it was closed
        return False


def test_every_dialog_is_walked_through() -> None:
    """A new one has to be added above, or say here who walks through it."""
    elsewhere = {"CommandPalette", "ChallengeGuide"}
    found = set()
    for info in pkgutil.iter_modules(realtime.window.__path__):
        module = importlib.import_module(f"realtime.window.{info.name}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, QDialog) and kind.__module__ == module.__name__:
                found.add(name)
    assert found - elsewhere == {kind.__name__ for kind in (*OPENERS, FeedbackDialog)}


def test_tab_goes_through_the_palette(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_.palette.trigger()
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, QDialog)
    qtbot.waitUntil(dialog.isActiveWindow, timeout=WAIT_MS)
    reached = walk(dialog)
    assert unreached(dialog, reached) == []
    assert all(spoken(one) for one in reached)
    QTest.keyClick(QApplication.focusWidget(), Key.Key_Escape)


# Help


def test_help_lists_every_key_by_menu_and_finds_it(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Key.Key_F1)
    page = next(iter(window.findChildren(HelpPage)))
    bar = window.menuBar()
    assert bar is not None
    listed = {one: key for key in keys_of(bar) for one in key.keys.split(" / ")}
    for keys, group in (("Ctrl+O", "File"), ("H", "View"), ("F1", "Help"), ("M", "Evidence")):
        assert listed[keys].group == group
    assert listed["Space"].group.startswith("View")
    with_keys = [a for a in window.actions() if not a.shortcut().isEmpty()]
    written = {a.shortcut().toString() for a in with_keys} - {"Esc"}
    assert written <= set(listed)
    page.search.setText("heat")
    groups = [page.keys.topLevelItem(i) for i in range(page.keys.topLevelItemCount())]
    shown = [
        row.text(0)
        for group in groups
        for row in (group.child(i) for i in range(group.childCount()))
        if not row.isHidden()
    ]
    assert shown == ["Heat map"]
    assert sum(not group.isHidden() for group in groups) == 1
    page.close()


@pytest.mark.parametrize(("language", "warning"), [("en", "no proof"), ("de", "kein Beweis")])
def test_help_warns_that_silence_proves_nothing(
    window: MainWindow, language: str, warning: str
) -> None:
    try:
        choose(language)
        window.actions_.help.trigger()
        page = next(iter(window.findChildren(HelpPage)))
        text = page.text.toPlainText()
        assert warning in text
        assert "▲▲" in text
        page.close()
    finally:
        choose("en")


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_menu_has_every_letter_once(qtbot: QtBot, config: Config, language: str) -> None:
    try:
        choose(language)
        window = MainWindow(config)
        qtbot.addWidget(window)
        bar = window.menuBar()
        assert bar is not None
        menus = [bar, *bar.findChildren(QMenu)]
        for menu in menus:
            texts = [action.text() for action in menu.actions() if not action.isSeparator()]
            letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
            twice = {letter for letter in letters if letters.count(letter) > 1}
            assert not twice, [text for text in texts if "&" in text]
        window.close()
    finally:
        choose("en")


# What is spoken


def lane(track_id: int, state: VerdictState = VerdictState.UNCERTAIN) -> Lane:
    verdict = Verdict(track_id, state, 0.5, 1.0, (), (), 1.0)
    return Lane(track_id, 0, (), ((0.0, 0.5),), verdict, (), 1.0, present=True)


def test_another_verdict_is_told_and_a_number_that_wavers_is_not(qtbot: QtBot) -> None:
    people = People()
    qtbot.addWidget(people)
    people.show_lanes([lane(1), lane(2)], 1.0, None)
    assert people.accessibleDescription() == "Person 1: Uncertain 0.50; Person 2: Uncertain 0.50"
    people.show_lanes([lane(1), lane(2, VerdictState.STRONG)], 2.0, None)
    assert people.accessibleDescription() == "Person 2: Strong evidence 0.50"
    wavers = replace(lane(1), verdict=replace(lane(1).verdict, probability=0.52))
    people.show_lanes([wavers, lane(2, VerdictState.STRONG)], 3.0, None)
    assert people.accessibleDescription() == "Person 2: Strong evidence 0.50"
    people.show_lanes([], 4.0, None)
    assert people.accessibleDescription() == ""


def test_rows_are_read_as_sentences(person: MainWindow) -> None:
    people = person.desk.people
    item = people.item(0, 0)
    assert item is not None
    said = item.data(Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("Person 1: ")
    assert "evidence" in said or "Uncertain" in said
