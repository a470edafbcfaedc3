"""Train a detector: ``python -m models.train --help``.

A first run learns from pseudo-fakes of real faces alone. A second may start from it and see
finished forgeries beside their inputs as well (``--start``, ``--forged``).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from models import checkpoints
from models.checkpoints import Checkpoint
from models.console import count, exit_code, positive, say, share, whole
from models.contracts import contract_for
from models.networks import ARCHITECTURES
from models.supply import HeldOut, Making, Order, Supply, stock
from models.trainer import Plan, Trainer
from realtime.errors import ConfigError, ExitCode


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    try:
        return exit_code(lambda: _train(options))
    except KeyboardInterrupt:
        say("interrupted; go on with --resume")
        return int(ExitCode.INTERRUPTED)


def _train(options: argparse.Namespace) -> None:
    plan = Plan(
        minutes=None if options.steps else options.minutes,
        steps=options.steps,
        pairs=options.pairs,
        rate=options.rate,
        seed=options.seed,
        workers=options.workers,
        threads=options.threads or max(1, (os.cpu_count() or 1) - options.workers),
        device=options.device or ("cuda" if torch.cuda.is_available() else "cpu"),
        adversarial=options.adversarial,
        start_hard=options.start is not None,
    )
    order = Order(forged=options.forged, held_out=HeldOut.parse(options.hold_out))
    making = Making(
        generator_steps=options.generator_steps,
        validation_pairs=options.validation_pairs,
        forged=options.forged > 0,
        device=plan.device,
    )
    last = options.out / "last.pt"
    if options.resume:
        checkpoints.load(last)  # it must be there, and whole
    elif last.exists():
        raise ConfigError(f"{options.out} holds a run already; add --resume or take another --out.")
    start = checkpoints.load(options.start) if options.start else None
    _make(options.out)
    found = stock(options.data, options.cache, contract_for(options.arch), making, say)
    train(found.supply(order), plan, options.out, arch=options.arch, start=start)


def train(
    supplied: Supply,
    plan: Plan,
    out: Path,
    arch: str = "cellnet",
    start: Checkpoint | None = None,
) -> Path:
    """Begin a run in ``out`` or go on with it; returns its last checkpoint.

    Raises:
        ConfigError: if nothing can be written or the checkpoints are of another network.
        ModelError: if the checkpoint to go on with is damaged.
    """
    last = out / "last.pt"
    found = checkpoints.load(last) if last.exists() else None
    for state, name in ((found, str(last)), (start, "The weights to start with")):
        if state is not None and state.arch != arch:
            raise ConfigError(f"{name}: a network {state.arch}, not {arch}.")
    _make(out)
    say(f"{supplied.faces} real faces, {supplied.forged} forged clips, on {plan.device}")
    trainer = Trainer(arch, plan, supplied, out, start)
    if found is not None:
        trainer.resume(found)
        say(f"resumed at step {trainer.step}")
    trainer.run(say)
    return last


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"Cannot write to {folder}: {exc.strerror}.") from None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="models.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/, faces.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--arch", choices=sorted(ARCHITECTURES), default="cellnet")
    parser.add_argument("--minutes", type=positive, default=40.0, help="how long (40)")
    parser.add_argument("--steps", type=count, help="how many steps instead; reproducible")
    parser.add_argument("--pairs", type=count, default=16, help="pairs a batch (16)")
    parser.add_argument("--rate", type=positive, default=1.5e-3, help="learning rate (0.0015)")
    parser.add_argument("--start", type=Path, help="a checkpoint whose weights to begin with")
    parser.add_argument("--forged", type=share, default=0.0, help="pairs with a forged clip (0)")
    parser.add_argument("--hold-out", default="", help="forgeries to keep away: fold:N, method:M")
    parser.add_argument("--adversarial", type=share, default=0.0, help="batches attacked (0)")
    parser.add_argument("--generator-steps", type=whole, default=1500, help="0: none (1500)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make pairs (1)")
    parser.add_argument("--threads", type=count, help="of the network; default: cores - workers")
    parser.add_argument("--device", help="cpu, cuda; default: cuda if there is one")
    parser.add_argument("--validation-pairs", type=count, default=384)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
