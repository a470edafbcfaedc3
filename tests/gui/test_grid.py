"""Many sources in one window: a tile each, the dead ones too, painted without haste."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from realtime import outputs
from realtime.config import Config, EvidenceConfig, MetricsConfig, SourceEntry
from realtime.errors import ConfigError, ExitCode
from realtime.events import Event, EventKind
from realtime.redact import MASK
from realtime.sinks.base import Sink
from realtime.types import FrameCounts, SourceState, VerdictState
from realtime.window.bridge import Bridge
from realtime.window.grid import FASTEST_S, Grid, cells
from realtime.window.job import Wanted
from realtime.window.live_play import census, total
from realtime.window.main_window import MainWindow
from realtime.window.tile import LABELS_FROM_PX, Tile
from realtime.window.viewport import FIT
from tests.contract import results
from tests.gui.live import camera, close_in_time, quick, says_no_secret, wait_for
from tests.gui.test_states import status
from tests.servers.scripted import Unit

Key = Qt.Key


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def four(
    qtbot: QtBot, config: Config, units: list[Unit], dead_port: int, tmp_path: Path
) -> Iterator[MainWindow]:
    """Two cameras that live, one that nobody can reach, and a file that is not there."""
    with camera(units) as (url, _):
        sources = (
            SourceEntry(name="hall", url=url),
            SourceEntry(name="gate", url=f"rtsp://me:hunter2@127.0.0.1:{dead_port}/live"),
            SourceEntry(name="off", source="0", enabled=False),
            SourceEntry(name="archive", source=str(tmp_path / "gone.mp4")),
            SourceEntry(name="yard", url=url),
        )
        window = MainWindow(quick(config))
        qtbot.addWidget(window)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        window.open_many(replace(quick(config), sources=sources), "cameras.toml")
        yield window
        window.close()


def tile(window: MainWindow, name: str) -> Tile:
    return next(one for one in window.grid.tiles if one.name == name)


def state(window: MainWindow, name: str) -> SourceState:
    return tile(window, name).live.status.state


def settled(window: MainWindow) -> bool:
    if len(window.grid.tiles) != 4:
        return False
    living = all(tile(window, name).caption.verdict for name in ("hall", "yard"))
    return (
        living
        and state(window, "gate") is SourceState.RECONNECTING
        and state(window, "archive") is SourceState.FAILED
    )


def test_every_source_has_a_tile_that_says_how_it_is(four: MainWindow, qtbot: QtBot) -> None:
    assert four.windowTitle() == "cameras.toml — fakewatch"
    wait_for(qtbot, lambda: settled(four))
    assert [one.name for one in four.grid.tiles] == ["hall", "gate", "archive", "yard"]
    assert four.grid.isVisible()
    assert not four.controls.isVisible()
    hall, gate, archive = (tile(four, name) for name in ("hall", "gate", "archive"))
    assert hall.caption.state == "Live"
    assert hall.canvas.result is not None
    assert not hall.canvas.notice.old
    assert gate.caption.state.startswith("Reconnecting, attempt")
    assert gate.caption.verdict == ""
    assert gate.canvas.notice.old
    assert "Nothing listens" in gate.canvas.notice.detail
    assert archive.caption.state == "Failed (not found)"
    assert "gone.mp4" in archive.canvas.notice.detail
    assert hall.accessibleName().startswith("hall, Live, ")
    assert archive.accessibleName() == "archive, Failed (not found)"
    says_no_secret(four)


def test_one_line_adds_everything_up(four: MainWindow, qtbot: QtBot) -> None:
    wait_for(qtbot, lambda: settled(four))
    start = "4 sources: 2 live, 1 reconnecting, 1 failed · "
    wait_for(qtbot, lambda: four.figures.full_text.startswith(start))
    text = four.figures.full_text
    assert "captured" in text
    assert "CPU" in text
    four.grid.toggle(tile(four, "gate"))
    assert four.figures.full_text.startswith("gate: Reconnecting")
    assert four.exit_code is ExitCode.OK


def test_a_double_click_enlarges_a_tile_and_back(four: MainWindow, qtbot: QtBot) -> None:
    wait_for(qtbot, lambda: settled(four))
    hall, yard = tile(four, "hall"), tile(four, "yard")
    small = hall.size()
    qtbot.mouseClick(hall.canvas, Qt.MouseButton.LeftButton)
    assert hall.hasFocus()
    assert four.grid.enlarged is None
    qtbot.mouseDClick(hall.canvas, Qt.MouseButton.LeftButton)
    assert four.grid.enlarged is hall
    assert four.state is SourceState.LIVE
    assert hall.size() == four.grid.size()
    assert not yard.isVisible()
    shown = hall.canvas.result
    wait_for(qtbot, lambda: hall.canvas.result is not shown)
    qtbot.mouseDClick(hall, Qt.MouseButton.LeftButton, pos=QPoint(20, hall.height() - 5))
    assert four.grid.enlarged is None
    assert hall.size() == small
    assert yard.isVisible()


def test_only_an_enlarged_tile_is_zoomed_and_goes_back_in_time(
    four: MainWindow, qtbot: QtBot
) -> None:
    wait_for(qtbot, lambda: settled(four))
    hall = tile(four, "hall")
    four.closer.closer.trigger()
    assert hall.canvas.view == FIT
    assert not four.actions_.home.isEnabled()
    four.grid.toggle(hall)
    assert four.actions_.home.isEnabled()
    four.actions_.beside.trigger()
    four.closer.closer.trigger()
    zoomed = hall.canvas.view
    assert zoomed != FIT
    assert hall.canvas.layers.beside
    # The first double click is for the zoom.
    qtbot.mouseDClick(hall.canvas, Qt.MouseButton.LeftButton)
    assert four.grid.enlarged is hall
    assert hall.canvas.view == FIT
    hall.canvas.set_view(zoomed)
    wait_for(qtbot, lambda: len(four.live.past.spans()) == 1 and held_s(four) > 0.5)
    qtbot.keyClick(hall, Key.Key_Home)
    assert four.live.held
    assert hall.canvas.notice.headline.endswith(" ago")
    assert hall.caption.verdict
    four.grid.toggle(hall)
    assert hall.canvas.view == FIT
    assert not hall.canvas.layers.beside
    assert not hall.live.back
    assert not four.actions_.home.isEnabled()
    four.grid.toggle(hall)
    assert hall.canvas.view == zoomed


def held_s(window: MainWindow) -> float:
    """How long a time there are pictures of."""
    return sum(end - start for start, end in window.live.past.spans())


def test_an_event_leads_to_its_source(four: MainWindow, qtbot: QtBot) -> None:
    wait_for(qtbot, lambda: settled(four))
    yard = tile(four, "yard")
    wait_for(qtbot, lambda: bool(four.live.past.spans("yard")))
    then = four.live.past.spans("yard")[0][0]
    wait_for(qtbot, lambda: time.monotonic() - then > 1.0)
    four.desk.log.add([Event(EventKind.ALERT, then, time.time(), "yard", 1, "Strong")])
    four.extras.go_to(four.desk.log.events[-1])
    assert four.grid.enlarged is yard
    assert yard.live.back
    result = yard.canvas.result
    assert result is not None
    assert abs(result.frame.captured_mono - then) < 0.5
    four.extras.refresh()
    four.grid.toggle(yard)
    assert four.desk.source_id == "yard"
    four.desk.timeline.sought.emit(then)
    assert four.grid.enlarged is yard
    assert yard.live.back


def test_the_keyboard_reaches_every_tile(four: MainWindow, qtbot: QtBot) -> None:
    wait_for(qtbot, lambda: settled(four))
    hall, gate, archive, yard = four.grid.tiles
    hall.setFocus()
    for key, there in (
        (Key.Key_Right, gate),
        (Key.Key_Down, yard),
        (Key.Key_Left, archive),
        (Key.Key_Up, hall),
        (Key.Key_Up, hall),
    ):
        qtbot.keyClick(four.focusWidget(), key)
        assert there.hasFocus()
    qtbot.keyClick(hall, Key.Key_Return)
    assert four.grid.enlarged is hall
    qtbot.keyClick(four, Key.Key_Escape)
    assert four.grid.enlarged is None
    qtbot.keyClick(hall, Key.Key_Space)
    assert four.grid.enlarged is hall
    before = hall.canvas.layers.boxes
    qtbot.keyClick(hall, Key.Key_B)
    assert hall.canvas.layers.boxes is not before


def test_closing_a_grid_is_quick_and_leaves_nothing(four: MainWindow, qtbot: QtBot) -> None:
    wait_for(qtbot, lambda: settled(four))
    close_in_time(four)


def test_from_the_grid_to_one_source(four: MainWindow, clip: Path, qtbot: QtBot) -> None:
    wait_for(qtbot, lambda: len(four.grid.tiles) == 4)
    four.open(str(clip))
    assert four.grid.tiles == ()
    wait_for(qtbot, lambda: four.canvas.isVisible() and four.canvas.result is not None)
    assert four.state in (SourceState.LIVE, SourceState.ENDED)


def test_a_list_of_one_is_no_grid(qtbot: QtBot, config: Config, units: list[Unit]) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with camera(units) as (url, _):
        window.open_many(replace(quick(config), sources=(SourceEntry(name="hall", url=url),)))
        wait_for(qtbot, lambda: window.canvas.result is not None)
        assert window.grid.tiles == ()
        assert MASK in window.windowTitle()
        says_no_secret(window)
        window.close()


def test_an_empty_list_is_said(qtbot: QtBot, config: Config) -> None:
    window = MainWindow(config)
    qtbot.addWidget(window)
    with pytest.raises(ConfigError, match="lists no source"):
        window.open_many(config)


class Sinks:
    """Gives each source a sink of its own and remembers what became of them."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.bridges: dict[str, Bridge] = {}

    def open(self, source_id: str, *, clips: bool = False) -> Sequence[Sink]:
        self.opened.append(f"{source_id}{' with clips' if clips else ''}")
        self.bridges[source_id] = Bridge()
        return (self.bridges[source_id],)

    def tap(self, source_id: str) -> None:
        return None

    def close_source(self, source_id: str) -> None:
        self.closed.append(source_id)


def has_results(sinks: Sinks) -> bool:
    bridges = sinks.bridges
    return len(bridges) == 2 and all(one._newest is not None for one in bridges.values())


def test_each_source_has_outputs_of_its_own(
    qtbot: QtBot, config: Config, clip: Path, units: list[Unit]
) -> None:
    sinks = Sinks()
    with camera(units) as (url, _):
        sources = (SourceEntry(name="a", source=str(clip)), SourceEntry(name="b", url=url))
        window = MainWindow(quick(config), live_sinks=sinks)
        qtbot.addWidget(window)
        window.show()
        window.open_many(replace(quick(config), sources=sources))
        wait_for(qtbot, lambda: has_results(sinks))
        assert sinks.opened == ["a", "b with clips"]
        assert sinks.closed == []
        window.close()
    assert sinks.closed == ["a", "b"]
    assert all(bridge.summary is not None for bridge in sinks.bridges.values())


def test_several_sources_do_not_share_one_output(qtbot: QtBot, config: Config, clip: Path) -> None:
    sources = (SourceEntry(name="a", source=str(clip)), SourceEntry(name="b", source=str(clip)))
    window = MainWindow(quick(config), extra_sinks=[Bridge()])
    qtbot.addWidget(window)
    window.show()
    window.open_many(replace(quick(config), sources=sources))
    wait_for(qtbot, window.banner.isVisible)
    assert "one output" in window.banner.text
    window.close()


# Without an engine


@given(st.integers(0, 20), st.integers(200, 4000), st.integers(150, 3000))
def test_tiles_fill_the_room_and_do_not_overlap(count: int, width: int, height: int) -> None:
    rooms = cells(count, width, height, 36)
    assert len(rooms) == count
    for x, y, w, h in rooms:
        assert 0 <= x < x + w <= width
        assert 0 <= y < y + h <= height
    for a, b in combinations(rooms, 2):
        apart = a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0]
        assert apart or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
    assert sum(w * h for _, _, w, h in rooms) >= width * height * count / (count + 8)


@pytest.mark.parametrize(
    ("count", "size", "across"),
    [(1, (800, 600), 1), (4, (1280, 760), 2), (8, (1920, 1040), 3), (16, (1920, 1040), 4)],
)
def test_tiles_are_as_large_as_they_can_be(count: int, size: tuple[int, int], across: int) -> None:
    rooms = cells(count, *size, 36)
    assert len({x for x, *_ in rooms}) == across


@pytest.fixture
def grid(qtbot: QtBot) -> Iterator[tuple[Grid, dict[str, Bridge]]]:
    """Eight tiles on bridges that the test fills."""
    grid = Grid()
    qtbot.addWidget(grid)
    grid.resize(1000, 700)
    grid.show()
    wanted = [Wanted(f"s{i}", f"camera {i}", "") for i in range(8)]
    bridges = {one.source_id: Bridge() for one in wanted}
    grid.start(wanted, bridges, time.monotonic())
    yield grid, bridges
    grid.close()


def test_a_flood_of_results_costs_few_paintings(
    grid: tuple[Grid, dict[str, Bridge]], qtbot: QtBot
) -> None:
    shown, bridges = grid
    painted = dict.fromkeys(bridges, 0)
    for one in shown.tiles:
        one.canvas.cost_s = 0.0
    began = time.monotonic()
    index = 0
    last = {one.source_id: one.canvas.result for one in shown.tiles}
    while time.monotonic() - began < 0.6:
        for bridge in bridges.values():
            bridge.write(results.result(index, size=(64, 48)))
        index += 1
        qtbot.wait(1)
        for one in shown.tiles:
            if one.canvas.result is not last[one.source_id]:
                last[one.source_id] = one.canvas.result
                painted[one.source_id] += 1
    most = (time.monotonic() - began) / FASTEST_S + 2
    assert all(0 < count <= most for count in painted.values()), painted
    assert index > 2 * max(painted.values())


def test_dear_pictures_are_painted_less_often(
    grid: tuple[Grid, dict[str, Bridge]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, bridges = grid
    shown._timer.stop()
    now = [1000.0]
    monkeypatch.setattr("realtime.window.grid.time.monotonic", lambda: now[0])
    for one in shown.tiles:
        one.due = 0.0
        one.canvas.cost_s = 0.03
    turns: list[str] = []
    for index in range(40):
        for bridge in bridges.values():
            bridge.write(results.result(index, size=(64, 48)))
        before = {one.source_id: one.canvas.result for one in shown.tiles}
        shown.pull()
        fresh = [t.source_id for t in shown.tiles if t.canvas.result is not before[t.source_id]]
        assert len(fresh) <= 1  # one costs more than a tick may
        turns += fresh
        for one in shown.tiles:
            one.canvas.cost_s = 0.03
        now[0] += 0.033
    # Eight tiles of 30 ms at two fifths of the time: each has its turn every 0.6 s, none twice.
    assert turns[:8] == [f"s{i}" for i in range(8)]
    assert 16 <= len(turns) <= 20


def test_a_verdict_is_a_sign_a_word_and_a_number(
    grid: tuple[Grid, dict[str, Bridge]], qtbot: QtBot
) -> None:
    shown, bridges = grid
    first = shown.tiles[0]
    result = results.result(3)
    result = replace(result, frame=replace(result.frame, captured_mono=time.monotonic()))
    bridges["s0"].write(result)
    wait_for(qtbot, lambda: first.canvas.result is result)
    now = time.monotonic()
    first.refresh(status(SourceState.LIVE, since_mono=now, epoch=0), now)
    assert first.caption.grade in VerdictState
    assert any(digit.isdigit() for digit in first.caption.verdict)
    first.refresh(status(SourceState.LIVE), now + 5.0)
    assert first.caption.grade is None
    assert first.caption.verdict == ""
    assert first.canvas.notice.old


def test_narrow_tiles_leave_labels_to_their_captions(grid: tuple[Grid, dict[str, Bridge]]) -> None:
    shown, _ = grid
    first = shown.tiles[0]
    shown.resize(3 * (LABELS_FROM_PX + 20), 900)
    assert first.canvas.layers.labels
    shown.resize(600, 400)
    assert not first.canvas.layers.labels
    assert first.canvas.layers.boxes


def test_the_identity_holds_for_sums() -> None:
    one = FrameCounts(10, 6, {})
    two = FrameCounts(9, 5, {})
    both = total([one, two])
    assert (both.captured, both.analysed, both.in_flight) == (19, 11, 8)


def test_the_census_counts_states() -> None:
    found = [status(s) for s in (SourceState.LIVE, SourceState.LIVE, SourceState.BLACK)]
    assert census(found) == "3 sources: 2 live, 1 black"


def test_metrics_are_served_while_the_window_watches(
    qtbot: QtBot, config: Config, units: list[Unit]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = replace(quick(config), metrics=MetricsConfig(address=f"127.0.0.1:{port}"))
    window = MainWindow(served)
    qtbot.addWidget(window)
    window.show()
    with camera(units) as (url, _):
        window.open(url)
        wait_for(qtbot, lambda: window.state is SourceState.LIVE)
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            assert answer.status == 200
        window.reopen()  # the port is free again by then
        wait_for(qtbot, lambda: window.state is SourceState.LIVE)
        close_in_time(window)
    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{port}/ready", timeout=10)


def test_the_outputs_of_the_command_line_go_with_the_window(
    qtbot: QtBot, config: Config, clip: Path, units: list[Unit], tmp_path: Path
) -> None:
    lines, clips = tmp_path / "out.jsonl", tmp_path / "clips"
    wanted = outputs.Wanted(str(lines), evidence=EvidenceConfig(folder=str(clips)))
    with camera(units) as (url, _), closing(outputs.LiveOutputs(wanted, several=True)) as sinks:
        sources = (SourceEntry(name="a", source=str(clip)), SourceEntry(name="b", url=url))
        window = MainWindow(quick(config), live_sinks=sinks)
        qtbot.addWidget(window)
        window.show()
        window.open_many(replace(quick(config), sources=sources))
        wait_for(qtbot, lambda: len(window.grid.tiles) == 2)
        wait_for(qtbot, lambda: all(t.canvas.result is not None for t in window.grid.tiles))
        assert sinks.tap("a") is None
        ring = sinks.tap("b")
        assert ring is not None
        assert ring.held_bytes > 0
        close_in_time(window)
    written = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    ends = [one for one in written if one["type"] == "run_end"]
    assert len(ends) == 2
    assert "s3cr3t" not in lines.read_text("utf-8")
