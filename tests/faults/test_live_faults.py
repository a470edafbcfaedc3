"""What a live run does when its cameras misbehave: the whole engine against real connections.

What each fault is at the source alone is in `test_streams`; here it is what a monitor is told.
Figures with the default deadlines come from ``python -m benchmarks.outages``.
"""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import soak_report, synthetic
from benchmarks.memory import loop
from realtime.config import Config, LiveConfig
from realtime.live import LiveEngine, LiveInput
from realtime.scorer import OnnxScorer
from realtime.sinks.jsonl import JsonlSink, TrackNumbers
from realtime.sources import Transport, parse
from realtime.sources.synthetic import write_demo_clip
from realtime.types import (
    DropCause,
    FrameCounts,
    RunSummary,
    SourceState,
    SourceStatus,
    VerdictState,
)
from tests.contract.clips import make_clip, read_index
from tests.servers.rtsp import file_pipeline, rtsp_server
from tests.servers.scripted import Script, Unit, sets_of, units_of
from tests.servers.sockets import free_port, serving, silent
from tests.unit.live_sources import Remembering
from tests.x_server import XWindows, needs_xvfb, x_server

HASTY = LiveConfig(
    open_timeout_s=1.0,
    read_timeout_s=1.5,
    stall_s=0.5,
    retry_first_s=0.05,
    retry_max_s=0.1,
    workers=1,
)
PATIENT = LiveConfig(workers=1)
"""A busy machine is no fault."""
PATIENCE_S = 60.0
LIKE_A_CAMERA = {"tune": "zerolatency", "sc_threshold": "0"}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    """50 access units at their pace, a key frame every 10."""
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 50, options=LIKE_A_CAMERA)
    return units_of(clip, wait_s=0.02)


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a talking portrait."""
    folder = tmp_path_factory.mktemp("face")
    write_demo_clip(folder / "once.mp4", 4.0, (320, 180), 10)
    loop(folder / "once.mp4", folder / "face.mp4", 2.0)
    return folder / "face.mp4"


class Watched:
    """A run of one source: what was told of it, and when (monotonic)."""

    def __init__(self, engine_of: Callable[..., LiveEngine]) -> None:
        self.sink = Remembering()
        self.told: list[tuple[float, SourceStatus]] = []
        self.engine = engine_of(on_status=lambda s: self.told.append((time.monotonic(), s)))

    @property
    def states(self) -> list[SourceState]:
        """One after another; a state may be told again with another number of the attempt."""
        return [state for state, _ in itertools.groupby(s.state for _, s in list(self.told))]

    def wait_for(self, state: SourceState, after_s: float = 0.0) -> SourceStatus:
        """The first status of that kind that was told later than ``after_s``."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for at, status in list(self.told):
                if status.state is state and at > after_s:
                    return status
            assert time.monotonic() < deadline, f"{state} never came: {self.states}"
            time.sleep(0.01)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < deadline, f"it never came to that: {self.states}"
            time.sleep(0.01)

    @property
    def counts(self) -> FrameCounts:
        return self.engine.sources[0].counts


@contextmanager
def watching(
    scorer: OnnxScorer,
    url: str,
    live: LiveConfig = HASTY,
    transport: Transport = Transport.TCP,
    sinks: Sequence[Any] = (),
) -> Iterator[Watched]:
    """Watch ``url``; at the end every frame must have ended somewhere, once."""
    sink = Remembering()

    def engine_of(**rest: Any) -> LiveEngine:
        address = parse(url, transport=transport)
        inputs = [LiveInput("cam", address, (sink, *sinks))]
        return LiveEngine(inputs, scorer, Config(live=live), **rest)

    watched = Watched(engine_of)
    watched.sink = sink
    watched.engine.start()
    try:
        yield watched
    finally:
        summary = watched.engine.stop()["cam"]
    check_account(summary, sink)


def check_account(summary: RunSummary, sink: Remembering) -> None:
    counts, results = summary.counts, sink.results
    assert counts.in_flight == 0
    assert counts.analysed == len(results)
    order = [(r.frame.epoch, r.frame.index) for r in results]
    assert order == sorted(set(order))
    for before, after in itertools.pairwise(results):
        if before.frame.epoch == after.frame.epoch:
            assert after.frame.time_s > before.frame.time_s


@contextmanager
def played(
    units: Sequence[Unit], *, silence_s: float = 0.0, **script: Any
) -> Iterator[tuple[str, Script]]:
    made = Script(units, sets_of(units) if units else (), silence_s, **script)
    with serving(made.serve) as server:
        try:
            yield f"rtsp://127.0.0.1:{server.port}/cam", made
        finally:
            made.stopping.set()


# Servers


def test_a_server_that_accepts_and_is_silent(scorer: OnnxScorer) -> None:
    with (
        serving(silent) as server,
        watching(scorer, f"rtsp://127.0.0.1:{server.port}/cam") as run,
    ):
        status = run.wait_for(SourceState.RECONNECTING)
        assert status.code == "timeout"
        run.wait_until(lambda: server.connections >= 2)
        assert run.engine.sources[0].info is None
    assert SourceState.LIVE not in run.states
    assert run.sink.heard == []


def test_a_server_that_refuses_is_tried_until_it_is_there(
    scorer: OnnxScorer, units: list[Unit]
) -> None:
    port = free_port()
    with watching(scorer, f"rtsp://127.0.0.1:{port}/cam") as run:
        status = run.wait_for(SourceState.RECONNECTING)
        assert status.code == "connection_failed"
        run.wait_until(lambda: run.told[-1][1].attempt >= 3)
        script = Script(units, sets_of(units), 60)
        with serving(script.serve, port=port):
            run.wait_for(SourceState.LIVE)
            script.stopping.set()


def test_a_wrong_password_is_tried_once_and_not_again_for_long(
    scorer: OnnxScorer, units: list[Unit]
) -> None:
    live = LiveConfig(open_timeout_s=5.0, workers=1)
    with played(units, users={"user": "right"}) as (url, script):
        wrong = url.replace("//", "//user:kvq99@")
        with watching(scorer, wrong, live) as run:
            status = run.wait_for(SourceState.RECONNECTING)
            assert status.code == "auth_failed"
            assert status.retry_at_mono is not None
            assert 20.0 < status.retry_at_mono - time.monotonic() <= 30.0
            asked = script.seen.count("DESCRIBE")
            time.sleep(0.5)
            assert script.seen.count("DESCRIBE") == asked <= 2
    assert "kvq99" not in str([status for _, status in run.told])


def test_a_stream_that_stalls_is_told_left_and_watched_again(
    scorer: OnnxScorer, units: list[Unit]
) -> None:
    with played(units[:20], silence_s=60) as (url, _), watching(scorer, url) as run:
        run.wait_for(SourceState.STALLED)
        status = run.wait_for(SourceState.RECONNECTING)
        assert status.code == "timeout"
        run.sink.wait_for(lambda results: results[-1].frame.epoch >= 1, PATIENCE_S)
    states = run.states
    assert states[:3] == [SourceState.CONNECTING, SourceState.LIVE, SourceState.STALLED]
    assert states.index(SourceState.RECONNECTING) > 2


def test_a_camera_that_dies_and_returns_is_judged_anew(scorer: OnnxScorer, face: Path) -> None:
    mounts = {"/cam": file_pipeline(face)}
    with rtsp_server(mounts) as server:
        port = server.port
        held = watching(scorer, f"rtsp://127.0.0.1:{port}/cam", HASTY)
        run = held.__enter__()
        run.sink.wait_for(lambda results: any(judged(r) for r in results), PATIENCE_S)
    try:
        died = time.monotonic()
        lost = run.wait_for(SourceState.RECONNECTING, died)
        assert lost.code == "connection_failed"
        assert not judged_in(run, 1)
        time.sleep(1.0)
        with rtsp_server(mounts, port=port):
            run.wait_for(SourceState.LIVE, died)
            run.wait_until(lambda: bool(judged_in(run, 1)))
    finally:
        held.__exit__(None, None, None)
    first = {
        epoch: min(r.frame.time_s for r in run.sink.results if r.frame.epoch == epoch)
        for epoch in (0, 1)
    }
    assert first[1] < 5.0  # its own clock, not that of the connection before
    ids = [
        {i for r in run.sink.results if r.frame.epoch == epoch for i in r.faces.track_ids.tolist()}
        for epoch in (0, 1)
    ]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]
    (seen,) = (r for r in run.sink.results if any(t.epoch == 0 for t in r.ended))
    assert {t.track_id for t in seen.ended} <= ids[0]
    face_at = next(r.frame.time_s for r in run.sink.results if r.frame.epoch == 1 and len(r.faces))
    verdict_at = judged_in(run, 1)[0].frame.time_s
    assert verdict_at - face_at <= 3.0  # on the camera's own clock, whatever this machine is at


def judged(result: Any) -> bool:
    return any(v.state is not VerdictState.NOT_ASSESSABLE for v in result.verdicts.values())


def judged_in(run: Watched, epoch: int) -> list[Any]:
    return [r for r in run.sink.results if r.frame.epoch == epoch and judged(r)]


# What comes


def test_a_new_size_in_mid_stream_is_told_and_analysed(scorer: OnnxScorer, tmp_path: Path) -> None:
    options = {"tune": "zerolatency"}
    small = make_clip(tmp_path / "a.mp4", 20, size=(96, 64), options=options)
    large = make_clip(tmp_path / "b.mp4", range(20, 60), size=(192, 128), options=options)
    both = [*units_of(small, wait_s=0.05), *units_of(large, start=20 * 3600, wait_s=0.05)]
    out = tmp_path / "out.jsonl"
    lines = JsonlSink(out)
    with (
        played(both, silence_s=60) as (url, _),
        watching(scorer, url, PATIENT, sinks=[lines]) as run,
    ):
        run.sink.wait_for(lambda results: sizes(results) == [(64, 96), (128, 192)])
    lines.close()
    assert out.read_text("utf-8").count('"type": "picture"') == 1
    assert run.states[:2] == [SourceState.CONNECTING, SourceState.LIVE]
    assert {r.frame.epoch for r in run.sink.results} == {0}


def sizes(results: Sequence[Any]) -> list[tuple[int, ...]]:
    return list(dict.fromkeys(r.frame.image.shape[:2] for r in results))


def test_a_new_codec_is_a_new_connection(scorer: OnnxScorer, units: list[Unit]) -> None:
    """Only the server can say which codec it is, and says it to who connects."""
    broken = Unit((b"\x40\x01\x0c\x01", b"\x26\x01\xaf"), 20 * 3600)  # NAL units of HEVC
    first = Script([*units[:20], broken], sets_of(units))
    scripts = iter([first, Script(units, sets_of(units), 60)])
    script = next(scripts)

    def serve(connection: Any) -> None:
        nonlocal script
        serving_now, script = script, next(scripts, script)
        serving_now.serve(connection)

    with serving(serve) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        with watching(scorer, url) as run:
            run.wait_until(lambda: run.engine.sources[0].status.epoch == 1)
            run.wait_until(lambda: run.states[-1] is SourceState.LIVE)
        script.stopping.set()
    assert SourceState.RECONNECTING in run.states


@pytest.mark.parametrize(
    "stamps",
    [
        pytest.param(lambda i: 3600 * (i if i < 20 else i + 90 * 25), id="forward"),
        pytest.param(lambda i: 3600 * (i if i < 20 else i - 20) + 90_000, id="backward"),
        pytest.param(lambda i: 7, id="none"),
    ],
)
def test_time_goes_on_whatever_the_stamps_do(
    scorer: OnnxScorer, units: list[Unit], stamps: Callable[[int], int]
) -> None:
    """That it grows is looked at for every run; here nothing may be taken for a fault."""
    jumping = [Unit(u.nals, stamps(i), 0.04) for i, u in enumerate(units)]
    with played(jumping, silence_s=60) as (url, _), watching(scorer, url, PATIENT) as run:
        run.wait_until(lambda: run.counts.captured >= 45)
        assert run.states == [SourceState.CONNECTING, SourceState.LIVE]
    results = run.sink.results
    assert {r.frame.epoch for r in results} == {0}
    assert results[-1].frame.time_s - results[0].frame.time_s < 20


def test_packets_lost_on_udp_are_counted_and_no_damage_is_judged(
    scorer: OnnxScorer, tmp_path: Path
) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4", 200, size=(320, 192), rate=50, gop=10, options=LIKE_A_CAMERA
    )
    with rtsp_server({"/cam": file_pipeline(clip, loss=0.05)}) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        with watching(scorer, url, transport=Transport.UDP) as run:
            run.wait_until(lambda: run.counts.captured > 120)
    assert run.counts.dropped[DropCause.DECODE_ERROR] > 0
    first = [r for r in run.sink.results if r.frame.epoch == 0]
    shown = [read_index(r.frame.image) for r in first]
    assert shown == sorted(set(shown))
    assert len(shown) >= 10


# Again and again


def test_a_hundred_reconnects_leave_no_memory_thread_or_file(
    scorer: OnnxScorer, units: list[Unit]
) -> None:
    """On real connections; RSS grows by less than 5 %."""
    live = LiveConfig(retry_first_s=0.001, retry_max_s=0.002, workers=1)
    quick = [Unit(unit.nals, unit.stamp) for unit in units[:10]]
    process = psutil.Process()
    with played(quick) as (url, _), watching(scorer, url, live) as run:
        run.wait_until(lambda: run.engine.sources[0].status.epoch >= 20)
        before = held(process)
        run.wait_until(lambda: run.engine.sources[0].status.epoch >= 120)
        after = held(process)
    assert run.states.count(SourceState.LIVE) >= 100
    assert after["rss"] < 1.05 * before["rss"]
    assert after["threads"] <= before["threads"]
    # The server's own end of the last connections may still be closing.
    assert after["files"] <= before["files"] + 3


def held(process: psutil.Process) -> dict[str, int]:
    gc.collect()
    names = [thread.name for thread in threading.enumerate()]
    return {
        "rss": process.memory_info().rss,
        "threads": sum(name.startswith("fw-") and "test" not in name for name in names),
        "files": len(os.listdir("/proc/self/fd")),
    }


# The clock, the window, the machine


def test_a_wall_clock_that_is_set_back_changes_nothing(
    scorer: OnnxScorer, units: list[Unit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines, ages, states and verdicts are on the monotonic clock and on that of the stream."""
    real = time.time
    offset = 0.0
    monkeypatch.setattr(time, "time", lambda: real() + offset)
    lines = JsonlSink(tmp_path / "out.jsonl")
    slowly = [Unit(u.nals, u.stamp, 0.04) for u in units]
    with (
        played(slowly, silence_s=60) as (url, _),
        watching(scorer, url, PATIENT, sinks=[lines]) as run,
    ):
        for jump in (-86_400.0, 7 * 86_400.0, -real()):
            seen = run.counts.captured
            run.wait_until(lambda: run.counts.captured > seen + 8)  # noqa: B023
            offset = jump
        run.wait_until(lambda: run.counts.captured >= 45)
        assert run.states == [SourceState.CONNECTING, SourceState.LIVE]
    lines.close()
    results = run.sink.results
    assert {r.frame.epoch for r in results} == {0}
    assert 0 < results[-1].frame.time_s - results[0].frame.time_s < 10
    assert all(0 <= r.age_s < 5 for r in results)


@needs_xvfb
def test_a_minimised_window_is_lost_and_found_again(
    scorer: OnnxScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveConfig(retry_first_s=0.05, retry_max_s=0.1, workers=1)
    with ExitStack() as stack:
        display, _ = stack.enter_context(x_server())
        monkeypatch.setenv("DISPLAY", display)
        program = XWindows(display)
        stack.callback(program.end)
        window = program.new("call", 96, 64)
        run = stack.enter_context(watching(scorer, 'window:"call"', live))
        run.wait_for(SourceState.LIVE)
        window.do("unmap")
        run.wait_until(lambda: any("minimised" in str(s.text) for _, s in list(run.told)))
        back = time.monotonic()
        window.do("map")
        run.wait_for(SourceState.LIVE, back)


def test_a_camera_that_is_stopped_without_a_word_is_noticed(scorer: OnnxScorer, face: Path) -> None:
    with rtsp_server({"/cam": file_pipeline(face)}) as server:
        url = f"rtsp://127.0.0.1:{server.port}/cam"
        with watching(scorer, url) as run:
            run.wait_for(SourceState.LIVE)
            begin = time.monotonic()
            os.kill(server.pid, signal.SIGSTOP)
            run.wait_for(SourceState.STALLED, begin)
            assert run.wait_for(SourceState.RECONNECTING, begin).code == "timeout"


# A day in seconds


def test_every_frame_and_every_visit_of_a_day_is_accounted_for() -> None:
    """``python -m benchmarks.synthetic`` in short: 20 000 frames of four cameras."""
    report = synthetic.run(20_000, 0.2, 4)
    assert report["broken"] == []
    assert report["captured"] >= 20_000
    assert report["visits"] == report["tracks_told"] > 100
    assert set(report["dropped"]) == {"superseded", "stale", "decode_error"}
    assert len(report["states"]) >= 4


def test_the_tracks_of_a_month_take_no_memory_to_speak_of() -> None:
    told = TrackNumbers()
    ids = [*range(1, 300_000, 7), 3_000_000]
    for track_id in ids:
        told.add(track_id)
    assert [i for i in range(310_000) if i in told] == ids[:-1]
    assert 3_000_000 in told
    assert 3_000_001 not in told
    assert sys.getsizeof(told._bits) < 500_000
    told.clear()
    assert 1 not in told


def sample(**changes: Any) -> dict[str, Any]:
    source = {
        "captured": 10,
        "delivered": 10,
        "analysed": 7,
        "dropped": {"superseded": 2},
        "in_flight": 1,
        "results": 7,
        "scores": 3,
        "sink_dropped": 0,
        "epoch": 0,
        "states": ["live"],
    }
    return {
        "kind": "sample",
        "time_s": 5.0,
        "rss_mib": 800.0,
        "threads": 30,
        "fds": 20,
        "ages": [(50, 98), (400, 2)],
        "latencies": [(100, 100)],
        "sources": {"cam": {**source, **changes}},
    }


def over(**changes: Any) -> dict[str, Any]:
    last = sample(captured=9, delivered=9, in_flight=0, states=["live", "ended"])
    held = {"threads": 3, "fds": 5}
    end = {"kind": "end", "before": held, "after": held, "left": [], "sources": last["sources"]}
    return {**end, **changes}


def test_a_soak_sees_what_is_broken() -> None:
    good = [sample(), over()]
    report = soak_report.judge(good, 0.0)
    assert report["broken"] == []
    assert report["age_s"] == pytest.approx({"p50": 0.051, "p99": 0.401, "p99.9": 0.401})
    bad = [
        [sample(dropped={}), over()],
        [sample(in_flight=4, captured=13, delivered=13), over()],
        [sample(delivered=5), over()],
        [{**sample(), "ages": [(50, 98), (600, 2)]}, over()],
        [sample(), {**sample(), "threads": 40, "time_s": 10.0}, over()],
        [sample(), over(left=["fw-sink-cam"])],
        [sample(), over(after={"threads": 3, "fds": 6})],
        [sample()],
        [{**sample(), "time_s": 5.0 * i, "rss_mib": 800.0 + 0.1 * i} for i in range(300)]
        + [over()],
    ]
    assert [len(soak_report.judge(lines, 0.0)["broken"]) for lines in bad] == [1] * len(bad)
