"""Export: the ONNX file is the network, its contract is whole, and rubbish is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoints
from models.checkpoints import Checkpoint
from models.networks import build
from realtime.contract import Calibration, ModelContract, Thresholds
from realtime.scorer import OnnxScorer
from realtime.types import Crop
from tools import export_onnx
from weights import DETECTOR


@pytest.fixture(scope="module")
def state() -> Checkpoint:
    torch.manual_seed(4)
    net = build("cellnet")
    torch.nn.init.normal_(net.head.weight, std=0.3)
    weights = net.state_dict()
    return Checkpoint(
        arch="cellnet",
        step=12,
        seconds=180.0,
        best=0.6,
        pictures=384,
        seed=9,
        recipe="12 steps of 32 pictures, pseudo-fakes of real faces, 3 minutes",
        raw=weights,
        weights=weights,
        optimizer={},
        random=torch.get_rng_state(),
    )


@pytest.fixture
def checkpoint(state: Checkpoint, tmp_path: Path) -> Path:
    checkpoints.save(tmp_path / "c.pt", state)
    return tmp_path / "c.pt"


def run(checkpoint: Path, output: Path, *more: str) -> int:
    return export_onnx.main(["--checkpoint", str(checkpoint), "--output", str(output), *more])


def test_the_onnx_file_agrees_with_torch_and_carries_its_contract(
    checkpoint: Path, state: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "d.onnx"
    assert run(checkpoint, output) == 0
    assert "random crops" in capsys.readouterr().out
    beside, digest = ModelContract.from_json(output.with_suffix(".json").read_text("utf-8"))
    scorer = OnnxScorer(output, digest, "cpu")
    try:
        assert scorer.contract == beside
        assert beside.arch == "cellnet"
        assert "384 pictures" in beside.trained_on
        crops = export_onnx.random_crops(beside)[:5]
        scores = scorer.score(crops, 0.0)
    finally:
        scorer.close()
    for score in scores:
        assert score is not None
        assert score.cam is not None
        assert score.cam.shape == (12, 12)
        assert score.cam.mean() + state.weights["bias"].item() == pytest.approx(
            score.logit, abs=1e-4
        )


def test_the_calibration_ends_up_in_the_contract(
    checkpoint: Path, state: Checkpoint, tmp_path: Path
) -> None:
    output, fitted = tmp_path / "d.onnx", tmp_path / "fit.json"
    table = {
        "weights": checkpoints.fingerprint(state),
        "calibration": asdict(Calibration(1.7, -0.2)),
        "thresholds": asdict(Thresholds(0.5, 0.8, 0.9)),
        "notes": "Of a test.",
    }
    fitted.write_text(json.dumps(table))
    assert run(checkpoint, output, "--calibration", str(fitted)) == 0
    found, _ = ModelContract.from_json(output.with_suffix(".json").read_text("utf-8"))
    assert found.calibration == Calibration(1.7, -0.2)
    assert found.thresholds == Thresholds(0.5, 0.8, 0.9)
    assert found.notes == "Of a test."

    table["weights"] = "0" * 64
    fitted.write_text(json.dumps(table))
    assert run(checkpoint, output, "--calibration", str(fitted)) == 4


def test_a_disagreement_is_an_error_and_leaves_no_file(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_onnx, "TOLERANCE", -1.0)
    assert run(checkpoint, tmp_path / "d.onnx") == 4
    assert not list(tmp_path.glob("d.*"))


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_with_code_is_refused_and_the_code_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap = tmp_path / "sprung"
    torch.save({"format": _Trap(trap)}, tmp_path / "zip.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(_Trap(trap)))
    for name in ("zip.pt", "raw.pt"):
        assert run(tmp_path / name, tmp_path / "d.onnx") == 4
        assert capsys.readouterr().err.count("\n") == 1
    assert not trap.exists()


@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "rubbish", "cut", "alien"])
def test_a_checkpoint_that_cannot_be_used_is_one_sentence(
    kind: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.pt"
    if kind == "directory":
        bad.mkdir()
    elif kind == "cut":
        bad.write_bytes(checkpoint.read_bytes()[:1000])
    elif kind == "alien":
        torch.save({"model_state_dict": {"w": torch.zeros(2)}}, bad)
    elif kind != "missing":
        bad.write_bytes(b"" if kind == "empty" else b"\x80\x02rubbish" * 9)
    assert run(bad, tmp_path / "d.onnx") == 4
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("d.*"))


@pytest.mark.parametrize("kind", ["missing key", "other shape", "other arch"])
def test_weights_of_another_network_are_refused(
    kind: str, state: Checkpoint, tmp_path: Path
) -> None:
    weights = dict(state.weights)
    if kind == "missing key":
        del weights["bias"]
    elif kind == "other shape":
        weights["bias"] = torch.zeros(3)
    arch = "resnet" if kind == "other arch" else "cellnet"
    checkpoints.save(tmp_path / "c.pt", replace(state, arch=arch, weights=weights))
    assert run(tmp_path / "c.pt", tmp_path / "d.onnx") == 4


def test_outputs_that_cannot_be_written_end_with_usage(checkpoint: Path, tmp_path: Path) -> None:
    assert run(checkpoint, tmp_path / "d.bin") == 2
    assert run(checkpoint, tmp_path / "nowhere" / "d.onnx") == 2
    (tmp_path / "taken.onnx").mkdir()
    assert run(checkpoint, tmp_path / "taken.onnx") == 2


def test_the_built_in_detector_is_whole_small_and_calibrated(tmp_path: Path) -> None:
    contract, digest = ModelContract.from_json(DETECTOR.with_suffix(".json").read_text("utf-8"))
    shutil.copy(DETECTOR, tmp_path / "alone.onnx")
    assert DETECTOR.stat().st_size < 10_000_000
    assert (DETECTOR.parent / "MODEL_CARD.md").is_file()
    assert contract.calibration != Calibration(1.0, 0.0)
    scorer = OnnxScorer(tmp_path / "alone.onnx", digest, "cpu")
    try:
        assert scorer.contract == contract
        flat = Crop(1, np.full((*contract.input.size, 3), 128, np.uint8), np.eye(2, 3, dtype="f4"))
        score = scorer.score([flat], 0.0)[0]
    finally:
        scorer.close()
    assert score is not None
    assert np.isfinite(score.logit)
