"""The command line that converts published checkpoints: what it proves, says and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from models.catalog import Clip
from models.peers import polarity
from models.peers.polarity import KnownClip, Verdict, judge
from models.peers.registry import find
from realtime.contract import ModelContract
from realtime.errors import ExitCode, ModelError
from realtime.scorer import OnnxScorer
from realtime.types import Crop
from tests.conftest import DATA, needs_data
from tests.contract.onnx_models import contract, linear
from tests.contract.onnx_models import save as save_onnx
from tests.unit.peer_files import filled, save_keras
from tools import export_onnx

PLACE = np.eye(2, 3, dtype=np.float32)
Ask = Callable[..., str]


@pytest.fixture
def meso(tmp_path: Path) -> Path:
    return save_keras(filled(find("meso4")), tmp_path / "meso.h5")


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run the command, demand an exit code, and give what it printed."""

    def run(arch: str, checkpoint: Path, *more: str, code: int = ExitCode.OK) -> str:
        output = tmp_path / "made.onnx"
        fixed = ["--arch", arch, "--checkpoint", str(checkpoint), "--output", str(output)]
        assert export_onnx.main([*fixed, *more]) == code
        said = capsys.readouterr()
        if code == ExitCode.OK:
            return said.out
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert said.out == ""
        return said.err

    return run


def made(tmp_path: Path) -> ModelContract:
    about, digest = ModelContract.from_json((tmp_path / "made.json").read_text("utf-8"))
    scorer = OnnxScorer(tmp_path / "made.onnx", digest, "cpu")
    try:
        assert scorer.contract == about
    finally:
        scorer.close()
    return about


def crop(value: int, size: int) -> Crop:
    return Crop(1, np.full((size, size, 3), value, np.uint8), PLACE)


def test_a_converted_network_says_of_a_crop_what_the_network_says(
    ask: Ask, meso: Path, tmp_path: Path
) -> None:
    said = ask("meso4", meso)
    assert "48 random crops" in said
    assert "polarity not checked" in said
    assert "departs" not in said
    assert made(tmp_path) == find("meso4").contract
    net = find("meso4").load(meso)
    scorer = OnnxScorer(tmp_path / "made.onnx", device="cpu")
    try:
        score = scorer.score([crop(90, 256)], 0.0)[0]
    finally:
        scorer.close()
    assert score is not None
    with torch.inference_mode():
        real = net(torch.full((1, 3, 256, 256), 90 / 255)).item()
    assert score.logit == pytest.approx(-real, abs=1e-4)


def test_fields_that_are_set_end_up_in_the_contract_and_departures_are_said(
    ask: Ask, meso: Path, tmp_path: Path
) -> None:
    said = ask("meso4", meso, "--set", "crop.margin=0.2", "--set", "trained_on=my own faces")
    assert "departs from the published one in crop.margin." in said
    about = made(tmp_path)
    assert (about.crop.margin, about.trained_on) == (0.2, "my own faces")
    table = {**find("meso4").contract.as_dict(), "name": "mine", "sha256": "0" * 64}
    (tmp_path / "given.json").write_text(json.dumps(table))
    ask("meso4", meso, "--contract", str(tmp_path / "given.json"), "--set", "licence=MIT")
    assert (made(tmp_path).name, made(tmp_path).licence) == ("mine", "MIT")


def test_a_classifier_of_torchvision_with_its_own_preprocessing(ask: Ask, tmp_path: Path) -> None:
    arch = "torchvision:shufflenet_v2_x0_5"
    torch.save(find(arch, 1).build().net.state_dict(), tmp_path / "c.pth")
    more = ("--classes", "1", "--set", "input.size=[64,64]", "--set", "input.colour=bgr")
    assert "departs" not in ask(arch, tmp_path / "c.pth", *more)
    about = made(tmp_path)
    assert (about.input.size, about.input.colour, about.output.fake_index) == ((64, 64), "bgr", 0)
    assert "fc.weight" in ask(arch, tmp_path / "c.pth", code=ExitCode.MODEL)


@pytest.mark.parametrize("batch", ["batch", 1])
def test_a_ready_file_keeps_its_graph_and_gets_a_contract(
    batch: str | int, ask: Ask, tmp_path: Path
) -> None:
    about = contract(output__cam="cam", output__invert=True)
    model = linear(about, batch=batch)
    onnx.helper.set_model_props(model, {"author": "someone"})
    ready = save_onnx(model, tmp_path, "ready.onnx")
    table = about.as_dict()
    (tmp_path / "given.json").write_text(json.dumps(table))
    said = ask("onnx", ready, "--contract", str(tmp_path / "given.json"))
    assert "its graph against ONNX Runtime on 2 random crops" in said
    assert made(tmp_path) == about
    written = onnx.load(tmp_path / "made.onnx")
    assert written.graph == model.graph
    assert {p.key for p in written.metadata_props} == {"author", "fakewatch"}


def test_a_contract_on_the_command_line_alone(ask: Ask, tmp_path: Path) -> None:
    about = contract()
    ready = save_onnx(linear(about), tmp_path, "ready.onnx")
    pairs: list[str] = []
    for group in ("input", "crop", "output"):
        for name, value in about.as_dict()[group].items():
            pairs += ["--set", f"{group}.{name}={json.dumps(value)}"]
    said = ask("onnx", ready, *pairs, code=ExitCode.MODEL)
    assert "'trained_on' is missing" in said
    ask("onnx", ready, *pairs, "--set", "trained_on=x", "--set", "licence=MIT")
    assert made(tmp_path).crop == about.crop
    assert made(tmp_path).name == "ready"
    assert "--contract" in ask("onnx", ready, code=ExitCode.USAGE)


@pytest.mark.parametrize(
    ("pair", "named"),
    [
        ("input.size=[64,64]", "input"),
        ("input.layout=nhwc", "input"),
        ("output.fake_index=1", "output.fake_index"),
        ("output.cam=cam", "output.cam"),
        ("output.kind=sigmoid", "output.kind"),
        ("output.kind=softmax", "output.kind"),
    ],
)
def test_a_contract_that_contradicts_the_graph_is_refused(
    pair: str, named: str, ask: Ask, tmp_path: Path
) -> None:
    ready = save_onnx(linear(contract(), bias=3.0), tmp_path, "ready.onnx")
    (tmp_path / "given.json").write_text(json.dumps(contract().as_dict()))
    more = ("--contract", str(tmp_path / "given.json"), "--set", pair)
    assert f"'{named}'" in ask("onnx", ready, *more, code=ExitCode.MODEL)
    assert not list(tmp_path.glob("made.*"))


@pytest.mark.parametrize(
    "pair",
    ["input.size=[128,128]", "input.layout=nhwc", "output.fake_index=3", "output.cam=cam"],
)
def test_a_contract_that_contradicts_the_network_is_refused(
    pair: str, ask: Ask, meso: Path
) -> None:
    ask("meso4", meso, "--set", pair, code=ExitCode.MODEL)


@pytest.mark.parametrize(
    ("more", "code", "named"),
    [
        (["--set", "crop.margin=-1"], ExitCode.MODEL, "'crop.margin'"),
        (["--set", "crop.size=1"], ExitCode.MODEL, "'crop.size'"),
        (["--set", "name.first=x"], ExitCode.USAGE, "'name.first'"),
        (["--set", "crop.margin"], ExitCode.USAGE, "FIELD=VALUE"),
        (["--set", "=3"], ExitCode.USAGE, "FIELD=VALUE"),
        (["--contract", "/nonexistent.json"], ExitCode.USAGE, "cannot be read"),
        (["--calibration", "fit.json"], ExitCode.USAGE, "calibration"),
        (["--data", "/nonexistent"], ExitCode.USAGE, "/nonexistent"),
    ],
)
def test_options_that_make_no_sense(
    more: list[str], code: int, named: str, ask: Ask, meso: Path
) -> None:
    assert named in ask("meso4", meso, *more, code=code)


def test_unknown_architectures_and_checkpoints_of_others(
    ask: Ask, meso: Path, tmp_path: Path
) -> None:
    assert "meso4" in ask("mesonet", meso, code=ExitCode.USAGE)
    assert "mesoinception4" in ask("mesoinception4", meso, code=ExitCode.MODEL)
    torch.save({"w": torch.zeros(2)}, tmp_path / "c.pth")
    assert "minifasnet-v2" in ask("minifasnet-v2", tmp_path / "c.pth", code=ExitCode.MODEL)
    (tmp_path / "list.json").write_text("[]")
    ask("meso4", meso, "--contract", str(tmp_path / "list.json"), code=ExitCode.USAGE)
    (tmp_path / "made.onnx").write_bytes(b"")
    assert "another file" in ask("onnx", tmp_path / "made.onnx", code=ExitCode.USAGE)


@pytest.mark.parametrize("kind", ["missing", "empty", "rubbish", "no graph", "external"])
def test_a_ready_file_that_is_none_is_refused(kind: str, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(json.dumps(contract().as_dict()))
    ready = tmp_path / "ready.onnx"
    model = linear(contract())
    if kind == "external":
        tensor = model.graph.initializer[0]
        onnx.external_data_helper.set_external_data(tensor, "other.bin")
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
    elif kind == "no graph":
        model = onnx.ModelProto(ir_version=8)
    if kind in ("external", "no graph"):
        ready.write_bytes(model.SerializeToString())
    elif kind != "missing":
        ready.write_bytes(b"" if kind == "empty" else b"rubbish" * 99)
    more = ("--contract", str(tmp_path / "given.json"))
    assert str(ready) in ask("onnx", ready, *more, code=ExitCode.MODEL)


def test_a_graph_that_the_reference_cannot_run_is_said_and_not_hidden(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onnx import reference

    class _Lacking:
        def __init__(self, model: onnx.ModelProto) -> None:
            raise NotImplementedError("no such operator")

    monkeypatch.setattr(reference, "ReferenceEvaluator", _Lacking)
    ready = save_onnx(linear(contract()), tmp_path, "ready.onnx")
    (tmp_path / "given.json").write_text(json.dumps(contract().as_dict()))
    assert "not compared" in ask("onnx", ready, "--contract", str(tmp_path / "given.json"))


def known(levels: dict[bool, list[int]]) -> list[KnownClip]:
    """Clips of one grey level each; the level is all that `linear` looks at."""
    return [
        KnownClip(Clip(Path(f"{fake}{i}"), "x", fake, "", "validation"), (crop(level, 32),) * 2)
        for fake, values in levels.items()
        for i, level in enumerate(values)
    ]


def test_known_clips_decide_whether_anything_is_written(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bright = known({False: list(range(10, 60, 6)), True: list(range(150, 200, 6))})
    monkeypatch.setattr(polarity, "known_clips", lambda *_: bright)
    ready = save_onnx(linear(contract(), bias=-1.2), tmp_path, "ready.onnx")
    (tmp_path / "given.json").write_text(json.dumps(contract().as_dict()))
    more = ("--contract", str(tmp_path / "given.json"), "--data", str(tmp_path))
    said = ask("onnx", ready, *more)
    assert "known fakes rank above known reals" in said
    assert "9 of 9 reals on the real side, 9 of 9 fakes on the fake side" in said
    assert "2 real crops" in said
    before = (tmp_path / "made.onnx").read_bytes()
    said = ask("onnx", ready, *more, "--set", "output.invert=true", code=ExitCode.MODEL)
    assert "BELOW" in said
    assert (tmp_path / "made.onnx").read_bytes() == before, "what was there must stay"


@pytest.mark.parametrize(
    ("reals", "fakes", "stated", "want"),
    [
        ([-3, -2, -1, -2, -3], [1, 2, 3, 2, 1], False, Verdict.RIGHT),
        ([3, 2, 4, 2, 3], [5, 6, 7, 8, 9], True, Verdict.RIGHT),
        ([1, 2, 3, 2, 1], [-3, -2, -1, -2, -3], False, Verdict.REVERSED),
        ([-1, -2, -3, -4, -5, -6], [-1, -2, -3, -4, -5, -6], False, Verdict.UNDECIDED),
        ([-1, -2, -3, -4, -5, -6], [-1, -2, -3, -4, -5, -6], True, Verdict.AS_STATED),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], True, Verdict.CONTRADICTED),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], False, Verdict.UNDECIDED),
        ([1, -2, 3, -4, 5, -6], [1, -2, 3, -4, 5, -6], True, Verdict.UNDECIDED),
        ([-1], [2], True, Verdict.UNDECIDED),
    ],
)
def test_the_verdict_on_the_sign(
    reals: list[int], fakes: list[int], stated: bool, want: Verdict
) -> None:
    found = judge(np.array(reals, float), np.array(fakes, float), reals_below_zero=stated)
    assert found.verdict == want
    assert found.describe().isprintable()


def test_the_sign_cannot_be_judged_on_one_class() -> None:
    with pytest.raises(ModelError, match="real and fake clips"):
        judge(np.zeros(0), np.ones(3), reals_below_zero=False)


def test_clips_are_spread_over_methods_and_those_with_a_counterpart_come_first() -> None:
    found: list[Any] = [
        Clip(Path(f"{kind}{i}"), kind, True, "p" if i == 3 else "", "validation")
        for kind in ("a", "b", "c")
        for i in range(4)
    ]
    chosen = [clip.path.name for clip in polarity._spread(found, 5)]
    assert chosen == ["a3", "b3", "c3", "a0", "b0"]
    assert len(polarity._spread(found, 99)) == 12


@needs_data
def test_on_real_clips_a_reversed_mesonet_is_found_out(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = polarity.known_clips(DATA, find("meso4").contract, 8)
    assert [clip.clip.fake for clip in cut] == [False] * 8 + [True] * 8
    assert all(1 <= len(clip.crops) <= 6 for clip in cut)
    monkeypatch.setattr(polarity, "known_clips", lambda *_: cut)
    file, more = DATA / "weights" / "Meso4_DF.h5", ("--data", str(DATA))
    said = ask("meso4", file, *more)
    assert "known reals land on the real side, as its authors state" in said
    assert "48 real crops" in said
    said = ask("meso4", file, *more, "--set", "output.invert=false", code=ExitCode.MODEL)
    assert "FAKE side" in said
