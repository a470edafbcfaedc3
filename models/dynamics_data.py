"""Landmark tracks of recordings, as the live program follows them, kept for the next time."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import catalog
from models.catalog import Clip
from models.footage import frames_of, tracked
from realtime import verdict
from realtime.config import Config
from realtime.errors import ConfigError
from realtime.types import LANDMARK_COUNT, FaceQuality, FloatArray

_FORMAT: Final = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Every sighting of the main face of one clip, in order of time.

    ``times`` ``(M,)`` float64 seconds, ``landmarks`` ``(M, 478, 3)`` float32 as in
    `realtime.types.Faces`, ``usable`` ``(M,)`` bool: whether the gates of the verdict let it pass,
    ``yaw`` ``(M,)`` float32 degrees.
    """

    times: NDArray[np.float64]
    landmarks: FloatArray
    usable: NDArray[np.bool_]
    yaw: FloatArray


def track_of_clip(path: Path, cache: Path) -> Track:
    """The face that was seen most often, kept in ``cache``.

    Raises:
        SourceError: if the file cannot be opened or read.
        ConfigError: if nothing can be written.
    """
    key = f"{_FORMAT} {path.parent.name}/{path.name} {path.stat().st_size}"
    store = cache / f"track-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    try:
        with np.load(store, allow_pickle=False) as found:
            return Track(**{field.name: found[field.name] for field in fields(Track)})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        track = _follow(path)
    part = store.with_suffix(".part")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(
                file,
                times=track.times,
                landmarks=track.landmarks,
                usable=track.usable,
                yaw=track.yaw,
            )
        part.replace(store)
    except OSError as exc:
        raise ConfigError(f"Cannot write to {cache}: {exc.strerror}.") from None
    return track


def tracks_of(data: Path, cache: Path, report: Callable[[str], None]) -> list[tuple[Clip, Track]]:
    """Every clip of a data folder with its track, those without a face left out.

    Raises:
        ConfigError: if the folder cannot be used, or nothing can be written.
        SourceError: if a clip cannot be read.
    """
    found = []
    for clip in catalog.clips(data):
        track = track_of_clip(clip.path, cache)
        if len(track.times):
            found.append((clip, track))
        else:
            report(f"no face in {clip.path.name}")
    return found


def _follow(path: Path) -> Track:
    config = Config()
    ids: list[int] = []
    times: list[float] = []
    landmarks: list[FloatArray] = []
    usable: list[bool] = []
    yaw: list[float] = []
    for frame, faces in tracked(frames_of(path)):
        for i, track in enumerate(faces.track_ids.tolist()):
            if not faces.has_landmarks(i):
                continue
            quality: FaceQuality = faces.quality[i]
            ids.append(track)
            times.append(frame.time_s)
            landmarks.append(faces.landmarks[i])
            usable.append(not verdict.obstacles(quality, True, config.verdict))
            yaw.append(quality.yaw)
    names, counts = np.unique(np.array(ids, np.int64), return_counts=True)
    main = np.array(ids, np.int64) == (names[counts.argmax()] if len(names) else 0)
    points = np.array(landmarks, np.float32).reshape(-1, LANDMARK_COUNT, 3)
    return Track(
        np.array(times, np.float64)[main],
        points[main],
        np.array(usable, bool)[main],
        np.array(yaw, np.float32)[main],
    )
