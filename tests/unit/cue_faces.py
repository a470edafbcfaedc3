"""Sightings of a made-up head: the rigid mean head, turned and moved, with lids that close."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.cues import pose
from realtime.cues.base import Sighting
from realtime.cues.eyes import EYE_WIDTH, LOWER, UPPER
from realtime.types import FaceQuality, FloatArray

GOOD = FaceQuality(200.0, 300.0, 0.0, 0.0, 0.0, 0.0, 0.0, 120.0)
SIZE = (640, 480)
_IRISES = ((468, 0), (473, 1))
GREY = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
GREY.setflags(write=False)


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> NDArray[np.float64]:
    """Rotation ``(3, 3)`` for angles in degrees, signed as in `FaceQuality`."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = [[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]]
    about_x = [[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]
    about_z = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    return np.asarray(np.array(about_z) @ np.array(about_y) @ np.array(about_x), np.float64)


def landmarks(
    rotation: NDArray[np.float64] | None = None,
    at: tuple[float, float, float] = (0.0, 0.0, 3.0),
    eyes: tuple[float, float] = (0.3, 0.3),
    gaze: float = 0.0,
    noise: NDArray[np.float64] | None = None,
) -> FloatArray:
    """``(478, 3)`` float32: the head ``at`` widths of the face before the camera.

    ``eyes`` is the gap between the lids and ``gaze`` how far the irises are to the viewer's
    right, both as shares of the width of an eye; ``noise`` ``(478, 2)`` is added in pixels.
    """
    head = np.zeros((478, 3))
    head[pose.RIGID] = pose.HEAD
    for side, corners in enumerate(((33, 133), (263, 362))):
        middle = head[list(corners)].mean(axis=0)
        half = EYE_WIDTH / 2 * eyes[side]
        for dx, up, low in zip((-0.04, 0.0, 0.04), UPPER[side], LOWER[side], strict=True):
            head[up] = middle + np.array([dx, -half, 0.0])
            head[low] = middle + np.array([dx, half, 0.0])
        iris = _IRISES[side][0]
        head[iris : iris + 5] = middle + np.array([gaze * EYE_WIDTH, 0.0, 0.0])
    seen = head @ (np.eye(3) if rotation is None else rotation).T + at
    points = np.empty((478, 3), np.float32)
    points[:, :2] = seen[:, :2] / seen[:, 2:] * SIZE[0] + np.array(SIZE) / 2
    points[:, 2] = (seen[:, 2] - at[2]) * SIZE[0] / at[2]
    if noise is not None:
        points[:, :2] += noise
    return points


def sighting(
    time_s: float,
    points: FloatArray,
    *,
    hidden: bool = False,
    image: NDArray[np.uint8] = GREY,
    quality: FaceQuality = GOOD,
) -> Sighting:
    """What a witness is shown; the pose is solved as the program does."""
    box = np.array(cv2.boundingRect(points[pose.RIGID, :2]), np.float32)
    size = (image.shape[1], image.shape[0])
    found = pose.solve(points, size)
    return Sighting(time_s, image, box, points, quality, found, hidden, None)
