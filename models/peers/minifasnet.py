"""MiniFASNet V2 and V1SE, which tell a live face from a print or a screen.

Silent-Face-Anti-Spoofing by Minivision (2020, Apache-2.0): narrow inverted residuals in the
manner of MobileFaceNet (Chen et al., CCBR 2018), pruned unevenly, V1SE with squeeze and
excitation in the last block of each stage. It is no detector of face swaps: a swap shown by a
camera is a live face to it. Of three classes the one in the middle is live.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from torch import Tensor, nn

from models.contracts import peer_contract, pixels
from models.peers.base import Peer
from models.peers.files import read_torch
from realtime.contract import CropSpec, ModelContract, OutputSpec

_WIDTHS: Final = (32, 64, 128, 128)
"""Channels of the stem and between the three stages."""

_V2: Final = ((103, 13, 13, 13, 13), (231, 231, 52, 26, 77, 26, 26), (308, 26, 26))
_V1: Final = ((103, 13, 26, 13, 52), (231, 154, 52, 26, 52, 26, 26), (308, 26, 26))
"""Channels inside the blocks of each stage, the first of which halves the picture."""


class _Unit(nn.Module):
    """Convolution and normalisation, then PReLU if ``active``."""

    def __init__(
        self,
        taken: int,
        given: int,
        side: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        padding: int = 0,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, side, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(given)
        self.prelu = nn.PReLU(given) if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.prelu(self.bn(self.conv(x)))
        return found


class _Gate(nn.Module):
    """Squeeze and excitation (Hu et al., CVPR 2018) with normalised layers."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.fc2 = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn1(self.fc1(x.mean((2, 3), keepdim=True))).relu()
        found: Tensor = x * self.bn2(self.fc2(inner)).sigmoid()
        return found


class _Block(nn.Module):
    """Widen, filter each channel, narrow; with a shortcut where nothing is halved."""

    def __init__(self, taken: int, inner: int, given: int, stride: int, gated: bool) -> None:
        super().__init__()
        self.conv = _Unit(taken, inner)
        self.conv_dw = _Unit(inner, inner, 3, stride, inner, padding=1)
        self.project = _Unit(inner, given, active=False)
        self.shortcut = stride == 1
        self.se_module = _Gate(given, given // 4) if gated else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.se_module(self.project(self.conv_dw(self.conv(x))))
        return x + found if self.shortcut else found


class _Stage(nn.Module):
    """Blocks that keep size and channels."""

    def __init__(self, channels: int, inner: tuple[int, ...], gated: bool) -> None:
        super().__init__()
        last = len(inner) - 1
        self.model = nn.Sequential(
            *(_Block(channels, w, channels, 1, gated and i == last) for i, w in enumerate(inner))
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.model(x)
        return found


class MiniFASNet(nn.Module):
    """Takes ``(N, 3, 80, 80)`` BGR in 0..255, gives three logits ``(N, 3)``, live in the middle."""

    def __init__(self, inner: tuple[tuple[int, ...], ...], gated: bool) -> None:
        super().__init__()
        stem, one, two, three = _WIDTHS
        self.conv1 = _Unit(3, stem, 3, 2, padding=1)
        self.conv2_dw = _Unit(stem, stem, 3, 1, stem, padding=1)
        self.conv_23 = _Block(stem, inner[0][0], one, 2, False)
        self.conv_3 = _Stage(one, inner[0][1:], gated)
        self.conv_34 = _Block(one, inner[1][0], two, 2, False)
        self.conv_4 = _Stage(two, inner[1][1:], gated)
        self.conv_45 = _Block(two, inner[2][0], three, 2, False)
        self.conv_5 = _Stage(three, inner[2][1:], gated)
        self.conv_6_sep = _Unit(three, 512)
        self.conv_6_dw = _Unit(512, 512, 5, 1, 512, active=False)
        self.linear = nn.Linear(512, 128, bias=False)
        self.bn = nn.BatchNorm1d(128)
        self.prob = nn.Linear(128, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_23(self.conv2_dw(self.conv1(x)))
        x = self.conv_45(self.conv_4(self.conv_34(self.conv_3(x))))
        x = self.conv_6_dw(self.conv_6_sep(self.conv_5(x)))
        logits: Tensor = self.prob(self.bn(self.linear(x.flatten(1))))
        return logits


def _contract(arch: str, name: str, reach: float) -> ModelContract:
    """``reach``: side of the crop in units of the face's box."""
    return peer_contract(
        name,
        arch,
        pixels(80, colour="bgr", scale=1.0),
        CropSpec(
            kind="box",
            margin=round((reach - 1) / 2, 3),
            square=False,
            align="none",
            interpolation="linear",
            padding="inside",
        ),
        OutputSpec(kind="logit", fake_index=1, invert=True, cam=""),
        trained_on="live faces, prints and screens, not published",
        licence="Apache-2.0",
        notes="Liveness of what is before a camera, not face swaps; class 1 is live.",
    )


PEERS: Final = (
    Peer(
        "minifasnet-v2",
        partial(MiniFASNet, _V2, False),
        read_torch,
        _contract("minifasnet-v2", "MiniFASNet V2", 2.7),
        reals_below_zero=True,
    ),
    Peer(
        "minifasnet-v1se",
        partial(MiniFASNet, _V1, True),
        read_torch,
        _contract("minifasnet-v1se", "MiniFASNet V1SE", 4.0),
        reals_below_zero=True,
    ),
)
