"""What may lie over the picture, and what hides faces in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.types import FrameResult, Image

_INK = (230, 230, 230)
_BLOCKS = 6
"""A hidden face is left with so many blocks across, too few to know anybody by."""


@dataclass(frozen=True)
class Layers:
    """What is drawn over the picture; ``blur`` hides all faces but that of ``spare``."""

    heat: bool = False
    boxes: bool = True
    labels: bool = True
    landmarks: bool = False
    blur: bool = False
    spare: int | None = None


def hide_faces(canvas: Image, result: FrameResult, spare: int | None) -> None:
    """Make every face in ``canvas`` unknowable, ``spare`` excepted.

    ``canvas`` ``(H, W, 3)`` shows ``result.frame`` at any size and must be writable.
    """
    high, wide = canvas.shape[:2]
    frame_high, frame_wide = result.frame.image.shape[:2]
    for track_id, box in zip(result.faces.track_ids.tolist(), result.faces.boxes, strict=True):
        if track_id == spare:
            continue
        # Hair and ears too: they are half of a face for those who know it.
        x, y, w, h = box.tolist()
        left = max(0, round((x - 0.25 * w) * wide / frame_wide))
        right = min(wide, round((x + 1.25 * w) * wide / frame_wide))
        top = max(0, round((y - 0.35 * h) * high / frame_high))
        bottom = min(high, round((y + 1.15 * h) * high / frame_high))
        part = canvas[top:bottom, left:right]
        if part.size:
            small = cv2.resize(part, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
            size = (right - left, bottom - top)
            part[:] = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def draw_landmarks(canvas: Image, result: FrameResult) -> None:
    """Put a dot on each landmark; ``canvas`` as for `hide_faces`."""
    high, wide = canvas.shape[:2]
    frame_high, frame_wide = result.frame.image.shape[:2]
    for i in range(len(result.faces)):
        if not result.faces.has_landmarks(i):
            continue
        points = result.faces.landmarks[i, :, :2] * (wide / frame_wide, high / frame_high)
        places = np.rint(points).astype(np.int64)
        inside = ((places >= 0) & (places < (wide, high))).all(axis=1)
        places = places[inside]
        canvas[places[:, 1], places[:, 0]] = _INK
