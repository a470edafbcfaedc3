"""A pause of everything: nothing is analysed, cameras are let go, and nothing false is said."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from realtime.config import Config, LiveConfig
from realtime.live import LiveEngine, LiveInput
from realtime.scorer import OnnxScorer
from realtime.sources import parse
from realtime.types import Image, SourceState, VerdictState
from tests.unit.live_sources import GONE, LivePictures, Remembering
from tests.unit.test_live import (
    STOP_S,
    live_input,
    noise,
    opening,
    running,
    swaying,
    wait_for,
    write_face,
)


@pytest.fixture(scope="module")
def portrait() -> Image:
    """A public-domain face, 320 x 320."""
    return np.ascontiguousarray(data.astronaut()[:320, 60:380, ::-1])


def dropped(engine: LiveEngine) -> int:
    return sum(engine.sources[0].counts.dropped.values())


def test_a_pause_closes_the_connection_and_faces_begin_anew_after_it(
    scorer: OnnxScorer, portrait: Image
) -> None:
    made: list[LivePictures] = []

    def connect() -> LivePictures:
        made.append(LivePictures(swaying(portrait)))
        return made[-1]

    sink, heard = Remembering(), []
    with running(
        [live_input("cam", sink)], scorer, opening(cam=connect), on_status=heard.append
    ) as engine:
        sink.wait_for(lambda results: any(r.verdicts for r in results))
        engine.pause(on=True)
        wait_for(lambda: engine.sources[0].status.state is SourceState.PAUSED)
        assert made[0].closes == 1
        # The frame that was being worked on may still be told, and is all.
        wait_for(lambda: len(sink.results) == engine.sources[0].counts.captured - dropped(engine))
        before = len(sink.results)
        time.sleep(0.3)
        assert len(sink.results) == before
        assert len(made) == 1
        engine.pause(on=False)
        sink.wait_for(lambda results: bool(results[-1].frame.epoch == 1 and results[-1].verdicts))
        result = next(r for r in sink.results if r.frame.epoch == 1 and r.verdicts)
        ended = {t.track_id for r in sink.results for t in r.ended}
        assert ended.isdisjoint(result.verdicts)
        assert set(sink.results[before - 1].verdicts) <= ended
        assert all(v.state is VerdictState.NOT_ASSESSABLE for v in result.verdicts.values())
        counts = engine.stop(STOP_S)["cam"].counts
    assert counts.captured == counts.analysed + sum(counts.dropped.values())
    order = [s.state for s in heard]
    paused = order.index(SourceState.PAUSED)
    assert order[paused + 1 : paused + 3] == [SourceState.CONNECTING, SourceState.CONNECTING]
    assert SourceState.LIVE in order[paused:]
    assert SourceState.RECONNECTING not in order


def test_a_read_that_is_stuck_is_ended_by_a_pause_and_that_is_no_loss(scorer: OnnxScorer) -> None:
    made: list[LivePictures] = []

    def stuck(source: LivePictures, count: int) -> bool | None:
        return None if count < 3 or len(made) > 1 else not source.closed.wait(60)

    def connect() -> LivePictures:
        made.append(LivePictures(noise, at=stuck))
        return made[-1]

    sink, heard = Remembering(), []
    with running(
        [live_input("cam", sink)], scorer, opening(cam=connect), on_status=heard.append
    ) as engine:
        wait_for(lambda: engine.sources[0].counts.captured >= 3)
        engine.pause(on=True)
        wait_for(lambda: engine.sources[0].status.state is SourceState.PAUSED)
        engine.pause(on=False)
        wait_for(lambda: engine.sources[0].counts.captured > 5)
    assert SourceState.RECONNECTING not in [s.state for s in heard]


def test_a_pause_while_a_source_waits_to_be_tried_again_is_told_at_once(scorer: OnnxScorer) -> None:
    def gone(source: LivePictures, count: int) -> bool | None:
        raise GONE

    slow = Config(live=LiveConfig(retry_first_s=60.0, retry_max_s=60.0))
    source = opening(cam=lambda: LivePictures(noise, at=gone))
    with running([live_input("cam")], scorer, source, config=slow) as engine:
        wait_for(lambda: engine.sources[0].status.state is SourceState.RECONNECTING)
        engine.pause(on=True)
        wait_for(lambda: engine.sources[0].status.state is SourceState.PAUSED)
        engine.stop(STOP_S)
        assert engine.sources[0].status.state is SourceState.ENDED


def test_a_file_goes_on_after_a_pause_where_it_was(
    tmp_path: Path, scorer: OnnxScorer, portrait: Image
) -> None:
    clip = tmp_path / "face.mkv"
    write_face(clip, portrait, 40)
    sink = Remembering()
    item = LiveInput("clip", parse(str(clip)), (sink,), paced=True)
    with running([item], scorer, None) as engine:
        sink.wait_for(lambda results: len(results) >= 5)
        engine.pause(on=True)
        wait_for(lambda: engine.sources[0].status.state is SourceState.PAUSED)
        wait_for(lambda: engine.sources[0].counts.in_flight <= 1)
        before = len(sink.results)
        time.sleep(0.3)
        assert len(sink.results) - before <= 1
        engine.pause(on=False)
        assert engine.wait(60)
    assert [r.frame.index for r in sink.results] == list(range(40))
