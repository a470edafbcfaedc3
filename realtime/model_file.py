"""Reads a model file as the untrusted thing it is, before any library parses it.

The bytes are read once: what was hashed and searched is what runs. A model that keeps its
weights in other files is refused, because it would make the runtime open paths of the model's
choosing.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from realtime.contract import MAX_BYTES, ModelContract
from realtime.errors import ModelError
from realtime.redact import redact

MAX_MODEL_BYTES: Final = 500_000_000
_MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """The bytes of one ONNX file, their SHA-256, and the contract beside it if there is one."""

    path: Path
    data: bytes
    sha256: str
    sidecar: ModelContract | None


def read_model(path: Path, sha256: str = "") -> ModelFile:
    """Read ``path`` and the ``.json`` of the same name, if any.

    Args:
        path: must end in ``.onnx``.
        sha256: what the file must hash to; empty to ask only for what the sidecar says.

    Raises:
        ModelError: if the file is missing, no plain file, empty, larger than 500 MB, no ONNX
            protobuf, refers to external data, or is not of the hash that was asked for.
    """
    if path.suffix.lower() != ".onnx":
        raise ModelError(f"The model {redact(path)} must be a file that ends in .onnx.")
    data = _read(path, MAX_MODEL_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256.strip().lower():
        raise ModelError(
            f"The model {redact(path)} has the SHA-256 {found}, not the one asked for; "
            "do not use it unless you know why."
        )
    sidecar = _read_sidecar(path, found)
    _refuse_external_data(path, data)
    return ModelFile(path, data, found, sidecar)


def read_graph(path: Path) -> ModelFile:
    """As `read_model` for a model whose contract is of another kind, which is left unread.

    Raises:
        ModelError: as `read_model`.
    """
    if path.suffix.lower() != ".onnx":
        raise ModelError(f"The model {redact(path)} must be a file that ends in .onnx.")
    data = _read(path, MAX_MODEL_BYTES)
    _refuse_external_data(path, data)
    return ModelFile(path, data, hashlib.sha256(data).hexdigest(), None)


def _refuse_external_data(path: Path, data: bytes) -> None:
    try:
        external = _has_external_data(memoryview(data))
    except _MalformedError:
        raise ModelError(f"The model {redact(path)} is not an ONNX file, or damaged.") from None
    if external:
        raise ModelError(
            f"The model {redact(path)} keeps weights in other files, which is not allowed; "
            "export it as a single file."
        )


def _read_sidecar(path: Path, sha256: str) -> ModelContract | None:
    beside = path.with_suffix(".json")
    if not os.path.lexists(beside):
        return None
    try:
        text = _read(beside, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"The model contract {redact(beside)} is not UTF-8 text.") from None
    try:
        contract, wanted = ModelContract.from_json(text)
    except ModelError as exc:
        raise ModelError(f"{str(exc).rstrip('.')}, in {redact(beside)}.") from None
    if wanted != sha256:
        raise ModelError(
            f"The model {redact(path)} is not the one that {beside.name} beside it was written "
            "for, as their SHA-256 differ; get both from the same place."
        )
    return contract


def _read(path: Path, limit: int) -> bytes:
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise ModelError(f"The model {redact(path)} is a directory; name the file in it.")
        if not stat.S_ISREG(facts.st_mode):
            raise ModelError(f"The model {redact(path)} is not a plain file.")
        if facts.st_size == 0:
            raise ModelError(f"The model {redact(path)} is empty.")
        if facts.st_size > limit:
            raise ModelError(f"The model {redact(path)} is larger than {limit} bytes.")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise ModelError(f"The model {redact(path)} does not exist.") from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "not a valid path"
        raise ModelError(f"Cannot read the model {redact(path)}: {reason}.") from None
    if len(data) > limit:
        raise ModelError(f"The model {redact(path)} is larger than {limit} bytes.")
    return data


# Which fields of the ONNX messages hold messages in which a tensor can be, and of which kind.
_INSIDE: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA: Final = 13
_DATA_LOCATION: Final = 14


class _MalformedError(Exception):
    """The bytes are not a protobuf message."""


def _has_external_data(data: memoryview) -> bool:
    """Whether any tensor of a serialized ModelProto names a file.

    Walks the wire format (protobuf.dev/programming-guides/encoding) instead of building the
    message, so that no other package is needed and weights are stepped over.
    """
    todo: list[tuple[str, memoryview, int]] = [("model", data, 0)]
    graphs = 0
    while todo:
        kind, message, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise _MalformedError
        graphs += kind == "graph"
        for number, value in _fields(message):
            if kind == "tensor" and (
                number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)
            ):
                return True
            if number in _INSIDE[kind]:
                if not isinstance(value, memoryview):
                    raise _MalformedError
                todo.append((_INSIDE[kind][number], value, depth + 1))
    if not graphs:
        raise _MalformedError
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise _MalformedError
        value: memoryview | int = 0
        if wire == 0:
            value, at = _varint(message, at)
        elif wire == 2:
            size, at = _varint(message, at)
            value = message[at : at + size]
            at += size
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise _MalformedError
        if at > end:
            raise _MalformedError
        yield number, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise _MalformedError
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _MalformedError
