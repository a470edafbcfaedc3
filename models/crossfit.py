"""What a detector says of forgeries it has not seen: ``python -m models.crossfit --help``.

The finished forgeries are few, so each is judged by a network that was trained as the final one
but without it: one network for each of five folds, which divide no person, and one for each
method of forging.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import catalog, checkpoints
from models.catalog import Clip
from models.console import exit_code, say, write_json
from models.contracts import contract_for
from models.folds import FOLDS
from models.judging import ClipLogits, as_view, clip_logits, torch_judge
from realtime.errors import ConfigError
from realtime.evaluation.metrics import (
    Interval,
    Scores,
    auc,
    bootstrap,
    bootstrap_groups,
    estimate,
    joined,
)

_LIVE: Final = "DeepFaceLive"


def never_seen(clip: Clip) -> bool:
    """Whether the clip is in a fold: the real clips of the split for training are in every fit."""
    return clip.fake or clip.split != "train"


def fold_name(fold: int) -> str:
    """The folder of the network that did not see a fold."""
    return f"without-fold-{fold}"


def method_name(method: str) -> str:
    """The folder of the network that did not see a method."""
    return f"without-{method}"


def folds_logits(
    runs: Path,
    data: Path,
    cache: Path,
    report: Callable[[str], None],
    *,
    only: Callable[[Clip], bool] = never_seen,
    view: str | None = None,
) -> list[ClipLogits]:
    """Every clip that was not trained on first, by the network that did not see its fold.

    ``only`` chooses among them. With ``view``, the changed copies of that name in
    `realtime.types.VIEWS` are judged instead.

    Raises:
        ModelError: if a network is missing or damaged.
        ConfigError: if the data folder cannot be used.
    """
    clips = [clip for clip in catalog.clips(data) if never_seen(clip) and only(clip)]
    found: list[ClipLogits] = []
    for fold in range(FOLDS):
        own = [clip for clip in clips if clip.fold == fold]
        found += _judged(runs / fold_name(fold) / "last.pt", own, cache, report, view)
    return found


def measure(runs: Path, data: Path, cache: Path, report: Callable[[str], None]) -> dict[str, Any]:
    """All numbers of clips by networks that did not see them, as plain values."""
    clips = folds_logits(runs, data, cache, report)
    real, fake = [c for c in clips if not c.clip.fake], [c for c in clips if c.clip.fake]
    if not real or not fake:
        raise ConfigError(f"{data} needs real and forged clips with faces to be measured on.")
    found: dict[str, Any] = {
        "real": len(real),
        "fake": len(fake),
        "all": _area(means(real), means(fake)),
        "pairs": _pairs(real, fake),
        "live_swaps_against_own_inputs": _pairs(real, [c for c in fake if c.clip.kind == _LIVE]),
        "scores": {
            f"{'fake' if c.clip.fake else 'real'}/{c.clip.path.name}": round(mean(c), 3)
            for c in clips
        },
    }
    return found | {"without_the_method": _by_method(runs, data, cache, report)}


def mean(found: ClipLogits) -> float:
    """A clip's score: the mean logit of its main face."""
    return float(np.nanmean(found.logits))


def means(clips: Sequence[ClipLogits]) -> Scores:
    """The scores of clips ``(N,)``."""
    return np.array([mean(clip) for clip in clips])


def _by_method(
    runs: Path,
    data: Path,
    cache: Path,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Each method by the network that saw neither it nor the reals it is compared with."""
    clips = [clip for clip in catalog.clips(data) if never_seen(clip)]
    pairs = {clip.pair for clip in clips if clip.fake and clip.pair}
    found: dict[str, Any] = {}
    for method in sorted({clip.kind for clip in clips if clip.fake}):
        checkpoint = runs / method_name(method) / "last.pt"
        if not checkpoint.exists():
            continue
        own = [clip for clip in clips if clip.fake and clip.kind == method]
        # the inputs of other methods' forgeries were trained on with them
        inputs = {clip.pair for clip in own if clip.pair}
        others = [c for c in clips if not c.fake and (c.pair not in pairs or c.pair in inputs)]
        judged = _judged(checkpoint, own + others, cache, report)
        fake = [c for c in judged if c.clip.fake]
        plain = [c for c in judged if not c.clip.fake]
        found[method] = {"clips": len(fake), "auc": _area(means(plain), means(fake))}
        if inputs:
            found[method]["pairs"] = _pairs(plain, fake)
    return found


def _judged(
    checkpoint: Path,
    clips: Sequence[Clip],
    cache: Path,
    report: Callable[[str], None],
    view: str | None = None,
) -> list[ClipLogits]:
    state = checkpoints.load(checkpoint)
    contract = contract_for(state.arch)
    judge = torch_judge(checkpoints.network(state), contract)
    change = None if view is None else as_view(view, contract)
    return clip_logits(judge, clips, contract, cache, report, change=change)


def _area(real: Scores, fake: Scores) -> dict[str, Any] | None:
    return estimate(auc(real, fake), bootstrap(real, fake))


def _pairs(real: Sequence[ClipLogits], fake: Sequence[ClipLogits]) -> dict[str, Any]:
    """Forgeries and the clips they were made from; pairs are drawn whole."""
    partner = {c.clip.pair: c for c in real if c.clip.pair}
    both = [(partner[c.clip.pair], c) for c in fake if c.clip.pair in partner]
    groups = [(means([one]), means([two])) for one, two in both]
    one, two = joined(groups)
    interval: Interval = bootstrap_groups(groups, auc)
    return {
        "count": len(both),
        "auc": estimate(auc(one, two), interval),
        "fake_above_its_real": round(float((two > one).mean()), 3) if both else None,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.crossfit", description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder of models.recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="write the numbers as JSON")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args(arguments)

    def work() -> None:
        write_json(options.output, measure(options.runs, options.data, options.cache, say))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
