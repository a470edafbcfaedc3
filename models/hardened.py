"""One adversarially augmented round of the built-in detector: ``python -m models.hardened --help``.

Linear discriminants have a closed form of training on attacks: what one step of the gradient's sign
(Goodfellow et al., ICLR 2015) does to the features of real faces is added to how real faces differ,
so that the fit trusts those directions less. Each fit of `models.recipe` is attacked by itself and
made anew; then both are measured on clips that they had not seen, and attacked again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models import catalog, checkpoints
from models.adversarial import adversarial_batch, attack
from models.bandnet import BandNet
from models.catalog import Clip
from models.console import exit_code, positive, say, write_json
from models.contracts import contract_for
from models.crossfit import fold_name, measure
from models.discriminant import Matrix, fit, known
from models.folds import FOLDS
from models.footage import sightings_of_clip
from models.prepare import Face, photo_faces
from models.recipe import ARCH, without_fold
from models.samples import Amounts, gather, halves, photo_crops
from realtime.contract import ModelContract
from realtime.crops import to_tensor
from realtime.errors import ConfigError, ModelError
from realtime.types import Image

_LEVEL: Final = 1 / 255
_TOGETHER: Final = 32


@dataclass(frozen=True, slots=True)
class Round:
    """``photos`` real faces are attacked within ``levels`` grey levels; the spread of what comes of
    it counts ``weight`` times."""

    photos: int = 800
    levels: float = 1.0
    weight: float = 1.0


def shift_spread(
    net: BandNet, crops: Sequence[Image], contract: ModelContract, eps: float
) -> Matrix:
    """Second moment ``(D, D)`` of the change of the features of real ``crops`` under attack.

    Each crop ``(H, W, 3)`` uint8 BGR is changed twice within ``eps`` (a share of the range), to
    look fake and to look real: whoever hides a forgery goes the other way.
    """
    shifts = []
    for start in range(0, len(crops), _TOGETHER):
        clean = torch.from_numpy(to_tensor(list(crops[start : start + _TOGETHER]), contract))
        for label in (0.0, 1.0):
            labels = torch.full((len(clean), 1), label)
            changed = adversarial_batch(net, clean, labels, eps, 1, spec=contract.input)
            with torch.inference_mode():
                apart = halves((net.bands(changed) - net.bands(clean)).numpy())
            shifts.append(apart.reshape(len(apart), -1).astype(np.float64))
    whole = np.concatenate(shifts)
    return np.asarray(whole.T @ whole / len(whole))


def harden(
    runs: Path, out: Path, plan: Round, *, data: Path, cache: Path, report: Callable[[str], None]
) -> dict[str, Any]:
    """Attack, fit again, attack again; everything that was measured, before and after.

    Raises:
        ConfigError: if the data folder cannot be used or nothing can be written.
        ModelError: if a fit of ``runs`` is missing or of another architecture.
    """
    contract = contract_for(ARCH)
    clips, samples = gather(data, cache, contract, amounts=Amounts(), seed=1, report=report)
    faces = photo_faces(catalog.photos(data), cache, report)
    learned, held = (
        _crops(faces, contract, split, plan.photos) for split in ("train", "validation")
    )
    if not learned or not held:
        raise ConfigError(f"{data} needs photos to attack, of people to learn from and of others.")
    rules: dict[str, Callable[[Clip], bool]] = {"final": lambda _: True}
    rules |= {fold_name(fold): without_fold(fold) for fold in range(FOLDS)}
    for name, allowed in rules.items():
        report(f"{name}: attacking {len(learned)} photos, then fitting anew")
        spread = shift_spread(_net(runs, name), learned, contract, plan.levels * _LEVEL)
        chosen = known(clips, allowed)
        state = fit(samples, chosen, [c.fold for c in clips], 1, attacked=plan.weight * spread)
        (out / name).mkdir(parents=True, exist_ok=True)
        checkpoints.save(out / name / "last.pt", state)
    forged = _forged_crops(clips, contract, cache)
    return {
        name: {
            "attacks": attack(_net(place, "final"), contract, held, forged, report=report),
            "clips": measure(place, data, cache, report),
        }
        for name, place in (("before", runs), ("after", out))
    }


def _net(runs: Path, name: str) -> BandNet:
    net = checkpoints.network(checkpoints.load(runs / name / "last.pt"))
    if not isinstance(net, BandNet):
        raise ModelError(f"{runs / name} holds no {ARCH}; give the folder of models.recipe.")
    return net.requires_grad_(False).eval()


def _crops(faces: Sequence[Face], contract: ModelContract, split: str, limit: int) -> list[Image]:
    own = [face for face in faces if face.split == split]
    chosen = np.linspace(0, len(own) - 1, min(limit, len(own))).astype(int)
    return [crop for _, crop in photo_crops([own[int(i)] for i in chosen], contract)]


def _forged_crops(clips: Sequence[Clip], contract: ModelContract, cache: Path) -> list[Image]:
    """Some crops of each forged clip, as the live program cuts them."""
    found: list[Image] = []
    for clip in (clip for clip in clips if clip.fake):
        seen = sightings_of_clip(clip.path, contract, cache)
        own = np.flatnonzero(seen.main_track())
        found += [seen.pixels[i] for i in islice(own, 0, None, max(1, len(own) // 6))]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.hardened", description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder of models.recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the new fits")
    parser.add_argument("--output", type=Path, help="write the numbers as JSON")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--weight", type=positive, default=Round().weight)
    parser.add_argument("--levels", type=positive, default=Round().levels, help="grey levels")
    options = parser.parse_args(arguments)
    plan = Round(levels=options.levels, weight=options.weight)

    def work() -> None:
        found = harden(
            options.runs, options.out, plan, data=options.data, cache=options.cache, report=say
        )
        write_json(options.output, found)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
