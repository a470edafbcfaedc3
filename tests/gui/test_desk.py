"""The docks and what can be done in them, on a real clip with a real pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, QRect, QSettings, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QImage
from qtpy.QtWidgets import QInputDialog, QLineEdit, QToolButton

from realtime.config import Config
from realtime.events import Event, EventKind
from realtime.history import Picture
from realtime.types import Verdict, VerdictState
from realtime.window import placing
from realtime.window.command_palette import CommandPalette
from realtime.window.main_window import MainWindow
from realtime.window.people import SIDE
from realtime.window.themes import THEMES, Look, contrast
from realtime.window.timeline import Seconds
from realtime.window.why import classifier
from tests.gui.conftest import WAIT_MS
from tests.gui.evidence import judged
from tests.gui.live import camera, quick, says_no_secret, wait_for
from tests.servers.scripted import Unit

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def person(window: MainWindow, face_clip: Path, qtbot: QtBot) -> MainWindow:
    """The window paused after it has judged the person of the clip."""
    return judged(window, face_clip, qtbot)


def texts(table: object, row: int) -> list[str]:
    return [table.item(row, c).text() for c in range(table.columnCount())]  # type: ignore[attr-defined]


def alert(window: MainWindow, time_s: float) -> Event:
    """An alert of the source that is shown, as its bridge would give it."""
    return Event(EventKind.ALERT, time_s, 0.0, window.desk.source_id, 1, "Strong evidence 0.90")


def test_people_why_and_time_line_say_the_same(person: MainWindow) -> None:
    desk = person.desk
    assert len(desk.people.track_ids) == 1
    who, verdict, _, _ = texts(desk.people, 0)
    assert who == "#1"
    icon = desk.people.item(0, 0)
    assert icon is not None
    assert not icon.icon().isNull()
    assert desk.selected == 1
    assert verdict in desk.why.headline.text()
    assert texts(desk.why.table, 0)[0] == "classifier"
    shown = {desk.why.table.item(r, 0).text() for r in range(desk.why.table.rowCount())}
    assert {"blink", "head"} <= shown
    (lane,) = desk.timeline.lanes
    assert lane.bands[0].state is VerdictState.NOT_ASSESSABLE
    assert lane.bands[-1].state is lane.verdict.state


def test_a_click_in_the_time_line_goes_there(person: MainWindow, qtbot: QtBot) -> None:
    line = person.desk.timeline
    where = line.getViewBox().mapViewToScene(QPointF(0.4, 0.0))
    at = line.mapFromScene(where)
    qtbot.mouseClick(line.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(
        lambda: abs(person.desk.here(person.canvas.result) - 0.4) < 0.15, timeout=WAIT_MS
    )


def test_brackets_go_from_alert_to_alert(person: MainWindow, qtbot: QtBot) -> None:
    desk = person.desk
    desk.log.add([alert(person, t) for t in (0.2, 0.4)])
    for key, there in ((Key.Key_BracketLeft, 0.4), (Key.Key_BracketLeft, 0.2)):
        qtbot.keyClick(person, key)
        qtbot.waitUntil(
            lambda t=there: abs(desk.here(person.canvas.result) - t) < 0.05, timeout=9000
        )
    qtbot.keyClick(person, Key.Key_BracketRight)
    qtbot.waitUntil(lambda: abs(desk.here(person.canvas.result) - 0.4) < 0.05, timeout=9000)


def test_alerts_are_acknowledged_with_a(person: MainWindow, qtbot: QtBot) -> None:
    person.desk.log.add([alert(person, 0.2)])
    person.extras.refresh()
    assert texts(person.desk.events, 0)[2:] == ["#1", "▲ Alert: Strong evidence 0.90", "no"]
    qtbot.keyClick(person, Key.Key_A)
    assert texts(person.desk.events, 0)[4] == "yes"


def test_a_mark_has_a_note_and_single_letters_write_in_it(person: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(person, Key.Key_M)
    dialog = person.findChild(QInputDialog)
    assert dialog is not None
    field = dialog.findChild(QLineEdit)
    assert field is not None
    heat = person.canvas.layers.heat
    qtbot.keyClicks(field, "<b>hat 50")
    dialog.accept()
    assert person.canvas.layers.heat is heat
    (event,) = person.desk.log.events
    assert event.text == "<b>hat 50"
    assert event.time_s == pytest.approx(person.desk.here(person.canvas.result))
    assert "⚑ Mark: <b>hat 50" in texts(person.desk.events, 0)


def test_privacy_hides_a_face_and_landmarks_are_drawn(person: MainWindow, qtbot: QtBot) -> None:
    person.desk.select(None)
    plain = person.canvas.grab().toImage()
    qtbot.keyClick(person, Key.Key_L)
    dotted = person.canvas.grab().toImage()
    assert dotted != plain
    qtbot.keyClick(person, Key.Key_L)
    person.desk.selected = None
    qtbot.keyClick(person, Key.Key_P)
    hidden = person.canvas.grab().toImage()
    assert hidden != plain
    person.desk.select(1)
    assert person.canvas.layers.spare == 1
    assert person.canvas.grab().toImage() == plain


def test_privacy_hides_the_small_faces_too(person: MainWindow, qtbot: QtBot) -> None:
    people = person.desk.people

    def icon() -> QImage:
        item = people.item(0, 0)
        assert item is not None
        return item.icon().pixmap(SIDE, SIDE).toImage()

    noise = QImage(SIDE, SIDE, QImage.Format.Format_RGB888)
    for x in range(SIDE):
        for y in range(SIDE):
            noise.setPixelColor(x, y, QColor(*([255 * ((x + y) % 2)] * 3)))
    people.show_faces({1: noise})
    person.desk.select(1)
    plain = icon()
    qtbot.keyClick(person, Key.Key_P)
    assert icon() == plain
    person.desk.selected = None
    person.extras.set_layers()
    hidden = icon()
    assert hidden != plain
    assert abs(hidden.pixelColor(10, 10).red() - hidden.pixelColor(11, 10).red()) < 40
    people.show_faces({1: noise})
    assert icon() == hidden
    qtbot.keyClick(person, Key.Key_P)
    assert icon() == plain


def test_a_snapshot_is_saved_or_one_sentence_says_why_not(
    person: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    snapshots = person.extras.snapshots
    snapshots.folder = tmp_path / "new"
    person.canvas.grab()
    with qtbot.waitSignal(snapshots.saved) as saved:
        qtbot.keyClick(person, Key.Key_S)
    assert Path(saved.args[0]).read_bytes().startswith(b"\x89PNG")
    snapshots.folder = Path("/dev/null/pictures")
    qtbot.keyClick(person, Key.Key_S)
    qtbot.waitUntil(person.banner.isVisible)
    assert person.banner.text.startswith("The snapshot was not saved")


def test_digits_seek_and_ctrl_r_stops_and_starts(person: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(person, Key.Key_5)
    qtbot.waitUntil(lambda: abs(person.desk.here(person.canvas.result) - 2.0) < 0.05, timeout=9000)
    qtbot.keyClick(person, Key.Key_R, Modifier.ControlModifier)
    assert person.start_page.isVisible()
    qtbot.waitUntil(lambda: person.player.pipeline is None)
    qtbot.keyClick(person, Key.Key_R, Modifier.ControlModifier)
    qtbot.waitUntil(lambda: person.canvas.result is not None, timeout=WAIT_MS)


def test_the_palette_finds_and_does(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Key.Key_P, Modifier.ControlModifier | Modifier.ShiftModifier)
    palette = window.findChild(CommandPalette)
    assert palette is not None
    qtbot.keyClicks(palette.search, "map heat")
    assert palette.found.count() == 1
    qtbot.keyClick(palette.search, Key.Key_Return)
    assert window.canvas.layers.heat


def test_every_action_names_its_key_and_every_button_its_name(window: MainWindow) -> None:
    for action in window.actions():
        keys = action.shortcut().toString()
        if keys and action is not window.actions_.leave_full_screen:
            assert f"({keys})" in action.toolTip()
    for view in (*window.desk.docks, *(d.widget() for d in window.desk.docks)):
        assert view.accessibleName() or view is window.desk.why
    assert all(b.text() for b in window.controls.findChildren(QToolButton))


def test_layout_theme_and_text_size_are_kept_and_reset(
    config: Config, tmp_path: Path, qtbot: QtBot
) -> None:
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    for time in ("first", "second"):
        window = MainWindow(config, settings=settings)
        qtbot.addWidget(window)
        window.show()
        events = window.desk.docks[3]
        assert events.isVisible() is (time == "first")
        assert window.extras.look.choice == ("system" if time == "first" else "dark")
        window.actions_.themes["dark"].trigger()
        window.actions_.larger.trigger()
        events.hide()
        window.close()
    assert window.extras.look.scale == pytest.approx(1.3)
    window.actions_.reset_layout.trigger()
    assert not events.isHidden()
    window.extras.look.set_scale(1.0)
    window.extras.look.choose("system")


@pytest.mark.parametrize("name", list(THEMES))
def test_all_text_can_be_read(name: str) -> None:
    theme = THEMES[name]
    grounds = (theme.window, theme.base, theme.alternate, theme.button)
    assert min(contrast(i, g) for i in (theme.text, theme.faint) for g in grounds) >= 4.5
    assert contrast(theme.chosen_text, theme.chosen) >= 4.5
    assert contrast(theme.link, theme.base) >= 4.5


def test_contrast_is_that_of_the_standard(qapp: object) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    look = Look()
    look.set_scale(0.1)
    assert look._app.font().pointSizeF() >= 9
    look.set_scale(1.0)


def test_the_classifier_is_told_without_the_others() -> None:
    verdict = Verdict(1, VerdictState.STRONG, 0.9, 1.0, 5.0, (), evidence=1.0)
    witness = classifier(verdict)
    assert witness.llr == pytest.approx(1.197, abs=0.001)
    silent = classifier(Verdict(1, VerdictState.NOT_ASSESSABLE, None, 1.0, 0.0, ("face 38 px",)))
    assert silent.llr is None
    assert "38 px" in silent.text


def test_full_screen_is_the_picture_alone_and_docks_come_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.desk.docks[3].hide()
    qtbot.keyClick(window, Key.Key_F11)
    assert all(dock.isHidden() for dock in window.desk.docks)
    qtbot.keyClick(window, Key.Key_Escape)
    assert [dock.isHidden() for dock in window.desk.docks] == [False, False, False, True]


@pytest.mark.parametrize("name", list(THEMES))
def test_icons_can_be_seen_on_every_theme(window: MainWindow, name: str) -> None:
    window.actions_.themes[name].trigger()
    image = window.actions_.step.icon().pixmap(24, 24, QIcon.Mode.Normal).toImage()
    inks = {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    }
    assert inks
    assert min(contrast(ink, THEMES[name].window) for ink in inks) >= 4.5
    window.actions_.themes["system"].trigger()


def test_a_live_source_that_dies_and_returns_is_in_the_events(
    config: Config, units: list[Unit], qtbot: QtBot
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with camera(units, count=60, silence_s=0.5) as (url, _server):
        window.open(url)
        wait_for(qtbot, lambda: bool(window.desk.timeline.lanes))
        assert window.desk.timeline.follows
        wait_for(qtbot, lambda: len(window.desk.log.events) >= 2)
        kinds = [event.kind for event in window.desk.log.events]
        assert EventKind.SOURCE_LOST in kinds
        wait_for(qtbot, lambda: window.desk.log.events[-1].kind is EventKind.SOURCE_BACK)
        says_no_secret(window)
        row = [texts(window.desk.events, r) for r in range(window.desk.events.rowCount())]
        assert not any("s3cr3t" in cell for cells in row for cell in cells)
        window.close()


def test_twenty_people_have_a_row_and_a_lane_each(person: MainWindow) -> None:
    desk = person.desk
    lane = desk.timeline.lanes[0]
    lanes = tuple(replace(lane, track_id=i, present=True) for i in range(1, 21))
    desk.people.show_lanes(lanes, lane.last_s, 7)
    assert desk.people.track_ids == tuple(range(1, 21))
    assert desk.people.currentRow() == 6
    desk.timeline.show_picture(Picture(lanes, 0.0, lane.last_s, 1), 0.5, live=False, duration_s=4.0)
    assert len(desk.timeline.lanes) == 20
    assert not desk.timeline.grab().toImage().isNull()
    desk.people.show_lanes((), 0.0, None)
    assert desk.people.rowCount() == 0


def test_who_leaves_makes_room_for_who_comes_unless_chosen(
    person: MainWindow, qtbot: QtBot
) -> None:
    desk = person.desk
    first = desk.selected

    def somebody_else() -> bool:
        person.extras.refresh()
        return any(lane.present and lane.track_id != first for lane in desk.timeline.lanes)

    person.file.seek(0.0)
    qtbot.waitUntil(somebody_else, timeout=WAIT_MS)
    assert desk.selected != first
    desk.select(first)
    person.extras.refresh()
    assert desk.selected == first


def test_a_window_larger_than_the_screen_begins_smaller() -> None:
    wanted, screen = QSize(1280, 860), QRect(0, 0, 1366, 768)
    assert placing.comfortable(wanted, [screen]).height() <= 768 - 40
    assert placing.comfortable(wanted, [screen]).width() == 1280
    assert placing.comfortable(wanted, []) == wanted


def test_ticks_of_a_live_source_say_round_numbers(qapp: object) -> None:
    axis = Seconds("bottom")
    axis.ago_from = 1003.7
    ((step, values), *_) = axis.tickValues(883.7, 1003.7, 600)
    said = axis.tickStrings(values, 1.0, step)
    assert len(said) >= 3
    assert all(int(text.strip("−").removesuffix(" s")) % 10 == 0 for text in said)


def test_a_face_is_not_dyed_in_the_selected_row(person: MainWindow) -> None:
    icon = person.desk.people.item(0, 0).icon()
    size = icon.availableSizes()[0]
    chosen = icon.pixmap(size, QIcon.Mode.Selected).toImage()
    assert chosen == icon.pixmap(size, QIcon.Mode.Normal).toImage()
