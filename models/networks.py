"""The networks that are trained here, by name.

A detector is a convolutional trunk of stride 16, global average pooling and one linear unit.
With that head the class activation map (Zhou et al., CVPR 2016) is exact: it is the linear unit
applied before the pooling instead of after it, and its mean plus the bias is the logit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, cast

import torch
from torch import Tensor, nn
from torchvision.models.mobilenetv3 import (  # type: ignore[import-untyped]
    InvertedResidual,
    InvertedResidualConfig,
)
from torchvision.ops.misc import Conv2dNormActivation  # type: ignore[import-untyped]

from realtime.contract import CropSpec, InputSpec

CELL: Final = 16
"""Pixels of the input for each cell of the maps."""

INPUT: Final = InputSpec(
    size=(160, 160),
    layout="nchw",
    colour="rgb",
    scale=1 / 255,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
CROP: Final = CropSpec(
    kind="landmark_box",
    margin=0.12,
    square=True,
    align="none",
    interpolation="linear",
    padding="reflect",
)

_HALF_RANGE: Final = 127.5
_SETTINGS: Final = (
    # in, kernel, expanded, out, squeeze-excite, activation, stride, dilation
    (16, 3, 16, 16, True, "RE", 2, 1),
    (16, 3, 72, 24, False, "RE", 2, 1),
    (24, 3, 88, 24, False, "RE", 1, 1),
    (24, 5, 96, 40, True, "HS", 2, 1),
    (40, 5, 240, 40, True, "HS", 1, 1),
    (40, 5, 240, 40, True, "HS", 1, 1),
    (40, 5, 120, 48, True, "HS", 1, 1),
    (48, 5, 144, 48, True, "HS", 1, 1),
    (48, 5, 288, 96, True, "HS", 1, 2),
    (96, 3, 288, 96, True, "HS", 1, 2),
)


class Evidence(NamedTuple):
    """What a detector says of N crops.

    ``logit`` ``(N, 1)``, positive for fake; ``cam`` ``(N, h, w)`` in units of the logit;
    ``cells`` ``(N, h, w)`` logits of the blended share of each 16-pixel cell.
    """

    logit: Tensor
    cam: Tensor
    cells: Tensor


class Residual(nn.Module):
    """Three fixed high-pass filters on luma, each scaled to unit power over the crop.

    The filters are the second- and third-order predictors of the spatial rich model (Fridrich
    and Kodovsky, IEEE TIFS 2012). What is left after prediction is noise and resampling
    history; scaling by its own power removes how soft the whole crop is, which says nothing
    about the label, and keeps where it changes. Takes ``(N, 3, H, W)`` RGB in -1..1 and gives
    ``(N, 3, H, W)`` in -4..4.
    """

    kernel: Tensor
    luma: Tensor

    def __init__(self) -> None:
        super().__init__()
        square = [
            [-1, 2, -2, 2, -1],
            [2, -6, 8, -6, 2],
            [-2, 8, -12, 8, -2],
            [2, -6, 8, -6, 2],
            [-1, 2, -2, 2, -1],
        ]
        small = [[0] * 5, [0, -1, 2, -1, 0], [0, 2, -4, 2, 0], [0, -1, 2, -1, 0], [0] * 5]
        line = [[0] * 5, [0] * 5, [0, 1, -2, 1, 0], [0] * 5, [0] * 5]
        kernel = torch.tensor([square, small, line], dtype=torch.float32)
        kernel = kernel / kernel.abs().sum((1, 2), keepdim=True)
        self.register_buffer("kernel", kernel[:, None], persistent=False)
        luma = torch.tensor([0.299, 0.587, 0.114])
        self.register_buffer("luma", luma[None, :, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        grey = (x * self.luma).sum(1, keepdim=True) * _HALF_RANGE
        rest = nn.functional.conv2d(nn.functional.pad(grey, (2, 2, 2, 2), "reflect"), self.kernel)
        power = rest.square().mean((2, 3), keepdim=True)
        # below a twentieth of a grey level there is only rounding, which must not be blown up
        return (rest / (power + 0.05**2).sqrt()).clamp(-4, 4)


class CellNet(nn.Module):
    """MobileNetV3-small blocks (Howard et al., ICCV 2019) that stay at stride 16.

    The last stage is dilated instead of strided and narrower than in the paper, where it takes
    nearly half of the time.

    The input joins its own residual (`Residual`). An auxiliary head predicts the blended share
    of each cell; its sigmoid is one more channel of the last feature map, so that the image
    logit can lean on it while the class activation map stays exact. Takes ``(N, 3, H, W)``
    float32 RGB in -1..1; H and W are multiples of 16.
    """

    def __init__(self, width: int = 192, dropout: float = 0.1) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.03)
        self.residual = Residual()
        self.stem = Conv2dNormActivation(
            6, 16, 3, stride=2, norm_layer=norm, activation_layer=nn.Hardswish
        )
        self.blocks = nn.Sequential(
            *(
                InvertedResidual(InvertedResidualConfig(*row, width_mult=1.0), norm)
                for row in _SETTINGS
            )
        )
        self.last = Conv2dNormActivation(
            _SETTINGS[-1][3], width, 1, norm_layer=norm, activation_layer=nn.Hardswish
        )
        self.cells = nn.Conv2d(width, 1, 1)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(width + 1, 1, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for head in (self.cells, self.head):
            nn.init.normal_(head.weight, std=0.01)
        assert self.cells.bias is not None
        nn.init.constant_(self.cells.bias, -1.5)

    def evidence(self, x: Tensor) -> Evidence:
        """Everything, for training and measuring."""
        features = self.last(self.blocks(self.stem(torch.cat((x, self.residual(x)), 1))))
        cells = self.cells(features)
        features = torch.cat((self.dropout(features), cells.sigmoid()), 1)
        cam = self.head(features)
        logit = cam.mean((2, 3)) + self.bias
        return Evidence(logit, cam.squeeze(1), cells.squeeze(1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``logit`` and ``cam``, which is what the exported model gives."""
        found = self.evidence(x)
        return found.logit, found.cam


ARCHITECTURES: Final[dict[str, Callable[[], nn.Module]]] = {"cellnet": CellNet}
"""Every network that can be trained or exported, by the name that checkpoints carry."""


def build(arch: str) -> CellNet:
    """A network of random weights; ``arch`` is a key of `ARCHITECTURES`."""
    return cast("CellNet", ARCHITECTURES[arch]())
