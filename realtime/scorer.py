"""Asks the model about crops: the only place that knows ONNX Runtime.

The contract in the model's metadata says everything; no architecture is known here. Which
provider really runs is read from the session, never from what was asked for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from realtime.config import ScorerConfig
from realtime.contract import ModelContract
from realtime.crops import to_tensor
from realtime.errors import ConfigError, ModelError, ProviderUnavailable
from realtime.model_file import ModelFile, read_model
from realtime.model_output import MAX_BATCH, check_graph, read_logits, read_maps
from realtime.redact import redact
from realtime.types import Crop, FloatArray, ModelInfo, Score

CPU: Final = "CPU"
CUDA: Final = "CUDA"

_CUDA_PROVIDER: Final = "CUDAExecutionProvider"
_CPU_PROVIDER: Final = "CPUExecutionProvider"
_CUDA_OPTIONS: Final = {
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
    # Thresholds were calibrated on full float32.
    "use_tf32": "0",
}
# CUDA's arena grows with every new batch size, so batches are padded to these. A CPU takes any
# size at about the same cost a crop, and padding would waste it.
_BATCHES: Final = {CUDA: (1, 4, 8, 16, MAX_BATCH), CPU: (1, 2, 3, 4, 5, 6, 7, 8)}


class Scorer(Protocol):
    """Whatever can judge crops. Not thread-safe: one thread calls `score`."""

    @property
    def contract(self) -> ModelContract:
        """How crops must be cut for it."""
        ...

    @property
    def info(self) -> ModelInfo:
        """Which model runs, and on which provider it really runs."""
        ...

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        """One entry a crop, in order; None where the model gave no finite number."""
        ...

    def close(self) -> None:
        """Free the model; may be called twice."""
        ...


def load_scorer(config: ScorerConfig) -> OnnxScorer:
    """Load the model that the settings name, or the built-in detector.

    Raises:
        ModelError: one sentence on what is wrong with the model or the device.
    """
    if "://" in config.model:  # before it is a path, which would hide a password from redaction
        raise ModelError(f"The model {redact(config.model)} must be a local file; fetch it first.")
    if config.model:
        path = Path(config.model)
    else:
        import weights  # noqa: PLC0415 - found only when it is needed

        path = weights.DETECTOR
    return OnnxScorer(path, config.sha256, config.device, config.threads)


class OnnxScorer:
    """A model in ONNX Runtime.

    `score` must be called from one thread at a time; `close` after its last call.

    Args:
        path: a file that ends in ``.onnx`` and carries its contract in its metadata.
        sha256: what the file must hash to. Empty accepts the hash in the ``.json`` beside it,
            or any if there is none.
        device: ``cuda`` fails where CUDA does not really run, ``auto`` takes the CPU there.
        threads: on the CPU; idle threads sleep.

    Raises:
        ModelError: if the file or the graph is not what its contract says.
        ProviderUnavailable: if CUDA was asked for and does not run.
    """

    def __init__(
        self, path: Path, sha256: str = "", device: str = "auto", threads: int = 1
    ) -> None:
        if device not in ("auto", "cuda", "cpu"):
            raise ConfigError("The device must be auto, cuda or cpu.")
        file = read_model(Path(path), sha256)
        self._session: Any = None
        try:
            self._start(file, device, threads)
        except ProviderUnavailable:
            raise
        except ModelError:
            if device != "auto":
                raise
            # A provider that is there may yet be unable to run it: a missing cuDNN shows late.
            self._start(file, "cpu", threads)

    def _start(self, file: ModelFile, device: str, threads: int) -> None:
        session, provider = _open(file, device, threads)
        self._contract = _read_contract(session, file)
        self._graph = check_graph(session, self._contract)
        self._batches = (self._graph.batch,) if self._graph.batch else _BATCHES[provider]
        self._info = _info(self._contract, file.sha256, provider)
        self._session = session
        # Proves that the shapes hold, for one crop and for several.
        for count in self._batches[:2]:
            self._run(np.zeros((count, *self._contract.input.shape), np.float32))

    @property
    def contract(self) -> ModelContract:
        """How crops must be cut for it."""
        return self._contract

    @property
    def info(self) -> ModelInfo:
        """Which model runs, and on which provider it really runs (``CPU`` or ``CUDA``)."""
        return self._info

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        """Judge crops of the contract's input size, cut at ``time_s``.

        Returns one entry a crop in their order, None where the model gave NaN or infinity.

        Raises:
            ModelError: if the model fails, or gives what its contract rules out.
        """
        results: list[Score | None] = []
        for start in range(0, len(crops), self._batches[-1]):
            part = crops[start : start + self._batches[-1]]
            logits, cams = self._run(to_tensor([crop.pixels for crop in part], self._contract))
            results += [
                self._score(crop, logit, cam, time_s)
                for crop, logit, cam in zip(part, logits, cams, strict=True)
            ]
        return results

    def close(self) -> None:
        """Free the model; `score` fails from now on."""
        self._session = None

    def _score(
        self, crop: Crop, logit: float, cam: FloatArray | None, time_s: float
    ) -> Score | None:
        if not math.isfinite(logit):
            return None
        if cam is not None and not np.isfinite(cam).all():
            cam = None
        calibration = self._contract.calibration
        log_odds = logit / calibration.temperature + calibration.bias
        height, width = self._contract.input.size
        return Score(
            track_id=crop.track_id,
            time_s=time_s,
            logit=logit,
            log_odds=log_odds,
            probability=0.5 * (1 + math.tanh(log_odds / 2)),
            cam=cam,
            to_crop=crop.to_crop,
            crop_size=(width, height),
        )

    def _run(self, batch: FloatArray) -> tuple[list[float], Sequence[FloatArray | None]]:
        """Logits and maps of a batch no larger than the largest that is run."""
        if self._session is None:
            raise ModelError(f"The model {self._contract.name!r} was closed.")
        count = len(batch)
        size = next(size for size in self._batches if size >= count)
        if size > count:
            batch = np.concatenate([batch, np.zeros((size - count, *batch.shape[1:]), np.float32)])
        graph = self._graph
        names = [graph.score, graph.cam] if graph.cam else [graph.score]
        try:
            outputs = self._session.run(names, {graph.input: batch})
        except Exception as exc:  # noqa: BLE001 - ONNX Runtime's errors share no base
            raise ModelError(f"The model failed while it ran: {_first_line(exc)}.") from None
        logits = read_logits(outputs[0], size, self._contract.output)[:count].tolist()
        if not graph.cam:
            return logits, [None] * count
        return logits, list(read_maps(outputs[1], size, self._contract)[:count])


class CpuGraph:
    """A small graph of one input and one output on the CPU; any number of threads may run it.

    Raises:
        ModelError: if ONNX Runtime cannot load the file, or it has other inputs or outputs.
    """

    def __init__(self, file: ModelFile) -> None:
        self._path = file.path
        self._session, _ = _open(file, "cpu", 1)
        if len(self._session.get_inputs()) != 1 or len(self._session.get_outputs()) != 1:
            raise ModelError(f"The model {redact(file.path)} must have one input and one output.")
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: FloatArray) -> FloatArray:
        """The output for a batch; raises `ModelError` if the model fails."""
        try:
            (found,) = self._session.run(None, {self._input: batch})
        except Exception as exc:  # noqa: BLE001 - ONNX Runtime's errors share no base
            raise ModelError(
                f"The model {redact(self._path)} failed while it ran: {_first_line(exc)}."
            ) from None
        return np.asarray(found, np.float32)


def _runtime() -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - a second at start that not every command needs
    except ImportError as exc:
        raise ProviderUnavailable(
            f"ONNX Runtime cannot be loaded ({_first_line(exc)}); install it again with "
            "pip install --force-reinstall onnxruntime."
        ) from None
    onnxruntime.set_default_logger_severity(4)  # what matters is raised
    return onnxruntime


def _info(contract: ModelContract, sha256: str, provider: str) -> ModelInfo:
    return ModelInfo(
        contract.name,
        sha256,
        provider,
        trained_on=contract.trained_on,
        licence=contract.licence,
        notes=contract.notes,
        thresholds=dataclasses.astuple(contract.thresholds),
    )


def _open(file: ModelFile, device: str, threads: int) -> tuple[Any, str]:
    """A session, and the provider that it really has."""
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    built_with_cuda = _CUDA_PROVIDER in runtime.get_available_providers()
    session = None
    if device != "cpu" and built_with_cuda:
        providers = [(_CUDA_PROVIDER, _CUDA_OPTIONS), _CPU_PROVIDER]
        # Both print what they miss, and standard output carries data only. If it is the model
        # that is bad, the next attempt says so.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            if hasattr(runtime, "preload_dlls"):
                runtime.preload_dlls()
            session = runtime.InferenceSession(
                file.data, options, providers=providers, enable_fallback=0
            )
    if session is None:
        try:
            session = runtime.InferenceSession(file.data, options, providers=[_CPU_PROVIDER])
        except Exception as exc:  # noqa: BLE001 - ONNX Runtime's errors share no base
            raise ModelError(
                f"The model {redact(file.path)} cannot be loaded: {_first_line(exc)}."
            ) from None
    provider = CUDA if _CUDA_PROVIDER in session.get_providers() else CPU
    if device == "cuda" and provider != CUDA:
        raise ProviderUnavailable(
            "CUDA was asked for but does not start here; check the driver with nvidia-smi and "
            "pip install 'onnxruntime-gpu[cuda,cudnn]', or use --device cpu."
            if built_with_cuda
            else "CUDA was asked for but this ONNX Runtime has none; pip uninstall onnxruntime, "
            "then pip install 'onnxruntime-gpu[cuda,cudnn]', or use --device cpu."
        )
    return session, provider


def _read_contract(session: Any, file: ModelFile) -> ModelContract:
    try:
        metadata = session.get_modelmeta().custom_metadata_map
    except ValueError:  # UnicodeDecodeError
        raise ModelError(f"The metadata of {redact(file.path)} is not UTF-8 text.") from None
    contract = ModelContract.from_metadata(metadata)
    if file.sidecar is not None:
        apart = contract.differences(file.sidecar)
        if apart:
            raise ModelError(
                f"The model {redact(file.path)} and the .json beside it contradict each other "
                f"in {', '.join(apart)}; get both from the same place."
            )
    return contract


def _first_line(exc: BaseException) -> str:
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(exc).strip())
    lines = text.splitlines()
    return redact(lines[0][:200].rstrip(". ")) if lines else type(exc).__name__
