"""What the fixed features of a detector say of every face there is, in one table.

Clips are looked at twice: as the live program cuts their faces, and through what recordings go
through (`models.augment.Life`, `models.codecs`), where a forgery and its input go through the
same. Photos show many people, and so how faces differ that are all real.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from models import bank, catalog
from models.bandnet import Bands
from models.catalog import Clip
from models.dataset import coded
from models.footage import sightings_of_clip
from models.forgeries import Forged, forged_clips
from models.makers import Draft, View, live
from models.masks import Points
from models.prepare import Face, clip_faces, photo_faces, read_picture
from realtime.contract import ModelContract
from realtime.crops import to_tensor
from realtime.errors import ConfigError
from realtime.types import FloatArray, Image

_FORMAT: Final = "2"
PHOTO: Final = -1
_PER_CLIP: Final = 40
"""Crops of a clip as the live program cuts them, spread over its length."""
_CODED_SHARE: Final = 0.35
_TOGETHER: Final = 16


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many changed pictures are made of each: forged clip, real clip, and of all photos."""

    forged: int = 150
    real: int = 90
    photos: int = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """M faces.

    ``features`` ``(M, C, h, w / 2)`` float32: the two halves of a face averaged. ``clip`` ``(M,)``
    is the index of the clip or `PHOTO`, ``forged`` and ``changed`` ``(M,)`` say what it is and
    whether it went through a life of its own.
    """

    features: FloatArray
    clip: NDArray[np.int64]
    forged: NDArray[np.bool_]
    changed: NDArray[np.bool_]

    def of(self, clip: int, *, forged: bool, changed: bool) -> FloatArray:
        """The features of one clip, or of the photos."""
        rows = (self.clip == clip) & (self.forged == forged) & (self.changed == changed)
        return np.asarray(self.features[rows])


Row = tuple[int, bool, bool]
"""Clip, forged, changed."""


def gather(
    data: Path,
    cache: Path,
    contract: ModelContract,
    *,
    amounts: Amounts,
    seed: int,
    report: Callable[[str], None],
) -> tuple[list[Clip], Samples]:
    """All clips, and the table of everything; made once and kept in ``cache``.

    Raises:
        ConfigError: if the folder lacks photos, real clips or forged clips.
    """
    clips, photos = catalog.clips(data), catalog.photos(data)
    if not any(c.fake for c in clips) or all(c.fake for c in clips):
        raise ConfigError(f"{data} needs real and forged clips in videos/ to learn from.")
    names = [f"{c.path.name} {c.path.stat().st_size}" for c in clips]
    names += [f"{p.path.name} {p.path.stat().st_size}" for p in photos]
    key = bank.fingerprint([_FORMAT, *names, str(contract.crop), str(amounts), str(seed)])
    store = cache / f"samples-{key}.npz"
    try:
        with np.load(store, allow_pickle=False) as found:
            return clips, Samples(**{name: found[name] for name in Samples.__slots__})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        pass
    faces = [f for f in photo_faces(photos, cache, report) if f.split == "train"]
    rows: list[Row] = []
    features: list[FloatArray] = []
    bands = Bands(contract.input.size).eval()
    sources = (
        _live_crops(clips, cache, contract, report),
        photo_crops(faces, contract),
        _changed_crops(clips, faces, cache, contract, amounts=amounts, seed=seed, report=report),
    )
    for source in sources:
        for part, crops in _batched(source):
            rows += part
            features.append(_features(bands, crops, contract))
    table = np.array(rows, np.int64)
    made = Samples(
        np.concatenate(features), table[:, 0], table[:, 1].astype(bool), table[:, 2].astype(bool)
    )
    cache.mkdir(parents=True, exist_ok=True)
    with store.open("wb") as file:
        np.savez(
            file,
            features=made.features,
            clip=made.clip,
            forged=made.forged,
            changed=made.changed,
        )
    return clips, made


def halves(features: FloatArray) -> FloatArray:
    """``(M, C, h, w)`` to ``(M, C, h, w / 2)``: each cell and its mirror image averaged."""
    width = features.shape[-1] // 2
    return np.asarray((features + features[..., ::-1])[..., :width] / 2, np.float32)


def _features(bands: Bands, crops: Sequence[Image], contract: ModelContract) -> FloatArray:
    with torch.inference_mode():
        found = bands(torch.from_numpy(to_tensor(list(crops), contract))).numpy()
    return halves(found)


def _batched(source: Iterator[tuple[Row, Image]]) -> Iterator[tuple[list[Row], list[Image]]]:
    rows: list[Row] = []
    crops: list[Image] = []
    for row, crop in source:
        rows.append(row)
        crops.append(crop)
        if len(rows) == 64:
            yield rows, crops
            rows, crops = [], []
    if rows:
        yield rows, crops


def _live_crops(
    clips: Sequence[Clip], cache: Path, contract: ModelContract, report: Callable[[str], None]
) -> Iterator[tuple[Row, Image]]:
    report(f"watching {len(clips)} clips")
    for i, clip in enumerate(clips):
        seen = sightings_of_clip(clip.path, contract, cache)
        own = np.flatnonzero(seen.main_track())
        for place in np.linspace(0, len(own) - 1, min(_PER_CLIP, len(own))).astype(int):
            yield (i, clip.fake, False), seen.pixels[own[place]]


def photo_crops(faces: Sequence[Face], contract: ModelContract) -> Iterator[tuple[Row, Image]]:
    """Every photo that can be read, cut as the contract says, as it is."""
    for face in faces:
        image = read_picture(face.path)
        if image is None:
            continue
        nothing = np.zeros(image.shape[:2], np.float32)
        pair = Draft(image, image, nothing, face.landmarks.astype(np.float64)).crop(contract)
        if pair is not None:
            yield (PHOTO, False, False), pair.real


def _changed_crops(
    clips: Sequence[Clip],
    photos: Sequence[Face],
    cache: Path,
    contract: ModelContract,
    *,
    amounts: Amounts,
    seed: int,
    report: Callable[[str], None],
) -> Iterator[tuple[Row, Image]]:
    """In random order, so that what is coded together is of many kinds."""
    number = {clip.path: i for i, clip in enumerate(clips)}
    inputs = {clip.pair: i for i, clip in enumerate(clips) if clip.pair and not clip.fake}
    fakes, reals = [c for c in clips if c.fake], [c for c in clips if not c.fake]
    rng = np.random.default_rng(seed)
    jobs: list[tuple[Forged | Sequence[Face], int]] = []
    for forged in forged_clips(fakes, reals, cache, report):
        jobs += [(forged, number[forged.clip.path])] * amounts.forged
    for clip in reals:
        faces = clip_faces([clip], cache, report)
        if faces:
            jobs += [(faces, number[clip.path])] * amounts.real
    jobs += [(photos, PHOTO)] * (amounts.photos if photos else 0)
    report(f"making {len(jobs)} changed pictures")
    order = rng.permutation(len(jobs))
    for start in range(0, len(jobs), _TOGETHER):
        chosen = [jobs[int(i)] for i in order[start : start + _TOGETHER]]
        drafts = [_draft(source, rng) for source, _ in chosen]
        if rng.random() < _CODED_SHARE:
            drafts = coded(drafts, rng, float(rng.random()))
        for draft, (source, index) in zip(drafts, chosen, strict=True):
            pair = draft.crop(contract)
            if pair is None:
                continue
            if not isinstance(source, Forged):
                yield (index, False, True), pair.real
                continue
            yield (index, True, True), pair.fake
            if source.paired:
                yield (inputs[source.clip.pair], False, True), pair.real


def _draft(source: Forged | Sequence[Face], rng: np.random.Generator) -> Draft:
    if isinstance(source, Forged):
        index = int(rng.integers(source.count))
        fake, landmarks = source.forged(index), source.landmarks[index].astype(np.float64)
        real = source.original(index) if source.paired else fake
    else:
        real, landmarks = _picture(source, rng)
        fake = real
    view = View.draw(rng, real, landmarks)
    one, two = view.show(real), view.show(fake)
    weight = np.zeros(two.shape[:2], np.float32)
    return live(Draft(one, two, weight, view.place(landmarks)), rng, float(rng.random()))


def _picture(faces: Sequence[Face], rng: np.random.Generator) -> tuple[Image, Points]:
    while True:
        face = faces[int(rng.integers(len(faces)))]
        image = read_picture(face.path)
        if image is not None:
            return image, face.landmarks.astype(np.float64)
