"""The contracts of networks trained here, and the parts that those of peers have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from models.networks import CROP, INPUT
from realtime.contract import (
    METADATA_KEY,
    Calibration,
    CropSpec,
    InputSpec,
    ModelContract,
    OutputSpec,
    Thresholds,
)
from realtime.errors import ConfigError

LICENCE = "Apache-2.0 (code and weights); see the model card for the pictures it learned from"

UNCALIBRATED = Calibration(temperature=1.0, bias=0.0)
DEFAULT_THRESHOLDS = Thresholds(uncertain=0.5, strong=0.8, very_strong=0.95)
_NOT_CALIBRATED: Final = (
    "Not calibrated: the number is what the network gives, no probability, and the thresholds "
    "are no more than round."
)


def contract_for(
    arch: str,
    calibration: Calibration = UNCALIBRATED,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    trained_on: str = "nothing yet",
    notes: str = "",
) -> ModelContract:
    """How a network named ``arch`` takes its input and gives its output."""
    return ModelContract(
        name=f"fakewatch {arch}",
        arch=arch,
        input=INPUT,
        crop=CROP,
        output=OutputSpec(kind="logit", fake_index=0, invert=False, cam="cam"),
        calibration=calibration,
        thresholds=thresholds,
        trained_on=trained_on,
        licence=LICENCE,
        notes=notes,
    )


def pixels(
    size: int, colour: str = "rgb", scale: float = 1 / 255, mean: float = 0.0, std: float = 1.0
) -> InputSpec:
    """A square input ``(N, 3, size, size)`` that treats the three channels alike."""
    order: Any = colour
    return InputSpec((size, size), "nchw", order, scale, (mean,) * 3, (std,) * 3)


def peer_contract(
    name: str,
    arch: str,
    taken: InputSpec,
    crop: CropSpec,
    output: OutputSpec,
    *,
    trained_on: str,
    licence: str,
    notes: str = "",
) -> ModelContract:
    """The contract of a network that others trained; nobody has calibrated it."""
    return ModelContract(
        name=name,
        arch=arch,
        input=taken,
        crop=crop,
        output=output,
        calibration=UNCALIBRATED,
        thresholds=DEFAULT_THRESHOLDS,
        trained_on=trained_on,
        licence=licence,
        notes=f"{notes} {_NOT_CALIBRATED}".strip(),
    )


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> ModelContract:
    """A contract from a plain table (`ModelContract.as_dict`) and values for dotted names.

    Raises:
        ConfigError: for a name whose head is no group of fields.
        ModelError: naming the field that is missing, unknown or wrong.
    """
    table = json.loads(json.dumps(base))
    for name, value in changes.items():
        *heads, last = name.split(".")
        inner = table
        for head in heads:
            inner = inner.setdefault(head, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"The contract has no field {name!r}, for {head!r} is a value.")
        inner[last] = value
    return ModelContract.from_metadata({METADATA_KEY: json.dumps(table, ensure_ascii=False)})
