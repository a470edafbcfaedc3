"""The whole of training in one command: ``python -m models.recipe --help``.

Pseudo-fakes of real faces first, then the same with finished forgeries beside their inputs, once
without each fold and each method to measure and calibrate by, once with all of them. Whatever is
whole is not done again, so that an interrupted command goes on when it is repeated.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import torch

from models import checkpoints
from models.calibrate import calibrate
from models.console import exit_code, say, write_json
from models.contracts import contract_for
from models.crossfit import fold_name, measure, method_name
from models.folds import FOLDS
from models.supply import HeldOut, Making, Order, stock
from models.train import train
from models.trainer import Plan
from realtime.errors import ConfigError, ExitCode

ARCH: Final = "cellnet"
_FORGED: Final = 0.5
"""Share of pairs with a finished forgery in the second run."""
_SECOND_RATE: Final = 7e-4
_GPU_SPEED: Final = 12.0
"""How many times as fast a GPU is taken to be when nothing is said of the time."""


@dataclass(frozen=True, slots=True)
class Times:
    """Minutes of the first run, of the final second run, and of each that leaves something out."""

    first: float
    final: float
    without: float


def run(data: Path, cache: Path, out: Path, times: Times, plan: Plan) -> None:
    """Every stage, each with its own folder in ``out``.

    Raises:
        ConfigError: if the data folder cannot be used or nothing can be written.
        ModelError: if a checkpoint of an earlier attempt is damaged.
    """
    making = Making(forged=True, device=plan.device)
    found = stock(data, cache, contract_for(ARCH), making, say)
    methods = sorted({forged.clip.kind for forged in found.forged})
    if not methods:
        raise ConfigError(f"{data} holds no forged clips to measure with; see models.train.")
    first = replace(plan, minutes=times.first)
    base = checkpoints.load(train(found.supply(Order()), first, out / "first"))
    second = replace(plan, rate=_SECOND_RATE, start_hard=True)
    left_out = {fold_name(fold): HeldOut(fold=fold) for fold in range(FOLDS)}
    left_out |= {method_name(method): HeldOut(method=method) for method in methods}
    without = replace(second, minutes=times.without)
    for name, held_out in left_out.items():
        say(f"training {name}")
        train(found.supply(Order(_FORGED, held_out)), without, out / name, start=base)
    final = replace(second, minutes=times.final)
    last = train(found.supply(Order(_FORGED)), final, out / "final", start=base)
    write_json(out / "crossfit.json", measure(out, data, cache, say))
    fitted = calibrate(last, data, cache, say, runs=out)
    write_json(out / "calibration.json", asdict(fitted))
    say(f"done; export {last} with {out / 'calibration.json'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.recipe", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--hours", type=float, default=4.0, help="on two cores (4)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", help="cpu, cuda; default: cuda if there is one")
    options = parser.parse_args(arguments)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    minutes = options.hours * 60 / (_GPU_SPEED if device == "cuda" else 1)
    if not 0 < minutes < float("inf"):
        parser.error("--hours must be greater than 0")
    times = Times(first=0.5 * minutes, final=0.15 * minutes, without=0.35 * minutes / 16)
    cores = os.cpu_count() or 1
    workers = 1 if device == "cpu" else max(1, cores - 1)
    plan = Plan(
        minutes=None,
        steps=None,
        seed=options.seed,
        workers=workers,
        threads=max(1, cores - workers),
        device=device,
    )
    try:
        return exit_code(lambda: run(options.data, options.cache, options.out, times, plan))
    except KeyboardInterrupt:
        say("interrupted; the same command goes on")
        return int(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
