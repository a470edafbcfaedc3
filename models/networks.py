"""The networks that are trained here, by name.

A detector is a convolutional trunk of stride 16, global average pooling and one linear unit.
With that head the class activation map (Zhou et al., CVPR 2016) is exact: it is the linear unit
applied before the pooling instead of after it, and its mean plus the bias is the logit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from models.bandnet import CELL, CROP, INPUT, BandNet

__all__ = ["ARCHITECTURES", "CELL", "CROP", "INPUT", "BandNet", "CellNet", "Residual", "build"]

_HALF_RANGE: Final = 127.5
_WIDTHS: Final = (16, 40, 80, 128)
"""Channels at strides 2, 4, 8 and 16."""


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
    """Residual blocks of plain convolutions on colours, and on what is left after prediction.

    Colours are freed of the crop's own mean and contrast. Before the last unit every cell also
    hears the mean of all cells, so that it can weigh the face against its surroundings. An
    auxiliary unit predicts the blended share of each cell; what it says is evidence as well.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.residual = Residual()
        first = _WIDTHS[0]
        self.stem = nn.Sequential(
            nn.Conv2d(6, first, 5, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        stages: list[nn.Module] = []
        for one, two in itertools.pairwise(_WIDTHS):
            stages += [Block(one, two, 2), Block(two, two, 1)]
        self.blocks = nn.Sequential(*stages)
        width = _WIDTHS[-1]
        self.context = nn.Conv2d(width, width, 1)
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
        for head in (self.cells, self.head, self.context):
            nn.init.normal_(head.weight, std=0.01)
        assert self.cells.bias is not None
        nn.init.constant_(self.cells.bias, -1.5)

    def evidence(self, x: Tensor) -> Evidence:
        """Everything, for training and measuring."""
        return self.conclude(self.features(self.prepare(x)))

    def prepare(self, x: Tensor) -> Tensor:
        """Colours and residuals ``(N, 6, H, W)``; half precision would round these away."""
        colour = (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 0.05)
        return torch.cat((colour, self.residual(x)), 1)

    def features(self, prepared: Tensor) -> Tensor:
        """``(N, C, h, w)``, one vector a cell, from what `prepare` gives."""
        trunk: Tensor = self.blocks(self.stem(prepared))
        return torch.relu(trunk + self.context(trunk.mean((2, 3), keepdim=True)))

    def conclude(self, features: Tensor) -> Evidence:
        """What the last units make of `features`."""
        cells = self.cells(features)
        cam = self.head(torch.cat((self.dropout(features), cells.sigmoid()), 1))
        logit = cam.mean((2, 3)) + self.bias
        return Evidence(logit, cam.squeeze(1), cells.squeeze(1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``logit`` and ``cam``, which is what the exported model gives."""
        found = self.evidence(x)
        return found.logit, found.cam


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a way past them (He et al., CVPR 2016)."""

    def __init__(self, one: int, two: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(one, two, 3, stride, 1, bias=False),
            nn.BatchNorm2d(two),
            nn.ReLU(),
            nn.Conv2d(two, two, 3, 1, 1, bias=False),
            nn.BatchNorm2d(two),
        )
        same = stride == 1 and one == two
        self.past = nn.Identity() if same else nn.Conv2d(one, two, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.past(x) + self.body(x))


Detector = CellNet | BandNet
"""``forward`` gives ``logit`` ``(N, 1)`` and ``cam`` ``(N, h, w)``, as the exported model does."""

ARCHITECTURES: Final[dict[str, Callable[[], Detector]]] = {
    "bandnet": lambda: BandNet(INPUT),
    "cellnet": CellNet,
}
"""Every network that can be trained or exported, by the name that checkpoints carry."""


def build(arch: str) -> Detector:
    """A network before training; ``arch`` is a key of `ARCHITECTURES`."""
    return ARCHITECTURES[arch]()
