"""Movements that no camera recorded, made of the landmarks of real recordings.

Each takes a stretch of one face as ``times`` ``(M,)`` seconds and ``points`` ``(M, POINTS, 2)`` in
the coordinates of `realtime.cues.landmark_windows`, and gives new points. They do what generators
do to movement: frames drawn one by one tremble each on its own, a swapped inner face slides
against the outline, smoothed and copied expressions are too slow, too small, late or repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues.landmark_windows import LANDMARKS, POINTS, REGIONS

Points = NDArray[np.float64]
Times = NDArray[np.float64]
Places = NDArray[np.int64]
Maker = Callable[[Times, Points, Points, np.random.Generator], Points]


def places(*regions: str) -> Places:
    """Where the points of regions stand among `LANDMARKS`."""
    return np.array([LANDMARKS.index(i) for name in regions for i in REGIONS[name]], np.int64)


MOUTH: Final = places("outer lips", "inner lips")
EYES: Final = places("right eye", "left eye", "irises")
INNER: Final = places(
    "outer lips", "inner lips", "right eye", "left eye", "right brow", "left brow", "nose", "irises"
)
_CHIN: Final = np.array([LANDMARKS.index(i) for i in (149, 148, 152, 377, 378)], np.int64)
_PARTS: Final = (MOUTH, EYES, INNER, np.arange(POINTS))


def trembling(times: Times, points: Points, _: Points, rng: np.random.Generator) -> Points:
    """Every frame moved on its own, as a whole and point by point."""
    part = _PARTS[rng.integers(len(_PARTS))]
    size = _log_uniform(rng, 0.002, 0.012)
    own = rng.uniform(0.2, 1.0)
    noise = rng.normal(size=(len(times), 1, 2)) * (1 - own)
    return _moved(points, part, size * (noise + own * rng.normal(size=(len(times), len(part), 2))))


def sliding(times: Times, points: Points, _: Points, rng: np.random.Generator) -> Points:
    """The inner face drifts slowly against the outline."""
    drift = _wave(times, rng, 0.3, 1.5)[:, None, :] * _log_uniform(rng, 0.01, 0.05)
    return _moved(points, INNER, drift)


def springing(times: Times, points: Points, _: Points, rng: np.random.Generator) -> Points:
    """The inner face swings a little, as an aligner that overshoots makes it."""
    swing = _wave(times, rng, 3.0, 8.0)[:, None, :] * _log_uniform(rng, 0.003, 0.015)
    return _moved(points, INNER, swing)


def smoothed(times: Times, points: Points, _: Points, rng: np.random.Generator) -> Points:
    """A part moves as through a filter in time."""
    part = _PARTS[rng.integers(len(_PARTS))]
    width = rng.uniform(0.05, 0.2)
    weights = np.exp(-0.5 * ((times[:, None] - times[None, :]) / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    changed = points.copy()
    changed[:, part] = np.einsum("st,tkc->skc", weights, points[:, part])
    return changed


def damped(_: Times, points: Points, __: Points, rng: np.random.Generator) -> Points:
    """A part moves less than it did."""
    part = (MOUTH, EYES, INNER)[rng.integers(3)]
    middle = points[:, part].mean(axis=0)
    changed = points.copy()
    changed[:, part] = middle + rng.uniform(0.2, 0.7) * (points[:, part] - middle)
    return changed


def late(times: Times, points: Points, _: Points, rng: np.random.Generator) -> Points:
    """A part comes late, or early, beside the rest of the face."""
    part = (MOUTH, EYES, INNER)[rng.integers(3)]
    lag = rng.uniform(0.06, 0.3) * rng.choice((-1.0, 1.0))
    return _at(times, points, part, times - lag)


def warped(times: Times, points: Points, _: Points, rng: np.random.Generator) -> Points:
    """The mouth goes on at another pace."""
    middle = times.mean()
    pace = rng.choice((rng.uniform(0.4, 0.75), rng.uniform(1.3, 1.8)))
    return _at(times, points, MOUTH, middle + (times - middle) * pace)


def other_mouth(_: Times, points: Points, donor: Points, rng: np.random.Generator) -> Points:
    """The mouth, and in half of the cases the chin, moves as that of another recording."""
    part = np.concatenate((MOUTH, _CHIN)) if rng.random() < 0.5 else MOUTH
    changed = points.copy()
    moved = donor[:, part] - donor[:, part].mean(axis=0)
    changed[:, part] = points[:, part].mean(axis=0) + moved
    return changed


def still_eyes(_: Times, points: Points, __: Points, rng: np.random.Generator) -> Points:
    """Eyes that hardly move."""
    changed = points.copy()
    middle = points[:, EYES].mean(axis=0)
    changed[:, EYES] = middle + rng.uniform(0.0, 0.15) * (points[:, EYES] - middle)
    return changed


def repeated(_: Times, points: Points, __: Points, rng: np.random.Generator) -> Points:
    """The inner face is drawn for every second or third frame only."""
    hold = int(rng.integers(2, 4))
    source = np.arange(len(points)) // hold * hold
    changed = points.copy()
    changed[:, INNER] = points[source][:, INNER]
    return changed


MAKERS: Final[Mapping[str, Maker]] = {
    "trembling": trembling,
    "sliding": sliding,
    "springing": springing,
    "smoothed": smoothed,
    "damped": damped,
    "late": late,
    "warped": warped,
    "other mouth": other_mouth,
    "still eyes": still_eyes,
    "repeated": repeated,
}


def _moved(points: Points, part: Places, by: Points) -> Points:
    changed = points.copy()
    changed[:, part] += by
    return changed


def _at(times: Times, points: Points, part: Places, when: Times) -> Points:
    """``part`` as it was at the times ``when``, held at the ends."""
    flat = points[:, part].reshape(len(times), -1)
    columns = [np.interp(when, times, column) for column in flat.T]
    changed = points.copy()
    changed[:, part] = np.stack(columns, axis=1).reshape(len(times), len(part), 2)
    return changed


def _wave(times: Times, rng: np.random.Generator, low: float, high: float) -> Points:
    """A movement ``(M, 2)`` of unit strength made of five sines between two frequencies in Hz."""
    frequencies = rng.uniform(low, high, size=(5, 1, 2))
    phases = rng.uniform(0, 2 * np.pi, size=(5, 1, 2))
    sines = np.sin(2 * np.pi * frequencies * times[None, :, None] + phases)
    return np.asarray(sines.sum(axis=0) * np.sqrt(2 / 5), np.float64)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
