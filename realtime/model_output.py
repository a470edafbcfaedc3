"""Checks a model's graph against its contract and reads its output as the contract says."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realtime.contract import ModelContract, OutputSpec
from realtime.errors import ModelError
from realtime.redact import redact
from realtime.types import FloatArray

MAX_BATCH: Final = 32
MAX_COLUMNS: Final = 1000
_COLUMNS: Final = {"logit": (1, MAX_COLUMNS), "sigmoid": (1, 1), "softmax": (2, MAX_COLUMNS)}
_CLIP: Final = 1e-7
_SLACK: Final = 1e-3


class Graph(NamedTuple):
    """Names of the tensors; ``batch`` is 0 where the model takes any number of crops."""

    input: str
    score: str
    cam: str
    batch: int


def contradiction(name: str, what: str) -> ModelError:
    """The error for a model that is not what the field ``name`` of its contract says."""
    return ModelError(f"The model contradicts its contract in {redact(name)!r}: {what}.")


def check_graph(session: Any, contract: ModelContract) -> Graph:
    """Compare what the graph declares with the contract; open dimensions show when it runs."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1:
        raise contradiction("input", f"the graph has {len(inputs)} inputs and not one")
    for tensor in (*inputs, *outputs):
        if tensor.type != "tensor(float)":
            raise contradiction(tensor.name, f"it is of type {tensor.type}, not float32")
    shape, want = inputs[0].shape, contract.input.shape
    fits = len(shape) == 4 and all(
        have == side or not isinstance(have, int)
        for have, side in zip(shape[1:], want, strict=True)
    )
    if not fits:
        raise contradiction("input", f"the graph takes {shape}, not [N, {str(list(want))[1:]}")
    batch = shape[0] if isinstance(shape[0], int) else 0
    if not 0 <= batch <= MAX_BATCH:
        raise contradiction("input", f"the graph takes {batch} crops at once, not 1 to {MAX_BATCH}")
    names = [output.name for output in outputs]
    cam = contract.output.cam
    if cam and cam not in names:
        raise contradiction("output.cam", f"the graph has no output {redact(cam)!r}")
    if len(names) != (2 if cam else 1):
        wanted = "two outputs, the second being the map" if cam else "one output"
        raise contradiction("output", f"the graph has {len(names)} and not {wanted}")
    score = next(output for output in outputs if output.name != cam)
    if len(score.shape) == 2 and isinstance(score.shape[1], int):
        check_columns(score.shape[1], contract.output)
    return Graph(inputs[0].name, score.name, cam, batch)


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
