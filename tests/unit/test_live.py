"""The live engine as a whole: real tracking, real scoring, sources that misbehave as scripted."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from skimage import data

from realtime.config import Config, LiveConfig, ScorerConfig
from realtime.errors import ConfigError, FakewatchError, SinkError, SourceCode, SourceError
from realtime.live import LiveEngine, LiveInput
from realtime.metrics import Metrics
from realtime.pipeline import Pipeline
from realtime.scorer import OnnxScorer
from realtime.sources import FileSource, FrameSource, parse
from realtime.stage import Stage
from realtime.types import (
    Crop,
    DropCause,
    Frame,
    FrameResult,
    Image,
    RunStart,
    RunSummary,
    Score,
    SourceInfo,
    SourceState,
    SourceStatus,
)
from tests.contract import clips, onnx_models
from tests.unit.live_sources import GONE, LivePictures, Remembering, address

QUICK = Config(live=LiveConfig(retry_first_s=0.001, retry_max_s=0.002, workers=2))
STOP_S = 15.0
"""Generous, because a machine may be busy; what blocks would block for a minute."""


@pytest.fixture(scope="module")
def portrait() -> Image:
    """A public-domain face, 320 x 320."""
    return np.ascontiguousarray(data.astronaut()[:320, 60:380, ::-1])


def noise(index: int) -> Image:
    """A picture without a face that is different every time."""
    return np.random.default_rng(index % 7).integers(90, 110, (48, 64, 3)).astype(np.uint8)


def swaying(portrait: Image) -> Callable[[int], Image]:
    """The portrait, moved a little from picture to picture."""
    pictures = [np.ascontiguousarray(np.roll(portrait, i, axis=1)) for i in (0, 1, 2, 1)]
    return lambda index: pictures[index % len(pictures)]


Opener = Callable[[LiveInput, Config], FrameSource]


def opening(**sources: Callable[[], LivePictures]) -> Opener:
    """Makes each connection to a source by calling what is given under its name."""
    return lambda item, config: sources[item.source_id]()


@contextmanager
def running(
    inputs: Sequence[LiveInput], scorer: Any, opener: Opener | None, **rest: Any
) -> Iterator[LiveEngine]:
    config = rest.pop("config", QUICK)
    if opener is not None:
        rest["opener"] = opener
    engine = LiveEngine(inputs, scorer, config, **rest)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(STOP_S)
        assert fw_threads() == []


def fw_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("fw-")]


def wait_for(ready: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.002)


def live_input(name: str, *sinks: Any) -> LiveInput:
    return LiveInput(name, address(name), sinks)


# Files


def test_a_file_loses_nothing_and_says_what_the_pipeline_says(
    tmp_path: Path, scorer: OnnxScorer, portrait: Image
) -> None:
    clip = tmp_path / "face.mkv"
    write_face(clip, portrait, 40)
    sink, heard = Remembering(), []
    item = LiveInput("clip", parse(str(clip)), (sink,))
    with running([item], scorer, None, on_status=heard.append) as engine:
        assert engine.wait(60)
        view = engine.sources[0]
        assert view.info is not None
        assert not view.info.live
        summary = engine.stop()["clip"]
    assert [r.frame.index for r in sink.results] == list(range(40))
    assert (summary.counts.captured, summary.counts.analysed) == (40, 40)
    assert summary.error is None
    assert isinstance(sink.heard[0], RunStart)
    assert sink.heard[0].source_id == "clip"
    assert sink.heard[-1] == summary
    assert [s.state for s in heard][-2:] == [SourceState.LIVE, SourceState.ENDED]
    told = [item.state for item in sink.heard if isinstance(item, SourceStatus)]
    assert told == [SourceState.LIVE, SourceState.ENDED]

    pipeline = Pipeline(FileSource(str(clip), QUICK.source), scorer, QUICK)
    pipeline.start()
    assert pipeline.wait(60)
    expected = pipeline.stop()
    assert [t.state for t in summary.tracks] == [t.state for t in expected.tracks]
    assert summary.media_s == pytest.approx(expected.media_s)
    assert summary.worst is not None
    assert expected.worst is not None
    assert summary.worst.assessable_s == pytest.approx(expected.worst.assessable_s, abs=0.1)
    assert summary.worst.probability == pytest.approx(expected.worst.probability, abs=0.02)


def write_face(path: Path, portrait: Image, frames: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = portrait.shape[1::-1]
        for i in range(frames):
            moved = np.ascontiguousarray(np.roll(portrait, i % 3, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="bgr24")))
        container.mux(stream.encode())


def test_the_same_file_gives_the_same_scores_whatever_else_runs(
    tmp_path: Path, scorer: OnnxScorer, portrait: Image
) -> None:
    clip = tmp_path / "face.mkv"
    write_face(clip, portrait, 30)
    sinks = [Remembering() for _ in range(2)]
    inputs = [LiveInput(f"c{i}", parse(str(clip)), (sink,)) for i, sink in enumerate(sinks)]
    with running(inputs, scorer, None) as engine:
        assert engine.wait(60)
    scores = [
        [(r.frame.index, s.time_s, s.logit) for r in sink.results for s in r.scores.values()]
        for sink in sinks
    ]
    assert len(scores[0]) >= 4
    assert [s[:2] for s in scores[1]] == [s[:2] for s in scores[0]]
    assert [s[2] for s in scores[1]] == pytest.approx([s[2] for s in scores[0]], abs=1e-4)


def test_a_file_waits_for_a_slow_sink_and_keeps_its_pace_if_asked(
    tmp_path: Path, scorer: OnnxScorer
) -> None:
    clip = clips.make_clip(tmp_path / "a.mkv", 16)
    slow = Remembering(lambda _: time.sleep(0.02))
    item = LiveInput("clip", parse(str(clip)), (slow,), paced=True)
    begin = time.monotonic()
    with running([item], scorer, None) as engine:
        assert engine.wait(60)
    assert time.monotonic() - begin >= 15 / 25
    assert [clips.read_index(r.frame.image) for r in slow.results] == list(range(16))
    assert all(r.age_s < 5 for r in slow.results)


class Ending(LivePictures):
    """A file with three pictures; `watch` stands between the first two and the last."""

    def __init__(self, watch: Callable[[], None]) -> None:
        super().__init__(noise, 1000.0, lambda _, index: index < 3)
        self.watch = watch

    def open(self) -> SourceInfo:
        return replace(super().open(), live=False, duration_s=0.003)

    def read(self) -> Frame | None:
        if self.count == 2:
            self.watch()
        return super().read()


def test_the_end_of_a_file_does_not_overtake_its_last_picture(
    tmp_path: Path, scorer: OnnxScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A worker that found nothing to do is held up until the source has come to its end.
    idle, over = threading.Event(), threading.Event()
    work = Stage.work

    def slowly(stage: Stage) -> bool:
        worked = work(stage)
        if not worked and not over.is_set():
            idle.set()
            wait_for(lambda: engine.sources[0]._reader.over)
            over.set()
        return worked

    monkeypatch.setattr(Stage, "work", slowly)
    sink = Remembering()

    def watch() -> None:
        sink.wait_for(lambda results: len(results) == 2)
        engine.sources[0].offer()
        assert idle.wait(30)

    item = LiveInput("clip", parse(str(tmp_path / "a.mkv")), (sink,))
    with running([item], scorer, opening(clip=lambda: Ending(watch))) as engine:
        assert engine.wait(60)
    assert [r.frame.index for r in sink.results] == [0, 1, 2]


def test_a_file_that_is_not_there_fails_and_the_others_go_on(
    tmp_path: Path, scorer: OnnxScorer
) -> None:
    clip = clips.make_clip(tmp_path / "a.mkv", 20)
    silent, sink = Remembering(), Remembering()
    inputs = [
        LiveInput("gone", parse(str(tmp_path / "gone.mp4")), (silent,)),
        LiveInput("there", parse(str(clip)), (sink,)),
    ]
    with running(inputs, scorer, None) as engine:
        assert engine.wait(60)
        assert engine.sources[0].status.state is SourceState.FAILED
        assert engine.sources[0].status.code == "not_found"
        assert engine.sources[1].status.state is SourceState.ENDED
        summaries = engine.stop()
    assert "gone.mp4" in str(summaries["gone"].error)
    assert silent.heard == []
    assert len(sink.results) == 20


# Keeping up


class Slow:
    """A real model that takes its time."""

    def __init__(self, model: OnnxScorer, seconds: float) -> None:
        self.model = model
        self.contract = model.contract
        self.info = model.info
        self.seconds = seconds

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        time.sleep(self.seconds)
        return self.model.score(crops, time_s)

    def close(self) -> None:
        pass


def test_a_model_ten_times_slower_than_the_stream_costs_scores_and_nothing_else(
    scorer: OnnxScorer, portrait: Image
) -> None:
    config = Config(live=LiveConfig(workers=2), scorer=ScorerConfig(rate_hz=5.0, views=False))
    sink = Remembering()
    opener = opening(a=lambda: LivePictures(swaying(portrait), 20.0))
    slow = Slow(scorer, 0.5)
    with running([live_input("a", sink)], slow, opener, config=config) as engine:
        flying = set()

        def enough(results: list[FrameResult]) -> bool:
            flying.add(engine.sources[0].counts.in_flight)
            return bool(results) and results[-1].frame.time_s >= 3.0

        sink.wait_for(enough)
        load = engine.sources[0].load
        counts = engine.stop()["a"].counts
    assert flying <= {0, 1, 2, 3}
    assert counts.in_flight == 0
    # It tracks on although each score takes as long as ten frames.
    ages = sorted(r.age_s for r in sink.results)
    assert ages[len(ages) // 2] < 0.5
    late = [(r.frame.time_s, s.time_s) for r in sink.results for s in r.scores.values()]
    assert 2 <= len(late) <= 7
    assert counts.analysed > 2 * len(late)
    assert all(0.4 < seen - cut < 3.0 for seen, cut in late)
    assert all(b[1] > a[1] for a, b in itertools.pairwise(late))
    assert load.reduced
    assert load.score_rate_hz <= 2.0
    judged = sink.results[-1].verdicts.values()
    assert all(verdict.probability is not None for verdict in judged)


def test_the_identity_holds_at_every_moment(scorer: OnnxScorer) -> None:
    def slow(_: FrameResult) -> None:
        time.sleep(0.01)

    opener = opening(
        fast=lambda: LivePictures(noise, 500.0, lost_every=7),
        steady=lambda: LivePictures(noise, 50.0),
    )
    sinks = Remembering(slow), Remembering()
    inputs = [live_input("fast", sinks[0]), live_input("steady", sinks[1])]
    with running(inputs, scorer, opener) as engine:
        until = time.monotonic() + 0.5
        looks = 0
        fast = engine.sources[0]
        while time.monotonic() < until or fast.counts.dropped.get(DropCause.DECODE_ERROR, 0) <= 20:
            for view in engine.sources:
                counts = view.counts
                assert 0 <= counts.in_flight <= 3
                looks += 1
        summaries = engine.stop()
        assert {name: s.counts for name, s in summaries.items()} == {
            view.source_id: view.counts for view in engine.sources
        }
    assert looks > 50
    counts = summaries["fast"].counts
    assert counts.in_flight == summaries["steady"].counts.in_flight == 0
    assert counts.dropped[DropCause.SUPERSEDED] > 0
    assert counts.dropped[DropCause.DECODE_ERROR] > 20
    assert set(counts.dropped) <= {
        DropCause.SUPERSEDED,
        DropCause.DECODE_ERROR,
        DropCause.STALE,
        DropCause.SHUTDOWN,
    }
    # What reached the sink or was lost on the way to it is what was analysed.
    assert counts.analysed >= len(sinks[0].results) > 0
    indices = [r.frame.index for r in sinks[0].results]
    assert indices == sorted(set(indices))


def test_a_busy_source_does_not_starve_a_quiet_one(scorer: OnnxScorer, portrait: Image) -> None:
    config = Config(live=LiveConfig(workers=1))
    face = swaying(portrait)
    sink = Remembering()
    opener = opening(
        busy=lambda: LivePictures(face, 200.0),
        busier=lambda: LivePictures(face, 200.0),
        quiet=lambda: LivePictures(face, 10.0),
    )
    inputs = [live_input("busy"), live_input("busier"), live_input("quiet", sink)]
    with running(inputs, scorer, opener, config=config) as engine:
        # Their trackers are built one after another.
        wait_for(lambda: all(view.counts.analysed for view in engine.sources))
        before = [view.counts for view in engine.sources]
        count = len(sink.results)
        sink.wait_for(lambda results: len(results) >= count + 8)
        after = [view.counts for view in engine.sources]
    assert after[0].dropped.get(DropCause.SUPERSEDED, 0) > 8
    busy, busier, quiet = (b.analysed - a.analysed for a, b in zip(before, after, strict=True))
    # It gets all it has, or on a slow machine as many turns as those that have more.
    assert quiet >= 0.7 * min(after[2].captured - before[2].captured, max(busy, busier))
    # In turn: neither of the two that are equal got much more than the other.
    assert 0.6 < busy / busier < 1.6


def test_frames_that_wait_for_too_long_are_stale(scorer: OnnxScorer, portrait: Image) -> None:
    # Sinks never hold a worker up: it takes a tracker that is busy with a large picture.
    large = np.ascontiguousarray(np.kron(portrait, np.ones((6, 6, 1), np.uint8)))
    config = Config(live=LiveConfig(workers=1, max_age_s=0.001))
    opener = opening(
        large=lambda: LivePictures(lambda _: large, 100.0),
        small=lambda: LivePictures(noise, 20.0),
    )
    with running([live_input("large"), live_input("small")], scorer, opener, config=config) as e:
        wait_for(lambda: e.sources[1].counts.dropped.get(DropCause.STALE, 0) > 0)
        assert all(0 <= view.counts.in_flight <= 3 for view in e.sources)
        summaries = e.stop()
    assert all(s.counts.in_flight == 0 for s in summaries.values())


def test_a_sink_that_blocks_holds_nobody_up(scorer: OnnxScorer) -> None:
    release = threading.Event()
    stuck, good = Remembering(lambda _: release.wait(20) and None), Remembering()
    opener = opening(a=lambda: LivePictures(noise, 60.0))
    with running([live_input("a", stuck, good)], scorer, opener) as engine:
        good.wait_for(lambda results: len(results) > 10)
        begin = time.monotonic()
        threading.Timer(0.3, release.set).start()
        summary = engine.stop()["a"]
        assert time.monotonic() - begin < 4
    assert summary.counts.in_flight == 0
    assert good.summaries == stuck.summaries == [summary]


def test_a_sink_that_breaks_is_told_and_the_source_goes_on(scorer: OnnxScorer) -> None:
    def full(result: FrameResult) -> None:
        if result.frame.index >= 3:
            raise SinkError("Cannot write out.jsonl any more: no space left.")

    told: list[tuple[str, FakewatchError]] = []
    good = Remembering()
    opener = opening(a=lambda: LivePictures(noise, 60.0))
    with running(
        [live_input("a", Remembering(full), good)],
        scorer,
        opener,
        on_error=lambda name, error: told.append((name, error)),
    ) as engine:
        good.wait_for(lambda results: len(results) > 20)
        summary = engine.stop()["a"]
    assert [(name, str(error)) for name, error in told] == [
        ("a", "Cannot write out.jsonl any more: no space left.")
    ]
    assert summary.error == "Cannot write out.jsonl any more: no space left."
    assert good.summaries == [summary]


# Connections that break


def test_a_hundred_connections_leave_nothing_behind(scorer: OnnxScorer, portrait: Image) -> None:
    def breaks(_: LivePictures, index: int) -> None:
        if index == 3:
            raise GONE

    made: list[LivePictures] = []

    def connect() -> LivePictures:
        made.append(LivePictures(swaying(portrait), 400.0, breaks))
        return made[-1]

    metrics = Metrics()
    sink = Remembering()
    with running([live_input("a", sink)], scorer, opening(a=connect), metrics=metrics) as engine:
        wait_for(lambda: len(made) > 100, 60)
        assert len([name for name in fw_threads() if name.startswith("fw-capture")]) == 1
        summary = engine.stop()["a"]
    assert all(source.closes >= 1 for source in made)
    assert summary.counts.in_flight == 0
    assert summary.counts.captured >= 300
    results = sink.results
    assert [r.frame.index for r in results] == sorted({r.frame.index for r in results})
    epochs = [r.frame.epoch for r in results]
    assert epochs == sorted(epochs)
    assert epochs[-1] > 50
    # No track goes on over a connection, and no id is used twice.
    seen: dict[int, int] = {}
    for result in results:
        for track_id in result.faces.track_ids.tolist():
            assert seen.setdefault(track_id, result.frame.epoch) == result.frame.epoch
    assert len(seen) > 10
    name = "fakewatch_reconnects_total"
    lost = metrics.registry.get_sample_value(name, {"source": "a", "code": "timeout"})
    assert lost is not None
    assert lost >= 100


def test_states_over_a_connection_that_breaks(scorer: OnnxScorer) -> None:
    heard: list[SourceStatus] = []
    connections = itertools.count()

    def connect() -> LivePictures:
        number = next(connections)
        if number == 0:
            raise SourceError("Wrong rtsp://u:secret@a.", SourceCode.NOT_FOUND, transient=True)
        return LivePictures(noise, 50.0, lambda _, i: not (number == 1 and i == 5))

    sink = Remembering()
    config = Config(live=LiveConfig(retry_first_s=0.05, retry_max_s=0.1))
    with running(
        [live_input("a", sink)], scorer, opening(a=connect), config=config, on_status=heard.append
    ) as engine:
        sink.wait_for(lambda results: bool(results) and results[-1].frame.epoch == 1)
        engine.stop()
    states = [key for key, _ in itertools.groupby(status.state for status in heard)]
    assert states == [
        SourceState.CONNECTING,
        SourceState.RECONNECTING,
        SourceState.LIVE,
        SourceState.RECONNECTING,
        SourceState.LIVE,
        SourceState.ENDED,
    ]
    assert heard[-1].epoch == 1
    waiting = [s for s in heard if s.retry_at_mono is not None]
    assert [s.code for s in waiting] == ["not_found", "connection_failed"]
    assert "secret" not in repr(heard)
    # A sink hears states from the start of its run on.
    told = [item for item in sink.heard if isinstance(item, SourceStatus)]
    assert told[0].state is SourceState.LIVE
    assert told == heard[-len(told) :]
    assert isinstance(sink.heard[0], RunStart)


def test_silence_is_a_stall(scorer: OnnxScorer) -> None:
    gap = threading.Event()

    def silent(_: LivePictures, index: int) -> None:
        if index == 10:
            gap.wait(20)

    sink, metrics = Remembering(), Metrics()
    config = Config(live=LiveConfig(stall_s=0.2))
    opener = opening(a=lambda: LivePictures(noise, 50.0, silent))
    with running([live_input("a", sink)], scorer, opener, config=config, metrics=metrics) as e:
        wait_for(lambda: e.sources[0].status.state is SourceState.STALLED)
        gap.set()
        wait_for(lambda: e.sources[0].status.state is SourceState.LIVE)
        stalls = metrics.registry.get_sample_value("fakewatch_stalls_total", {"source": "a"})
        assert stalls == 1


def test_a_read_that_never_returns_is_ended_from_outside(scorer: OnnxScorer) -> None:
    made: list[LivePictures] = []

    def connect() -> LivePictures:
        first = not made

        def hang(source: LivePictures, index: int) -> None:
            if first and index == 3:
                source.closed.wait(60)

        made.append(LivePictures(noise, 50.0, hang))
        return made[-1]

    sink = Remembering()
    config = Config(live=LiveConfig(read_timeout_s=0.2, retry_first_s=0.01, retry_max_s=0.02))
    with running([live_input("a", sink)], scorer, opening(a=connect), config=config) as engine:
        sink.wait_for(lambda results: bool(results) and results[-1].frame.epoch == 1)
        assert made[0].closed.is_set()
        assert engine.stop()["a"].counts.in_flight == 0


class Blocking(LivePictures):
    """Blocks or breaks as `where` says: while it is opened, or in the sixth read."""

    def __init__(self, where: str, blocked: threading.Event) -> None:
        super().__init__(noise, 100.0)
        self.where = where
        self.blocked = blocked

    def _block(self) -> None:
        self.blocked.set()
        self.closed.wait(60)
        raise GONE

    def open(self) -> SourceInfo:
        if self.where == "opening":
            self._block()
        if self.where == "waiting":
            self.blocked.set()
            raise GONE
        return super().open()

    def read(self) -> Frame | None:
        if self.where == "reading" and self.count == 5:
            self._block()
        if self.where == "running" and self.count == 5:
            self.blocked.set()
        return super().read()


@pytest.mark.parametrize("where", ["reading", "opening", "waiting", "running", "building"])
def test_stop_from_any_state(scorer: OnnxScorer, where: str) -> None:
    config = Config(live=LiveConfig(retry_first_s=30.0))
    sink, blocked = Remembering(), threading.Event()
    names = [f"s{i}" for i in range(4)]
    opener = opening(**{name: lambda: Blocking(where, blocked) for name in names})
    inputs = [live_input(name, sink) if name == "s0" else live_input(name) for name in names]
    with running(inputs, scorer, opener, config=config) as engine:
        assert where == "building" or blocked.wait(20)
        if where == "running":
            sink.wait_for(bool)
        begin = time.monotonic()
        summaries = engine.stop(STOP_S)
        assert time.monotonic() - begin < STOP_S
        assert fw_threads() == []
    assert all(summary.counts.in_flight == 0 for summary in summaries.values())
    if where in ("waiting", "opening"):
        assert sink.heard == []
    if where == "waiting":
        assert str(GONE) in {summary.error for summary in summaries.values()}
    if where == "running":
        assert sink.summaries == [summaries["s0"]]
    assert engine.stop() == summaries


def test_a_source_that_cannot_be_had_tells_it_and_its_sinks_nothing(scorer: OnnxScorer) -> None:
    def refuse() -> LivePictures:
        raise SourceError("No decoder for av1.", SourceCode.CODEC_UNSUPPORTED)

    sink = Remembering()
    with running([live_input("a", sink)], scorer, opening(a=refuse)) as engine:
        assert engine.wait(20)
        status = engine.sources[0].status
        assert (status.state, status.code) == (SourceState.FAILED, "codec_unsupported")
        assert status.attempt == 1
        summary = engine.stop()["a"]
    assert summary.error == "No decoder for av1."
    assert sink.heard == []


# What breaks inside


def test_a_bug_in_one_source_is_one_sentence_and_leaves_the_others_alone(
    scorer: OnnxScorer, caplog: pytest.LogCaptureFixture
) -> None:
    nothing = np.zeros((0, 0, 3), np.uint8)  # no tracker can take it

    def picture(index: int) -> Image:
        return nothing if index >= 5 else noise(index)  # any one of them may be superseded

    bad, good = Remembering(), Remembering()
    opener = opening(bad=lambda: LivePictures(picture, 50.0), good=lambda: LivePictures(noise))
    with running([live_input("bad", bad), live_input("good", good)], scorer, opener) as engine:
        wait_for(lambda: engine.sources[0].status.state is SourceState.FAILED)
        count = len(good.results)
        good.wait_for(lambda results: len(results) > count + 5)
        assert engine.sources[1].status.state is SourceState.LIVE
        assert engine.error is None
        summaries = engine.stop()
    assert summaries["bad"].error is not None
    assert summaries["bad"].error.startswith("Internal error")
    assert "\n" not in summaries["bad"].error
    assert summaries["bad"].counts.in_flight == 0
    assert summaries["bad"].counts.dropped[DropCause.SHUTDOWN] >= 1
    assert bad.summaries == [summaries["bad"]]
    assert summaries["good"].error is None
    assert "Traceback" in caplog.text


def test_a_bug_in_a_source_is_told_and_it_is_tried_again(
    scorer: OnnxScorer, caplog: pytest.LogCaptureFixture
) -> None:
    connections = itertools.count()

    def connect() -> LivePictures:
        first = next(connections) == 0

        def bug(_: LivePictures, index: int) -> None:
            if first and index == 2:
                raise ZeroDivisionError("rtsp://u:secret@h")

        return LivePictures(noise, 50.0, bug)

    heard: list[SourceStatus] = []
    sink = Remembering()
    with running(
        [live_input("a", sink)], scorer, opening(a=connect), on_status=heard.append
    ) as engine:
        sink.wait_for(lambda results: bool(results) and results[-1].frame.epoch == 1)
        engine.stop()
    texts = [status.text for status in heard if status.text]
    assert texts[0].startswith("Internal error")
    assert "secret" not in repr(heard)


def test_a_model_that_breaks_fails_every_source_with_its_error(
    tmp_path: Path, portrait: Image
) -> None:
    graph = onnx_models.linear(onnx_models.contract())
    model = OnnxScorer(onnx_models.save(graph, tmp_path), device="cpu")
    face = swaying(portrait)
    sinks = [Remembering(), Remembering()]
    opener = opening(a=lambda: LivePictures(face), b=lambda: LivePictures(face))
    with running([live_input("a", sinks[0]), live_input("b", sinks[1])], model, opener) as engine:
        for sink in sinks:
            sink.wait_for(lambda results: any(r.scores for r in results))
        model.close()
        assert engine.wait(20)
        assert {view.status.state for view in engine.sources} == {SourceState.FAILED}
        assert engine.error is not None
        assert "was closed" in str(engine.error)
        summaries = engine.stop()
    for summary, sink in zip(summaries.values(), sinks, strict=True):
        assert summary.error == str(engine.error)
        assert summary.counts.in_flight == 0
        assert sink.summaries == [summary]


def test_a_listener_that_breaks_is_logged_and_heard_no_less(
    scorer: OnnxScorer, caplog: pytest.LogCaptureFixture
) -> None:
    heard = []

    def listen(status: SourceStatus) -> None:
        heard.append(status)
        raise ZeroDivisionError

    opener = opening(a=lambda: LivePictures(noise))
    with running([live_input("a")], scorer, opener, on_status=listen) as engine:
        wait_for(lambda: engine.sources[0].status.state is SourceState.LIVE)
        engine.stop()
    assert [s.state for s in heard][-1] is SourceState.ENDED
    assert "unexpected error" in caplog.text


# Pictures that show nothing


@pytest.mark.parametrize("state", [SourceState.BLACK, SourceState.FROZEN])
def test_a_picture_that_shows_nothing_is_a_state_and_is_still_seen(
    scorer: OnnxScorer, portrait: Image, state: SourceState
) -> None:
    lively = threading.Event()
    face = swaying(portrait)
    dead = np.zeros_like(portrait) if state is SourceState.BLACK else portrait

    def picture(index: int) -> Image:
        return face(index) if lively.is_set() else dead

    sink = Remembering()
    config = Config(live=LiveConfig(black_s=0.3, frozen_s=0.4))
    opener = opening(a=lambda: LivePictures(picture, 40.0))
    with running([live_input("a", sink)], scorer, opener, config=config) as engine:
        wait_for(lambda: engine.sources[0].status.state is state)
        assert engine.sources[0].status.text
        count = len(sink.results)
        sink.wait_for(lambda results: len(results) > count + 3)
        lively.set()
        wait_for(lambda: engine.sources[0].status.state is SourceState.LIVE)


# The set of sources


def test_reload_leaves_the_unchanged_alone(scorer: OnnxScorer) -> None:
    names = ("a", "b", "c", "d")
    sinks = {name: Remembering() for name in names}
    opener = opening(**{name: lambda: LivePictures(noise, 60.0) for name in names})
    metrics = Metrics()
    first = [live_input(name, sinks[name]) for name in ("a", "b", "c")]
    with running(first, scorer, opener, metrics=metrics) as engine:
        for item in first:
            sinks[item.source_id].wait_for(bool)
        a, b, c = engine.sources
        moved = LiveInput("c", address("elsewhere"), (again := Remembering(),))
        gone = engine.reload([live_input("d", sinks["d"]), moved, live_input("a", Remembering())])
        assert set(gone) == {"b", "c"}
        assert all(summary.counts.in_flight == 0 for summary in gone.values())
        assert sinks["b"].summaries == [gone["b"]]
        assert sinks["c"].summaries == [gone["c"]]
        assert [view.source_id for view in engine.sources] == ["d", "c", "a"]
        assert engine.sources[2] is a
        assert b not in engine.sources
        assert c not in engine.sources
        again.wait_for(bool)
        sinks["d"].wait_for(bool)
        count = len(sinks["a"].results)
        sinks["a"].wait_for(lambda results: len(results) > count + 5)
        assert b'source="b"' not in metrics.exposition()[0]
        with pytest.raises(ConfigError):
            engine.reload([live_input("x"), live_input("x")])
        assert len(engine.sources) == 3
        summaries = engine.stop()
    assert set(summaries) == {"a", "c", "d"}
    assert sinks["a"].summaries == [summaries["a"]]
    assert engine.reload([]) == {}


def test_an_engine_may_begin_with_nothing(scorer: OnnxScorer) -> None:
    sink = Remembering()
    with running([], scorer, opening(a=lambda: LivePictures(noise))) as engine:
        assert engine.wait(0)
        engine.reload([live_input("a", sink)])
        sink.wait_for(bool)
        assert set(engine.stop()) == {"a"}


def test_an_engine_that_was_not_started_can_be_stopped(scorer: OnnxScorer) -> None:
    engine = LiveEngine([live_input("a")], scorer, QUICK)
    assert engine.stop()["a"].counts.captured == 0
    assert fw_threads() == []


def test_names_are_unique_and_decoders_are_bounded(scorer: OnnxScorer) -> None:
    with pytest.raises(ConfigError, match="called 'a'"):
        LiveEngine([live_input("a"), live_input("a")], scorer, QUICK)
    config = Config(live=LiveConfig(decoders=2))
    with pytest.raises(ConfigError, match=r"live\.decoders"):
        LiveEngine([live_input(name) for name in "abc"], scorer, config)


def test_what_metrics_see(scorer: OnnxScorer, portrait: Image) -> None:
    metrics, sink = Metrics(), Remembering()
    opener = opening(a=lambda: LivePictures(swaying(portrait), 30.0))
    with running([live_input("a", sink)], scorer, opener, metrics=metrics) as engine:
        sink.wait_for(lambda results: any(r.scores for r in results))
        wait_for(lambda: engine.sources[0].tracks == 1)
        assert abs(time.monotonic() - engine.sources[0].heartbeat_mono) < 5
        assert set(engine.heartbeats) == {"watch", "scorer"}
        assert engine.model == scorer.info

        def value(name: str, **labels: str) -> float | None:
            return metrics.registry.get_sample_value(name, {"source": "a", **labels})

        assert value("fakewatch_tracks") == 1
        assert value("fakewatch_source_state", state="live") == 1
        captured = value("fakewatch_frames_captured_total")
        assert captured is not None
        assert captured >= 1
        for stage in ("track", "analyse", "score"):
            assert value("fakewatch_stage_seconds_count", stage=stage)
        assert value("fakewatch_frame_age_seconds_count")
        engine.stop()


def test_summaries_are_of_the_run(scorer: OnnxScorer, portrait: Image) -> None:
    sink = Remembering()
    opener = opening(a=lambda: LivePictures(swaying(portrait), 30.0))
    with running([live_input("a", sink)], scorer, opener) as engine:
        sink.wait_for(lambda results: bool(results) and results[-1].frame.time_s > 1.0)
        summary: RunSummary = engine.stop()["a"]
    assert len(summary.tracks) == 1
    assert summary.worst == summary.tracks[0]
    assert summary.media_s > 0.5
    assert summary.error is None
