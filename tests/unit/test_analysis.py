"""When a face is scored, what is asked of the model then, and what comes of it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

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
    Obstacle,
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


def test_views_come_with_the_first_score_and_at_most_once_a_second() -> None:
    scorer = LeftScorer()
    results = analyse(scorer, light_from_the("left"), 10)
    scores = [result.scores[1] for result in results if result.scores]
    viewed = [score.time_s for score in scores if score.views]
    assert viewed[0] == scores[0].time_s == 0.0
    assert all(0.999 <= b - a <= 1.3 for a, b in itertools.pairwise(viewed))
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


class LaterScoring:
    """Answers when the test says so, one request at a time."""

    contract = onnx_models.contract()

    def __init__(self) -> None:
        self.asked: list[tuple[float, list[int]]] = []
        self.ready = True
        self._request: tuple[Sequence[Crop], float] | None = None
        self._answer: list[Score] | None = None

    def submit(self, crops: Sequence[Crop], viewed: Collection[int], time_s: float) -> bool:
        assert self.ready
        if crops:
            self.ready = False
            self.asked.append((time_s, [crop.track_id for crop in crops]))
            self._request = (crops, time_s)
        return True

    def collect(self) -> list[Score] | None:
        answer, self._answer = self._answer, None
        return answer

    def answer(self) -> None:
        assert self._request is not None
        crops, time_s = self._request
        self._answer = [LeftScorer._one(crop, time_s) for crop in crops]
        self._request, self.ready = None, True


class Later:
    """An analysis whose scores come late, of faces with given ids lit from the left."""

    def __init__(self, rate_hz: float = 4.0) -> None:
        self.scoring = LaterScoring()
        config = Config(scorer=ScorerConfig(views=False, rate_hz=rate_hz))
        self.counter = FrameCounter()
        self.analysis = Analysis(LeftScorer(), config, self.counter, self.scoring)
        self.image = light_from_the("left")
        self.index = 0

    def see(self, *track_ids: int, at: float, epoch: int = 0) -> FrameResult:
        count = len(track_ids)
        faces = Faces(
            np.array(track_ids, np.int64),
            np.array([[15 + 130 * i, 10, 100, 100] for i in range(count)], np.float32).reshape(
                count, 4
            ),
            np.ones(count, np.float32),
            np.zeros((count, 478, 3), np.float32),
            (QUALITY,) * count,
        )
        frame = Frame("test", epoch, self.index, at, at, None, Clock.PTS, self.image)
        self.index += 1
        self.counter.captured()
        return self.analysis.analyse(frame, faces)


def test_a_late_score_counts_for_its_own_time() -> None:
    later = Later()
    assert later.see(1, at=0.0).scores == {}
    assert later.scoring.asked == [(0.0, [1])]
    for step in range(1, 10):
        assert later.see(1, at=0.1 * step).scores == {}
    later.scoring.answer()
    result = later.see(1, at=1.0)
    assert result.scores[1].time_s == 0.0
    # A heat map of one second ago is still painted, and no longer after that.
    assert result.heat[1].time_s == 0.0
    assert later.see(1, at=1.04).heat == {}
    # The face was due all along and was asked for as soon as that was possible.
    assert later.scoring.asked == [(0.0, [1]), (1.0, [1])]


def test_a_score_that_came_too_late_makes_no_verdict_fresh() -> None:
    later = Later()
    later.see(1, at=0.0)
    for step in range(1, 25):
        later.see(1, at=0.1 * step)
    later.scoring.answer()
    result = later.see(1, at=2.5)
    assert 1 in result.scores
    assert result.verdicts[1].probability is None
    assert result.verdicts[1].obstacles == (Obstacle.NO_SCORE,)
    assert result.heat == {}


def test_a_score_of_a_track_that_has_ended_is_nobodys() -> None:
    later = Later()
    later.see(1, at=0.0)
    later.see(2, at=1.0)
    result = later.see(2, at=2.0)
    assert [track.track_id for track in result.ended] == [1]
    later.scoring.answer()
    result = later.see(2, at=2.04)
    assert result.scores == {}
    assert set(result.verdicts) == {2}


def test_a_score_of_the_connection_before_is_nobodys() -> None:
    later = Later()
    later.see(1, at=5.0)
    later.scoring.answer()
    # The stream came back with its time starting anew.
    result = later.see(2, at=0.0, epoch=1)
    assert [track.track_id for track in result.ended] == [1]
    assert result.scores == {}
    assert result.verdicts[2].probability is None


def test_a_score_reaches_a_face_that_is_hidden_for_a_moment() -> None:
    later = Later()
    later.see(1, at=0.0)
    later.scoring.answer()
    assert list(later.see(at=0.2).scores) == [1]
    result = later.see(1, at=0.3)
    assert result.heat[1].time_s == 0.0


def test_scores_at_once_and_scores_one_frame_later_say_the_same_in_the_end() -> None:
    later = Later()
    for i in range(200):
        result = later.see(1, at=i / RATE)
        if not later.scoring.ready:
            later.scoring.answer()
    at_once = analyse(LeftScorer(), light_from_the("left"), 8, views=False)[-1].verdicts[1]
    verdict = result.verdicts[1]
    assert verdict.state is at_once.state is VerdictState.VERY_STRONG
    assert verdict.probability is not None
    assert at_once.probability is not None
    assert verdict.probability == pytest.approx(at_once.probability, abs=0.01)


def test_the_rate_can_be_changed_while_it_runs() -> None:
    scorer = LeftScorer()
    counter = FrameCounter()
    analysis = Analysis(scorer, Config(scorer=ScorerConfig(views=False)), counter)
    later = Later()
    later.analysis = analysis
    times = []
    for i in range(250):
        if i == 125:
            analysis.set_rate(1.0)
        result = later.see(1, at=i / RATE)
        times += [score.time_s for score in result.scores.values()]
    assert sum(time < 5 for time in times) in {18, 19, 20}
    assert sum(time >= 5 for time in times) in {5, 6}
    # A face that comes later gets the new rate too.
    fresh = [later.see(2, at=10 + i / RATE).scores for i in range(50)]
    assert sum(bool(scores) for scores in fresh) == 2


def test_very_many_tracks_leave_the_gravest_and_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.analysis._MAX_SUMMARIES", 20)
    later = Later()
    for epoch in range(100):
        later.see(epoch + 1, at=0.0, epoch=epoch)
        if epoch == 3:
            for i in range(50):
                later.see(epoch + 1, at=0.04 * i, epoch=epoch)
                if not later.scoring.ready:
                    later.scoring.answer()
        if not later.scoring.ready:
            later.scoring.answer()
    tracks = later.analysis.finish()
    ids = [track.track_id for track in tracks]
    assert len(ids) <= 21
    assert ids == sorted(ids)
    assert ids[-10:] == list(range(91, 101))
    assert 4 in ids
