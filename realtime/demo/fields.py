"""Where the pixels of the portrait go: displacement fields for head, lids and mouth.

All positions are pixels of the 512×512 portrait, measured once on its face. Fields are backward:
``field[y, x]`` is added to a place in the new picture to find the old pixel that it shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from realtime.demo.motion import Pose
from realtime.types import FloatArray

HEAD: Final = (226.0, 100.0)
"""Middle of the head with its hair."""
FACE: Final = (224.0, 122.0)
"""Middle of the inner face."""
EYE_LINE: Final = (224.0, 103.0)
"""Between the eyes."""
FACE_BOX: Final = (160.0, 55.0, 288.0, 200.0)
"""Left, top, right and bottom of what lids, mouth and swap may change."""
_HEAD_RADII: Final = (86.0, 92.0)
_DEPTH: Final = 58.0
_NOSE: Final = (223.5, 127.0)
_NOSE_DEPTH: Final = 16.0
_NECK: Final = (226.0, 172.0)


@dataclass(frozen=True, slots=True)
class Slit:
    """An eye or a mouth: both corners and the height of both edges halfway between them."""

    left: tuple[float, float]
    right: tuple[float, float]
    top: float
    bottom: float

    def edges(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Upper and lower edge at the columns ``x``, as parabolas that meet in the corners."""
        share = np.clip((x - self.left[0]) / (self.right[0] - self.left[0]), 0, 1)
        corners = self.left[1] + (self.right[1] - self.left[1]) * share
        bulge = 4 * share * (1 - share)
        middle = (self.left[1] + self.right[1]) / 2
        return corners + (self.top - middle) * bulge, corners + (self.bottom - middle) * bulge


EYES: Final = (
    Slit((193.5, 100.2), (214.5, 104.6), 97.2, 104.6),
    Slit((236.0, 104.8), (257.5, 103.8), 99.2, 107.0),
)
MOUTH: Final = Slit((202.0, 139.4), (245.5, 141.2), 142.4, 149.8)
_LID_REACH: Final = 8.5
_CHIN_REACH: Final = 42.0


def head_basis(x: FloatArray, y: FloatArray) -> FloatArray:
    """Fields of every degree of freedom of head and body.

    Args:
        x: ``(h, w)`` columns of the portrait, ``y`` the rows.

    Returns:
        ``(8, h, w, 2)`` float32: for a unit of shift x and y, roll, scale, yaw and pitch of the
        head, shift x and y of the body. Yaw and pitch move pixels by their depth on a rounded
        head with a nose, which is what makes a turn look like one.
    """
    rx, ry = (x - HEAD[0]) / _HEAD_RADII[0], (y - HEAD[1]) / _HEAD_RADII[1]
    radius = np.hypot(rx, ry)
    head = 1 - _smoothstep(0.9, 1.55, radius)
    # Below the chin the neck bends; the collar stays where it is.
    head *= 1 - _smoothstep(178, 222, y)
    nose = np.exp(-((x - _NOSE[0]) ** 2 / 200 + (y - _NOSE[1]) ** 2 / 450))
    depth = _DEPTH * np.exp(-1.1 * radius**2) + _NOSE_DEPTH * nose
    body = _smoothstep(150, 215, y) * _smoothstep(60, 110, x) * (1 - _smoothstep(330, 375, x))
    zero, one = np.zeros_like(x), np.ones_like(x)
    moves = [
        (one, zero, head),
        (zero, one, head),
        (_NECK[1] - y, x - _NECK[0], head),
        (x - _NECK[0], y - _NECK[1], head),
        (depth, zero, head),
        (zero, depth, head),
        (one, zero, body * (1 - head)),
        (zero, one, body * (1 - head)),
    ]
    fields = [-weight[..., None] * np.dstack(move) for *move, weight in moves]
    return np.asarray(np.stack(fields), np.float32)


def head_field(basis: FloatArray, pose: Pose) -> FloatArray:
    """``(h, w, 2)`` float32 field of a pose, in portrait pixels, from `head_basis`."""
    amounts = np.array(
        [
            pose.shift_x,
            pose.shift_y,
            pose.roll,
            pose.scale,
            math.sin(pose.yaw),
            math.sin(pose.pitch),
            pose.body_x,
            pose.body_y,
        ],
        np.float32,
    )
    field: FloatArray = amounts @ basis.reshape(len(basis), -1)
    return field.reshape(basis.shape[1:])


def face_field(x: FloatArray, y: FloatArray, pose: Pose, blur: float) -> FloatArray:
    """``(h, w, 2)`` float32 field of lids and mouth in portrait pixels; zero away from them.

    ``blur`` is the standard deviation, in cells of the grid, that rounds off the corners.
    """
    field = np.zeros((*x.shape, 2), np.float32)
    for eye in EYES:
        upper, lower = eye.edges(x)
        gap = lower - upper
        fall = 0.9 * pose.blink * gap
        rise = 0.1 * pose.blink * gap
        field[..., 1] += _slide(
            y, (upper - _LID_REACH, upper, lower, lower + _LID_REACH), (fall, -rise)
        )
    upper, lower = MOUTH.edges(x)
    centre = (MOUTH.left[0] + MOUTH.right[0]) / 2
    width = MOUTH.right[0] - MOUTH.left[0]
    jaw = pose.jaw * np.cos(np.clip((x - centre) / (1.3 * width), -0.5, 0.5) * np.pi) ** 2
    jaw = np.maximum(jaw, -0.8 * (lower - upper) - 0.1)
    field[..., 1] += _slide(
        y, (upper - 1, upper, lower, lower + _CHIN_REACH), (np.zeros_like(jaw), jaw)
    )
    near = np.exp(-(((x - centre) / (0.55 * width)) ** 2) - ((y - 145) / 14) ** 2)
    field[..., 0] -= pose.smile * (x - centre) * near
    return np.asarray(cv2.GaussianBlur(field, (0, 0), blur), np.float32)


def _slide(
    y: FloatArray,
    anchors: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    moved: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Backward vertical field that moves the two inner of four lines and stretches between.

    The outer lines stay; the second and third move down by ``moved``.
    """
    first, second, third, fourth = anchors
    at = (first, second + moved[0], third + moved[1], fourth)
    field = np.zeros_like(y)
    ends = ((first, second), (second, third), (third, fourth))
    for (low, high), new_low, new_high in zip(ends, at[:3], at[1:], strict=True):
        share = (y - new_low) / np.maximum(new_high - new_low, 1e-3)
        inside = (y >= new_low) & (y < new_high)
        field = np.where(inside, low + share * (high - low) - y, field)
    return field


def _smoothstep(low: float, high: float, x: FloatArray) -> FloatArray:
    share = np.clip((x - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
