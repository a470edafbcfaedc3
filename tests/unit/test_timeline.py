"""Time stamps of every kind become seconds that grow."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sources.timeline import DEFAULT_FRAME_S, MIN_STEP_S, Timeline

MS = Fraction(1, 1000)


def times(stamps: list[int | None], rate: float | None = 50.0) -> list[float]:
    timeline = Timeline(MS, rate)
    return [timeline.place(stamp) for stamp in stamps]


def test_time_counts_from_the_first_stamp() -> None:
    assert times([1400, 1440, 1480, 9000]) == [0.0, 0.04, 0.08, 7.6]
    assert times([-80, -40, 0]) == [0.0, 0.04, 0.08]


def test_equal_stamps_give_equal_times_however_they_are_reached() -> None:
    timeline = Timeline(Fraction(1, 30), 30.0)
    first = [timeline.place(stamp) for stamp in range(100)]
    timeline.resume()
    assert [timeline.place(stamp) for stamp in range(40, 100)] == first[40:]
    assert timeline.regular
    assert [timeline.stamp(time_s) for time_s in first] == list(range(100))


def test_a_missing_stamp_is_one_frame_later() -> None:
    assert times([0, None, None, 60]) == pytest.approx([0.0, 0.02, 0.04, 0.06])
    assert times([None, None]) == pytest.approx([0.0, 0.02])
    assert times([None, 500, 540]) == pytest.approx([0.0, 0.02, 0.06])


@pytest.mark.parametrize("rate", [None, 0.001, 90_000.0, math.inf])
def test_an_implausible_rate_is_not_used(rate: float | None) -> None:
    assert times([0, None], rate) == pytest.approx([0.0, DEFAULT_FRAME_S])


def test_a_repeated_or_slightly_earlier_stamp_moves_one_frame_only() -> None:
    expected = [0.0, 0.04, 0.04 + MIN_STEP_S, 0.04 + 2 * MIN_STEP_S, 0.12]
    assert times([0, 40, 40, 20, 120]) == pytest.approx(expected)


def test_a_clock_that_starts_anew_is_joined_on() -> None:
    timeline = Timeline(MS, 25.0)
    placed = [timeline.place(stamp) for stamp in (0, 2000, 0, 40, 80)]
    assert placed == pytest.approx([0.0, 2.0, 2.04, 2.08, 2.12])
    assert not timeline.regular


def test_a_clock_that_leaps_ahead_is_joined_on_but_a_long_pause_is_kept() -> None:
    overflow = 95_443_717
    assert times([0, 20, overflow, overflow + 20]) == pytest.approx([0.0, 0.02, 0.04, 0.06])
    assert times([0, 600_000]) == [0.0, 600.0]


def test_restart_repeats_the_same_times() -> None:
    timeline = Timeline(MS, 25.0)
    stamps = [None, 100, 2000, 0, None, 40]
    first = [timeline.place(stamp) for stamp in stamps]
    timeline.restart()
    assert [timeline.place(stamp) for stamp in stamps] == first


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=40))
def test_whatever_comes_time_grows(stamps: list[int | None]) -> None:
    placed = times(stamps)
    assert all(a < b for a, b in itertools.pairwise(placed))
    assert placed[0] >= 0
    assert all(math.isfinite(time_s) for time_s in placed)


@given(st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1))
def test_every_time_has_a_stamp_that_fits(time_s: float, origin: int) -> None:
    timeline = Timeline(Fraction(1, 90_000), 25.0)
    timeline.place(origin)
    assert abs(timeline.stamp(time_s)) <= 2**62
