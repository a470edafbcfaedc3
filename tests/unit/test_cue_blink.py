"""Blinks: counted by time, weighed slowly, and silent where eyes cannot be judged."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest

from realtime.cues.blink import BlinkWitness, dark_glasses, evidence
from realtime.cues.eyes import BlinkDetector, aperture
from realtime.types import Cue
from tests.unit.cue_faces import SIZE, landmarks, sighting, turn


def lids(time_s: float, at: Iterable[float], length_s: float = 0.2, depth: float = 1.0) -> float:
    """How far eyes are open that close and open again within ``length_s`` around times."""
    fall = max((1 - abs(time_s - t) / length_s for t in at), default=0.0)
    return 1 - depth * max(fall, 0.0)


def times(seconds: float, rate_hz: float, dropped: int = 0) -> Iterator[float]:
    """Of frames, of which every ``dropped``-th is missing."""
    for i in range(int(seconds * rate_hz)):
        if not dropped or i % dropped:
            yield i / rate_hz


def watch(
    frames: Iterable[float],
    opened: Callable[[float], float],
    *,
    yaw: float = 0.0,
    distance: float = 3.0,
    hidden: bool = False,
    second: Callable[[float], float] | None = None,
) -> tuple[BlinkWitness, Cue]:
    """Show a face whose lids are ``opened``; the viewer's right ones as ``second`` says."""
    witness, t = BlinkWitness(), 0.0
    noise = np.random.default_rng(1)
    rotation = turn(yaw)
    for t in frames:
        eyes = (0.3 * opened(t), 0.3 * (second or opened)(t))
        points = landmarks(rotation, (0, 0, distance), eyes, 0.0, noise.normal(0, 0.15, (478, 2)))
        witness.see(sighting(t, points, hidden=hidden))
    return witness, witness.cue(t)


@pytest.mark.parametrize("yaw", [-30, 0, 30])
@pytest.mark.parametrize("opened", [0.0, 0.15, 0.35])
def test_the_ratio_is_that_of_the_eye_however_the_head_is_turned(yaw: float, opened: float) -> None:
    points = landmarks(turn(yaw, 5, 20), (0.2, -0.1, 3), (opened, opened))
    found = sighting(0.0, points).pose
    assert found is not None
    assert aperture(points, found, SIZE[0]) == pytest.approx((opened, opened), abs=0.05)


@pytest.mark.parametrize(
    ("rate_hz", "dropped"), [(60, 0), (30, 0), (30, 3), (25, 0), (15, 0), (12, 5)]
)
def test_blinks_are_counted_at_any_rate(rate_hz: float, dropped: int) -> None:
    at = [2.0, 5.3, 5.9, 9.1, 14.45]
    witness, cue = watch(times(16, rate_hz, dropped), lambda t: lids(t, at))
    assert [round((b.start_s + b.end_s) / 2, 1) for b in witness.blinks] == pytest.approx(
        at, abs=0.11
    )
    assert cue.value == pytest.approx(60 * 5 / 16, rel=0.1)
    assert cue.details["blinks"] == 5
    assert 0.1 < cue.details["duration_s"] < 0.3
    assert cue.details["completeness"] > 0.6
    assert abs(cue.details["asymmetry"]) < 0.1
    assert cue.details["since_last_s"] == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("yaw", [-28, 28])
def test_a_turned_face_is_counted_and_partial_blinks_are_less_complete(yaw: float) -> None:
    at = [3.0, 6.0, 9.0]
    _, full = watch(times(12, 30), lambda t: lids(t, at), yaw=yaw)
    _, part = watch(times(12, 30), lambda t: lids(t, at, depth=0.5), yaw=yaw)
    assert full.details["blinks"] == part.details["blinks"] == 3
    assert part.details["completeness"] < 0.65 < full.details["completeness"]


def test_an_eye_that_closes_less_is_told_and_a_wink_is_no_blink() -> None:
    at = [3.0, 6.0, 9.0]
    _, uneven = watch(
        times(12, 30), lambda t: lids(t, at), second=lambda t: lids(t, at, depth=0.65)
    )
    assert uneven.details["blinks"] == 3
    assert uneven.details["asymmetry"] > 0.1
    _, wink = watch(times(12, 30), lambda t: lids(t, at), second=lambda t: 1.0)
    assert wink.details["blinks"] == 0


def test_long_closures_and_lowered_eyes_are_no_blinks() -> None:
    def closed(t: float) -> float:
        return 0.02 if 4 < t < 7 else 0.6 if t > 12 else 1.0

    witness, cue = watch(times(18, 30), closed)
    assert witness.blinks == ()
    assert cue.details["eyes_closed_s"] == pytest.approx(2.0, abs=0.2)
    _, during = watch(times(12, 30), lambda t: 0.02 if t > 10 else 1.0)
    assert during.text == "eyes closed or lowered now"


def test_a_pause_makes_no_blink() -> None:
    """Lids that are lower after a gap need not have moved within it."""
    frames = [t for t in times(20, 30) if not 8 < t < 9]
    witness, _ = watch(frames, lambda t: 0.4 if 9 <= t < 9.3 else 1.0)
    assert len(witness.blinks) <= 1
    witness, _ = watch([t for t in times(20, 30) if not 8 < t < 9], lambda t: 1.0)
    assert witness.blinks == ()


def test_it_never_grows_with_the_length_of_the_track() -> None:
    witness = BlinkWitness()
    points = [landmarks(eyes=(0.3 * o, 0.3 * o)) for o in (1.0, 0.1)]
    for i in range(60 * 60):
        witness.see(sighting(i / 10, points[i % 10 == 0]))
    assert len(witness.blinks) == 256
    cue = witness.cue(360.0)
    assert cue.value == pytest.approx(60, abs=2)
    assert cue.details["blinks"] == pytest.approx(120, abs=3)
    assert math.isfinite(cue.llr)


@pytest.mark.parametrize(
    ("why", "shown"),
    [
        ("small", {"distance": 16.0}),
        ("turned away", {"yaw": 45.0}),
        ("hidden", {"hidden": True}),
    ],
)
def test_eyes_that_cannot_be_judged(why: str, shown: dict[str, float]) -> None:
    _, cue = watch(times(15, 15), lambda t: lids(t, [5.0]), **shown)  # type: ignore[arg-type]
    assert not cue.assessable
    assert why in cue.text
    assert (cue.llr, cue.seconds) == (0.0, 0.0)


def test_a_short_clip_and_few_frames_are_not_judged_but_counted() -> None:
    _, short = watch(times(1, 30), lambda t: lids(t, [0.5]))
    assert not short.assessable
    assert "only 1.0 s" in short.text
    assert short.details["blinks"] == 1
    _, slow = watch(times(30, 6), lambda t: lids(t, [5.0, 15.0], 0.4))
    assert not slow.assessable
    assert "too few frames" in slow.text
    assert slow.details["blinks"] == 2
    _, webcam = watch(times(30, 8.5), lambda t: lids(t, [5.0, 15.0], 0.4))
    assert webcam.assessable


def test_eyes_that_were_never_open() -> None:
    _, cue = watch(times(15, 30), lambda t: 0.1)
    assert not cue.assessable
    assert "closed all the time" in cue.text


def test_before_anything_was_seen() -> None:
    cue = BlinkWitness().cue(0.0)
    assert not cue.assessable
    assert cue.text.startswith("not assessable")


def test_dark_glasses_are_told_from_eyes() -> None:
    points = landmarks()
    image = np.full((SIZE[1], SIZE[0], 3), 150, np.uint8)
    assert not dark_glasses(image, points)
    noise = np.random.default_rng(3).normal(0, 0.1, (478, 2))
    for corner in (33, 263):
        x, y = points[corner, :2].astype(int)
        image[y - 12 : y + 12, x - 50 : x + 50] = 20
    assert dark_glasses(image, points)
    witness = BlinkWitness()
    for t in times(12, 15):
        witness.see(sighting(t, landmarks(noise=noise), image=image))
    assert "dark glasses" in witness.cue(12.0).text
    assert not dark_glasses(image, points + np.float32(5000))


def test_evidence_grows_slowly_and_stays_within_bounds() -> None:
    none = [evidence(0, t) for t in (0, 10, 30, 45, 60, 90, 120)]
    assert none[:3] == [0.0, 0.0, 0.0]
    assert all(a <= b for a, b in itertools.pairwise(none))
    assert 0 < none[3] < none[4] < none[5] == 0.7
    for blinks in (0, 1, 5, 17, 40, 200, 100_000):
        for seconds in (0.0, 31.0, 120.0):
            assert math.log(0.7) <= evidence(blinks, seconds) <= 0.7


@pytest.mark.parametrize("rate", [4.5, 17, 26])
def test_published_rates_raise_no_suspicion(rate: float) -> None:
    assert evidence(round(rate * 2), 120.0) <= 0.0


def test_samples_that_jump_are_no_trouble() -> None:
    detector = BlinkDetector()
    for i in range(3000):
        detector.take(i / 30, float(i % 7 == 0), -0.1 * (i % 3))
    assert all(math.isfinite(v) for v in detector.openness)
    assert detector.baseline is not None
