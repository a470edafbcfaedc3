"""The whole of making a detector in one command: ``python -m models.recipe --help``.

Every face of the data becomes a row of features; the discriminants are then fitted once without
each fold and each method, to measure and calibrate by, and once with everything. What takes long
is kept, so that an interrupted command goes on when it is repeated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from models import checkpoints
from models.calibrate import calibrate
from models.catalog import Clip
from models.console import exit_code, say, write_json
from models.contracts import contract_for
from models.crossfit import fold_name, measure, method_name, never_seen
from models.discriminant import fit, known
from models.folds import FOLDS
from models.samples import Amounts, gather
from realtime.errors import ConfigError, ExitCode

ARCH = "bandnet"


def run(data: Path, cache: Path, out: Path, amounts: Amounts, seed: int) -> None:
    """Everything, each fit in its own folder of ``out``.

    Raises:
        ConfigError: if the data folder cannot be used or nothing can be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"Cannot write to {out}: {exc.strerror}.") from None
    clips, samples = gather(data, cache, contract_for(ARCH), amounts=amounts, seed=seed, report=say)
    say(f"{len(samples.clip)} faces of {len(clips)} clips and of photos")
    rules: dict[str, Callable[[Clip], bool]] = {"final": lambda _: True}
    for fold in range(FOLDS):
        rules[fold_name(fold)] = without_fold(fold)
    for method in sorted({clip.kind for clip in clips if clip.fake}):
        rules[method_name(method)] = without_method(method, clips)
    for name, allowed in rules.items():
        state = fit(samples, known(clips, allowed), [clip.fold for clip in clips], seed)
        (out / name).mkdir(exist_ok=True)
        checkpoints.save(out / name / "last.pt", state)
        say(f"{name}: {state.recipe}")
    write_json(out / "crossfit.json", measure(out, data, cache, say))
    fitted = calibrate(out / "final" / "last.pt", data, cache, say, runs=out)
    write_json(out / "calibration.json", asdict(fitted))


def without_fold(fold: int) -> Callable[[Clip], bool]:
    """All clips but those of a fold; the real ones of the first split are in no fold."""
    return lambda clip: clip.fold != fold or not never_seen(clip)


def without_method(method: str, clips: Sequence[Clip]) -> Callable[[Clip], bool]:
    """All clips but the forgeries of a method, their inputs, and the reals to compare with."""
    inputs = {clip.pair for clip in clips if clip.fake and clip.kind == method and clip.pair}

    def allowed(clip: Clip) -> bool:
        if clip.fake:
            return clip.kind != method
        return not never_seen(clip) or (clip.pair != "" and clip.pair not in inputs)

    return allowed


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.recipe", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of all fits")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--seed", type=int, default=1)
    usual = Amounts()
    parser.add_argument("--forged", type=int, default=usual.forged, help="pictures a forged clip")
    parser.add_argument("--real", type=int, default=usual.real, help="pictures a real clip")
    parser.add_argument("--photos", type=int, default=usual.photos, help="pictures of all photos")
    options = parser.parse_args(arguments)
    if min(options.forged, options.real, options.photos) < 2:
        parser.error("--forged, --real and --photos must be at least 2")
    amounts = Amounts(options.forged, options.real, options.photos)
    try:
        return exit_code(
            lambda: run(options.data, options.cache, options.out, amounts, options.seed)
        )
    except KeyboardInterrupt:
        say("interrupted; the same command goes on")
        return int(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
