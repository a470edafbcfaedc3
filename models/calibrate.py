"""Make scores mean something: ``python -m models.calibrate --help``.

A temperature and a bias (Platt, 1999) turn logits into probabilities on people that training
never saw: their photos, their pseudo-fakes, and frames of real recordings as they are. The
thresholds are then set so that few real recordings ever reach a grave verdict.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.special import logit as log_odds_of

from models import catalog, checkpoints
from models.console import exit_code, say, write_json
from models.contracts import contract_for
from models.judging import ClipLogits, Logits, clip_logits, pair_logits, peak, torch_judge
from models.prepare import clip_faces, photo_faces
from realtime.contract import Calibration, Thresholds
from realtime.errors import ConfigError, ModelError

FALSE_ALARMS: Final = 0.05
"""Chance at which a further real clip may reach the threshold of strong evidence."""

_MIN_STRONG: Final = 0.75
_SEED: Final = 7
_PAIRS: Final = 1200


@dataclass(frozen=True, slots=True)
class CalibrationFile:
    """What `main` writes; ``weights`` is the fingerprint of the weights it was fitted to."""

    weights: str
    calibration: Calibration
    thresholds: Thresholds
    notes: str


def fit(real: Logits, fake: Logits, real_weight: Logits, fake_weight: Logits) -> Calibration:
    """Temperature and bias of least weighted cross entropy; each class's weights count half.

    Raises:
        ModelError: if fakes do not score above reals, so that no temperature exists.
    """
    weights = np.concatenate((real_weight / real_weight.sum(), fake_weight / fake_weight.sum()))
    signs = np.concatenate((-np.ones(len(real)), np.ones(len(fake))))
    values = np.concatenate((real, fake))

    def loss(parameters: Logits) -> float:
        margin = signs * (values * parameters[0] + parameters[1])
        return float((weights * np.logaddexp(0, -margin)).sum())

    slope, bias = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    if slope <= 0.01:
        raise ModelError("The network does not tell pseudo-fakes from reals; train it longer.")
    return Calibration(temperature=float(1 / slope), bias=float(bias))


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
    checkpoint: Path, data: Path, cache: Path, report: Callable[[str], None]
) -> CalibrationFile:
    """Fit everything to one checkpoint on the calibration part of a data folder.

    Raises:
        ConfigError: if the folder has no pictures or clips for it.
        ModelError: if the checkpoint cannot be used.
    """
    state = checkpoints.load(checkpoint)
    contract = contract_for(state.arch)
    judge = torch_judge(checkpoints.network(state), contract)
    recorded = [c for c in catalog.clips(data) if c.split == "calibration" and not c.fake]
    people = [
        f for f in photo_faces(catalog.photos(data), cache, report) if f.split == "calibration"
    ]
    if not people or not recorded:
        raise ConfigError(f"{data} holds no people or no real clips that are left to calibrate on.")
    clips = clip_logits(judge, recorded, contract, cache, report)
    photos_seen = pair_logits(judge, people, contract, _PAIRS, _SEED)
    frames = clip_faces(recorded, cache, report)
    frames_seen = pair_logits(judge, frames, contract, _PAIRS, _SEED + 1)
    seen = np.concatenate([c.logits for c in clips])
    # every clip counts alike, however long, and photos, changed frames and frames as they are too
    each = np.concatenate([np.full(len(c.logits), 1 / len(c.logits)) for c in clips])
    fitted = fit(
        np.concatenate((photos_seen.real, frames_seen.real, seen)),
        np.concatenate((photos_seen.fake, frames_seen.fake)),
        np.concatenate((_even(photos_seen.real), _even(frames_seen.real), each / each.sum())),
        np.concatenate((_even(photos_seen.fake), _even(frames_seen.fake))),
    )
    thresholds = choose_thresholds(_peaks(clips, fitted))
    return CalibrationFile(
        checkpoints.fingerprint(state), fitted, thresholds, _notes(len(people), clips, thresholds)
    )


def _even(values: Logits) -> Logits:
    return np.full(len(values), 1 / len(values))


def _peaks(clips: Sequence[ClipLogits], fitted: Calibration) -> list[float]:
    found = (peak(clip, fitted) for clip in clips)
    peaks = [value for value in found if value is not None]
    if not peaks:
        raise ConfigError("No real clip is long enough to set thresholds on.")
    return peaks


def _notes(people: int, clips: Sequence[ClipLogits], thresholds: Thresholds) -> str:
    return (
        f"Calibrated on self-blended pseudo-fakes and real pictures of {people} photos and "
        f"{len(clips)} recordings that training never saw, at even odds; it says nothing certain "
        "of forgeries of other kinds. Strong is set so that a further real recording like those "
        f"reaches it with a chance of at most {FALSE_ALARMS:.0%} ({thresholds.strong:.3f}); "
        "uncertain starts at even odds."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.calibrate", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a .json file")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args(arguments)

    def work() -> None:
        found = calibrate(options.checkpoint, options.data, options.cache, say)
        write_json(options.output, asdict(found))
        say(json.dumps(asdict(found), indent=2))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
