"""Does the heat map point at what was forged?

`grad_cam` is the textbook's map, by autograd; the exported ``cam`` must equal it.
`localisation` compares maps with the masks of pseudo-fakes, where the forged place is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks import BandNet, Detector
from realtime.evaluation import metrics
from realtime.types import FloatArray

_HALF: Final = 0.5
_ROUNDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Places:
    """One map against its mask: what it hits and overlaps, and what comes about by chance.

    ``hit``: the highest point of the map lies in the mask. ``overlap``: intersection over union
    of the mask with the part of the map above half its maximum. ``centre_hit``: the middle of
    the crop lies in the mask. ``other_hit`` and ``other_overlap``: the same with the map of
    another face. ``area``: the mask's share of the crop, which is what a random point hits and
    what a map of everything overlaps.
    """

    hit: bool
    overlap: float
    centre_hit: bool
    other_hit: bool
    other_overlap: float
    area: float


def grad_cam(net: Detector, images: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju et al., ICCV 2017) of the logit at the last feature maps.

    Each map is weighted by the gradient of the logit in it, summed over its cells instead of
    averaged, and nothing is cut off below zero: so the result is in units of the logit, its mean
    over the cells plus the bias being the logit itself, and negative where it speaks for real.

    Args:
        net: in inference mode.
        images: ``(N, 3, H, W)`` as the network takes them.

    Returns:
        ``(N, h, w)``, detached.
    """
    if isinstance(net, BandNet):
        evidence = net.evidence(images.detach()).detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(net.conclude(evidence).sum(), evidence)
        return (slope.sum((2, 3), keepdim=True) * evidence).sum(1).detach()
    seen: list[Tensor] = []

    def keep(_module: object, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0])

    handle = net.head.register_forward_pre_hook(keep)
    try:
        with torch.enable_grad():
            logit = net(images.detach().requires_grad_())[0]
            (slope,) = torch.autograd.grad(logit.sum(), seen[0])
    finally:
        handle.remove()
    weights = slope.sum((2, 3), keepdim=True)
    return (weights * seen[0]).sum(1).detach()


def places(maps: Sequence[FloatArray], masks: Sequence[FloatArray]) -> list[Places]:
    """Compare maps ``(h, w)`` with the blend weights ``(H, W)`` of the same crops.

    The mask is where the weight is at least half its maximum; crops whose mask is empty or
    everything are left out.
    """
    grown = [_grown(cam, mask.shape) for cam, mask in zip(maps, masks, strict=True)]
    found = []
    for i, weight in enumerate(masks):
        mask = weight >= max(_HALF * float(weight.max()), 1e-6)
        if not mask.any() or mask.all():
            continue
        cam, other = grown[i], grown[i - 1]
        height, width = mask.shape
        found.append(
            Places(
                hit=_hits(cam, mask),
                overlap=_overlap(cam, mask),
                centre_hit=bool(mask[height // 2, width // 2]),
                other_hit=_hits(other, mask),
                other_overlap=_overlap(other, mask),
                area=float(mask.mean()),
            )
        )
    return found


def localisation(found: Sequence[Places]) -> dict[str, Any]:
    """Rates and means with intervals, and the gain over each kind of chance."""

    def column(name: str) -> NDArray[np.float64]:
        return np.array([getattr(place, name) for place in found], np.float64)

    def mean(values: NDArray[np.float64]) -> dict[str, Any] | None:
        return metrics.estimate(float(values.mean()) if len(values) else float("nan"), _of(values))

    hit, overlap, area = column("hit"), column("overlap"), column("area")
    return {
        "crops": len(found),
        "hit_rate": metrics.share(int(hit.sum()), len(found)),
        "centre_hit_rate": metrics.share(int(column("centre_hit").sum()), len(found)),
        "other_hit_rate": metrics.share(int(column("other_hit").sum()), len(found)),
        "area": mean(area),
        "hit_gain_over_centre": mean(hit - column("centre_hit")),
        "hit_gain_over_other": mean(hit - column("other_hit")),
        "overlap": mean(overlap),
        "other_overlap": mean(column("other_overlap")),
        "overlap_gain_over_other": mean(overlap - column("other_overlap")),
        "overlap_gain_over_everything": mean(overlap - area),
    }


def _of(values: NDArray[np.float64]) -> metrics.Interval:
    """Interval of a mean, by bootstrap."""
    if len(values) < 2:
        return metrics.UNKNOWN
    rng = np.random.default_rng(0)
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(_ROUNDS)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _grown(cam: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    size = (shape[1], shape[0])
    grown = cv2.resize(np.asarray(cam, np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, np.float32)


def _hits(cam: FloatArray, mask: NDArray[np.bool_]) -> bool:
    return bool(mask.flat[int(cam.argmax())])


def _overlap(cam: FloatArray, mask: NDArray[np.bool_]) -> float:
    """Nothing is marked where no part of the map speaks for a fake."""
    top = float(cam.max())
    marked = cam >= _HALF * top if top > 0 else np.zeros_like(mask)
    return float((marked & mask).sum() / (marked | mask).sum())
