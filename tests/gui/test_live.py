"""One live source in the window: what it says in every state, and that nothing old looks live."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, Qt

from realtime.config import Config
from realtime.errors import ExitCode
from realtime.events import Event, EventKind
from realtime.sources import parse
from realtime.types import SourceState
from realtime.window.main_window import MainWindow
from realtime.window.states import live_notice
from tests.contract import results
from tests.gui.conftest import opened
from tests.gui.live import Watch, camera, close_in_time, quick, says_no_secret, wait_for
from tests.gui.test_canvas import pixels
from tests.gui.test_states import status
from tests.servers.scripted import Script, Unit
from tests.servers.sockets import serving, silent

Key = Qt.Key


@pytest.fixture
def live(qtbot: QtBot, config: Config) -> Iterator[MainWindow]:
    """An empty window with short deadlines."""
    yield from opened(MainWindow(quick(config)), qtbot)


def is_live(window: MainWindow) -> bool:
    return window.state is SourceState.LIVE and bool(
        window.canvas.result is not None and not window.canvas.notice
    )


def test_a_stream_is_shown_with_an_account_of_every_frame(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with camera(units) as (url, _):
        live.open(url)
        assert live.state is SourceState.CONNECTING
        says_no_secret(live)
        wait_for(qtbot, lambda: is_live(live))
        wait_for(qtbot, lambda: "delay" in live.figures.full_text)
        says_no_secret(live)
        text = live.figures.full_text
        found = re.search(
            r"captured (\d+) = analysed (\d+) \+ dropped (\d+).* \+ in flight (\d+)", text
        )
        assert found is not None, text
        captured, *parts = map(int, found.groups())
        assert captured == sum(parts)
        assert text.startswith("Live · ")
        assert "CPU" in text
        assert "tiny" in text
        # There is no file to seek in, only the last minutes.
        assert not live.controls.isVisible()
        assert live.actions_.end.text() == "Back to the l&ive picture"
        live.file.seek(0.0)
        assert live.windowTitle().startswith("rtsp://")
        close_in_time(live)


def test_a_stall_dims_the_last_picture_and_says_its_age(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with camera(units, count=25, silence_s=30.0) as (url, _):
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
        wait_for(qtbot, lambda: live.state is SourceState.STALLED)
        ages = Watch(lambda: live.canvas.notice.detail)
        wait_for(qtbot, lambda: live.canvas.notice.headline == "No picture")
        wait_for(qtbot, lambda: ages.look() and len(ages.seen) >= 2)
        notice = live.canvas.notice
        assert notice.old
        assert re.search(r"last picture is \d s old", notice.detail)
        shown = pixels(live.canvas)
        edge = shown[shown.shape[0] // 2 - 200 : shown.shape[0] // 2 - 150]
        assert (edge[..., 0] == edge[..., 1]).all()
        assert (edge[..., 1] == edge[..., 2]).all()
        assert edge.max() < 110
        assert "delay" not in live.figures.full_text


def test_a_camera_that_dies_is_counted_down_and_shown_again_when_it_returns(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with camera(units) as (url, server):
        port = server.port
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
    wait_for(qtbot, lambda: live.canvas.notice.headline == "Reconnecting")
    detail = Watch(lambda: live.canvas.notice.detail)

    def countdown() -> set[str]:
        return {n for text in detail.seen for n in re.findall(r"Attempt \d+ in (\d+) s", text)}

    wait_for(qtbot, lambda: detail.look() and len(countdown()) >= 2)
    assert live.canvas.notice.old
    assert "old" in live.canvas.notice.detail
    assert "Nothing listens" in detail.seen[-1] or "no connection" in live.figures.full_text
    says_no_secret(live)
    with camera(units, port=port):
        wait_for(qtbot, lambda: is_live(live))
        result = live.canvas.result
        assert result is not None
        assert result.frame.epoch >= 1
        close_in_time(live)


def test_a_wrong_password_is_said_without_it(live: MainWindow, qtbot: QtBot) -> None:
    script = Script((), users={"me": "right"})
    with serving(script.serve) as server:
        live.open(f"rtsp://me:hunter2@127.0.0.1:{server.port}/live")
        wait_for(qtbot, lambda: live.canvas.notice.headline == "Reconnecting")
        assert "password" in live.canvas.notice.detail
        assert "wrong password" in live.figures.full_text
        # A camera may lock out who tries too often: the longest wait at once.
        assert re.search(r"in [345] s", live.canvas.notice.detail)
        says_no_secret(live)


def test_closing_while_connecting_is_quick(live: MainWindow, qtbot: QtBot) -> None:
    with serving(silent) as server:
        live.open(f"rtsp://me:hunter2@127.0.0.1:{server.port}/live")
        wait_for(qtbot, lambda: server.connections > 0)
        assert live.canvas.notice.headline in ("Connecting", "")
        says_no_secret(live)
        close_in_time(live)


def test_another_source_can_be_opened_while_one_does_not_answer(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with serving(silent) as server, camera(units) as (url, _):
        live.open(f"rtsp://127.0.0.1:{server.port}/live")
        wait_for(qtbot, lambda: live.canvas.notice.headline == "Connecting")
        live.open(parse(url))
        wait_for(qtbot, lambda: is_live(live))
        live.reopen()
        assert live.state is SourceState.CONNECTING
        wait_for(qtbot, lambda: is_live(live))
        assert live.exit_code is ExitCode.OK


def test_space_holds_the_picture_while_the_analysis_goes_on(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with camera(units) as (url, _):
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
        qtbot.keyClick(live, Key.Key_Space)
        held = live.canvas.result
        engine = live.player.engine
        assert engine is not None
        assert live.canvas.notice.headline == "Picture held"
        assert live.canvas.notice.strip
        assert live.actions_.play.text() == "Show the &live picture"
        before = engine.sources[0].counts.analysed
        wait_for(qtbot, lambda: engine.sources[0].counts.analysed > before + 5)
        assert live.canvas.result is held
        assert "the analysis goes on" in live.canvas.notice.detail
        qtbot.keyClick(live, Key.Key_Space)
        wait_for(qtbot, lambda: live.canvas.result is not held and is_live(live))


def test_a_held_picture_is_let_go_when_the_source_is_lost(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with camera(units) as (url, _):
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
        live.toggle_play()
    wait_for(qtbot, lambda: live.canvas.notice.headline == "Reconnecting")
    assert live.canvas.notice.old


def test_from_a_stream_to_a_file_and_back_to_nothing(
    live: MainWindow, units: list[Unit], clip: object, qtbot: QtBot
) -> None:
    with camera(units) as (url, _):
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
        live.open(str(clip))
        wait_for(qtbot, lambda: live.player.pipeline is not None)
        wait_for(qtbot, lambda: live.canvas.result is not None)
        assert not live.canvas.notice
        assert live.controls.isVisible()
        live.open("/nowhere.mp4")
        wait_for(qtbot, live.banner.isVisible)
        assert live.start_page.isVisible()
        assert not live.controls.isVisible()


def test_an_old_result_is_never_shown_as_live(live: MainWindow, qtbot: QtBot) -> None:
    """Whatever the source says of itself: the picture's own age counts."""
    image = np.full((90, 160, 3), (0, 0, 200), np.uint8)
    live.canvas.show_result(results.result(0, image=image, face=False))
    result = live.canvas.result
    assert result is not None
    now = result.frame.captured_mono + 3.0
    live.canvas.set_notice(live_notice(status(SourceState.LIVE), now, result.frame))
    assert live.canvas.notice.old
    assert live.canvas.notice.headline == "Late"


def test_a_click_on_the_time_line_and_brackets_go_back_and_space_returns(
    live: MainWindow, units: list[Unit], qtbot: QtBot, tmp_path: Path
) -> None:
    with camera(units) as (url, _):
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
        past, line = live.live.past, live.desk.timeline
        wait_for(qtbot, lambda: time.monotonic() - past.oldest > 2.0)
        wait_for(qtbot, lambda: bool(line.toolTip()))
        then = past.oldest + 0.7
        where = line.mapFromScene(line.getViewBox().mapViewToScene(QPointF(then, 0.0)))
        qtbot.mouseClick(line.viewport(), Qt.MouseButton.LeftButton, pos=where)
        wait_for(qtbot, lambda: live.live.held is True)
        assert past.here == pytest.approx(then, abs=0.6)
        assert live.canvas.notice.headline.endswith(" ago")
        assert not live.canvas.notice.old
        assert live.actions_.play.text() == "Show the &live picture"
        engine = live.player.engine
        assert engine is not None
        before = engine.sources[0].counts.analysed
        wait_for(qtbot, lambda: engine.sources[0].counts.analysed > before + 5)
        assert past.here == pytest.approx(then, abs=0.6)
        wait_for(qtbot, lambda: abs(line._head.value() - past.here) < 1e-6)
        # What is drawn and hidden is drawn and hidden there too.
        plain = pixels(live.canvas)
        qtbot.keyClick(live, Key.Key_B)
        assert (pixels(live.canvas) != plain).any()
        qtbot.keyClick(live, Key.Key_Space)
        wait_for(qtbot, lambda: is_live(live))
        assert not live.live.held
        event = Event(EventKind.ALERT, then, time.time(), live.desk.source_id, None, "Strong")
        live.desk.log.add([event])
        assert live.live.age_s < 2.0
        qtbot.keyClick(live, Key.Key_BracketLeft)
        assert live.live.held
        assert past.here == pytest.approx(then, abs=0.3)
        # A snapshot of the past is named by it.
        assert live.live.age_s == pytest.approx(time.monotonic() - then, abs=0.5)
        named: list[str] = []
        live.extras.snapshots.folder = tmp_path
        live.extras.snapshots.saved.connect(named.append)
        live.canvas.grab()
        live.extras.snapshots.take(live.canvas.snapshot(), 86400.0)
        wait_for(qtbot, lambda: len(named) == 1)
        assert time.strftime("%Y%m%d", time.localtime(time.time() - 86400)) in named[0]
        qtbot.keyClick(live, Key.Key_End)
        assert not live.live.held
        qtbot.keyClick(live, Key.Key_Comma)
        assert live.live.held
        close_in_time(live)


def test_a_source_that_dies_while_one_looks_back_is_said_to(
    live: MainWindow, units: list[Unit], qtbot: QtBot
) -> None:
    with camera(units) as (url, _):
        live.open(url)
        wait_for(qtbot, lambda: is_live(live))
        wait_for(qtbot, lambda: time.monotonic() - live.live.past.oldest > 1.0)
        qtbot.keyClick(live, Key.Key_Home)
        assert live.live.held
    wait_for(qtbot, lambda: live.canvas.notice.detail.startswith("Reconnecting."))
    assert live.canvas.notice.headline.endswith(" ago")
    qtbot.keyClick(live, Key.Key_End)
    assert live.canvas.notice.headline == "Reconnecting"
    assert live.canvas.notice.old
