"""From lips to a voice: how far a mouth and a sound go together, and at which delay.

The shape of the mouth and its speed are projected on one line, the bands of the sound on another
(`realtime.cues.opening`), the two that follow each other best; `benchmarks.lipsync` fits them,
leaving out each recording that they are then tried on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues.sound import FEATURE_HZ, Heard, at_the_pace_of_syllables
from realtime.types import FloatArray

Signal = NDArray[np.floating[Any]]

SHAPES: Final = 4
MAX_LAG_S: Final = 0.6
LAG_STEP_S: Final = 0.02
IN_TIME_S: Final = 0.12
"""Nobody notices sound within so much of the lips (ITU-R BT.1359 finds -125 to +45 ms)."""

PROJECTION: Final = np.array([0.6, 0.85, 0.68, 0.41, -0.78, -0.67, -0.11, -0.15])
"""Weights of opening, outer opening, width and jaw, then of their speeds, all of unit spread.
Fitted together with `opening.LINE`."""


def shape(landmarks: FloatArray) -> tuple[float, float, float, float]:
    """Opening between the lips and around them, width of the mouth and drop of the chin.

    In lengths of the nose, which speech does not move.
    """
    points = landmarks[:, :2]

    def apart(a: int, b: int) -> float:
        return math.dist(points[a], points[b])

    nose = max(1e-6, apart(168, 2))
    return apart(13, 14) / nose, apart(0, 17) / nose, apart(61, 291) / nose, apart(2, 152) / nose


@dataclass(frozen=True, slots=True)
class Sync:
    """How a mouth and a sound go together.

    ``peak`` is the highest correlation over all delays, ``lag_s`` where it is, positive if the
    sound comes late; ``near`` is the highest within `IN_TIME_S`, ``away`` the highest beyond.
    """

    peak: float
    lag_s: float
    near: float
    away: float


def motion(times: Signal, shapes: Signal, begin_s: float, end_s: float) -> Signal:
    """``(N, 8)`` shapes and their speeds on the grid of `FEATURE_HZ`, band-passed, unit spread.

    ``times`` ``(K,)`` grow, ``shapes`` ``(K, 4)`` as of `shape`.
    """
    grid = begin_s + np.arange(round((end_s - begin_s) * FEATURE_HZ)) / FEATURE_HZ
    even = np.stack([np.interp(grid, times, column) for column in shapes.T], 1)
    moved = at_the_pace_of_syllables(even)
    speed = np.gradient(moved, axis=0) * FEATURE_HZ
    return standard(np.concatenate((moved, speed), 1))


def compare(mouth: Signal, heard: Heard) -> Sync:
    """``mouth`` ``(N,)`` against a sound that begins `MAX_LAG_S` before it and ends as much after.

    Raises:
        ValueError: if the lengths do not belong together.
    """
    margin = round(MAX_LAG_S * FEATURE_HZ)
    if len(heard.opening) != len(mouth) + 2 * margin:
        raise ValueError("the sound must reach beyond the mouth by the longest delay")
    swell = at_the_pace_of_syllables(heard.opening)
    step = round(LAG_STEP_S * FEATURE_HZ)
    lags = np.arange(-margin, margin + 1, step)
    own = standard(mouth)
    found = np.array(
        [
            float((own * standard(swell[margin + lag : margin + lag + len(own)])).mean())
            for lag in lags
        ]
    )
    near = np.abs(lags) <= IN_TIME_S * FEATURE_HZ
    best = int(np.argmax(found))
    return Sync(
        peak=float(found[best]),
        lag_s=float(lags[best]) / FEATURE_HZ,
        near=float(found[near].max()),
        away=float(found[~near].max()),
    )


def standard(values: Signal) -> Signal:
    """Mean 0 and spread 1 along the first axis; 0 where nothing moves."""
    centred = values - values.mean(0)
    spread = centred.std(0)
    return np.asarray(centred / np.where(spread > 1e-9, spread, np.inf), np.float64)
