"""What is kept of people over time: bands, gaps, the gravest of what is thinned out, bounds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from realtime import history as module
from realtime.history import History
from realtime.types import Clock, Cue, FaceQuality, Faces, FrameResult, Verdict, VerdictState
from tests.contract import results

LITTLE, STRONG = VerdictState.LITTLE_EVIDENCE, VerdictState.STRONG
IMAGE = np.zeros((8, 8, 3), np.uint8)


def seen(
    time_s: float,
    people: dict[int, tuple[VerdictState, float | None]],
    *,
    epoch: int = 0,
    cues: dict[int, tuple[Cue, ...]] | None = None,
) -> FrameResult:
    """A result that shows these people, each with a state and a probability."""
    base = results.result(0, time_s=time_s, epoch=epoch, size=(8, 8), image=IMAGE, face=False)
    ids = np.array(sorted(people), np.int64)
    faces = Faces(
        ids,
        np.zeros((len(ids), 4), np.float32),
        np.ones(len(ids), np.float32),
        np.zeros((len(ids), 478, 3), np.float32),
        tuple(FaceQuality(48, 100, 0, 0, 0, 0, 0, 100) for _ in ids),
    )
    verdicts = {i: Verdict(i, s, p, 0.0, 0.0, ("why",)) for i, (s, p) in people.items()}
    return dataclasses.replace(base, faces=faces, verdicts=verdicts, cues=cues or {})


@pytest.mark.parametrize("rate", [1, 8, 30, 60])
def test_bands_are_the_same_at_every_frame_rate(rate: int) -> None:
    history = History(live=False)
    for i in range(20 * rate + 1):
        time_s = i / rate
        history.add(seen(time_s, {1: (STRONG if time_s >= 10 else LITTLE, 0.5)}))
    (lane,) = history.picture().lanes
    assert [band.state for band in lane.bands] == [LITTLE, STRONG]
    assert lane.bands[0].start_s == 0
    assert lane.bands[0].end_s == lane.bands[1].start_s == 10
    assert lane.bands[1].end_s == 20


def test_who_leaves_has_a_gap_and_a_short_loss_is_none() -> None:
    history = History(live=False)
    for i in range(250):
        time_s = i / 25
        hidden = 2.0 <= time_s < 2.3 or 4.0 <= time_s < 7.0
        history.add(seen(time_s, {} if hidden else {1: (LITTLE, 0.2)}))
    (lane,) = history.picture().lanes
    assert [(b.start_s, b.end_s) for b in lane.bands] == [
        (0.0, pytest.approx(3.96)),
        (7.0, pytest.approx(9.96)),
    ]
    assert (pytest.approx(3.96), None) in lane.samples


def test_a_jump_is_a_gap_even_for_who_is_there_on_both_sides() -> None:
    history = History(live=False)
    for time_s in (0.0, 0.1, 50.0, 50.1):
        history.add(seen(time_s, {1: (LITTLE, 0.2)}))
    assert len(history.picture().lanes[0].bands) == 2


def test_the_highest_survives_being_thinned_out() -> None:
    history = History(live=False)
    for i in range(9000):
        history.add(seen(i / 10, {1: (STRONG, 0.97 if i == 4321 else 0.3)}))
    (lane,) = history.picture().lanes
    assert len(lane.samples) <= module.MAX_SAMPLES
    assert max(p for _, p in lane.samples if p is not None) == 0.97
    assert lane.samples[0][0] == 0.0


def test_a_live_source_forgets_and_keeps_the_last_minutes_in_detail() -> None:
    history = History(live=True)
    for i in range(9000):
        base = seen(0.0, {1: (LITTLE, 0.2)})
        frame = dataclasses.replace(base.frame, captured_mono=i / 2, clock=Clock.MONOTONIC)
        history.add(dataclasses.replace(base, frame=frame))
    picture = history.picture()
    (lane,) = picture.lanes
    assert len(lane.samples) <= module.MAX_SAMPLES
    recent = [t for t, _ in lane.samples if t >= picture.now_s - module.DETAIL_S]
    assert len(recent) == 241
    assert lane.samples[0][0] >= picture.now_s - module.KEEP_S - 64


def test_bands_and_people_are_bounded_and_the_gravest_stays() -> None:
    history = History(live=False)
    for i in range(2 * module.MAX_BANDS + 200):
        history.add(seen(i / 25, {1: (STRONG if i % 2 else LITTLE, 0.5)}))
    assert len(history.picture().lanes[0].bands) == module.MAX_BANDS
    for i in range(2, 200):
        history.add(seen(100 + i / 25, {i: (LITTLE, 0.1)}))
    lanes = history.picture().lanes
    assert len(lanes) <= module.MAX_LANES
    assert 1 in {lane.track_id for lane in lanes}


def test_the_newest_cues_and_presence_are_told() -> None:
    history = History(live=False)
    cue = Cue.silent("blink", "too short")
    history.add(seen(0.0, {1: (LITTLE, 0.2)}, cues={1: (cue,)}))
    history.add(seen(0.1, {1: (LITTLE, 0.2), 2: (LITTLE, None)}))
    history.add(seen(0.2, {2: (LITTLE, 0.1)}))
    one, two = history.picture().lanes
    assert one.cues == (cue,)
    assert not one.present
    assert two.present
    assert two.samples == ((0.1, None), (0.2, 0.1))
