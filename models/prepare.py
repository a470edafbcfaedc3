"""Landmarks of all training faces, found once and kept in a cache folder.

The cache belongs under ``runs/``, which is never committed, for it holds faces cut from clips.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from models.catalog import Clip, Photo, Split
from models.footage import faces_of_clip, find_portrait
from models.masks import POINTS, Points
from realtime.errors import ConfigError
from realtime.faces.mediapipe_backend import FaceDetector, FaceMesher
from realtime.types import FloatArray, Image

_FORMAT: Final = "3"
_CUT: Final = 1.8
"""Side of a face cut from a clip, in units of the landmarks' extent."""
_MAX_SIDE: Final = 320
_PER_CLIP: Final = 40
"""At most so many frames of one clip, so that no single person outweighs the photos."""
_RATE_HZ: Final = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One real face to make pairs from: a picture file and ``(468, 2)`` landmarks in it."""

    path: Path
    source: str
    split: Split
    landmarks: FloatArray


def photo_faces(photos: Sequence[Photo], cache: Path, report: Callable[[str], None]) -> list[Face]:
    """The faces of photos; pictures in which none is found, or that are damaged, are left out.

    Raises:
        ConfigError: if no face is found in any of them.
    """
    key = _fingerprint([f"{p.path.name} {p.path.stat().st_size}" for p in photos])
    store = cache / f"photos-{key}.npy"
    points = _load(store, len(photos))
    if points is None:
        report(f"finding the landmarks of {len(photos)} photos, once")
        points = _landmarks_of(photos)
        _save(store, points)
    faces = [
        Face(photo.path, photo.source, photo.split, own)
        for photo, own in zip(photos, points, strict=True)
        if np.isfinite(own).all()
    ]
    if not faces:
        raise ConfigError("No face was found in any of the pictures; nothing to train on.")
    return faces


def clip_faces(clips: Sequence[Clip], cache: Path, report: Callable[[str], None]) -> list[Face]:
    """Faces cut from real clips, up to 40 of each clip, spread over its length."""
    return [face for clip in clips if not clip.fake for face in _cut_clip(clip, cache, report)]


def read_picture(path: Path) -> Image | None:
    """A picture file as ``(H, W, 3)`` uint8 BGR, None if it is none."""
    found: Any = cv2.imread(str(path))
    return None if found is None else np.asarray(found, np.uint8)


def _landmarks_of(photos: Sequence[Photo]) -> FloatArray:
    points = np.full((len(photos), POINTS, 2), np.nan, np.float32)
    with FaceDetector() as detector, FaceMesher() as mesher:
        for i, photo in enumerate(photos):
            image = read_picture(photo.path)
            found = None if image is None else find_portrait(image, detector, mesher)
            if found is not None:
                points[i] = found[:POINTS, :2]
    return points


def _cut_clip(clip: Clip, cache: Path, report: Callable[[str], None]) -> list[Face]:
    key = _fingerprint([clip.path.name, str(clip.path.stat().st_size)])
    folder = cache / f"clip-{key}"
    store = folder / "landmarks.npy"
    points = _load(store, None)
    if points is None:
        report(f"cutting faces from {clip.path.name}, once")
        folder.mkdir(parents=True, exist_ok=True)
        points = _cut_faces(clip, folder)
        _save(store, points)
    return [Face(folder / f"{i}.jpg", clip.kind, clip.split, own) for i, own in enumerate(points)]


def _cut_faces(clip: Clip, folder: Path) -> FloatArray:
    found = list(faces_of_clip(clip.path, _RATE_HZ))
    if len(found) > _PER_CLIP:
        found = [found[int(i)] for i in np.linspace(0, len(found) - 1, _PER_CLIP)]
    points = np.empty((len(found), POINTS, 2), np.float32)
    for i, (_, image, landmarks) in enumerate(found):
        cut, points[i] = _cut(image, landmarks[:POINTS, :2])
        cv2.imwrite(str(folder / f"{i}.jpg"), cut, [cv2.IMWRITE_JPEG_QUALITY, 98])
    return points


def around(image: Image, low: Points, high: Points, sides: float) -> tuple[Image, Points]:
    """A square of ``sides`` times the longer side of a box, as far as the picture has it.

    ``low`` and ``high`` are the box's corners (x, y); returns the part, a view, and its corner.
    """
    reach = float((high - low).max()) * sides / 2
    middle = (low + high) / 2
    limit = (image.shape[1], image.shape[0])
    start = np.clip(np.floor(middle - reach), 0, limit).astype(int)
    end = np.clip(np.ceil(middle + reach), 0, limit).astype(int)
    return image[start[1] : end[1], start[0] : end[0]], start


def _cut(image: Image, points: FloatArray) -> tuple[Image, Points]:
    cut, start = around(image, points.min(axis=0), points.max(axis=0), _CUT)
    scale = min(1.0, _MAX_SIDE / max(cut.shape[:2]))
    if scale < 1:
        size = (round(cut.shape[1] * scale), round(cut.shape[0] * scale))
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    return cut, (points - start) * scale


def _fingerprint(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join((_FORMAT, *lines)).encode()).hexdigest()[:16]


def _load(path: Path, count: int | None) -> FloatArray | None:
    """A cached array if it is whole; a damaged one is made again."""
    try:
        points = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    whole = points.ndim == 3 and points.shape[1:] == (POINTS, 2)
    return points if whole and count in (None, len(points)) else None


def _save(path: Path, points: FloatArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, points)
    part.replace(path)
