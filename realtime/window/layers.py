"""What may lie over the picture, and what hides faces in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.overlay import Mapping, Region, mapping
from realtime.types import FrameResult, Image

_INK = (230, 230, 230)
BLOCKS = 6
"""A hidden face is left with so many blocks across, too few to know anybody by."""
_ENOUGH_PX = 240
"""Blocks look the same when they are made of every n-th pixel of a face larger than this."""


@dataclass(frozen=True)
class Layers:
    """What is drawn over the picture; ``blur`` hides all faces but that of ``spare``, and
    ``beside`` shows the picture without the others on the left."""

    heat: bool = False
    boxes: bool = True
    labels: bool = True
    landmarks: bool = False
    blur: bool = False
    spare: int | None = None
    beside: bool = False


def hide_faces(
    canvas: Image, result: FrameResult, spare: int | None, region: Region | None = None
) -> None:
    """Make every face in ``canvas`` unknowable, ``spare`` excepted.

    ``canvas`` ``(H, W, 3)`` shows ``result.frame``, or ``region`` of it, at any size and must be
    writable. A face is hidden by the same few blocks however much it is enlarged.
    """
    to_canvas = mapping(canvas.shape, result.frame.image.shape, region)
    for track_id, box in zip(result.faces.track_ids.tolist(), result.faces.boxes, strict=True):
        if track_id != spare:
            _hide(canvas, result.frame.image, to_canvas, box.tolist())


def _hide(canvas: Image, image: Image, to_canvas: Mapping, box: list[float]) -> None:
    high, wide = image.shape[:2]
    x, y, w, h = box
    # Hair and ears too: they are half of a face for those who know it.
    left, right = max(0, round(x - 0.25 * w)), min(wide, round(x + 1.25 * w))
    top, bottom = max(0, round(y - 0.35 * h)), min(high, round(y + 1.15 * h))
    face = image[top:bottom, left:right]
    if not face.size:
        return
    part = np.array([left, top, right - left, bottom - top], np.float32)
    u, v, room_wide, room_high = to_canvas.rect(part)
    u0, u1 = max(0, u), min(canvas.shape[1], u + room_wide)
    v0, v1 = max(0, v), min(canvas.shape[0], v + room_high)
    if u1 <= u0 or v1 <= v0:
        return
    step = max(1, min(face.shape[:2]) // _ENOUGH_PX)
    face = np.ascontiguousarray(face[::step, ::step])
    small = cv2.resize(face, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    sx, sy = BLOCKS / room_wide, BLOCKS / room_high
    to_block = np.array(
        [[sx, 0, (u0 - u + 0.5) * sx - 0.5], [0, sy, (v0 - v + 0.5) * sy - 0.5]], np.float64
    )
    canvas[v0:v1, u0:u1] = cv2.warpAffine(
        small,
        to_block,
        (u1 - u0, v1 - v0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def draw_landmarks(canvas: Image, result: FrameResult, region: Region | None = None) -> None:
    """Put a dot on each landmark; ``canvas`` and ``region`` as for `hide_faces`."""
    high, wide = canvas.shape[:2]
    to_canvas = mapping(canvas.shape, result.frame.image.shape, region)
    side = 1 + round(min(high, wide) / 500)
    steps = np.indices((side, side)).reshape(2, -1).T - side // 2
    for i in range(len(result.faces)):
        if not result.faces.has_landmarks(i):
            continue
        points = result.faces.landmarks[i, :, :2] * to_canvas.scale - np.array(to_canvas.origin)
        places = np.rint(points).astype(np.int64)
        places = (places[:, None] + steps).reshape(-1, 2)
        inside = ((places >= 0) & (places < (wide, high))).all(axis=1)
        places = places[inside]
        canvas[places[:, 1], places[:, 0]] = _INK
