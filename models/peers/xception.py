"""Xception as DeepfakeBench has it (Chollet, CVPR 2017; Yan et al., NeurIPS 2023).

The first two convolutions are not padded. The checkpoint, not to be had here, also holds a
layer ``adjust_channel`` that the plain detector never runs; it is asked for and not used. Some
checkpoints have dropout before the last layer, which moves it to ``last_linear.1``. Tested with
random weights in that layout.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from models.contracts import peer_contract
from models.peers.base import Peer, Weights
from models.peers.efficientnet import BENCHMARK_CROP, BENCHMARK_INPUT, BENCHMARK_LICENCE
from models.peers.files import read_torch
from realtime.contract import OutputSpec

_FLOW: Final = (
    # taken, given, convolutions, stride
    (64, 128, 2, 2),
    (128, 256, 2, 2),
    (256, 728, 2, 2),
    *((728, 728, 3, 1),) * 8,
    (728, 1024, 2, 2),
)


class _Separable(nn.Module):
    """A 3 x 3 filter for each channel, then a mix of channels."""

    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(taken, taken, 3, padding=1, groups=taken, bias=False)
        self.pointwise = nn.Conv2d(taken, given, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.pointwise(self.conv1(x))
        return found


class _Block(nn.Module):
    """Separable convolutions beside a shortcut; ``late``: channels grow in the last one.

    ``plain``: without the first ReLU, as in the first block.
    """

    def __init__(
        self, taken: int, given: int, count: int, stride: int, *, plain: bool, late: bool
    ) -> None:
        super().__init__()
        if stride != 1 or taken != given:
            self.skip = nn.Conv2d(taken, given, 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(given)
        middle = taken if late else given
        widths = [taken, *[middle] * (count - 1), given]
        steps: list[nn.Module] = []
        for one, two in pairwise(widths):
            steps += [nn.ReLU(), _Separable(one, two), nn.BatchNorm2d(two)]
        if stride != 1:
            steps.append(nn.MaxPool2d(3, stride, 1))
        self.rep = nn.Sequential(*(steps[1:] if plain else steps))

    def forward(self, x: Tensor) -> Tensor:
        short = self.skipbn(self.skip(x)) if hasattr(self, "skip") else x
        found: Tensor = self.rep(x) + short
        return found


class Xception(nn.Module):
    """Takes ``(N, 3, 256, 256)`` RGB in -1..1, gives two logits ``(N, 2)``, real and fake."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        last = len(_FLOW)
        for number, row in enumerate(_FLOW, 1):
            block = _Block(*row, plain=number == 1, late=number == last)
            self.add_module(f"block{number}", block)
        self.conv3 = _Separable(1024, 1536)
        self.bn3 = nn.BatchNorm2d(1536)
        self.conv4 = _Separable(1536, 2048)
        self.bn4 = nn.BatchNorm2d(2048)
        self.last_linear = nn.Linear(2048, 2)
        self.adjust_channel = nn.Sequential(nn.Conv2d(2048, 512, 1), nn.BatchNorm2d(512))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        for number in range(1, len(_FLOW) + 1):
            x = getattr(self, f"block{number}")(x)
        x = functional.relu(self.bn3(self.conv3(x)))
        x = functional.relu(self.bn4(self.conv4(x)))
        logits: Tensor = self.last_linear(x.mean((2, 3)))
        return logits


def in_benchmark(own: str) -> str:
    """The name in DeepfakeBench's checkpoint."""
    return f"backbone.{own}"


def _read(path: Path) -> Weights:
    found = read_torch(path, ("", "state_dict"))
    old, new = "backbone.last_linear.1.", "backbone.last_linear."
    return {
        (new + name.removeprefix(old) if name.startswith(old) else name): value
        for name, value in found.items()
    }


PEERS: Final = (
    Peer(
        "deepfakebench-xception",
        Xception,
        _read,
        peer_contract(
            "DeepfakeBench Xception",
            "deepfakebench-xception",
            BENCHMARK_INPUT,
            BENCHMARK_CROP,
            OutputSpec(kind="logit", fake_index=1, invert=False, cam=""),
            trained_on="FaceForensics++ c23, as published",
            licence=BENCHMARK_LICENCE,
        ),
        in_benchmark,
    ),
)
