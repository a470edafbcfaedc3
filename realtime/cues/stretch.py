"""Traces of sound that was made longer or shorter without changing its pitch.

Programs that stretch in time (WSOLA, Verhelst and Roelands 1993) lay short pieces over each other
at a fixed step. Where two pieces that do not fit overlap, what is noise in them half cancels, so
that the level of all bands dips once in each step: a line in its spectrum, at a frequency that no
voice and no music keeps to within a tenth of a hertz for seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfiltfilt

from realtime.cues.sound import SAMPLE_HZ, Sound, syllables, why_not_speech

Samples = NDArray[np.floating[Any]]

LINES_HZ: Final = (16_000 / 512, 44_100 / 1024, 48_000 / 1024)
"""Steps a second of the filter atempo of FFmpeg: half of the power of two that holds 1/24 s, for
sound of 32 kHz (and 16, 8), 44.1 kHz (and 22.05, 11.025) and 48 kHz (and 24, 12)."""
CLEAR: Final = 25.0
"""Power in a line, in units of that around it, from which sound counts as stretched. Codecs that
work in blocks of 1024 samples have the same step and leave up to 19 in quiet synthetic speech."""
RATE_HZ: Final = 400
WINDOW_S: Final = 10.0
SHORTEST_S: Final = 4.0
_BANDS_HZ: Final = ((700, 1500), (1500, 2500), (2500, 4000), (4000, 5500), (5500, 7500))
_STEP: Final = SAMPLE_HZ // RATE_HZ
_SLOW_HZ: Final = 12.0
_CLIP: Final = 1.5
_FLOOR: Final = 1e-9
_QUIET: Final = -17.0
"""Logarithm of power in a band below which there is nothing."""
_KEPT: Final = 6
_HALF_WIDTH_HZ: Final = 0.06
_AROUND_HZ: Final = (0.4, 4.0)
_RHYTHM_HZ: Final = (0.8, 9.0)
_JUMP_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """What is said of ``seconds`` of sound.

    ``power`` is that of the strongest of `LINES_HZ`, at ``line_hz``, None with ``why`` where it
    cannot be said. ``rhythm_hz`` is the mean frequency of the swell of speech, about the number
    of syllables in a second, None where it is no speech.
    """

    power: float | None
    line_hz: float
    rhythm_hz: float | None
    seconds: float
    why: str = ""

    @property
    def stretched(self) -> bool:
        """Whether the line is clear."""
        return self.power is not None and self.power >= CLEAR


class Hearing:
    """Listens to one sound; used by one thread at a time. Memory is bounded to the last minute."""

    def __init__(self) -> None:
        self._filters = [
            butter(4, band, "bandpass", fs=SAMPLE_HZ, output="sos") for band in _BANDS_HZ
        ]
        self._sound = Sound()
        self._powers: deque[Samples] = deque(maxlen=_KEPT)
        self._strongest: Samples | None = None
        self._heard_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a seek; what was heard before still counts."""
        self._states = [np.zeros((len(sections), 2)) for sections in self._filters]
        self._rest: Samples = np.zeros(0)
        self._levels: list[Samples] = []
        self._held = 0
        self._end_s: float | None = None

    def add(self, begin_s: float, samples: Samples) -> None:
        """Take in mono samples at 16 kHz, -1 to 1, that begin at ``begin_s``."""
        if self._end_s is not None and abs(begin_s - self._end_s) > _JUMP_S:
            self.reset()
        self._end_s = begin_s + len(samples) / SAMPLE_HZ
        self._heard_s += len(samples) / SAMPLE_HZ
        self._sound.add(begin_s, samples)
        self._rest = np.concatenate((self._rest, samples))
        whole = len(self._rest) // _STEP * _STEP
        if whole < SAMPLE_HZ // 4:
            return
        done, self._rest = self._rest[:whole], self._rest[whole:]
        bands = []
        for i, sections in enumerate(self._filters):
            band, self._states[i] = sosfilt(sections, done, zi=self._states[i])
            bands.append(np.log((band.reshape(-1, _STEP) ** 2).mean(1) + _FLOOR))
        self._levels.append(np.array(bands))
        self._held += whole // _STEP
        if self._held >= WINDOW_S * RATE_HZ:
            self._close_window()

    def heard(self) -> Heard:
        """What can be said now."""
        powers = list(self._powers)
        if self._held >= SHORTEST_S * RATE_HZ and not powers:
            now = lines(np.concatenate(self._levels, 1))
            powers = [] if now is None else [now]
        if not powers:
            return Heard(None, 0.0, self._rhythm(), self._heard_s, self._why())
        # One stretched passage counts as much as a whole track, where it is as clear.
        mean = np.mean(powers, 0)
        best = mean if self._strongest is None else np.maximum(mean, self._strongest)
        at = int(np.argmax(best))
        return Heard(float(best[at]), LINES_HZ[at], self._rhythm(), self._heard_s)

    def _close_window(self) -> None:
        found = lines(np.concatenate(self._levels, 1))
        self._levels, self._held = [], 0
        if found is not None:
            self._powers.append(found)
            before = self._strongest
            self._strongest = found if before is None else np.maximum(before, found)

    def _why(self) -> str:
        if not self._heard_s:
            return "no sound"
        return f"needs {SHORTEST_S:.0f} s of sound" if self._heard_s < SHORTEST_S else "silence"

    def _rhythm(self) -> float | None:
        if self._end_s is None:
            return None
        heard = self._sound.between(max(0.0, self._end_s - 60.0), self._end_s - 0.1)
        known = heard.known
        if len(known.level) < 500 or why_not_speech(known):
            return None
        return rhythm(known.level)


def lines(levels: Samples) -> Samples | None:
    """``(3,)`` power at each of `LINES_HZ` in units of that around it, None where it is silent.

    ``levels`` ``(bands, N)``: logarithms of power at `RATE_HZ`. Noise has the exponential
    distribution with mean 1.
    """
    there = levels > _QUIET
    if there.any(0).mean() < 0.3:
        return None
    sections = butter(2, _SLOW_HZ, "low", fs=RATE_HZ, output="sos")
    quick = levels - sosfiltfilt(sections, levels, axis=1)
    swing = np.clip(quick, -_CLIP, _CLIP).mean(0)
    count = len(swing)
    power = np.abs(np.fft.rfft(swing * np.hanning(count))) ** 2
    frequency = np.fft.rfftfreq(count, 1 / RATE_HZ)
    near_hz = _HALF_WIDTH_HZ + 0.5 * RATE_HZ / count
    found = []
    for line in LINES_HZ:
        away = np.abs(frequency - line)
        around = power[(away > _AROUND_HZ[0]) & (away < _AROUND_HZ[1])].mean()
        found.append(power[away < near_hz].max() / max(float(around), 1e-12))
    return np.array(found)


def rhythm(level: Samples) -> float:
    """The mean frequency in hertz of the swell of speech, of levels as in `Sound`.

    Speech of all languages swells about five times a second (Ding et al. 2017), less where it was
    slowed; single speakers differ by as much.
    """
    swell = syllables(level)
    power = np.abs(np.fft.rfft((swell - swell.mean()) * np.hanning(len(swell)), 8192)) ** 2
    frequency = np.fft.rfftfreq(8192, 0.01)
    inside = (frequency > _RHYTHM_HZ[0]) & (frequency < _RHYTHM_HZ[1])
    weight = power[inside] * frequency[inside]
    return float((weight * frequency[inside]).sum() / max(float(weight.sum()), 1e-12))
