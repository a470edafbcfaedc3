"""Checkpoints of networks that were never trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from models import checkpoints
from models.bandnet import INPUT, BandNet
from models.checkpoints import Checkpoint
from models.networks import CellNet

_USUAL: dict[str, Any] = {"int": 1, "float": 0.5, "str": "nothing"}


def save(net: CellNet | BandNet, path: Path) -> Path:
    """A checkpoint of ``net``, whose other fields have some value of their kind."""
    weights = net.state_dict()
    arch = "cellnet" if isinstance(net, CellNet) else "bandnet"
    known = {"arch": arch, "raw": weights, "weights": weights, "optimizer": {}}
    known["random"] = torch.get_rng_state()
    fields = {f.name: f.type for f in dataclasses.fields(Checkpoint)}
    rest = {name: _USUAL[str(kind)] for name, kind in fields.items() if name not in known}
    checkpoints.save(path, Checkpoint(**known, **rest))
    return path


def save_constant(logit: float, path: Path) -> Path:
    """A checkpoint of a network that says the same of every picture."""
    net = BandNet(INPUT)
    net.bias.data = torch.tensor([logit, -100.0])
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(net, path)
