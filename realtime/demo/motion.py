"""How the head of the demo clip moves: plain functions of time, the same in every run."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

_BLINK_SEED = 7
_FIRST_BLINK_S = 1.3


@dataclass(frozen=True, slots=True)
class Pose:
    """The head at one moment, relative to the portrait.

    Shifts are in pixels of the 512-pixel portrait, angles in radians, ``scale`` is the relative
    growth. ``blink`` is how far the lids are closed, 0 to 1. ``jaw`` is how far the lower lip
    has moved down in portrait pixels (negative: towards the upper lip), ``smile`` the relative
    change of the mouth's width. ``exposure`` is the gain of the camera.
    """

    shift_x: float
    shift_y: float
    roll: float
    scale: float
    yaw: float
    pitch: float
    body_x: float
    body_y: float
    blink: float
    jaw: float
    smile: float
    exposure: float


def _waves(time_s: float, *waves: tuple[float, float, float]) -> float:
    """Sum of sine waves, each amplitude, frequency (Hz) and phase (radians)."""
    return math.fsum(a * math.sin(2 * math.pi * f * time_s + p) for a, f, p in waves)


class Motion:
    """The script of a clip of ``seconds`` length."""

    def __init__(self, seconds: float) -> None:
        self._starts, self._lengths = _blinks(seconds)

    def at(self, time_s: float) -> Pose:
        """The pose at ``time_s`` seconds from the beginning."""
        # Two slow rhythms beat against each other: phrases of speech with pauses between them.
        speech = max(0.0, _waves(time_s, (0.7, 0.31, 0.4), (0.6, 0.13, 1.1)))
        syllables = 0.5 + 0.5 * _waves(time_s, (0.6, 2.6, 0.0), (0.4, 3.9, 1.0))
        sway = _waves(time_s, (1.0, 0.11, 0.3), (0.7, 0.23, 2.0))
        nod = speech * _waves(time_s, (1.0, 1.3, 0.0), (0.6, 0.8, 1.5))
        return Pose(
            shift_x=2.6 * sway + _waves(time_s, (0.5, 0.61, 0.0)),
            shift_y=_waves(time_s, (1.0, 0.17, 0.5), (0.5, 0.43, 1.0)) + 0.5 * nod,
            roll=math.radians(1.6 * sway + _waves(time_s, (0.8, 0.37, 1.0))),
            scale=_waves(time_s, (0.012, 0.09, 0.0), (0.006, 0.29, 1.0)),
            yaw=math.radians(_waves(time_s, (5.5, 0.14, 2.2), (3.0, 0.33, 0.6), (0.8, 0.9, 0.0))),
            pitch=math.radians(_waves(time_s, (2.5, 0.19, 0.0)) + 1.4 * nod),
            body_x=0.8 * sway,
            body_y=_waves(time_s, (0.5, 0.27, 0.0)),
            blink=self._blink(time_s),
            jaw=speech * (1.5 - 5.5 * syllables),
            smile=speech * _waves(time_s, (0.03, 1.1, 0.5), (0.02, 2.3, 0.0)),
            exposure=1 + _waves(time_s, (0.018, 0.07, 1.0), (0.006, 0.5, 0.0)),
        )

    def _blink(self, time_s: float) -> float:
        """Lids fall in the first third of a blink and rise more slowly in the rest."""
        index = bisect_right(self._starts, time_s) - 1
        if index < 0:
            return 0.0
        phase = (time_s - self._starts[index]) / self._lengths[index]
        if phase >= 1:
            return 0.0
        fall, hold = 0.3, 0.5
        if phase < fall:
            return _smooth(phase / fall)
        return 1.0 if phase < hold else _smooth((1 - phase) / (1 - hold))


def _smooth(x: float) -> float:
    return x * x * (3 - 2 * x)


def _blinks(seconds: float) -> tuple[list[float], list[float]]:
    """Starts and lengths of all blinks, with gaps as those of a person in conversation."""
    random = np.random.default_rng(_BLINK_SEED)
    starts, lengths = [], []
    start = _FIRST_BLINK_S
    while start < seconds:
        starts.append(start)
        lengths.append(float(random.uniform(0.2, 0.3)))
        twice = random.random() < 0.12
        start += float(random.uniform(0.45, 0.6) if twice else random.uniform(2.0, 4.6))
    return starts, lengths
