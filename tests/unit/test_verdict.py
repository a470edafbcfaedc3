"""The decision of one track, fed with scores whose right outcome is known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from realtime.config import VerdictConfig
from realtime.contract import Thresholds
from realtime.types import FaceQuality, Obstacle, Score, Verdict, VerdictState
from realtime.verdict import TrackVerdict, obstacles, state_for, weight

CONFIG = VerdictConfig()
THRESHOLDS = Thresholds(uncertain=0.4, strong=0.75, very_strong=0.92)
GOOD = FaceQuality(
    size_px=200,
    blur=200,
    yaw=0,
    pitch=0,
    roll=0,
    blockiness=0,
    occlusion=0,
    brightness=120,
)


def score(time_s: float, log_odds: float) -> Score:
    return Score(
        track_id=1,
        time_s=time_s,
        logit=log_odds,
        log_odds=log_odds,
        probability=1 / (1 + math.exp(-log_odds)),
        cam=None,
        to_crop=np.zeros((2, 3), np.float32),
        crop_size=(160, 160),
    )


def watch(
    log_odds: Callable[[float], float | None],
    seconds: float,
    frame_rate: float = 30.0,
    quality: Callable[[float], FaceQuality] = lambda _: GOOD,
    scores_per_s: float = 4.0,
) -> tuple[TrackVerdict, list[tuple[float, Verdict]]]:
    """Run a track over ``seconds``; ``log_odds(t)`` None means that no score came."""
    track = TrackVerdict(1, 0, 0.0, CONFIG, THRESHOLDS)
    verdicts = []
    scored = -math.inf
    for i in range(int(seconds * frame_rate)):
        t = i / frame_rate
        value = None
        if t - scored >= 1 / scores_per_s - 1e-6:
            value = log_odds(t)
            scored = t
        verdict = track.update(t, quality(t), True, None if value is None else score(t, value))
        verdicts.append((t, verdict))
    return track, verdicts


def at(verdicts: list[tuple[float, Verdict]], time_s: float) -> Verdict:
    return min(verdicts, key=lambda item: abs(item[0] - time_s))[1]


def test_first_it_measures() -> None:
    _, verdicts = watch(lambda _: 4.0, 3)
    first = verdicts[0][1]
    assert first.state is VerdictState.NOT_ASSESSABLE
    assert first.obstacles == (Obstacle.WARMING_UP,)
    assert first.probability is None


def test_a_clear_fake_becomes_very_strong_and_a_clear_real_little_evidence() -> None:
    assert watch(lambda _: 4.0, 12)[1][-1][1].state is VerdictState.VERY_STRONG
    assert watch(lambda _: -4.0, 12)[1][-1][1].state is VerdictState.LITTLE_EVIDENCE
    assert watch(lambda _: 0.0, 12)[1][-1][1].state is VerdictState.UNCERTAIN


@pytest.mark.parametrize("frame_rate", [8.0, 15.0, 60.0])
def test_the_frame_rate_plays_no_part(frame_rate: float) -> None:
    def swap_at_10(t: float) -> float:
        return -2.0 if t < 10 else 3.0

    def first_strong(rate: float) -> float:
        _, verdicts = watch(swap_at_10, 40, frame_rate=rate)
        return next(t for t, v in verdicts if v.state.rank >= VerdictState.STRONG.rank)

    assert first_strong(frame_rate) == pytest.approx(first_strong(30.0), abs=0.6)


def test_the_first_word_is_never_graver_than_uncertain() -> None:
    _, verdicts = watch(lambda _: 4.0, 12)
    spoken = [(t, v.state) for t, v in verdicts if v.state is not VerdictState.NOT_ASSESSABLE]
    first = spoken[0][0]
    assert spoken[0][1] is VerdictState.UNCERTAIN
    strong = next(t for t, state in spoken if state.rank >= VerdictState.STRONG.rank)
    assert strong - first >= CONFIG.min_dwell_s


def test_the_word_never_says_less_than_the_number() -> None:
    _, verdicts = watch(lambda t: -2.0 if t < 10 else 3.0, 40)
    little = [v for _, v in verdicts if v.state is VerdictState.LITTLE_EVIDENCE]
    assert little
    assert max(v.probability or 0.0 for v in little) < THRESHOLDS.uncertain


def test_one_wild_score_changes_nothing() -> None:
    _, verdicts = watch(lambda t: 50.0 if 10 <= t < 10.2 else -2.0, 15)
    states = {v.state for t, v in verdicts if t > 3}
    assert states == {VerdictState.LITTLE_EVIDENCE}


def test_no_flicker_around_a_threshold() -> None:
    # Just around the strong threshold: without hysteresis and dwell this changes at every score.
    edge = math.log(0.75 / 0.25)
    rng = np.random.default_rng(0)
    _, verdicts = watch(lambda _: edge + float(rng.normal(0.0, 1.5)), 120)
    states = [v.state for t, v in verdicts if t > 5]
    changes = sum(a is not b for a, b in itertools.pairwise(states))
    assert changes <= 6


def test_hysteresis_band() -> None:
    strong, uncertain = VerdictState.STRONG, VerdictState.UNCERTAIN
    assert state_for(0.74, uncertain, THRESHOLDS, 0.08) is uncertain
    assert state_for(0.75, uncertain, THRESHOLDS, 0.08) is strong
    assert state_for(0.68, strong, THRESHOLDS, 0.08) is strong
    assert state_for(0.66, strong, THRESHOLDS, 0.08) is uncertain
    assert state_for(0.95, VerdictState.NOT_ASSESSABLE, THRESHOLDS, 0.08) is (
        VerdictState.VERY_STRONG
    )


def test_without_fresh_scores_there_is_no_verdict() -> None:
    _, verdicts = watch(lambda t: 4.0 if t < 5 else None, 12)
    assert at(verdicts, 5.5).state.rank >= VerdictState.STRONG.rank
    late = at(verdicts, 9.0)
    assert late.state is VerdictState.NOT_ASSESSABLE
    assert late.obstacles == (Obstacle.NO_SCORE,)
    assert late.probability is None


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"size_px": 30.0}, Obstacle.TOO_SMALL),
        ({"blur": 1.0}, Obstacle.TOO_BLURRED),
        ({"yaw": -70.0}, Obstacle.TURNED_AWAY),
        ({"pitch": 60.0}, Obstacle.TURNED_AWAY),
        ({"occlusion": 0.9}, Obstacle.COVERED),
        ({"brightness": 5.0}, Obstacle.TOO_DARK),
        ({"blockiness": 40.0}, Obstacle.TOO_COMPRESSED),
    ],
)
def test_gates_keep_scores_out(change: dict[str, float], obstacle: Obstacle) -> None:
    bad = FaceQuality(**{**GOOD.as_dict(), **change})
    assert obstacles(bad, True, CONFIG) == [obstacle]
    track, verdicts = watch(lambda _: 4.0, 6, quality=lambda _: bad)
    last = verdicts[-1][1]
    assert last.state is VerdictState.NOT_ASSESSABLE
    assert obstacle in last.obstacles
    summary = track.summary()
    assert summary.probability is None
    assert summary.not_assessable[obstacle] == pytest.approx(6, abs=0.1)


def test_missing_landmarks_are_an_obstacle() -> None:
    assert obstacles(GOOD, False, CONFIG) == [Obstacle.NO_LANDMARKS]


def test_a_short_turn_of_the_head_keeps_the_verdict() -> None:
    away = FaceQuality(**{**GOOD.as_dict(), "yaw": 80.0})
    _, verdicts = watch(lambda _: 4.0, 12, quality=lambda t: away if 6 < t < 7 else GOOD)
    assert all(v.state is not VerdictState.NOT_ASSESSABLE for t, v in verdicts if t > 3)


def test_better_crops_count_more() -> None:
    poor = FaceQuality(**{**GOOD.as_dict(), "size_px": 66.0, "yaw": 45.0})
    assert weight(poor, CONFIG) < 0.5 * weight(GOOD, CONFIG)


def test_time_is_accounted_for() -> None:
    track, _ = watch(lambda _: -3.0, 10)
    summary = track.summary()
    total = summary.assessable_s + sum(summary.not_assessable.values())
    assert total == pytest.approx(summary.last_s - summary.first_s, abs=1e-6)
    assert summary.assessable_s > 7


def test_the_summary_names_the_gravest_that_lasted() -> None:
    track, _ = watch(lambda t: 4.0 if 10 <= t < 25 else -4.0, 60)
    assert track.summary().state.rank >= VerdictState.STRONG.rank
    assert (track.summary().probability or 0) > 0.75


def test_a_track_too_short_to_dwell_still_gets_its_last_word() -> None:
    track, verdicts = watch(lambda _: -4.0, 2.4)
    assert track.summary().state is verdicts[-1][1].state is VerdictState.LITTLE_EVIDENCE
    assert track.summary().probability is not None
