"""Checkpoints: everything a run needs to go on, and the weights that are exported."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from models.networks import ARCHITECTURES, Detector, build
from realtime.errors import ModelError

_FORMAT: Final = "fakewatch-checkpoint-2"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """``weights`` is the moving average, ``raw`` the network itself; ``random`` torch's state.

    ``seconds`` is the time trained, ``best`` the best validation AUC so far, ``pictures`` how
    many the network was shown; ``recipe`` says in words what it was shown.
    """

    arch: str
    step: int
    seconds: float
    best: float
    pictures: int
    seed: int
    recipe: str
    raw: dict[str, Tensor]
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    random: Tensor


def save(path: Path, state: Checkpoint) -> None:
    """Write a checkpoint so that an interruption leaves the old one whole."""
    part = path.with_suffix(".part")
    table = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
    torch.save({"format": _FORMAT, **table}, part)
    part.replace(path)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; only tensors and plain values are accepted, never code.

    Raises:
        ModelError: if it is missing, damaged, holds code or is of another kind.
    """
    useless = ModelError(
        f"The checkpoint {path} is damaged or holds more than weights; it was not loaded."
    )
    try:
        with path.open("rb") as file:
            # the old format is a bare pickle, on which even the safe reader stumbles at random
            if not zipfile.is_zipfile(file):
                raise useless
        table = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"There is no checkpoint {path}; make one with models.recipe.") from None
    except OSError as exc:
        raise ModelError(f"Cannot read the checkpoint {path}: {exc.strerror}.") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError):
        raise useless from None
    names = {field.name for field in dataclasses.fields(Checkpoint)}
    if not isinstance(table, dict) or table.pop("format", None) != _FORMAT or set(table) != names:
        raise ModelError(f"{path} is no checkpoint of models.train.")
    if table["arch"] not in ARCHITECTURES:
        raise ModelError(f"The checkpoint {path} is of an unknown network {table['arch']!r}.")
    state = Checkpoint(**table)
    _check_fits(path, state)
    return state


def network(state: Checkpoint) -> Detector:
    """The averaged network, ready to infer."""
    net = build(state.arch)
    net.load_state_dict(state.weights)
    return net.requires_grad_(False).eval()


def _check_fits(path: Path, state: Checkpoint) -> None:
    expected = {name: value.shape for name, value in build(state.arch).state_dict().items()}
    for part in (state.raw, state.weights):
        shapes = {name: value.shape for name, value in part.items()}
        if shapes != expected:
            raise ModelError(f"The weights in {path} do not fit the network {state.arch!r}.")


def fingerprint(state: Checkpoint) -> str:
    """SHA-256 of the averaged weights, by which a calibration knows what it was fitted to."""
    digest = hashlib.sha256(state.arch.encode())
    for name in sorted(state.weights):
        digest.update(name.encode())
        digest.update(state.weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
