"""Makes frames of any size and time fit into one video."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from realtime.types import Clock, Frame, Image

TICKS: Final = 90_000
"""Ticks a second: exact for all usual frame rates."""
DEFAULT_GAP_S: Final = 1 / 30
_MAX_GAP_S: Final = 0.2


class Timeline:
    """Turns the times of successive epochs and runs into one that only grows."""

    def __init__(self) -> None:
        self._epoch: tuple[int, int] | None = None
        self._offset_s = 0.0
        self._last_s = 0.0
        self._last_ticks = -1
        self._gap_s = DEFAULT_GAP_S

    def ticks(self, run: int, frame: Frame) -> int:
        """When to show the frame; always later than the frame before."""
        time_s = frame.time_s
        if self._epoch is None:
            near_zero = frame.clock is Clock.PTS and time_s >= 0
            self._offset_s = 0.0 if near_zero else -time_s
        elif self._epoch != (run, frame.epoch):
            self._offset_s = self._last_s + self._gap_s - time_s
        else:
            gap_s = time_s + self._offset_s - self._last_s
            self._gap_s = min(max(gap_s, 0.0), _MAX_GAP_S)
        self._epoch = (run, frame.epoch)
        self._last_s = time_s + self._offset_s
        self._last_ticks = max(round(self._last_s * TICKS), self._last_ticks + 1)
        return self._last_ticks


def fit(image: Image, size: tuple[int, int]) -> Image:
    """``image`` in a picture of ``size`` (width, height).

    What is at most one pixel short keeps its pixels and gets its edge repeated; any other size
    is scaled as a whole into the middle, with black around it.
    """
    width, height = size
    high, wide = image.shape[:2]
    if (wide, high) == size:
        return image
    if width - wide in (0, 1) and height - high in (0, 1):
        edge = cv2.BORDER_REPLICATE
        return np.asarray(
            cv2.copyMakeBorder(image, 0, height - high, 0, width - wide, edge), np.uint8
        )
    scale = min(width / wide, height / high)
    inner = (max(round(wide * scale), 1), max(round(high * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        image, inner, interpolation=method
    )
    return canvas
