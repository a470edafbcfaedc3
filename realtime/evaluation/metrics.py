"""Measures of scores against what is known, each with an interval that says how sure it is.

A score grows with the suspicion of a fake. Arrays are one-dimensional floats, one value a clip;
what cannot be computed is NaN. Intervals hold 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2, rankdata

Scores = NDArray[np.floating[Any]]
Interval = tuple[float, float]

ROUNDS: Final = 2000
BINS: Final = 10
_TAILS: Final = (2.5, 97.5)
_COMPARISONS: Final = 10_000_000
"""So many pairs of clips are compared once and for all, beyond that anew in each round."""
UNKNOWN: Final[Interval] = (float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability plot, probabilities from ``low`` to ``high``.

    ``weight`` is its share of all, ``predicted`` the mean probability, ``observed`` the share of
    fakes; both NaN in an empty bin.
    """

    low: float
    high: float
    count: int
    weight: float
    predicted: float
    observed: float


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
    reals: Scores,
    fakes: Scores,
    rounds: int = ROUNDS,
    seed: int = 0,
    measure: Callable[[Scores, Scores], float] = auc,
) -> Interval:
    """The interval of ``measure``, by drawing each class anew as if its members were independent.

    `UNKNOWN` if a class has fewer than two members.
    """
    if min(len(reals), len(fakes)) < 2:
        return UNKNOWN
    rng = np.random.default_rng(seed)
    if measure is auc and len(reals) * len(fakes) <= _COMPARISONS:
        return _percentiles(_drawn_areas(reals, fakes, rounds, rng))
    values = [
        measure(rng.choice(reals, len(reals)), rng.choice(fakes, len(fakes))) for _ in range(rounds)
    ]
    return _percentiles(values)


def bootstrap_groups(
    groups: Sequence[tuple[Scores, Scores]],
    measure: Callable[[Scores, Scores], float],
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Interval:
    """As `bootstrap`, but whole groups (the reals, the fakes) are drawn: a pair stays a pair."""
    if len(groups) < 2:
        return UNKNOWN
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(rounds):
        drawn = [groups[i] for i in rng.integers(len(groups), size=len(groups))]
        values.append(measure(*joined(drawn)))
    return _percentiles(values)


def joined(groups: Sequence[tuple[Scores, Scores]]) -> tuple[Scores, Scores]:
    """All reals and all fakes of the groups."""
    none = np.zeros(0)
    return (
        np.concatenate([none, *(g[0] for g in groups)]),
        np.concatenate([none, *(g[1] for g in groups)]),
    )


def roc(reals: Scores, fakes: Scores) -> tuple[Scores, Scores]:
    """False and true positive rates ``(K,)`` from (0, 0) to (1, 1), one point a distinct score."""
    values = np.unique(np.concatenate((reals, fakes)))[::-1]
    low, high = np.sort(reals), np.sort(fakes)
    false = 1 - np.searchsorted(low, values, "left") / max(1, len(low))
    true = 1 - np.searchsorted(high, values, "left") / max(1, len(high))
    return np.concatenate(([0.0], false)), np.concatenate(([0.0], true))


def equal_error_rate(reals: Scores, fakes: Scores) -> float:
    """Where as many reals are called fake as fakes are missed, on straight lines between points."""
    if not len(reals) or not len(fakes):
        return float("nan")
    false, true = roc(reals, fakes)
    gap = false - (1 - true)  # grows from -1 to 1
    after = int(np.argmax(gap >= 0))
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    return float(false[before] + share * (false[after] - false[before]))


def average_precision(reals: Scores, fakes: Scores) -> float:
    """Mean precision over the fakes in order of score: the sum of precision times gained recall.

    It depends on the share of fakes, by chance it equals that share.
    """
    if not len(reals) or not len(fakes):
        return float("nan")
    false, true = roc(reals, fakes)
    hits, alarms = true * len(fakes), false * len(reals)
    precision = hits[1:] / (hits[1:] + alarms[1:])
    return float((np.diff(true) * precision).sum())


def true_positive_rate(reals: Scores, fakes: Scores, false_positives: float) -> float:
    """The most fakes that are found while at most this share of reals is called fake."""
    if not len(reals) or not len(fakes):
        return float("nan")
    false, true = roc(reals, fakes)
    return float(true[false <= false_positives + 1e-12].max())


def even_odds(labels: NDArray[np.bool_]) -> Scores:
    """Weights that sum to one and give each class half, as if fakes were as common as reals."""
    fakes = max(1, int(labels.sum()))
    reals = max(1, int((~labels).sum()))
    weights = np.where(labels, 0.5 / fakes, 0.5 / reals)
    return np.asarray(weights / weights.sum())


def reliability(
    probabilities: Scores, labels: NDArray[np.bool_], weights: Scores, bins: int = BINS
) -> list[Bin]:
    """Bins of equal width; the last one includes 1. ``weights`` sum to one."""
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    table = []
    for i in range(bins):
        inside = places == i
        weight = float(weights[inside].sum())
        predicted = observed = float("nan")
        if weight > 0:
            predicted = float((weights * probabilities)[inside].sum() / weight)
            observed = float(weights[inside & labels].sum() / weight)
        table.append(Bin(i / bins, (i + 1) / bins, int(inside.sum()), weight, predicted, observed))
    return table


def calibration_error(
    probabilities: Scores, labels: NDArray[np.bool_], weights: Scores, bins: int = BINS
) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015): the mean distance between what a
    bin predicts and what is in it. Few clips make it too large, never too small.
    """
    if not len(probabilities):
        return float("nan")
    table = reliability(probabilities, labels, weights, bins)
    return sum(b.weight * abs(b.predicted - b.observed) for b in table if b.weight > 0)


def brier(probabilities: Scores, labels: NDArray[np.bool_], weights: Scores) -> float:
    """Weighted mean squared distance of probability and truth (Brier, 1950); 0.25 by always
    saying one half.
    """
    if not len(probabilities):
        return float("nan")
    return float((weights * (probabilities - labels) ** 2).sum())


def rate_interval(events: int, hours: float) -> Interval:
    """Exact interval of a Poisson rate (Garwood, 1936), per hour."""
    if hours <= 0:
        return UNKNOWN
    low = float(chi2.ppf(0.025, 2 * events)) / 2 if events else 0.0
    return low / hours, float(chi2.ppf(0.975, 2 * (events + 1))) / 2 / hours


def share_interval(hits: int, count: int) -> Interval:
    """Exact interval of a share (Clopper and Pearson, 1934)."""
    if not count:
        return UNKNOWN
    low = float(beta.ppf(0.025, hits, count - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0
    return low, high


def estimate(value: float, interval: Interval) -> dict[str, Any] | None:
    """A number and its interval as they stand in a report; None if there is no number."""
    if not np.isfinite(value):
        return None
    low, high = interval
    known = bool(np.isfinite(low) and np.isfinite(high))
    return {
        "value": round(value, 4),
        "interval_95": [round(low, 4), round(high, 4)] if known else None,
    }


def share(hits: int, count: int) -> dict[str, Any]:
    """A share with its interval, and the counts behind it."""
    found: Mapping[str, Any] = estimate(
        hits / count if count else float("nan"), share_interval(hits, count)
    ) or {"value": None, "interval_95": None}
    return {"count": hits, "of": count, **found}


def _drawn_areas(reals: Scores, fakes: Scores, rounds: int, rng: np.random.Generator) -> Scores:
    """`auc` of ``rounds`` drawings at once, from how often each member was drawn."""
    wins = (fakes[:, None] > reals) + 0.5 * (fakes[:, None] == reals)
    one, two = (rng.multinomial(n, np.full(n, 1 / n), rounds) for n in (len(reals), len(fakes)))
    return np.asarray(((two @ wins) * one).sum(axis=1) / wins.size)


def _percentiles(values: Sequence[float] | Scores) -> Interval:
    finite = np.asarray(values)[np.isfinite(values)]
    if not len(finite):
        return UNKNOWN
    low, high = np.percentile(finite, _TAILS)
    return float(low), float(high)
