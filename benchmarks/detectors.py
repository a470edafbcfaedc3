"""Our detector beside published ones, on the same clips and the same processor.

    python -m benchmarks.detectors --weights ../shared/data/weights --data ../shared/data

The published files (MesoNet's four networks, MiniFASNet's two) are converted first, as by
``tools/export_onnx.py``; what is not in the folder is left out and named. Every clip goes through
the tracking, cropping and scoring of the live program, each detector with its own crop. A clip's
score is the mean log-odds of its main face. Real clips that our training saw count for nobody.

The shipped detector has learned from every forgery in ``../shared/data``: what it says of those is
memory. With ``--runs``, a folder of ``models.recipe``, a row is added in which each clip is judged
by the network that was fitted without its fold; only that row may be set beside the others.

The three areas under the ROC curve, with 95 % intervals: all fake against all real clips; fakes
against the recordings they were made from; live face swaps against their own inputs. In the last
two the bootstrap draws whole pairs. Speed is `OnnxScorer.score` of one crop, on one thread.

MiniFASNet is there as a liveness check: it tells live faces from prints and screens and was
never meant to find swaps. As its authors do, the last row adds up the probabilities of both.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models import catalog
from models.console import exit_code, say, write_json
from models.crossfit import folds_logits, means
from models.judging import ClipLogits, clip_logits, scorer_judge
from models.peers.convert import export, random_crops
from models.peers.registry import PEERS
from realtime.errors import ConfigError
from realtime.evaluation.metrics import Interval, auc, bootstrap, bootstrap_groups, joined
from realtime.scorer import OnnxScorer
from weights import DETECTOR

FILES: Final = {
    "Meso4_DF.h5": ("meso4", "Meso4 DF"),
    "Meso4_F2F.h5": ("meso4", "Meso4 F2F"),
    "MesoInception_DF.h5": ("mesoinception4", "MesoInception4 DF"),
    "MesoInception_F2F.h5": ("mesoinception4", "MesoInception4 F2F"),
    "2.7_80x80_MiniFASNetV2.pth": ("minifasnet-v2", "MiniFASNet V2"),
    "4_0_0_80x80_MiniFASNetV1SE.pth": ("minifasnet-v1se", "MiniFASNet V1SE"),
}
"""Published file, the architecture that it is of, and how it is called here."""

_LIVE: Final = "DeepFaceLive"
_SUMMED: Final = ("MiniFASNet V2", "MiniFASNet V1SE")
_ROUNDS: Final = 60
_WIDTH: Final = 106
"""Narrower terminals would lose columns."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What one detector said of every clip in which a face could be assessed.

    ``milliseconds``: median of one crop on one thread.
    """

    name: str
    sha256: str
    clips: Sequence[ClipLogits]
    milliseconds: float


def convert(weights: Path, folder: Path, report: Callable[[str], None]) -> dict[str, Path]:
    """ONNX files in ``folder`` of the published files in ``weights``, by their names here.

    Raises:
        ConfigError: if there is no such folder.
        ModelError: if one of the files is not what its name says.
    """
    if not weights.is_dir():
        raise ConfigError(f"There is no folder {weights} with published weights; give --weights.")
    made = {}
    for file, (arch, name) in FILES.items():
        if not (weights / file).is_file():
            report(f"{file} is not in {weights}; left out")
            continue
        peer = PEERS[arch]
        made[name] = folder / f"{file}.onnx"
        export(peer.load(weights / file), peer.contract, made[name])
    return made


def measure(name: str, model: Path, clips: Sequence[catalog.Clip], cache: Path) -> Result:
    """Ask one model about all clips, then time it; ``name`` is empty for what the model says.

    Raises:
        ModelError: if the model cannot be used.
        SourceError: if a clip cannot be read.
    """
    scorer = OnnxScorer(model, device="cpu", threads=1)
    try:
        name = name or scorer.contract.name
        say(f"asking {name}")
        found = clip_logits(scorer_judge(scorer), clips, scorer.contract, cache, say)
        return Result(name, scorer.info.sha256, found, _milliseconds(scorer))
    finally:
        scorer.close()


def _milliseconds(scorer: OnnxScorer) -> float:
    crop = random_crops(scorer.contract, 1)
    taken = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        scorer.score(crop, 0.0)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


def summed(name: str, one: Result, other: Result) -> Result:
    """Both together: the mean of their probabilities of real at the moments that both saw."""
    others = {found.clip.path: found for found in other.clips}
    both = [
        _sum(found, others[found.clip.path]) for found in one.clips if found.clip.path in others
    ]
    whole = [found for found in both if len(found.logits)]
    return Result(name, "", whole, one.milliseconds + other.milliseconds)


def _sum(one: ClipLogits, other: ClipLogits) -> ClipLogits:
    times, first, second = np.intersect1d(one.times, other.times, return_indices=True)
    real = (_real(one.logits[first]) + _real(other.logits[second])) / 2
    logits = np.log1p(-real) - np.log(real)
    qualities = tuple(one.qualities[i] for i in first.tolist())
    return ClipLogits(one.clip, times, logits, qualities)


def _real(logits: Scores) -> Scores:
    """Probabilities of real, kept off 0 and 1."""
    return np.asarray(1 / (1 + np.exp(np.clip(logits, -30, 30))), np.float64)


def areas(clips: Sequence[ClipLogits]) -> dict[str, dict[str, Any]]:
    """The three areas of one detector, each with its interval and the number of its clips."""
    usable = [c for c in clips if c.clip.fake or c.clip.split != "train"]
    reals = means([c for c in usable if not c.clip.fake])
    fakes = means([c for c in usable if c.clip.fake])
    pairs = pairs_of(clips)
    live = [(c_reals, c_fakes) for kind, c_reals, c_fakes in pairs if kind == _LIVE]
    every = [(c_reals, c_fakes) for _, c_reals, c_fakes in pairs]
    return {
        "all": _area(reals, fakes, bootstrap(reals, fakes)),
        "pairs": _area(*joined(every), bootstrap_groups(every, auc)),
        "live_swaps": _area(*joined(live), bootstrap_groups(live, auc)),
    }


def pairs_of(clips: Sequence[ClipLogits]) -> list[tuple[str, Scores, Scores]]:
    """Method, mean log-odds of the real clips and of the fakes, for every pair that has both."""
    found: dict[str, tuple[list[ClipLogits], list[ClipLogits]]] = {}
    for clip in clips:
        if clip.clip.pair:
            found.setdefault(clip.clip.pair, ([], []))[clip.clip.fake].append(clip)
    return [
        (fakes[0].clip.kind, means(reals), means(fakes))
        for reals, fakes in found.values()
        if reals and fakes
    ]


def _area(reals: Scores, fakes: Scores, interval: Interval) -> dict[str, Any]:
    numbers = (auc(reals, fakes), *interval)
    area, low, high = (round(n, 3) if np.isfinite(n) else None for n in numbers)
    return {"auc": area, "interval_95": [low, high], "reals": len(reals), "fakes": len(fakes)}


def summary(results: Sequence[Result]) -> list[dict[str, Any]]:
    """One plain row a detector."""
    return [
        {
            "detector": result.name,
            "sha256": result.sha256,
            **areas(result.clips),
            "ms_per_crop": round(result.milliseconds, 3),
            "crops_per_s": round(1000 / result.milliseconds, 1),
        }
        for result in results
    ]


def show(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """The rows as a table for people."""
    first = rows[0]
    table = Table(title="AUC of clips with 95 % interval, and speed on one thread")
    table.add_column("detector", no_wrap=True)
    for key, words in (("all", "all"), ("pairs", "pairs"), ("live_swaps", "live swaps")):
        counts = f"{first[key]['fakes']} fake/{first[key]['reals']} real"
        table.add_column(f"{words}\n{counts}", justify="right", no_wrap=True)
    table.add_column("ms a crop", justify="right")
    table.add_column("crops/s", justify="right")
    for row in rows:
        table.add_row(
            row["detector"],
            *(_words(row[key]) for key in ("all", "pairs", "live_swaps")),
            f"{row['ms_per_crop']:.2f}",
            f"{row['crops_per_s']:.0f}",
        )
    console.print(table)


def _words(area: Mapping[str, Any]) -> str:
    if area["auc"] is None:
        return "no clips"
    low, high = area["interval_95"]
    return f"{area['auc']:.2f}" + (f" ({low:.2f}–{high:.2f})" if low is not None else "")


def bench(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows, ours first."""
    clips = catalog.clips(options.data)
    if not clips:
        raise ConfigError(f"There are no clips in {options.data}; give --data.")
    with tempfile.TemporaryDirectory() as folder:
        models = {"": options.model, **convert(options.weights, Path(folder), say)}
        results = [measure(name, path, clips, options.cache) for name, path in models.items()]
    ours = results[0]
    if options.runs:
        held_out = folds_logits(options.runs, options.data, options.cache, say)
        results.insert(0, Result("ours, clips left out", "", held_out, ours.milliseconds))
        results[1] = replace(ours, name="ours, clips it knows")
    by_name = {result.name: result for result in results}
    if all(name in by_name for name in _SUMMED):
        one, other = (by_name[name] for name in _SUMMED)
        results.append(summed("MiniFASNet V2 + V1SE", one, other))
    return summary(results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detectors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, required=True, help="folder of published files")
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/")
    parser.add_argument("--model", type=Path, default=DETECTOR, help="ours, an .onnx")
    parser.add_argument("--runs", type=Path, help="folder of models.recipe, see above")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    options = parser.parse_args(arguments)

    def work() -> None:
        rows = bench(options)
        if options.json:
            write_json(options.json, rows)
        show(rows, Console(width=max(_WIDTH, Console().width)))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
