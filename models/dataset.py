"""Batches of pairs: a real crop and its pseudo-fake, alike in everything but the blend.

Batch number ``n`` depends on the seed and on ``n`` alone, not on who makes it or in what
order, so that an interrupted run goes on as if nothing had happened.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from models.augment import Life
from models.blending import Blend, self_blend
from models.masks import FloatArray
from models.networks import CELL
from models.prepare import Face, read_picture
from realtime.contract import ModelContract
from realtime.crops import crop_face, to_tensor, warp
from realtime.types import Image

Points = NDArray[np.float64]

_AROUND: Final = 0.78
"""Half the side of what is kept around a face, in units of its extent: the crop and its jitter."""
_MIN_FACE_PX: Final = 56.0
"""No face is shown smaller than this, about where the live program stops to judge."""


@dataclass(frozen=True, slots=True)
class Batch:
    """P pairs as 2P samples, the reals first.

    ``images`` ``(2P, 3, h, w)`` as the network takes them, ``labels`` ``(2P, 1)`` 0 or 1,
    ``cells`` ``(2P, h / 16, w / 16)`` blended share in 0..1.
    """

    images: Tensor
    labels: Tensor
    cells: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """``(h, w, 3)`` uint8 BGR crops and the ``(h, w)`` float32 blend weight in the same place.

    ``how`` is the blend that made the pseudo-fake.
    """

    real: Image
    fake: Image
    weight: FloatArray
    how: Blend


class Curriculum:
    """How hard the blends are at each batch: easy first, then everything up to hard.

    Difficulty is drawn between 0 and a bound that rises with progress in 0..1; progress is
    what the trainer last put into a shared cell (by time) or follows from the batch's number
    (by steps).
    """

    def __init__(self, steps: int | None) -> None:
        self._steps = steps
        self._progress = multiprocessing.get_context("spawn").Value("d", 0.0)

    def advance(self, progress: float) -> None:
        """Tell how far training is; without effect when it is counted in steps."""
        self._progress.value = progress

    def bound(self, number: int) -> float:
        """The hardest difficulty at batch ``number``."""
        done = self._progress.value if self._steps is None else number / self._steps
        return float(np.clip(0.15 + done / 0.5, 0, 1))


class PairBatches(Dataset[Batch]):
    """Batches by number; for a `torch.utils.data.DataLoader` with ``batch_size=None``."""

    def __init__(
        self,
        faces: Sequence[Face],
        contract: ModelContract,
        curriculum: Curriculum,
        pairs: int,
        seed: int,
    ) -> None:
        self._faces = faces
        self._contract = contract
        self._curriculum = curriculum
        self._pairs = pairs
        self._seed = seed

    def __getitem__(self, number: int) -> Batch:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, number))
        bound = self._curriculum.bound(number)
        pairs: list[Pair] = []
        while len(pairs) < self._pairs:
            face = self._faces[int(rng.integers(len(self._faces)))]
            pair = make_pair(face, self._contract, rng, bound * float(rng.random()))
            if pair is not None:
                pairs.append(pair)
        return collate(pairs, self._contract)


def make_pair(
    face: Face, contract: ModelContract, rng: np.random.Generator, difficulty: float
) -> Pair | None:
    """One pair from one real face; None if its picture cannot be read or cropped."""
    image = read_picture(face.path)
    if image is None:
        return None
    landmarks = face.landmarks.astype(np.float64)
    if rng.random() < 0.5:
        image, landmarks = _flip(image, landmarks)
    image, landmarks = _approach(image, landmarks, rng.uniform(80, 200))
    extent = _extent(landmarks)
    how = Blend.draw(rng, difficulty)
    life = Life.draw(rng, 0.3 + 0.7 * difficulty, _MIN_FACE_PX / extent)
    framing = _Framing.draw(rng)
    real, fake, weight = self_blend(image, landmarks, how)
    real, fake = life.apply(real), life.apply(fake)
    landmarks = landmarks * (real.shape[1] / image.shape[1], real.shape[0] / image.shape[0])
    small = cv2.resize(weight, real.shape[1::-1], interpolation=cv2.INTER_AREA)
    seen = framing.apply(landmarks)
    box = (0, 0, 0, 0)  # the crop is made from the landmarks
    one = crop_face(real, box, seen, contract)
    two = crop_face(fake, box, seen, contract)
    if one is None or two is None:
        return None
    matrix = one.to_crop.astype(np.float64)
    spec = replace(contract.crop, padding="black")
    shown = warp(np.asarray(small, np.float32), matrix, contract.input.size, spec)
    return Pair(one.pixels, two.pixels, np.asarray(shown, np.float32), how)


def collate(pairs: Sequence[Pair], contract: ModelContract) -> Batch:
    """Crops to tensors, through the same function as at run time."""
    crops = [p.real for p in pairs] + [p.fake for p in pairs]
    height, width = contract.input.size
    weight = np.stack([p.weight for p in pairs])
    shares = weight.reshape(len(pairs), height // CELL, CELL, width // CELL, CELL).mean((2, 4))
    labels = torch.cat((torch.zeros(len(pairs), 1), torch.ones(len(pairs), 1)))
    cells = np.concatenate((np.zeros_like(shares), shares)).astype(np.float32)
    return Batch(torch.from_numpy(to_tensor(crops, contract)), labels, torch.from_numpy(cells))


@dataclass(frozen=True, slots=True)
class _Framing:
    """How far the landmarks that frame the crop are off, as fractions of the extent."""

    dx: float
    dy: float
    scale: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Framing:
        dx, dy = rng.uniform(-0.05, 0.05, 2)
        return cls(float(dx), float(dy), float(rng.uniform(0.92, 1.1)))

    def apply(self, landmarks: Points) -> Points:
        middle = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
        shift = np.array((self.dx, self.dy)) * _extent(landmarks)
        return np.asarray((landmarks - middle) * self.scale + middle + shift)


def _flip(image: Image, landmarks: Points) -> tuple[Image, Points]:
    """Mirrored; the landmarks keep their indices, as region hulls are symmetric."""
    width = image.shape[1]
    return np.ascontiguousarray(image[:, ::-1]), landmarks * (-1, 1) + (width, 0)


def _approach(image: Image, landmarks: Points, extent: float) -> tuple[Image, Points]:
    """Cut to the face and its surroundings, and shrunk to the given extent; never enlarged."""
    own = _extent(landmarks)
    middle = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
    limit = (image.shape[1], image.shape[0])
    start = np.clip(np.floor(middle - _AROUND * own), 0, limit).astype(int)
    end = np.clip(np.ceil(middle + _AROUND * own), 0, limit).astype(int)
    image = image[start[1] : end[1], start[0] : end[0]]
    landmarks = landmarks - start
    scale = extent / own
    if scale >= 1:
        return image, landmarks
    size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, landmarks * (size[0] / image.shape[1], size[1] / image.shape[0])


def _extent(landmarks: Points) -> float:
    return float((landmarks.max(axis=0) - landmarks.min(axis=0)).max())
