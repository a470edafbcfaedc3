"""Faces out of recordings: as the live program finds, tracks and crops them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime import verdict
from realtime.analysis import ScoreSchedule
from realtime.config import Config, SourceConfig
from realtime.contract import ModelContract
from realtime.crops import crop_face
from realtime.faces import FaceDetector, FaceMesher, FaceTracker
from realtime.sources.file import FileSource
from realtime.types import FaceQuality, Faces, FloatArray, Frame, Image

_FORMAT: Final = "2"
_MIN_PRESENCE: Final = 0.5
_CUT: Final = 1.8
"""Side of a training photo in units of its face."""
_TRACK_EVERY_S: Final = 0.075
"""Frames in between are decoded only; scores are rarer anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """The crops of one clip that the live program would score, in order of time.

    ``times`` ``(M,)`` seconds, ``tracks`` ``(M,)`` ids, ``quality`` ``(M, 8)`` the fields of
    `FaceQuality` in their order, ``pixels`` ``(M, h, w, 3)`` uint8 BGR.
    """

    times: NDArray[np.float64]
    tracks: NDArray[np.int64]
    quality: NDArray[np.float64]
    pixels: Image

    def main_track(self) -> NDArray[np.bool_]:
        """Which of them are of the face that was seen most often."""
        if not len(self.tracks):
            return np.zeros(0, bool)
        ids, counts = np.unique(self.tracks, return_counts=True)
        return np.asarray(self.tracks == ids[counts.argmax()])

    def qualities(self) -> list[FaceQuality]:
        """Row by row."""
        return [FaceQuality(*row) for row in self.quality.tolist()]


def find_face(image: Image, detector: FaceDetector, mesher: FaceMesher) -> FloatArray | None:
    """Landmarks ``(478, 3)`` of the most confident face in a picture, None if there is none."""
    boxes, _ = detector.detect(image)
    return _mesh(image, boxes[0], mesher) if len(boxes) else None


def find_portrait(image: Image, detector: FaceDetector, mesher: FaceMesher) -> FloatArray | None:
    """As `find_face` for a picture cut around a face, which the detector finds too large.

    Where it finds none, the mesh itself looks in the middle.
    """
    found = find_face(image, detector, mesher)
    if found is not None:
        return found
    height, width = image.shape[:2]
    side = min(height, width) / _CUT
    middle = np.array([(width - side) / 2, (height - side) / 2, side, side], np.float32)
    return _mesh(image, middle, mesher)


def frames_of(path: Path) -> Iterator[Frame]:
    """Every frame of a recording; raises `SourceError` if it cannot be opened or read."""
    with FileSource(path, SourceConfig()) as source:
        source.open()
        while (frame := source.read()) is not None:
            yield frame


def tracked(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Faces]]:
    """Each frame with the faces in it, followed from one to the next as the live program does."""
    with FaceTracker() as tracker:
        for frame in frames:
            yield frame, tracker.track(frame)


def faces_of_clip(path: Path, rate_hz: float) -> Iterator[tuple[float, Image, FloatArray]]:
    """Time in seconds, frame and ``(478, 3)`` landmarks, at most ``rate_hz`` times a second.

    Frames without a face are left out.

    Raises:
        SourceError: if the file cannot be opened or read.
    """
    due = 0.0
    with FileSource(path, SourceConfig()) as source, FaceDetector() as detector:
        source.open()
        with FaceMesher() as mesher:
            while (frame := source.read()) is not None:
                if frame.time_s < due:
                    continue
                due = frame.time_s + 1 / rate_hz
                landmarks = find_face(frame.image, detector, mesher)
                if landmarks is not None:
                    yield frame.time_s, frame.image, landmarks


def sightings_of_clip(path: Path, contract: ModelContract, cache: Path) -> Sightings:
    """Every crop of a clip that would be scored, kept in ``cache`` for the next time.

    Raises:
        SourceError: if the file cannot be opened or read.
    """
    key = f"{_FORMAT} {path.name} {path.stat().st_size} {contract.crop} {contract.input.size}"
    store = cache / f"seen-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    try:
        with np.load(store, allow_pickle=False) as found:
            return Sightings(**{name: found[name] for name in Sightings.__slots__})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        seen = _watch(path, contract)
    cache.mkdir(parents=True, exist_ok=True)
    part = store.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, times=seen.times, tracks=seen.tracks, quality=seen.quality, pixels=seen.pixels
        )
    part.replace(store)
    return seen


def _watch(path: Path, contract: ModelContract) -> Sightings:
    config = Config()
    schedules: dict[int, ScoreSchedule] = {}
    rows: list[tuple[float, int, list[float], Image]] = []
    due = 0.0
    with FileSource(path, config.source) as source, FaceTracker(config.faces) as tracker:
        source.open()
        while (frame := source.read()) is not None:
            if frame.time_s < due:
                continue
            due = frame.time_s + _TRACK_EVERY_S
            faces = tracker.track(frame)
            for i, track in enumerate(faces.track_ids.tolist()):
                quality, found = faces.quality[i], faces.has_landmarks(i)
                if verdict.obstacles(quality, found, config.verdict):
                    continue
                schedule = schedules.setdefault(track, ScoreSchedule(config.scorer.rate_hz))
                if not schedule.due(frame.time_s, verdict.weight(quality, config.verdict)):
                    continue
                crop = crop_face(frame.image, faces.boxes[i], faces.landmarks[i], contract, track)
                if crop is not None:
                    rows.append((frame.time_s, track, _values(quality), crop.pixels))
    shape = (0, *contract.input.size, 3)
    return Sightings(
        np.array([row[0] for row in rows], np.float64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64).reshape(-1, len(fields(FaceQuality))),
        np.array([row[3] for row in rows], np.uint8) if rows else np.zeros(shape, np.uint8),
    )


def _values(quality: FaceQuality) -> list[float]:
    return [float(getattr(quality, field.name)) for field in fields(FaceQuality)]


def _mesh(image: Image, box: FloatArray, mesher: FaceMesher) -> FloatArray | None:
    landmarks, presence = mesher.mesh(image, box)
    return landmarks if presence >= _MIN_PRESENCE else None
