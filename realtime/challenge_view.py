"""What a challenge is shown of one person, frame by frame, from the results of the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.challenge_types import Colour, Observed
from realtime.cues import pose
from realtime.cues.skin import mean_colours
from realtime.types import Cue, Faces, FloatArray, Frame, FrameResult

_INNER = (33, 133, 362, 263, 4, 98, 327, 168, 61, 291)
_AROUND = 0.5
"""So much of a box is left out on each side where the colour behind a face is taken."""
_SPARSE = 8


class View:
    """Looks at one person of one source; for one thread at a time.

    ``person`` is their track id, None for whoever has the largest face. The acts hide a face, and
    the tracker may give another number to the person who comes back: whoever appears where the
    person was seen last is taken for them once their track has ended.
    """

    def __init__(self, person: int | None = None) -> None:
        self.person = person
        self._chosen = person is not None
        self._box: FloatArray | None = None
        self._ended = False
        self._shape: FloatArray | None = None

    @property
    def lost(self) -> bool:
        """Whether the track of the person has ended and nobody took its place yet."""
        return self._chosen and self._ended

    def forget(self) -> None:
        """Another connection begins: nobody is who they were."""
        self._shape = None
        self._ended = self._chosen

    def see(self, result: FrameResult, *, colours: bool = False) -> Observed:
        """The person in this frame; with ``colours`` those of the skin and behind it, too."""
        frame, faces = result.frame, result.faces
        if self._chosen and any(track.track_id == self.person for track in result.ended):
            self._ended = True
        i = self._find(faces)
        if i is None or not faces.has_landmarks(i):
            self._shape = None
            return Observed(frame.time_s, found=False, captured_s=frame.captured_mono)
        points, quality = faces.landmarks[i], faces.quality[i]
        track_id = int(faces.track_ids[i])
        found = pose.solve(points, (frame.image.shape[1], frame.image.shape[0]))
        width = max(float(np.linalg.norm(points[234] - points[454])), 1.0)
        left, right = (float(np.linalg.norm(points[4] - points[k])) for k in (280, 50))
        score = result.scores.get(track_id)
        return Observed(
            frame.time_s,
            found=True,
            yaw=quality.yaw if found is None else found.yaw,
            size_px=quality.size_px,
            occlusion=quality.occlusion,
            cheeks=math.log(max(left, 1.0) / max(right, 1.0)),
            mouth=float(np.linalg.norm(points[13] - points[14])) / width,
            jump=self._jump(points, width),
            log_odds=None if score is None else score.log_odds,
            lips=_lips(result.cues.get(track_id, ())),
            captured_s=frame.captured_mono,
            skin=_skin(frame, points) if colours else None,
            behind=_behind(frame, faces) if colours else None,
        )

    def _find(self, faces: Faces) -> int | None:
        if not self._chosen:
            seen = [i for i in range(len(faces)) if faces.has_landmarks(i)]
            return max(seen, key=lambda k: faces.quality[k].size_px, default=None)
        here = np.flatnonzero(faces.track_ids == self.person)
        if len(here):
            self._ended = False
        elif self._ended:
            here = self._successors(faces)
        if not len(here):
            return None
        i = int(here[0])
        self.person, self._box, self._ended = int(faces.track_ids[i]), faces.boxes[i], False
        return i

    def _successors(self, faces: Faces) -> NDArray[np.int64]:
        """Faces whose middle lies where the person was, the nearest first."""
        if self._box is None or not len(faces):
            return np.empty(0, np.int64)
        x, y, wide, high = self._box.tolist()
        middles = faces.boxes[:, :2] + faces.boxes[:, 2:] / 2
        away = np.abs(middles - (x + wide / 2, y + high / 2)) / (wide, high)
        near = np.flatnonzero((away <= 1.0).all(1))
        return near[np.argsort(away[near].sum(1))]

    def _jump(self, points: FloatArray, width: float) -> float:
        """How far features moved in the plane of the mesh's own axes, in widths of the face."""
        inner = points[list(_INNER)] - points[list(_INNER)].mean(axis=0)
        before, self._shape = self._shape, inner / width
        if before is None:
            return math.nan
        # The turn that fits best (Kabsch 1976) is the head's and no jump.
        u, _, v = np.linalg.svd(before.T @ self._shape)
        turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))]) @ v
        return float(np.sqrt(((before @ turn - self._shape) ** 2).sum(axis=1).mean()))


def _lips(cues: tuple[Cue, ...]) -> Cue | None:
    return next((cue for cue in cues if cue.name == "lipsync"), None)


def _skin(frame: Frame, points: FloatArray) -> Colour | None:
    """Mean of the regions of skin that can be seen."""
    regions = mean_colours(frame.image, points)
    regions = regions[np.isfinite(regions).all(1)]
    return _colour(regions) if len(regions) else None


def _behind(frame: Frame, faces: Faces) -> Colour | None:
    """Mean of what lies well beside every face, thinned out; None if faces fill the picture."""
    pixels = frame.image[_SPARSE // 2 :: _SPARSE, _SPARSE // 2 :: _SPARSE]
    free = np.ones(pixels.shape[:2], bool)
    for x, y, wide, high in (faces.boxes / _SPARSE).tolist():
        left, top = max(0, int(x - _AROUND * wide)), max(0, int(y - _AROUND * high))
        # Below a head is a body, which the screen lights as well.
        free[top:, left : int(x + (1 + _AROUND) * wide) + 1] = False
    return _colour(pixels[free]) if free.sum() >= 64 else None


def _colour(rows: NDArray[Any]) -> Colour:
    blue, green, red = rows.mean(0, dtype=np.float64).tolist()
    return blue, green, red
