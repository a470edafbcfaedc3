"""A face that is another from one moment on, and a picture that is."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.cues.base import Sighting
from realtime.cues.change import HOLD_S, MAX_LLR, ChangeWitness
from realtime.cues.cusum import Cusum
from realtime.types import Cue, Image, Score
from tests.unit import cue_faces

POINTS = cue_faces.landmarks()
MIDDLE = tuple(int(v) for v in POINTS[4, :2])


def noise(seed: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).normal(0, 1, (480, 640, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(drawn, (0, 0), 4)
    return np.asarray(128 + 30 * blurred / blurred.std(), np.float32)


def picture(face: int, room: int, k: int) -> Image:
    """A face with a texture before a room with one, and the noise of a camera."""
    mask = np.zeros((480, 640, 1), np.float32)
    cv2.ellipse(mask, MIDDLE, (95, 130), 0, 0, 360, 1.0, -1)
    whole = mask * noise(face) + (1 - mask) * noise(room)
    whole += np.random.default_rng(1000 + k).normal(0, 1.5, whole.shape)
    return np.clip(whole, 0, 255).astype(np.uint8)


def score(time_s: float, log_odds: float) -> Score:
    eye = np.eye(2, 3, dtype=np.float32)
    return Score(1, time_s, log_odds, log_odds, 0.5, None, eye, (192, 192))


def run(rate: float, seconds: float, face_at: float, room_at: float, rise: float) -> ChangeWitness:
    witness = ChangeWitness()
    shown = {(f, r): [picture(f, r, k) for k in range(3)] for f in (1, 2) for r in (3, 4)}
    scored = -1.0
    for k in range(int(seconds * rate)):
        now = k / rate
        key = (2 if now >= face_at else 1, 4 if now >= room_at else 3)
        seen = cue_faces.sighting(now, POINTS, image=shown[key][k % 3])
        if now - scored >= 0.25:
            scored = now
            seen = replace(seen, score=score(now, rise if now >= face_at else 0.0))
        witness.see(seen)
        if k % max(int(rate / 2), 1) == 0:
            witness.cue(now)
    return witness


@pytest.mark.parametrize("rate", [8.0, 15.0, 30.0])
def test_a_face_that_is_switched_in_a_room_that_stays_is_told_with_its_time(rate: float) -> None:
    cue = run(rate, 14, 9, math.inf, 3.0).cue(14.0)
    assert cue.details["changed_at_s"] == pytest.approx(9.0, abs=0.3)
    assert 0 < cue.llr <= MAX_LLR
    assert "changed at" in cue.text


def test_nothing_is_told_of_a_face_that_stays() -> None:
    cue = run(15, 14, math.inf, math.inf, 0.0).cue(14.0)
    assert (cue.value, cue.llr) == (0.0, 0.0)


def test_a_cut_of_the_whole_picture_is_no_switch_and_a_new_beginning() -> None:
    cue = run(15, 10, 7, 7, 3.0).cue(10.0)
    assert not cue.assessable
    assert "cut" in cue.text
    assert cue.details == {} or "changed_at_s" not in cue.details


def test_a_change_fades_after_a_time() -> None:
    witness = run(15, 14, 9, math.inf, 3.0)
    assert witness.cue(9 + 1.5 * HOLD_S).llr == pytest.approx(witness.cue(14).llr / 2, rel=0.05)
    assert witness.cue(10 + 2 * HOLD_S).llr == 0.0


def test_hidden_and_short_faces_are_not_assessable() -> None:
    witness = ChangeWitness()
    assert not witness.cue(0.0).assessable
    seen: Sighting = cue_faces.sighting(0.0, POINTS, hidden=True)
    for k in range(100):
        witness.see(replace(seen, time_s=k / 15))
    assert not witness.cue(7.0).assessable


def test_other_witnesses_that_turn_are_told() -> None:
    witness = ChangeWitness()
    shown = picture(1, 3, 0)
    for k in range(80):
        now = k / 2
        witness.see(cue_faces.sighting(now, POINTS, image=shown))
        llr = 0.0 if now < 22 else 3.0
        witness.hear(now, [Cue("dynamics", 0.0, llr, 1.0, now, "")])
    assert "witnesses" in witness.cue(40.0).text


def test_a_sum_forgets_its_past_only_when_it_is_told_to() -> None:
    sums = Cusum(spread=1.0, limit=3.0)
    found = [sums.take(k / 4, 0.0 if k < 60 else 4.0) for k in range(120)]
    alarms = [alarm for alarm in found if alarm]
    assert found.index(alarms[0]) / 4 - 15 <= 2.0
    assert alarms[0].started_s == pytest.approx(15.0, abs=0.5)
    assert alarms[0].up
    calm = [sums.take(30 + k / 4, 0.0) for k in range(60)]
    assert calm[-1] is None
    sums.reset()
    assert not sums.ready


def test_a_fall_counts_only_where_both_sides_do() -> None:
    one, two = Cusum(spread=1.0), Cusum(spread=1.0, two_sided=True)
    falls = [
        (one.take(k / 4, -5.0 * (k > 40)), two.take(k / 4, -5.0 * (k > 40))) for k in range(90)
    ]
    assert not any(a for a, _ in falls)
    assert any(b is not None and not b.up for _, b in falls)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_sum_passes_over_what_is_no_number(wrong: float) -> None:
    sums = Cusum(spread=1.0)
    assert sums.take(0.0, wrong) is None
    assert math.isnan(sums.mean)
