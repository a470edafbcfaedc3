"""Windows of landmarks without the movement of the head, for training and at run time alike.

A window is ``WINDOW_S`` seconds of a face on a grid of ``RATE_HZ``, whatever the rate of the
source was: ``(SAMPLES, POINTS, 2)`` float32. Coordinates are those of a frontal reference face in
units of the distance between the outer corners of its eyes, x to the viewer's right and y down.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from realtime.types import FloatArray

RATE_HZ: Final = 25.0
SAMPLES: Final = 32
WINDOW_S: Final = (SAMPLES - 1) / RATE_HZ
"""From the first sample of a window to its last."""

MAX_GAP_S: Final = 0.2
"""Across longer pauses nothing is interpolated."""
MIN_RATE_HZ: Final = 11.5
"""Below about twelve pictures a second a mouth moves too far from one to the next."""

REGIONS: Final[dict[str, tuple[int, ...]]] = {
    "outer lips": (61, 91, 84, 17, 314, 321, 291, 269, 267, 0, 37, 39),
    "inner lips": (78, 88, 87, 14, 317, 318, 308, 310, 13, 80),
    "right eye": (33, 7, 145, 154, 133, 157, 159, 161),
    "left eye": (263, 249, 374, 381, 362, 384, 386, 388),
    "right brow": (70, 63, 105, 66, 107),
    "left brow": (300, 293, 334, 296, 336),
    "nose": (168, 6, 195, 4, 1, 2, 98, 327),
    "jaw": (234, 93, 58, 136, 149, 148, 152, 377, 378, 365, 288, 323, 454),
    "forehead": (10, 109, 338),
    "irises": (468, 473),
}
"""Which of the 478 landmarks are looked at; right and left are those of the person."""

LANDMARKS: Final = tuple(i for region in REGIONS.values() for i in region)
POINTS: Final = len(LANDMARKS)

_RIGID: Final = (33, 133, 263, 362, 168, 6, 195, 4, 234, 454, 93, 323, 10, 109, 338, 98, 327)
RIGID_PLACES: Final = tuple(LANDMARKS.index(i) for i in _RIGID)
"""Where among `LANDMARKS` those stand that hardly move with expression."""

Points = NDArray[np.floating[Any]]


def select(landmarks: FloatArray) -> FloatArray:
    """The points that are looked at: ``(..., 478, 3)`` to ``(..., POINTS, 3)`` float32, a copy."""
    return np.ascontiguousarray(landmarks[..., LANDMARKS, :], np.float32)


def align(points: Points, reference: Points) -> NDArray[np.float64]:
    """Each face turned, scaled and moved onto a reference by its rigid points.

    The least-squares similarity in three dimensions (Umeyama 1991), so that what is left is
    expression and what the tracker or a generator adds to it.

    Args:
        points: ``(T, POINTS, 3)`` finite, in pixels; depth in the same unit.
        reference: ``(POINTS, 3)``.

    Returns:
        ``(T, POINTS, 3)``; NaN for a face whose rigid points all coincide.
    """
    points = np.asarray(points, np.float64)
    reference = np.asarray(reference, np.float64)
    rigid, target = points[:, RIGID_PLACES], reference[list(RIGID_PLACES)]
    middle, onto = rigid.mean(axis=1, keepdims=True), target.mean(axis=0)
    own, wanted = rigid - middle, target - onto
    left, sizes, right = np.linalg.svd(np.einsum("tki,kj->tij", own, wanted))
    signs = np.ones_like(sizes)
    signs[:, 2] = np.where(np.linalg.det(left @ right) < 0, -1.0, 1.0)  # no mirror images
    turned = (points - middle) @ ((left * signs[:, None, :]) @ right)
    spread = (own**2).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = (sizes * signs).sum(axis=1) / spread
    scale[spread <= 0] = np.nan
    return np.asarray(scale[:, None, None] * turned + onto, np.float64)


def resample(times: NDArray[np.float64], values: Points, end_s: float) -> NDArray[np.float64]:
    """``values`` ``(M, ...)`` at the samples of the window that ends at ``end_s``, by lines.

    Beyond the first and last of ``times`` ``(M,)``, which must grow, the outermost value holds.
    """
    grid = end_s - np.arange(SAMPLES - 1, -1, -1) / RATE_HZ
    after = np.clip(np.searchsorted(times, grid, side="right"), 1, len(times) - 1)
    share = np.clip((grid - times[after - 1]) / (times[after] - times[after - 1]), 0, 1)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[after - 1] * (1 - share) + values[after] * share, np.float64)


def why_not(times: NDArray[np.float64], end_s: float) -> str | None:
    """Why sightings at ``times`` make no window that ends at ``end_s``; None if they do."""
    if len(times) < 2 or end_s - times[0] < WINDOW_S - 1e-3:
        return f"not seen for {WINDOW_S:.1f} seconds yet"
    steps = np.diff(times)
    if float(np.median(steps)) > 1 / MIN_RATE_HZ:
        return f"fewer than {round(MIN_RATE_HZ)} pictures a second"
    if float(steps.max()) > MAX_GAP_S or end_s - times[-1] > MAX_GAP_S:
        return "pictures are missing"
    return None


def window(times: NDArray[np.float64], points: Points, reference: Points) -> FloatArray | None:
    """The window that ends at the last of ``times``.

    Args:
        times: ``(M,)`` seconds, growing, for which `why_not` has no objection.
        points: ``(M, POINTS, 3)`` as `select` gives them.
        reference: ``(POINTS, 3)``.

    Returns:
        ``(SAMPLES, POINTS, 2)`` float32, None if it is not finite.
    """
    aligned = align(points, reference)[..., :2]
    found = resample(times, aligned, float(times[-1])).astype(np.float32)
    return found if np.isfinite(found).all() else None


def mean_face(faces: Points) -> NDArray[np.float64]:
    """The reference ``(POINTS, 3)`` of faces ``(N, POINTS, 3)``, frontal ones before all.

    Each is aligned with the mean of all, which is then taken anew (generalised Procrustes,
    Gower 1975), in units of the distance between the outer corners of the eyes.
    """
    rigid = list(RIGID_PLACES)
    corners = LANDMARKS.index(33), LANDMARKS.index(263)
    faces = np.asarray(faces, np.float64)
    faces = faces - faces[:, rigid].mean(axis=1, keepdims=True)
    wide = np.linalg.norm(faces[:, corners[0]] - faces[:, corners[1]], axis=1)
    mean = (faces / wide[:, None, None]).mean(axis=0)
    for _ in range(3):
        mean = align(faces, mean).mean(axis=0)
        mean = mean / np.linalg.norm(mean[corners[0]] - mean[corners[1]])
    return np.asarray(mean, np.float64)
