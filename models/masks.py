"""Soft masks of face regions, from the landmarks of MediaPipe's face mesh."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Points = NDArray[np.floating[Any]]

POINTS: Final = 468
"""The landmarks used; the irises that may follow are not."""

_OVAL: Final = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_LIPS: Final = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
)
_LEFT_EYE: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)
_RIGHT_EYE: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
_LEFT_BROW: Final = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
_RIGHT_BROW: Final = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
_NOSE: Final = (1, 2, 98, 327, 168, 6, 197, 195, 5, 4, 64, 294)
_CHIN: Final = (176, 148, 152, 377, 400)
_CHEEKS: Final = (50, 280, 205, 425, 187, 411)

_EYES: Final = _LEFT_EYE + _RIGHT_EYE + _LEFT_BROW + _RIGHT_BROW

REGIONS: Final[dict[str, tuple[int, ...]]] = {
    "face": tuple(range(POINTS)),
    "oval": _OVAL,
    "inner": _EYES + _NOSE + _LIPS,
    "inner_chin": _EYES + _NOSE + _LIPS + _CHIN + _CHEEKS,
    "lower": _NOSE + _LIPS + _CHIN + _CHEEKS,
    "eyes": _EYES,
    "mouth": (*_LIPS, 164, 18, 200),
    "nose_mouth": _NOSE + _LIPS,
}
"""Landmark indices whose convex hull is a region that some method of forging replaces."""

WHOLE_FACE: Final = ("face", "oval", "inner", "inner_chin")
PARTS: Final = ("lower", "eyes", "mouth", "nose_mouth")


def extent(landmarks: Points) -> float:
    """The longer side of the box around landmarks ``(N, 2)``, in their unit."""
    return float((landmarks.max(axis=0) - landmarks.min(axis=0)).max())


def hull(landmarks: Points, size: tuple[int, int], region: str) -> FloatArray:
    """The filled convex hull of a region, 0 or 1, ``(H, W)`` float32.

    ``landmarks`` are ``(>=468, >=2)`` in pixels of a picture of ``size`` (height, width);
    ``region`` is a key of `REGIONS`.
    """
    points = landmarks[list(REGIONS[region]), :2]
    mask = np.zeros(size, np.float32)
    outline = cv2.convexHull(np.round(points).astype(np.int32))
    cv2.fillConvexPoly(mask, outline, (1.0,))
    return mask


def deform(mask: FloatArray, rng: np.random.Generator, amplitude: float) -> FloatArray:
    """Move the outline of a mask smoothly by at most about ``amplitude`` pixels.

    A random displacement on a coarse grid is interpolated to every pixel, so that the outline
    of the region no longer is that of the landmarks (elastic deformation, Simard et al., 2003).
    """
    height, width = mask.shape
    cells = int(rng.integers(3, 7))
    shift = rng.uniform(-amplitude, amplitude, (2, cells, cells)).astype(np.float32)
    dx, dy = (cv2.resize(s, (width, height), interpolation=cv2.INTER_LINEAR) for s in shift)
    grid_y, grid_x = np.indices((height, width), np.float32)
    moved = cv2.remap(mask, grid_x + dx, grid_y + dy, cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32)


def soften(mask: FloatArray, inside: float, edge: float) -> FloatArray:
    """Give a 0-or-1 mask a soft edge that lies within the old outline.

    ``inside`` and ``edge`` are standard deviations in pixels: the mask first shrinks by about
    ``inside``, then its edge is blurred by ``edge``, and what leaks out of the old outline is
    cut off.
    """
    small = (_blur(mask, inside) > 0.75).astype(np.float32)
    return np.asarray(_blur(small, edge) * (mask > 0.5), np.float32)


def _blur(mask: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), np.float32)
