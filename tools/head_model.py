"""Makes the rigid head of `realtime.cues.pose` from recordings: ``--data DATA``.

Structure from motion with a known camera: landmarks of up to 24 frames of each real recording, as
differently posed as it has them, begin with the mean of the mesh itself (Procrustes). Then, forty
times, every frame's pose is solved for the head so far, the head for all poses (least squares of
reprojection, linear), and the head is made symmetric. The vertical axis is tilted in the end until
pitch agrees with `FaceQuality` in the median of faces within 20 degrees of the front.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.catalog import clips
from models.footage import frames_of, tracked
from realtime.cues import pose

_EACH: Final = 24
_ROUNDS: Final = 40
_PAIRS: Final = 17
"""The first landmarks of `pose.RIGID` are so many mirrored pairs, the others in the middle."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One face: rigid landmarks ``(41, 3)`` in pixels, the frame's size, yaw and pitch."""

    points: Array
    size: tuple[int, int]
    yaw: float
    pitch: float


def views(path: Path) -> list[View]:
    """Faces of one recording, as differently turned as it has them.

    Raises `SourceError` for a clip that cannot be read.
    """
    found: list[View] = []
    for frame, faces in tracked(frames_of(path)):
        if len(faces) == 0 or not faces.has_landmarks(0):
            continue
        quality = faces.quality[0]
        if abs(quality.yaw) < 50 and abs(quality.pitch) < 35:
            points = faces.landmarks[0][pose.RIGID].astype(np.float64)
            size = (frame.image.shape[1], frame.image.shape[0])
            found.append(View(points, size, quality.yaw, quality.pitch))
    return [found[i] for i in _differing(np.array([(v.yaw, v.pitch) for v in found]))]


def _differing(angles: Array) -> list[int]:
    """Greedy choice of the one that is furthest from all chosen, beginning at the front."""
    if not len(angles):
        return []
    chosen = [int(np.abs(angles[:, 0]).argmin())]
    far = np.full(len(angles), np.inf)
    while len(chosen) < min(_EACH, len(angles)):
        far = np.minimum(far, np.linalg.norm(angles - angles[chosen[-1]], axis=1))
        chosen.append(int(far.argmax()))
    return chosen


def solve(head: Array, view: View) -> tuple[Array, Array]:
    """Rotation and translation of one view."""
    points, matrix = np.ascontiguousarray(view.points[:, :2]), pose.camera(view.size)
    lens = np.zeros(5)
    _, turn, shift = cv2.solvePnP(head, points, matrix, lens, flags=cv2.SOLVEPNP_SQPNP)
    turn, shift = cv2.solvePnPRefineLM(head, points, matrix, lens, turn, shift)
    return np.asarray(cv2.Rodrigues(turn)[0]), np.asarray(shift, np.float64).ravel()


def first_guess(seen: Sequence[View]) -> Array:
    """Mean of the mesh's own three dimensions, each turned onto the mean before."""
    shapes = [v.points - v.points.mean(axis=0) for v in seen]
    shapes = [shape / np.linalg.norm(shape) for shape in shapes]
    mean = shapes[0]
    for _ in range(5):
        total = np.zeros_like(mean)
        for shape in shapes:
            u, _, vt = np.linalg.svd(shape.T @ mean)
            total += shape @ (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt)
        mean = total / len(shapes)
    return normal(mean)


def normal(head: Array) -> Array:
    """The same head, symmetric about x = 0 and one unit wide between 234 and 454."""
    left, right = slice(0, 2 * _PAIRS, 2), slice(1, 2 * _PAIRS, 2)
    across = (head[right] - head[left]).mean(axis=0)
    across /= np.linalg.norm(across)
    down = np.cross([0, 0, 1], across)
    down /= np.linalg.norm(down)
    middle = ((head[left] + head[right]) / 2).mean(axis=0)
    turned = (head - middle) @ np.stack([across, down, np.cross(across, down)]).T
    half = (turned[left] + turned[right] * (-1, 1, 1)) / 2
    turned[left], turned[right] = half, half * (-1, 1, 1)
    turned[2 * _PAIRS :, 0] = 0
    ids = pose.RIGID.tolist()
    return np.asarray(turned / np.linalg.norm(turned[ids.index(454)] - turned[ids.index(234)]))


def refined(head: Array, seen: Sequence[View]) -> Array:
    """The head that explains all views best with the poses of this one."""
    squares, sides = np.zeros((len(head), 3, 3)), np.zeros((len(head), 3))
    for view in seen:
        rotation, shift = solve(head, view)
        matrix = pose.camera(view.size)
        rays = (view.points[:, :2] - matrix[:2, 2]) / matrix[0, 0]
        for axis in (0, 1):
            row = rotation[axis] - rays[:, axis : axis + 1] * rotation[2]
            side = rays[:, axis] * shift[2] - shift[axis]
            squares += row[:, :, None] * row[:, None, :]
            sides += row * side[:, None]
    return normal(np.linalg.solve(squares, sides[..., None])[..., 0])


def upright(head: Array, seen: Sequence[View]) -> Array:
    """The head tilted until pitch agrees with the tracker's, its middle in the origin."""
    for _ in range(3):
        off = []
        for view in seen:
            if abs(view.yaw) < 20:
                rotation, shift = solve(head, view)
                off.append(pose.angles(rotation, shift)[1] - view.pitch)
        c, s = np.cos(a := np.radians(np.median(off))), np.sin(a)
        head = head @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    return np.asarray(head - head.mean(axis=0))


def main() -> None:
    """Print the head as it stands in `realtime.cues.pose`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/real")
    data = parser.parse_args().data
    seen = [view for clip in clips(data) if not clip.fake for view in views(clip.path)]
    head = first_guess(seen)
    for _ in range(_ROUNDS):
        head = refined(head, seen)
    head = upright(head, seen)
    print(f"# {len(seen)} views; largest change {np.abs(head - pose.HEAD).max():.3f}")
    for number, (x, y, z) in zip(pose.RIGID.tolist(), head, strict=True):
        print(f"{number}: ({x:.3f}, {y:.3f}, {z:.3f})")


if __name__ == "__main__":
    main()
