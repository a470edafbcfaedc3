"""Fits a judge of landmark windows to recordings: which windows count how much, and the descent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import nn

from models.catalog import Clip
from models.dynamics_nets import Committee, StatisticsNet, TemporalNet
from models.dynamics_windows import Windows
from realtime.cues.landmark_windows import LANDMARKS
from realtime.types import FloatArray

Kind = Literal["statistics", "temporal"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fitted.

    ``visible`` is the share of the finished forgeries among all fakes, pseudo-fakes being the
    rest. ``ridge`` holds the line of the statistics back, the rest is of the
    temporal networks, of which there are ``members``.
    """

    kind: Kind = "temporal"
    visible: float = 0.75
    ridge: float = 0.1
    members: int = 3
    steps: int = 400
    batch: int = 64
    rate: float = 1e-3
    decay: float = 1e-2


_PAIRS: Final = (
    *((61, 291), (91, 321), (84, 314), (269, 39), (267, 37), (78, 308), (88, 318), (87, 317)),
    *((310, 80), (33, 263), (7, 249), (145, 374), (154, 381), (133, 362), (157, 384)),
    *((159, 386), (161, 388), (70, 300), (63, 293), (105, 334), (66, 296), (107, 336), (98, 327)),
    *((234, 454), (93, 323), (58, 288), (136, 365), (149, 378), (148, 377), (109, 338)),
    (468, 473),
)
"""Landmarks of the right and the left half that are each other's mirror images."""


def mirror_order() -> NDArray[np.int64]:
    """Where each point of `LANDMARKS` finds its mirror image, ``(POINTS,)``."""
    other = dict(_PAIRS) | {b: a for a, b in _PAIRS}
    return np.array([LANDMARKS.index(other.get(i, i)) for i in LANDMARKS], np.int64)


def mirrored(windows: FloatArray) -> FloatArray:
    """The same faces seen in a mirror."""
    turned = windows[:, :, mirror_order()].copy()
    turned[..., 0] *= -1
    return turned


def weights_of(windows: Windows, clips: Sequence[Clip], visible: float) -> NDArray[np.float64]:
    """How much each window counts ``(N,)``, in all 1: reals as much as fakes.

    The clips of a class share its weight, those of a method or source that has many by the root
    of their number less each, and the windows of a clip share that of the clip.
    """
    fake = np.array([clips[i].fake for i in windows.clip], bool)
    made = windows.maker >= 0
    weights = np.zeros(len(windows.clip))
    for chosen, total in (
        (~fake & ~made, 0.5),
        (fake & ~made, 0.5 * visible),
        (made, 0.5 * (1 - visible)),
    ):
        if not chosen.any() or not total:
            continue
        own, counts = np.unique(windows.clip[chosen], return_counts=True)
        kinds = Counter(clips[i].kind for i in own)
        each = {
            int(i): kinds[clips[i].kind] ** -0.5 / count
            for i, count in zip(own, counts, strict=True)
        }
        weights[chosen] = [each[int(i)] for i in windows.clip[chosen]]
        weights[chosen] *= total / weights[chosen].sum()
    return np.asarray(weights / weights.sum(), np.float64)


def fit(windows: Windows, clips: Sequence[Clip], plan: Plan, seed: int) -> nn.Module:
    """A judge of these windows, in evaluation mode."""
    weights = weights_of(windows, clips, plan.visible)
    used = weights > 0
    fake = np.array([clips[i].fake for i in windows.clip], bool) | (windows.maker >= 0)
    values, weights, fake = windows.values[used], weights[used], fake[used]
    if plan.kind == "statistics":
        return _line(values, weights, fake, plan).eval()
    members = [
        _descend(values, weights, fake, plan, seed * 1000 + number)
        for number in range(plan.members)
    ]
    return Committee(members).eval()


def judge(net: nn.Module, windows: FloatArray) -> NDArray[np.float64]:
    """Log-odds ``(N,)`` of windows."""
    with torch.inference_mode():
        parts = [net(torch.from_numpy(part)) for part in _parts(windows)]
        return np.asarray(torch.cat(parts).numpy() if parts else np.zeros(0), np.float64)


def _parts(windows: FloatArray) -> list[FloatArray]:
    return [windows[at : at + 512] for at in range(0, len(windows), 512)]


def _line(
    values: FloatArray, weights: NDArray[np.float64], fake: NDArray[np.bool_], plan: Plan
) -> StatisticsNet:
    net = StatisticsNet()
    with torch.inference_mode():
        rows = [net.statistics(torch.from_numpy(part)) for part in _parts(values)]
    table = torch.cat(rows).double().numpy()
    mean = np.average(table, axis=0, weights=weights)
    std = np.sqrt(np.average((table - mean) ** 2, axis=0, weights=weights)) + 1e-6
    table = np.clip((table - mean) / std, -5, 5)
    sign = np.where(fake, 1.0, -1.0)

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (table @ line[1:] + line[0])
        slope = -sign * weights / (1 + np.exp(margin))
        value = float((weights * np.logaddexp(0, -margin)).sum() + plan.ridge * line[1:] @ line[1:])
        return value, np.concatenate(([slope.sum()], table.T @ slope + 2 * plan.ridge * line[1:]))

    line = minimize(loss, np.zeros(table.shape[1] + 1), jac=True, method="L-BFGS-B").x
    with torch.no_grad():
        net.mean.copy_(torch.from_numpy(mean))
        net.std.copy_(torch.from_numpy(std))
        net.line.weight.copy_(torch.from_numpy(line[None, 1:]))
        net.line.bias.copy_(torch.from_numpy(line[:1]))
    return net


def _descend(
    values: FloatArray,
    weights: NDArray[np.float64],
    fake: NDArray[np.bool_],
    plan: Plan,
    seed: int,
) -> TemporalNet:
    torch.manual_seed(seed)
    net = TemporalNet()
    with torch.no_grad():
        net.standardise(torch.from_numpy(values))
    rng = np.random.default_rng(seed)
    chances = weights / weights.sum()
    optimizer = torch.optim.AdamW(net.parameters(), lr=plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, total_steps=plan.steps)
    net.train()
    for _ in range(plan.steps):
        rows = rng.choice(len(values), plan.batch, p=chances)
        batch = values[rows]
        if rng.random() < 0.5:
            batch = mirrored(batch)
        # people differ in how much they move; the tracker trembles more where faces are small
        size = rng.uniform(0.8, 1.25, (len(rows), 1, 1, 1)).astype(np.float32)
        noise = np.exp(rng.uniform(-8.5, -6.0, (len(rows), 1, 1, 1))).astype(np.float32)
        batch = batch * size + noise * rng.standard_normal(batch.shape, np.float32)
        logits = net(torch.from_numpy(batch))
        wanted = torch.from_numpy(np.where(fake[rows], 0.95, 0.05).astype(np.float32))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return net
