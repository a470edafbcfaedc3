"""What held-out judgements of windows are worth, and what their averages mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.catalog import Clip
from models.crossfit import never_seen
from models.dynamics_fakes import MAKERS
from realtime.cues.dynamics import AVERAGE_S, SCORE_EVERY_S
from realtime.cues.dynamics_model import MOST
from realtime.evaluation.metrics import (
    auc,
    bootstrap,
    bootstrap_groups,
    estimate,
    joined,
)

_LIVE: Final = "DeepFaceLive"
_SHARES: Final = 0.02
"""Penalty on the square of the slope, in units of one standard deviation of the averages."""

_SEEN: Final = 99.0
"""Percentile of what was said of held-out clips beyond which nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A clip and the logits ``(N,)`` of its windows, two a second, by a fit without its fold."""

    clip: Clip
    logits: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The score of the clip."""
        return float(self.logits.mean())

    def averages(self) -> NDArray[np.float64]:
        """What the witness would average at each of its windows ``(N,)``."""
        most = round(AVERAGE_S / SCORE_EVERY_S)
        ends = range(1, len(self.logits) + 1)
        return np.array([self.logits[max(0, end - most) : end].mean() for end in ends])


@dataclass(frozen=True, slots=True)
class Line:
    """The log-likelihood ratio of a mean logit: ``slope * mean + offset`` within ``bound``."""

    slope: float
    offset: float
    bound: float


def calibrate(judged: Sequence[Judged]) -> Line:
    """Logistic regression (Platt 1999) at even odds on what the witness says at every moment.

    The moments of a clip share its weight, so that one that is long, or whose overlapping
    windows say the same again and again, counts no more than another. A slope below 0 would say
    that the model is worse than chance: it is then 0, and the witness says nothing. It never says
    more than it said of the clips that were held out.
    """
    fake = np.array([one.clip.fake for one in judged], bool)
    each = np.where(fake, 0.5 / max(1, fake.sum()), 0.5 / max(1, (~fake).sum()))
    parts = [one.averages() for one in judged]
    values = np.concatenate(parts)
    weights = np.concatenate(
        [np.full(len(p), w / len(p)) for p, w in zip(parts, each, strict=True)]
    )
    sign = np.concatenate(
        [np.full(len(p), 1.0 if f else -1.0) for p, f in zip(parts, fake, strict=True)]
    )
    middle = float(weights @ values)
    spread = float(np.sqrt(weights @ (values - middle) ** 2)) or 1.0
    standard = (values - middle) / spread

    def loss(line: NDArray[np.float64]) -> float:
        margin = sign * (line[0] * standard + line[1])
        return float(weights @ np.logaddexp(0, -margin) + _SHARES * line[0] ** 2)

    slope, offset = minimize(loss, np.zeros(2), bounds=((0, None), (None, None))).x
    if slope <= 0:
        return Line(0.0, 0.0, MOST)
    line = slope * standard + offset
    bound = min(MOST, float(np.percentile(np.abs(line), _SEEN)))
    return Line(float(slope / spread), float(offset - slope * middle / spread), bound)


def measure(judged: Sequence[Judged]) -> dict[str, Any]:
    """All numbers as plain values; intervals by drawing clips or pairs anew."""
    real = [one for one in judged if not one.clip.fake]
    fake = [one for one in judged if one.clip.fake]
    windows = [(one.logits, np.zeros(0)) for one in real] + [
        (np.zeros(0), one.logits) for one in fake
    ]
    live = [one for one in fake if one.clip.kind == _LIVE]
    methods = sorted({one.clip.kind for one in fake})
    return {
        "real": len(real),
        "fake": len(fake),
        "windows": estimate(auc(*joined(windows)), bootstrap_groups(windows, auc)),
        "clips": _area(real, fake),
        "clips_not_trained_on": _area([one for one in real if never_seen(one.clip)], fake),
        "pairs": _pairs(real, fake),
        "live_swaps": _pairs(real, live),
        "other_fakes": _area(real, [one for one in fake if one.clip.kind != _LIVE]),
        "methods": {
            name: {"clips": len(own), "auc": _area(real, own)}
            for name in methods
            if (own := [one for one in fake if one.clip.kind == name])
        },
        "scores": {
            f"{'fake' if one.clip.fake else 'real'}/{one.clip.path.name}": round(one.mean, 3)
            for one in judged
        },
    }


def measure_pseudo(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> dict[str, float]:
    """Of each maker, the AUC of its windows against those as recorded; the mean of the folds.

    ``parts``: for each fold the maker of each window, -1 for none, and the logits.
    """
    found = {}
    for number, name in enumerate(MAKERS):
        areas = [auc(logits[maker < 0], logits[maker == number]) for maker, logits in parts]
        known = [area for area in areas if np.isfinite(area)]
        found[name] = round(float(np.mean(known)), 3) if known else float("nan")
    return found


def _area(real: Sequence[Judged], fake: Sequence[Judged]) -> dict[str, Any] | None:
    low = np.array([one.mean for one in real])
    high = np.array([one.mean for one in fake])
    return estimate(auc(low, high), bootstrap(low, high))


def _pairs(real: Sequence[Judged], fake: Sequence[Judged]) -> dict[str, Any] | None:
    """Forgeries against the clips they were made from; pairs are drawn whole."""
    partner = {one.clip.pair: one for one in real if one.clip.pair}
    groups = [
        (np.array([partner[one.clip.pair].mean]), np.array([one.mean]))
        for one in fake
        if one.clip.pair in partner
    ]
    found = estimate(auc(*joined(groups)), bootstrap_groups(groups, auc))
    if found is None:
        return None
    above = float(np.mean([two[0] > one[0] for one, two in groups]))
    return found | {"count": len(groups), "fake_above_its_real": round(above, 3)}
