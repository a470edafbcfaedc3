"""People who talk go with their own sound, and not with that of others or with a late one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.lipsync_delay import talk, told
from benchmarks.lipsync_talks import sightings
from realtime.config import SourceConfig
from realtime.cues.lipsync import LipSyncWitness
from realtime.cues.sound import Sound
from realtime.sources.audio import FileSound
from realtime.types import Cue
from tests.conftest import DATA, needs_data

pytestmark = [needs_data, pytest.mark.timeout(300)]

REAL = DATA / "videos" / "real"
TALKS = REAL / "HyperLips_input__video2.mp4"
OTHER = DATA / "videos" / "fake" / "Wav2Lip__einstein.mp4"


class Late(Sound):
    """Hears everything 400 ms late."""

    def add(self, begin_s: float, samples: object) -> None:
        super().add(begin_s + 0.4, samples)  # type: ignore[arg-type]


def said(pictures: Path, sound: Path, ears: type[Sound] = Sound) -> Cue:
    """The last that is said of those pictures with that sound."""
    heard = FileSound(str(sound), SourceConfig(), ears)
    witness = LipSyncWitness(lambda: heard.sound)
    last = Cue.silent("lipsync", "nothing was seen", 0.0)
    try:
        for one in sightings(pictures):
            witness.see(one)
            last = witness.cue(one.time_s)
    finally:
        heard.close()
    return last


def test_a_mouth_goes_with_its_own_sound() -> None:
    own = said(TALKS, TALKS)
    assert own.value is not None
    assert own.value > 0.5
    assert abs(own.details["lag_ms"]) <= 120
    assert own.details["out_of_time"] < 0.3


def test_a_sound_that_is_late_is_told_with_its_delay() -> None:
    own, late = said(TALKS, TALKS), said(TALKS, TALKS, Late)
    assert late.value is not None
    assert late.details["lag_ms"] - own.details["lag_ms"] == pytest.approx(400, abs=40)
    assert late.details["out_of_time"] > late.details["in_time"] + 0.3
    assert "late" in late.text


def test_a_mouth_does_not_go_with_the_sound_of_another() -> None:
    other = said(TALKS, OTHER)
    assert other.value is not None
    assert other.value < 0.35
    assert "hardly goes with the mouth" in other.text or other.value >= 0.3


def test_a_delay_that_changes_is_told_and_none_that_stays() -> None:
    clip = talk(TALKS, fake=False)
    assert clip is not None
    assert told(clip, 0.0) is None
    after_s = told(clip, 0.3)
    assert after_s is not None
    assert 3.0 < after_s < 12.0
