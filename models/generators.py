"""The texture that generators leave: real faces as small auto-encoders give them back.

Swapped and reenacted faces come out of a decoder, and a decoder leaves its own fine structure
where a camera leaves noise: that of its upsampling (Odena et al., "Deconvolution and
Checkerboard Artifacts", Distill 2016; Durall et al., CVPR 2020) and of what its bottleneck could
not carry. Several decoders, each with another way of upsampling and another bottleneck, are
trained here on patches of real faces; what they make of every face is kept, as the upper layer
of pseudo-fakes whose person, pose and light are those of the real picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from models import bank as banks
from models.bank import Bank
from realtime.types import Image

Upsampling = Literal["shuffle", "nearest", "transposed", "bilinear"]

_PATCH: Final = 64
_BATCH: Final = 24
_STRIDE: Final = 16
_MARGIN: Final = 32
"""Pixels drawn beyond each edge and cut: at its own border a network leaves a coloured line."""
_SEED: Final = 5
_PER_FACE: Final = 2
"""How many of the generators redraw each face."""


@dataclass(frozen=True, slots=True)
class Design:
    """``halvings`` of the resolution down to ``latent`` channels, ``width`` of the layers."""

    upsampling: Upsampling
    halvings: int
    latent: int
    width: int


DESIGNS: Final = (
    Design("shuffle", 3, 8, 16),
    Design("nearest", 3, 5, 16),
    Design("transposed", 2, 3, 16),
    Design("bilinear", 4, 24, 16),
)


class AutoEncoder(nn.Module):
    """``(N, 3, H, W)`` in -1..1 to the same; sides are multiples of 16."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        widths = [design.width * min(2**i, 4) for i in range(design.halvings + 1)]
        down: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1)]
        for one, two in itertools.pairwise(widths):
            down += [nn.LeakyReLU(0.1), nn.Conv2d(one, two, 4, 2, 1), _Block(two)]
        down.append(nn.Conv2d(widths[-1], design.latent, 1))
        up: list[nn.Module] = [nn.Conv2d(design.latent, widths[-1], 3, padding=1)]
        for one, two in itertools.pairwise(reversed(widths)):
            up += [_Block(one), *_upsample(design.upsampling, one, two)]
        up += [nn.LeakyReLU(0.1), nn.Conv2d(widths[0], 3, 3, padding=1)]
        self.encoder = nn.Sequential(*down)
        self.decoder = nn.Sequential(*up)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.decoder(self.encoder(x))
        return found


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


def _upsample(kind: Upsampling, one: int, two: int) -> list[nn.Module]:
    if kind == "shuffle":
        return [nn.Conv2d(one, two * 4, 3, padding=1), nn.PixelShuffle(2)]
    if kind == "transposed":
        return [nn.ConvTranspose2d(one, two, 3, 2, 1, output_padding=1)]
    grow = nn.Upsample(scale_factor=2, mode=kind)
    return [grow, nn.Conv2d(one, two, 3, padding=1)]


def redrawn(
    pictures: Bank,
    cache: Path,
    steps: int,
    device: str,
    report: Callable[[str], None],
) -> list[Bank]:
    """Every picture as two of the generators give it back: `_PER_FACE` banks in their order.

    Trained and drawn once, then kept in ``cache``.
    """
    parts = [pictures.path.name, str(steps), str(_MARGIN), *map(str, DESIGNS)]
    key = banks.fingerprint(parts)
    places = [cache / f"redrawn-{key}-{i}" for i in range(_PER_FACE)]
    found = [banks.load(place) for place in places]
    whole = [bank for bank in found if bank is not None and len(bank) == len(pictures)]
    if len(whole) == _PER_FACE:
        return whole
    nets = []
    for design in DESIGNS:
        net, error = train(design, pictures, steps, device)
        report(f"generator {design.upsampling}: mean error {error:.1f} grey levels")
        nets.append(net)
    rng = np.random.default_rng(_SEED)
    chosen = np.stack([rng.permutation(len(nets))[:_PER_FACE] for _ in range(len(pictures))])
    report(f"drawing {len(pictures)} faces anew, once")
    return [
        banks.save(
            place,
            (redraw(nets[int(chosen[n, i])], pictures.picture(n)) for n in range(len(pictures))),
        )
        for i, place in enumerate(places)
    ]


def train(design: Design, pictures: Bank, steps: int, device: str) -> tuple[AutoEncoder, float]:
    """Fit to random patches; returns the network and its last mean error in grey levels.

    The loss is the mean absolute error of the pixels and of their differences to the right and
    below, which keeps edges.
    """
    torch.manual_seed(_SEED)
    rng = np.random.default_rng(_SEED)
    net = AutoEncoder(design).to(device).to(memory_format=torch.channels_last).train()
    rate = 2e-3
    optimizer = torch.optim.AdamW(net.parameters(), rate)
    errors: list[float] = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1.02 - step / steps)
        images = _patches(pictures, rng).to(device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            drawn = net(images)
        gap = drawn.float() - images
        edges = gap.diff(dim=2).abs().mean() + gap.diff(dim=3).abs().mean()
        loss = gap.abs().mean() + edges
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        errors.append(float(gap.detach().abs().mean()) * 127.5)
    return net.requires_grad_(False).eval(), float(np.mean(errors[-50:]))


def redraw(net: AutoEncoder, image: Image) -> Image:
    """One picture ``(H, W, 3)`` uint8 BGR through a generator, of the same size."""
    height, width = image.shape[:2]
    below, right = _MARGIN + -height % _STRIDE, _MARGIN + -width % _STRIDE
    padded = np.pad(image, ((_MARGIN, below), (_MARGIN, right), (0, 0)), "reflect")
    device = next(net.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
        drawn = net(_tensor(padded[None]).to(device))
    values = (drawn[0].float().cpu().numpy().transpose(1, 2, 0) + 1) * 127.5
    own = values[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width]
    return np.asarray(np.clip(np.rint(own), 0, 255), np.uint8)


def _patches(pictures: Bank, rng: np.random.Generator) -> Tensor:
    patches = np.zeros((_BATCH, _PATCH, _PATCH, 3), np.uint8)
    for i in range(_BATCH):
        image = pictures.picture(int(rng.integers(len(pictures))))
        room = np.maximum(np.array(image.shape[:2]) - _PATCH, 0)
        top, left = rng.integers(0, room + 1)
        patch = image[top : top + _PATCH, left : left + _PATCH]
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        patches[i, : patch.shape[0], : patch.shape[1]] = patch
    return _tensor(patches)


def _tensor(images: Image) -> Tensor:
    nchw = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return torch.from_numpy(nchw).float().div_(127.5).sub_(1)
