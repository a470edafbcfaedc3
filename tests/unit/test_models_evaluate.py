"""Evaluation with the training side: what it measures, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data as pictures

from models import catalog, evaluate
from models.catalog import Clip
from models.judging import PairLogits
from models.networks import build
from realtime.errors import ModelError
from realtime.evaluation.run import Gathered
from realtime.evaluation.summary import Judged
from realtime.sources.synthetic import write_demo_clip
from tests.unit import checkpoint_files
from tests.unit.test_evaluation import seen
from tools import export_onnx


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned nothing."""
    torch.manual_seed(5)
    return checkpoint_files.save(build("cellnet"), tmp_path_factory.mktemp("checkpoint") / "c.pt")


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Path:
    output = checkpoint.with_name("d.onnx")
    assert export_onnx.main(["--checkpoint", str(checkpoint), "--output", str(output)]) == 0
    return output


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of one person who is held out, aged 33, and one short clip of each class."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "faces").mkdir()
    face = cv2.cvtColor(pictures.astronaut()[:260, 90:350], cv2.COLOR_RGB2BGR)
    rows = ["file,source,original,age"]
    name = next(
        text
        for text in (f"{i}.jpg" for i in range(1000))
        if catalog.photo_split("utkface_mohanish", text) == "validation"
    )
    for i in range(3):
        cv2.imwrite(str(folder / "faces" / f"{i}.jpg"), np.roll(face, i, axis=1))
        rows.append(f"{i}.jpg,utkface_mohanish,{name},33")
    (folder / "faces.csv").write_text("\n".join(rows) + "\n")
    for kind in ("real", "fake"):
        (folder / "videos" / kind).mkdir(parents=True)
    write_demo_clip(folder / "videos" / "real" / "a.mp4", 3.0, (320, 240), 10)
    write_demo_clip(folder / "videos" / "fake" / "b.mp4", 2.5, (320, 240), 10)
    return folder


def run(data: Path, folder: Path, *more: object) -> int:
    base = ["--data", str(data), "--cache", str(folder / "cache"), "--no-progress"]
    return evaluate.main([*base, *map(str, more)])


def test_everything_is_measured_and_written(
    data: Path, model: Path, checkpoint: Path, tmp_path: Path
) -> None:
    outputs = ("--json", tmp_path / "e.json", "--html", tmp_path / "e.html")
    few = ("--pairs", 8, "--attacked", 2)
    assert run(data, tmp_path, "--model", model, "--checkpoint", checkpoint, *few, *outputs) == 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert found["complete"] is True
    assert (found["clips"]["real"], found["clips"]["fake"]) == (1, 1)
    assert found["pseudo_fakes"]["pairs"] == 8
    assert found["pseudo_fakes"]["photos"] == 3
    assert list(found["groups"]["age"]) == ["30 to 44"]
    assert found["groups"]["age"]["30 to 44"]["pairs"] == 8
    tones = found["groups"]["skin_tone_estimated"].values()
    assert sum(tone["photos"] for tone in tones) == 3
    for part in ("all", "above_the_usual"):
        assert found["explanation"][part]["crops"] == 8
    attacks = found["adversarial"]["after"]
    assert len(attacks) == 8
    assert found["adversarial"]["pairs"] == 2
    assert found["splits"]["calibrated_on"] == 0
    text = (tmp_path / "e.html").read_text()
    for title in ("Attacks on the crop", "By skin tone, estimated", "point at the blend"):
        assert title in text
    assert "uncalibrated" in text


def test_without_the_checkpoint_there_are_no_attacks(
    data: Path, model: Path, tmp_path: Path
) -> None:
    assert run(data, tmp_path, "--model", model, "--pairs", 1, "--json", tmp_path / "e.json") == 0
    assert json.loads((tmp_path / "e.json").read_text())["adversarial"] is None


def test_a_checkpoint_of_other_weights_is_refused(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(6)
    net = build("cellnet")
    torch.nn.init.normal_(net.head.weight, std=0.3)
    checkpoint_files.save(net, tmp_path / "other.pt")
    capsys.readouterr()
    options = ("--model", model, "--checkpoint", tmp_path / "other.pt", "--pairs", 4)
    assert run(data, tmp_path, *options) == 4
    assert "not what the model was exported from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--checkpoint", "none.pt"), 4, "no checkpoint none.pt"),
        (("--html", "none/e.html"), 2, "Cannot write"),
        (("--conditions", "sepia"), 2, "no condition"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...],
    code: int,
    says: str,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(data, data, *arguments) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert says in error


def test_nobody_held_out_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "x.jpg").write_bytes((data / "faces" / "0.jpg").read_bytes())
    (tmp_path / "faces.csv").write_text("file,source,original\nx.jpg,elsewhere,x.jpg\n")
    assert run(tmp_path, tmp_path) == 2
    assert "held out" in capsys.readouterr().err


def test_clips_of_the_training_are_left_out_and_those_of_the_calibration_told_apart() -> None:
    clips = [
        Clip(Path("a.mp4"), "camera", False, "", "train"),
        Clip(Path("b.mp4"), "camera", False, "", "calibration"),
        Clip(Path("c.mp4"), "camera", False, "", "validation"),
        Clip(Path("d.mp4"), "swap", True, "", "validation"),
    ]
    held = evaluate.held_out(clips)
    assert [clip.path.name for clip in held] == ["b.mp4", "c.mp4", "d.mp4"]
    gathered = Gathered([Judged(clip, seen(float(i))) for i, clip in enumerate(held)])
    found = evaluate._splits(gathered, clips)
    assert (found["trained_on"], found["calibrated_on"]) == (1, 1)
    assert found["never_used"]["clips"]["real"] == 1
    assert found["never_used"]["clips"]["fake"] == 1


def test_pseudo_fakes_are_counted_by_photo_and_by_texture() -> None:
    real = np.array([0.0, 1.0, 2.0, 3.0])
    fake = np.array([1.0, 0.0, 3.0, 4.0])
    textures = np.array(["blur above", "blur above", "none below", "none below"])
    found = evaluate._summary(PairLogits(real, fake, textures, np.array([0, 0, 1, 1])))
    assert found["fake_above_its_real"]["count"] == 3
    assert found["auc_by_texture"] == {"blur above": [0.5, 2], "none below": [0.875, 2]}
    # Wins of the fakes over the reals: 1.5, 0.5, 3.5 and 4 of 16.
    assert found["auc"]["value"] == pytest.approx(9.5 / 16, abs=1e-4)


def test_pairs_without_a_number_are_left_out() -> None:
    real, fake = np.array([0.0, 1.0, np.nan]), np.array([np.nan, 0.0, 3.0])
    judged = PairLogits(real, fake, np.array(["a", "b", "c"]), np.array([0, 1, 2]))
    kept, pairs = evaluate._finite(judged, ["x", "y", "z"])
    assert (kept.fake.tolist(), kept.owners.tolist(), pairs) == ([0], [1], ["y"])
    with pytest.raises(ModelError, match="no number"):
        evaluate._finite(PairLogits(real * np.nan, fake, judged.textures, judged.owners), pairs)
