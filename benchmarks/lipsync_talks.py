"""Clips that talk: the motion of a mouth and the bands of its sound, side by side."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from models import catalog
from models.catalog import Clip
from models.footage import frames_of, tracked
from realtime.config import SourceConfig, VerdictConfig
from realtime.cues import mouth, opening
from realtime.cues.base import Sighting
from realtime.cues.sound import FEATURE_HZ, SAMPLE_HZ, Heard, Samples, Sound, frames, why_not_speech
from realtime.cues.watch import sighting
from realtime.sources.audio import FileSound
from realtime.sources.mono import Mono

FloatArray = NDArray[np.float64]
Change = Callable[[FloatArray], FloatArray]

_SHORTEST_S: Final = 5.0
_JOINED: Final = "alpyksl_lipreading"
_STILL: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A mouth and its sound, a hundred times a second: ``features`` ``(N, 8)`` of the one,
    ``bands`` ``(N, 8)`` of the other as it is heard, ``clean`` before anything was done to it.
    """

    name: str
    recording: str
    fake: bool
    features: FloatArray
    bands: FloatArray
    clean: FloatArray
    own_lag_s: float = 0.0
    own_peak: float = 0.0

    def heard(self, line: FloatArray, begin: int, count: int) -> Heard:
        """A stretch of its sound along a line through the bands, going round at the ends."""
        places = np.arange(begin, begin + count) % len(self.bands)
        silent = np.zeros(count)
        return Heard(0.0, silent, silent, self.bands[places] @ line)


class BandSound(Sound):
    """Keeps the bands by themselves as well, of a clip that is heard from its begin to its end."""

    def __init__(self, pull: Callable[[float], None] | None = None) -> None:
        super().__init__(pull)
        self._pieces: list[tuple[float, FloatArray]] = []

    def add(self, begin_s: float, samples: Samples) -> None:
        """As ever, and keep it."""
        super().add(begin_s, samples)
        self._pieces.append((begin_s, np.asarray(samples, np.float64)))

    def samples(self, begin_s: float, seconds: float) -> FloatArray:
        """What was fed in, from ``begin_s`` on."""
        start = round((begin_s - self._pieces[0][0]) * SAMPLE_HZ)
        whole = np.concatenate([piece for _, piece in self._pieces])
        return whole[start : start + round(seconds * SAMPLE_HZ)]

    def bands(self, begin_s: float, count: int, change: Change) -> FloatArray:
        """``(count, 8)`` from ``begin_s``, of sound that was changed."""
        first = self._pieces[0][0]
        samples = change(np.concatenate([piece for _, piece in self._pieces]))
        steps = len(samples) * FEATURE_HZ // SAMPLE_HZ
        padded = np.concatenate((np.zeros(3 * SAMPLE_HZ // FEATURE_HZ), samples))
        loudest = np.full(opening.BANDS, -np.inf)
        found = opening.bands(frames(padded, steps), SAMPLE_HZ, 1 / FEATURE_HZ, loudest)
        start = round((begin_s - first) * FEATURE_HZ)
        return found[start : start + count]


def _telephone(samples: FloatArray) -> FloatArray:
    sections = butter(6, (300, 3400), "bandpass", fs=SAMPLE_HZ, output="sos")
    return np.asarray(sosfiltfilt(sections, samples))


def _noisy(samples: FloatArray) -> FloatArray:
    noise = np.random.default_rng(0).standard_normal(len(samples))
    return np.asarray(samples + noise * samples.std() * 10 ** (-10 / 20))


def _opus(samples: FloatArray) -> FloatArray:
    """There and back at 12 kb/s, as a bad line has it."""
    packed, piece = io.BytesIO(), SAMPLE_HZ // 50
    with av.open(packed, "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=SAMPLE_HZ)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate, stream.layout = 12_000, "mono"
        whole = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
        for at in range(0, len(whole), piece):
            frame = av.AudioFrame.from_ndarray(whole[None, at : at + piece], "s16", "mono")
            frame.sample_rate, frame.pts = SAMPLE_HZ, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    packed.seek(0)
    mono = Mono()
    with av.open(packed, "r") as back:
        heard = np.concatenate([mono.samples(frame) for frame in back.decode(audio=0)])
    return np.pad(heard, (0, max(0, len(samples) - len(heard))))[: len(samples)]


SOUNDS: Final[Mapping[str, Change]] = {
    "plain": lambda samples: samples,
    "telephone": _telephone,
    "noise": _noisy,
    "opus": _opus,
}
"""What may be done to the sound: nothing; 300 to 3400 Hz; white noise 10 dB below it; Opus at
12 kb/s."""


def talks(data: Path, change: Change) -> list[Talk]:
    """Every clip that talks for at least 5 s, its sound changed, words of one speaker joined."""
    single: list[Talk] = []
    words: list[Talk] = []
    for clip in catalog.clips(data):
        found = _talk(clip, change)
        if found is None:
            continue
        (words if clip.kind == _JOINED else single).append(found)
    if words:
        single.append(
            replace(
                words[0],
                name=f"{_JOINED}, {len(words)} words joined",
                features=np.concatenate([w.features for w in words]),
                bands=np.concatenate([w.bands for w in words]),
                clean=np.concatenate([w.clean for w in words]),
            )
        )
    return [talk for talk in single if len(talk.bands) >= _SHORTEST_S * FEATURE_HZ]


def _talk(clip: Clip, change: Change) -> Talk | None:
    seen, ears, heard = seen_and_heard(clip.path)
    if len(seen) < 10 or seen[-1].time_s - seen[0].time_s < 2.0:
        return None
    begin, good = seen[0].time_s, len(heard.known.level)
    if good < len(heard.level) - FEATURE_HZ or why_not_speech(heard.known):
        return None
    times = np.array([one.time_s for one in seen])
    shapes = np.array([mouth.shape(one.landmarks) for one in seen])
    spread, clean = (ears.bands(begin, good, way) for way in (change, SOUNDS["plain"]))
    features = mouth.motion(times, shapes, begin, begin + len(spread) / FEATURE_HZ)
    if shapes[:, 0].std() < _STILL:
        return None
    return Talk(clip.path.stem, clip.group, clip.fake, features, spread, clean)


def seen_and_heard(path: Path) -> tuple[list[Sighting], BandSound, Heard]:
    """The sightings of a clip, its sound, and what of it is heard while they last."""
    sound = FileSound(str(path), SourceConfig(), BandSound)
    ears = sound.sound
    assert isinstance(ears, BandSound)
    try:
        seen = sightings(path)
        begin_s, end_s = (seen[0].time_s, seen[-1].time_s) if seen else (0.0, 0.0)
        return seen, ears, ears.between(begin_s, end_s)
    finally:
        sound.close()


def sightings(path: Path) -> list[Sighting]:
    """Of the face that is seen longest, without the pictures."""
    found: defaultdict[int, list[Sighting]] = defaultdict(list)
    for frame, faces in tracked(frames_of(path)):
        for i, track in enumerate(faces.track_ids.tolist()):
            if faces.has_landmarks(i):
                one = sighting(frame, faces, i, None, VerdictConfig())
                found[track].append(replace(one, image=frame.image[:1, :1].copy()))
    return max(found.values(), key=len, default=[])
