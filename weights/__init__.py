"""The built-in detector, its contract and its model card."""

from pathlib import Path
from typing import Final

DETECTOR: Final = Path(__file__).with_name("detector.onnx")
"""The model that runs where none is named; ``detector.json`` and ``MODEL_CARD.md`` lie beside."""
