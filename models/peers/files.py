"""Reads weights out of published files, as the untrusted things they are.

PyTorch's files are read as tensors and plain values only, HDF5 files by an explicit walk that
follows no link and opens no other file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from models.peers.base import Weights
from realtime.errors import ConfigError, ModelError

MAX_BYTES: Final = 1_000_000_000
_PREFIX: Final = "module."
"""What data parallel training puts before every name."""


def read_torch(path: Path, entries: Sequence[str] = ("",)) -> Weights:
    """The tensors of a PyTorch checkpoint, without the prefix of data parallel training.

    Args:
        path: a file of `torch.save`, of today's format or the old one.
        entries: where the weights are, the first that is there counts; "" is the file itself.

    Raises:
        ModelError: if it is missing, damaged, holds more than tensors and plain values, or has
            none of the entries.
    """
    table = _load(path)
    if not isinstance(table, Mapping):
        raise ModelError(f"The checkpoint {path} holds no table of weights but something else.")
    for entry in entries:
        found = table if not entry else table.get(entry)
        if isinstance(found, Mapping) and found and _all_tensors(found):
            return {str(name).removeprefix(_PREFIX): value for name, value in found.items()}
    wanted = " or ".join(repr(entry) for entry in entries if entry)
    where = f"under {wanted}" if wanted else "directly in it"
    raise ModelError(
        f"The checkpoint {path} holds no weights {where}; it is of another project or kind."
    )


def _load(path: Path) -> Any:
    _check_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise ModelError(f"Cannot read the checkpoint {path}: {exc.strerror}.") from None
    except Exception:  # noqa: BLE001 - on rubbish, the old format's reader fails in any way
        raise ModelError(
            f"The checkpoint {path} is damaged or holds more than weights; it was not loaded."
        ) from None


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as exc:
        raise ModelError(f"Cannot read the checkpoint {path}: {exc.strerror}.") from None
    if not path.is_file():
        raise ModelError(f"The checkpoint {path} is not a plain file.")
    if not 0 < size <= MAX_BYTES:
        raise ModelError(f"The checkpoint {path} is empty or larger than {MAX_BYTES} bytes.")


def _all_tensors(table: Mapping[Any, Any]) -> bool:
    return all(isinstance(value, Tensor) for value in table.values())


def read_keras(path: Path) -> Weights:
    """The weights of a Keras HDF5 file in PyTorch's order of axes.

    Keras numbers layers of one kind in the order in which they were made, from wherever its
    counter stood; here they are ``conv2d.0``, ``conv2d.1``, and so on, as in
    ``conv2d.0.weight``, ``conv2d.0.bias``, ``batch_normalization.2.running_mean`` and
    ``dense.1.weight``.

    Raises:
        ConfigError: if h5py is not installed.
        ModelError: if the file is missing, damaged, or holds what no such layer has.
    """
    _check_file(path)
    found = _read_arrays(path)
    weights: dict[str, Tensor] = {}
    kinds: dict[str, set[int]] = {}
    for layer, _ in found:
        kind, number = _split(layer)
        kinds.setdefault(kind, set()).add(number)
    for (layer, variable), array in found.items():
        kind, number = _split(layer)
        place = sorted(kinds[kind]).index(number)
        name = _VARIABLES.get((kind, variable))
        if name is None:
            raise ModelError(
                f"The checkpoint {path} holds {layer}/{variable}, which is not understood."
            )
        axes = _AXES.get((kind, variable), ())
        turned = array.transpose(axes) if array.ndim == len(axes) else array
        weights[f"{kind}.{place}.{name}"] = torch.from_numpy(np.ascontiguousarray(turned))
    return weights


_VARIABLES: Final = {
    ("conv2d", "kernel"): "weight",
    ("conv2d", "bias"): "bias",
    ("dense", "kernel"): "weight",
    ("dense", "bias"): "bias",
    ("batch_normalization", "gamma"): "weight",
    ("batch_normalization", "beta"): "bias",
    ("batch_normalization", "moving_mean"): "running_mean",
    ("batch_normalization", "moving_variance"): "running_var",
}
_AXES: Final = {("conv2d", "kernel"): (3, 2, 0, 1), ("dense", "kernel"): (1, 0)}


def _split(layer: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)(?:_(\d+))?", layer)
    assert match is not None
    return match.group(1), int(match.group(2) or 0)


def _read_arrays(path: Path) -> dict[tuple[str, str], Any]:
    """Layer and variable to array."""
    try:
        import h5py  # type: ignore[import-untyped] # noqa: PLC0415 - only Keras files need it
    except ImportError:
        raise ConfigError(
            "Keras files need h5py, which is not installed; pip install h5py."
        ) from None
    arrays: dict[tuple[str, str], Any] = {}
    bad: list[str] = []

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or name.startswith("optimizer_weights/"):
            return
        parts = name.removeprefix("model_weights/").split("/")
        if item.is_virtual or item.external or item.dtype.kind != "f" or item.size > 10**8:
            bad.append(name)
            return
        arrays[parts[0], parts[-1].split(":")[0]] = item[()].astype(np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError, KeyError, ValueError):
        raise ModelError(f"The checkpoint {path} is damaged or no HDF5 file.") from None
    if bad:
        raise ModelError(f"The checkpoint {path} holds {bad[0]}, which is no plain array.")
    if not arrays:
        raise ModelError(f"The checkpoint {path} holds no weights.")
    return arrays
