"""Weights in the layouts of published checkpoints, random but the same in every run."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from models.peers.base import Peer


def filled(peer: Peer, spread: float = 0.5) -> dict[str, Tensor]:
    """Every tensor of a checkpoint of ``peer``, drawn from a generator seeded by its name.

    ``spread`` scales the variances in batch normalisation, so that signals neither die nor
    explode on their way through a deep network.
    """
    weights = {}
    for own, value in peer.build().state_dict().items():
        name = peer.published(own)
        if name.endswith("num_batches_tracked"):
            continue
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        shape = tuple(value.shape)
        if name.endswith("running_var"):
            drawn = spread * rng.uniform(0.5, 1.5, shape)
        elif name.endswith(("running_mean", "bias")):
            drawn = rng.normal(0, 0.05, shape)
        elif len(shape) == 1:
            drawn = rng.uniform(0.8, 1.2, shape)
        else:
            drawn = rng.normal(0, 1, shape) / np.sqrt(np.prod(shape[1:]))
        weights[name] = torch.from_numpy(drawn.astype(np.float32))
    return weights


def pictures(size: int) -> Tensor:
    """Two, ``(2, 3, size, size)`` in -1..1."""
    drawn = np.random.default_rng(5).uniform(-1, 1, (2, 3, size, size))
    return torch.from_numpy(drawn.astype(np.float32))


_KERAS = {
    ("conv2d", "weight"): ("kernel", (2, 3, 1, 0)),
    ("dense", "weight"): ("kernel", (1, 0)),
    ("batch_normalization", "weight"): ("gamma", None),
    ("batch_normalization", "bias"): ("beta", None),
    ("batch_normalization", "running_mean"): ("moving_mean", None),
    ("batch_normalization", "running_var"): ("moving_variance", None),
}


def save_keras(weights: Mapping[str, Tensor], path: Path, first: int = 5) -> Path:
    """As Keras names and turns them, its counters standing at ``first``."""
    with h5py.File(path, "w") as file:
        for name, value in weights.items():
            kind, place, tensor = name.split(".")
            layer = f"{kind}_{int(place) + first}"
            variable, axes = _KERAS.get((kind, tensor), (tensor, None))
            array = value.numpy() if axes is None else value.numpy().transpose(axes)
            file[f"{layer}/{layer}/{variable}:0"] = array
    return path


def tiny() -> nn.Module:
    """A network that is quick to make and export, ``(N, 3, h, w)`` to ``(N, 2)``."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), _head())


def _head() -> nn.Module:
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(8.0).reshape(2, 4) / 8)
    return layer
