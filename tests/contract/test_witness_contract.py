"""What every witness must do, whatever it watches: the suite for `realtime.cues.base.Witness`."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.pulse import PortraitFace
from realtime.config import CuesConfig
from realtime.cues.base import SAY_EVERY_S, Comparing, Sighting, Witness
from realtime.cues.pose import solve
from realtime.cues.track import Kit, TrackCues
from realtime.types import Cue, Score

NAMES = sorted(Kit.of(CuesConfig()).makers)
MOST_NATS = 2.0


@pytest.fixture(scope="module")
def portrait() -> PortraitFace:
    return PortraitFace.find()


def moving(
    portrait: PortraitFace, rate_hz: float, seconds: float, start: float = 0.0
) -> Iterator[Sighting]:
    """The face drifts, nods and trembles a little, and is scored four times a second."""
    rng = np.random.default_rng(0)
    scored = -math.inf
    base = portrait.landmarks
    size = portrait.image.shape[1], portrait.image.shape[0]
    for number in range(int(seconds * rate_hz)):
        t = start + number / rate_hz
        shift = 3 * np.array([math.sin(t), math.cos(0.7 * t), 0.0])
        marks = (base + shift + 0.1 * rng.standard_normal(base.shape)).astype(np.float32)
        score = None
        if t - scored >= 0.25:
            score, scored = score_at(t, 0.3 * rng.standard_normal()), t
        image = cv2.add(portrait.image, rng.integers(0, 2, portrait.image.shape, np.uint8))
        yield Sighting(
            time_s=t,
            image=np.asarray(image, np.uint8),
            box=portrait.box,
            landmarks=marks,
            quality=portrait.quality,
            pose=solve(marks, size),
            hidden=False,
            score=score,
        )


def score_at(time_s: float, log_odds: float) -> Score:
    cam = np.full((6, 6), log_odds, np.float32)
    to_crop = np.eye(2, 3, dtype=np.float32)
    probability = 1 / (1 + math.exp(-log_odds))
    return Score(1, time_s, log_odds, log_odds, probability, cam, to_crop, (192, 192))


def made(name: str) -> Witness:
    return Kit.of(CuesConfig()).makers[name]()


def heard(witness: Witness, sightings: Iterator[Sighting]) -> list[Cue]:
    """What it says twice a second, and that each word is one it may say."""
    said: list[Cue] = []
    asked = -math.inf
    for sighting in sightings:
        witness.see(sighting)
        if sighting.time_s - asked >= SAY_EVERY_S:
            asked = sighting.time_s
            cue = witness.cue(asked)
            if isinstance(witness, Comparing):
                witness.hear(asked, [cue])
            check(cue)
            said.append(cue)
    return said


def check(cue: Cue) -> None:
    assert math.isfinite(cue.llr)
    assert abs(cue.llr) <= MOST_NATS
    assert 0.0 <= cue.confidence <= 1.0
    assert math.isfinite(cue.seconds)
    assert cue.seconds >= 0.0
    assert cue.text
    assert "\n" not in cue.text
    assert all(math.isfinite(value) for value in cue.details.values())
    if cue.assessable:
        assert cue.value is not None
        assert math.isfinite(cue.value)
    else:
        assert (cue.llr, cue.confidence) == (0.0, 0.0)
        assert cue.text.startswith("not assessable: ")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_bears_the_name_in_the_settings(name: str) -> None:
    assert made(name).name == name
    assert hasattr(CuesConfig(), name)
    off = replace(CuesConfig(), **{name: False})
    assert name not in Kit.of(off).makers


def test_who_saw_nothing_says_nothing(name: str) -> None:
    cue = made(name).cue(5.0)
    check(cue)
    assert not cue.assessable
    assert cue.name == name


@pytest.mark.parametrize("rate_hz", [8.0, 15.0, 30.0])
def test_a_living_picture_is_no_error(name: str, portrait: PortraitFace, rate_hz: float) -> None:
    said = heard(made(name), moving(portrait, rate_hz, 12.0))
    assert 20 <= len(said) <= 24


def test_a_second_is_not_enough_for_anybody(name: str, portrait: PortraitFace) -> None:
    said = heard(made(name), moving(portrait, 25.0, 0.9))
    assert all(not cue.assessable or abs(cue.llr) < 0.2 for cue in said)


def test_pauses_lost_pictures_and_jumps_are_survived(name: str, portrait: PortraitFace) -> None:
    rng = np.random.default_rng(3)
    witness = made(name)
    ragged = (s for s in moving(portrait, 25.0, 8.0) if rng.random() < 0.6)
    heard(witness, ragged)
    heard(witness, moving(portrait, 25.0, 4.0, start=500.0))


def test_a_face_that_is_hidden_gives_no_evidence(name: str, portrait: PortraitFace) -> None:
    hidden = (replace(s, hidden=True, score=None) for s in moving(portrait, 15.0, 12.0))
    assert all(cue.llr == 0.0 for cue in heard(made(name), hidden))


ODD: dict[str, Callable[[Sighting], Sighting]] = {
    "no rigid head fits": lambda s: replace(s, pose=None),
    "all landmarks in one point": lambda s: replace(
        s, landmarks=np.full_like(s.landmarks, 50.0), pose=None
    ),
    "landmarks out of the picture": lambda s: replace(
        s, landmarks=s.landmarks + np.float32(5000), box=s.box + np.float32(5000)
    ),
    "a tiny picture": lambda s: replace(s, image=np.zeros((8, 8, 3), np.uint8)),
    "a black picture": lambda s: replace(s, image=np.zeros_like(s.image)),
    "a white picture": lambda s: replace(s, image=np.full_like(s.image, 255)),
    "turned away": lambda s: replace(s, quality=replace(s.quality, yaw=70.0), hidden=True),
    "a score without a map": lambda s: replace(
        s, score=None if s.score is None else replace(s.score, cam=None)
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_sightings_are_no_error(name: str, portrait: PortraitFace, odd: str) -> None:
    heard(made(name), (ODD[odd](s) for s in moving(portrait, 12.0, 11.0)))


def test_it_only_looks(name: str, portrait: PortraitFace) -> None:
    def frozen() -> Iterator[Sighting]:
        for sighting in moving(portrait, 15.0, 3.0):
            sighting.image.setflags(write=False)
            sighting.landmarks.setflags(write=False)
            yield sighting

    heard(made(name), frozen())


def test_the_same_sightings_give_the_same_words(name: str, portrait: PortraitFace) -> None:
    first, second = (heard(made(name), moving(portrait, 15.0, 11.0)) for _ in range(2))
    assert first == second


def test_what_it_keeps_is_bounded(name: str, portrait: PortraitFace) -> None:
    """After four minutes it holds hardly more than after one and a half."""
    some = list(moving(portrait, 10.0, 6.0))
    witness = made(name)
    endless = (
        replace(sighting, time_s=turn * 6.0 + sighting.time_s)
        for turn in itertools.count()
        for sighting in some
    )

    def watch(until_s: float) -> int:
        for sighting in endless:
            witness.see(sighting)
            if int(sighting.time_s * 10) % 50 == 0:
                witness.cue(sighting.time_s)
            if sighting.time_s >= until_s:
                break
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = watch(100.0)
        after = watch(240.0)
    finally:
        tracemalloc.stop()
    assert after - before < 64 * 1024


def test_a_track_asks_twice_a_second(portrait: PortraitFace) -> None:
    track = TrackCues(Kit.of(CuesConfig()))
    said = [track.see(sighting) for sighting in moving(portrait, 20.0, 3.0)]
    assert [cue.name for cue in said[0]] == list(Kit.of(CuesConfig()).makers)
    changes = sum(a is not b for a, b in itertools.pairwise(said))
    assert changes == 5
