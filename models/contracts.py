"""The contract of a network trained here."""

from __future__ import annotations

from models.networks import CROP, INPUT
from realtime.contract import Calibration, ModelContract, OutputSpec, Thresholds

LICENCE = "Apache-2.0 (code and weights); see the model card for the pictures it learned from"

UNCALIBRATED = Calibration(temperature=1.0, bias=0.0)
DEFAULT_THRESHOLDS = Thresholds(uncertain=0.5, strong=0.8, very_strong=0.95)


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
