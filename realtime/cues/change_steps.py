"""The moment of a switch: a face that is another from one picture to the next, in a room that
is not.

Movement changes a face over several pictures, lids and lips change parts of it, and a cut
changes the room too. A filter that is switched on changes most of the inner face at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.cues.change_statistics import SIDE, ellipse, upright
from realtime.types import FloatArray, Image

_PATCH: Final = 80
_CELL: Final = 8
_CELLS: Final = _PATCH // _CELL
_NOISE: Final = 0.5
"""Grey levels below which nothing is told from nothing."""
_SIDE_S: Final = 0.27
_LEAST: Final = 3
"""Neighbours on each side that a step is compared with, at least."""
_GAP_S: Final = 0.5
_MOST: Final = 80
CUT: Final = 1.2
"""Logarithm of how many times the surround changes more than just before and after: a cut."""


def _cells(picture: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    parts = picture.reshape(_CELLS, _CELL, _CELLS, _CELL)
    return np.asarray(parts.mean(axis=(1, 3)), np.float64)


_INNER: Final = _cells(ellipse((28, 36), SIDE, _PATCH)) > 0.8
_OUTER: Final = _cells(ellipse((42, 58), SIDE, _PATCH)) < 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """``size``: logarithm of how many times the inner face changed more than just before and just
    after, less the same of its surround, which is ``surround``.
    """

    time_s: float
    size: float
    surround: float


class StepMeter:
    """Compares each sighting with the one before, and each step with its neighbours in time."""

    def __init__(self) -> None:
        self._before: tuple[float, Image, NDArray[np.float64], NDArray[np.float32]] | None = None
        self._steps: deque[tuple[float, float, float]] = deque(maxlen=_MOST)
        self._judged = -np.inf

    def take(self, time_s: float, image: Image, landmarks: FloatArray) -> list[Step]:
        """The steps that can be judged by now, about a quarter of a second late.

        ``image`` ``(H, W, 3)`` uint8 BGR, ``landmarks`` ``(478, 3)`` in its pixels.
        """
        matrix = upright(landmarks) * (_PATCH / SIDE)
        own = _texture(image, matrix)
        before, self._before = self._before, (time_s, image, matrix, own)
        if before is None or time_s - before[0] > _GAP_S or before[1].shape != image.shape:
            self._steps.clear()
            return []
        _, _, old_matrix, old = before
        # Landmarks jitter while a head rests, and a head moves while they do not.
        pairs = ((old, own), (old, _texture(image, old_matrix)))
        changed = [_cells(np.abs(a - b)) for a, b in pairs]
        inner = min(float(np.quantile(cells[_INNER], 0.25)) for cells in changed)
        outer = min(float(np.median(cells[_OUTER])) for cells in changed)
        self._steps.append((time_s, float(np.log(inner + _NOISE)), float(np.log(outer + _NOISE))))
        return self._judge()

    def reset(self) -> None:
        """Forget what was seen."""
        self._before = None
        self._steps.clear()

    def _judge(self) -> list[Step]:
        steps, found = list(self._steps), []
        for i, (at, inner, outer) in enumerate(steps):
            if at <= self._judged:
                continue
            sides = _near(steps[:i][::-1], at), _near(steps[i + 1 :], at)
            if any(len(side) < _LEAST for side in sides):
                continue
            if steps[-1][0] - at < _SIDE_S:
                break
            near = sides[0] + sides[1]
            surround = outer - max(n[2] for n in near)
            found.append(Step(at, inner - max(n[1] for n in near) - max(surround, 0.0), surround))
            self._judged = at
        return found


def _near(steps: list[tuple[float, float, float]], at: float) -> list[tuple[float, float, float]]:
    return [s for i, s in enumerate(steps) if i < _LEAST or abs(s[0] - at) <= _SIDE_S]


def _texture(image: Image, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """What is left of the upright face without its shading, ``(80, 80)`` grey levels."""
    patch = cv2.warpAffine(image, matrix, (_PATCH, _PATCH), borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY).astype(np.float32)
    fine = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return np.asarray(fine - cv2.GaussianBlur(fine, (0, 0), 6.0), np.float32)
