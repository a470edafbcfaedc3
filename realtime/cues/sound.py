"""What is heard: how loud speech is, how much of it is voiced, and how far a mouth would be open
that says it, a hundred times a second.

Sound arrives in pieces, in the order of time, on the clock of the frames. What is kept of it
is three numbers for each hundredth of a second, for the last minute; nobody can be understood
from them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfilt_zi, sosfiltfilt

from realtime.cues import opening

Samples = NDArray[np.floating[Any]]

SAMPLE_HZ: Final = 16_000
FEATURE_HZ: Final = 100
_STEP: Final = SAMPLE_HZ // FEATURE_HZ
_KEEP_S: Final = 60.0
_SPEECH_HZ: Final = (300.0, 3400.0)
"""What a telephone lets through is enough to follow speech."""
_PITCH_HZ: Final = (75.0, 400.0)
_WINDOW: Final = 4
"""Steps that a voice is judged in: 40 ms hold three periods of a low one."""
_FLOOR: Final = 1e-5
_QUIET: Final = -8.0
"""Log of the root mean square below which there is only noise of the line."""
_VOICED: Final = 0.5
_SWELLS: Final = 2.6
"""From its quietest to its loudest tenth speech spans more, in nats of level: 23 dB."""
_PAUSES: Final = 0.96
_SYLLABLES: Final = butter(2, (0.7, 8.0), "bandpass", fs=FEATURE_HZ, output="sos")


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A stretch of sound on a grid of `FEATURE_HZ` from ``begin_s``.

    ``level`` ``(N,)`` is the natural logarithm of the root mean square of 300 to 3400 Hz (full
    scale is 0), ``voicing`` ``(N,)`` the height of the highest peak of the autocorrelation at
    periods of a voice, 0 to 1, ``opening`` ``(N,)`` how far a mouth would be open that says it, in
    a unit and from a zero of no meaning. NaN where nothing was heard yet.
    """

    begin_s: float
    level: Samples
    voicing: Samples
    opening: Samples

    @property
    def complete(self) -> bool:
        """Whether sound was there from the begin to the end."""
        return len(self.level) > 0 and bool(np.isfinite(self.level).all())

    @property
    def known(self) -> Heard:
        """The same without what was not heard, joined."""
        there = np.isfinite(self.level)
        return Heard(self.begin_s, self.level[there], self.voicing[there], self.opening[there])


class Sound:
    """The last minute of what is heard of one source; safe between two threads.

    ``pull`` is called before sound is asked for, with the time up to which it is needed: a file
    decodes so far, a live source has nothing to do.
    """

    def __init__(self, pull: Callable[[float], None] | None = None) -> None:
        self._pull = pull
        self._lock = threading.Lock()
        self._filter = butter(4, _SPEECH_HZ, "bandpass", fs=SAMPLE_HZ, output="sos")
        self._begin_s = self._end_s = 0.0
        self._kept: list[tuple[float, float, float]] = []
        self._loudest: Samples = np.zeros(0)
        self._rest: Samples = np.zeros((2, 0))
        self._past: Samples = np.zeros(0)
        self._state: Samples = np.zeros(0)
        self._restart(0.0)

    def add(self, begin_s: float, samples: Samples) -> None:
        """Take in mono samples at 16 kHz, -1 to 1, that begin at ``begin_s``.

        A gap or an overlap of more than 50 ms begins anew; smaller ones are the container's
        rounding.
        """
        with self._lock:
            if not len(samples):
                return
            if self._end_s == self._begin_s or abs(begin_s - self._end_s) > 0.05:
                self._restart(begin_s)
            speech, self._state = sosfilt(self._filter, samples, zi=self._state)
            self._rest = np.concatenate((self._rest, np.stack((samples, speech))), 1)
            self._end_s += len(samples) / SAMPLE_HZ
            self._measure()

    def span(self, time_s: float) -> tuple[float, float] | None:
        """From when to when without a gap was heard what came last, ``time_s`` at most; None if
        there was nothing."""
        if self._pull is not None:
            self._pull(time_s)
        with self._lock:
            if not self._kept:
                return None
            return self._begin_s, min(time_s, self._begin_s + len(self._kept) / FEATURE_HZ)

    def between(self, begin_s: float, end_s: float) -> Heard:
        """What was heard from ``begin_s`` to ``end_s``, NaN where there is nothing."""
        if self._pull is not None:
            self._pull(end_s)
        count = max(0, round((end_s - begin_s) * FEATURE_HZ))
        found = np.full((3, count), np.nan)
        with self._lock:
            if self._kept:
                own = np.array(self._kept).T
                first = round((begin_s - self._begin_s) * FEATURE_HZ)
                low, high = max(0, first), min(own.shape[1], first + count)
                if high > low:
                    found[:, low - first : high - first] = own[:, low:high]
        return Heard(begin_s, *found)

    def _restart(self, begin_s: float) -> None:
        self._begin_s = self._end_s = begin_s
        self._kept = []
        self._rest = np.zeros((2, 0))
        self._past = np.zeros((_WINDOW - 1) * _STEP)
        self._loudest = np.full(opening.BANDS, -np.inf)
        self._state = sosfilt_zi(self._filter) * 0.0

    def _measure(self) -> None:
        steps = self._rest.shape[1] // _STEP
        if not steps:
            return
        done, self._rest = self._rest[:, : steps * _STEP], self._rest[:, steps * _STEP :]
        power = (done[1].reshape(steps, _STEP) ** 2).mean(1)
        level = np.log(np.maximum(np.sqrt(power), _FLOOR))
        wide = np.concatenate((self._past, done[0]))
        self._past = wide[len(wide) - len(self._past) :]
        spread = opening.bands(frames(wide, steps), SAMPLE_HZ, 1 / FEATURE_HZ, self._loudest)
        own = (level, voicing(wide, steps), spread @ opening.LINE)
        self._kept += zip(*(values.tolist() for values in own), strict=True)
        extra = len(self._kept) - round(_KEEP_S * FEATURE_HZ)
        if extra > 0:
            del self._kept[:extra]
            self._begin_s += extra / FEATURE_HZ


def frames(samples: Samples, steps: int) -> Samples:
    """``(steps, 640)``: 40 ms that end with each step.

    ``samples`` holds 30 ms before the first step and then ``steps`` of 10 ms.
    """
    width = _WINDOW * _STEP
    return np.lib.stride_tricks.sliding_window_view(samples, width)[::_STEP][:steps]


def voicing(samples: Samples, steps: int) -> Samples:
    """``(steps,)`` height of the peak of the autocorrelation within the periods of a voice;
    ``samples`` as of `frames`.
    """
    own_frames = frames(samples, steps)
    width = own_frames.shape[1]
    own_frames = own_frames - own_frames.mean(1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(own_frames, 2 * width)) ** 2
    correlation = np.fft.irfft(spectrum)[:, :width]
    own = np.maximum(correlation[:, :1], 1e-9)
    short, long = (round(SAMPLE_HZ / hertz) for hertz in reversed(_PITCH_HZ))
    lags = np.arange(short, long)
    # A window is shorter the more it is shifted; undo that, or low voices look unvoiced.
    peaks = (correlation[:, lags] / own * (width / (width - lags))).max(1)
    return np.asarray(np.clip(peaks, 0.0, 1.0))


def why_not_speech(heard: Heard) -> str:
    """What speaks against taking this for speech, empty if nothing does.

    Speech pauses, is voiced in part, and swells with its syllables; music and noise do one of
    them less.
    """
    if not np.isfinite(heard.level).any():
        return "no sound"
    if not heard.complete:
        return "the sound has gaps"
    loud = heard.level > max(_QUIET, float(np.quantile(heard.level, 0.95)) - 3.5)
    if heard.level.max() < _QUIET or loud.mean() < 0.15:
        return "silence"
    voiced = float((heard.voicing[loud] > _VOICED).mean())
    if voiced < 0.2:
        return "noise, no voice"
    swing = float(np.quantile(heard.level, 0.9) - np.quantile(heard.level, 0.1))
    if swing < _SWELLS or loud.mean() > _PAUSES:
        return "sound without pauses, such as music"
    return ""


def syllables(level: Samples) -> Samples:
    """The swell of speech ``(N,)``: ``level`` above the noise of the line, 0.7 to 8 Hz of it."""
    floor = max(_QUIET, float(np.quantile(level, 0.95)) - 4.0)
    return at_the_pace_of_syllables(np.maximum(level, floor))


def at_the_pace_of_syllables(values: Samples) -> Samples:
    """What of ``values``, `FEATURE_HZ` a second along the first axis, moves at 0.7 to 8 Hz."""
    return np.asarray(sosfiltfilt(_SYLLABLES, values, axis=0))
