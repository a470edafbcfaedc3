"""What is odd but happens: names, crowds, nobody, folders that cannot be written, large text."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QApplication, QDialog, QLabel, QTableWidget, QWidget

from realtime.config import Config, FeedbackConfig
from realtime.types import SourceState
from realtime.window.command_palette import CommandPalette
from realtime.window.help_page import HelpPage
from realtime.window.main_window import MainWindow
from realtime.window.stream_dialog import StreamDialog
from realtime.window.themes import SCALES, Look
from realtime.window.tips import tip
from realtime.window.translate import choose
from tests.gui.conftest import WAIT_MS, shown_index
from tests.gui.cuts import cuts
from tests.gui.evidence import judged

ODD = (
    "<script>alert(1)<script>.mp4",
    "<img src=x onerror=alert(1)>&amp;.mp4",
    "שלום עולם.mp4",
    "x" * 200 + ".mp4",
    "%s {0} &x.mp4",
)


@pytest.fixture
def english() -> Iterator[None]:
    yield
    choose("en")


@pytest.fixture
def as_large_as_before(qapp: QApplication) -> Iterator[None]:
    font = qapp.font()
    yield
    qapp.setFont(font)


def tables(window: MainWindow) -> list[QTableWidget]:
    return [window.desk.people, window.desk.why.table, window.desk.events]


def tips(root: QWidget) -> list[str]:
    """Every tool tip below ``root``, those of cells too."""
    found = [widget.toolTip() for widget in root.findChildren(QWidget)]
    for table in root.findChildren(QTableWidget):
        cells = (table.item(r, c) for r in range(table.rowCount()) for c in range(4))
        found += [cell.toolTip() for cell in cells if cell is not None]
    return [text for text in found if text]


# Names


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_plain_text_in_every_dock(
    window: MainWindow, face_clip: Path, tmp_path: Path, qtbot: QtBot, name: str
) -> None:
    copy = tmp_path / name
    shutil.copy(face_clip, copy)
    judged(window, copy, qtbot)
    assert name in window.windowTitle()
    window.desk.mark(1.0, f"<b>{name}</b>")
    event = window.desk.events.item(0, 3)
    assert event is not None
    assert f"<b>{name}</b>" in event.text()
    source = window.desk.events.item(0, 1)
    assert source is not None
    assert name in source.text()
    assert window.minimumSizeHint().width() <= 600, "a name must not widen the window"
    for label in window.findChildren(QLabel):
        rich = Qt.TextFormat.PlainText
        assert label.textFormat() == rich or "<" not in label.text(), label.text()
    for text in tips(window):
        assert "<script" not in text
        assert "<img" not in text


def test_tips_show_what_looks_like_html_as_it_is() -> None:
    assert tip("a < b & c") == "<span>a &lt; b &amp; c</span>"
    assert tip("plain") == "plain"


def test_a_mark_says_no_more_than_it_may_and_stays_in_its_row(
    paused: MainWindow, qtbot: QtBot
) -> None:
    high = paused.desk.events.rowHeight(0) or 30
    paused.desk.mark(0.5, "line one\nline two\u202e " + "long " * 400)
    cell = paused.desk.events.item(0, 3)
    assert cell is not None
    assert "\n" not in cell.text()
    assert "\u202e" not in cell.text()
    assert paused.desk.events.rowHeight(0) <= 2 * high


# Crowds and nobody


def test_twenty_people_can_be_scrolled_through_with_the_keyboard(
    window: MainWindow, face_clip: Path, qtbot: QtBot
) -> None:
    judged(window, face_clip, qtbot)
    people = window.desk.people
    lane = window.desk.timeline.lanes[0]
    people.show_lanes([replace(lane, track_id=i) for i in range(1, 21)], lane.last_s, 1)
    assert people.track_ids == tuple(range(1, 21))
    people.setFocus()
    for _ in range(25):
        qtbot.keyClick(people, Qt.Key.Key_Down)
    assert people.currentRow() == 19
    last = people.item(19, 1)
    assert people.visualItemRect(last).intersects(people.viewport().rect())
    assert "Person 20:" in people.item(19, 0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_with_nobody_in_sight_nothing_is_claimed(paused: MainWindow, qtbot: QtBot) -> None:
    window = paused
    window.extras.refresh()
    desk = window.desk
    assert desk.people.rowCount() == 0
    assert desk.why.headline.text() == "Select a person."
    assert desk.why.table.rowCount() == 0
    assert desk.timeline.lanes == ()
    window.actions_.alert_after.trigger()
    window.actions_.alert_before.trigger()
    window.actions_.acknowledge.trigger()
    desk.mark(0.5, "nobody")
    assert desk.events.rowCount() == 1
    person = desk.events.item(0, 2)
    assert person is not None
    assert person.text() == ""
    window.actions_.blur.trigger()
    window.actions_.heat.trigger()
    assert not window.banner.isVisible()
    window.actions_.blur.trigger()


# Settings that cannot be kept


@pytest.mark.parametrize("place", ["below a file", "a folder in its place", "read-only"])
def test_settings_that_cannot_be_written_harm_nothing(
    config: Config,
    tmp_path: Path,
    qtbot: QtBot,
    caplog: pytest.LogCaptureFixture,
    place: str,
) -> None:
    ini = tmp_path / "folder" / "window.ini"
    if place == "below a file":
        (tmp_path / "folder").write_text("in the way")
    elif place == "a folder in its place":
        ini.mkdir(parents=True)
    else:
        ini.parent.mkdir()
        ini.parent.chmod(0o500)
        if os.access(ini.parent, os.W_OK):
            ini.parent.chmod(0o700)
            pytest.skip("this user may write read-only files")
    settings = QSettings(str(ini), QSettings.Format.IniFormat)
    config = replace(config, feedback=FeedbackConfig(place=str(tmp_path / "f.sqlite3")))
    window = MainWindow(config, settings=settings)
    qtbot.addWidget(window)
    window.show()
    window.extras.tour.first_time(settings)
    assert window.extras.tour.bubble is not None
    window.extras.tour.end()
    window.actions_.themes["dark"].trigger()
    window.actions_.larger.trigger()
    window.desk.docks[0].hide()
    window.actions_.reset_layout.trigger()
    assert window.desk.docks[0].isVisible()
    window.actions_.themes["system"].trigger()
    window.actions_.smaller.trigger()
    with caplog.at_level(logging.WARNING):
        window.close()
    assert "was not saved" in caplog.text
    if place == "read-only":
        ini.parent.chmod(0o700)


# A source that is lost


def test_a_file_that_is_lost_while_seeking_ends_in_a_sentence(
    window: MainWindow, clip: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    copy = tmp_path / "soon gone.mp4"
    shutil.copy(clip, copy)
    window.open(str(copy))
    qtbot.waitUntil(lambda: shown_index(window) >= 0, timeout=WAIT_MS)
    os.truncate(copy, copy.stat().st_size // 3)
    copy.unlink()
    for time_s in (2.9, 0.1, 2.0, 2.9):
        window.file.seek(time_s)
        qtbot.wait(20)

    def over() -> bool:
        return window.state in (SourceState.ENDED, SourceState.FAILED, None)

    qtbot.waitUntil(over, timeout=WAIT_MS)
    if window.state is not SourceState.ENDED:
        assert window.banner.text
    window.open(str(clip))
    qtbot.waitUntil(
        lambda: window.state is SourceState.LIVE and shown_index(window) >= 0, timeout=WAIT_MS
    )


# Large text


def sized(window: MainWindow, qtbot: QtBot, scale: float) -> None:
    window.extras.look.set_scale(scale)
    window.resize(1366, 768)
    for _ in range(3):  # layouts settle in several rounds
        qtbot.wait(20)


@pytest.mark.parametrize("scale", [1.0, SCALES[-1]])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.usefixtures("english", "as_large_as_before")
def test_nothing_is_cut_on_a_small_screen(
    config: Config, qtbot: QtBot, face_clip: Path, language: str, scale: float
) -> None:
    choose(language)
    window = MainWindow(config)
    qtbot.addWidget(window)
    window.show()
    sized(window, qtbot, scale)
    assert (window.width(), window.height()) == (1366, 768)
    assert cuts(window) == []
    judged(window, face_clip, qtbot)
    sized(window, qtbot, scale)
    assert (window.width(), window.height()) == (1366, 768)
    assert cuts(window) == []
    window.actions_.tour.trigger()
    shown = window.extras.tour.bubble
    assert shown is not None
    for _ in range(4):
        assert cuts(shown) == []
        shown.go(1)
    window.close()


@pytest.mark.parametrize("kind", [HelpPage, StreamDialog, CommandPalette])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.usefixtures("english", "as_large_as_before")
def test_nothing_is_cut_in_dialogs(
    config: Config, qtbot: QtBot, kind: type[QDialog], language: str
) -> None:
    choose(language)
    window = MainWindow(config)
    qtbot.addWidget(window)
    window.show()
    sized(window, qtbot, SCALES[-1])
    actions = window.actions_
    opener = {
        HelpPage: actions.help,
        StreamDialog: actions.open_stream,
        CommandPalette: actions.palette,
    }[kind]
    opener.trigger()
    dialog = next(one for one in window.findChildren(kind) if one.isVisible())
    qtbot.wait(50)
    assert dialog.width() <= 1366
    assert dialog.height() <= 768
    assert cuts(dialog) == []
    dialog.close()
    window.close()


@pytest.mark.usefixtures("as_large_as_before")
def test_text_is_never_below_nine_points_and_grows_everywhere(qapp: QApplication) -> None:
    look = Look()
    for scale in (0.1, *SCALES):
        look.set_scale(scale)
        size = qapp.font().pointSizeF()
        assert size >= 9.0
        for kind in ("QDockWidgetTitle", "QTipLabel", "QMenu", "QStatusBar"):
            assert QApplication.font(kind).pointSizeF() == size, kind
