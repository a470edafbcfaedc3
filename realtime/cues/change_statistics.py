"""What a swapped face changes and the rest of the picture does not: numbers of one sighting.

A swap covers the inner face and leaves hair, ears, neck and room as they are. Most numbers are
therefore the inner face *against* its surround: exposure, white balance, focus, noise and the
codec change both alike and cancel.
"""

from __future__ import annotations

import math
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.types import FloatArray, Image

Vector = NDArray[np.float64]

SIDE: Final = 160
"""Pixels across the upright patch around a face."""
_FACE: Final = 70.0
"""Of which the face is so many wide."""
_MIDDLE: Final = (80.0, 76.0)
_INNER: Final = (27, 36)
"""Half axes of the ellipse that eyes, nose and mouth fill."""
_OUTER: Final = (43, 58)
"""Half axes of the one beyond which a swap changes nothing."""

_SIDES: Final = (234, 454)
_TOP_AND_CHIN: Final = (10, 152)

APPEARANCE: Final = (
    "brightness",
    "red",
    "blue",
    "contrast",
    "sharpness",
    "fineness",
)
"""Names of what `appearance` gives, each of the inner face against its surround."""

_SPANS: Final = {
    "eyes": ((33, 263),),
    "between_eyes": ((133, 362),),
    "nose_width": ((98, 327),),
    "nose_length": ((168, 4),),
    "nose_depth": ((4, 2),),
    "cheeks": ((50, 280),),
    "jaw": ((172, 397),),
    "brow_to_hair": ((9, 10),),
    "eye_widths": ((33, 133), (263, 362)),
}
"""Lengths that speech and lids hardly change, between landmarks."""

GEOMETRY: Final = tuple(_SPANS)
"""Names of what `geometry` gives."""


def ellipse(axes: tuple[int, int], side: int = SIDE, to: int = SIDE) -> NDArray[np.float32]:
    """1 inside an ellipse around the middle of the face, else 0; ``axes`` for a patch of ``side``.

    Returns ``(to, to)`` float32.
    """
    mask = np.zeros((to, to), np.float32)
    scale = to / side
    middle = (round(_MIDDLE[0] * scale), round(_MIDDLE[1] * scale))
    half = (round(axes[0] * scale), round(axes[1] * scale))
    cv2.ellipse(mask, middle, half, 0, 0, 360, (1.0,), -1)
    return mask


_INSIDE: Final = (255 * ellipse(_INNER)).astype(np.uint8)
_OUTSIDE: Final = (255 * (1 - ellipse(_OUTER))).astype(np.uint8)


def appearance(image: Image, landmarks: FloatArray) -> Vector | None:
    """`APPEARANCE` of a face ``(6,)``, None where too little of its surround is in the picture.

    ``image`` ``(H, W, 3)`` uint8 BGR, ``landmarks`` ``(478, 3)`` in its pixels. Brightness,
    contrast, sharpness and fineness are natural logarithms of ratios, red and blue differences
    of Cr and Cb in grey levels.
    """
    matrix = upright(landmarks)
    patch = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    height, width = image.shape[:2]
    inside: NDArray[Any] = _INSIDE
    outside: NDArray[Any] = _OUTSIDE
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]], np.float64)
    back = cv2.invertAffineTransform(matrix)
    frame = corners @ back[:, :2].T + back[:, 2]
    if frame.min() < 0 or frame[:, 0].max() >= width or frame[:, 1].max() >= height:
        whole = np.full((height, width), 255, np.uint8)
        seen = cv2.warpAffine(whole, matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST)
        seen = cv2.erode(seen, np.ones((5, 5), np.uint8), borderValue=(0.0,))
        inside, outside = cv2.bitwise_and(inside, seen), cv2.bitwise_and(outside, seen)
        enough = cv2.countNonZero(outside) > 0.15 * cv2.countNonZero(_OUTSIDE)
        if not enough or cv2.countNonZero(inside) < 0.9 * cv2.countNonZero(_INSIDE):
            return None
    colours = cv2.cvtColor(patch, cv2.COLOR_BGR2YCrCb)
    luma = np.ascontiguousarray(colours[..., 0])
    fine = np.abs(cv2.Laplacian(luma, cv2.CV_16S, ksize=1)).astype(np.float32)
    half = np.abs(cv2.Laplacian(cv2.pyrDown(luma), cv2.CV_16S, ksize=1)).astype(np.float32)
    coarse = cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    values = []
    for mask in (inside, outside):
        means, spreads = cv2.meanStdDev(colours, mask=mask)
        values.append(
            (
                math.log(means[0, 0] + 4),
                float(means[1, 0]),
                float(means[2, 0]),
                math.log(spreads[0, 0] + 2),
                math.log(cv2.mean(fine, mask)[0] + 0.5),
                math.log(cv2.mean(fine, mask)[0] + 0.5) - math.log(cv2.mean(coarse, mask)[0] + 0.5),
            )
        )
    return np.asarray(np.subtract(values[0], values[1]), np.float64)


def geometry(landmarks: FloatArray) -> Vector:
    """`GEOMETRY` of a face: logarithms of lengths in widths of the face, in three dimensions.

    Lengths in space do not change as the head turns, as far as the mesh is right about depth.
    """
    points = landmarks.astype(np.float64)
    width = max(_length(points, _SIDES), 1e-3)
    return np.array(
        [
            math.log(max(sum(_length(points, pair) for pair in pairs) / len(pairs), 1e-3) / width)
            for pairs in _SPANS.values()
        ]
    )


def _length(points: Vector, pair: tuple[int, int]) -> float:
    return float(np.linalg.norm(points[pair[0]] - points[pair[1]]))


def upright(landmarks: FloatArray) -> NDArray[np.float64]:
    """``(2, 3)`` from frame to patch: face level, of a set size, its middle in a set place."""
    left, right = landmarks[_SIDES[0], :2], landmarks[_SIDES[1], :2]
    top, chin = landmarks[_TOP_AND_CHIN[0], :2], landmarks[_TOP_AND_CHIN[1], :2]
    across, middle = right - left, (top + chin) / 2
    # The height of a face does not shrink as it turns aside.
    size = max(float(np.hypot(*across)), 0.75 * float(np.hypot(*(chin - top))), 1.0)
    cos, sin = across / max(float(np.hypot(*across)), 1e-6) * (_FACE / size)
    linear = np.array([[cos, sin], [-sin, cos]], np.float64)
    return np.column_stack([linear, np.array(_MIDDLE) - linear @ middle])
