"""A face made of points that talks and turns, and tiny models of windows of landmarks."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from realtime.cues.base import Sighting
from realtime.cues.landmark_windows import LANDMARKS, POINTS, RATE_HZ, REGIONS, SAMPLES, select
from realtime.types import LANDMARK_COUNT, FaceQuality, FloatArray

GOOD = FaceQuality(150.0, 200.0, 0.0, 0.0, 0.0, 1.0, 0.0, 120.0)
IMAGE = np.zeros((16, 16, 3), np.uint8)
LIPS = np.array(REGIONS["inner lips"])


def resting_face() -> NDArray[np.float64]:
    """``(478, 3)`` points in pixels on a bulge, the outer corners of the eyes 90 px apart."""
    rng = np.random.default_rng(4)
    face = rng.uniform(-80, 80, (LANDMARK_COUNT, 3))
    face[33], face[263] = (-45, -20, 0), (45, -20, 0)
    face[:, 2] = (face[:, 0] ** 2 + face[:, 1] ** 2) / 200
    return np.asarray(face, np.float64)


REFERENCE = select(resting_face().astype(np.float32)).astype(np.float64) / 90


def turned(face: NDArray[np.float64], yaw: float, roll: float, scale: float) -> FloatArray:
    """Turned by angles in degrees, scaled, and moved into the picture."""
    a, b = math.radians(yaw), math.radians(roll)
    about_y = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    about_z = [[math.cos(b), -math.sin(b), 0], [math.sin(b), math.cos(b), 0], [0, 0, 1]]
    rotation = np.array(about_z) @ np.array(about_y)
    return (scale * face @ rotation.T + (320, 240, 0)).astype(np.float32)


def talking(time_s: float, *, opening: float = 5.0, yaw: float = 0.0) -> FloatArray:
    """The face at a time: the lips open and close at 2 Hz by ``opening`` pixels."""
    face = resting_face()
    face[LIPS, 1] += opening * math.sin(4 * math.pi * time_s)
    return turned(face, yaw, 0.0, 1.0)


def sighting(time_s: float, *, hidden: bool = False, yaw: float = 0.0, **how: float) -> Sighting:
    landmarks = talking(time_s, yaw=yaw, **how)
    quality = FaceQuality(150.0, 200.0, yaw, 0.0, 0.0, 1.0, 0.0, 120.0)
    box = np.array([200, 150, 150, 180], np.float32)
    return Sighting(time_s, IMAGE, box, landmarks, quality, None, hidden, None)


def watched(times: Sequence[float], **how: Any) -> Iterator[Sighting]:
    for time_s in times:
        yield sighting(time_s, **how)


def spread_model(gain: float = 1.0) -> onnx.ModelProto:
    """The logit is ``gain`` times the sum of the squares of all movement about the mean."""
    axes = numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes")
    factor = numpy_helper.from_array(np.array(gain, np.float32), "gain")
    nodes = [
        helper.make_node("ReduceMean", ["windows"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["windows", "mean"], ["moved"]),
        helper.make_node("Mul", ["moved", "moved"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "axes"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "gain"], ["logit"]),
    ]
    shape = ["batch", SAMPLES, POINTS, 2]
    graph = helper.make_graph(
        nodes,
        "spread",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch"])],
        [axes, factor],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="test"
    )


def written(folder: Path, model: onnx.ModelProto | None = None, **changes: Any) -> Path:
    """A model and its contract in a folder; ``changes`` replace entries of the contract."""
    path = folder / "dynamics.onnx"
    data = (spread_model() if model is None else model).SerializeToString()
    path.write_bytes(data)
    contract = {
        "version": 1,
        "name": "spread",
        "rate_hz": RATE_HZ,
        "samples": SAMPLES,
        "landmarks": list(LANDMARKS),
        "reference": REFERENCE.tolist(),
        "calibration": {"slope": 1.0, "offset": -0.5, "bound": 2.0},
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    contract.update(changes)
    path.with_suffix(".json").write_text(json.dumps(contract), "utf-8")
    return path
