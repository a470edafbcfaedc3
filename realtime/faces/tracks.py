"""Which face of this frame is which face of the frames before: pure geometry and looks.

A track is predicted with constant velocity, faces are assigned to tracks by minimal total cost
(Kuhn 1955, the Hungarian method, from SciPy), and pairs that are too far apart, too different in
size or in looks are never assigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from realtime.types import FloatArray, Image

VELOCITY_MEMORY_S = 0.15
"""Time constant over which the velocity of a track is averaged."""
COASTING_S = 0.7
"""Time constant over which an unseen face is expected to come to rest."""
LOOKS_MEMORY_S = 0.6
"""Time constant over which the looks of a track are averaged."""
MAX_SIZE_RATIO = 1.7
OTHER_LOOKS = 0.45
"""Looks that differ by more belong to different faces. Two people differ by 0.35 to 0.57 (the
middle half of pairs), one person over two seconds of video by less than 0.3 (99 %)."""
OTHER_LOOKS_AFTER_CUT = 0.22
"""After a cut the place says nothing, so looks must say more."""
LOOKS_WEIGHT = 3.0
UNASSIGNABLE = 1e6


@dataclass(eq=False)
class Track:
    """What is remembered of one face; times in seconds, everything else in pixels.

    ``landmarks`` is None while they are not found, ``looks`` until they were found once.
    ``seen_s``, ``detected_s``, ``searched_s`` and ``looked_s`` say when the face was last seen
    at all, seen by the detector, searched for by itself, and when its looks were last taken.
    ``sightings`` counts how often the detector has seen it, ``doubts`` how often in a row it
    has not although asked. ``shown`` is for good: the face is one, and is reported whenever
    ``visible``. ``cut_off`` is set by a cut: only the same looks continue such a track.
    """

    id: int
    box: FloatArray
    landmarks: FloatArray | None
    confidence: float
    seen_s: float
    looks: FloatArray | None = None
    detected_s: float = -np.inf
    searched_s: float = -np.inf
    looked_s: float = -np.inf
    sightings: int = 0
    doubts: int = 0
    shown: bool = False
    visible: bool = True
    cut_off: bool = False
    velocity: FloatArray = field(default_factory=lambda: np.zeros(2, np.float32))

    def shift(self, time_s: float) -> FloatArray:
        """How far, ``(2,)`` pixels, the face should have moved since it was last seen."""
        gap = max(time_s - self.seen_s, 0.0)
        travelled: FloatArray = self.velocity * np.float32(
            COASTING_S * (1 - np.exp(-gap / COASTING_S))
        )
        reach = 2 * side(self.box)
        return np.clip(travelled, -reach, reach)

    def predicted_box(self, time_s: float) -> FloatArray:
        """``(4,)`` ``x, y, width, height`` where the face should be now."""
        box = self.box.copy()
        box[:2] += self.shift(time_s)
        return box

    def move_to(self, box: FloatArray, time_s: float, *, steady: bool = True) -> None:
        """Accept a new place; ``steady=False`` leaves the velocity as it was."""
        gap = time_s - self.seen_s
        if steady and gap > 0:
            weight = np.float32(1 - np.exp(-gap / VELOCITY_MEMORY_S))
            measured = (centre(box) - centre(self.box)) / np.float32(gap)
            self.velocity = self.velocity + weight * (measured - self.velocity)
        self.box, self.seen_s, self.visible, self.cut_off = box, time_s, True, False

    def sight(self, time_s: float) -> None:
        """Note that the detector has seen the face."""
        self.detected_s, self.doubts = time_s, 0
        self.sightings += 1

    def remember(self, looks: FloatArray, time_s: float) -> None:
        """Let the looks of the track follow slow changes of pose and light."""
        if self.looks is None:
            self.looks = looks
        else:
            weight = np.float32(1 - np.exp(-(time_s - self.looked_s) / LOOKS_MEMORY_S))
            self.looks = self.looks + weight * (looks - self.looks)
        self.looked_s = time_s


def box_of(landmarks: FloatArray) -> FloatArray:
    """The bounding box ``(4,)`` ``x, y, width, height`` of the landmarks without the irises."""
    low, high = landmarks[:468, :2].min(axis=0), landmarks[:468, :2].max(axis=0)
    return np.concatenate([low, high - low])


def centre(box: FloatArray) -> FloatArray:
    """``(2,)`` of a box ``x, y, width, height``."""
    middle: FloatArray = box[:2] + box[2:] / 2
    return middle


def side(box: FloatArray) -> float:
    """Geometric mean of width and height."""
    return float(np.sqrt(max(float(box[2] * box[3]), 1.0)))


def overlap(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / max(float(a[2] * a[3] + b[2] * b[3]) - shared, 1e-6)


def distance(a: FloatArray, b: FloatArray) -> float:
    """Distance of the centres of two boxes, in units of the smaller one's side."""
    return float(np.hypot(*(centre(a) - centre(b)))) / min(side(a), side(b))


def same_place(a: FloatArray, b: FloatArray) -> bool:
    """Whether two landmark boxes can only be of one and the same face."""
    return overlap(a, b) > 0.5 or (distance(a, b) < 0.3 and _size_ratio(a, b) < MAX_SIZE_RATIO)


def looks_of(image: Image, landmarks: FloatArray) -> FloatArray:
    """Colours at the 468 landmarks, ``(1404,)`` float32, free of brightness and contrast.

    Compares the same point of a face with itself whatever its place, size and pose. Good for
    telling apart the few faces of one scene; it does not recognise people.
    """
    height, width = image.shape[:2]
    points = landmarks[:468, :2]
    low = np.clip(np.floor(points.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, 1, (width, height)).astype(int)
    patch = image[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
    scale = 48 / max(patch.shape[:2])
    if scale < 1:  # average out texture, which two frames never show alike
        size = (max(int(patch.shape[1] * scale), 1), max(int(patch.shape[0] * scale), 1))
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
    grid = (points - low) * min(scale, 1.0)
    x = np.clip(grid[:, 0], 0, patch.shape[1] - 1).astype(int)
    y = np.clip(grid[:, 1], 0, patch.shape[0] - 1).astype(int)
    colours: FloatArray = patch[y, x].astype(np.float32).ravel()
    colours -= colours.mean()
    colours /= np.linalg.norm(colours) + np.float32(1e-6)
    return colours


def looks_distance(a: FloatArray, b: FloatArray) -> float:
    """0 for the same looks, 1 for unrelated ones; one minus the correlation."""
    return 1 - float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-6)


def assign(
    tracks: Sequence[Track],
    boxes: Sequence[FloatArray],
    looks: Sequence[FloatArray | None],
    time_s: float,
) -> dict[int, int]:
    """Which track each box continues, as index of the box -> index of the track.

    Every track is used at most once; boxes that continue none are missing.
    """
    if not tracks or not boxes:
        return {}
    cost = np.array(
        [
            [_cost(track, box, seen, time_s) for track in tracks]
            for box, seen in zip(boxes, looks, strict=True)
        ]
    )
    rows, columns = linear_sum_assignment(cost)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {i: j for i, j in pairs if cost[i, j] < UNASSIGNABLE}


def _cost(track: Track, box: FloatArray, looks: FloatArray | None, time_s: float) -> float:
    if not within_reach(track, box, time_s):
        return UNASSIGNABLE
    if looks is None or track.looks is None:
        unlike, limit = 0.3, 0.0 if track.cut_off else 1.0
    else:
        unlike = looks_distance(looks, track.looks)
        limit = OTHER_LOOKS_AFTER_CUT if track.cut_off else OTHER_LOOKS
    if unlike > limit:
        return UNASSIGNABLE
    apart = _apart(track, box, time_s) / _reach(track, time_s)
    return apart + (1 - overlap(box, track.predicted_box(time_s))) + LOOKS_WEIGHT * unlike


def within_reach(track: Track, box: FloatArray, time_s: float) -> bool:
    """Whether the face of a track can be in this box by now."""
    near = _apart(track, box, time_s) <= _reach(track, time_s)
    return near and _size_ratio(box, track.box) <= MAX_SIZE_RATIO


def _apart(track: Track, box: FloatArray, time_s: float) -> float:
    # It may have gone on moving or have stopped at once.
    return min(distance(box, track.predicted_box(time_s)), distance(box, track.box) + 0.1)


def _reach(track: Track, time_s: float) -> float:
    return 0.8 + 1.2 * (time_s - track.seen_s)  # the longer unseen, the farther it may be


def _size_ratio(a: FloatArray, b: FloatArray) -> float:
    ratio = side(a) / side(b)
    return max(ratio, 1 / ratio)
