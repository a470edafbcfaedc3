"""A mouth and a voice whose delay is known, and everything that is no voice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.pulse import PortraitFace
from realtime.cues import mouth
from realtime.cues.base import Sighting
from realtime.cues.lipsync import LipSyncWitness
from realtime.cues.mouth import MAX_LAG_S
from realtime.cues.sound import FEATURE_HZ, SAMPLE_HZ, Heard, Sound, why_not_speech
from realtime.types import Cue

Samples = np.ndarray


@pytest.fixture(scope="module")
def face() -> PortraitFace:
    return PortraitFace.find()


def syllables(seconds: float, seed: int = 1) -> Samples:
    """How far a mouth is open, 0 to 1, a hundred times a second: about four syllables a second,
    with a pause now and then.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * FEATURE_HZ))
    at = 0.1
    while at < seconds:
        length = rng.uniform(0.12, 0.3)
        begin, end = int(at * FEATURE_HZ), min(len(out), int((at + length) * FEATURE_HZ))
        out[begin:end] = rng.uniform(0.5, 1) * np.sin(np.linspace(0, np.pi, end - begin))
        at += length + (rng.uniform(0.4, 0.8) if rng.random() < 0.15 else rng.uniform(0.02, 0.08))
    return out


def voice(opening: Samples, pitch_hz: float = 130.0) -> Samples:
    """A buzz with overtones that swells with the mouth."""
    t = np.arange(len(opening) * SAMPLE_HZ // FEATURE_HZ) / SAMPLE_HZ
    swell = np.interp(t, np.arange(len(opening)) / FEATURE_HZ, opening)
    turns = np.cumsum(pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 3 * t))) / SAMPLE_HZ
    buzz = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 25))
    return 0.1 * swell**1.5 * buzz + 1e-4 * np.random.default_rng(0).standard_normal(len(t))


def talking(
    face: PortraitFace, opening: Samples, rate_hz: float = 25.0, loss: float = 0.0
) -> Iterator[Sighting]:
    """The portrait, its lower lip and chin moved by the opening."""
    rng = np.random.default_rng(2)
    nose = np.linalg.norm(face.landmarks[168, :2] - face.landmarks[2, :2])
    for number in range(int(len(opening) / FEATURE_HZ * rate_hz)):
        t = number / rate_hz
        if rng.random() < loss:
            continue
        marks = face.landmarks.copy()
        drop = 0.25 * nose * np.interp(t, np.arange(len(opening)) / FEATURE_HZ, opening)
        marks[[14, 17, 152], 1] += np.float32(drop)
        marks[:, :2] += 0.15 * rng.standard_normal((478, 2)).astype(np.float32)
        yield Sighting(t, face.image, face.box, marks, face.quality, None, False, None)


def sounding(samples: Samples, late_s: float = 0.0) -> Sound:
    sound = Sound()
    for begin in range(0, len(samples), 4000):
        sound.add(late_s + begin / SAMPLE_HZ, samples[begin : begin + 4000])
    return sound


def said(sightings: Iterator[Sighting], sound: Sound | None) -> list[Cue]:
    witness = LipSyncWitness(lambda: sound)
    found: list[Cue] = []
    for sighting in sightings:
        witness.see(sighting)
        if len(found) < 2 * sighting.time_s:
            found.append(witness.cue(sighting.time_s))
    return found


@pytest.mark.parametrize("late_s", [0.0, 0.28, -0.2])
@pytest.mark.parametrize("rate_hz", [15.0, 25.0, 30.0])
def test_the_delay_of_a_voice(face: PortraitFace, late_s: float, rate_hz: float) -> None:
    opening = syllables(12.0)
    cues = said(talking(face, opening, rate_hz), sounding(voice(opening), late_s))
    last = cues[-1]
    assert last.value is not None
    assert last.value > 0.4
    assert last.details["lag_ms"] == pytest.approx(1000 * late_s, abs=60)
    assert last.llr == 0.0  # a constant delay is what networks make
    assert ("late" in last.text) is (late_s > 0.2)


def test_lost_pictures_do_not_matter(face: PortraitFace) -> None:
    opening = syllables(12.0)
    last = said(talking(face, opening, 30.0, loss=0.3), sounding(voice(opening)))[-1]
    assert last.value is not None
    assert last.value > 0.4


def test_another_voice_is_told(face: PortraitFace) -> None:
    opening = syllables(12.0)
    last = said(talking(face, opening), sounding(voice(syllables(12.0, seed=9))))[-1]
    assert last.value is not None
    assert last.value < 0.4
    assert last.llr == 0.0  # films are dubbed
    assert last.details["out_of_time"] > last.details["in_time"] - 0.4


def test_a_delay_that_changes_is_suspicious(face: PortraitFace) -> None:
    opening = syllables(36.0)
    sound = Sound()
    samples = voice(opening)
    half = 18 * SAMPLE_HZ
    sound.add(0.0, samples[:half])
    sound.add(18.0, np.zeros(round(0.3 * SAMPLE_HZ)))
    sound.add(18.3, samples[half:])
    cues = said(talking(face, opening), sound)
    assert all(cue.llr == 0.0 for cue in cues[:34])
    assert cues[-1].llr == pytest.approx(1.0)
    assert "the delay of the voice went from" in cues[-1].text


def music(seconds: float) -> Samples:
    t = np.arange(int(seconds * SAMPLE_HZ)) / SAMPLE_HZ
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440, 880))
    return 0.1 * chord * (1 + 0.2 * np.sin(2 * np.pi * 2 * t))


SILENT = {
    "silence": np.zeros(12 * SAMPLE_HZ),
    "hiss": 0.05 * np.random.default_rng(0).standard_normal(12 * SAMPLE_HZ),
    "music": music(12.0),
}


@pytest.mark.parametrize("kind", SILENT)
def test_what_is_no_speech(face: PortraitFace, kind: str) -> None:
    last = said(talking(face, syllables(12.0)), sounding(SILENT[kind]))[-1]
    assert not last.assessable
    assert {"silence": "silence", "hiss": "noise", "music": "music"}[kind] in last.text


def test_two_who_talk_at_once_are_no_forgery(face: PortraitFace) -> None:
    """Somebody off the picture talks as well: the relation is weaker and never a strong sign."""
    opening = syllables(14.0)
    both = voice(opening) + 0.7 * voice(syllables(14.0, seed=4), pitch_hz=210.0)
    alone = said(talking(face, opening), sounding(voice(opening)))[-1]
    last = said(talking(face, opening), sounding(both))[-1]
    assert alone.value is not None
    assert last.value is not None
    assert last.value < alone.value
    assert last.llr == 0.0


def still(sightings: Iterator[Sighting], face: PortraitFace) -> Iterator[Sighting]:
    for sighting in sightings:
        yield replace(sighting, landmarks=face.landmarks)


def test_why_nothing_is_said(face: PortraitFace) -> None:
    opening = syllables(12.0)
    sound = sounding(voice(opening))
    turned = (replace(s, quality=replace(s.quality, yaw=50.0)) for s in talking(face, opening))
    masked = (replace(s, hidden=True) for s in talking(face, opening))
    cases = {
        "no sound": said(talking(face, opening), None),
        "pictures a second": said(talking(face, opening, 8.0), sound),
        "needs 5 s": said(talking(face, opening[:400]), sound),
        "not in view": said(turned, sound),
        "hardly moves": said(still(talking(face, opening), face), sound),
        "gaps": said(talking(face, opening), sounding(voice(opening)[: 10 * SAMPLE_HZ])),
    }
    for why, cues in cases.items():
        assert not cues[-1].assessable, why
        assert why in cues[-1].text
    assert not said(masked, sound)[-1].assessable


def test_sound_is_kept_for_a_minute_and_on_its_clock() -> None:
    sound = Sound()
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_HZ) / SAMPLE_HZ)
    for second in range(90):
        sound.add(float(second), tone * (1.0 if second == 80 else 0.01))
    old, new = sound.between(0.0, 10.0), sound.between(78.0, 83.0)
    assert np.isnan(old.level).all()
    assert new.complete
    loud = np.flatnonzero(new.level > -2)
    assert (loud.min(), loud.max()) == (200, 299)
    assert not sound.between(88.0, 95.0).complete


def test_a_gap_begins_anew() -> None:
    sound = Sound()
    sound.add(0.0, np.ones(SAMPLE_HZ))
    sound.add(5.0, np.ones(SAMPLE_HZ))
    assert np.isnan(sound.between(0.0, 1.0).level).all()
    assert sound.between(5.0, 6.0).complete


def test_whatever_is_cut_into_pieces_sounds_the_same() -> None:
    samples = voice(syllables(3.0))
    whole, pieces = Sound(), Sound()
    whole.add(0.0, samples)
    at = 0
    for length in (1, 159, 160, 161, 1000, 7, len(samples)):
        pieces.add(at / SAMPLE_HZ, samples[at : at + length])
        at += len(samples[at : at + length])
    one, two = whole.between(0.0, 2.9), pieces.between(0.0, 2.9)
    np.testing.assert_allclose(one.level, two.level)
    np.testing.assert_allclose(one.voicing, two.voicing)
    np.testing.assert_allclose(one.opening, two.opening)


def _heard(level: Samples, voicing: Samples) -> Heard:
    return Heard(0.0, level, voicing, level)


def test_a_mouth_that_says_a_hum_is_less_open_than_one_that_says_a_vowel() -> None:
    t = np.arange(2 * SAMPLE_HZ) / SAMPLE_HZ
    rng = np.random.default_rng(0)
    hum = 0.3 * sum(np.sin(2 * np.pi * 130 * k * t) / k**3 for k in range(1, 25))
    vowel = 0.1 * sum(np.sin(2 * np.pi * 130 * k * t) for k in range(1, 25))
    room = 1e-3 * rng.standard_normal(SAMPLE_HZ)
    heard = sounding(np.concatenate((room, hum, room, vowel, room))).between(0.0, 7.0)
    quiet, closed, wide = (
        heard.opening[a:b].mean() for a, b in ((350, 390), (120, 280), (420, 580))
    )
    assert closed < quiet < wide
    assert heard.level[120:280].mean() > heard.level[350:390].mean() + 2


def test_a_voice_is_voiced_and_hiss_is_not() -> None:
    heard = sounding(voice(np.ones(300))).between(0.5, 2.5)
    hiss = sounding(SILENT["hiss"]).between(0.5, 2.5)
    assert heard.voicing.mean() > 0.7
    assert hiss.voicing.mean() < 0.4
    assert why_not_speech(_heard(np.full(100, np.nan), np.full(100, np.nan))) == "no sound"


def test_a_sound_too_short_for_the_delays_is_refused() -> None:
    with pytest.raises(ValueError, match="longest delay"):
        mouth.compare(np.zeros(500), _heard(np.zeros(500), np.zeros(500)))
    margin = round(MAX_LAG_S * FEATURE_HZ)
    flat = mouth.compare(np.zeros(500), _heard(np.zeros(500 + 2 * margin), np.zeros(1)))
    assert flat.peak == 0.0
