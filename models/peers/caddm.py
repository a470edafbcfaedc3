"""CADDM with a ResNet-34 (Dong et al., CVPR 2023, megvii-research/CADDM, code Apache-2.0).

The network classifies from the sum of two vectors: the pooled features of the trunk, and what
its artifact detection module makes of their 7 x 7 map in four steps to 1 x 1. The heads of that
module that place boxes serve training only; they and the trunk's own last layer are in the
checkpoint, under ``network``, so they are asked for and not used. Pictures go in as OpenCV reads
them, BGR in 0..255, without normalisation. The checkpoint is not to be had here: tested with
random weights in its layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torch import Tensor, nn
from torchvision.models import resnet34  # type: ignore[import-untyped]

from models.contracts import peer_contract, pixels
from models.peers.base import Peer, Weights
from models.peers.files import read_torch
from realtime.contract import CropSpec, OutputSpec

_WIDTH: Final = 512


class _Step(nn.Module):
    """A residual block whose first convolution is not padded, so that the map shrinks."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_WIDTH, _WIDTH, side)
        self.bn1 = nn.BatchNorm2d(_WIDTH)
        self.conv2 = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(_WIDTH)
        self.downsample = nn.Sequential(
            nn.Conv2d(_WIDTH, _WIDTH, side, bias=False), nn.BatchNorm2d(_WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn1(self.conv1(x)).relu()
        found: Tensor = self.bn2(self.conv2(inner)) + self.downsample(x)
        return found.relu()


class _Last(nn.Module):
    """The same without normalisation, from 3 x 3 to 1 x 1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_WIDTH, _WIDTH, 3)
        self.conv2 = nn.Conv2d(_WIDTH, _WIDTH, 1)
        self.downsample = nn.Conv2d(_WIDTH, _WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv2(self.conv1(x).relu()) + self.downsample(x)
        return found.relu()


class _Boxes(nn.Module):
    """Heads of training: two kinds of box, each with a place and two classes, at four scales."""

    def __init__(self) -> None:
        super().__init__()
        sides = (3, 3, 3, 1)
        self.ms_dets = nn.ModuleList(nn.Conv2d(_WIDTH, 8, s, padding=s // 2) for s in sides)
        self.ms_cls = nn.ModuleList(nn.Conv2d(_WIDTH, 4, s, padding=s // 2) for s in sides)


class _Module(nn.Module):
    """The artifact detection module."""

    def __init__(self) -> None:
        super().__init__()
        steps = [nn.Sequential(_Step(side)) for side in (1, 3, 3)]
        self.adm_extra_layers = nn.Sequential(*steps, _Last())
        self.multi_scale_detection_module = _Boxes()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.adm_extra_layers(x)
        return found


class Caddm(nn.Module):
    """Takes ``(N, 3, 224, 224)`` BGR in 0..255, gives two logits ``(N, 2)``, real and fake."""

    def __init__(self) -> None:
        super().__init__()
        self.base_model = resnet34(weights=None)
        self.adm = _Module()
        self.fc = nn.Linear(_WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        trunk = self.base_model
        x = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(x))))
        x = trunk.layer4(trunk.layer3(trunk.layer2(trunk.layer1(x))))
        logits: Tensor = self.fc((x.mean((2, 3), keepdim=True) + self.adm(x)).flatten(1))
        return logits


def _read(path: Path) -> Weights:
    return read_torch(path, ("network",))


PEERS: Final = (
    Peer(
        "caddm-resnet34",
        Caddm,
        _read,
        peer_contract(
            "CADDM ResNet-34",
            "caddm-resnet34",
            pixels(224, colour="bgr", scale=1.0),
            CropSpec(
                kind="align5",
                margin=0.0,
                square=True,
                align="caddm",
                interpolation="linear",
                padding="black",
            ),
            OutputSpec(kind="logit", fake_index=1, invert=False, cam=""),
            trained_on="FaceForensics++, as published",
            licence="Apache-2.0 (code); that of the weights is not stated",
        ),
    ),
)
