"""Everything that can be wrong with a model ends in one sentence, or in "not assessable"."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from realtime import model_file
from realtime.config import ScorerConfig
from realtime.contract import METADATA_KEY
from realtime.errors import ConfigError, ExitCode, ModelError, ProviderUnavailable
from realtime.scorer import OnnxScorer, load_scorer
from realtime.types import Crop
from tests.contract.onnx_models import build, contract, linear, save

ROOT = Path(__file__).resolve().parents[2]


def refused(path: Path, **arguments: Any) -> str:
    """Load it, demand one clear sentence with exit code 4, and give the sentence."""
    arguments.setdefault("device", "cpu")
    with pytest.raises(ModelError) as caught:
        OnnxScorer(path, **arguments)
    said = str(caught.value)
    assert caught.value.exit_code == ExitCode.MODEL
    assert said.isprintable()
    assert said.endswith(".")
    assert len(said) < 500
    return said


def output(name: str, shape: list[str | int], elements: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, elements, shape)


def tensor(values: Any, name: str) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def crop(value: int = 100) -> Crop:
    pixels = np.full((32, 32, 3), value, np.uint8)
    return Crop(1, pixels, np.eye(2, 3, dtype=np.float32))


# --- the file


def test_missing(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.onnx")


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "dir.onnx").mkdir()
    assert "directory" in refused(tmp_path / "dir.onnx")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "plain file" in refused(tmp_path / "pipe.onnx")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").touch()
    assert "empty" in refused(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.safetensors", "model", "onnx"])
def test_other_endings_are_not_even_opened(name: str, tmp_path: Path) -> None:
    assert "ends in .onnx" in refused(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [
        np.random.default_rng(0).bytes(10_000),
        b"\x00" * 1000,
        b"a plain text that is no model at all\n" * 50,
        b"PK\x03\x04" + b"\x00" * 100,
        b"\x08\x08",
        b"<html>",
    ],
    ids=["random", "zeros", "text", "zip", "short", "html"],
)
def test_garbage(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert "not an ONNX file" in refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated(share: float, tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    data = linear(contract(output__cam="cam")).SerializeToString()
    rng = np.random.default_rng(1)
    path = tmp_path / "m.onnx"
    survived = 0
    for _ in range(150):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            OnnxScorer(path, device="cpu").score([crop()], 0.0)
            survived += 1
        except ModelError as exc:
            said = str(exc)
            if not said.isprintable():
                pytest.fail(said)
    assert survived < 150


def test_too_large_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(model_file.MAX_MODEL_BYTES + 1)  # sparse: takes no room
    assert "larger than" in refused(path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_unreadable(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    path.chmod(0)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize("name", ["a\nb.onnx", "-x.onnx", "q'\";.onnx", "модель ü 顔.onnx"])
def test_names_of_any_kind(name: str, tmp_path: Path) -> None:
    refused(tmp_path / name)
    path = save(linear(contract()), tmp_path, name)
    assert OnnxScorer(path, device="cpu").info.name == "tiny"


def test_a_name_that_no_system_takes(tmp_path: Path) -> None:
    refused(tmp_path / "a\0b.onnx")
    refused(tmp_path / ("a" * 300 + ".onnx"))


def test_an_address_is_no_file_and_its_password_is_not_repeated() -> None:
    with pytest.raises(ModelError, match="local file") as caught:
        load_scorer(ScorerConfig(model="https://user:secret@host/model.onnx"))
    assert "secret" not in str(caught.value)


# --- the hash


def test_the_right_hash_is_accepted_and_reported(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    assert OnnxScorer(path, wanted.upper(), device="cpu").info.sha256 == wanted
    assert OnnxScorer(path, device="cpu").info.sha256 == wanted


@pytest.mark.parametrize("wanted", ["0" * 64, "abc", "é" * 64])
def test_a_wrong_hash(wanted: str, tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    assert "SHA-256" in refused(path, sha256=wanted)


def test_the_hash_is_checked_before_anything_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"garbage")
    assert "SHA-256" in refused(path, sha256="0" * 64)


# --- the sidecar


def test_a_sidecar_that_fits(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(contract().to_json(sha256), "utf-8")
    assert OnnxScorer(path, device="cpu").contract == contract()


def test_a_sidecar_of_another_file(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    path.with_suffix(".json").write_text(contract().to_json("0" * 64), "utf-8")
    assert "model.json" in refused(path)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "model.json" in refused(path, sha256=right)


def test_a_sidecar_that_says_something_else(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    other = contract(input__scale=1.0)
    path.with_suffix(".json").write_text(other.to_json(sha256), "utf-8")
    assert "input.scale" in refused(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"{}", b" " * 100_000])
def test_a_sidecar_that_is_none(content: bytes, tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    path.with_suffix(".json").write_bytes(content)
    assert "model.json" in refused(path)


def test_a_sidecar_does_not_replace_the_metadata(tmp_path: Path) -> None:
    model = linear(contract())
    del model.metadata_props[:]
    path = save(model, tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(contract().to_json(sha256), "utf-8")
    assert "no contract" in refused(path)


# --- the contract


def test_no_contract(tmp_path: Path) -> None:
    model = linear(contract())
    del model.metadata_props[:]
    assert "no contract" in refused(save(model, tmp_path))


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "name": "x"}'])
def test_a_broken_contract(text: str, tmp_path: Path) -> None:
    model = linear(contract())
    helper.set_model_props(model, {METADATA_KEY: text})
    assert "contract" in refused(save(model, tmp_path))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"input__size": (64, 64)}, "input"),
        ({"input__layout": "nhwc"}, "input"),
        ({"input__colour": "gray", "input__mean": (0.0,), "input__std": (1.0,)}, "input"),
        ({"output__cam": "cam"}, "output.cam"),
        ({"output__cam": "output"}, "output"),
        ({"output__kind": "softmax"}, "output.kind"),
        ({"output__fake_index": 1}, "output.fake_index"),
    ],
)
def test_a_contract_that_the_graph_contradicts(
    changes: dict[str, Any], field: str, tmp_path: Path
) -> None:
    model = linear(contract())
    helper.set_model_props(model, contract(**changes).to_metadata())
    assert f"'{field}'" in refused(save(model, tmp_path))


def test_a_map_that_the_contract_does_not_know(tmp_path: Path) -> None:
    model = linear(contract(), cam=True)
    assert "2 and not one output" in refused(save(model, tmp_path))


def test_a_sigmoid_of_two_columns(tmp_path: Path) -> None:
    model = linear(contract(output__kind="sigmoid"), weights=np.ones((2, 3)))
    assert "'output.kind'" in refused(save(model, tmp_path))


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_logits_that_are_said_to_be_probabilities(kind: str, tmp_path: Path) -> None:
    about = contract(output__kind=kind)
    weights = np.ones((1 if kind == "sigmoid" else 2, 3))
    model = linear(contract(), weights=weights, bias=7.0)
    helper.set_model_props(model, about.to_metadata())
    assert "no probabilities" in refused(save(model, tmp_path))


# --- the graph


def constant_output(shape: list[Any]) -> onnx.ModelProto:
    """Takes crops and gives a constant of ``shape``."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "zeros"], ["output"]),
    ]
    zeros = tensor(np.zeros(shape, np.float32), "zeros")
    open_shape: list[str | int] = [f"d{i}" for i in range(len(shape))]
    return build(contract(), nodes, [output("output", open_shape)], [zeros])


@pytest.mark.parametrize("shape", [[1], [1, 1], [2, 1], [1, 2, 2], [1, 0], []])
def test_an_output_that_does_not_grow_with_the_batch(shape: list[int], tmp_path: Path) -> None:
    assert "in 'output" in refused(save(constant_output(shape), tmp_path))


def test_more_columns_than_sense(tmp_path: Path) -> None:
    model = linear(contract(), weights=np.ones((1001, 3)))
    assert "'output.kind'" in refused(save(model, tmp_path))


@pytest.mark.parametrize(
    "shape",
    [
        ["n", 3, 32],
        ["n", 3, 32, 32, 1],
        ["n", 3, 1_000_000, 1_000_000],
        ["n", 100_000, 32, 32],
        [1_000_000, 3, 32, 32],
    ],
)
def test_an_absurd_input_is_refused_before_it_is_allocated(shape: Any, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["output"], axes=[1]),
    ]
    model = build(contract(), nodes, [output("output", ["n", 1])], [], shape=shape)
    assert "'input'" in refused(save(model, tmp_path))


def test_open_input_dimensions_take_the_size_of_the_contract(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["output"], axes=[1]),
    ]
    shape: list[Any] = ["n", "c", "h", "w"]
    model = build(contract(), nodes, [output("output", ["n", "k"])], [], shape=shape)
    (score,) = OnnxScorer(save(model, tmp_path), device="cpu").score([crop(51)], 0.0)
    assert score is not None
    assert score.logit == pytest.approx(0.2, abs=1e-5)


@pytest.mark.parametrize("elements", [TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.UINT8])
def test_another_input_type(elements: int, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["input"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["output"], axes=[1]),
    ]
    model = build(contract(), nodes, [output("output", ["batch", 1])], [], elements=elements)
    assert "not float32" in refused(save(model, tmp_path))


def test_another_output_type(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("ArgMax", ["flat"], ["output"], axis=1),
    ]
    outputs = [output("output", ["batch", 1], TensorProto.INT64)]
    assert "not float32" in refused(save(build(contract(), nodes, outputs, []), tmp_path))


def test_two_inputs(tmp_path: Path) -> None:
    model = linear(contract())
    model.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [1]))
    model.graph.node.append(helper.make_node("Identity", ["extra"], ["unused"]))
    assert "2 inputs" in refused(save(model, tmp_path))


def test_a_map_larger_than_the_crop_or_of_two_channels(tmp_path: Path) -> None:
    about = contract(output__cam="cam")
    for factor, channels in ((2, 1), (1, 3)):
        nodes = [
            helper.make_node("Flatten", ["input"], ["flat"], axis=1),
            helper.make_node("ReduceMean", ["flat"], ["output"], axes=[1]),
            helper.make_node("Slice", ["input", "from", "to", "axis"], ["part"]),
            helper.make_node("Tile", ["part", "times"], ["cam"]),
        ]
        initial = [
            tensor(np.array([0], np.int64), "from"),
            tensor(np.array([channels], np.int64), "to"),
            tensor(np.array([1], np.int64), "axis"),
            tensor(np.array([1, 1, factor, factor], np.int64), "times"),
        ]
        outputs = [output("output", ["batch", 1]), output("cam", ["batch", "c", "h", "w"])]
        model = build(about, nodes, outputs, initial)
        assert "'output.cam'" in refused(save(model, tmp_path))


def test_a_model_that_fails_at_run_time(tmp_path: Path) -> None:
    """Gather with an index that comes from the picture: fine when it is dark, else out of range."""
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("ReduceMax", ["flat"], ["most"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["most"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["output"]),
    ]
    about = contract(input__scale=1.0)
    table = tensor(np.zeros(100, np.float32), "table")
    path = save(build(about, nodes, [output("output", ["batch"])], [table]), tmp_path)
    scorer = OnnxScorer(path, device="cpu")
    assert scorer.score([crop(99)], 0.0)[0] is not None
    with pytest.raises(ModelError, match="failed while it ran") as caught:
        scorer.score([crop(200)], 0.0)
    assert str(caught.value).isprintable()
    assert scorer.score([crop(99)], 0.0)[0] is not None


def test_a_model_that_fails_at_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["input", "shape"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["output"], axes=[1]),
    ]
    shape = tensor(np.array([7, 5], np.int64), "shape")
    model = build(contract(), nodes, [output("output", ["batch", 1])], [shape])
    assert "failed while it ran" in refused(save(model, tmp_path))


def test_an_operator_that_nobody_knows(tmp_path: Path) -> None:
    model = build(
        contract(),
        [helper.make_node("Exec", ["input"], ["output"], domain="evil")],
        [output("output", ["batch", 1])],
        [],
    )
    model.opset_import.append(helper.make_opsetid("evil", 1))
    assert "cannot be loaded" in refused(save(model, tmp_path))


def test_a_closed_model(tmp_path: Path) -> None:
    scorer = OnnxScorer(save(linear(contract()), tmp_path), device="cpu")
    scorer.close()
    with pytest.raises(ModelError, match="closed"):
        scorer.score([crop()], 0.0)


# --- numbers that are none


def test_nan_and_infinity_are_not_assessable_one_by_one(tmp_path: Path) -> None:
    """The logit is 1 / (mean - 0.2) + log(mean): bad at mean 0, at 51 and nowhere else."""
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("ReduceMax", ["flat"], ["most"], axes=[1]),
        helper.make_node("Sub", ["most", "fifty"], ["apart"]),
        helper.make_node("Reciprocal", ["apart"], ["pole"]),
        helper.make_node("Sub", ["most", "ten"], ["above"]),
        helper.make_node("Log", ["above"], ["log"]),
        helper.make_node("Add", ["pole", "log"], ["output"]),
    ]
    initial = [tensor(np.float32(51), "fifty"), tensor(np.float32(10), "ten")]
    about = contract(input__scale=1.0)
    path = save(build(about, nodes, [output("output", ["batch", 1])], initial), tmp_path)
    scorer = OnnxScorer(path, device="cpu")
    scores = scorer.score([crop(v) for v in (90, 51, 5, 10, 200)], 0.0)
    assert [score is None for score in scores] == [False, True, True, True, False]


@pytest.mark.parametrize("kind", ["logit", "sigmoid", "softmax"])
def test_nan_weights(kind: str, tmp_path: Path) -> None:
    about = contract(output__kind=kind, output__cam="cam")
    weights = np.full((2 if kind == "softmax" else 1, 3), np.nan)
    scorer = OnnxScorer(save(linear(about, weights=weights), tmp_path), device="cpu")
    assert scorer.score([crop(), crop()], 0.0) == [None, None]


def test_a_map_of_nan_is_no_map(tmp_path: Path) -> None:
    about = contract(output__cam="cam")
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["output"], axes=[1]),
        helper.make_node("ReduceMean", ["input"], ["gray"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["gray", "nan"], ["cam"]),
    ]
    outputs = [output("output", ["batch", 1]), output("cam", ["batch", 32, 32])]
    model = build(about, nodes, outputs, [tensor(np.float32(np.nan), "nan")])
    (score,) = OnnxScorer(save(model, tmp_path), device="cpu").score([crop()], 0.0)
    assert score is not None
    assert score.cam is None


# --- weights in other files


def outside(location: str) -> onnx.TensorProto:
    """An initializer whose bytes are in another file."""
    weights = tensor(np.ones((1, 3, 1, 1), np.float32), "w")
    size = len(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(size))):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    return weights


def as_initializer(model: onnx.ModelProto, weights: onnx.TensorProto) -> None:
    model.graph.initializer[0].CopyFrom(weights)


def as_constant(model: onnx.ModelProto, weights: onnx.TensorProto) -> None:
    del model.graph.initializer[0]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=weights))


def in_a_branch(model: onnx.ModelProto, weights: onnx.TensorProto) -> None:
    del model.graph.initializer[0]
    shape = [1, 3, 1, 1]
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["value"], value=weights)],
        "branch",
        [],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, shape)],
    )
    model.graph.initializer.append(tensor(np.array(True), "yes"))
    model.graph.node.insert(
        0, helper.make_node("If", ["yes"], ["w"], then_branch=branch, else_branch=branch)
    )


def in_a_function(model: onnx.ModelProto, weights: onnx.TensorProto) -> None:
    del model.graph.initializer[0]
    body = [helper.make_node("Constant", [], ["value"], value=weights)]
    opsets = list(model.opset_import)
    model.functions.append(helper.make_function("own", "Weights", [], ["value"], body, opsets))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.insert(0, helper.make_node("Weights", [], ["w"], domain="own"))


@pytest.mark.parametrize("place", [as_initializer, as_constant, in_a_branch, in_a_function])
@pytest.mark.parametrize("where", ["beside", "absolute", "above"])
def test_external_data_is_refused(
    place: Callable[[onnx.ModelProto, onnx.TensorProto], None],
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = (tmp_path if where == "above" else folder) / "weights.bin"
    file.write_bytes(np.ones(3, np.float32).tobytes())
    location = {"beside": "weights.bin", "absolute": str(file), "above": "../weights.bin"}[where]
    model = linear(contract())
    place(model, outside(location))
    monkeypatch.chdir(folder)  # where a runtime that is given bytes would look
    assert "keeps weights in other files" in refused(save(model, folder))


def test_all_other_places_of_weights_are_allowed(tmp_path: Path) -> None:
    for place in (as_initializer, as_constant, in_a_branch, in_a_function):
        model = linear(contract())
        place(model, tensor(np.ones((1, 3, 1, 1), np.float32), "w"))
        (score,) = OnnxScorer(save(model, tmp_path), device="cpu").score([crop(51)], 0.0)
        assert score is not None
        assert score.logit == pytest.approx(0.6, abs=1e-5)


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    inner = b""
    for i in range(5000):
        number = (5, 1, 6)[i % 3]  # outermost graph.node, then node.attribute, attribute.graph
        size = len(inner)
        prefix = bytearray([number << 3 | 2])
        while size > 127:
            prefix.append(size & 127 | 128)
            size >>= 7
        inner = bytes([*prefix, size]) + inner
    path = tmp_path / "m.onnx"
    path.write_bytes(
        b"\x3a"
        + bytes([len(inner) & 127 | 128, len(inner) >> 7 & 127 | 128, len(inner) >> 14])
        + inner
    )
    assert "not an ONNX file" in refused(path)


# --- the device


def test_an_unknown_device(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="auto, cuda or cpu"):
        OnnxScorer(save(linear(contract()), tmp_path), device="gpu")


def test_cuda_is_cuda_or_an_error_and_auto_tells_the_truth(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    auto = OnnxScorer(path, device="auto")
    assert auto.score([crop()], 0.0)[0] is not None
    try:
        scorer = OnnxScorer(path, device="cuda")
    except ProviderUnavailable as exc:
        said, code = str(exc), exc.exit_code
    else:
        assert scorer.info.provider == auto.info.provider == "CUDA"
        return
    assert auto.info.provider == "CPU"
    assert "CUDA" in said
    assert "--device cpu" in said
    assert said.count(". ") == 0
    assert code == ExitCode.MODEL


def test_a_runtime_without_cuda_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    path = save(linear(contract()), tmp_path)
    with pytest.raises(ProviderUnavailable, match="onnxruntime-gpu"):
        OnnxScorer(path, device="cuda")
    assert OnnxScorer(path, device="auto").info.provider == "CPU"


def test_a_bad_model_is_not_blamed_on_the_device(tmp_path: Path) -> None:
    model = build(
        contract(),
        [helper.make_node("NoSuchOperator", ["input"], ["output"])],
        [output("output", ["batch", 1])],
        [],
    )
    assert "cannot be loaded" in refused(save(model, tmp_path), device="cuda")
    assert "cannot be loaded" in refused(save(model, tmp_path), device="auto")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_nothing_is_written_past_python(device: str, tmp_path: Path) -> None:
    """The runtime's own noise must reach neither stdout, which is data, nor stderr."""
    path = save(linear(contract()), tmp_path)
    code = (
        "import sys; from pathlib import Path; from realtime.scorer import OnnxScorer\n"
        "from realtime.errors import ModelError\n"
        "try: OnnxScorer(Path(sys.argv[1]), device=sys.argv[2])\n"
        "except ModelError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), device],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_settings_choose_the_model(tmp_path: Path) -> None:
    path = save(linear(contract()), tmp_path)
    config = ScorerConfig(model=str(path), device="cpu")
    scorer = load_scorer(config)
    assert scorer.info.name == "tiny"
    with pytest.raises(ModelError, match="SHA-256"):
        load_scorer(dataclasses.replace(config, sha256="0" * 64))
