"""A pulse of known rate is found, and none where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.pulse import Heart, PortraitFace, beating
from realtime.cues import rppg, skin
from realtime.cues.base import Sighting
from realtime.cues.pulse import PulseWitness
from realtime.types import Cue


@pytest.fixture(scope="module")
def face() -> PortraitFace:
    return PortraitFace.find()


def sightings(
    face: PortraitFace, heart: Heart, seconds: float = 12.0, rate_hz: float = 30.0
) -> Iterator[Sighting]:
    count = int(seconds * rate_hz)
    yield from beating(face, heart, [i / rate_hz for i in range(count)])


def said(found: Iterator[Sighting]) -> Cue:
    witness = PulseWitness()
    time_s = 0.0
    for sighting in found:
        witness.see(sighting)
        time_s = sighting.time_s
    return witness.cue(time_s)


@pytest.mark.parametrize(("bpm", "rate_hz"), [(55.0, 30.0), (72.0, 15.0), (140.0, 25.0)])
def test_the_rate_of_a_known_pulse(face: PortraitFace, bpm: float, rate_hz: float) -> None:
    cue = said(sightings(face, Heart(bpm, amplitude=1.5), rate_hz=rate_hz))
    assert cue.value is not None
    assert abs(cue.value - bpm) <= 3.0
    assert cue.details["snr_db"] >= 0.0
    assert cue.llr == 0.0  # a pulse that is found speaks for nobody
    assert cue.details["coherence"] > 0.5


def test_the_rate_survives_lost_pictures(face: PortraitFace) -> None:
    rng = np.random.default_rng(5)
    ragged = (s for s in sightings(face, Heart(66.0, amplitude=1.5)) if rng.random() > 0.2)
    cue = said(ragged)
    assert cue.value == pytest.approx(66.0, abs=3.0)


def test_repeated_pictures_are_no_samples_of_their_own(face: PortraitFace) -> None:
    """30 pictures a second in a stream of 60: every second one is that before it."""
    seen = sightings(face, Heart(66.0, amplitude=1.5))
    doubled = (replace(s, time_s=s.time_s + late) for s in seen for late in (0.0, 1 / 60))
    assert said(doubled).value == pytest.approx(66.0, abs=3.0)


def test_what_swings_with_the_head_is_no_pulse(face: PortraitFace) -> None:
    """The sway of the portrait is at 24 a minute, and colours may follow at twice that."""
    cue = said(sightings(face, Heart(48.0, amplitude=1.5)))
    assert not cue.assessable
    assert "swings" in cue.text


def test_hidden_faces_have_no_pulse(face: PortraitFace) -> None:
    """In profile, behind a mask, too small: the gates of the verdict hide them."""
    seen = (replace(s, hidden=True) for s in sightings(face, Heart(66.0, amplitude=1.5), 9.0))
    cue = said(seen)
    assert not cue.assessable
    assert "in view" in cue.text


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_a_still_picture_has_no_pulse(face: PortraitFace, noise: float) -> None:
    for seed in range(2):
        cue = said(sightings(face, Heart(70.0, amplitude=0.0, noise=noise, seed=seed)))
        assert not cue.assessable, cue


@pytest.mark.parametrize(
    ("heart", "seconds", "rate_hz", "why"),
    [
        (Heart(70.0, amplitude=2.0), 6.0, 30.0, "needs 8 s"),
        (Heart(70.0, amplitude=2.0), 12.0, 8.0, "pictures a second"),
        (Heart(70.0, amplitude=2.0, light=0.12), 12.0, 30.0, "dark"),
        (Heart(70.0, amplitude=2.0, motion=40.0), 12.0, 30.0, "moves"),
        (Heart(70.0, amplitude=0.0, noise=0.0, motion=0.0), 12.0, 30.0, "repeat"),
    ],
)
def test_why_there_is_no_rate(
    face: PortraitFace, heart: Heart, seconds: float, rate_hz: float, why: str
) -> None:
    cue = said(sightings(face, heart, seconds, rate_hz))
    assert not cue.assessable
    assert why in cue.text


def test_two_hearts_in_one_face_are_suspicious(face: PortraitFace) -> None:
    cue = said(sightings(face, Heart(60.0, amplitude=2.5, left_bpm=100.0), seconds=18.0))
    assert cue.assessable
    assert 0.0 < cue.llr <= 0.5
    assert "times a minute" in cue.text
    regions = np.array(
        [
            skin.mean_colours(s.image, s.landmarks)
            for s in sightings(face, Heart(60.0, 2.5, left_bpm=110.0))
        ]
    )
    even = rppg.even(np.arange(len(regions)) / 30.0, regions)
    rates = [rppg.peak(rppg.pos(even[:, i])) for i in range(3)]
    assert rates[0] is not None
    assert rates[1] is not None
    assert rates[0].bpm == pytest.approx(60.0, abs=3.0)
    assert rates[1].bpm == pytest.approx(110.0, abs=3.0)


def test_a_pause_begins_anew(face: PortraitFace) -> None:
    witness = PulseWitness()
    for sighting in sightings(face, Heart(70.0, amplitude=1.5), seconds=9.0):
        witness.see(sighting)
    assert witness.cue(9.0).seconds > 8.0
    assert witness.cue(12.0).seconds == 0.0
    late = next(sightings(face, Heart(70.0, amplitude=1.5), seconds=0.1))
    witness.see(replace(late, time_s=20.0))
    assert witness.cue(20.0).seconds == 0.0


def test_mean_colours_are_those_of_the_regions(face: PortraitFace) -> None:
    grey = np.full_like(face.image, 90)
    grey[..., 2] = 140
    found = skin.mean_colours(grey, face.landmarks)
    np.testing.assert_allclose(found, [[90, 90, 140]] * 3)
    big = cv2.resize(face.image, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    np.testing.assert_allclose(
        skin.mean_colours(np.asarray(big, np.uint8), face.landmarks * 4),
        skin.mean_colours(face.image, face.landmarks),
        atol=6.0,
    )
    assert np.isnan(skin.mean_colours(grey, face.landmarks * 0.02)).all()


def test_signals_that_do_not_move_have_no_peak() -> None:
    assert rppg.peak(rppg.pos(np.full((300, 3), 100.0))) is None
    t = np.arange(300) / 30
    wave = np.sin(2 * math.pi * 1.2 * t)
    found = rppg.peak(wave)
    assert found is not None
    assert found.bpm == pytest.approx(72.0, abs=1.0)
    assert found.snr_db > 10
    assert rppg.snr_at(wave, 72.0) == pytest.approx(found.snr_db, abs=1.0)
    assert rppg.snr_at(wave, 150.0) < 0
    assert rppg.coherence(wave, wave, 1.2) == pytest.approx((1.0, 0.0), abs=1e-6)
    later = np.sin(2 * math.pi * 1.2 * t - math.pi / 2)
    size, degrees = rppg.coherence(wave, later, 1.2)
    assert size > 0.9
    assert degrees == pytest.approx(90.0, abs=5.0)
    assert rppg.coherence(wave, np.zeros(300), 1.2) == (0.0, 0.0)
    slope = np.sin(2 * math.pi * 0.3 * t)  # slower than any heart
    foot = rppg.peak(slope)
    assert foot is None or foot.snr_db < 3.0
