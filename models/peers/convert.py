"""Writes networks as ONNX files that carry their contract, and proves that both agree."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from realtime.contract import ModelContract
from realtime.crops import to_tensor
from realtime.errors import ConfigError, ModelError
from realtime.model_output import read_logits
from realtime.redact import redact
from realtime.scorer import OnnxScorer
from realtime.types import Crop, FloatArray, Score

OPSET: Final = 17
MAX_BYTES: Final = 500_000_000
CHECKED: Final = 48
"""So many crops are compared."""

Answers = tuple[NDArray[np.float64], "FloatArray | None"]
"""Log-odds of fake ``(N,)`` and maps ``(N, h, w)`` where the model has them."""

Reference = Callable[[FloatArray], Answers]
"""What the exported file must agree with, asked for a batch as the contract wants it."""


class IncomparableError(Exception):
    """The reference cannot answer."""


class Agreement(NamedTuple):
    """Greatest difference between the reference and ONNX Runtime over so many ``crops``.

    ``largest`` and ``brightest`` are the greatest log-odds and the greatest value of a map among
    them. ``real``: whether they are crops of faces.
    """

    logit: float
    cam: float
    crops: int
    real: bool
    largest: float = 0.0
    brightest: float = 0.0


def export(net: nn.Module, contract: ModelContract, output: Path) -> str:
    """Write ``output`` and the readable contract beside it; returns the SHA-256 of the model.

    ``net`` takes what the contract's input says and gives the logits, and the maps after them
    if the contract names a ``cam``. Write into a folder of your own, and `install` once proven.

    Raises:
        ModelError: if the network does not take what its contract says.
    """
    example = torch.zeros(2, *contract.input.shape)
    names = ["logit", contract.output.cam] if contract.output.cam else ["logit"]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        plain = Path(folder) / "plain.onnx"
        warnings.simplefilter("ignore")  # the exporter announces its own successor
        try:
            torch.onnx.export(
                net,
                (example,),
                plain,
                dynamo=False,
                opset_version=OPSET,
                input_names=["crops"],
                output_names=names,
                dynamic_axes={name: {0: "batch"} for name in ("crops", *names)},
            )
        except (RuntimeError, AssertionError, torch.onnx.errors.OnnxExporterError) as exc:
            shape = " x ".join(str(side) for side in contract.input.shape)
            raise ModelError(
                f"{contract.arch} cannot be exported for the input {shape} of its contract: "
                f"{_first_line(exc)}."
            ) from None
        model = onnx.load(plain)
    return write(model, contract, output)


def _first_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return redact(lines[0][:200].rstrip(". ")) if lines else type(exc).__name__


def write(model: onnx.ModelProto, contract: ModelContract, output: Path) -> str:
    """Put the contract into the metadata and write both files; returns the SHA-256."""
    kept = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**kept, **contract.to_metadata()})
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    digest = hashlib.sha256(data).hexdigest()
    output.write_bytes(data)
    output.with_suffix(".json").write_text(contract.to_json(digest), "utf-8")
    return digest


def install(made: Path, output: Path) -> None:
    """Put a model and its sidecar, once they are proven, where they were asked for.

    Raises:
        ConfigError: if the files cannot be written.
    """
    try:
        shutil.copyfile(made, output)
        shutil.copyfile(made.with_suffix(".json"), output.with_suffix(".json"))
    except OSError as exc:
        raise ConfigError(f"Cannot write {output}: {exc.strerror}.") from None


def read_ready(path: Path) -> onnx.ModelProto:
    """An ONNX file that someone else made.

    Raises:
        ModelError: if it is missing, too large, damaged, or keeps weights in other files.
    """
    try:
        if not 0 < path.stat().st_size <= MAX_BYTES:
            raise ModelError(f"The model {path} is empty or larger than {MAX_BYTES} bytes.")
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(f"Cannot read the model {path}: {exc.strerror}.") from None
    try:
        model = onnx.load_model_from_string(data)
        if not model.graph.output:
            raise ValueError
        outside = any(onnx.external_data_helper.uses_external_data(t) for t in _tensors(model))
        if not outside:
            onnx.checker.check_model(model, full_check=True)
    except Exception:  # noqa: BLE001 - protobuf and the checker raise errors of no common base
        raise ModelError(f"The model {path} is not an ONNX file, or damaged.") from None
    if outside:
        raise ModelError(f"The model {path} keeps weights in other files; export it as one file.")
    return model


def _tensors(model: onnx.ModelProto) -> list[Any]:
    found = list(model.graph.initializer)
    for node in model.graph.node:
        found += [attribute.t for attribute in node.attribute if attribute.HasField("t")]
    return found


def ask_torch(net: nn.Module, contract: ModelContract) -> Reference:
    """The network itself as the reference."""

    def ask(batch: FloatArray) -> Answers:
        with torch.inference_mode():
            found = net(torch.from_numpy(batch))
        logit, cam = found if isinstance(found, tuple) else (found, None)
        return _answers(logit.numpy(), None if cam is None else cam.numpy(), contract)

    return ask


def ask_graph(model: onnx.ModelProto, contract: ModelContract) -> Reference:
    """ONNX's own reference implementation of the graph, slow and independent of any runtime.

    Asking raises `IncomparableError` where that implementation cannot run the graph.
    """
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - for ready files only

    outputs = [output.name for output in model.graph.output]
    first = model.graph.input[0]
    fixed = first.type.tensor_type.shape.dim[0].dim_value

    def run(batch: FloatArray) -> dict[str, NDArray[Any]]:
        try:
            found = ReferenceEvaluator(model).run(None, {first.name: batch})
        except Exception as exc:
            raise IncomparableError from exc
        return dict(zip(outputs, found, strict=True))

    def ask(batch: FloatArray) -> Answers:
        size = fixed or len(batch)
        short = -len(batch) % size
        whole = np.concatenate([batch, batch[:1].repeat(short, 0)])
        parts = [run(whole[i : i + size]) for i in range(0, len(whole), size)]
        found = {name: np.concatenate([p[name] for p in parts])[: len(batch)] for name in outputs}
        cam = found.pop(contract.output.cam) if contract.output.cam else None
        return _answers(next(iter(found.values())), cam, contract)

    return ask


def _answers(score: NDArray[Any], cam: FloatArray | None, contract: ModelContract) -> Answers:
    turned = -cam if cam is not None and contract.output.invert else cam
    return read_logits(score, len(score), contract.output), turned


def compare(ask: Reference, output: Path, crops: Sequence[Crop], *, real: bool) -> Agreement:
    """Ask both about the same crops, the ONNX file through the scorer that users run.

    Raises:
        ModelError: if the graph is not what its contract says.
    """
    scorer = OnnxScorer(output, device="cpu")
    try:
        scores = scorer.score(crops, 0.0)
        batch = to_tensor([crop.pixels for crop in crops], scorer.contract)
    finally:
        scorer.close()
    expected, cam = ask(batch)
    logits = np.array([np.nan if score is None else score.logit for score in scores])
    return Agreement(
        float(np.abs(expected - logits).max()),
        0.0 if cam is None else _apart(cam, scores),
        len(crops),
        real,
        float(np.abs(expected).max()),
        0.0 if cam is None else float(np.abs(cam).max()),
    )


def _apart(cam: FloatArray, scores: Sequence[Score | None]) -> float:
    none = np.full((1, 1), np.nan, np.float32)
    maps = [none if score is None or score.cam is None else score.cam for score in scores]
    return float(np.abs(cam.reshape(len(maps), *cam.shape[-2:]) - np.stack(maps)).max())


def random_crops(contract: ModelContract, count: int = CHECKED) -> list[Crop]:
    """Noise and smooth gradients, where there are no faces at hand."""
    rng = np.random.default_rng(0)
    height, width = contract.input.size
    place = np.eye(2, 3, dtype=np.float32)
    crops = []
    for i in range(count):
        ramp = np.linspace(0, 255, width) * rng.uniform(0, 1, 3)[:, None]
        noise = rng.normal(0, i, (height, width, 3))
        pixels = np.clip(ramp.T[None] + noise, 0, 255).astype(np.uint8)
        crops.append(Crop(i, pixels, place))
    return crops
