"""Pose of a head from its landmarks: a rigid mean head before a pinhole camera.

The head is our own fit: structure from motion over the landmarks of real recordings, with
perspective, mirrored to be symmetric, one mean over all people (`tools.head_model` makes it).
The mesh is tracked well enough that 99 of 100 frames fit it within 2 % of the face's width.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.cues.base import HeadPose
from realtime.types import FloatArray

_MIRRORED: Final[dict[tuple[int, int], tuple[float, float, float]]] = {
    (33, 263): (-0.300, -0.011, 0.014),  # corners of the eyes, outer and inner
    (133, 362): (-0.115, 0.001, -0.024),
    (103, 332): (-0.335, -0.308, 0.040),  # forehead and temples
    (109, 338): (-0.124, -0.351, -0.066),
    (54, 284): (-0.408, -0.255, 0.110),
    (71, 301): (-0.420, -0.146, 0.104),
    (139, 368): (-0.451, -0.075, 0.151),
    (34, 264): (-0.477, 0.013, 0.188),
    (127, 356): (-0.501, 0.003, 0.288),  # before the ears
    (234, 454): (-0.500, 0.107, 0.311),
    (116, 345): (-0.434, 0.100, 0.099),  # cheekbones
    (117, 346): (-0.355, 0.099, 0.028),
    (188, 412): (-0.062, 0.053, -0.112),  # sides and wings of the nose
    (114, 343): (-0.090, 0.082, -0.090),
    (236, 456): (-0.062, 0.133, -0.169),
    (131, 360): (-0.101, 0.193, -0.162),
    (98, 327): (-0.114, 0.276, -0.114),
}
"""Landmarks on the viewer's left and right, and where the left one is in head coordinates."""

_MIDDLE: Final[dict[int, tuple[float, float]]] = {
    10: (-0.351, -0.085),  # top of the forehead
    168: (-0.032, -0.116),  # bridge of the nose, down to its tip
    6: (0.021, -0.145),
    197: (0.067, -0.174),
    195: (0.109, -0.200),
    5: (0.153, -0.227),
    4: (0.206, -0.247),
}
"""Landmarks in the plane of symmetry: y and z."""

RIGID: Final = np.array([i for pair in _MIRRORED for i in pair] + list(_MIDDLE))
"""``(41,)`` landmarks that neither lids, brows, lips nor jaw move."""

HEAD: Final = np.array(
    [p for x, y, z in _MIRRORED.values() for p in ((x, y, z), (-x, y, z))]
    + [(0.0, y, z) for y, z in _MIDDLE.values()]
)
"""``(41, 3)`` where they are in head coordinates, in widths of the face (between 234 and 454).

Its vertical axis is tilted so that real faces have the same pitch as in `FaceQuality`, in the
median.
"""

_MAX_RESIDUAL: Final = 0.06
"""Landmarks that lie further from every rigid head, in widths of the face, are not of one."""


_NO_LENS: Final = np.zeros(5)


def camera(size: tuple[int, int]) -> NDArray[np.float64]:
    """Intrinsic matrix ``(3, 3)`` of a pinhole camera for frames of ``size`` (width, height).

    Nobody tells the focal length; one frame width (a view of 53 degrees) is common for webcams
    and phones. If it is wrong, distance and depth are wrong together and angles hardly.
    """
    width, height = size
    return np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]], np.float64)


def solve(landmarks: FloatArray, size: tuple[int, int]) -> HeadPose | None:
    """The rigid head that fits best, None where none does.

    SQPnP (Terzakis and Lourakis 2020, "A consistently fast and globally optimal solution to
    the perspective-n-point problem") has no start value and no memory: a frame's pose depends
    on this frame alone. Yaw and pitch are those against the line of sight, so that a face that
    looks into the camera has none wherever it is in the picture.

    Args:
        landmarks: ``(478, 3)`` float32, x and y in pixels of the frame; z is not used.
        size: width and height of the frame in pixels.
    """
    points = np.ascontiguousarray(landmarks[RIGID, :2], np.float64)
    if not np.isfinite(points).all():
        return None
    matrix = camera(size)
    try:
        found, turn, shift = cv2.solvePnP(HEAD, points, matrix, _NO_LENS, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:  # all landmarks in one place
        return None
    translation = np.asarray(shift, np.float64).ravel()
    if not found or not np.isfinite(translation).all() or translation[2] <= 0:
        return None
    rotation = np.asarray(cv2.Rodrigues(turn)[0], np.float64)
    residual = _residual(points, rotation, translation, matrix)
    if not residual <= _MAX_RESIDUAL:
        return None
    return HeadPose(rotation, translation, *angles(rotation, translation), residual)


def angles(
    rotation: NDArray[np.float64], translation: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees against the line of sight, signed as in `FaceQuality`."""
    x, y, z = (float(v) for v in translation)
    level = math.hypot(x, z)
    far = math.hypot(level, y)
    # A camera that pans and tilts until the head is in the middle of its picture.
    right = np.array([z, 0.0, -x]) / level
    ahead = np.array([x, y, z]) / far
    seen = np.stack([right, np.cross(ahead, right), ahead]) @ rotation
    across, front = seen[:, 0], -seen[:, 2]
    return (
        math.degrees(math.atan2(front[0], -front[2])),
        math.degrees(math.atan2(front[1], math.hypot(front[0], front[2]))),
        math.degrees(math.atan2(across[1], across[0])),
    )


def _residual(
    points: NDArray[np.float64],
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
    matrix: NDArray[np.float64],
) -> float:
    """Root mean square distance from the projected head, in widths of the face."""
    at = HEAD @ rotation.T + translation
    if at[:, 2].min() <= 0:
        return math.inf
    off = points - matrix[:2, 2] - matrix[0, 0] * at[:, :2] / at[:, 2:]
    return float(np.sqrt((off**2).sum(axis=1).mean()) * translation[2] / matrix[0, 0])
