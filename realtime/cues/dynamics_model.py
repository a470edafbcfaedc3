"""The small model of how features move, and the contract beside it: ``dynamics.json``.

One session serves every track of a process: ONNX Runtime lets any number of threads ask it.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues.landmark_windows import LANDMARKS, POINTS, RATE_HZ, SAMPLES
from realtime.errors import ModelError
from realtime.model_file import ModelFile, read_graph
from realtime.redact import redact
from realtime.scorer import CpuGraph
from realtime.types import FloatArray

VERSION: Final = 1
MOST: Final = 2.0
"""No calibration may let the witness say more than so many nats."""
_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class DynamicsContract:
    """What a model of dynamics takes, and what its logits mean.

    ``reference`` ``(POINTS, 3)`` float64 is the face that windows are aligned with. The log
    likelihood ratio of a mean of logits is ``slope * mean + offset``, within ``bound`` nats.
    """

    name: str
    reference: NDArray[np.float64]
    slope: float
    offset: float
    bound: float

    def llr(self, mean_logit: float) -> float:
        """Log-likelihood ratio of fake against real, in nats."""
        return min(self.bound, max(-self.bound, self.slope * mean_logit + self.offset))


class DynamicsModel:
    """A model and its contract; any thread may ask it.

    Raises:
        ModelError: if a file is missing, damaged, or not what the other one says.
    """

    def __init__(self, path: Path) -> None:
        file = read_graph(path)
        self.contract = _contract(file)
        self._graph = CpuGraph(file)
        self.logits(np.zeros((1, SAMPLES, POINTS, 2), np.float32))  # proves the shapes

    def logits(self, windows: FloatArray) -> NDArray[np.float64]:
        """Log-odds of fake ``(N,)`` of windows ``(N, SAMPLES, POINTS, 2)``, not calibrated.

        Raises:
            ModelError: if the model fails or gives another shape.
        """
        found = self._graph.run(windows)
        if found.shape != (len(windows),):
            raise ModelError(
                f"The model {redact(self.contract.name)!r} gives the shape {list(found.shape)} "
                f"for {len(windows)} windows of landmarks, not one number each."
            )
        return np.asarray(found, np.float64)


_models: dict[tuple[str, int, int], DynamicsModel] = {}
_lock: Final = threading.Lock()


def load_dynamics(path: str = "") -> DynamicsModel:
    """The model of a file, the built-in one where none is named; read once in a process.

    Raises:
        ModelError: as `DynamicsModel`.
    """
    if "://" in path:
        raise ModelError(f"The model {redact(path)} must be a local file; fetch it first.")
    if path:
        file = Path(path)
    else:
        import weights  # noqa: PLC0415 - found only when it is needed

        file = weights.DYNAMICS
    try:
        facts = file.stat()
        key = (str(file.absolute()), facts.st_mtime_ns, facts.st_size)
    except (OSError, ValueError):
        return DynamicsModel(file)  # which says what is wrong with it
    with _lock:
        if key not in _models:
            if len(_models) >= 8:
                _models.clear()
            _models[key] = DynamicsModel(file)
        return _models[key]


def _contract(file: ModelFile) -> DynamicsContract:
    beside = file.path.with_suffix(".json")
    try:
        with beside.open("rb") as handle:
            text = handle.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ValueError
        table = json.loads(text)
        if not isinstance(table, dict):
            raise ValueError
    except OSError:
        raise ModelError(
            f"The model {redact(file.path)} has no contract {redact(beside.name)} beside it; "
            "get both from the same place."
        ) from None
    except (ValueError, RecursionError):
        raise ModelError(f"The model contract {redact(beside)} is no JSON object.") from None
    if table.get("sha256") != hashlib.sha256(file.data).hexdigest():
        raise ModelError(
            f"The model {redact(file.path)} is not the one that {beside.name} beside it was "
            "written for, as their SHA-256 differ; get both from the same place."
        )
    return _read(table, beside)


def _read(table: Mapping[str, Any], beside: Path) -> DynamicsContract:
    wanted = {
        "version": VERSION,
        "rate_hz": RATE_HZ,
        "samples": SAMPLES,
        "landmarks": list(LANDMARKS),
    }
    for name, value in wanted.items():
        if table.get(name) != value:
            raise ModelError(
                f"The model contract {redact(beside)} is for other windows of landmarks, as its "
                f"{name!r} shows; get a model for this version of the program."
            )
    try:
        calibration = table["calibration"]
        contract = DynamicsContract(
            str(table["name"]),
            np.array(table["reference"], np.float64),
            *(float(calibration[name]) for name in ("slope", "offset", "bound")),
        )
        numbers = (contract.slope, contract.offset, contract.bound)
        fits = contract.reference.shape == (POINTS, 3) and np.isfinite(contract.reference).all()
        if not (fits and all(map(math.isfinite, numbers)) and 0 <= contract.bound <= MOST):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise ModelError(
            f"The model contract {redact(beside)} is incomplete or out of range; "
            "get it from where the model is from."
        ) from None
    return contract
