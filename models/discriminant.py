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

_RIDGE: Final = 0.5
"""Added to every feature's variance, which is about 1: finer differences are not trusted."""
_SPREADS: Final = ((0.4, 0.4, 0.2), (0.15, 0.15, 0.7))
"""For each witness the share of photos, changed photos and recordings in how reals differ."""
_SHARPNESS: Final = 1.5
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


def fit(samples: Samples, chosen: Known, seed: int) -> Checkpoint:
    """The weights, as a checkpoint.

    Raises:
        ConfigError: if there is no pair, no forgery without input, or fewer than two real clips.
    """
    began = time.monotonic()
    chosen = _with_faces(samples, chosen)
    if len(chosen.real) < 2 or not chosen.pairs or not chosen.alone:
        raise ConfigError(
            "To learn from, there must be two real clips, and forged clips with and without the "
            "input they were made from."
        )
    shape = samples.features.shape[1:]
    middle, scale = _usual(samples, chosen.real)

    def units(features: FloatArray) -> Matrix:
        flat = features.reshape(len(features), -1).astype(np.float64)
        return np.asarray((flat - middle) / scale)

    spreads = (
        _spread(units(samples.of(PHOTO, forged=False, changed=False))),
        _spread(units(samples.of(PHOTO, forged=False, changed=True))),
        _spread_of_clips(samples, chosen.real, units),
    )
    ways = (_between_pairs(samples, chosen.pairs, units), _to_alone(samples, chosen, units))
    net = BandNet(INPUT)
    net.usual.data = _whole(middle.reshape(shape))
    for number, (way, shares) in enumerate(zip(ways, _SPREADS, strict=True)):
        spread = sum(share * part for share, part in zip(shares, spreads, strict=True))
        direction = np.linalg.solve(spread + _RIDGE * np.eye(len(way)), way)
        seen = [
            float((units(samples.of(i, forged=False, changed=False)) @ direction).mean())
            for i in chosen.real
        ]
        gain = _SHARPNESS / float(np.std(seen))
        weight = gain * direction / scale
        offset = gain * float(np.mean(seen)) + (_SHARPNESS * _SHIFT if number else 0.0)
        _set(net, number, weight.reshape(shape), -offset)
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


def _spread(units: Matrix) -> Matrix:
    return np.asarray(np.cov(units.T)) if len(units) > 1 else np.zeros((units.shape[1],) * 2)


def _spread_of_clips(
    samples: Samples, real: Sequence[int], units: Callable[[FloatArray], Matrix]
) -> Matrix:
    """Covariance of faces in recordings, as they are and changed; each clip counts alike."""
    found = []
    for changed in (False, True):
        parts = [units(samples.of(i, forged=False, changed=changed)) for i in real]
        parts = [part for part in parts if len(part)]
        centre = np.mean([part.mean(0) for part in parts], axis=0)
        found.append(sum((p - centre).T @ (p - centre) / len(p) for p in parts) / len(parts))
    return np.asarray((found[0] + found[1]) / 2)


def _between_pairs(
    samples: Samples,
    pairs: Sequence[tuple[int, int]],
    units: Callable[[FloatArray], Matrix],
) -> Vector:
    """The mean way from an input to its forgery, half of it after the same changes to both."""
    ways = []
    for changed in (False, True):
        apart = []
        for a, b in pairs:
            one = units(samples.of(a, forged=False, changed=changed))
            two = units(samples.of(b, forged=True, changed=changed))
            apart.append(two.mean(0) - one.mean(0))
        ways.append(np.mean(apart, axis=0))
    return np.asarray((ways[0] + ways[1]) / 2)


def _to_alone(samples: Samples, chosen: Known, units: Callable[[FloatArray], Matrix]) -> Vector:
    """The way from real clips to forged ones without input, as they are and changed."""
    ways = []
    for changed in (False, True):
        groups = [(chosen.real, False), (chosen.alone, True)]
        one, two = (
            np.mean(
                [
                    units(part).mean(0)
                    for i in group
                    if len(part := samples.of(i, forged=forged, changed=changed))
                ],
                axis=0,
            )
            for group, forged in groups
        )
        ways.append(two - one)
    return np.asarray((ways[0] + ways[1]) / 2)


@torch.no_grad()
def _set(net: BandNet, number: int, half: Vector, bias: float) -> None:
    """A witness whose log-odds are ``half`` times a face's difference from the usual, plus bias."""
    whole = _whole(half) / 2  # each cell and its mirror image have half a say
    net.weight[number] = whole * whole.shape[-1] * whole.shape[-2]
    net.bias[number] = bias


def _whole(half: Vector) -> torch.Tensor:
    """``(..., h, w / 2)`` to ``(..., h, w)``, the right half the mirror image of the left."""
    return torch.from_numpy(np.concatenate((half, half[..., ::-1]), axis=-1)).float()
