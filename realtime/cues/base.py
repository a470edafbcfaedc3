"""What every witness is: one small state for each track, fed with sightings of its face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from realtime.types import Cue, FaceQuality, FloatArray, Image, Score

SAY_EVERY_S: Final = 0.5
"""Witnesses see every frame and are asked twice a second: nobody reads faster."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadPose:
    """A rigid head before a pinhole camera.

    ``rotation`` ``(3, 3)`` float64 turns head coordinates (x to the viewer's right, y down, z
    away from the viewer, in widths of the face) into those of the camera, ``translation``
    ``(3,)`` follows. ``yaw``, ``pitch``, ``roll`` in degrees as in `FaceQuality`.
    ``residual`` is the root mean square distance between the rigid landmarks and their
    projection, as a share of the width of the face.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    yaw: float
    pitch: float
    roll: float
    residual: float


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face in one frame, as every witness sees it.

    ``image`` is the whole frame, BGR, read-only; ``box`` ``(4,)`` x, y, width, height and
    ``landmarks`` ``(478, 3)`` as in `Faces`, never NaN here. ``pose`` is None where no rigid
    head fits. ``hidden`` says that the gates of the verdict let no score pass: too small, too
    blurred, turned away, covered or too dark. ``score`` is the newest score of the track that
    has come since the sighting before, with the time of its own frame.
    """

    time_s: float
    image: Image
    box: FloatArray
    landmarks: FloatArray
    quality: FaceQuality
    pose: HeadPose | None
    hidden: bool
    score: Score | None


class Witness(Protocol):
    """Watches one track; used by one thread at a time.

    Its memory is bounded whatever the length of the track. ``see`` is called for every frame in
    which the landmarks were found, in the order of time and never twice with the same time;
    pauses between sightings are the witness's to notice.
    """

    @property
    def name(self) -> str:
        """As in `Cue` and in the settings."""
        ...

    def see(self, sighting: Sighting) -> None:
        """Take in one sighting."""
        ...

    def cue(self, time_s: float) -> Cue:
        """What it says at ``time_s``; cheap enough to be asked twice a second."""
        ...


@runtime_checkable
class Comparing(Protocol):
    """A witness that also hears what the others say."""

    def hear(self, time_s: float, cues: Sequence[Cue]) -> None:
        """Take in what the other witnesses said at ``time_s``."""
        ...
