"""The two linear units of `models.bandnet`, fitted in closed form.

Linear discriminants (Fisher, 1936): the direction in which forged faces differ, divided by how
real faces differ among themselves. The first direction is that from an input to the forgery made
of it, the second that from real recordings to forgeries whose input is not known. How real faces
differ is learned from thousands of photos, each of another person, far more than there are forged
clips; without them the few people in the clips would decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.bandnet import INPUT, BandNet
from models.catalog import Clip
from models.checkpoints import Checkpoint
from models.samples import PHOTO, Samples
from realtime.errors import ConfigError
from realtime.types import FloatArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_RIDGE: Final = 1.0
"""Added to every feature's variance, which is about 1: finer differences are not trusted."""
_CHANGED: Final = 0.8
"""Share of faces changed as a call changes them in the way from real to forged: what survives
compression counts most."""
_SPREADS: Final = ((0.2, 0.6, 0.2), (0.1, 0.3, 0.6))
"""For each witness the share of photos, changed photos and recordings in how reals differ."""
_SHIFTS: Final = 3.0
"""How much of what calls do to the mean face of a real clip counts as difference among reals: a
direction in which compression moves every face says nothing of forgery."""
_SHARPNESS: Final = 3.0
"""Log-odds for each deviation of real clips: how clearly the greater witness decides."""
_SMALLEST: Final = 1e-3
_SHIFT: Final = 1.0
"""What the second witness must exceed the usual by, in deviations of real clips.

A forgery drawn as a whole lies farther from real ones than a swap does, and where the second
witness merely doubts, the first should decide."""


@dataclass(frozen=True, slots=True)
class Known:
    """What may be learned from: indices of real clips, of forged ones without a known input, and
    of pairs (input, forgery)."""

    real: Sequence[int]
    alone: Sequence[int]
    pairs: Sequence[tuple[int, int]]


def known(clips: Sequence[Clip], allowed: Callable[[Clip], bool]) -> Known:
    """Sort the clips that are ``allowed``; a forgery whose input is not, stands alone."""
    inputs = {c.pair: i for i, c in enumerate(clips) if c.pair and not c.fake and allowed(c)}
    fakes = [i for i, c in enumerate(clips) if c.fake and allowed(c)]
    return Known(
        [i for i, c in enumerate(clips) if not c.fake and allowed(c)],
        [i for i in fakes if clips[i].pair not in inputs],
        [(inputs[clips[i].pair], i) for i in fakes if clips[i].pair in inputs],
    )


def fit(
    samples: Samples,
    chosen: Known,
    folds: Sequence[int],
    seed: int,
    attacked: Matrix | None = None,
) -> Checkpoint:
    """The weights, as a checkpoint; ``folds`` gives the fold of every clip.

    ``attacked`` ``(D, D)``: second moment of what attacks do to the features of real faces, to be
    added to how real faces differ.

    What a witness says of the clips it was fitted to is too narrow: its zero and its unit come
    from real clips as a fit without their fold sees them.

    Raises:
        ConfigError: if there is no pair, no forgery without input, or fewer than two real clips.
    """
    began = time.monotonic()
    chosen = _with_faces(samples, chosen)
    if not _enough(chosen):
        raise ConfigError(
            "To learn from, there must be two real clips, and forged clips with and without the "
            "input they were made from."
        )
    fitter = _Fitter(samples, chosen, attacked)
    shape = samples.features.shape[1:]
    net = BandNet(INPUT)
    net.usual.data = _whole(fitter.middle.reshape(shape))
    directions = fitter.directions(chosen)
    usual = _held_out_scores(fitter, chosen, folds)
    for number, direction in enumerate(directions):
        gain = _SHARPNESS / max(float(np.std(usual[:, number])), _SMALLEST)
        offset = gain * float(np.mean(usual[:, number])) + (_SHARPNESS * _SHIFT if number else 0.0)
        _set(net, number, (gain * direction / fitter.scale).reshape(shape), -offset)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    count = len(chosen.pairs) + len(chosen.alone)
    return Checkpoint(
        arch="bandnet",
        step=1,
        seconds=time.monotonic() - began,
        best=0.0,
        pictures=len(samples.clip),
        seed=seed,
        recipe=(
            f"linear discriminants of {count} forged clips, {len(chosen.pairs)} of them beside "
            f"their inputs, {len(chosen.real)} real clips and "
            f"{int((samples.clip == PHOTO).sum())} pictures of photos"
        ),
        raw=weights,
        weights=weights,
        optimizer={},
        random=torch.get_rng_state(),
    )


def _enough(chosen: Known) -> bool:
    return len(chosen.real) >= 2 and bool(chosen.pairs) and bool(chosen.alone)


def _held_out_scores(fitter: _Fitter, chosen: Known, folds: Sequence[int]) -> Matrix:
    """What both witnesses say of real clips ``(N, 2)``, each fitted without the clip's fold."""
    found = []
    for fold in sorted({folds[i] for i in chosen.real}):
        rest = Known(
            [i for i in chosen.real if folds[i] != fold],
            [i for i in chosen.alone if folds[i] != fold],
            [(a, b) for a, b in chosen.pairs if fold not in (folds[a], folds[b])],
        )
        # with so few clips that nothing would be left, the narrower scale has to do
        directions = fitter.directions(rest if _enough(rest) else chosen)
        found += [fitter.mean(i) @ directions.T for i in chosen.real if folds[i] == fold]
    return np.stack(found)


class _Fitter:
    """Everything about the samples that does not change from one fit to the next."""

    def __init__(self, samples: Samples, chosen: Known, attacked: Matrix | None) -> None:
        self._samples = samples
        self.middle, self.scale = _usual(samples, chosen.real)
        unit = np.outer(self.scale, self.scale)
        self._photos = [spread / unit for spread in _photo_spreads(samples)]
        self._distrust = _RIDGE * np.eye(len(unit)) + (0 if attacked is None else attacked / unit)

    def directions(self, chosen: Known) -> Matrix:
        """``(WITNESSES, D)`` in units of `scale`."""
        spreads = (*self._photos, self._spread_of_clips(chosen.real))
        distrust = self._distrust + _SHIFTS * self._shifts_of_clips(chosen.real)
        ways = (self._between_pairs(chosen.pairs), self._to_alone(chosen))
        found = []
        for way, shares in zip(ways, _SPREADS, strict=True):
            spread = sum(share * part for share, part in zip(shares, spreads, strict=True))
            found.append(np.linalg.solve(spread + distrust, way))
        return np.stack(found)

    def mean(self, clip: int) -> Vector:
        """The mean face of a real clip as it is, ``(D,)``."""
        return np.asarray(self._of(clip, forged=False, changed=False).mean(0))

    def _of(self, clip: int, *, forged: bool, changed: bool) -> Matrix:
        return self._units(self._samples.of(clip, forged=forged, changed=changed))

    def _units(self, features: FloatArray) -> Matrix:
        flat = features.reshape(len(features), -1).astype(np.float64)
        return np.asarray((flat - self.middle) / self.scale)

    def _spread_of_clips(self, real: Sequence[int]) -> Matrix:
        """Covariance of faces in recordings, as they are and changed; each clip counts alike."""
        found = []
        for changed in (False, True):
            parts = [self._of(i, forged=False, changed=changed) for i in real]
            parts = [part for part in parts if len(part)]
            centre = np.mean([part.mean(0) for part in parts], axis=0)
            found.append(sum((p - centre).T @ (p - centre) / len(p) for p in parts) / len(parts))
        return np.asarray((found[0] + found[1]) / 2)

    def _shifts_of_clips(self, real: Sequence[int]) -> Matrix:
        """Second moment of how the mean face of a recording moves when it is changed."""
        shifts = []
        for i in real:
            own, changed = (self._of(i, forged=False, changed=kind) for kind in (False, True))
            if len(changed):
                shifts.append(changed.mean(0) - own.mean(0))
        whole = np.stack(shifts) if shifts else np.zeros((1, len(self.middle)))
        return np.asarray(whole.T @ whole / len(whole))

    def _between_pairs(self, pairs: Sequence[tuple[int, int]]) -> Vector:
        """The mean way from an input to its forgery, most of it after the same changes to both."""
        ways = []
        for changed in (False, True):
            apart = []
            for a, b in pairs:
                one = self._of(a, forged=False, changed=changed)
                two = self._of(b, forged=True, changed=changed)
                apart.append(two.mean(0) - one.mean(0))
            ways.append(np.mean(apart, axis=0))
        return np.asarray((1 - _CHANGED) * ways[0] + _CHANGED * ways[1])

    def _to_alone(self, chosen: Known) -> Vector:
        """The way from real clips to forged ones without input, as they are and changed."""
        ways = []
        for changed in (False, True):
            ends = []
            for group, forged in ((chosen.real, False), (chosen.alone, True)):
                parts = [self._of(i, forged=forged, changed=changed) for i in group]
                ends.append(np.mean([part.mean(0) for part in parts if len(part)], axis=0))
            ways.append(ends[1] - ends[0])
        return np.asarray((1 - _CHANGED) * ways[0] + _CHANGED * ways[1])


def _with_faces(samples: Samples, chosen: Known) -> Known:
    """Without clips in which no face could be judged."""
    there = set(np.unique(samples.clip[~samples.changed]).tolist())
    return Known(
        [i for i in chosen.real if i in there],
        [i for i in chosen.alone if i in there],
        [(a, b) for a, b in chosen.pairs if a in there and b in there],
    )


def _usual(samples: Samples, real: Sequence[int]) -> tuple[Vector, Vector]:
    """Mean and deviation of every feature over real clips, each counting alike."""
    own = [samples.of(i, forged=False, changed=False) for i in real]
    means = np.stack([f.reshape(len(f), -1).mean(0) for f in own]).astype(np.float64)
    within = np.stack([f.reshape(len(f), -1).var(0) for f in own]).astype(np.float64)
    return means.mean(0), np.sqrt(within.mean(0) + means.var(0)) + 1e-6


@lru_cache(maxsize=1)
def _photo_spreads(samples: Samples) -> tuple[Matrix, Matrix]:
    """Covariance of photos, as they are and changed; the same in every fit."""
    as_they_are, changed = (
        _spread(samples.of(PHOTO, forged=False, changed=changed)) for changed in (False, True)
    )
    return as_they_are, changed


def _spread(features: FloatArray) -> Matrix:
    flat = features.reshape(len(features), -1).astype(np.float64)
    return np.asarray(np.cov(flat.T)) if len(flat) > 1 else np.zeros((flat.shape[1],) * 2)


@torch.no_grad()
def _set(net: BandNet, number: int, half: Vector, bias: float) -> None:
    """A witness whose log-odds are ``half`` times a face's difference from the usual, plus bias."""
    whole = _whole(half) / 2  # each cell and its mirror image have half a say
    net.weight[number] = whole * whole.shape[-1] * whole.shape[-2]
    net.bias[number] = bias


def _whole(half: Vector) -> torch.Tensor:
    """``(..., h, w / 2)`` to ``(..., h, w)``, the right half the mirror image of the left."""
    return torch.from_numpy(np.concatenate((half, half[..., ::-1]), axis=-1)).float()
