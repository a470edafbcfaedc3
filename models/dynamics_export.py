"""Writes a judge of landmark windows as ONNX with its contract beside it, and proves both."""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from models.dynamics_fit import judge
from models.dynamics_measure import Line
from realtime.cues.dynamics_model import VERSION, DynamicsModel
from realtime.cues.landmark_windows import LANDMARKS, POINTS, RATE_HZ, SAMPLES, WINDOW_S
from realtime.errors import ConfigError, ModelError

OPSET: Final = 17
TOLERANCE: Final = 1e-3
_LICENCE: Final = (
    "Apache-2.0 (code and weights); see the model card for the recordings it learned from"
)


def export(
    net: nn.Module,
    reference: NDArray[np.float64],
    fitted: Line,
    output: Path,
    *,
    trained_on: str,
    held_out: Mapping[str, Any],
) -> str:
    """Write ``output`` and the ``.json`` of its name; returns the SHA-256.

    Raises:
        ModelError: if PyTorch and ONNX Runtime do not agree.
        ConfigError: if the files cannot be written.
    """
    example = torch.zeros(2, SAMPLES, POINTS, 2)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its own successor
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            net,
            (example,),
            plain,
            dynamo=False,
            opset_version=OPSET,
            input_names=["windows"],
            output_names=["logit"],
            dynamic_axes={"windows": {0: "batch"}, "logit": {0: "batch"}},
        )
        model = onnx.load(plain)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    digest = hashlib.sha256(data).hexdigest()
    contract = {
        "version": VERSION,
        "name": "fakewatch dynamics",
        "rate_hz": RATE_HZ,
        "samples": SAMPLES,
        "window_s": WINDOW_S,
        "landmarks": list(LANDMARKS),
        "reference": np.round(reference, 6).tolist(),
        "calibration": asdict(fitted),
        "trained_on": trained_on,
        "held_out": dict(held_out),
        "licence": _LICENCE,
        "sha256": digest,
    }
    try:
        output.write_bytes(data)
        output.with_suffix(".json").write_text(json.dumps(contract, indent=1) + "\n", "utf-8")
    except OSError as exc:
        raise ConfigError(f"Cannot write {output}: {exc.strerror}.") from None
    _prove(net, output)
    return digest


def _prove(net: nn.Module, output: Path) -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(scale=0.02, size=(16, SAMPLES, POINTS, 2)).cumsum(axis=1)
    windows = windows.astype(np.float32)
    apart = np.abs(judge(net, windows) - DynamicsModel(output).logits(windows)).max()
    if not apart <= TOLERANCE:
        raise ModelError(f"torch and ONNX disagree by {apart:.1e}; do not use {output.name}.")
