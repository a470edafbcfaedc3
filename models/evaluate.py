"""Measure an exported model: ``python -m models.evaluate --help``.

Pseudo-fakes of people held out from training, then whole clips, found, cropped, scored and
smoothed by the code of the live program. A clip's score is the mean logit of its main face.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import catalog
from models.console import exit_code, say, write_json
from models.judging import ClipLogits, Judge, clip_logits, pair_logits, peak, scorer_judge
from models.prepare import photo_faces
from realtime.contract import ModelContract
from realtime.errors import ConfigError
from realtime.evaluation.metrics import auc, bootstrap
from realtime.scorer import OnnxScorer

_PAIRS: Final = 1500
_SEED: Final = 11


def evaluate(model: Path, data: Path, cache: Path, report: Callable[[str], None]) -> dict[str, Any]:
    """All numbers as plain values; `main` writes them.

    Raises:
        ModelError: if the model cannot be used.
        ConfigError: if the data folder cannot be used.
    """
    scorer = OnnxScorer(model, device="cpu")
    try:
        judge, contract = scorer_judge(scorer), scorer.contract
        found: dict[str, Any] = {"model": contract.name, "sha256": scorer.info.sha256}
        found["pseudo_fakes"] = _pseudo_fakes(judge, contract, data, cache, report)
        clips = clip_logits(judge, catalog.clips(data), contract, cache, report)
        if clips:
            found["clips"] = _clips(clips, contract)
    finally:
        scorer.close()
    return found


def _pseudo_fakes(
    judge: Judge, contract: ModelContract, data: Path, cache: Path, report: Callable[[str], None]
) -> dict[str, Any]:
    photos = photo_faces(catalog.photos(data), cache, report)
    people = [face for face in photos if face.split == "validation"]
    if not people:
        raise ConfigError(f"{data} holds no picture of a person held out from training.")
    pairs = pair_logits(judge, people, contract, _PAIRS, _SEED)
    real, fake = pairs.real, pairs.fake
    thirds = np.array_split(np.arange(len(fake)), 3)
    return {
        "photos": len(people),
        "pairs": len(real),
        "auc": _rounded(real, fake),
        "auc_easy_middle_hard": [round(auc(real[part], fake[part]), 3) for part in thirds],
        "auc_by_texture": {
            str(name): [
                round(auc(real[pairs.textures == name], fake[pairs.textures == name]), 3),
                int((pairs.textures == name).sum()),
            ]
            for name in np.unique(pairs.textures)
        },
        "fake_above_its_real": round(float((fake > real).mean()), 3),
    }


def _clips(clips: Sequence[ClipLogits], contract: ModelContract) -> dict[str, Any]:
    trained = [c for c in clips if not c.clip.fake and c.clip.split == "train"]
    real = [c for c in clips if not c.clip.fake and c.clip.split != "train"]
    unseen = [c for c in real if c.clip.split == "validation"]
    fake = [c for c in clips if c.clip.fake]
    one, two = _means(real), _means(fake)
    methods = sorted({c.clip.kind for c in fake})
    return {
        "real_held_out": len(real),
        "real_trained_on": len(trained),
        "fake": len(fake),
        "auc": _rounded(one, two),
        "pairs": _pairs(real, fake),
        "auc_by_method": {
            name: [
                round(auc(one, _means([c for c in fake if c.clip.kind == name])), 3),
                sum(c.clip.kind == name for c in fake),
            ]
            for name in methods
        },
        "reach_strong": {
            "real_never_used": _reach(unseen, contract),
            "real_calibrated_on": _reach([c for c in real if c not in unseen], contract),
            "fake": _reach(fake, contract),
        },
        "mean_probability": {
            "real_held_out": _mean_probability(real, contract),
            "fake": _mean_probability(fake, contract),
        },
        "scores": {f"{c.clip.path.parent.name}/{c.clip.path.name}": _line(c) for c in clips},
    }


def _pairs(real: Sequence[ClipLogits], fake: Sequence[ClipLogits]) -> dict[str, Any]:
    """Fakes and the real clips that they were made from."""
    partner = {c.clip.pair: c for c in real if c.clip.pair}
    both = [(partner[c.clip.pair], c) for c in fake if c.clip.pair in partner]
    one, two = _means([pair[0] for pair in both]), _means([pair[1] for pair in both])
    return {
        "count": len(both),
        "auc": _rounded(one, two),
        "fake_above_its_real": round(float((two > one).mean()), 3) if both else None,
    }


def _rounded(real: Any, fake: Any) -> dict[str, Any]:
    low, high = bootstrap(real, fake)
    return {"auc": round(auc(real, fake), 3), "interval_95": [round(low, 3), round(high, 3)]}


def _means(clips: Sequence[ClipLogits]) -> Any:
    return np.array([np.nanmean(c.logits) for c in clips])


def _reach(clips: Sequence[ClipLogits], contract: ModelContract) -> dict[str, int]:
    peaks = [peak(c, contract.calibration) for c in clips]
    long_enough = [value for value in peaks if value is not None]
    strong = contract.thresholds.strong
    return {
        "clips": len(long_enough),
        "reach_uncertain": sum(v >= contract.thresholds.uncertain for v in long_enough),
        "reach_strong": sum(v >= strong for v in long_enough),
    }


def _mean_probability(clips: Sequence[ClipLogits], contract: ModelContract) -> float:
    fitted = contract.calibration
    odds = _means(clips) / fitted.temperature + fitted.bias
    return round(float((1 / (1 + np.exp(-odds))).mean()), 3)


def _line(found: ClipLogits) -> list[float]:
    return [round(float(np.nanmean(found.logits)), 3), len(found.logits)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="an exported .onnx")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="write the numbers as JSON")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args(arguments)

    def work() -> None:
        found = evaluate(options.model, options.data, options.cache, say)
        write_json(options.output, found)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
