"""Whether the pixels of a face that turns move as a head in depth or as a flat picture.

Landmarks alone cannot tell: the mesh sees a head in depth also in a photograph that is tilted.
So pixels are followed from where the landmarks were, and it is asked whether one homography, the
only way in which a plane can move before a pinhole camera (Hartley and Zisserman 2004, "Multiple
View Geometry", section 13.1), explains how they moved. A nose before a cheek it cannot explain.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.cues.base import HeadPose, Sighting
from realtime.cues.pose import HEAD, RIGID
from realtime.types import Image

_PATCH: Final = 160
"""Side in pixels to which the face is scaled before its pixels are followed."""
_MARGIN: Final = 1.3
_WINDOW: Final = 13
_LEVELS: Final = 2
_LOST: Final = 0.25
"""A stretch ends early if more than this share of the points was lost."""
_LONGEST_S: Final = 1.5
"""Errors of following add up; a stretch that has not turned enough by then is given up."""
_GAP_S: Final = 0.25
_EVERY_S: Final = 1 / 20
"""Pixels move little between frames of a fast camera; following fewer frames costs less."""
LEAST_PREDICTED: Final = 0.010
"""Distance from every homography, in widths of the face, that the turn of a head must predict
before it is compared: about 7 degrees, and twice the error of following."""
_ENOUGH_DEG: Final = 7.0
KEEP_S: Final = 60.0
_KEPT: Final = 64

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One turn of the head: when it ended, and how far the points are from one homography.

    ``predicted`` is that of a rigid head with the poses at both ends, ``measured`` that of the
    pixels, both as root mean squares in widths of the face.
    """

    time_s: float
    predicted: float
    measured: float


def off_plane(before: Points, after: Points) -> float:
    """Root mean square distance of ``after`` from the nearest homography of ``before``.

    Both ``(N, 2)`` with N above 4, in the unit of the answer. Least squares, linear with two
    corrections of its weights, which for the small perspective of a face is the optimum.
    """
    middle = before.mean(axis=0)
    scale = float(np.abs(before - middle).mean()) or 1.0
    a, b = (before - middle) / scale, (after - after.mean(axis=0)) / scale
    n = len(a)
    system = np.zeros((2 * n, 8))
    system[:n, :2] = system[n:, 3:5] = a
    system[:n, 2] = system[n:, 5] = 1
    system[:n, 6:] = -b[:, :1] * a
    system[n:, 6:] = -b[:, 1:] * a
    aim = np.concatenate([b[:, 0], b[:, 1]])
    weights = np.ones(n)
    for _ in range(3):
        both = np.tile(weights, 2)
        h = np.linalg.lstsq(system * both[:, None], aim * both, rcond=None)[0]
        depth = a @ h[6:] + 1
        weights = 1 / np.where(np.abs(depth) < 0.1, 0.1, depth)
    found = np.stack([a @ h[:2] + h[2], a @ h[3:5] + h[5]], axis=1) * weights[:, None]
    return float(np.sqrt(((b - found) ** 2).sum(axis=1).mean())) * scale


def projected(pose: HeadPose) -> Points:
    """``(41, 2)`` the rigid landmarks as a camera of focal length 1 sees them, times distance."""
    at = HEAD @ pose.rotation.T + pose.translation
    return np.asarray(at[:, :2] / at[:, 2:] * pose.translation[2], np.float64)


class Follower:
    """Follows the pixels of one face and compares stretches in which it turned.

    Pyramidal Lucas-Kanade (Bouguet 2001) on the face scaled to 160 pixels. Memory is bounded:
    one patch, 41 points and the stretches of the last minute.
    """

    def __init__(self) -> None:
        self.stretches: deque[Stretch] = deque(maxlen=_KEPT)
        self._patch: Image | None = None
        self._to_patch = np.eye(2, 3)
        self._last = -np.inf
        self._start: HeadPose | None = None
        self._started = -np.inf
        self._first: Points = np.empty((0, 2))
        self._points: Points = np.empty((0, 2))
        self._kept: NDArray[np.bool_] = np.zeros(len(RIGID), bool)

    def reset(self) -> None:
        """Forget what was followed; the stretches stay."""
        self._start = None

    def see(self, sighting: Sighting) -> None:
        """Follow the points to one more frame; a sighting without a pose ends the stretch."""
        pose, now = sighting.pose, sighting.time_s
        while self.stretches and now - self.stretches[0].time_s > KEEP_S:
            self.stretches.popleft()
        if pose is None or sighting.hidden:
            self.reset()
            return
        if self._start is not None and 0 < now - self._last < _EVERY_S - 5e-4:
            return
        to_patch = _to_patch(sighting)
        patch = _cut(sighting.image, to_patch)
        old, self._patch = self._patch, patch
        if old is None or self._start is None or now - self._last > _GAP_S:
            self._begin(sighting, pose)
        else:
            self._follow(old, patch, to_patch)
            self._compare(sighting, pose)
        self._to_patch, self._last = to_patch, now

    def _begin(self, sighting: Sighting, pose: HeadPose) -> None:
        self._start, self._started = pose, sighting.time_s
        self._first = self._points = sighting.landmarks[RIGID, :2].astype(np.float64)
        self._kept = np.ones(len(RIGID), bool)

    def _follow(self, old: Image, patch: Image, to_patch: Points) -> None:
        before = _apply(self._to_patch, self._points).astype(np.float32)
        after, status, _ = cv2.calcOpticalFlowPyrLK(
            old,
            patch,
            before[:, None],
            before[:, None].copy(),
            winSize=(_WINDOW, _WINDOW),
            maxLevel=_LEVELS,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        found = np.asarray(after, np.float64)[:, 0]
        inside = ((found > 0) & (found < _PATCH)).all(axis=1)
        self._kept &= inside & (np.asarray(status)[:, 0] > 0)
        back = cv2.invertAffineTransform(to_patch)
        self._points = _apply(np.asarray(back, np.float64), found)

    def _compare(self, sighting: Sighting, pose: HeadPose) -> None:
        start, kept = self._start, self._kept
        if start is None:
            return
        if kept.mean() < 1 - _LOST:
            self._begin(sighting, pose)
            return
        old = sighting.time_s - self._started > _LONGEST_S
        if not old and turned(start, pose) < _ENOUGH_DEG:
            return
        predicted = off_plane(projected(start)[kept], projected(pose)[kept])
        if predicted >= LEAST_PREDICTED:
            width = sighting.image.shape[1]
            first = self._first[kept] * start.translation[2] / width
            last = self._points[kept] * pose.translation[2] / width
            self.stretches.append(Stretch(sighting.time_s, predicted, off_plane(first, last)))
            old = True
        if old:
            self._begin(sighting, pose)


def turned(a: HeadPose, b: HeadPose) -> float:
    """The angle between two poses in degrees."""
    cosine = (float(np.trace(a.rotation.T @ b.rotation)) - 1) / 2
    return float(np.degrees(np.arccos(min(max(cosine, -1.0), 1.0))))


def _to_patch(sighting: Sighting) -> Points:
    x, y, width, height = (float(v) for v in sighting.box)
    scale = _PATCH / (_MARGIN * max(width, height, 1.0))
    half = _PATCH / 2
    return np.array(
        [
            [scale, 0, half - scale * (x + width / 2)],
            [0, scale, half - scale * (y + height / 2)],
        ]
    )


def _cut(image: Image, to_patch: Points) -> Image:
    how = cv2.INTER_AREA if to_patch[0, 0] < 0.5 else cv2.INTER_LINEAR
    patch = cv2.warpAffine(image, to_patch, (_PATCH, _PATCH), flags=how)
    return np.asarray(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), np.uint8)


def _apply(affine: Points, points: Points) -> Points:
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], np.float64)
