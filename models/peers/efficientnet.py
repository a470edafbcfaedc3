"""EfficientNet-B4 in the layout of efficientnet_pytorch 0.7.1: SBI and DeepfakeBench.

The network (Tan and Le, ICML 2019) is torchvision's, with what that package does otherwise: it
pads strided convolutions as TensorFlow does, more at the right and the bottom, by amounts worked
out once for pictures of 380 px and kept for every other size, and adds .001 to variances. SBI
(Shiohara and Yamasaki, CVPR 2022) uses it as it is. DeepfakeBench (Yan et al., NeurIPS 2023)
puts an unpadded convolution in place of the first and feeds 256 px. A network that ignores any
of this loads the same weights and scores wrong.

Neither checkpoint is to be had here, so this was tested with random weights in their layouts,
whose answers agree with those of efficientnet_pytorch 0.7.1.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import efficientnet_b4  # type: ignore[import-untyped]

from models.contracts import peer_contract, pixels
from models.peers.base import Peer, Weights
from models.peers.files import read_torch
from realtime.contract import CropSpec, OutputSpec

_REPEATS: Final = (2, 4, 4, 6, 6, 8, 2)
"""Blocks in each of the seven stages of B4."""
_PLACES: Final = {2: (0, 1), 3: (2, 2), 4: (0, 1), 6: (1, 2)}
"""Padding before and behind in the first block of the stages that halve 190, 95, 48, 24 px."""
_STEM: Final = (0, 1)


class _Padded(nn.Conv2d):
    """A convolution with its own padding before and behind, alike in both directions."""

    around: tuple[int, int] = (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        before, behind = self.around
        return super().forward(functional.pad(x, (before, behind, before, behind)))


def _padded(conv: nn.Conv2d, around: tuple[int, int]) -> _Padded:
    made = _Padded(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        conv.stride[0],
        groups=conv.groups,
        bias=False,
    )
    made.around = around
    return made


class EfficientNetB4(nn.Module):
    """Takes ``(N, 3, h, w)`` and gives two logits ``(N, 2)``, real and fake."""

    def __init__(self, stem: tuple[int, int] = _STEM) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
        self.net = efficientnet_b4(weights=None, num_classes=2, norm_layer=norm)
        features = self.net.features
        _pad_first(features[0], stem)
        for stage, around in _PLACES.items():
            _pad_first(features[stage][0].block[1], around)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits


def _pad_first(unit: nn.Module, around: tuple[int, int]) -> None:
    """Replace the convolution at the head of convolution, normalisation, activation."""
    assert isinstance(unit, nn.Sequential)
    conv = unit[0]
    assert isinstance(conv, nn.Conv2d)
    unit[0] = _padded(conv, around)


_ENDS: Final = {
    "net.features.0.0": "_conv_stem",
    "net.features.0.1": "_bn0",
    "net.features.8.0": "_conv_head",
    "net.features.8.1": "_bn1",
    "net.classifier.1": "_fc",
}
_PARTS: Final = {
    "expand.0": "_expand_conv",
    "expand.1": "_bn0",
    "filter.0": "_depthwise_conv",
    "filter.1": "_bn1",
    "gate.fc1": "_se_reduce",
    "gate.fc2": "_se_expand",
    "narrow.0": "_project_conv",
    "narrow.1": "_bn2",
}


def in_package(own: str) -> str:
    """The name that efficientnet_pytorch gives to a tensor of `EfficientNetB4`."""
    head, _, tensor = own.rpartition(".")
    if head in _ENDS:
        return f"{_ENDS[head]}.{tensor}"
    match = re.fullmatch(r"net\.features\.(\d+)\.(\d+)\.block\.(\d)\.(\w+)", head)
    assert match is not None, own
    stage, block, step = (int(match.group(i)) for i in (1, 2, 3))
    steps = ("filter", "gate", "narrow") if stage == 1 else ("expand", "filter", "gate", "narrow")
    number = sum(_REPEATS[: stage - 1]) + block
    return f"_blocks.{number}.{_PARTS[f'{steps[step]}.{match.group(4)}']}.{tensor}"


def in_sbi(own: str) -> str:
    """As `in_package`, as the part ``net`` of SBI's detector."""
    return f"net.{in_package(own)}"


def in_benchmark(own: str) -> str:
    """As `in_package`, as DeepfakeBench's backbone, which has a last layer of its own."""
    name = in_package(own)
    if name.startswith("_fc."):
        return name.replace("_fc.", "backbone.last_layer.")
    return f"backbone.efficientnet.{name}"


def _read_sbi(path: Path) -> Weights:
    return read_torch(path, ("model",))


def _read_benchmark(path: Path) -> Weights:
    return read_torch(path, ("", "state_dict"))


_FAKE_OF_TWO: Final = OutputSpec(kind="logit", fake_index=1, invert=False, cam="")

BENCHMARK_CROP: Final = CropSpec(
    kind="align5",
    margin=0.15,
    square=True,
    align="arcface",
    interpolation="linear",
    padding="black",
)
"""DeepfakeBench: the template of ArcFace with 1.3 times its side."""
BENCHMARK_INPUT: Final = pixels(256, mean=0.5, std=0.5)
BENCHMARK_LICENCE: Final = "CC BY-NC 4.0, not for commercial use"

PEERS: Final = (
    Peer(
        "sbi-efficientnet-b4",
        EfficientNetB4,
        _read_sbi,
        peer_contract(
            "SBI EfficientNet-B4",
            "sbi-efficientnet-b4",
            pixels(380),
            CropSpec(
                kind="box",
                margin=0.125,
                square=False,
                align="none",
                interpolation="linear",
                padding="edge",
            ),
            _FAKE_OF_TWO,
            trained_on="self-blended images of FaceForensics++, as published",
            licence="for non-commercial research only, see mapooon/SelfBlendedImages",
        ),
        in_sbi,
    ),
    Peer(
        "deepfakebench-efficientnet-b4",
        partial(EfficientNetB4, (0, 0)),
        _read_benchmark,
        peer_contract(
            "DeepfakeBench EfficientNet-B4",
            "deepfakebench-efficientnet-b4",
            BENCHMARK_INPUT,
            BENCHMARK_CROP,
            _FAKE_OF_TWO,
            trained_on="FaceForensics++ c23, as published",
            licence=BENCHMARK_LICENCE,
        ),
        in_benchmark,
    ),
)
