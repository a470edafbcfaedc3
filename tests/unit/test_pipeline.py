"""The pipeline as a whole: real tracking, real scoring, a source whose behaviour is scripted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from realtime.config import Config
from realtime.errors import FakewatchError, SinkError, SourceCode, SourceError
from realtime.pipeline import Pipeline
from realtime.scorer import OnnxScorer
from realtime.types import (
    Clock,
    DropCause,
    Frame,
    FrameResult,
    Image,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceState,
)
from tests.contract import onnx_models

RATE = 30.0


class ScriptedSource:
    """A source of ``frames`` equal pictures, which fails or sleeps where the test says so."""

    def __init__(
        self,
        image: Image,
        frames: int = 60,
        at: Callable[[int], None] = lambda _: None,
        lost: int = 0,
    ) -> None:
        self.image = image
        self.image.flags.writeable = False
        self.frames = frames
        self.at = at
        self.lost = lost
        self.next = 0
        self.index = 0
        self.epoch = 0
        self.closed = False

    source_id = "scripted"

    @property
    def decode_errors(self) -> int:
        return min(self.lost, self.index)

    def open(self) -> SourceInfo:
        height, width = self.image.shape[:2]
        return SourceInfo("scripted", width, height, self.frames / RATE, RATE, True, False, "raw")

    def read(self) -> Frame | None:
        self.at(self.next)
        if self.next >= self.frames:
            return None
        frame = Frame(
            self.source_id,
            self.epoch,
            self.index,
            self.next / RATE,
            time.monotonic(),
            None,
            Clock.PTS,
            self.image,
        )
        self.next += 1
        self.index += 1
        return frame

    def seek(self, time_s: float) -> None:
        self.epoch += 1
        self.next = min(self.frames - 1, int(time_s * RATE + 1e-6))

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> ScriptedSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Recorder:
    """A sink that keeps what it got, and can break."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.starts: list[RunStart] = []
        self.results: list[FrameResult] = []
        self.summaries: list[RunSummary] = []
        self.fail_at = fail_at
        self.arrived = threading.Condition()

    def start(self, start: RunStart) -> None:
        self.starts.append(start)

    def write(self, result: FrameResult) -> None:
        if self.fail_at is not None and len(self.results) >= self.fail_at:
            raise SinkError("Cannot write out.jsonl any more: no space left.")
        with self.arrived:
            self.results.append(result)
            self.arrived.notify_all()

    def finish(self, summary: RunSummary) -> None:
        self.summaries.append(summary)

    def close(self) -> None:
        pass

    def wait_for(self, ready: Callable[[list[FrameResult]], bool]) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: ready(self.results), 20)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxScorer]:
    contract = onnx_models.contract()
    folder = tmp_path_factory.mktemp("model")
    scorer = OnnxScorer(onnx_models.save(onnx_models.linear(contract), folder), device="cpu")
    yield scorer
    scorer.close()


@pytest.fixture
def portrait() -> Image:
    """A public-domain face, 512 x 512."""
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


@pytest.fixture
def blank() -> Image:
    return np.zeros((120, 160, 3), np.uint8)


def fw_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("fw-")]


def test_every_frame_becomes_a_result_in_order(portrait: Image, scorer: OnnxScorer) -> None:
    sink = Recorder()
    pipeline = Pipeline(ScriptedSource(portrait, 75), scorer, Config(), [sink])
    pipeline.start()
    assert pipeline.wait(60)
    summary = pipeline.stop()
    assert [r.frame.index for r in sink.results] == list(range(75))
    assert (summary.counts.captured, summary.counts.analysed) == (75, 75)
    assert summary.counts.in_flight == 0
    assert sink.summaries == [summary]
    assert len(sink.starts) == 1
    assert summary.media_s == pytest.approx(74 / RATE)
    assert pipeline.state is SourceState.ENDED
    # One face, tracked throughout, scored about four times a second and judged in the end.
    assert len(summary.tracks) == 1
    scored = sum(bool(r.scores) for r in sink.results)
    assert 8 <= scored <= 11
    assert summary.worst == summary.tracks[0]
    assert sink.results[-1].verdicts[summary.tracks[0].track_id].probability is not None
    assert fw_threads() == []


def test_undecodable_frames_are_counted(blank: Image, scorer: OnnxScorer) -> None:
    pipeline = Pipeline(ScriptedSource(blank, 20, lost=3), scorer, Config())
    pipeline.start()
    assert pipeline.wait(30)
    counts = pipeline.stop().counts
    assert counts.captured == 23
    assert counts.analysed == 20
    assert counts.dropped == {DropCause.DECODE_ERROR: 3}


def test_the_identity_holds_at_every_moment(blank: Image, scorer: OnnxScorer) -> None:
    sink = Recorder()
    pipeline = Pipeline(ScriptedSource(blank, 200, lost=7), scorer, Config(), [sink])
    pipeline.start()
    while not pipeline.wait(0.001):
        # Two queues of four, and one frame in the hands of each of the three threads.
        assert 0 <= pipeline.counts.in_flight <= 11
    pipeline.stop()
    assert all(0 <= r.counts.in_flight <= 11 for r in sink.results)


@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize("situation", ["running", "paused", "ended", "opening", "blocked"])
def test_stop_from_any_state(blank: Image, scorer: OnnxScorer, situation: str, paced: bool) -> None:
    blocked, release = threading.Event(), threading.Event()

    def block(index: int) -> None:
        if situation == "blocked" and index == 3:
            blocked.set()
            release.wait(10)

    class Source(ScriptedSource):
        def close(self) -> None:
            super().close()
            release.set()

    source = Source(blank, 3 if situation == "ended" else 100_000, block)
    pipeline = Pipeline(source, scorer, Config(), [sink := Recorder()], paced=paced)
    pipeline.start()
    if situation == "paused":
        pipeline.pause()
        sink.wait_for(lambda _: True)
    elif situation == "ended":
        assert pipeline.wait(20)
    elif situation == "blocked":
        assert blocked.wait(20)
    elif situation == "running":
        sink.wait_for(lambda results: len(results) > 3)
    summary = pipeline.stop()
    assert fw_threads() == []
    assert source.closed
    assert summary.counts.in_flight == 0
    assert set(summary.counts.dropped) <= {DropCause.SHUTDOWN}
    assert pipeline.stop().counts == summary.counts


def test_a_source_that_breaks_keeps_what_came_before(blank: Image, scorer: OnnxScorer) -> None:
    def breaks(index: int) -> None:
        if index == 30:
            raise SourceError("The file is damaged.", SourceCode.CORRUPT)

    sink = Recorder()
    pipeline = Pipeline(ScriptedSource(blank, 60, breaks), scorer, Config(), [sink], paced=False)
    pipeline.start()
    assert pipeline.wait(30)
    with pytest.raises(SourceError, match="damaged"):
        pipeline.stop()
    assert len(sink.results) == 30
    assert sink.summaries[0].error == "The file is damaged."
    assert sink.summaries[0].counts.in_flight == 0
    assert pipeline.state is SourceState.FAILED


def test_a_source_that_does_not_open_starts_nothing(blank: Image, scorer: OnnxScorer) -> None:
    class Closed(ScriptedSource):
        def open(self) -> SourceInfo:
            raise SourceError("There is no such file.", SourceCode.NOT_FOUND)

    source = Closed(blank)
    with pytest.raises(SourceError):
        Pipeline(source, scorer, Config()).start()
    assert fw_threads() == []
    assert source.closed


@pytest.mark.parametrize("where", ["source", "sink"])
def test_a_bug_in_any_part_reaches_the_caller_as_one_sentence(
    blank: Image, scorer: OnnxScorer, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(index: int) -> None:
        if where == "source" and index == 5:
            raise ZeroDivisionError("rtsp://user:secret@host")

    class Buggy(Recorder):
        def write(self, result: FrameResult) -> None:
            super().write(result)
            if where == "sink":
                raise ZeroDivisionError("rtsp://user:secret@host")

    pipeline = Pipeline(ScriptedSource(blank, 50, bug), scorer, Config(), [Buggy(), Recorder()])
    pipeline.start()
    assert pipeline.wait(30)
    with pytest.raises(FakewatchError) as caught:
        pipeline.stop()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert fw_threads() == []


def test_a_sink_that_breaks_ends_the_run_and_the_others_are_finished(
    blank: Image, scorer: OnnxScorer
) -> None:
    good = Recorder()
    pipeline = Pipeline(ScriptedSource(blank, 500), scorer, Config(), [good, Recorder(fail_at=10)])
    pipeline.start()
    assert pipeline.wait(30)
    with pytest.raises(SinkError, match="no space left"):
        pipeline.stop()
    assert len(good.results) == 11
    assert good.summaries[0].error is not None
    assert good.summaries[0].counts.in_flight == 0


def test_pause_step_seek_and_replay(blank: Image, scorer: OnnxScorer) -> None:
    states: list[SourceState] = []
    sink = Recorder()
    pipeline = Pipeline(
        ScriptedSource(blank, 30), scorer, Config(), [sink], paced=True, on_state=states.append
    )
    pipeline.pause()
    pipeline.start()
    pipeline.step()
    sink.wait_for(lambda r: len(r) == 1)
    pipeline.step()
    sink.wait_for(lambda r: len(r) == 2)
    assert [r.frame.pts_s for r in sink.results] == [0.0, 1 / RATE]

    pipeline.seek(0.5)
    sink.wait_for(lambda r: r[-1].frame.pts_s == 0.5)
    assert sink.results[-1].frame.epoch == 1
    pipeline.step_back()
    sink.wait_for(lambda r: r[-1].frame.pts_s == pytest.approx(0.5 - 1 / RATE))

    pipeline.resume()
    assert pipeline.wait(20)
    assert pipeline.state is SourceState.ENDED
    assert sink.results[-1].frame.pts_s == pytest.approx(29 / RATE)
    assert fw_threads() != []

    count = len(sink.results)
    pipeline.seek(0.0)
    sink.wait_for(lambda r: len(r) > count and r[count].frame.pts_s == 0.0)
    summary = pipeline.stop()
    assert summary.counts.in_flight == 0
    assert set(summary.counts.dropped) <= {DropCause.SEEK, DropCause.SHUTDOWN}
    assert SourceState.PAUSED in states
    assert SourceState.ENDED in states


def test_pace_follows_the_time_stamps(blank: Image, scorer: OnnxScorer) -> None:
    sink = Recorder()
    pipeline = Pipeline(ScriptedSource(blank, 31), scorer, Config(), [sink], paced=True)
    begin = time.monotonic()
    pipeline.start()
    assert pipeline.wait(30)
    # A lower bound only: no machine may play a second of video in less than a second.
    assert time.monotonic() - begin >= 30 / RATE
    pipeline.stop()


def test_tracks_start_anew_after_a_seek(portrait: Image, scorer: OnnxScorer) -> None:
    sink = Recorder()
    pipeline = Pipeline(ScriptedSource(portrait, 40), scorer, Config(), [sink], paced=True)
    pipeline.start()
    sink.wait_for(lambda r: bool(r) and len(r[-1].faces) == 1)
    before = sink.results[-1].faces.track_ids[0]
    pipeline.seek(0.0)
    sink.wait_for(lambda r: r[-1].frame.epoch == 1 and len(r[-1].faces) == 1)
    summary = pipeline.stop()
    assert sink.results[-1].faces.track_ids[0] != before
    assert {t.epoch for t in summary.tracks} == {0, 1}
    assert len({t.track_id for t in summary.tracks}) == 2


def test_a_model_that_breaks_ends_the_run(portrait: Image, tmp_path: Path) -> None:
    contract = onnx_models.contract()
    model = OnnxScorer(onnx_models.save(onnx_models.linear(contract), tmp_path), device="cpu")
    model.close()
    pipeline = Pipeline(ScriptedSource(portrait, 30), model, Config(), [sink := Recorder()])
    pipeline.start()
    assert pipeline.wait(30)
    with pytest.raises(FakewatchError):
        pipeline.stop()
    assert sink.summaries[0].error
    assert fw_threads() == []
