"""From observations of clips to the numbers of a report, as plain values for JSON.

Every number that is an estimate comes with its 95 % interval; one that cannot be computed is
None, and a sentence says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any, Final

import numpy as np

from realtime.evaluation import metrics
from realtime.evaluation.layouts import LabelledClip
from realtime.evaluation.metrics import Scores
from realtime.evaluation.observe import Observation

FALSE_POSITIVES: Final = (0.01, 0.05)


@dataclass(frozen=True, slots=True)
class Judged:
    """A clip, what is known of it, and what was said of it."""

    clip: LabelledClip
    seen: Observation


def summarise(judged: Sequence[Judged]) -> dict[str, Any]:
    """Every number over these clips; the keys are described in ``docs/evaluation.md``."""
    real = [j for j in judged if not j.clip.fake]
    fake = [j for j in judged if j.clip.fake]
    return {
        "clips": _counts(real, fake),
        "overall": _overall(scores(real), scores(fake)),
        "pairs": _pairs(judged),
        "methods": _methods(real, fake),
        "sources": {kind: _kind(part) for kind, part in _by_kind(real).items()},
        "false_alarms": _false_alarms(real),
        "detection": _detection(fake),
        "calibration": _calibration(judged),
        "assessability": _assessability(judged),
        "missing": _missing(real, fake),
    }


def scores(judged: Sequence[Judged]) -> Scores:
    """Scores ``(N,)`` of the clips that have one."""
    return np.array([j.seen.log_odds for j in judged if j.seen.log_odds is not None], np.float64)


def compare(real: Scores, fake: Scores) -> dict[str, Any] | None:
    """AUC with its interval; None without both classes."""
    return metrics.estimate(metrics.auc(real, fake), metrics.bootstrap(real, fake))


def _counts(real: Sequence[Judged], fake: Sequence[Judged]) -> dict[str, Any]:
    return {
        "real": len(real),
        "fake": len(fake),
        "real_scored": len(scores(real)),
        "fake_scored": len(scores(fake)),
        "median_s": round(median([j.seen.media_s for j in (*real, *fake)] or [0.0]), 2),
    }


def _overall(real: Scores, fake: Scores) -> dict[str, Any]:
    def found(measure: Callable[[Scores, Scores], float]) -> dict[str, Any] | None:
        return metrics.estimate(
            measure(real, fake), metrics.bootstrap(real, fake, 500, measure=measure)
        )

    def at(bound: float) -> Callable[[Scores, Scores], float]:
        return lambda a, b: metrics.true_positive_rate(a, b, bound)

    return {
        "auc": compare(real, fake),
        "equal_error_rate": found(metrics.equal_error_rate),
        "average_precision": found(metrics.average_precision),
        "share_of_fakes": round(len(fake) / max(1, len(real) + len(fake)), 4),
        "true_positive_rate": {f"{bound:g}": found(at(bound)) for bound in FALSE_POSITIVES},
    }


def _pairs(judged: Sequence[Judged]) -> dict[str, Any]:
    """Fakes and the real clips that they were made from."""
    groups = []
    for pair in sorted({j.clip.pair for j in judged if j.clip.pair}):
        own = [j for j in judged if j.clip.pair == pair]
        real = scores([j for j in own if not j.clip.fake])
        fake = scores([j for j in own if j.clip.fake])
        if len(real) and len(fake):
            groups.append((real, fake))
    above = [bool(f > real.mean()) for real, fake in groups for f in fake]
    return {
        "groups": len(groups),
        "auc": metrics.estimate(
            metrics.auc(*metrics.joined(groups)), metrics.bootstrap_groups(groups, metrics.auc)
        ),
        "fake_above_its_real": metrics.share(sum(above), len(above)),
    }


def _methods(real: Sequence[Judged], fake: Sequence[Judged]) -> dict[str, Any]:
    one = scores(real)
    return {
        kind: {"auc": compare(one, scores(part)), **_kind(part)}
        for kind, part in _by_kind(fake).items()
    }


def _kind(judged: Sequence[Judged]) -> dict[str, Any]:
    values = scores(judged)
    return {
        "clips": len(judged),
        "scored": len(values),
        "mean_log_odds": round(float(values.mean()), 3) if len(values) else None,
        "reach_strong": metrics.share(sum(j.seen.strong for j in judged), len(judged)),
    }


def _false_alarms(real: Sequence[Judged]) -> dict[str, Any]:
    alarms = sum(len(j.seen.alarms) for j in real)
    hours = sum(j.seen.media_s for j in real) / 3600
    return {
        "alarms": alarms,
        "hours": round(hours, 4),
        "per_hour": metrics.estimate(
            alarms / hours if hours else float("nan"), metrics.rate_interval(alarms, hours)
        ),
        "clips_reaching_strong": metrics.share(sum(j.seen.strong for j in real), len(real)),
    }


def _detection(fake: Sequence[Judged]) -> dict[str, Any]:
    first = [j.seen.alarms[0] for j in fake if j.seen.alarms]
    return {
        "detected": metrics.share(len(first), len(fake)),
        "median_delay_s": round(median(first), 2) if first else None,
        "delays_s": [round(value, 2) for value in sorted(first)],
    }


def _calibration(judged: Sequence[Judged]) -> dict[str, Any] | None:
    """Of the probability that was shown last, at even odds."""
    shown = [j for j in judged if j.seen.probability is not None]
    values = np.array([j.seen.probability for j in shown], np.float64)
    labels = np.array([j.clip.fake for j in shown], bool)
    if not labels.any() or labels.all():
        return None

    def of(measure: Callable[..., float]) -> dict[str, Any] | None:
        def both(real: Scores, fake: Scores) -> float:
            known = np.concatenate((np.zeros(len(real), bool), np.ones(len(fake), bool)))
            return measure(np.concatenate((real, fake)), known, metrics.even_odds(known))

        real, fake = values[~labels], values[labels]
        return metrics.estimate(both(real, fake), metrics.bootstrap(real, fake, 500, measure=both))

    table = metrics.reliability(values, labels, metrics.even_odds(labels))
    return {
        "expected_calibration_error": of(metrics.calibration_error),
        "brier": of(metrics.brier),
        "bins": [_finite(asdict(b)) for b in table],
    }


def _assessability(judged: Sequence[Judged]) -> dict[str, Any]:
    reasons: dict[str, float] = {}
    for j in judged:
        for reason, seconds in j.seen.not_assessable.items():
            reasons[reason] = reasons.get(reason, 0.0) + seconds
    assessed = sum(j.seen.assessable_s for j in judged)
    blocked = sum(reasons.values())
    return {
        "face_s": round(assessed + blocked, 2),
        "share_not_assessable": round(blocked / (assessed + blocked), 4)
        if assessed + blocked
        else None,
        "seconds_by_reason": {
            name: round(value, 2) for name, value in sorted(reasons.items(), key=lambda r: -r[1])
        },
        "no_face_s": round(sum(j.seen.no_face_s for j in judged), 2),
        "media_s": round(sum(j.seen.media_s for j in judged), 2),
        "clips_without_score": sum(j.seen.log_odds is None for j in judged),
    }


def _missing(real: Sequence[Judged], fake: Sequence[Judged]) -> list[str]:
    """What could not be computed, and why."""
    without = "AUC, error rates, pairs and calibration need both classes"
    found = []
    if not fake:
        found.append(f"There is no fake clip: {without}, detection needs fakes.")
    if not real:
        found.append(f"There is no real clip: {without}, false alarms need reals.")
    for name, part in (("real", real), ("fake", fake)):
        if part and not len(scores(part)):
            found.append(f"In no {name} clip was a face assessed: {without}.")
    if real and fake and not _pairs([*real, *fake])["groups"]:
        found.append("No fake clip is paired with its own real clip: there are no pair numbers.")
    for bound in FALSE_POSITIVES:
        if 0 < len(scores(real)) < 1 / bound:
            found.append(
                f"A false positive rate of {bound:.0%} needs {1 / bound:.0f} real clips and there "
                f"are {len(scores(real))}: what is given for it holds at no false positive at all."
            )
    return found


def _by_kind(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    kinds = sorted({j.clip.kind for j in judged})
    return {kind: [j for j in judged if j.clip.kind == kind] for kind in kinds}


def mean(values: Sequence[float]) -> float | None:
    """Rounded mean, None of nothing."""
    return round(fmean(values), 4) if values else None


def _finite(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else round(value, 4)
        for key, value in table.items()
    }
