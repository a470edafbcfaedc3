"""The built-in detector, the weights of the witnesses beside it, and their model card."""

from pathlib import Path
from typing import Final

DETECTOR: Final = Path(__file__).with_name("detector.onnx")
"""The model that runs where none is named; ``detector.json`` and ``MODEL_CARD.md`` lie beside."""

FUSION: Final = Path(__file__).with_name("fusion.json")
"""What the witnesses beside the classifier weigh; see `realtime.cues.fusion`."""

DYNAMICS: Final = Path(__file__).with_name("dynamics.onnx")
"""The model of how features move; ``dynamics.json`` lies beside."""
