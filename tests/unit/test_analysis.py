"""When a face is scored, what is asked of the model then, and what comes of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from realtime.analysis import Analysis, ScoreSchedule
from realtime.capture import FrameCounter
from realtime.config import Config, ScorerConfig
from realtime.types import (
    VIEWS,
    Clock,
    Crop,
    FaceQuality,
    Faces,
    Frame,
    FrameResult,
    Image,
    ModelInfo,
    Score,
    VerdictState,
)
from tests.contract import onnx_models

QUALITY = FaceQuality(100, 100, 0, 0, 0, 0, 0, 100)
RATE = 25.0


def scored_at(rate_hz: float, frame_rate: float, weights: list[float]) -> list[float]:
    schedule = ScoreSchedule(rate_hz)
    times = [i / frame_rate for i in range(len(weights))]
    return [t for t, w in zip(times, weights, strict=True) if schedule.due(t, w)]


@pytest.mark.parametrize("frame_rate", [8.0, 24.0, 29.97, 30.0, 60.0])
@pytest.mark.parametrize("rate_hz", [2.0, 4.0, 5.0])
def test_the_rate_is_kept_at_any_frame_rate(rate_hz: float, frame_rate: float) -> None:
    seconds = 20
    times = scored_at(rate_hz, frame_rate, [1.0] * int(seconds * frame_rate))
    # Never faster than asked for, and slower only because frames do not come in between.
    assert len(times) <= seconds * rate_hz + 1
    assert all(b - a >= 1 / rate_hz - 1e-3 for a, b in itertools.pairwise(times))
    assert all(b - a <= 1 / rate_hz + 1 / frame_rate + 1e-3 for a, b in itertools.pairwise(times))


def test_better_crops_are_waited_for() -> None:
    # Every other half second is blurred by motion.
    frame_rate = 30.0
    weights = [0.3 if int(i / frame_rate * 8) % 2 else 1.0 for i in range(600)]
    times = scored_at(4.0, frame_rate, weights)
    good = sum(weights[round(t * frame_rate)] == 1.0 for t in times)
    assert good / len(times) > 0.8


def test_it_does_not_wait_for_ever() -> None:
    weights = [1.0] * 30 + [0.2] * 300
    times = scored_at(4.0, 30.0, weights)
    assert max(b - a for a, b in itertools.pairwise(times)) <= 1.5 / 4 + 2 / 30


class LeftScorer:
    """Calls faces fake that are lit from the left; keeps how much it was asked at once."""

    info = ModelInfo("left", "0" * 64, "CPU")
    contract = onnx_models.contract()

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        self.batches.append([crop.track_id for crop in crops])
        return [self._one(crop, time_s) for crop in crops]

    def close(self) -> None:
        pass

    @staticmethod
    def _one(crop: Crop, time_s: float) -> Score:
        left, right = np.array_split(crop.pixels.astype(float).mean(axis=(0, 2)), 2)
        logit = (left.mean() - right.mean()) / 10
        cam = np.full((2, 2), logit, np.float32)
        return Score(crop.track_id, time_s, logit, logit, 0.5, cam, crop.to_crop, (32, 32))


def light_from_the(side: str) -> Image:
    image = np.full((120, 400, 3), 100, np.uint8)
    for x in (0, 130, 260):
        image[:, x : x + 130] = np.linspace(160, 60, 130)[None, :, None].astype(np.uint8)
    return np.ascontiguousarray(image if side == "left" else image[:, ::-1])


def analyse(
    scorer: LeftScorer, image: Image, seconds: float, *, views: bool = True, faces: int = 1
) -> list[FrameResult]:
    """So many equal faces in equal pictures, at 25 frames a second."""
    analysis = Analysis(scorer, Config(scorer=ScorerConfig(views=views)), FrameCounter())
    boxes = np.array([[15 + 130 * i, 10, 100, 100] for i in range(faces)], np.float32)
    if image[0, 0, 0] < image[0, 129, 0]:  # lit from the right: the strips lie 10 px further on
        boxes[:, 0] += 10
    seen = Faces(
        np.arange(1, faces + 1),
        boxes,
        np.ones(faces, np.float32),
        np.zeros((faces, 478, 3), np.float32),
        (QUALITY,) * faces,
    )
    frames = [
        Frame("test", 0, i, i / RATE, i / RATE, None, Clock.PTS, image)
        for i in range(int(seconds * RATE))
    ]
    return [analysis.analyse(frame, seen) for frame in frames]


def test_views_come_with_the_first_score_and_at_most_twice_a_second() -> None:
    scorer = LeftScorer()
    results = analyse(scorer, light_from_the("left"), 10)
    scores = [result.scores[1] for result in results if result.scores]
    viewed = [score.time_s for score in scores if score.views]
    assert viewed[0] == scores[0].time_s == 0.0
    assert all(0.499 <= b - a <= 0.7 for a, b in itertools.pairwise(viewed))
    assert all(len(score.views) in {0, len(VIEWS)} for score in scores)
    # One call for each frame, as without views, and no more than a crop and its copies in it.
    assert len(scorer.batches) == len(results)
    assert sorted({len(batch) for batch in scorer.batches}) == [0, 1, 1 + len(VIEWS)]
    asked = sum(len(batch) for batch in scorer.batches)
    assert asked == len(scores) + len(VIEWS) * len(viewed)


def test_faces_share_a_batch_and_keep_their_views() -> None:
    scorer = LeftScorer()
    results = analyse(scorer, light_from_the("left"), 1, faces=3)
    assert scorer.batches[0] == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    assert max(len(batch) for batch in scorer.batches) == 12
    first = results[0].scores
    assert list(first) == [1, 2, 3]
    for score in first.values():
        assert score.views[VIEWS.index("mirrored")] == pytest.approx(-score.log_odds, abs=0.01)
        assert score.cam is not None
        assert np.all(score.cam == np.float32(score.logit))


def test_views_can_be_switched_off() -> None:
    scorer = LeftScorer()
    results = analyse(scorer, light_from_the("left"), 5, views=False)
    assert {len(batch) for batch in scorer.batches} == {0, 1}
    assert all(score.views == () for result in results for score in result.scores.values())


def test_a_face_is_not_called_fake_for_something_that_mirroring_undoes() -> None:
    def said(side: str, *, views: bool) -> set[VerdictState]:
        results = analyse(LeftScorer(), light_from_the(side), 8, views=views)
        return {result.verdicts[1].state for result in results if result.frame.time_s > 3}

    assert VerdictState.VERY_STRONG in said("left", views=False)
    assert said("right", views=False) == {VerdictState.LITTLE_EVIDENCE}
    for side in ("left", "right"):
        assert said(side, views=True) == {VerdictState.UNCERTAIN}
