"""Measures of how well scores tell two classes apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.floating[Any]]


def auc(reals: Scores, fakes: Scores) -> float:
    """Area under the ROC curve: the chance that a fake scores above a real, ties half.

    By the rank-sum statistic of Mann and Whitney; NaN if a class is empty.
    """
    if not len(reals) or not len(fakes):
        return float("nan")
    ranks = rankdata(np.concatenate((reals, fakes)))
    above = ranks[len(reals) :].sum() - len(fakes) * (len(fakes) + 1) / 2
    return float(above / (len(reals) * len(fakes)))


def bootstrap(
    reals: Scores, fakes: Scores, rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of `auc`, by drawing clips of each class anew."""
    rng = np.random.default_rng(seed)
    areas = [
        auc(rng.choice(reals, len(reals)), rng.choice(fakes, len(fakes))) for _ in range(rounds)
    ]
    low, high = np.percentile(areas, (2.5, 97.5))
    return float(low), float(high)
