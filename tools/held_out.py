"""Measure through the engine what the networks of a recipe say of clips that they did not see.

Run as ``python -m tools.held_out --runs RUNS --data DATA``. The final network has seen every
visible forgery, so nothing can be measured on those with it. Here each clip goes through the
engine that users run with the network that left its fold out, under the calibration of the final
one, and the clips of all folds are reported together, as ``fakewatch eval`` reports them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from models import catalog
from models.calibrate import read_calibration
from models.console import exit_code
from models.crossfit import never_seen
from models.fold_models import exported
from models.folds import FOLDS
from realtime.config import Config
from realtime.errors import ConfigError
from realtime.evaluation.command import Plan, bench_of, deliver, gather, tell
from realtime.evaluation.options import add_options
from realtime.evaluation.page import in_words
from realtime.evaluation.run import Bench, Gathered, report
from realtime.scorer import OnnxScorer


def measure(options: argparse.Namespace) -> None:
    """Every fold in turn; what was gathered is written even when interrupted.

    Raises:
        ConfigError: if the data or an output cannot be used.
        ModelError: if a network is missing or damaged.
    """
    plan, console = Plan.of(options), Console(stderr=True)
    clips = [clip for clip in catalog.clips(options.data) if never_seen(clip)]
    fitted = read_calibration(options.calibration or options.runs / "calibration.json")
    gathered = Gathered()
    bench: Bench | None = None
    try:
        for fold in range(FOLDS):
            model = exported(options.runs, fold, fitted)
            part = Gathered(changed=gathered.changed)
            with closing(OnnxScorer(model, device="cpu")) as scorer:
                bench = bench_of(options, plan, scorer, Config(), console)
                try:
                    gather(bench, [c.labelled() for c in clips if c.fold == fold], plan, part)
                finally:
                    gathered.judged += part.judged
                    gathered.failed |= part.failed
        gathered.complete = True
    finally:
        if bench is not None and gathered.judged:
            found = report(gathered, bench, plan.seconds)
            found["model"] |= {
                "name": "the networks that left a fold out, each on its own fold",
                "sha256": None,
            }
            deliver(found, plan)
            tell(in_words(found), console, plan)
    if not gathered.judged:
        raise ConfigError(f"{options.data} holds no clips that the first run did not learn from.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="held_out", description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder of models.recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--calibration", type=Path, help="default: calibration.json of the runs")
    add_options(parser)
    options = parser.parse_args(arguments)
    return exit_code(lambda: measure(options))


if __name__ == "__main__":
    sys.exit(main())
