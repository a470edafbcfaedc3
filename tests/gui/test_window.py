"""The window on a real pipeline: open, play, step, seek, switch layers, fail, and close."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QMessageBox

from realtime.config import Config, ScorerConfig
from realtime.errors import ExitCode, SourceCode, SourceError
from realtime.sinks.jsonl import JsonlSink
from realtime.sources import FileSource
from realtime.types import SourceInfo, SourceState
from realtime.window import player
from realtime.window.app import catch_exceptions
from realtime.window.main_window import MainWindow
from tests.gui.conftest import WAIT_MS, settle, shown_index

Key = Qt.Key


def press(window: MainWindow, qtbot: QtBot, key: int) -> None:
    qtbot.keyClick(window, key)


def wait(qtbot: QtBot, ready: Callable[[], bool]) -> None:
    qtbot.waitUntil(ready, timeout=WAIT_MS)


def shown_time(window: MainWindow) -> float:
    result = window.canvas.result
    return -1.0 if result is None else result.frame.time_s


def close_in_time(window: MainWindow) -> None:
    """Closing joins everything; `no_thread_survives` would find what it forgot."""
    before = time.monotonic()
    window.close()
    assert time.monotonic() - before < 2.5
    assert not [t.name for t in threading.enumerate() if t.name.startswith("fw-")]


def test_an_empty_window_invites(window: MainWindow) -> None:
    assert window.start_page.isVisible()
    assert window.state is None
    assert window.figures.full_text == "No source"
    assert not window.actions_.play.isEnabled()
    assert window.exit_code is ExitCode.OK


def test_a_clip_plays_to_its_end_and_again(window: MainWindow, clip: Path, qtbot: QtBot) -> None:
    window.open(str(clip))
    assert window.state is SourceState.CONNECTING
    assert window.canvas.state_text == "Opening"
    wait(qtbot, lambda: window.state is SourceState.ENDED)
    wait(qtbot, lambda: shown_index(window) == 74)
    assert window.canvas.state_text == "Ended"
    assert window.windowTitle() == "numbers.mp4 — fakewatch"
    assert window.controls.time.text() == "0:02.9 / 0:03.0"
    press(window, qtbot, Key.Key_Space)
    wait(qtbot, lambda: 0 <= shown_index(window) < 40)
    assert window.canvas.state_text == ""


def test_what_was_loaded_is_kept_from_the_garbage_collector_once(
    window: MainWindow, clip: Path, qtbot: QtBot
) -> None:
    window.open(str(clip))
    wait(qtbot, lambda: window.canvas.result is not None)
    assert gc.get_freeze_count() > len(gc.get_objects())
    gc.unfreeze()
    window.open(str(clip))
    wait(qtbot, lambda: not window.player.opening)
    assert gc.get_freeze_count() == 0


def test_the_status_bar_accounts_for_every_frame(playing: MainWindow, qtbot: QtBot) -> None:
    wait(qtbot, lambda: playing.state is SourceState.ENDED)
    wait(qtbot, lambda: "in flight 0" in playing.figures.full_text)
    text = playing.figures.full_text
    assert text.startswith("Ended · ")
    for part in ("fps", "analysed 75", "dropped 0", "delay", "CPU", "tiny"):
        assert part in text


def test_space_pauses_and_plays(playing: MainWindow, qtbot: QtBot) -> None:
    press(playing, qtbot, Key.Key_Space)
    wait(qtbot, lambda: playing.state is SourceState.PAUSED)
    settle(playing, qtbot)
    assert playing.canvas.state_text == "Paused"
    stays = shown_index(playing)
    qtbot.wait(150)
    assert shown_index(playing) == stays
    press(playing, qtbot, Key.Key_Space)
    wait(qtbot, lambda: shown_index(playing) > stays)


def test_full_stop_and_comma_step_one_frame(paused: MainWindow, qtbot: QtBot) -> None:
    paused.file.seek(1.0)
    wait(qtbot, lambda: shown_index(paused) == 25)
    for expected in (26, 27, 28):
        press(paused, qtbot, Key.Key_Period)
        wait(qtbot, lambda n=expected: shown_index(paused) == n)
    for expected in (27, 26, 25, 24):
        press(paused, qtbot, Key.Key_Comma)
        wait(qtbot, lambda n=expected: shown_index(paused) == n)
    assert paused.state is SourceState.PAUSED


def test_a_step_pauses_what_plays(playing: MainWindow, qtbot: QtBot) -> None:
    press(playing, qtbot, Key.Key_Period)
    wait(qtbot, lambda: playing.state is SourceState.PAUSED)


def test_home_end_and_arrows_seek(paused: MainWindow, qtbot: QtBot) -> None:
    press(paused, qtbot, Key.Key_End)
    wait(qtbot, lambda: shown_index(paused) == 74)
    press(paused, qtbot, Key.Key_Home)
    wait(qtbot, lambda: shown_index(paused) == 0)
    press(paused, qtbot, Key.Key_Right)  # five seconds on is beyond the end
    wait(qtbot, lambda: shown_index(paused) == 74)
    press(paused, qtbot, Key.Key_Left)
    wait(qtbot, lambda: shown_index(paused) == 0)
    assert paused.controls.slider.value() == 0


def test_a_click_on_the_slider_goes_there(paused: MainWindow, qtbot: QtBot) -> None:
    slider = paused.controls.slider
    middle = QPoint(slider.width() // 2, slider.height() // 2)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=middle)
    wait(qtbot, lambda: abs(shown_time(paused) - 1.5) < 0.15)
    settle(paused, qtbot)
    assert abs(slider.value() / 1000 - shown_time(paused)) < 0.05


def test_many_seeks_end_at_the_last(playing: MainWindow, qtbot: QtBot) -> None:
    for i in range(40):
        playing.controls.slider.sought.emit(i % 7 * 0.4)
    playing.toggle_play()
    playing.file.seek(2.0)
    wait(qtbot, lambda: shown_index(playing) == 50)


def test_frames_from_before_a_jump_do_not_move_the_slider(
    playing: MainWindow, qtbot: QtBot
) -> None:
    playing.toggle_play()
    settle(playing, qtbot)
    old = playing.canvas.result
    assert old is not None
    playing.file.seek(2.0)
    playing.file.show(old)
    assert playing.controls.slider.value() == 2000
    wait(qtbot, lambda: shown_index(playing) == 50)
    assert playing.controls.slider.value() == 2000


def test_layers_follow_their_keys(window: MainWindow, face_clip: Path, qtbot: QtBot) -> None:
    window.open(str(face_clip))
    wait(qtbot, lambda: window.canvas.result is not None and bool(window.canvas.result.heat))
    window.toggle_play()
    settle(window, qtbot)
    result = window.canvas.result
    assert result is not None
    assert result.heat
    pictures = [window.canvas.grab().toImage()]
    for key, name in ((Key.Key_H, "heat"), (Key.Key_B, "boxes"), (Key.Key_T, "labels")):
        before = getattr(window.canvas.layers, name)
        press(window, qtbot, key)
        assert getattr(window.canvas.layers, name) is not before
        pictures.append(window.canvas.grab().toImage())
    assert all(a != b for a, b in pairwise(pictures))


def test_a_bad_file_is_said_and_another_can_be_opened(
    window: MainWindow, clip: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"this is no video at all" * 100)
    window.open(str(bad))
    wait(qtbot, window.banner.isVisible)
    assert "bad.mp4" in window.banner.text
    assert "\n" not in window.banner.text
    assert window.start_page.isVisible()
    assert window.exit_code is ExitCode.SOURCE
    window.open(str(clip))
    assert not window.banner.isVisible()
    wait(qtbot, lambda: shown_index(window) >= 0)
    assert window.exit_code is ExitCode.OK


@pytest.mark.parametrize("text", ["", "http://user:secret@host/x", "/nowhere/at/all.mp4"])
def test_what_cannot_be_opened_is_one_sentence(window: MainWindow, text: str, qtbot: QtBot) -> None:
    window.open(text)
    wait(qtbot, window.banner.isVisible)
    assert window.banner.text.endswith(".")
    assert "secret" not in window.banner.text
    assert "Traceback" not in window.banner.text


def test_a_long_name_does_not_widen_the_window(window: MainWindow, qtbot: QtBot) -> None:
    before = window.width()
    window.open("/" + "x" * 240)
    wait(qtbot, window.banner.isVisible)
    qtbot.wait(20)
    assert window.width() == before
    assert "x" * 240 in window.banner.text


def test_a_bad_model_is_said(clip: Path, tmp_path: Path, qtbot: QtBot, qapp: object) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"garbage")
    window = MainWindow(Config(scorer=ScorerConfig(model=str(model))))
    qtbot.addWidget(window)
    window.show()
    window.open(str(clip))
    wait(qtbot, window.banner.isVisible)
    assert "model.onnx" in window.banner.text
    assert window.exit_code is ExitCode.MODEL
    window.close()


def test_an_output_that_breaks_stops_the_run_with_a_sentence(
    config: Config, clip: Path, qtbot: QtBot, qapp: object
) -> None:
    sink = JsonlSink(Path("/dev/full"))
    window = MainWindow(config, extra_sinks=[sink])
    qtbot.addWidget(window)
    window.show()
    window.open(str(clip))
    wait(qtbot, window.banner.isVisible)
    assert "/dev/full" in window.banner.text
    assert window.exit_code is ExitCode.USAGE
    assert window.state is SourceState.FAILED
    assert not window.actions_.play.isEnabled()
    window.close()
    sink.close()


def test_the_newest_of_many_requests_wins(
    window: MainWindow, clip: Path, face_clip: Path, qtbot: QtBot
) -> None:
    for _ in range(5):
        window.open(str(face_clip))
        window.open("/nowhere.mp4")
    window.open(str(clip))
    wait(qtbot, lambda: shown_index_or_none(window) is not None)
    assert window.windowTitle() == "numbers.mp4 — fakewatch"
    assert not window.banner.isVisible()
    close_in_time(window)


def shown_index_or_none(window: MainWindow) -> int | None:
    result = window.canvas.result
    if result is None or result.frame.image.shape != (240, 320, 3):
        return None
    return shown_index(window)


def test_a_file_can_be_chosen(
    window: MainWindow, clip: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(clip), ""))
    qtbot.keyClick(window, Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, lambda: shown_index(window) >= 0)


def test_a_file_can_be_dropped(window: MainWindow, clip: Path, qtbot: QtBot) -> None:
    copy, left, none = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    data = QMimeData()
    data.setUrls([QUrl("ftp://example.org/x.mp4")])
    refused = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    refused.ignore()
    window.dragEnterEvent(refused)
    assert not refused.isAccepted()
    data.setUrls([QUrl("ftp://example.org/x.mp4"), QUrl.fromLocalFile(str(clip))])
    taken = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    taken.ignore()
    window.dragEnterEvent(taken)
    assert taken.isAccepted()
    window.dropEvent(QDropEvent(QPointF(9, 9), copy, data, left, none))
    wait(qtbot, lambda: shown_index(window) >= 0)


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)<script>.mp4", "a\nb.mp4", "שלום עולם.mp4", "x[*]y.mp4", "a\u202egpj.mp4"],
)
def test_odd_names_are_shown_as_plain_text(
    window: MainWindow, tmp_path: Path, name: str, qtbot: QtBot
) -> None:
    bad = tmp_path / name
    bad.write_bytes(b"x" * 100)
    window.open(str(bad))
    assert "\n" not in window.windowTitle()
    assert "\u202e" not in window.windowTitle()
    wait(qtbot, window.banner.isVisible)
    assert window.banner._label.textFormat() == Qt.TextFormat.PlainText
    assert "\n" not in window.banner.text
    assert "\u202e" not in window.banner.text


@pytest.mark.parametrize("moment", ["idle", "opening", "playing", "paused", "seeking", "ended"])
def test_closing_is_clean_at_any_moment(
    window: MainWindow, clip: Path, qtbot: QtBot, moment: str
) -> None:
    if moment != "idle":
        window.open(str(clip))
    if moment not in ("idle", "opening"):
        wait(qtbot, lambda: shown_index(window) >= 0)
    if moment == "paused":
        window.toggle_play()
        wait(qtbot, lambda: window.state is SourceState.PAUSED)
    if moment == "seeking":
        window.file.seek(2.9)
        window.file.seek(0.1)
    if moment == "ended":
        wait(qtbot, lambda: window.state is SourceState.ENDED)
    close_in_time(window)


def test_closing_while_a_model_loads_is_clean(window: MainWindow, clip: Path, qtbot: QtBot) -> None:
    for pause_ms in (0, 5, 20, 50, 100):
        window.show()
        window.open(str(clip))
        qtbot.wait(pause_ms)
        close_in_time(window)


def test_closing_while_a_source_does_not_open_is_clean(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(FileSource):
        """Waits in ``open`` until it is closed, as a server does that never answers."""

        opening, closed = threading.Event(), threading.Event()

        def open(self) -> SourceInfo:
            self.opening.set()
            self.closed.wait(60)
            raise SourceError("The source was closed.", SourceCode.TIMEOUT)

        def close(self) -> None:
            self.closed.set()
            super().close()

    monkeypatch.setattr(player, "FileSource", Deaf)
    window.open("silent.mp4")
    wait(qtbot, Deaf.opening.is_set)
    assert window.state is SourceState.CONNECTING
    close_in_time(window)
    assert not window.banner.isVisible()


def test_an_error_in_a_slot_is_shown_and_logged(
    window: MainWindow, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("see rtsp://me:secret@host/x")

    # As Qt finds it: in the middle of an event, with nobody above to catch it.
    window.actions_.about.triggered.disconnect()
    window.actions_.about.triggered.connect(broken)
    left: list[None] = []
    before = sys.excepthook
    with catch_exceptions(window.report_trouble, lambda: left.append(None)) as interrupted:
        window.actions_.about.trigger()
        wait(qtbot, window.banner.isVisible)
    assert sys.excepthook is before
    assert "ValueError" in caplog.text
    assert window.banner.text.startswith("Internal error")
    assert "secret" not in window.banner.text
    assert not left
    assert not interrupted


def test_an_interrupt_leaves(window: MainWindow) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    window.actions_.about.triggered.disconnect()
    window.actions_.about.triggered.connect(interrupt)
    left: list[None] = []
    with catch_exceptions(window.report_trouble, lambda: left.append(None)) as interrupted:
        window.actions_.about.trigger()
    assert len(left) == len(interrupted) == 1
    assert not window.banner.isVisible()


def test_loop_starts_again(clip: Path, config: Config, qtbot: QtBot, qapp: object) -> None:
    window = MainWindow(config, loop=True)
    qtbot.addWidget(window)
    window.show()
    window.open(str(clip))
    wait(qtbot, lambda: shown_index(window) > 60)
    wait(qtbot, lambda: 0 <= shown_index(window) < 30)
    assert window.canvas.result is not None
    assert window.canvas.result.frame.epoch > 0
    window.close()


def test_full_screen_and_back(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, Key.Key_F11)
    assert window.isFullScreen()
    menu = window.menuBar()
    assert menu is not None
    assert not menu.isVisible()
    press(window, qtbot, Key.Key_H)
    assert window.canvas.layers.heat
    press(window, qtbot, Key.Key_Escape)
    assert not window.isFullScreen()
    assert menu.isVisible()


def test_about_opens_without_blocking(window: MainWindow) -> None:
    window.actions_.about.trigger()
    boxes = window.findChildren(QMessageBox)
    assert len(boxes) == 1
    assert boxes[0].textFormat() == Qt.TextFormat.PlainText
    boxes[0].close()


def test_every_key_belongs_to_one_action(window: MainWindow) -> None:
    keys = [a.shortcut().toString() for a in window.actions() if not a.shortcut().isEmpty()]
    assert len(keys) == len(set(keys)) >= 15


def test_the_line_of_figures_is_cut_where_there_is_no_room(
    paused: MainWindow, qtbot: QtBot
) -> None:
    paused.resize(paused.minimumSize())
    label = paused.figures
    wait(qtbot, lambda: label.text().endswith("…"))
    assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()
    assert label.full_text.startswith(label.text()[:-1])
