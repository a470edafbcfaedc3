"""Turns what a model gives into a log-odds of fake and a map, as its contract says."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from realtime.contract import ModelContract, OutputSpec
from realtime.errors import ModelError
from realtime.redact import redact
from realtime.types import FloatArray

MAX_COLUMNS: Final = 1000
_COLUMNS: Final = {"logit": (1, MAX_COLUMNS), "sigmoid": (1, 1), "softmax": (2, MAX_COLUMNS)}
_CLIP: Final = 1e-7
_SLACK: Final = 1e-3


def contradiction(name: str, what: str) -> ModelError:
    """The error for a model that is not what the field ``name`` of its contract says."""
    return ModelError(f"The model contradicts its contract in {redact(name)!r}: {what}.")


def check_columns(count: int, spec: OutputSpec) -> None:
    """Raise `ModelError` if an output of ``count`` columns is not of the kind it should be."""
    low, high = _COLUMNS[spec.kind]
    if not low <= count <= high:
        raise contradiction("output.kind", f"it is {spec.kind} but the columns are {count}")
    if spec.fake_index >= count:
        raise contradiction("output.fake_index", f"the columns are only {count}")


def read_logits(output: NDArray[Any], size: int, spec: OutputSpec) -> NDArray[np.float64]:
    """Log-odds of fake ``(size,)`` from ``(size,)``, ``(size, 1)`` or ``(size, K)``.

    Probabilities are clipped to 1e-7 from 0 and 1, which bounds the log-odds by 16. NaN where
    the model gave anything that is not finite.

    Raises:
        ModelError: for another shape, or if what should be probabilities is not.
    """
    if output.shape == (size,):
        output = output[:, None]
    if output.ndim != 2 or len(output) != size:
        raise contradiction("output", f"{size} crops gave the shape {list(output.shape)}")
    check_columns(output.shape[1], spec)
    finite = np.isfinite(output).all(axis=1)
    logits = np.full(size, np.nan)
    columns = output[finite].astype(np.float64)
    if spec.kind == "logit":
        logits[finite] = _from_logits(columns, spec.fake_index)
    else:
        _check_probabilities(columns, spec)
        share = np.clip(columns[:, spec.fake_index], _CLIP, 1 - _CLIP)
        logits[finite] = np.log(share) - np.log1p(-share)
    return -logits if spec.invert else logits


def read_maps(output: NDArray[Any], size: int, contract: ModelContract) -> FloatArray:
    """Maps ``(size, h, w)`` float32 whose positive values speak for fake, read-only.

    Raises:
        ModelError: for a shape other than ``(size, h, w)`` or ``(size, 1, h, w)``, or maps
            larger than the crop.
    """
    shape = output.shape
    if len(shape) == 4 and shape[1] == 1:
        output = output[:, 0]
    height, width = contract.input.size
    fits = output.ndim == 3 and len(output) == size
    if not (fits and 0 < output.shape[1] <= height and 0 < output.shape[2] <= width):
        raise contradiction("output.cam", f"{size} crops gave maps of the shape {list(shape)}")
    cams: FloatArray = -output if contract.output.invert else output.copy()
    cams.setflags(write=False)
    return cams


def _from_logits(columns: NDArray[np.float64], fake: int) -> NDArray[np.float64]:
    """Of K logits, the log-odds of one class against all others together."""
    if columns.shape[1] == 1:
        return columns[:, 0]
    others = np.delete(columns, fake, axis=1)
    against: NDArray[np.float64] = np.logaddexp.reduce(others, axis=1)
    return columns[:, fake] - against


def _check_probabilities(columns: NDArray[np.float64], spec: OutputSpec) -> None:
    within = (columns >= -_SLACK) & (columns <= 1 + _SLACK)
    sums = columns.sum(axis=1)
    if not within.all() or (spec.kind == "softmax" and (np.abs(sums - 1) > 10 * _SLACK).any()):
        raise contradiction("output.kind", f"it is {spec.kind} but gives no probabilities")
