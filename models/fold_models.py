"""The network that left a fold out, as a file that the engine runs."""

from __future__ import annotations

from pathlib import Path

from models import checkpoints
from models.calibrate import CalibrationFile
from models.contracts import contract_for
from models.crossfit import fold_name
from models.peers.convert import export


def exported(runs: Path, fold: int, fitted: CalibrationFile) -> Path:
    """Write ``detector.onnx`` beside the checkpoint of a fold of `models.recipe`.

    It carries the calibration of the final network.

    Raises:
        ModelError: if the checkpoint is missing or damaged.
    """
    folder = runs / fold_name(fold)
    state = checkpoints.load(folder / "last.pt")
    contract = contract_for(
        state.arch, fitted.calibration, fitted.thresholds, state.recipe, fitted.notes
    )
    output = folder / "detector.onnx"
    export(checkpoints.network(state), contract, output)
    return output
