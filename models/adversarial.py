"""Attacks on the crop by somebody who has the network: how far do a few grey levels carry?

The fast gradient sign method (Goodfellow et al., ICLR 2015) and projected gradient descent
(Madry et al., ICLR 2018), in the maximum norm. ``eps`` is a share of the range from black to
white, so that 1/255 is one grey level of each colour. An attack from outside, through a camera
and a codec, is weaker; this is the worst case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from models.networks import INPUT
from realtime.contract import InputSpec, ModelContract
from realtime.crops import to_tensor
from realtime.evaluation import metrics
from realtime.evaluation.metrics import Scores
from realtime.types import Image

EPSILONS: Final = (1 / 255, 2 / 255, 4 / 255, 8 / 255)
STEPS: Final = 10
FALSE_POSITIVES: Final = 0.05
_BATCH: Final = 32
_LEVELS: Final = 255
_EVEN: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PixelRange:
    """What black and white are to a network, ``(1, C, 1, 1)`` each, and the way between them."""

    low: Tensor
    high: Tensor

    @property
    def span(self) -> Tensor:
        """From black to white."""
        return self.high - self.low

    @classmethod
    def of(cls, spec: InputSpec, like: Tensor) -> PixelRange:
        """In the place and precision of ``like``; channels come first."""
        mean, std = (
            torch.tensor(values, dtype=like.dtype, device=like.device)[None, :, None, None]
            for values in (spec.mean, spec.std)
        )
        return cls(-mean / std, (_LEVELS * spec.scale - mean) / std)


def adversarial_batch(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    eps: float,
    steps: int,
    *,
    spec: InputSpec = INPUT,
) -> Tensor:
    """Pictures within ``eps`` of ``images`` on which the network is as wrong as can be found.

    One step is the fast gradient sign method; with more it is projected gradient descent from a
    random start drawn from torch's generator.

    Args:
        net: gives logits ``(N, 1)``, alone or first of several outputs. It is asked in inference
            mode and left in the mode it was in; no gradient of its weights is touched.
        images: ``(N, C, h, w)`` as the network takes them.
        labels: ``(N,)`` or ``(N, 1)``, 0 real and 1 fake.
        eps: 0 to 1, of the range from black to white.
        steps: at least 1.
        spec: how pixels became ``images``.

    Returns:
        ``(N, C, h, w)``, detached, every value a whole grey level away from the picture's and
        still between black and white.
    """
    pixels = PixelRange.of(spec, images)
    clean, reach = images.detach(), eps * pixels.span
    changed = clean.clone()
    if steps > 1:
        changed = changed + (torch.rand_like(changed) * 2 - 1) * reach
        changed = _within(changed, clean, reach, pixels)
    # Madry et al. let the steps together reach two and a half times as far as the bound.
    stride = reach if steps == 1 else 2.5 * reach / steps
    with _inferring(net):
        for _ in range(steps):
            changed = changed + stride * _uphill(net, changed, labels).sign()
            changed = _within(changed, clean, reach, pixels)
    levels = torch.round((changed - clean) / pixels.span * _LEVELS) / _LEVELS
    return _within(clean + levels * pixels.span, clean, reach, pixels)


def attack(
    net: nn.Module,
    contract: ModelContract,
    real: Sequence[Image],
    fake: Sequence[Image],
    *,
    epsilons: Sequence[float] = EPSILONS,
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """What attacks do to real crops and pseudo-fakes ``(h, w, 3)`` uint8 BGR.

    Fakes are changed to look real, then reals to look fake, then both. The rates are those at
    the threshold that calls 5 % of the unchanged reals fake.
    """
    one = torch.from_numpy(to_tensor(real, contract))
    two = torch.from_numpy(to_tensor(fake, contract))
    before = (_logits(net, one), _logits(net, two))
    threshold = float(np.quantile(before[0], 1 - FALSE_POSITIVES, method="higher"))
    rows = []
    for name, steps in (("FGSM", 1), (f"PGD, {STEPS} steps", STEPS)):
        for eps in epsilons:
            report(f"attacking by {name} within {eps * _LEVELS:.0f}/255")
            after = [
                _logits(net, _attacked(net, images, label, (eps, steps), contract.input))
                for images, label in ((one, 0.0), (two, 1.0))
            ]
            rows.append(
                {
                    "attack": name,
                    "eps": f"{eps * _LEVELS:.0f}/255",
                    "fakes_made_real": _measures(before[0], after[1], threshold),
                    "reals_made_fake": _measures(after[0], before[1], threshold),
                    "both": _measures(after[0], after[1], threshold),
                }
            )
    return {
        "pairs": len(real),
        "threshold_logit": round(threshold, 4),
        "before": _measures(*before, threshold),
        "after": rows,
    }


def _attacked(
    net: nn.Module, images: Tensor, label: float, force: tuple[float, int], spec: InputSpec
) -> Tensor:
    parts = [
        adversarial_batch(net, part, torch.full((len(part), 1), label), *force, spec=spec)
        for part in torch.split(images, _BATCH)
    ]
    return torch.cat(parts)


def _measures(real: Scores, fake: Scores, threshold: float) -> dict[str, Any]:
    return {
        "auc": metrics.estimate(metrics.auc(real, fake), metrics.bootstrap(real, fake)),
        "fakes_found": metrics.share(int((fake > threshold).sum()), len(fake)),
        "reals_called_fake": metrics.share(int((real > threshold).sum()), len(real)),
    }


def _logits(net: nn.Module, images: Tensor) -> Scores:
    with torch.inference_mode(), _inferring(net):
        parts = [_logit(net, part).flatten() for part in torch.split(images, _BATCH)]
    return torch.cat(parts).double().numpy()


def _logit(net: nn.Module, images: Tensor) -> Tensor:
    found = net(images)
    return found if isinstance(found, Tensor) else torch.as_tensor(found[0])


def _uphill(net: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """A gradient of the same sign as that of the cross entropy in the pictures.

    Of the logit itself, towards the wrong side: where the network is certain, the cross entropy
    is flat beyond the precision of numbers, and would make it seem safe.
    """
    with torch.enable_grad():
        asked = images.detach().requires_grad_()
        logit = _logit(net, asked).flatten()
        wrong = torch.where(labels.flatten().to(logit.device) > _EVEN, -logit, logit)
        return torch.autograd.grad(wrong.sum(), asked)[0]


def _within(changed: Tensor, clean: Tensor, reach: Tensor, pixels: PixelRange) -> Tensor:
    near = torch.minimum(torch.maximum(changed, clean - reach), clean + reach)
    return torch.minimum(torch.maximum(near, pixels.low), pixels.high)


@contextmanager
def _inferring(net: nn.Module) -> Iterator[None]:
    training = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(training)
