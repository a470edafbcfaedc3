"""MesoNet: Meso4 and MesoInception4 (Afchar et al., WIFS 2018, arXiv:1809.00888).

The published files (DariusAf/MesoNet, Apache-2.0) are Keras HDF5 weights. The code that loads
them there gives the probability that a face is *real*. Two things that Keras does differently
are kept: batch normalisation adds 0.001 to the variance, and pictures are flattened with the
channels last. The published Meso4 files list no LeakyReLU layer, the published code has one;
the code is followed.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.contracts import peer_contract, pixels
from models.peers.base import Peer
from models.peers.files import read_keras
from realtime.contract import CropSpec, ModelContract, OutputSpec

_EPSILON: Final = 1e-3
_SLOPE: Final = 0.1
_POOLS: Final = (2, 2, 2, 4)

_CROP: Final = CropSpec(
    kind="landmark_box",
    # 2.2 x 1.3 times the distance from the eyes to the mouth, which is 1.18 times the height of
    # the landmarks of MediaPipe's canonical face
    margin=0.09,
    square=True,
    align="roll",
    interpolation="cubic",
    padding="reflect",
)


class _Head(nn.Module):
    """What both share: four blocks of convolution, ReLU, normalisation and pooling, two layers.

    Takes ``(N, 3, 256, 256)`` RGB in 0..1, gives the logit of *real* ``(N, 1)``. The modules are
    numbered as `models.peers.files.read_keras` numbers the layers.
    """

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.batch_normalization = nn.ModuleList(nn.BatchNorm2d(w, eps=_EPSILON) for w in widths)
        self.dense = nn.ModuleList((nn.Linear(widths[3] * 64, 16), nn.Linear(16, 1)))

    def _block(self, x: Tensor, number: int) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        for number, (normalise, pool) in enumerate(
            zip(self.batch_normalization, _POOLS, strict=True)
        ):
            x = functional.max_pool2d(normalise(self._block(x, number)), pool)
        x = self.dense[0](x.permute(0, 2, 3, 1).flatten(1))
        logit: Tensor = self.dense[1](functional.leaky_relu(x, _SLOPE))
        return logit


class Meso4(_Head):
    """Four plain convolutions."""

    def __init__(self) -> None:
        super().__init__((8, 8, 16, 16))
        self.conv2d = nn.ModuleList(
            (
                nn.Conv2d(3, 8, 3, padding=1),
                nn.Conv2d(8, 8, 5, padding=2),
                nn.Conv2d(8, 16, 5, padding=2),
                nn.Conv2d(16, 16, 5, padding=2),
            )
        )

    def _block(self, x: Tensor, number: int) -> Tensor:
        return functional.relu(self.conv2d[number](x))


class MesoInception4(_Head):
    """Two blocks of four branches with growing reach, then two plain convolutions."""

    def __init__(self) -> None:
        super().__init__((11, 12, 16, 16))
        self.conv2d = nn.ModuleList(
            (
                *_branches(3, (1, 4, 4, 2)),
                *_branches(11, (2, 4, 4, 2)),
                nn.Conv2d(12, 16, 5, padding=2),
                nn.Conv2d(16, 16, 5, padding=2),
            )
        )

    def _block(self, x: Tensor, number: int) -> Tensor:
        if number >= 2:
            return functional.relu(self.conv2d[12 + number](x))
        first = 7 * number
        parts = [functional.relu(self.conv2d[first](x))]
        for at in (first + 1, first + 3, first + 5):
            inner = functional.relu(self.conv2d[at](x))
            parts.append(functional.relu(self.conv2d[at + 1](inner)))
        return torch.cat(parts, 1)


def _branches(channels: int, widths: tuple[int, int, int, int]) -> list[nn.Conv2d]:
    """In the order in which Keras made them: 1 x 1, then three times 1 x 1 and dilated 3 x 3."""
    made = [nn.Conv2d(channels, widths[0], 1)]
    for reach, width in enumerate(widths[1:], 1):
        made.append(nn.Conv2d(channels, width, 1))
        made.append(nn.Conv2d(width, width, 3, padding=reach, dilation=reach))
    return made


def _contract(name: str, arch: str) -> ModelContract:
    return peer_contract(
        name,
        arch,
        pixels(256),
        _CROP,
        OutputSpec(kind="logit", fake_index=0, invert=True, cam=""),
        trained_on="Deepfakes (files _DF) or Face2Face (files _F2F) of FaceForensics, as published",
        licence="Apache-2.0",
        notes="The published sigmoid is the probability of real, hence inverted.",
    )


PEERS: Final = (
    Peer("meso4", Meso4, read_keras, _contract("MesoNet Meso4", "meso4"), reals_below_zero=True),
    Peer(
        "mesoinception4",
        MesoInception4,
        read_keras,
        _contract("MesoNet MesoInception4", "mesoinception4"),
        reals_below_zero=True,
    ),
)
