"""Turn a checkpoint into an ONNX file that carries its contract, and prove that both agree.

Run as ``python tools/export_onnx.py --checkpoint runs/first/best.pt --output detector.onnx``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx
import torch

from models import checkpoints
from models.calibrate import CalibrationFile, read_calibration
from models.catalog import photos
from models.checkpoints import Checkpoint
from models.console import exit_code, say
from models.contracts import DEFAULT_THRESHOLDS, UNCALIBRATED, contract_for
from models.networks import ARCHITECTURES, CellNet
from models.prepare import photo_faces, read_picture
from realtime.contract import ModelContract
from realtime.crops import crop_face, to_tensor
from realtime.errors import ConfigError, ModelError
from realtime.scorer import OnnxScorer
from realtime.types import Crop, FloatArray

OPSET: Final = 17
TOLERANCE: Final = 1e-4
_NO_BOX: Final = (0, 0, 0, 0)
_CHECKED: Final = 48
"""So many crops are compared."""


class Agreement(NamedTuple):
    """Greatest difference between torch and ONNX Runtime over so many ``crops``."""

    logit: float
    cam: float
    crops: int
    real: bool


def export(net: CellNet, contract: ModelContract, output: Path) -> str:
    """Write ``output`` and the readable contract beside it; returns the SHA-256 of the model.

    Raises:
        ConfigError: if the files cannot be written.
    """
    example = torch.zeros(2, *contract.input.shape)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        plain = Path(folder) / "plain.onnx"
        warnings.simplefilter("ignore")  # the exporter announces its own successor
        torch.onnx.export(
            net,
            (example,),
            plain,
            dynamo=False,
            opset_version=OPSET,
            input_names=["crops"],
            output_names=["logit", contract.output.cam],
            dynamic_axes={name: {0: "batch"} for name in ("crops", "logit", contract.output.cam)},
        )
        model = onnx.load(plain)
    onnx.helper.set_model_props(model, contract.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    digest = hashlib.sha256(data).hexdigest()
    try:
        output.write_bytes(data)
        output.with_suffix(".json").write_text(contract.to_json(digest), "utf-8")
    except OSError as exc:
        raise ConfigError(f"Cannot write {output}: {exc.strerror}.") from None
    return digest


def compare(net: CellNet, output: Path, crops: Sequence[Crop], *, real: bool) -> Agreement:
    """Ask both about the same crops, the ONNX file through the scorer that users run."""
    scorer = OnnxScorer(output, device="cpu")
    try:
        scores = scorer.score(crops, 0.0)
        batch = to_tensor([crop.pixels for crop in crops], scorer.contract)
    finally:
        scorer.close()
    with torch.inference_mode():
        logit, cam = net(torch.from_numpy(batch))
    logits = np.array([np.nan if score is None else score.logit for score in scores])
    maps = np.stack([_map(score.cam if score is not None else None) for score in scores])
    return Agreement(
        float(np.abs(logit[:, 0].numpy() - logits).max()),
        float(np.abs(cam.numpy() - maps).max()),
        len(crops),
        real,
    )


def _map(cam: FloatArray | None) -> FloatArray:
    return np.full((1, 1), np.nan, np.float32) if cam is None else cam


def real_crops(data: Path, cache: Path, contract: ModelContract) -> list[Crop]:
    """Crops of real faces, cut as at run time."""
    chosen = [photo for photo in photos(data) if photo.split != "train"][:_CHECKED]
    crops = []
    for face in photo_faces(chosen, cache, say):
        image = read_picture(face.path)
        crop = None if image is None else crop_face(image, _NO_BOX, face.landmarks, contract)
        if crop is not None:
            crops.append(crop)
    return crops


def random_crops(contract: ModelContract) -> list[Crop]:
    """Noise and smooth gradients, where there are no faces at hand."""
    rng = np.random.default_rng(0)
    height, width = contract.input.size
    place = np.eye(2, 3, dtype=np.float32)
    crops = []
    for i in range(_CHECKED):
        ramp = np.linspace(0, 255, width) * rng.uniform(0, 1, 3)[:, None]
        noise = rng.normal(0, i, (height, width, 3))
        pixels = np.clip(ramp.T[None] + noise, 0, 255).astype(np.uint8)
        crops.append(Crop(i, pixels, place))
    return crops


def describe(state: Checkpoint) -> str:
    """What the weights were trained on, in a sentence."""
    return (
        f"self-blended images made from real faces only: {state.pictures} pictures in "
        f"{state.step} steps, {state.seconds / 60:.0f} minutes, seed {state.seed}"
    )


def contract_of(state: Checkpoint, fitted: CalibrationFile | None) -> ModelContract:
    """The contract with the calibration that was fitted to this very checkpoint.

    Raises:
        ModelError: if the calibration belongs to other weights.
    """
    if fitted is None:
        return contract_for(
            state.arch, UNCALIBRATED, DEFAULT_THRESHOLDS, describe(state), "Not calibrated."
        )
    if fitted.weights != checkpoints.fingerprint(state):
        raise ModelError("The calibration was fitted to other weights; run models.calibrate again.")
    return contract_for(
        state.arch, fitted.calibration, fitted.thresholds, describe(state), fitted.notes
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    return exit_code(lambda: _export(options))


def _export(options: argparse.Namespace) -> None:
    output: Path = options.output
    if output.suffix != ".onnx":
        raise ConfigError(f"The output {output} must end in .onnx.")
    if not output.parent.is_dir():
        raise ConfigError(f"There is no folder {output.parent} to write {output.name} into.")
    state = checkpoints.load(options.checkpoint)
    if options.arch and options.arch != state.arch:
        raise ModelError(f"{options.checkpoint} is of a network {state.arch}, not {options.arch}.")
    fitted = read_calibration(options.calibration) if options.calibration else None
    net = checkpoints.network(state)
    contract = contract_of(state, fitted)
    crops = real_crops(options.data, options.cache, contract) if options.data else []
    digest = export(net, contract, output)
    found = compare(net, output, crops or random_crops(contract), real=bool(crops))
    kind = "real" if found.real else "random"
    print(f"{output}: {output.stat().st_size} bytes, sha256 {digest}")
    print(
        f"torch against ONNX Runtime on {found.crops} {kind} crops: "
        f"greatest difference {found.logit:.1e} in logit, {found.cam:.1e} in cam"
    )
    if not max(found.logit, found.cam) <= TOLERANCE:
        output.unlink()
        output.with_suffix(".json").unlink()
        raise ModelError(f"torch and ONNX disagree by more than {TOLERANCE}; nothing was written.")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="export_onnx", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="ends in .onnx")
    parser.add_argument("--arch", choices=sorted(ARCHITECTURES), help="what it must be")
    parser.add_argument("--calibration", type=Path, help="written by models.calibrate")
    parser.add_argument("--data", type=Path, help="folder of real faces to compare on")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
