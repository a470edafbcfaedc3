"""Batches of pairs: a real crop and its forgery, alike in everything but that.

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
from torch import Tensor
from torch.utils.data import Dataset

from models.codecs import Coding, round_trip_pairs
from models.makers import Draft, Pair, PairMaker, self_blended
from models.networks import CELL
from models.prepare import Face, read_picture
from realtime.contract import ModelContract
from realtime.crops import to_tensor

_CODED_SHARE: Final = 0.35
"""How many batches go through a video codec as well."""


@dataclass(frozen=True, slots=True)
class Batch:
    """P pairs as 2P samples, the reals first.

    ``images`` ``(2P, 3, h, w)`` as the network takes them, ``labels`` ``(2P, 1)`` 0 or 1,
    ``cells`` ``(2P, h / 16, w / 16)`` blended share in 0..1.
    """

    images: Tensor
    labels: Tensor
    cells: Tensor


class Curriculum:
    """How hard the blends are at each batch: easy first, then everything up to hard.

    Difficulty is drawn between 0 and a bound that rises with progress in 0..1; progress is
    what the trainer last put into a shared cell (by time) or follows from the batch's number
    (by steps).
    """

    def __init__(self, steps: int | None, start: float = 0.15) -> None:
        self._steps = steps
        self._start = start
        self._progress = multiprocessing.get_context("spawn").Value("d", 0.0)

    def advance(self, progress: float) -> None:
        """Tell how far training is; without effect when it is counted in steps."""
        self._progress.value = progress

    def bound(self, number: int) -> float:
        """The hardest difficulty at batch ``number``."""
        done = self._progress.value if self._steps is None else number / self._steps
        return float(np.clip(self._start + done / 0.5, 0, 1))


class PairBatches(Dataset[Batch]):
    """Batches by number; for a `torch.utils.data.DataLoader` with ``batch_size=None``."""

    def __init__(
        self,
        maker: PairMaker,
        contract: ModelContract,
        curriculum: Curriculum,
        pairs: int,
        seed: int,
    ) -> None:
        self._maker = maker
        self._contract = contract
        self._curriculum = curriculum
        self._pairs = pairs
        self._seed = seed

    def __getitem__(self, number: int) -> Batch:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, number))
        bound = self._curriculum.bound(number)
        pairs = draw_pairs(self._maker, self._contract, rng, self._pairs, bound)
        return collate(pairs, self._contract)


def draw_pairs(
    maker: PairMaker, contract: ModelContract, rng: np.random.Generator, count: int, bound: float
) -> list[Pair]:
    """``count`` pairs of difficulties up to ``bound``, some of them through one video coding."""
    pairs: list[Pair] = []
    while len(pairs) < count:
        drafts: list[Draft] = []
        while len(drafts) < count - len(pairs):
            draft = maker.draft(rng, bound * float(rng.random()))
            if draft is not None:
                drafts.append(draft)
        if rng.random() < _CODED_SHARE:
            drafts = coded(drafts, rng, bound)
        pairs += [pair for draft in drafts if (pair := draft.crop(contract)) is not None]
    return pairs


def coded(drafts: Sequence[Draft], rng: np.random.Generator, harshness: float) -> list[Draft]:
    """The pictures of all pairs after one video coding."""
    how = Coding.draw(rng, harshness)
    reals, fakes = round_trip_pairs(
        [draft.real for draft in drafts], [draft.fake for draft in drafts], rng, how
    )
    return [
        replace(draft, real=real, fake=fake)
        for draft, real, fake in zip(drafts, reals, fakes, strict=True)
    ]


def make_pair(
    face: Face, contract: ModelContract, rng: np.random.Generator, difficulty: float
) -> Pair | None:
    """One self-blended pair from one real face; None if its picture cannot be read or cropped."""
    image = read_picture(face.path)
    if image is None:
        return None
    draft = self_blended(image, face.landmarks.astype(np.float64), rng, difficulty)
    return draft.crop(contract)


def collate(pairs: Sequence[Pair], contract: ModelContract) -> Batch:
    """Crops to tensors, through the same function as at run time."""
    crops = [p.real for p in pairs] + [p.fake for p in pairs]
    height, width = contract.input.size
    weight = np.stack([p.weight for p in pairs])
    shares = weight.reshape(len(pairs), height // CELL, CELL, width // CELL, CELL).mean((2, 4))
    labels = torch.cat((torch.zeros(len(pairs), 1), torch.ones(len(pairs), 1)))
    cells = np.concatenate((np.zeros_like(shares), shares)).astype(np.float32)
    return Batch(torch.from_numpy(to_tensor(crops, contract)), labels, torch.from_numpy(cells))
