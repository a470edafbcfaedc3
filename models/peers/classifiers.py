"""Any classifier of torchvision that someone trained to tell fakes: ``torchvision:NAME``.

Nothing in such a file says how pictures must be prepared. What is assumed is in the contract
(224 px, RGB, ImageNet's mean and deviation, the square landmark box with a tenth around it, two
classes of which the second is fake), and every field of it can be set otherwise.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

from models.contracts import peer_contract
from models.peers.base import Peer, Weights
from models.peers.files import read_torch
from realtime.contract import CropSpec, InputSpec, ModelContract, OutputSpec
from realtime.errors import ConfigError

PREFIX: Final = "torchvision:"
_ENTRIES: Final = ("", "state_dict", "model_state_dict", "model")

_INPUT: Final = InputSpec(
    (224, 224), "nchw", "rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
)
_CROP: Final = CropSpec(
    kind="landmark_box",
    margin=0.1,
    square=True,
    align="none",
    interpolation="linear",
    padding="reflect",
)


class Classifier(nn.Module):
    """One of torchvision's, which gives logits ``(N, classes)``."""

    def __init__(self, name: str, classes: int) -> None:
        super().__init__()
        self.net: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits


def classifier(arch: str, classes: int = 2) -> Peer:
    """The peer ``torchvision:NAME``, of which the last of ``classes`` outputs is fake.

    Raises:
        ConfigError: if torchvision has no such classifier, or ``classes`` is out of range.
    """
    name = arch.removeprefix(PREFIX)
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ConfigError(
            f"torchvision has no classifier {name!r}; try one of {', '.join(known[:4])}, ..."
        )
    if not 1 <= classes <= 1000:
        raise ConfigError("The number of classes must lie between 1 and 1000.")
    return Peer(
        arch,
        partial(Classifier, name, classes),
        _read,
        _contract(arch, name, classes),
        _published,
    )


def _read(path: Path) -> Weights:
    return read_torch(path, _ENTRIES)


def _published(own: str) -> str:
    return own.removeprefix("net.")


def _contract(arch: str, name: str, classes: int) -> ModelContract:
    return peer_contract(
        f"torchvision {name}",
        arch,
        _INPUT,
        _CROP,
        OutputSpec(kind="logit", fake_index=classes - 1, invert=False, cam=""),
        trained_on="unknown",
        licence="unknown; ask who trained it",
        notes="The pre-processing was assumed unless it was stated on export.",
    )
