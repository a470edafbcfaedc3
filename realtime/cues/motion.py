"""Numbers of how a head and its eyes move, over pure arrays on time."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues.base import HeadPose
from realtime.cues.eyes import EYE_WIDTH
from realtime.types import FloatArray

_IRISES: Final = (468, 473)
_CORNERS: Final = ((33, 133), (362, 263))
STEP_S: Final = 1 / 15
"""Poses are brought to this spacing before they are differentiated; noise grows with rate."""
_LEAST_SAMPLES: Final = 8
_MOVES_DEG: Final = 1.5
_COUPLING_S: Final = 0.2
"""Head and eyes are compared by how both change within this; a head that turned by less than
`_MOVES_DEG` meanwhile stood still."""

Array = NDArray[np.float64]


def gaze(landmarks: FloatArray, pose: HeadPose, width: int) -> tuple[float, float]:
    """Where the irises are in the eyes, mean of both: to the viewer's right and down.

    In widths of an eye from the middle between its corners, along the head's own axes; about 0.1
    for 10 degrees. ``width`` is that of the frame in pixels.
    """
    eye = EYE_WIDTH * width / pose.translation[2]
    middles = [(landmarks[a, :2] + landmarks[b, :2]) / 2 for a, b in _CORNERS]
    off = np.mean([landmarks[i, :2] - m for i, m in zip(_IRISES, middles, strict=True)], axis=0)
    axes = pose.rotation[:2, :2]
    across, down = (off @ axes) / np.maximum(np.hypot(*axes), 0.5) / eye
    return float(across), float(down)


def unevenness(before: Array, now: Array, after: Array) -> float:
    """How far points are from the middle between their neighbours in time, whatever the face did.

    Each of the three ``(N, 2)``; both neighbours are first moved, turned and scaled onto ``now``
    (the similarity of least squares), so that the box and the head's motion in the picture leave
    nothing. Root mean square in the unit of the points.
    """
    points = [p[:, 0] + 1j * p[:, 1] for p in (before, now, after)]
    old, mid, new = (p - p.mean() for p in points)
    old = old * (np.vdot(old, mid) / np.vdot(old, old))
    new = new * (np.vdot(new, mid) / np.vdot(new, new))
    return float(np.sqrt((np.abs(mid - (old + new) / 2) ** 2).mean()))


def movement(times: Array, samples: Array) -> dict[str, float]:
    """Range, speed and jerk of a head, and how its eyes move against it.

    ``times`` ``(N,)`` seconds, growing; ``samples`` ``(N, 5)`` yaw, pitch and roll in degrees and
    gaze as of `gaze`. Ranges are those of the middle 90 % in degrees; speed in degrees a second
    and jerk in degrees per second cubed are medians. ``eye_head_correlation`` is that of gaze and
    yaw over 0.2 s while the head turns: below 0 where eyes hold their target (the vestibulo-ocular
    reflex), above where they lead the head; it is left out while the head hardly moves.
    """
    count = int((times[-1] - times[0]) / STEP_S) if len(times) > 1 else 0
    if count < _LEAST_SAMPLES:
        return {}
    even = times[0] + STEP_S * np.arange(count)
    path = np.stack([np.interp(even, times, column) for column in samples.T], axis=1)
    low, high = np.percentile(path[:, :3], [5, 95], axis=0)
    speed = np.linalg.norm(np.diff(path[:, :3], axis=0), axis=1) / STEP_S
    jerk = np.linalg.norm(np.diff(path[:, :3], 3, axis=0), axis=1) / STEP_S**3
    found = {
        "yaw_range": float(high[0] - low[0]),
        "pitch_range": float(high[1] - low[1]),
        "speed": float(np.median(speed)),
        "jerk": float(np.median(jerk)),
    }
    lag = round(_COUPLING_S / STEP_S)
    head, eyes = (path[lag:, i] - path[:-lag, i] for i in (0, 3))
    moves = np.abs(head) > _MOVES_DEG
    if moves.sum() >= _LEAST_SAMPLES and head[moves].std() > 0 and eyes[moves].std() > 0:
        found["eye_head_correlation"] = float(np.corrcoef(head[moves], eyes[moves])[0, 1])
    return found
