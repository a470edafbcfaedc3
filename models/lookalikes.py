"""Who could be swapped with whom: faces of the same shape, seen from the same side.

The nearest neighbours of Face X-ray (Li et al., CVPR 2020): landmarks are brought to the same
place, size and roll, and what then still differs is the shape of the face and how the head is
turned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import masks
from models.masks import FloatArray
from models.prepare import Face
from realtime.errors import ConfigError

_SHAPE: Final = np.array(sorted({*masks.REGIONS["oval"], *masks.REGIONS["inner_chin"]}))
_EYES: Final = (133, 362)
"""Inner corners."""
_SIDES: Final = (234, 454)
_NOSE_TIP: Final = 1
_POSE_WEIGHT: Final = 1.5
"""How much a difference in pose counts, against the shape's root mean square of 1."""
_LIDS: Final = ((13, 14, 3.0), (159, 145, 2.0), (386, 374, 2.0))
"""Lips and lids, upper and lower, and how much their distance counts: an open mouth drawn from
a closed one is torn."""
_ROWS: Final = 512


def person_of(face: Face) -> str:
    """Faces that were cut from one clip share a folder; any other picture stands for itself."""
    return face.path.parent.name if face.path.parent.name.startswith("clip-") else str(face.path)


class Lookalikes:
    """The nearest faces of other people, for each face, within its split.

    Built once: about 2 s for 8000 faces, and ``(N, neighbours)`` int32.
    """

    def __init__(
        self,
        faces: Sequence[Face],
        neighbours: int = 24,
        person: Callable[[Face], str] = person_of,
    ) -> None:
        """``person`` gives the same text for faces of one person, who are never partners.

        Raises:
            ConfigError: if a split that has faces shows a single person.
        """
        where = describe(np.stack([face.landmarks for face in faces])) if faces else None
        self._near: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * len(faces)
        people = np.unique([person(face) for face in faces], return_inverse=True)[1]
        for split in sorted({face.split for face in faces}):
            assert where is not None
            own = np.array([i for i, face in enumerate(faces) if face.split == split])
            if len(np.unique(people[own])) < 2:
                raise ConfigError(
                    f"The pictures for {split} show a single person; a swap needs two or more."
                )
            for row, near in zip(own, _nearest(where[own], people[own], neighbours), strict=True):
                self._near[row] = own[near].astype(np.int32)

    def partner(self, index: int, rng: np.random.Generator) -> int:
        """The index of one of the faces that are most like face ``index``, each as likely."""
        near = self._near[index]
        return int(near[rng.integers(len(near))])


def lookalikes_if_any(faces: Sequence[Face]) -> Lookalikes | None:
    """None where a split shows a single person, so that nobody can be swapped."""
    people: dict[str, set[str]] = {}
    for face in faces:
        people.setdefault(face.split, set()).add(person_of(face))
    enough = people and all(len(found) > 1 for found in people.values())
    return Lookalikes(faces) if enough else None


def describe(landmarks: FloatArray) -> FloatArray:
    """``(N, >=468, 2)`` landmarks as ``(N, D)`` float32, independent of place, size and roll.

    Shape after Procrustes analysis (Gower, 1975, one round); yaw and pitch as the place of the
    nose's tip between the sides of the face and below the eyes; how far mouth and eyes are
    open. A mirrored picture is another description.
    """
    points = landmarks[:, _SHAPE, :2].astype(np.float64)
    points -= points.mean(axis=1, keepdims=True)
    points /= np.sqrt((points**2).sum(axis=2).mean(axis=1))[:, None, None]
    # upright by the eyes first, so that the mean is a face
    axis = landmarks[:, _EYES[1], :2] - landmarks[:, _EYES[0], :2]
    points = _turned(points, -np.arctan2(axis[:, 1], axis[:, 0]))
    mean = points.mean(axis=0)
    cross = points[..., 0] * mean[:, 1] - points[..., 1] * mean[:, 0]
    points = _turned(points, np.arctan2(cross.sum(axis=1), (points * mean).sum(axis=(1, 2))))
    shape = points.reshape(len(points), -1) / np.sqrt(len(_SHAPE))
    parts = (shape, _POSE_WEIGHT * _pose(landmarks), _openness(landmarks))
    return np.asarray(np.concatenate(parts, axis=1), np.float32)


def _turned(points: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack((cos * x - sin * y, sin * x + cos * y), axis=-1)


def _pose(landmarks: FloatArray) -> NDArray[np.float64]:
    """``(N, 2)``: 0 for a face seen from the front, about 0.5 in profile."""
    right, left = (landmarks[:, i, :2].astype(np.float64) for i in _SIDES)
    width = left - right
    size = np.maximum((width**2).sum(axis=1), 1e-9)
    tip = landmarks[:, _NOSE_TIP, :2] - right
    eyes = landmarks[:, list(_EYES), :2].mean(axis=1) - right
    along = (tip * width).sum(axis=1) / size - 0.5
    down = tip - eyes
    below = (width[:, 0] * down[:, 1] - width[:, 1] * down[:, 0]) / size
    return np.stack((along, below), axis=1)


def _openness(landmarks: FloatArray) -> NDArray[np.float64]:
    points = landmarks[..., :2].astype(np.float64)
    spread = points - points.mean(axis=1, keepdims=True)
    size = np.sqrt((spread**2).sum(axis=2).mean(axis=1))
    gaps = [
        weight * np.linalg.norm(points[:, a] - points[:, b], axis=1) / size
        for a, b, weight in _LIDS
    ]
    return np.stack(gaps, axis=1)


def _nearest(where: FloatArray, people: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Rows of ``where`` nearest to each row, at most ``count``, all of other people."""
    squares = (where**2).sum(axis=1)
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(where), _ROWS):
        part = slice(start, start + _ROWS)
        distance = squares - 2 * (where[part] @ where.T)  # its own square changes no order
        distance[people[part, None] == people[None]] = np.inf
        near = np.argpartition(distance, min(count, len(where)) - 1, axis=1)[:, :count]
        reach = np.isfinite(np.take_along_axis(distance, near, axis=1))
        found += [row[ok].astype(np.int64) for row, ok in zip(near, reach, strict=True)]
    return found
