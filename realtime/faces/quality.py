"""How much a face crop can be trusted to show, from its pixels and its landmarks."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.types import FaceQuality, FloatArray, Image

PATCH: Final = 128
"""Side in pixels to which a face is scaled before its sharpness is measured."""
MAX_BLOCK_AREA: Final = 256
"""Blockiness is measured on at most this many pixels across the middle of a face."""

YAW_DEPTH: Final = 1.4
PITCH_AT_REST: Final = 7.0
"""The median over many photos and videos; the forehead lies nearer to the camera."""

# Pairs of landmarks that mirror each other: sides of the face, outer and inner eye corners,
# cheeks, jaw. The first is on the person's right, so on the viewer's left.
_RIGHT: Final = np.array([234, 127, 93, 132, 33, 133, 172, 58, 50])
_LEFT: Final = np.array([454, 356, 323, 361, 263, 362, 397, 288, 280])
# From the top of the forehead to the chin.
_TOP: Final = np.array([10, 109, 338])
_BOTTOM: Final = np.array([152, 148, 377])

# fmt: off
_LIPS: Final = (
    0, 11, 12, 13, 14, 15, 16, 17, 37, 38, 39, 40, 41, 42, 61, 62, 72, 73, 74, 76, 77, 78, 80, 81,
    82, 84, 85, 86, 87, 88, 89, 90, 91, 95, 96, 146, 178, 179, 180, 181, 183, 184, 185, 191, 267,
    268, 269, 270, 271, 272, 291, 292, 302, 303, 304, 306, 307, 308, 310, 311, 312, 314, 315, 316,
    317, 318, 319, 320, 321, 324, 325, 375, 402, 403, 404, 405, 407, 408, 409, 415,
)
_EYES: Final = (
    7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246, 249, 263, 362,
    373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466,
)
_BROWS: Final = (
    46, 52, 53, 55, 63, 65, 66, 70, 105, 107, 276, 282, 283, 285, 293, 295, 296, 300, 334, 336,
)
# fmt: on
_SKIN: Final = np.setdiff1d(np.arange(468), _LIPS + _EYES + _BROWS)


def measure(
    image: Image, box: FloatArray, landmarks: FloatArray | None, presence: float = 1.0
) -> FaceQuality:
    """Quality of one face of a frame.

    Args:
        image: ``(H, W, 3)`` uint8 BGR, the whole frame.
        box: ``(4,)`` ``x, y, width, height`` in pixels.
        landmarks: ``(478, 3)`` float32, or None where they were not found. Then nothing is
            known of the pose, and as such a face is mostly seen from the side, its yaw is
            given as 90 degrees and its pitch and roll as 0.
        presence: how sure the mesh is that there is a face, 0 to 1.
    """
    low, high = _clip(image, box)
    if (high - low < 2).any():
        return FaceQuality(float(box[2:].min()), 0.0, 90.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    crop = image[low[1] : high[1], low[0] : high[0]]
    shrinks = min(crop.shape[:2]) > PATCH
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    patch = np.asarray(cv2.resize(crop, (PATCH, PATCH), interpolation=how), np.uint8)
    luma = np.asarray(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), np.uint8)
    outside = 1 - float(np.prod(high - low)) / max(float(box[2] * box[3]), 1.0)
    if landmarks is None:
        yaw, pitch, roll = 90.0, 0.0, 0.0
        hidden = max(outside, 0.0)
    else:
        yaw, pitch, roll = pose(landmarks)
        hidden = occlusion(patch, (landmarks[:468, :2] - low) / (high - low), presence)
    return FaceQuality(
        size_px=float(box[2:].min()),
        blur=float(cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))[1][0, 0] ** 2),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        blockiness=blockiness(image, low, high),
        occlusion=hidden,
        brightness=float(luma.mean()),
    )


def pose(landmarks: FloatArray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, of the axes that the mesh itself spans.

    The mean of the lines between mirrored landmarks is the head's horizontal axis, the line
    from forehead to chin its vertical one. The mesh flattens a face that turns sideways:
    `YAW_DEPTH` makes up for it, so that heads turned by 15 to 40 degrees come out right within
    5. Zero is a face to the camera (the pitch of an average photo); positive is turned to the
    viewer's right, down, and clockwise.
    """
    across = (landmarks[_LEFT] - landmarks[_RIGHT]).mean(axis=0)
    down = (landmarks[_BOTTOM] - landmarks[_TOP]).mean(axis=0)
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    yaw = float(np.degrees(np.arctan2(YAW_DEPTH * across[2], np.hypot(across[0], across[1]))))
    pitch = float(np.degrees(np.arctan2(down[2], np.hypot(down[0], down[1]))))
    return yaw, pitch - PITCH_AT_REST, roll


def occlusion(patch: Image, points: FloatArray, presence: float = 1.0) -> float:
    """Estimated share of a face that is covered or out of the frame, 0 to 1.

    Counts skin landmarks that lie outside the frame, or whose colour is far from the face's
    own median. This sees masks, microphones, phones and objects of other colours. It does not
    see a hand or another face in front, whose colour is that of skin, and it takes a beard, a
    fringe or a hard shadow for a partial cover. ``patch`` is the visible part of the face's
    box, ``points`` ``(468, 2)`` the landmarks in units of it. The network's own doubt,
    ``1 - presence``, is the least that is returned.
    """
    skin = points[_SKIN]
    inside = ((skin >= 0) & (skin < 1)).all(axis=1)
    if not inside.any():
        return 1.0
    small = cv2.resize(patch, (32, 32), interpolation=cv2.INTER_AREA)
    colours = cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb)
    at = (skin[inside] * 32).astype(int)
    seen = colours[at[:, 1], at[:, 0]].astype(np.float32)
    off = np.abs(seen - np.median(seen, axis=0))
    strange = (off[:, 1] + off[:, 2] > 26) | (off[:, 0] > 80)
    covered = (float(strange.sum()) + float((~inside).sum())) / len(skin)
    return float(np.clip(max(covered, 1 - presence), 0, 1))


def blockiness(image: Image, low: NDArray[np.int_], high: NDArray[np.int_]) -> float:
    """Excess of the luma steps across the lines of the 8-pixel grid over those next to them.

    Mean absolute difference across block borders minus that between the other neighbours, after
    Wang, Sheikh and Bovik 2002 ("No-reference perceptual quality assessment of JPEG compressed
    images"), in grey levels, 0 for none. The grid starts at the frame's origin, so the blocks
    of a video that was scaled after it was compressed are not seen. ``low`` and ``high`` are
    the corners ``x, y`` of the face inside the frame.
    """
    middle = (low + high) // 2
    low = np.maximum(low, middle - MAX_BLOCK_AREA // 2)
    high = np.minimum(high, middle + MAX_BLOCK_AREA // 2)
    low = -(-low // 8) * 8  # whole blocks from here on
    high = high // 8 * 8
    if (high - low < 16).any():
        return 0.0
    area = image[low[1] : high[1], low[0] : high[0]]
    luma = np.asarray(cv2.cvtColor(area, cv2.COLOR_BGR2GRAY), np.uint8)
    return max((_grid_excess(luma) + _grid_excess(luma.T)) / 2, 0.0)


def _grid_excess(luma: NDArray[np.uint8]) -> float:
    steps = cv2.absdiff(luma[:, 1:], luma[:, :-1]).mean(axis=0)
    border = np.arange(len(steps)) % 8 == 7
    return float(steps[border].mean() - steps[~border].mean())


def _clip(image: Image, box: FloatArray) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    limit = (image.shape[1], image.shape[0])
    low = np.clip(np.floor(box[:2]), 0, limit).astype(int)
    high = np.clip(np.ceil(box[:2] + box[2:]), 0, limit).astype(int)
    return low, high
