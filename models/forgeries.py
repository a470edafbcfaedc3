"""What real programs of forgery made, beside the very frames they made it from.

A few finished forgeries teach a network who is in them and how they were compressed, unless each
frame lies beside its own input and everything else about the two is equal. Where the input is
known, both frames are cut by the same box; where it is not, the partner is a real frame of
another recording, of about the same size.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from models import bank as banks
from models import masks
from models.bank import Bank
from models.catalog import Clip
from models.footage import faces_of_clip
from models.masks import POINTS, FloatArray, Points
from models.prepare import around
from realtime.types import Image

_RATE_HZ: Final = 8.0
_PER_CLIP: Final = 100
_CUT: Final = 1.9
_MAX_SIDE: Final = 288
_SAME_S: Final = 0.02

_PARTS: Final = {"HyperLips": "lower", "Wav2Lip": "lower"}
_SWAPS: Final = ("DeepFaceLive", "faceswapGAN")


def region_of(method: str) -> str:
    """A key of `masks.REGIONS`, or empty where the whole picture was generated."""
    return "face" if method in _SWAPS else _PARTS.get(method, "")


@dataclass(frozen=True, slots=True, eq=False)
class Forged:
    """The frames of one forged clip.

    ``pictures`` holds forged cuts and, if ``paired``, the input of number ``i`` at
    ``count + i``. ``landmarks`` ``(count, 468, 2)`` are those of the forged face in its cut.
    """

    clip: Clip
    pictures: Bank
    landmarks: FloatArray
    paired: bool

    @property
    def count(self) -> int:
        """How many forged frames there are."""
        return len(self.landmarks)

    def forged(self, index: int) -> Image:
        """``(h, w, 3)`` uint8 BGR."""
        return self.pictures.picture(index)

    def original(self, index: int) -> Image:
        """What it was made from, of the same size; only if ``paired``."""
        return self.pictures.picture(self.count + index)

    def weight(self, index: int) -> FloatArray:
        """Where it is forged, ``(h, w)`` float32 in 0..1."""
        size = self.forged(index).shape[:2]
        region = region_of(self.clip.kind)
        if not region:
            return np.ones(size, np.float32)
        hull = masks.hull(self.landmarks[index], (size[0], size[1]), region)
        return np.asarray(cv2.GaussianBlur(hull, (0, 0), size[0] / 64), np.float32)


def forged_clips(
    fakes: Sequence[Clip], reals: Sequence[Clip], cache: Path, report: Callable[[str], None]
) -> list[Forged]:
    """Every fake clip with a face in it; cut once and kept in ``cache``."""
    partner = {clip.pair: clip for clip in reals if clip.pair}
    found = [_load_or_cut(clip, partner.get(clip.pair), cache, report) for clip in fakes]
    return [forged for forged in found if forged is not None]


def mix(
    original: Image, forged: Image, weight: FloatArray, rng: np.random.Generator
) -> tuple[Image, FloatArray]:
    """The forgery inside random soft blobs only, and the weight of what is left of it.

    Half a face forged and half not, in one picture of one person: what tells them apart is
    neither the person nor the codec.
    """
    height, width = weight.shape
    cells = int(rng.integers(3, 7))
    field = rng.standard_normal((cells, cells), np.float32)
    size = (width, height)
    field = np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), np.float32)
    inside = field[weight > 0.5] if (weight > 0.5).any() else field
    bound = np.quantile(inside, rng.uniform(0.3, 0.6))
    slope = rng.uniform(0.05, 0.3) * float(field.std())
    share = np.asarray(1 / (1 + np.exp(-np.clip((field - bound) / slope, -20, 20))), np.float32)
    mixed = original + share[..., None] * (forged.astype(np.float32) - original)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8), weight * share


def _load_or_cut(
    fake: Clip, real: Clip | None, cache: Path, report: Callable[[str], None]
) -> Forged | None:
    names = [f"{c.path.name} {c.path.stat().st_size}" for c in (fake, real) if c is not None]
    place = cache / f"forged-{banks.fingerprint(names)}"
    points = place.with_suffix(".npy")
    pictures = banks.load(place)
    if pictures is not None:
        try:
            landmarks = np.load(points, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            pictures = None
    if pictures is None:
        report(f"cutting forged faces from {fake.path.name}, once")
        cuts = list(_cut_pair(fake, real) if real is not None else _cut_alone(fake))
        cuts = [cuts[int(i)] for i in np.linspace(0, len(cuts) - 1, min(_PER_CLIP, len(cuts)))]
        landmarks = np.array([cut[1] for cut in cuts], np.float32).reshape(-1, POINTS, 2)
        columns = 1 if real is None else 2
        pictures = banks.save(place, (cut[0][c] for c in range(columns) for cut in cuts))
        np.save(points, landmarks)
    if not len(landmarks):
        return None
    return Forged(fake, pictures, landmarks, paired=len(pictures) > len(landmarks))


def _cut_alone(fake: Clip) -> Iterator[tuple[tuple[Image, ...], Points]]:
    for _, image, landmarks in faces_of_clip(fake.path, _RATE_HZ):
        points = landmarks[:POINTS, :2]
        cut, place, scale = _cut(image, points.min(axis=0), points.max(axis=0))
        yield (cut,), (points - place) * scale


def _cut_pair(fake: Clip, real: Clip) -> Iterator[tuple[tuple[Image, ...], Points]]:
    inputs = faces_of_clip(real.path, _RATE_HZ)
    found = next(inputs, None)
    for time_s, image, landmarks in faces_of_clip(fake.path, _RATE_HZ):
        while found is not None and found[0] < time_s - _SAME_S:
            found = next(inputs, None)
        if found is None:
            return
        if abs(found[0] - time_s) > _SAME_S or found[1].shape != image.shape:
            continue
        one, two = landmarks[:POINTS, :2], found[2][:POINTS, :2]
        low, high = np.minimum(one.min(0), two.min(0)), np.maximum(one.max(0), two.max(0))
        cut, place, scale = _cut(image, low, high)
        yield (cut, _cut(found[1], low, high)[0]), (one - place) * scale


def _cut(image: Image, low: Points, high: Points) -> tuple[Image, Points, Points]:
    """The cut, its corner in the frame, and its scale (x, y)."""
    cut, start = around(image, low, high, _CUT)
    own = np.array(cut.shape[1::-1], np.float64)
    scale = min(1.0, _MAX_SIDE / float(own.max()))
    if scale < 1:
        size = np.maximum(np.round(own * scale), 2).astype(int)
        smaller = (int(size[0]), int(size[1]))
        cut = np.asarray(cv2.resize(cut, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return cut, start, np.array(cut.shape[1::-1]) / own
