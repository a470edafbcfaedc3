"""The model of how features move, in one command: ``python -m models.dynamics --help``.

Landmarks of every clip are followed as the live program follows them, which is kept; windows of
them, and pseudo-fakes of the real ones, are learned from once without each fold and once with
all. The folds measure and calibrate; each also gives a model of its own, in ``fold-K``, whose
calibration is that of the other folds, so that an engine can be measured on what it never saw.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.catalog import Clip
from models.console import count, exit_code, say, share, write_json
from models.dynamics_data import tracks_of
from models.dynamics_export import export
from models.dynamics_fakes import MAKERS
from models.dynamics_fit import Plan, fit, judge
from models.dynamics_measure import Judged, calibrate, measure, measure_pseudo
from models.dynamics_windows import Windows, aligned, as_judged, gather, reference_of
from models.folds import FOLDS
from realtime.errors import ConfigError
from realtime.types import FloatArray

PLAIN: Final = 150
"""Windows of each clip, and of each real one as many by all makers together."""

VARIANTS: Final = {
    "statistics, forgeries alone": Plan("statistics", visible=1.0),
    "statistics, forgeries and pseudo-fakes": Plan("statistics", visible=0.5),
    "statistics, pseudo-fakes alone": Plan("statistics", visible=0.0),
    "temporal networks, forgeries alone": Plan("temporal", visible=1.0),
    "temporal networks, forgeries and a few pseudo-fakes": Plan("temporal", visible=0.75),
    "temporal networks, as many pseudo-fakes": Plan("temporal", visible=0.5),
    "temporal networks, pseudo-fakes alone": Plan("temporal", visible=0.0),
}


class Material:
    """Everything that fits share: the clips, the face they are aligned with, their windows."""

    def __init__(self, data: Path, out: Path, amount: int, seed: int) -> None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigError(f"Cannot write to {out}: {exc.strerror}.") from None
        found = tracks_of(data, out / "tracks", say)
        self.clips: list[Clip] = [clip for clip, _ in found]
        if not {True, False} <= {clip.fake for clip in self.clips}:
            raise ConfigError(f"{data} needs real and forged clips with faces to learn from.")
        self.reference: NDArray[np.float64] = reference_of(found)
        tracks = [aligned(track, self.reference) for _, track in found]
        self.judged: list[FloatArray] = [as_judged(track) for track in tracks]
        made = max(1, amount // len(MAKERS))
        self.windows: Windows = gather(self.clips, tracks, amount, made, seed)
        self.folds: NDArray[np.int64] = np.array([clip.fold for clip in self.clips])

    def without(self, fold: int | None) -> Windows:
        """The windows of all other folds, of all where it is None."""
        return self.windows.where(self.folds[self.windows.clip] != (-1 if fold is None else fold))


def crossfit(
    material: Material, plan: Plan, seed: int
) -> tuple[list[Judged], dict[str, float], list[torch.nn.Module]]:
    """Every clip by the fit that did not see its fold, pseudo-fakes likewise, and the fits."""
    judged: list[Judged] = []
    nets: list[torch.nn.Module] = []
    pseudo: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for fold in range(FOLDS):
        net = fit(material.without(fold), material.clips, plan, seed)
        nets.append(net)
        for i in np.flatnonzero(material.folds == fold):
            if len(material.judged[i]):
                judged.append(Judged(material.clips[i], judge(net, material.judged[i])))
        unseen = material.windows.where(material.folds[material.windows.clip] == fold)
        unseen = unseen.where(~np.array([material.clips[i].fake for i in unseen.clip], bool))
        pseudo.append((unseen.maker, judge(net, unseen.values)))
    return judged, measure_pseudo(pseudo), nets


def run(data: Path, out: Path, plan: Plan, amount: int, seed: int) -> None:
    """Everything, from recordings to models.

    Raises:
        ConfigError: if the data folder cannot be used or nothing can be written.
        SourceError: if a clip cannot be read.
    """
    material = Material(data, out, amount, seed)
    say(
        f"{sum(map(len, material.judged))} windows of "
        f"{sum(map(bool, map(len, material.judged)))} clips to judge, "
        f"{len(material.windows.clip)} to learn from"
    )
    judged, pseudo, nets = crossfit(material, plan, seed)
    found: dict[str, Any] = measure(judged) | {"pseudo_fakes": pseudo}
    say(f"{plan}: {_line(found)}")
    write_json(out / "measured.json", found)
    learned = _learned(material, plan, seed)
    for fold, net in enumerate(nets):
        fitted = calibrate([one for one in judged if one.clip.fold != fold])
        folder = out / f"fold-{fold}"
        folder.mkdir(exist_ok=True)
        text = f"{learned}, without those of fold {fold}"
        made = folder / "dynamics.onnx"
        export(net, material.reference, fitted, made, trained_on=text, held_out={})
    fitted = calibrate(judged)
    say(f"calibration {asdict(fitted)}")
    net = fit(material.without(None), material.clips, plan, seed)
    summary = {name: found[name] for name in ("real", "fake", "windows", "clips", "pairs")}
    made = out / "dynamics.onnx"
    digest = export(net, material.reference, fitted, made, trained_on=learned, held_out=summary)
    say(f"dynamics.onnx {digest}")


def compare(data: Path, out: Path, amount: int, seed: int) -> None:
    """Every variant by the same folds; raises as `run`."""
    material = Material(data, out, amount, seed)
    table: dict[str, Any] = {}
    for name, plan in VARIANTS.items():
        judged, pseudo, _ = crossfit(material, plan, seed)
        table[name] = measure(judged) | {"pseudo_fakes": pseudo}
        say(f"{name}: {_line(table[name])}")
    write_json(out / "compared.json", table)


def _learned(material: Material, plan: Plan, seed: int) -> str:
    reals = sum(not clip.fake for clip in material.clips)
    fakes = len(material.clips) - reals
    what = {0.0: "pseudo-fakes of the real ones", 1.0: f"{fakes} forged clips"}.get(
        plan.visible, f"{fakes} forged clips and pseudo-fakes of the real ones"
    )
    return (
        f"{plan.kind}: {len(material.windows.clip)} windows of landmarks of {reals} real clips, "
        f"{what}; seed {seed}"
    )


def _line(found: dict[str, Any]) -> str:
    parts = []
    for name in ("windows", "clips", "clips_not_trained_on", "pairs", "live_swaps", "other_fakes"):
        one = found[name]
        if one is not None:
            low, high = one["interval_95"] or (float("nan"), float("nan"))
            parts.append(f"{name} {one['value']:.3f} ({low:.2f} to {high:.2f})")
    made = float(np.mean(list(found["pseudo_fakes"].values())))
    return "AUC of " + ", ".join(parts) + f", pseudo-fakes {made:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="models.dynamics", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of tracks and models")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=("statistics", "temporal"), default=usual.kind)
    parser.add_argument(
        "--visible", type=share, default=usual.visible, help="share of finished forgeries, 0 to 1"
    )
    parser.add_argument("--windows", type=count, default=PLAIN, help="windows of each clip")
    parser.add_argument("--steps", type=count, default=usual.steps, help="of the temporal network")
    parser.add_argument("--compare", action="store_true", help="measure all variants instead")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # sums in one order, so that a seed decides everything
    plan = replace(usual, kind=options.kind, visible=options.visible, steps=options.steps)

    def work() -> None:
        if options.compare:
            compare(options.data, options.out, options.windows, options.seed)
        else:
            run(options.data, options.out, plan, options.windows, options.seed)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
