"""The decision of one track, fed with scores whose right outcome is known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from realtime.agreement import explain_view, logistic, state_for
from realtime.config import VerdictConfig
from realtime.contract import Thresholds
from realtime.types import VIEWS, FaceQuality, Obstacle, Score, Verdict, VerdictState
from realtime.verdict import TrackVerdict, obstacles, weight

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


Views = Callable[[float], tuple[float, ...]]


def score(time_s: float, log_odds: float, views: tuple[float, ...] = ()) -> Score:
    return Score(
        track_id=1,
        time_s=time_s,
        logit=log_odds,
        log_odds=log_odds,
        probability=1 / (1 + math.exp(-log_odds)),
        cam=None,
        to_crop=np.zeros((2, 3), np.float32),
        crop_size=(160, 160),
        views=views,
    )


def watch(
    log_odds: Callable[[float], float | None],
    seconds: float,
    *,
    frame_rate: float = 30.0,
    quality: Callable[[float], FaceQuality] = lambda _: GOOD,
    scores_per_s: float = 4.0,
    views: Views = lambda _: (),
) -> tuple[TrackVerdict, list[tuple[float, Verdict]]]:
    """Run a track over ``seconds``; ``log_odds(t)`` None means that no score came.

    ``views(t)`` gives the log-odds of the changed copies, empty where none were scored.
    """
    track = TrackVerdict(1, 0, 0.0, CONFIG, THRESHOLDS)
    verdicts = []
    scored = -math.inf
    for i in range(int(seconds * frame_rate)):
        t = i / frame_rate
        value = None
        if t - scored >= 1 / scores_per_s - 1e-6:
            value = log_odds(t)
            scored = t
        found = None if value is None else score(t, value, views(t))
        verdict = track.update(t, quality(t), True, found)
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


# Views: changed copies of the crops. At 0.75 strong evidence begins, which is 1.1 in log-odds.

STRONG = VerdictState.STRONG.rank


def alternating(views: tuple[float, ...]) -> Views:
    """Views on every second score only, as the live program takes them."""
    return lambda t: views if round(t * 4) % 2 == 0 else ()


def graver(verdicts: list[tuple[float, Verdict]]) -> list[float]:
    return [t for t, v in verdicts if v.state.rank >= STRONG]


@pytest.mark.parametrize("views", [(4.0, 4.0, 4.0), (5.0, 2.0, 9.0)])
def test_views_that_agree_change_nothing(views: tuple[float, ...]) -> None:
    plain = [v for _, v in watch(lambda _: 4.0, 12)[1]]
    assert [v for _, v in watch(lambda _: 4.0, 12, views=lambda _: views)[1]] == plain
    assert [v for _, v in watch(lambda _: 4.0, 12, views=alternating(views))[1]] == plain
    assert plain[-1].state is VerdictState.VERY_STRONG


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("low", [-4.0, 0.2, 0.9])
@pytest.mark.parametrize("rate", ["every score", "every second score"])
def test_one_view_that_asks_for_less_makes_it_uncertain(which: int, low: float, rate: str) -> None:
    changed = tuple(low if i == which else 4.0 for i in range(3))
    views = alternating(changed) if "second" in rate else lambda _: changed
    track, verdicts = watch(lambda _: 4.0, 20, views=views)
    assert not graver(verdicts)
    last = verdicts[-1][1]
    assert last.state is VerdictState.UNCERTAIN
    assert last.probability == pytest.approx(track.probability)
    assert last.reasons[0] == explain_view(
        VIEWS[which], track.probability, track.views[VIEWS[which]]
    )
    assert last.reasons[1].startswith("classifier 0.98 over ")
    assert track.summary().state is VerdictState.UNCERTAIN


@pytest.mark.parametrize("which", range(3))
def test_a_view_that_asks_for_strong_makes_little_evidence_uncertain(which: int) -> None:
    changed = tuple(4.0 if i == which else -2.0 for i in range(3))
    _, verdicts = watch(lambda _: -2.0, 20, views=alternating(changed))
    spoken = {v.state for _, v in verdicts} - {VerdictState.NOT_ASSESSABLE}
    assert VerdictState.LITTLE_EVIDENCE not in {v.state for t, v in verdicts if t > 3}
    assert spoken <= {VerdictState.LITTLE_EVIDENCE, VerdictState.UNCERTAIN}
    assert VIEWS[which] in verdicts[-1][1].reasons[0]


def test_a_view_that_is_only_uncertain_does_not_trouble_little_evidence() -> None:
    _, verdicts = watch(lambda _: -2.0, 20, views=lambda _: (0.5, -2.0, 0.9))
    assert verdicts[-1][1].state is VerdictState.LITTLE_EVIDENCE
    assert verdicts[-1][1].reasons[0].startswith("classifier")


def test_the_reason_gives_the_furthest_view_in_words_and_numbers() -> None:
    track, verdicts = watch(lambda _: 3.0, 20, views=lambda _: (0.7, -0.4, 0.1))
    now, then = f"{track.probability:.2f}", f"{logistic(-0.4 * 0.967):.2f}"
    assert verdicts[-1][1].reasons[0] == f"the score changes from {now} to {then} when compressed"
    _, verdicts = watch(lambda _: -3.0, 20, views=lambda _: (1.6, 2.0, 4.0))
    assert verdicts[-1][1].reasons[0].endswith("when shrunk")
    assert explain_view("mirrored", 0.7541, 0.7479) == (
        "the score changes from 0.754 to 0.748 when mirrored"
    )


def test_a_view_that_turns_away_takes_the_word_back_at_once() -> None:
    track, verdicts = watch(lambda _: 4.0, 30, views=lambda t: (4.0, 4.0 if t < 12 else -4.0, 4.0))
    spoken = graver(verdicts)
    assert spoken
    assert max(spoken) < 20
    first = next(v for t, v in verdicts if t > max(spoken))
    assert first.state is VerdictState.UNCERTAIN
    assert "compressed" in first.reasons[0]
    assert track.summary().state.rank >= STRONG


def test_views_that_come_to_agree_are_believed_after_the_dwell_time() -> None:
    _, verdicts = watch(lambda _: 4.0, 40, views=lambda t: (4.0, 4.0, -4.0 if t < 10 else 4.0))
    doubted = [t for t, v in verdicts if "shrunk" in v.reasons[0]]
    spoken = graver(verdicts)
    assert min(spoken) > max(doubted)
    assert min(spoken) - max(doubted) >= CONFIG.min_dwell_s
    assert verdicts[-1][1].state is VerdictState.VERY_STRONG


@pytest.mark.parametrize("plain", [4.0, -4.0])
def test_no_flicker_when_a_view_wavers(plain: float) -> None:
    edge = math.log(0.75 / 0.25)
    rng = np.random.default_rng(1)
    noisy = [edge + float(rng.normal(0.0, 1.5)) for _ in range(1000)]
    _, verdicts = watch(lambda _: plain, 120, views=lambda t: (plain, noisy[round(t * 4)], plain))
    states = [v.state for t, v in verdicts if t > 5]
    changes = sum(a is not b for a, b in itertools.pairwise(states))
    assert 1 <= changes <= 8
    assert all((v.state.rank >= STRONG) <= ("compressed" not in v.reasons[0]) for _, v in verdicts)


def test_views_that_flip_at_every_score_count_by_their_average() -> None:
    _, verdicts = watch(
        lambda _: 4.0, 30, views=lambda t: (4.0, (-5.0, 5.0)[round(t * 4) % 2], 4.0)
    )
    assert not graver(verdicts)
    states = [v.state for _, v in verdicts]
    assert sum(a is not b for a, b in itertools.pairwise(states)) == 1


def test_little_evidence_is_never_said_beside_a_number_that_says_more_whatever_views_say() -> None:
    rng = np.random.default_rng(2)
    spoken: list[Verdict] = []
    for _ in range(8):
        levels = rng.normal(0.0, 3.0, (8, 4))
        spoken += [
            v
            for _, v in watch(
                lambda t, levels=levels: float(levels[int(t / 5), 0]),
                40,
                frame_rate=10.0,
                views=lambda t, levels=levels: tuple(levels[int(t / 5), 1:]),
            )[1]
            if v.probability is not None
        ]
    little = [v for v in spoken if v.state is VerdictState.LITTLE_EVIDENCE]
    doubted = [v for v in spoken if len(v.reasons) == 2]
    assert little
    assert doubted
    assert all((v.probability or 0.0) < THRESHOLDS.uncertain for v in little)
    assert all(v.state is VerdictState.UNCERTAIN for v in doubted)


def test_an_average_of_differences_is_the_average_of_the_view() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0.0, 2.0, (100, 4))
    poor = FaceQuality(**{**GOOD.as_dict(), "size_px": 60.0})

    def quality(t: float) -> FaceQuality:
        return GOOD if int(t) % 2 else poor

    together, _ = watch(
        lambda t: float(values[round(t * 4), 0]),
        20,
        quality=quality,
        views=lambda t: tuple(values[round(t * 4), 1:]),
    )
    for i, name in enumerate(VIEWS):
        alone, _ = watch(lambda t, i=i: float(values[round(t * 4), i + 1]), 20, quality=quality)
        assert together.views[name] == pytest.approx(alone.probability, abs=1e-9)


def test_without_views_nothing_is_compared() -> None:
    track, verdicts = watch(lambda _: 4.0, 12)
    assert track.views == {}
    assert verdicts[-1][1].reasons == ("classifier 0.98 over 12 s",)


def test_one_wild_view_changes_nothing() -> None:
    _, verdicts = watch(
        lambda _: -2.0, 15, views=lambda t: (-2.0, 900.0 if 10 <= t < 10.2 else -2.0, -2.0)
    )
    assert {v.state for t, v in verdicts if t > 3} == {VerdictState.LITTLE_EVIDENCE}
