"""The panel above a call, the sign in the tray, and the pause of everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QRect, QSettings, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QLabel, QToolButton

from realtime.config import Config
from realtime.events import Event, EventKind
from realtime.sources import Address, SourceKind
from realtime.types import SourceState, Verdict, VerdictState
from realtime.window import placing, state_icon
from realtime.window.call_state import CallState, Present
from realtime.window.capture_exclusion import Exclusion, exclude
from realtime.window.live_panel import LivePanel, kind_of, seen_text
from realtime.window.main_window import MainWindow
from realtime.window.themes import THEMES, Look, contrast
from tests.gui.conftest import WAIT_MS, settle
from tests.gui.live import camera, quick, wait_for
from tests.servers.scripted import Unit

Key, Modifier = Qt.Key, Qt.KeyboardModifier
STATES = list(VerdictState)


def present(track_id: int, state: VerdictState, source: str = "") -> Present:
    number = None if state is VerdictState.NOT_ASSESSABLE else 0.2 * state.rank
    return Present(source, track_id, Verdict(track_id, state, number, 12.0, 12.0, ("why",)))


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[LivePanel]:
    made = LivePanel([])
    qtbot.addWidget(made)
    yield made
    made.close()


def texts(panel: LivePanel) -> list[str]:
    labels = [w for w in panel.findChildren(QLabel) if w.isVisibleTo(panel)]
    return [label.text() for label in labels if label.text()]


# What it says


def test_the_gravest_is_the_headline_and_more_than_four_are_counted(panel: LivePanel) -> None:
    people = tuple(present(i, VerdictState.LITTLE_EVIDENCE) for i in range(2, 8))
    state = CallState((present(1, VerdictState.STRONG), *people), "Live", watching=True)
    panel.show_state(state)
    panel.show_up()
    said = texts(panel)
    assert said[:2] == ["Strong evidence 0.60", "#1 · 12 s"]
    assert "▲ #1 · Strong evidence 0.60 · 12 s" in said
    assert "● #4 · Little evidence 0.20 · 12 s" in said
    assert not any("#5" in text for text in said)
    assert "+3 more" in said
    assert "Live" in said
    assert "Strong evidence 0.60" in panel.accessibleName()
    one = CallState((present(1, VerdictState.STRONG),), "Live", watching=True)
    panel.show_state(one)
    assert not any(text.startswith("▲") for text in texts(panel)), "it is in the headline"


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (CallState(), state_icon.IDLE, "No source"),
        (CallState(watching=True), state_icon.NOBODY, "No face in view"),
        (CallState(watching=True, lost=1), state_icon.LOST, "No picture"),
        (CallState(paused=True), state_icon.PAUSED, "Paused: nothing is analysed"),
        (
            CallState((present(1, VerdictState.NOT_ASSESSABLE),), watching=True),
            "not_assessable",
            "Not assessable",
        ),
    ],
)
def test_every_state_has_a_sign_and_words(
    panel: LivePanel, state: CallState, kind: str, words: str
) -> None:
    panel.show_state(state)
    assert kind_of(state) == kind
    assert panel.headline.text() == words


def test_long_and_odd_names_stay_in_the_panel_as_they_are(panel: LivePanel) -> None:
    name = "<b>שלום</b> " + "x" * 300
    people = tuple(present(i, VerdictState.UNCERTAIN, name) for i in (1, 2))
    panel.show_state(CallState(people, name, watching=True))
    panel.show_up()
    assert panel.width() == 320
    assert "Uncertain 0.40" in panel.lines[0].text(), "the name is cut, not what is said"
    assert any("<b>" in text for text in texts(panel))


def test_large_text_is_large_in_the_panel_too(panel: LivePanel, qtbot: QtBot) -> None:
    look = Look()
    before = panel.headline.font().pointSizeF()
    look.set_scale(2.0)
    try:
        assert panel.headline.font().pointSizeF() == pytest.approx(2 * before, rel=0.1)
        assert panel.headline.font().pointSizeF() > panel.source.font().pointSizeF()
        panel.show_state(CallState())
        assert panel.width() > 400
    finally:
        look.set_scale(1.0)


def test_signs_differ_in_shape_alone_and_stand_out(qtbot: QtBot) -> None:
    shapes = []
    for kind in state_icon.KINDS:
        image = state_icon.picture(kind, 32).toImage()
        ground = image.pixelColor(16, 3).name()
        shapes.append(
            tuple(
                image.pixelColor(x, y).name() != ground for x in range(4, 28) for y in range(4, 28)
            )
        )
        assert contrast(state_icon.ink(kind), state_icon.PLATE) >= 3.0
        assert {s.width() for s in state_icon.icon(kind).availableSizes()} >= {16, 22, 32}
    assert len(set(shapes)) == len(state_icon.KINDS)
    for theme in THEMES.values():
        rim = max(contrast(colour, theme.window) for colour in ("#f5f5f5", state_icon.PLATE))
        assert rim >= 3.0


# Where it is


def test_it_is_moved_by_mouse_and_keys_and_stays_on_the_screen(
    panel: LivePanel, qtbot: QtBot
) -> None:
    panel.show_up()
    panel.move(100, 100)
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(panel, left, pos=QPoint(5, 5))
    there = QPoint(45, 25)
    none = Modifier.NoModifier
    moved = QMouseEvent(QEvent.Type.MouseMove, there, panel.mapToGlobal(there), left, left, none)
    QApplication.sendEvent(panel, moved)
    qtbot.mouseRelease(panel, left, pos=QPoint(5, 5))
    assert panel.pos() == QPoint(140, 120)
    qtbot.keyClick(panel, Key.Key_Left, Modifier.ControlModifier)
    qtbot.keyClick(panel, Key.Key_Down, Modifier.ControlModifier)
    assert panel.pos() == QPoint(116, 144)
    for _ in range(20):
        qtbot.keyClick(panel, Key.Key_Up, Modifier.ControlModifier)
    assert panel.y() == placing.screens()[0].top()


@pytest.mark.parametrize("kept", ["", "nonsense", "1 2 3", "9" * 40 + " 5", "-5000 -5000"])
def test_a_place_that_is_no_place_is_on_a_screen_all_the_same(
    panel: LivePanel, tmp_path: Path, kept: str
) -> None:
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    settings.setValue("panel/place", kept)
    panel.restore(settings)
    panel.show_up()
    assert any(screen.contains(panel.geometry()) for screen in placing.screens())


def test_it_remembers_its_place(panel: LivePanel, tmp_path: Path, qtbot: QtBot) -> None:
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    panel.show_up()
    panel.move(40, 50)
    panel.save(settings)
    settings.sync()
    other = LivePanel([])
    qtbot.addWidget(other)
    other.restore(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))
    other.show_up()
    assert other.pos() == QPoint(40, 50)
    other.close()


def test_clamping_moves_as_little_as_possible() -> None:
    screens = [QRect(0, 0, 800, 600), QRect(800, 0, 400, 300)]
    panel = QRect(0, 0, 100, 50)
    assert placing.clamped(panel.translated(20, 30), screens) == panel.translated(20, 30)
    assert placing.clamped(panel.translated(750, 100), screens) == panel.translated(700, 100)
    assert placing.clamped(panel.translated(1150, 290), screens) == panel.translated(1100, 250)
    assert placing.clamped(QRect(-50, 0, 2000, 20), screens).topLeft() == QPoint(0, 0)
    assert placing.clamped(panel, []) == panel


def test_it_stands_beside_what_is_watched_or_nowhere() -> None:
    screens = [QRect(0, 0, 800, 600)]
    panel = QRect(600, 20, 180, 100)
    assert placing.beside(panel, [], screens) == panel
    place = placing.beside(panel, [QRect(400, 0, 400, 300)], screens)
    assert place is not None
    assert not place.intersects(QRect(400, 0, 400, 300))
    assert screens[0].contains(place)
    assert placing.beside(panel, [QRect(0, 0, 800, 600)], screens) is None
    second = [*screens, QRect(800, 0, 800, 600)]
    there = placing.beside(panel, [QRect(0, 0, 800, 600)], second)
    assert there is not None
    assert second[1].contains(there)


def test_a_screen_that_is_a_source_is_known_and_the_panel_says_that_it_is_seen(
    panel: LivePanel, qtbot: QtBot
) -> None:
    (area, *_) = placing.watched([Address(SourceKind.SCREEN, "1", "screen 1")])
    whole = placing.screens()[0]
    assert area.contains(whole)
    part = Address(SourceKind.SCREEN, "1", "screen 1", (10, 20, 300, 200))
    assert placing.watched([part, "text"]) == [QRect(10, 20, 300, 200)]
    assert placing.watched([Address(SourceKind.WINDOW, "*", "w")]) == []
    panel.show_up()
    panel.move(0, 0)
    panel.keep_out_of([QRect(0, 0, 330, 330)])
    assert not panel.in_picture
    assert not panel.geometry().intersects(QRect(0, 0, 330, 330))
    panel.keep_out_of([whole])
    assert panel.in_picture
    assert panel.note.isVisibleTo(panel)
    panel.exclusion = Exclusion.DONE
    assert not panel.in_picture


# Kept out of captures


class Library:
    """Remembers what is called, and answers as a system would."""

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.calls.append((name, *arguments))
            return self.answers[name].pop(0)

        self.__dict__[name] = call
        return call


@pytest.mark.parametrize(("answer", "found"), [(1, Exclusion.DONE), (0, Exclusion.REFUSED)])
def test_windows_is_asked_for_it(answer: int, found: Exclusion) -> None:
    user32 = Library({"SetWindowDisplayAffinity": [answer]})
    assert exclude(77, "win32", lambda name: {"user32": user32}[name]) is found
    assert user32.calls == [("SetWindowDisplayAffinity", 77, 0x11)]


@pytest.mark.parametrize(("kept", "found"), [(0, Exclusion.DONE), (1, Exclusion.REFUSED)])
def test_macos_is_asked_for_it(kept: int, found: Exclusion) -> None:
    objc = Library({"sel_registerName": [1, 2, 3], "objc_msgSend": [500, None, kept]})
    assert exclude(77, "darwin", lambda _name: objc) is found
    sent = [call[1:] for call in objc.calls if call[0] == "objc_msgSend"]
    assert sent == [(77, 1), (500, 2, 0), (500, 3)]
    names = [call[1] for call in objc.calls if call[0] == "sel_registerName"]
    assert names == [b"window", b"setSharingType:", b"sharingType"]


def test_other_systems_have_no_way_and_say_so() -> None:
    assert exclude(77, "linux") is Exclusion.IMPOSSIBLE
    assert "sees it" in seen_text(Exclusion.IMPOSSIBLE)
    assert "Kept out" in seen_text(Exclusion.DONE)

    def missing(_name: str) -> Any:
        raise OSError("no such library")

    assert exclude(77, "win32", missing) is Exclusion.REFUSED


# In the window


def test_the_panel_is_shown_and_put_away_with_a_key(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.call.panel
    qtbot.keyClick(window, Key.Key_T, Modifier.ControlModifier)
    assert panel.isVisible()
    assert window.call.show_panel.isChecked()
    flags = panel.windowFlags()
    assert flags & Qt.WindowType.WindowStaysOnTopHint
    assert flags & Qt.WindowType.FramelessWindowHint
    assert "sees it" in panel.toolTip(), "X11 cannot hide it"
    buttons = panel.findChildren(QToolButton)
    assert len(buttons) == 5
    for button in buttons:
        assert button.accessibleName()
        assert button.toolTip()
        assert not button.icon().isNull()
        assert button.focusPolicy() == Qt.FocusPolicy.StrongFocus
    with qtbot.waitActive(panel):
        panel.activateWindow()
    qtbot.keyClick(panel, Key.Key_Escape)
    assert not panel.isVisible()
    assert not window.call.show_panel.isChecked()


def test_its_buttons_do_what_they_say(playing: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    call = playing.call
    call.show_panel.trigger()
    call.refresh()
    pause, mark, snapshot, challenge, back = call.panel.findChildren(QToolButton)
    playing.extras.snapshots.folder = tmp_path
    with qtbot.waitActive(call.panel):
        call.panel.activateWindow()
    with qtbot.waitSignal(playing.extras.snapshots.saved, timeout=WAIT_MS):
        qtbot.keyClick(snapshot, Key.Key_Space)
    mark.click()
    (event,) = [e for e in playing.desk.log.events if e.kind is EventKind.MARK]
    assert event.text == "Mark"
    pause.click()
    assert playing.player.paused
    assert pause.accessibleName() == "Go on with the analysis"
    assert "Ctrl+Shift+Space" in pause.toolTip()
    challenge.click()
    assert call.challenges.guide.isVisible()
    playing.hide()
    back.click()
    assert playing.isVisible()


def test_who_is_there_reaches_panel_and_tray(
    window: MainWindow, face_clip: Path, qtbot: QtBot
) -> None:
    call = window.call
    call.show_panel.trigger()
    assert (call.tray.kind, call.panel.headline.text()) == (state_icon.IDLE, "No source")
    window.open(str(face_clip))
    wait_for(qtbot, lambda: bool(call.state.people))
    wait_for(qtbot, lambda: call.state.people[0].verdict.probability is not None)
    call.refresh()
    assert call.state.gravest is not None
    assert call.panel.headline.text() == call.state.headline
    assert call.tray.kind == kind_of(call.state)
    assert call.state.headline in call.tray.tip
    window.start_or_stop()
    call.refresh()
    assert call.tray.kind == state_icon.IDLE


def test_a_system_without_a_tray_loses_nothing(window: MainWindow) -> None:
    tray = window.call.tray
    assert not tray.shown, "Qt's offscreen platform has none"
    assert tray.message("a", "b") is False
    entries = [a.text() for a in tray.menu.actions() if not a.isSeparator()]
    assert entries == ["Show the &window", "&Live panel", "&Pause all analysis", "&Quit"]


def test_a_file_is_paused_and_goes_on(playing: MainWindow, qtbot: QtBot) -> None:
    call = playing.call
    playing.call.refresh()
    qtbot.keyClick(playing, Key.Key_Space, Modifier.ControlModifier | Modifier.ShiftModifier)
    wait_for(qtbot, lambda: playing.state is SourceState.PAUSED)
    settle(playing, qtbot)
    assert call.state.headline == "Paused: nothing is analysed"
    assert call.tray.kind == state_icon.PAUSED
    call.pause.trigger()
    wait_for(qtbot, lambda: playing.state is not SourceState.PAUSED)
    assert not playing.player.paused
    call.pause.trigger()
    wait_for(qtbot, lambda: playing.state is SourceState.PAUSED)
    qtbot.keyClick(playing, Key.Key_Space)
    assert not playing.player.paused, "who plays it on wants no pause"


def test_a_camera_is_let_go_and_everything_begins_anew(
    qtbot: QtBot, config: Config, units: list[Unit]
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with camera(units) as (url, _):
        window.open(url)
        wait_for(qtbot, lambda: bool(window.call.state.people))
        before = {p.track_id for p in window.call.state.people}
        window.call.pause.trigger()
        wait_for(qtbot, lambda: window.state is SourceState.PAUSED)
        window.call.refresh()
        wait_for(qtbot, lambda: window.canvas.notice.headline == "Paused")
        assert "Nothing is analysed" in window.canvas.notice.detail
        assert window.canvas.notice.old, "no box stays on it"
        assert window.call.state.people == ()
        assert window.call.tray.kind == state_icon.PAUSED
        history = window.desk.history
        assert history is not None
        view = window.player.view(window.desk.source_id)
        assert view is not None
        wait_for(qtbot, lambda: view.counts.in_flight == 0)
        qtbot.wait(100)
        version = history.picture().version
        qtbot.wait(300)
        assert history.picture().version == version
        assert history.present()[1] != ()
        assert history.present(1)[1] == (), "who was there before is not there now"
        window.call.pause.trigger()
        wait_for(qtbot, lambda: bool(window.call.state.people))
        after = {p.track_id for p in window.call.state.people}
        assert before.isdisjoint(after), "nobody is who they were"
        lanes = history.picture().lanes
        assert {lane.track_id for lane in lanes if lane.present}.isdisjoint(before)
        kinds = [event.kind for event in window.desk.log.events]
        assert EventKind.SOURCE_LOST not in kinds, "a pause is no loss"
        window.close()


def test_a_pause_while_opening_holds_and_another_source_ends_it(
    window: MainWindow, clip: Path, qtbot: QtBot
) -> None:
    window.open(str(clip))
    window.call.refresh()
    window.call.pause.trigger()
    wait_for(qtbot, lambda: window.state is SourceState.PAUSED)
    assert window.player.paused
    window.open(str(clip))
    assert not window.player.paused
    wait_for(qtbot, lambda: window.state is SourceState.LIVE)


def test_an_alert_in_the_log_is_notified_once(playing: MainWindow, qtbot: QtBot) -> None:
    call = playing.call
    sent: list[object] = []
    call.notifier.send = sent.append  # type: ignore[method-assign]
    alert = Event(EventKind.ALERT, 1.0, 0.0, playing.desk.source_id, 4, "Strong evidence 0.81")
    playing.desk.log.add([alert])
    call.refresh()
    call.refresh()
    (told,) = sent
    assert "person 4" in str(told)
    assert "file" in str(told)


def test_the_window_closes_with_panel_and_guide_open(playing: MainWindow, qtbot: QtBot) -> None:
    playing.call.show_panel.trigger()
    playing.call.challenges.open()
    playing.close()
    assert not playing.call.challenges.guide.isVisible()
