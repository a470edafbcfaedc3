"""The model contract: everything a model needs to know about its own input and output.

It travels inside the ONNX file, as JSON under the metadata key ``fakewatch``, and can be read
beside it in ``<model>.json``, which holds the same contract and the SHA-256 of the ONNX file.
Nothing here is optional, because a wrong pre-processing fails silently.

The value a model sees is ``(pixel * scale - mean) / std`` for pixels of 0..255. What it gives
becomes a log-odds of fake, and the calibrated log-odds is ``logit / temperature + bias``.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from realtime.errors import ModelError
from realtime.redact import redact

METADATA_KEY: Final = "fakewatch"
VERSION: Final = 1
MIN_SIZE: Final = 16
MAX_SIZE: Final = 1024
MAX_BYTES: Final = 65_536
MAX_TEXT: Final = 4_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The tensor the model takes, ``(N, C, h, w)`` or ``(N, h, w, C)`` float32.

    ``size`` is ``(height, width)``. ``mean`` and ``std`` have one entry a channel, in the order
    of ``colour`` and in the unit that pixels have once multiplied by ``scale``.
    """

    size: tuple[int, int]
    layout: Literal["nchw", "nhwc"]
    colour: Literal["rgb", "bgr", "gray"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def channels(self) -> int:
        """1 for gray, else 3."""
        return 1 if self.colour == "gray" else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one sample, in the order of ``layout``."""
        h, w = self.size
        return (self.channels, h, w) if self.layout == "nchw" else (h, w, self.channels)


@dataclass(frozen=True, slots=True)
class CropSpec:
    """Which part of the frame the model sees.

    ``kind``: ``landmark_box`` is the bounding box of the 468 landmarks of the face, ``box`` the
    box as tracked, ``align5`` a similarity transform of the eyes, the nose and the corners of
    the mouth onto a template. ``margin`` is added on each side, as a fraction of that side.
    ``square``: the shorter side of the box first grows to the longer one; otherwise the box is
    stretched to the input size. ``align``: ``none``; ``roll`` turns a ``landmark_box`` until
    the eyes are level; ``arcface`` and ``caddm`` are templates of ``align5``. ``interpolation``
    is used to enlarge, shrinking always averages over areas. ``padding`` fills what lies outside
    the frame; with ``inside`` nothing does, as the crop shrinks and moves into the frame.
    """

    kind: Literal["landmark_box", "box", "align5"]
    margin: float
    square: bool
    align: Literal["none", "roll", "arcface", "caddm"]
    interpolation: Literal["linear", "cubic"]
    padding: Literal["reflect", "black", "edge", "inside"]


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """How the first output ``(N,)``, ``(N, 1)`` or ``(N, K)`` becomes a log-odds of fake.

    ``kind``: ``logit`` is one log-odds or K logits before a softmax, ``sigmoid`` a probability,
    ``softmax`` K probabilities. ``fake_index`` is the column that speaks for fake, and with
    ``invert`` the one that speaks for real. ``cam`` is the name of the second output, the
    class activation map ``(N, h, w)`` or ``(N, 1, h, w)`` in units of the logit and of the sign
    of the first output, empty if there is none.
    """

    kind: Literal["logit", "sigmoid", "softmax"]
    fake_index: int
    invert: bool
    cam: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibrated log-odds = logit / temperature + bias (Platt scaling; Guo et al., ICML 2017)."""

    temperature: float
    bias: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Calibrated probabilities of fake at which the verdict becomes graver, ascending."""

    uncertain: float
    strong: float
    very_strong: float


@dataclass(frozen=True, slots=True)
class ModelContract:
    """All of it. ``trained_on`` and ``licence`` are for people, ``notes`` too and may be empty.

    Raises:
        ModelError: on construction, naming the field that is out of range or contradicts
            another one.
    """

    name: str
    arch: str
    input: InputSpec
    crop: CropSpec
    output: OutputSpec
    calibration: Calibration
    thresholds: Thresholds
    trained_on: str
    licence: str
    notes: str = ""

    def __post_init__(self) -> None:
        _check(self)

    def as_dict(self) -> dict[str, Any]:
        """Nested plain dictionary, with the version of this format first."""
        return {"version": VERSION, **dataclasses.asdict(self)}

    def to_metadata(self) -> dict[str, str]:
        """What an exporter writes into ``metadata_props`` of the ONNX model."""
        return {METADATA_KEY: json.dumps(self.as_dict(), ensure_ascii=False)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ModelContract:
        """Read the contract out of an ONNX file's metadata.

        Raises:
            ModelError: naming the field that is missing, unknown or wrong.
        """
        if METADATA_KEY not in metadata:
            raise ModelError(
                f"The model has no contract: its ONNX metadata lacks the key {METADATA_KEY!r}; "
                "export it with tools/export_onnx.py."
            )
        return _from_table(_parse(metadata[METADATA_KEY]))

    def to_json(self, sha256: str) -> str:
        """The sidecar's text: the contract and the ONNX file's hash (64 hexadecimal digits)."""
        table = {**self.as_dict(), "sha256": _hash(sha256)}
        return json.dumps(table, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> tuple[ModelContract, str]:
        """Read a sidecar: the contract and the hash that its ONNX file must have.

        Raises:
            ModelError: naming the field that is missing, unknown or wrong.
        """
        table = _parse(text)
        if "sha256" not in table:
            raise _missing("sha256")
        sha256 = _hash(table.pop("sha256"))
        return _from_table(table), sha256

    def differences(self, other: ModelContract) -> tuple[str, ...]:
        """Dotted names of the fields in which two contracts differ."""
        return tuple(_differences(self.as_dict(), other.as_dict(), ""))


def _hash(value: object) -> str:
    text = value.lower() if isinstance(value, str) else ""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise _wrong("sha256", "must be 64 hexadecimal digits")
    return text


def _wrong(name: str, what: str) -> ModelError:
    return ModelError(f"The model contract is wrong: {redact(name)!r} {what}.")


def _missing(name: str) -> ModelError:
    return ModelError(f"The model contract is incomplete: {redact(name)!r} is missing.")


def _parse(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise ModelError(f"The model contract is longer than {MAX_BYTES} characters.")
    try:
        table = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ModelError("The model contract is not valid JSON.") from None
    if not isinstance(table, dict):
        raise ModelError("The model contract must be a JSON object.")
    return table


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, value in pairs:
        if name in table:
            raise _wrong(name, "is given twice")
        table[name] = value
    return table


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _from_table(table: dict[str, Any]) -> ModelContract:
    if "version" not in table:
        raise _missing("version")
    version = table.pop("version")
    if type(version) is not int or version != VERSION:
        raise _wrong("version", f"must be {VERSION}; this program reads no other")
    return _build(ModelContract, table, "")


def _build(kind: type[T], table: Mapping[str, Any], prefix: str) -> T:
    hints = get_type_hints(kind)
    for name in table:
        if name not in hints:
            raise _wrong(f"{prefix}{name}", "is no field of it")
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = f"{prefix}{field.name}"
        if field.name in table:
            values[field.name] = _convert(hints[field.name], table[field.name], name)
        elif field.default is dataclasses.MISSING:
            raise _missing(name)
    return kind(**values)


def _convert(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise _wrong(name, "must be an object")
        return _build(kind, value, f"{name}.")
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise _wrong(name, f"must be one of {', '.join(get_args(kind))}")
        return value
    if get_origin(kind) is tuple:
        return _convert_list(get_args(kind), value, name)
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    if type(value) is not kind:
        words = {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}
        raise _wrong(name, f"must be {words[kind]}")
    if kind is str and not (len(value) <= MAX_TEXT and _is_plain(value)):
        raise _wrong(name, f"must be plain text of at most {MAX_TEXT} characters")
    return value


def _is_plain(text: str) -> bool:
    return text.replace("\n", " ").replace("\t", " ").isprintable()


def _convert_list(kinds: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(name, "must be a list")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise _wrong(name, f"must have {len(kinds)} entries")
    return tuple(
        _convert(kind, item, f"{name}[{i}]")
        for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _check(contract: ModelContract) -> None:
    for name in ("name", "arch", "licence", "trained_on"):
        if not getattr(contract, name).strip():
            raise _wrong(name, "must not be empty")
    for name in ("name", "arch"):
        if len(getattr(contract, name)) > 100 or not getattr(contract, name).isprintable():
            raise _wrong(name, "must be one line of at most 100 characters")
    _check_input(contract.input)
    _check_crop(contract.crop, contract.input)
    if contract.output.fake_index < 0:
        raise _wrong("output.fake_index", "must not be negative")
    if contract.output.kind == "sigmoid" and contract.output.fake_index != 0:
        raise _wrong("output.fake_index", "must be 0, as a sigmoid has one column")
    if not 0.01 <= contract.calibration.temperature <= 100:
        raise _wrong("calibration.temperature", "must lie between 0.01 and 100")
    if not abs(contract.calibration.bias) <= 100:
        raise _wrong("calibration.bias", "must lie between -100 and 100")
    steps = contract.thresholds
    if not 0 < steps.uncertain < steps.strong < steps.very_strong < 1:
        raise _wrong("thresholds", "must be probabilities that ascend between 0 and 1")


def _check_input(spec: InputSpec) -> None:
    if not all(MIN_SIZE <= side <= MAX_SIZE for side in spec.size):
        raise _wrong("input.size", f"must lie between {MIN_SIZE} and {MAX_SIZE}")
    if not 0 < spec.scale <= 1e3:
        raise _wrong("input.scale", "must be greater than 0 and at most 1000")
    for name in ("mean", "std"):
        values = getattr(spec, name)
        if len(values) != spec.channels:
            raise _wrong(f"input.{name}", f"must have {spec.channels} entries for {spec.colour}")
        if not all(math.isfinite(value) for value in values):
            raise _wrong(f"input.{name}", "must be finite")
    if not all(value >= 1e-6 for value in spec.std):
        raise _wrong("input.std", "must be greater than 0")


def _check_crop(spec: CropSpec, target: InputSpec) -> None:
    if not 0 <= spec.margin <= 2:
        raise _wrong("crop.margin", "must lie between 0 and 2")
    allowed = {"landmark_box": ("none", "roll"), "box": ("none",), "align5": ("arcface", "caddm")}
    if spec.align not in allowed[spec.kind]:
        words = " or ".join(allowed[spec.kind])
        raise _wrong("crop.align", f"must be {words} for a crop of kind {spec.kind}")
    if spec.padding == "inside" and spec.align != "none":
        raise _wrong("crop.padding", "can be inside only where crop.align is none")
    if spec.kind == "align5" and not spec.square:
        raise _wrong("crop.square", "must be true for a crop of kind align5")
    if spec.square and target.size[0] != target.size[1]:
        raise _wrong("crop.square", "is true but input.size is not square")


def _differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str) -> list[str]:
    names: list[str] = []
    for name, value in one.items():
        if isinstance(value, dict):
            names += _differences(value, other[name], f"{prefix}{name}.")
        elif value != other[name]:
            names.append(f"{prefix}{name}")
    return names
