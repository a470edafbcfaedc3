"""Make scores mean something: ``python -m models.calibrate --help``.

A temperature and a bias (Platt, 1999) turn logits into probabilities, fitted to the clips that
the networks of `models.crossfit` did not see: finished forgeries, their inputs and other real
recordings, one number a clip, each class counting half. The thresholds are then set so that few
real recordings ever reach a grave verdict.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.special import logit as log_odds_of

from models import checkpoints
from models.console import exit_code, say, write_json
from models.crossfit import folds_logits, mean, means
from models.folds import FOLDS
from models.judging import ClipLogits, Logits, peak
from realtime.contract import Calibration, Thresholds
from realtime.errors import ConfigError, ModelError
from realtime.evaluation.metrics import calibration_error, even_odds
from realtime.types import VIEWS

FALSE_ALARMS: Final = 0.05
"""Chance at which a further real clip may reach the threshold of strong evidence."""

_MIN_STRONG: Final = 0.75
_FLATTEST: Final = 12.0
"""The largest temperature: a network that tells little apart may say little, but not nothing."""


@dataclass(frozen=True, slots=True)
class CalibrationFile:
    """What `main` writes; ``weights`` is the fingerprint of the weights it was fitted to."""

    weights: str
    calibration: Calibration
    thresholds: Thresholds
    notes: str


def fit(real: Logits, fake: Logits) -> Calibration:
    """Temperature and bias of least cross entropy, each class counting half.

    The targets are those of Platt (1999), a little less than certain, for so few clips.

    Raises:
        ModelError: if fakes do not score above reals, so that no temperature exists.
    """
    values = np.concatenate((real, fake))
    targets = np.concatenate(
        (np.full(len(real), 1 / (len(real) + 2)), np.full(len(fake), 1 - 1 / (len(fake) + 2)))
    )
    weights = np.concatenate((np.full(len(real), 1 / len(real)), np.full(len(fake), 1 / len(fake))))

    def loss(parameters: Logits) -> float:
        odds = values * parameters[0] + parameters[1]
        return float((weights * (np.logaddexp(0, odds) - targets * odds)).sum())

    slope, bias = minimize(loss, np.array([0.5, 0.0]), method="Nelder-Mead").x
    if slope <= 1 / _FLATTEST:
        raise ModelError("The network does not tell forged clips from real ones; train it longer.")
    return Calibration(temperature=float(1 / slope), bias=float(bias))


def held_out_error(clips: Sequence[ClipLogits]) -> float:
    """Expected calibration error of clips in folds that the temperature was not fitted to."""
    probabilities: list[float] = []
    labels: list[bool] = []
    for fold in range(FOLDS):
        rest = [c for c in clips if c.clip.fold != fold]
        own = [c for c in clips if c.clip.fold == fold]
        real, fake = (means([c for c in rest if c.clip.fake is kind]) for kind in (False, True))
        fitted = fit(real, fake)
        probabilities += [float(expit(mean(c) / fitted.temperature + fitted.bias)) for c in own]
        labels += [c.clip.fake for c in own]
    truth = np.array(labels)
    return calibration_error(np.array(probabilities), truth, even_odds(truth))


def choose_thresholds(peaks: Sequence[float]) -> Thresholds:
    """Bounds in calibrated probability, from the highest that each held-out real clip reached.

    Strong evidence starts just above the order statistic that a further clip of the same kind
    exceeds with a chance of at most `FALSE_ALARMS` (the split-conformal bound, Papadopoulos et
    al., 2002; with fewer than 19 clips it cannot be kept, and the highest is taken), and never
    below 0.75. Very strong lies one unit of log-odds above it and above all the clips.
    """
    ordered = sorted(peaks)
    place = math.ceil((len(ordered) + 1) * (1 - FALSE_ALARMS) - 1e-9)
    strong = max(_MIN_STRONG, ordered[min(place, len(ordered)) - 1] + 0.01)
    strong = min(strong, 0.99)
    top = max(float(log_odds_of(strong)) + 1, float(log_odds_of(min(ordered[-1], 0.999))) + 0.1)
    very = min(float(expit(top)), 0.9995)
    return Thresholds(0.5, round(strong, 3), round(max(very, strong + 0.002), 4))


def read_calibration(path: Path) -> CalibrationFile:
    """Read what `main` wrote.

    Raises:
        ConfigError: if it is missing, damaged or of another kind.
    """
    try:
        table = json.loads(path.read_text("utf-8"))
        return CalibrationFile(
            str(table["weights"]),
            Calibration(**table["calibration"]),
            Thresholds(**table["thresholds"]),
            str(table["notes"]),
        )
    except OSError as exc:
        raise ConfigError(f"Cannot read the calibration {path}: {exc.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} is no calibration; write one with models.calibrate.") from None


def calibrate(
    checkpoint: Path, data: Path, cache: Path, report: Callable[[str], None], *, runs: Path
) -> CalibrationFile:
    """Fit everything to one checkpoint, by the networks in ``runs`` that left clips out.

    Raises:
        ConfigError: if the folder has no clips for it.
        ModelError: if a checkpoint cannot be used.
    """
    state = checkpoints.load(checkpoint)
    clips = folds_logits(runs, data, cache, report)
    real, fake = [c for c in clips if not c.clip.fake], [c for c in clips if c.clip.fake]
    if not real or not fake:
        raise ConfigError(f"{data} holds no real or no forged clips to calibrate on.")
    fitted = fit(means(real), means(fake))
    changed = [
        folds_logits(runs, data, cache, report, only=lambda clip: not clip.fake, view=view)
        for view in VIEWS
    ]
    thresholds = choose_thresholds(_peaks((real, *changed), fitted))
    report(f"calibration error on folds not fitted to: {held_out_error(clips):.3f}")
    return CalibrationFile(
        checkpoints.fingerprint(state), fitted, thresholds, _notes(real, fake, thresholds)
    )


def _peaks(versions: Sequence[Sequence[ClipLogits]], fitted: Calibration) -> list[float]:
    """The highest that each clip reaches in any version of it: a recording that was sent on as
    JPEG, scaled or mirrored is as real as it was."""
    peaks: dict[Path, float] = {}
    for clip in (clip for clips in versions for clip in clips):
        if (value := peak(clip, fitted)) is not None:
            peaks[clip.clip.path] = max(value, peaks.get(clip.clip.path, 0.0))
    if not peaks:
        raise ConfigError("No real clip is long enough to set thresholds on.")
    return list(peaks.values())


def _notes(real: Sequence[Any], fake: Sequence[Any], thresholds: Thresholds) -> str:
    return (
        f"Calibrated on {len(fake)} forged and {len(real)} real clips, each judged by a network "
        "that had not seen it, at even odds. Strong is set so that a further real recording like "
        "those, as it is or compressed, shrunk or mirrored, reaches it with a chance of at most "
        f"{FALSE_ALARMS:.0%} ({thresholds.strong:.3f}); "
        "uncertain starts at even odds."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.calibrate", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True, help="folder of models.recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a .json file")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args(arguments)

    def work() -> None:
        found = calibrate(options.checkpoint, options.data, options.cache, say, runs=options.runs)
        write_json(options.output, asdict(found))
        say(json.dumps(asdict(found), indent=2))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
