"""When a face is scored."""

from __future__ import annotations

import itertools

import pytest

from realtime.analysis import ScoreSchedule


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
