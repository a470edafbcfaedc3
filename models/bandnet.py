"""A detector of few weights: what fine detail is like, in each colour and each place of a face.

What a decoder draws has less fine colour, other detail around the eyes and the mouth, detail that
is spread more evenly, and colours that go together in other ways than in what a camera saw in the
same light; all of it is to be judged by what is usual in that place of a face. So the features are
fixed: statistics of three bands and of differences of neighbouring pixels, in luma and two colour
differences, and the mean colour, in each cell of 16 pixels. Two linear units weigh them, one for
faces that were swapped into a picture and one for pictures drawn as a whole (`models.discriminant`
fits them), and a forgery is what either of them calls one.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from realtime.contract import CropSpec, InputSpec

CELL: Final = 16
"""Pixels of the input for each cell of the maps."""

SIGMAS: Final = (0.7, 1.4, 2.8)
"""Standard deviations of the blurs, in pixels; a band lies between two of them."""
_PLANES: Final = 3
_PAIRS: Final = ((0, 1), (0, 2), (1, 2))
CHANNELS: Final = (3 * len(SIGMAS) + 3 + 1) * _PLANES
WITNESSES: Final = 2
"""Units: swapped into a picture, drawn as a whole."""

_FLOOR: Final = 0.05
"""Grey levels; weaker detail is rounding."""
_NEIGHBOURS: Final = 2.0
"""Standard deviation, in cells, by which evidence is shared out."""
_COLOUR_SCALE: Final = 30.0
_HALF_RANGE: Final = 127.5
_YCRCB: Final = ((0.299, 0.587, 0.114), (0.4998, -0.4185, -0.0813), (-0.1687, -0.3313, 0.5))
"""Luma and the two colour differences of JPEG (ITU-T T.871), from RGB."""


class Bands(nn.Module):
    """``(N, 3, H, W)`` RGB in -1..1 to ``(N, CHANNELS, H / 16, W / 16)``.

    All statistics are those of one cell, on luma, red and blue difference in grey levels; the
    bands are differences of Gaussians (Burt and Adelson, IEEE Trans. Comm. 1983) from fine to
    coarse. In this order, each by plane or pair of planes, then by band or direction:

    - strength: the logarithm of the mean magnitude of each band,
    - peakedness: the logarithm of a band's root mean square over its mean magnitude, .226 for
      Gaussian noise and more where detail is sparse,
    - the logarithm of the mean magnitude of the difference of neighbouring pixels across, down,
      and of both (Haar, Math. Ann. 1910),
    - the correlation of each two planes in each band, -1 to 1,
    - the mean of each plane in units of 30 grey levels.
    """

    mix: Tensor

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("mix", torch.tensor(_YCRCB)[..., None, None], persistent=False)
        for name, side in zip(("down", "across"), size, strict=True):
            blurs = torch.stack([_blur(side, sigma) for sigma in SIGMAS])
            self.register_buffer(name, blurs, persistent=False)
            self.register_buffer(f"{name}_step", _step(side), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        planes = nn.functional.conv2d((x + 1) * _HALF_RANGE, self.mix)
        down, across = self.get_buffer("down"), self.get_buffer("across")
        strengths, peaks, together = [], [], []
        before = planes
        for i in range(len(SIGMAS)):
            after = down[i] @ planes @ across[i].T
            band = before - after
            before = after
            strength, power = _log_strength(band), _cells(band * band) + _FLOOR**2
            strengths.append(strength)
            peaks.append(torch.log(power) / 2 - strength)
            products = torch.stack([band[:, a] * band[:, b] for a, b in _PAIRS], 1)
            powers = torch.stack([power[:, a] * power[:, b] for a, b in _PAIRS], 1)
            together.append(_cells(products) / torch.sqrt(powers))
        one_across = planes @ self.get_buffer("across_step").T
        one_down = self.get_buffer("down_step") @ planes
        both = self.get_buffer("down_step") @ one_across
        steps = [_log_strength(step) for step in (one_across, one_down, both)]
        return torch.cat(
            (
                *(
                    torch.stack(found, 2).flatten(1, 2)
                    for found in (strengths, peaks, steps, together)
                ),
                _cells(planes) / _COLOUR_SCALE,
            ),
            1,
        )


def _cells(planes: Tensor) -> Tensor:
    return nn.functional.avg_pool2d(planes, CELL)


def _log_strength(detail: Tensor) -> Tensor:
    return torch.log(_cells(detail.abs()) + _FLOOR)


def _step(side: int) -> Tensor:
    """``(side, side)``: each pixel less the one before it, the first less the one behind it."""
    matrix = torch.eye(side) - torch.diag(torch.ones(side - 1), -1)
    matrix[0, 1] = -1.0
    return matrix


def _blur(side: int, sigma: float) -> Tensor:
    """``(side, side)``: a Gaussian of up to three deviations, mirrored at the ends.

    A matrix product is many times faster here than a convolution of three planes.
    """
    reach = round(3 * sigma + 0.5)
    matrix = torch.zeros(side, side)
    for step in range(-reach, reach + 1):
        place = torch.arange(side) + step
        place = place.abs()
        place = torch.where(place >= side, 2 * (side - 1) - place, place)
        matrix[torch.arange(side), place] += math.exp(-(step**2) / (2 * sigma**2))
    return matrix / matrix.sum(1, keepdim=True)


def _share_out(cells: int, sigma: float) -> Tensor:
    """``(cells, cells)``: every cell gives all it has to those around it, by a Gaussian."""
    place = torch.arange(cells, dtype=torch.float32)
    matrix = torch.exp(-(place[:, None] - place).square() / (2 * sigma**2))
    return matrix / matrix.sum(0, keepdim=True)


class BandNet(nn.Module):
    """`Bands`, weighed in each place; the greater of two witnesses decides, softly.

    ``usual`` ``(CHANNELS, h, w)`` is what the bands of a real face are in each place, ``weight``
    ``(WITNESSES, CHANNELS, h, w)`` says what a difference from it speaks for. A witness's
    evidence is a map whose mean is its log-odds, its ``bias`` spread over all cells; the logit is
    the logarithm of the sum of their odds.
    """

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        height, width = spec.size
        self.bands = Bands(spec.size)
        shape = (WITNESSES, CHANNELS, height // CELL, width // CELL)
        self.usual = nn.Parameter(torch.zeros(shape[1:]))
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(WITNESSES))
        for name, cells in (("down", shape[2]), ("across", shape[3])):
            self.register_buffer(name, _share_out(cells, _NEIGHBOURS), persistent=False)

    def evidence(self, x: Tensor) -> Tensor:
        """``(N, WITNESSES, h, w)``, each in units of its own log-odds.

        Shared out among neighbours, where much that speaks for and against cancels; what a map
        adds up to stays the same.
        """
        found: Tensor = ((self.bands(x) - self.usual)[:, None] * self.weight).sum(2)
        shared = self.get_buffer("down") @ found @ self.get_buffer("across").T
        return shared + self.bias[:, None, None]

    def conclude(self, evidence: Tensor) -> Tensor:
        """Logits ``(N, 1)`` from what `evidence` gives."""
        return torch.logsumexp(evidence.mean((2, 3)), 1, keepdim=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``logit`` ``(N, 1)`` and ``cam`` ``(N, h, w)``: the evidence of each witness by its say.

        A witness's say is the derivative of the logit by its log-odds, so that this is Grad-CAM
        (Selvaraju et al., ICCV 2017) of the evidence maps.
        """
        found = self.evidence(x)
        say = torch.softmax(found.mean((2, 3)), 1)
        return self.conclude(found), (found * say[..., None, None]).sum(1)


INPUT: Final = InputSpec(
    size=(192, 192),
    layout="nchw",
    colour="rgb",
    scale=1 / 255,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
CROP: Final = CropSpec(
    kind="landmark_box",
    margin=0.27,
    square=True,
    align="none",
    interpolation="linear",
    padding="reflect",
)
