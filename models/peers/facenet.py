"""Inception-ResNet v1 with one output, in the layout of facenet-pytorch.

The network is FaceNet's (Szegedy et al., AAAI 2017; the residual scales .17, .10 and .20 and the
epsilon of .001 come from its TensorFlow original), fine-tuned to say fake with one sigmoid
(aaronespasa/deepfake-detection, Apache-2.0). That checkpoint keeps its weights under
``model_state_dict``; it is not to be had here, so this was tested with random weights in its
layout, whose answers agree with those of facenet-pytorch 2.6.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.contracts import peer_contract, pixels
from models.peers.base import Peer, Weights
from models.peers.files import read_torch
from realtime.contract import CropSpec, OutputSpec

_EPSILON: Final = 1e-3
_Side = int | tuple[int, int]


class _Unit(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(
        self, taken: int, given: int, side: _Side = 1, stride: int = 1, padding: _Side = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, side, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(given, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.bn(self.conv(x))
        return found.relu()


class _Residual(nn.Module):
    """Branches side by side, joined by a 1 x 1 convolution and added at a fraction."""

    def __init__(
        self, branches: list[nn.Module], widths: tuple[int, int], scale: float, *, last: bool
    ) -> None:
        super().__init__()
        self.count = len(branches)
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)
        self.conv2d = nn.Conv2d(*widths, 1)
        self.scale = scale
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([getattr(self, f"branch{i}")(x) for i in range(self.count)], 1)
        found: Tensor = self.conv2d(joined) * self.scale + x
        return found if self.last else found.relu()


def _block35() -> nn.Module:
    two = nn.Sequential(_Unit(256, 32), _Unit(32, 32, 3, 1, 1))
    three = nn.Sequential(_Unit(256, 32), _Unit(32, 32, 3, 1, 1), _Unit(32, 32, 3, 1, 1))
    return _Residual([_Unit(256, 32), two, three], (96, 256), 0.17, last=False)


def _block17() -> nn.Module:
    cross = nn.Sequential(
        _Unit(896, 128), _Unit(128, 128, (1, 7), 1, (0, 3)), _Unit(128, 128, (7, 1), 1, (3, 0))
    )
    return _Residual([_Unit(896, 128), cross], (256, 896), 0.10, last=False)


def _block8(scale: float, *, last: bool = False) -> nn.Module:
    cross = nn.Sequential(
        _Unit(1792, 192), _Unit(192, 192, (1, 3), 1, (0, 1)), _Unit(192, 192, (3, 1), 1, (1, 0))
    )
    return _Residual([_Unit(1792, 192), cross], (384, 1792), scale, last=last)


class _Mixed(nn.Module):
    """Branches that halve the picture, side by side with a pooling."""

    def __init__(self, branches: list[nn.Module]) -> None:
        super().__init__()
        self.count = len(branches)
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)

    def forward(self, x: Tensor) -> Tensor:
        parts = [getattr(self, f"branch{i}")(x) for i in range(self.count)]
        return torch.cat([*parts, functional.max_pool2d(x, 3, 2)], 1)


def _mixed_6a() -> nn.Module:
    deep = nn.Sequential(_Unit(256, 192), _Unit(192, 192, 3, 1, 1), _Unit(192, 256, 3, 2))
    return _Mixed([_Unit(256, 384, 3, 2), deep])


def _mixed_7a() -> nn.Module:
    one = nn.Sequential(_Unit(896, 256), _Unit(256, 384, 3, 2))
    two = nn.Sequential(_Unit(896, 256), _Unit(256, 256, 3, 2))
    three = nn.Sequential(_Unit(896, 256), _Unit(256, 256, 3, 1, 1), _Unit(256, 256, 3, 2))
    return _Mixed([one, two, three])


class InceptionResnetV1(nn.Module):
    """Takes ``(N, 3, 256, 256)`` RGB in 0..1, gives the logit of fake ``(N, 1)``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = _Unit(3, 32, 3, 2)
        self.conv2d_2a = _Unit(32, 32, 3)
        self.conv2d_2b = _Unit(32, 64, 3, 1, 1)
        self.conv2d_3b = _Unit(64, 80)
        self.conv2d_4a = _Unit(80, 192, 3)
        self.conv2d_4b = _Unit(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(_block35() for _ in range(5)))
        self.mixed_6a = _mixed_6a()
        self.repeat_2 = nn.Sequential(*(_block17() for _ in range(10)))
        self.mixed_7a = _mixed_7a()
        self.repeat_3 = nn.Sequential(*(_block8(0.20) for _ in range(5)))
        self.block8 = _block8(1.0, last=True)
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=_EPSILON)
        self.logits = nn.Linear(512, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_4a(self.conv2d_3b(functional.max_pool2d(x, 3, 2)))
        x = self.mixed_6a(self.repeat_1(self.conv2d_4b(x)))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x)).mean((2, 3))
        logit: Tensor = self.logits(self.last_bn(self.last_linear(x)))
        return logit


def _read(path: Path) -> Weights:
    return read_torch(path, ("model_state_dict",))


PEERS: Final = (
    Peer(
        "inception-resnet-v1",
        InceptionResnetV1,
        _read,
        peer_contract(
            "Inception-ResNet v1, one output",
            "inception-resnet-v1",
            pixels(256),
            CropSpec(
                kind="box",
                margin=0.0,
                square=False,
                align="none",
                interpolation="linear",
                padding="edge",
            ),
            OutputSpec(kind="logit", fake_index=0, invert=False, cam=""),
            trained_on="VGGFace2, then frames of the Deep Fake Detection set, as published",
            licence="Apache-2.0 as published; ask who made other weights",
        ),
    ),
)
