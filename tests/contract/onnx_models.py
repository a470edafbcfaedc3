"""Tiny real ONNX models whose answers can be worked out by hand, and contracts for them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from realtime.contract import (
    Calibration,
    CropSpec,
    InputSpec,
    ModelContract,
    OutputSpec,
    Thresholds,
)

OPSET = 17
IR_VERSION = 8


def contract(**changes: Any) -> ModelContract:
    """A valid contract for 32 x 32 RGB; ``input__size=(64, 64)`` changes one nested field."""
    base = ModelContract(
        name="tiny",
        arch="mean",
        input=InputSpec((32, 32), "nchw", "rgb", 1 / 255, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        crop=CropSpec("box", 0.0, True, "none", "linear", "reflect"),
        output=OutputSpec("logit", 0, False, ""),
        calibration=Calibration(1.0, 0.0),
        thresholds=Thresholds(0.5, 0.8, 0.95),
        trained_on="nothing",
        licence="Apache-2.0",
    )
    whole: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        head, _, tail = name.partition("__")
        if tail:
            parts.setdefault(head, {})[tail] = value
        else:
            whole[head] = value
    for head, fields in parts.items():
        whole[head] = dataclasses.replace(getattr(base, head), **fields)
    return dataclasses.replace(base, **whole)


def linear(
    about: ModelContract,
    *,
    weights: np.ndarray | None = None,
    bias: float | np.ndarray = 0.0,
    cam: bool | None = None,
    batch: str | int = "batch",
    flat: bool = False,
) -> onnx.ModelProto:
    """Weights times the mean of each channel, plus a bias; then sigmoid or softmax.

    ``weights`` is ``(columns, channels)``. The map, if any, is the first weighted sum at each of
    4 x 4 cells, so that its mean plus the bias is the first logit: the exact CAM of a network
    with global average pooling. ``flat`` gives the output ``(N,)``.
    """
    spec = about.input
    if weights is None:
        weights = np.ones((1, spec.channels), np.float32)
    columns = len(weights)
    initial = [
        numpy_helper.from_array(weights.astype(np.float32)[:, :, None, None], "w"),
        numpy_helper.from_array(
            np.broadcast_to(np.asarray(bias, np.float32), (columns,)).copy(), "b"
        ),
    ]
    nodes = []
    pixels = "input"
    if spec.layout == "nhwc":
        nodes.append(helper.make_node("Transpose", ["input"], ["nchw"], perm=[0, 3, 1, 2]))
        pixels = "nchw"
    cell = [spec.size[0] // 4, spec.size[1] // 4]
    nodes += [
        helper.make_node("AveragePool", [pixels], ["cells"], kernel_shape=cell, strides=cell),
        helper.make_node("Conv", ["cells", "w"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Add", ["flat", "b"], ["logits"]),
    ]
    last = "logits"
    if about.output.kind == "sigmoid":
        nodes.append(helper.make_node("Sigmoid", ["logits"], ["p"]))
        last = "p"
    elif about.output.kind == "softmax":
        nodes.append(helper.make_node("Softmax", ["logits"], ["p"], axis=1))
        last = "p"
    shape: list[str | int] = [batch, columns]
    if flat:
        initial.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
        nodes.append(helper.make_node("Squeeze", [last, "axis"], ["squeezed"]))
        last, shape = "squeezed", [batch]
    nodes.append(helper.make_node("Identity", [last], ["output"]))
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)]
    if about.output.cam if cam is None else cam:
        initial.append(numpy_helper.from_array(np.array([0], np.int64), "first"))
        nodes.append(helper.make_node("Gather", ["map", "first"], ["cam"], axis=1))
        outputs.append(helper.make_tensor_value_info("cam", TensorProto.FLOAT, [batch, 1, 4, 4]))
    return build(about, nodes, outputs, initial, batch=batch)


def build(
    about: ModelContract | None,
    nodes: list[onnx.NodeProto],
    outputs: list[onnx.ValueInfoProto],
    initial: list[onnx.TensorProto],
    *,
    shape: list[str | int] | None = None,
    batch: str | int = "batch",
    elements: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model with one input of the contract's shape, or of ``shape``, and its metadata."""
    if shape is None:
        shape = [batch, *(about or contract()).input.shape]
    inputs = [helper.make_tensor_value_info("input", elements, shape)]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initial)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    if about is not None:
        helper.set_model_props(model, about.to_metadata())
    return model


def save(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> Path:
    """Write it down without a sidecar."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path
