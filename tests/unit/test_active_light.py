"""A face before the screen answers its colours; one that is painted elsewhere does not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.active_light import answers, lit, measured, pictures
from benchmarks.pulse import PortraitFace
from realtime.cues.active_light import SLOT_S, SURE_P, flash_sequence, response


@pytest.fixture(scope="module")
def face() -> PortraitFace:
    return PortraitFace.find()


def test_a_sequence_is_its_seeds_and_harmless_to_look_at() -> None:
    one, same, other = (flash_sequence(seed, 12.0) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.colours, same.colours)
    assert (one.colours != other.colours).any()
    assert (np.diff(one.starts_s) > 1 / 3).all()  # fewer than three changes a second
    assert (one.colours[1:] != one.colours[:-1]).any(1).all()
    assert (one.colours[:, 2] < 0.8 * one.colours.sum(1, dtype=int)).all()  # no saturated red
    luma = one.colours @ np.array([0.114, 0.587, 0.299])
    assert np.ptp(luma) < 40
    assert one.colour(0.0) == tuple(one.colours[0])
    assert one.colour(SLOT_S * 1.5) == tuple(one.colours[1])
    assert one.colour(-0.1) is None
    assert one.colour(12.0) is None
    with pytest.raises(ValueError, match="6 s or longer"):
        flash_sequence(1, 2.0)


@pytest.mark.parametrize(("delay_s", "rate_hz"), [(0.2, 15), (0.5, 10), (0.8, 12)])
def test_a_portrait_before_the_screen_answers(
    face: PortraitFace, delay_s: float, rate_hz: int
) -> None:
    sequence = flash_sequence(3, 8.0)
    times = [i / rate_hz for i in range(9 * rate_hz)]
    seen = measured(face, pictures(face, sequence, 0.04, delay_s, times))
    found = response(np.array(times), seen, sequence)
    assert found.answered, found
    assert found.delay_s == pytest.approx(delay_s, abs=0.12)
    assert "answers" in found.text


@pytest.mark.parametrize("shown", [None, 99])
def test_a_portrait_in_other_light_does_not(face: PortraitFace, shown: int | None) -> None:
    other = None if shown is None else flash_sequence(shown, 8.0)
    times = [i / 12 for i in range(9 * 12)]
    seen = measured(face, pictures(face, other, 0.04, 0.4, times))
    found = response(np.array(times), seen, flash_sequence(3, 8.0))
    assert not found.answered, found
    assert "no answer" in found.text


def test_false_answers_are_as_rare_as_stated() -> None:
    """One in a hundred is expected; five of sixty would be once in two thousand such tests."""
    assert answers(0.0, 30) + answers(0.05, 30, other=True) < 5
    assert SURE_P == 0.01
    assert answers(0.02, 10) == 10


def test_the_background_takes_the_white_balance_away() -> None:
    sequence = flash_sequence(5, 10.0)
    times, seen, behind = lit(sequence, 0.01, 0.4, 15, seed=4)
    wild = np.exp(0.05 * np.sin(2 * np.pi * 0.9 * times))[:, None] ** np.array([1.0, 0.0, -1.0])
    alone = response(times, seen * wild, sequence)
    against = response(times, seen * wild, sequence, background_bgr=behind * wild)
    assert against.answered
    assert against.correlation > alone.correlation
    nowhere = np.full_like(behind, np.nan)
    assert response(times, seen, sequence, background_bgr=nowhere) == response(
        times, seen, sequence
    )


def test_too_little_is_said_to_be_too_little() -> None:
    sequence = flash_sequence(5, 10.0)
    times, seen, _ = lit(sequence, 0.05, 0.4, 15, seed=4)
    empty = response(np.empty(0), np.empty((0, 3)), sequence)
    short = response(times[:40], seen[:40], sequence)
    slow = response(times[::5], seen[::5], sequence)
    dark = response(times, seen * 0.01, sequence)
    hidden = response(times, np.full_like(seen, np.nan), sequence)
    for found in (empty, short, slow, dark, hidden):
        assert (found.correlation, found.delay_s, found.p_value) == (0.0, None, 1.0)
        assert found.text.startswith("not assessable: ")
    assert "pictures a second" in slow.text
    with pytest.raises(ValueError, match="a row of three"):
        response(times, seen[:-1], sequence)


def test_lost_pictures_are_survived() -> None:
    sequence = flash_sequence(6, 10.0)
    times, seen, behind = lit(sequence, 0.02, 0.3, 30, seed=8)
    keep = np.random.default_rng(2).random(len(times)) > 0.4
    seen[::7] = np.nan
    found = response(times[keep], seen[keep], sequence, background_bgr=behind[keep])
    assert found.answered
    assert found.delay_s == pytest.approx(0.3, abs=0.1)
