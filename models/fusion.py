"""What each witness weighs, fitted on held-out clips: ``python -m models.fusion --help``.

A regularised logistic regression over moments of clips in which the classifier's log-odds count
once and each witness has a weight in 0..1, so that its own log-likelihood ratio is trusted at
most as it stands. Each clip counts alike, each class half. The weights that are reported are
those of fits that left the fold of a clip out, the ones that are kept those of all clips.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models import catalog
from models.calibrate import read_calibration
from models.console import exit_code, say, write_json
from models.fold_models import exported
from models.folds import FOLDS
from models.fusion_table import table
from models.witnesses import Folds, Record, record
from realtime.config import Config
from realtime.errors import ConfigError
from realtime.evaluation.recode import conditions

FloatArray = NDArray[np.float64]

LIMIT: Final = 1.5
"""All witnesses together: a doubt of 50 % becomes at most 82 %, which is never strong alone."""

PENALTY: Final = 0.05
"""On the square of each weight, beside a mean loss of about 0.6; chosen once, not tuned."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """``odds`` ``(N,)`` the classifier's log-odds, ``llr`` ``(N, W)`` of the witnesses, 0 where
    one cannot judge, ``fake`` ``(N,)`` bool, ``weight`` ``(N,)`` sums to one.
    """

    odds: FloatArray
    llr: FloatArray
    fake: NDArray[np.bool_]
    weight: FloatArray


def moments(records: Sequence[Record], names: Sequence[str]) -> Moments:
    """All moments at which the classifier said something."""
    odds, llr, fake, weight = [], [], [], []
    for one in records:
        own = np.array(one.log_odds)
        good = np.isfinite(own)
        if not good.any():
            continue
        odds.append(own[good])
        llr.append(series(one, names)[good])
        fake.append(np.full(good.sum(), one.fake))
        weight.append(np.full(good.sum(), 1.0 / good.sum()))
    if not odds:
        raise ConfigError("The classifier said nothing of any clip; nothing can be fitted.")
    labels, each = np.concatenate(fake), np.concatenate(weight)
    for kind in (False, True):
        each[labels == kind] *= 0.5 / max(1e-9, each[labels == kind].sum())
    return Moments(np.concatenate(odds), np.concatenate(llr), labels, each / each.sum())


def series(one: Record, names: Sequence[str]) -> FloatArray:
    """``(T, W)``: what the named witnesses said over time, 0 where one could not judge."""
    silent = (float("nan"),) * len(one.times)
    return np.nan_to_num(
        np.array([one.cues.get(name, silent) for name in names], np.float64).T
    ).reshape(len(one.times), len(names))


def fit(data: Moments, penalty: float = PENALTY) -> FloatArray:
    """The weights ``(W,)`` in 0..1 of least penalised logistic loss."""
    sign = np.where(data.fake, 1.0, -1.0)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        margin = sign * (data.odds + data.llr @ weights)
        value = float(data.weight @ np.logaddexp(0.0, -margin) + penalty * (weights @ weights))
        slope = -sign * data.weight / (1.0 + np.exp(np.clip(margin, -50, 50)))
        return value, np.asarray(data.llr.T @ slope + 2 * penalty * weights, np.float64)

    width = data.llr.shape[1]
    found = minimize(loss, np.zeros(width), jac=True, bounds=[(0, 1)] * width, method="L-BFGS-B")
    return np.asarray(found.x, np.float64)


def crossfit(records: Sequence[Record], names: Sequence[str]) -> dict[tuple[str, str], FloatArray]:
    """The fused log-odds of each record over time, by weights that never saw its fold."""
    found: dict[tuple[str, str], FloatArray] = {}
    for fold in range(FOLDS):
        others = [one for one in records if one.fold != fold]
        own = [one for one in records if one.fold == fold]
        if own and others:
            weights = fit(moments(others, names))
            found |= {one.key: fused(one, names, weights) for one in own}
    return found


def fused(one: Record, names: Sequence[str], weights: FloatArray) -> FloatArray:
    """Classifier and witnesses together over time, NaN where the classifier said nothing."""
    added = np.clip(series(one, names) @ weights, -LIMIT, LIMIT)
    return np.asarray(np.array(one.log_odds) + added, np.float64)


def measure(records: Sequence[Record]) -> tuple[dict[str, float], dict[str, Any]]:
    """The weights of all clips, and the table of what each witness is worth."""
    judged = [one for one in records if not one.seen]
    names = sorted({name for one in records for name in one.cues})
    weights = fit(moments(judged, names))
    without = {
        name: crossfit(judged, [other for other in names if other != name]) for name in names
    }
    found = table(records, names, crossfit(judged, names), without)
    return {n: round(float(w), 3) for n, w in zip(names, weights, strict=True)}, found


def work(options: argparse.Namespace) -> None:
    """Record, fit, write.

    Raises:
        ConfigError, ModelError: if something cannot be used.
    """
    fitted = read_calibration(options.runs / "calibration.json")
    plain = Config()

    def settings(fold: int) -> Config:
        path = _dynamics(options.dynamics, fold)
        return replace(plain, cues=replace(plain.cues, dynamics_model=path))

    folds = Folds(lambda fold: exported(options.runs, fold, fitted), settings)
    records = record(
        catalog.clips(options.data),
        folds,
        conditions(options.conditions),
        options.records,
        say,
    )
    weights, found = measure(records)
    write_json(options.table, found)
    if options.output:
        write_json(options.output, _file(weights, found))


def _dynamics(folder: Path | None, fold: int) -> str:
    return "" if folder is None else str(folder / f"fold-{fold}" / "dynamics.onnx")


def _file(weights: Mapping[str, float], found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "limit": LIMIT,
        "weights": dict(weights),
        "fitted": "logistic regression on held-out clips by models.fusion",
        "auc": {name: found["original"][name]["all"] for name in ("classifier", "fusion")},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.fusion", description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder of models.recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dynamics", type=Path, help="folder of models.dynamics")
    parser.add_argument("--records", type=Path, required=True, help="kept; resumed if it exists")
    parser.add_argument("--conditions", default="original", help="as of fakewatch eval")
    parser.add_argument("--table", type=Path, help="write the numbers as JSON")
    parser.add_argument("--output", type=Path, help="write the weights, as weights/fusion.json")
    options = parser.parse_args(arguments)
    return exit_code(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
