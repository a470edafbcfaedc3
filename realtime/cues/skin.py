"""The mean colour of patches of skin: forehead and cheeks, where hair and lips do not reach."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.types import FloatArray, Image

REGIONS: Final = ("forehead", "left cheek", "right cheek")
"""Left and right as the viewer sees them."""

_OUTLINES: Final = (
    (107, 66, 69, 109, 10, 338, 299, 296, 336, 9),
    (118, 119, 100, 126, 209, 129, 203, 205, 50),
    (347, 348, 329, 355, 429, 358, 423, 425, 280),
)
"""Landmarks around each region."""

_SIDE_PX: Final = 96
"""A region is looked at in about so many pixels across: more would average away no more noise
than the camera and the codec have left."""

_MIN_PIXELS: Final = 24

_FOUR_BITS: Final = 4


def mean_colours(image: Image, landmarks: FloatArray) -> NDArray[np.float64]:
    """Mean BGR ``(3, 3)``, 0 to 255, a row for each of `REGIONS`; NaN for one too small to see.

    ``image`` ``(H, W, 3)`` uint8 BGR, ``landmarks`` ``(478, 3)`` in its pixels.
    """
    return np.array([_mean(image, landmarks[list(outline), :2]) for outline in _OUTLINES])


def _mean(image: Image, outline: FloatArray) -> tuple[float, float, float]:
    height, width = image.shape[:2]
    left, top = np.maximum(np.floor(outline.min(0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(outline.max(0)) + 1, (width, height)).astype(int)
    if right - left < 2 or bottom - top < 2:
        return (np.nan,) * 3
    step = max(1, round(max(right - left, bottom - top) / _SIDE_PX))
    patch = np.ascontiguousarray(image[top:bottom:step, left:right:step])
    mask = np.zeros(patch.shape[:2], np.uint8)
    points = np.rint((outline - (left, top)) / step * (1 << _FOUR_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [points], (255,), shift=_FOUR_BITS)
    if cv2.countNonZero(mask) < _MIN_PIXELS:
        return (np.nan,) * 3
    blue, green, red, _ = cv2.mean(patch, mask)
    return blue, green, red
