"""Measure an exported model: ``python -m models.evaluate --help``.

What ``fakewatch eval`` measures, on the clips that were not trained on, and what needs the
training side: pseudo-fakes of people held out from training, groups of them, whether the heat
map points at the blend and, with the checkpoint that the model was exported from, attacks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from models import catalog, checkpoints
from models.adversarial import attack
from models.catalog import Clip
from models.console import count, exit_code, say
from models.explain import localisation, places
from models.groups import TONES, age_groups, by_group, group_of, typology_angle
from models.judging import Logits, PairLogits, draw_pairs, judge_pairs, scorer_judge, torch_judge
from models.makers import Pair
from models.networks import Detector
from models.prepare import Face, photo_faces, read_picture
from models.sections import sections
from realtime.config import Config
from realtime.contract import ModelContract
from realtime.errors import ConfigError, ExitCode, ModelError
from realtime.evaluation import metrics
from realtime.evaluation.command import Plan, bench_of, deliver, gather, tell
from realtime.evaluation.layouts import LabelledClip
from realtime.evaluation.options import add_options
from realtime.evaluation.page import in_words
from realtime.evaluation.run import Gathered, report
from realtime.evaluation.summary import summarise
from realtime.scorer import OnnxScorer, load_scorer
from realtime.types import Crop, FloatArray, Image

_PAIRS: Final = 1500
_SEED: Final = 11
_ALIKE: Final = 1e-3
"""Greatest difference in logits by which a checkpoint is still the model's own."""

Report = Callable[[str], None]


def people_of(data: Path, cache: Path, report: Report = say) -> list[Face]:
    """Photos of the people that are held out from training to measure on.

    Raises:
        ConfigError: if the data folder holds none.
    """
    photos = [photo for photo in catalog.photos(data) if photo.split == "validation"]
    if not photos:
        raise ConfigError(f"{data} holds no picture of a person held out from training.")
    return photo_faces(photos, cache, report)


def pseudo_fakes(
    scorer: OnnxScorer,
    people: Sequence[Face],
    options: argparse.Namespace,
    net: Detector | None,
    report: Report = say,
) -> dict[str, Any]:
    """Everything that is measured on pictures of held-out people and their pseudo-fakes.

    Raises:
        ModelError: if ``net`` is not what the model was exported from.
    """
    contract = scorer.contract
    report(f"making {options.pairs} pseudo-fakes of {len(people)} photos")
    pairs, owners = draw_pairs(people, contract, options.pairs, _SEED)
    judged, pairs = _finite(judge_pairs(scorer_judge(scorer), pairs, owners), pairs)
    found = {
        "pseudo_fakes": {"photos": len(people), **_summary(judged)},
        "groups": _groups(judged, people, contract, options.data),
        "explanation": _explanation(scorer, pairs),
        "adversarial": None,
    }
    if net is not None:
        _need_twin(net, contract, pairs, judged)
        some = [pairs[int(i)] for i in _spread(len(pairs), options.attacked)]
        found["adversarial"] = attack(
            net, contract, [p.real for p in some], [p.fake for p in some], report=report
        )
    return found


def _finite(judged: PairLogits, pairs: Sequence[Pair]) -> tuple[PairLogits, list[Pair]]:
    """Without the pairs of which the model gave no number.

    Raises:
        ModelError: if it gave none at all.
    """
    good = np.flatnonzero(np.isfinite(judged.real) & np.isfinite(judged.fake))
    if not len(good):
        raise ModelError("The model gives no number for any pseudo-fake.")
    kept = PairLogits(
        judged.real[good], judged.fake[good], judged.textures[good], judged.owners[good]
    )
    return kept, [pairs[i] for i in good]


def _summary(judged: PairLogits) -> dict[str, Any]:
    real, fake = judged.real, judged.fake
    photos = [
        (real[judged.owners == i], fake[judged.owners == i]) for i in np.unique(judged.owners)
    ]
    thirds = np.array_split(np.arange(len(fake)), 3)
    return {
        "pairs": len(real),
        "auc": metrics.estimate(
            metrics.auc(real, fake), metrics.bootstrap_groups(photos, metrics.auc, 1000)
        ),
        "auc_easy_middle_hard": [
            round(metrics.auc(real[part], fake[part]), 3) if len(part) else None for part in thirds
        ],
        "auc_by_texture": {
            str(name): [
                round(metrics.auc(real[judged.textures == name], fake[judged.textures == name]), 3),
                int((judged.textures == name).sum()),
            ]
            for name in np.unique(judged.textures)
        },
        "fake_above_its_real": metrics.share(int((fake > real).sum()), len(fake)),
    }


def _groups(
    judged: PairLogits, people: Sequence[Face], contract: ModelContract, data: Path
) -> dict[str, Any]:
    ages = age_groups(data)
    tones = [_tone(face) for face in people]
    made = (contract.calibration, contract.thresholds)
    real, fake, owners = judged.real, judged.fake, judged.owners
    of_age = [ages.get(face.path.name, "") for face in people]
    return {
        "age": by_group(of_age, real, fake, owners, made),
        "skin_tone_estimated": by_group(tones, real, fake, owners, made),
    }


def _tone(face: Face) -> str:
    image = read_picture(face.path)
    return "" if image is None else group_of(typology_angle(image, face.landmarks), TONES)


def _explanation(scorer: OnnxScorer, pairs: Sequence[Pair]) -> dict[str, Any] | None:
    """Of the maps as they are, and of what they hold above the mean map of the real crops.

    None for a model without a map.
    """
    masks = [pair.weight for pair in pairs]
    logits, maps = _maps(scorer, [pair.fake for pair in pairs])
    usual = _maps(scorer, [pair.real for pair in pairs])[1]
    if maps is None or usual is None:
        return None
    above = maps - usual.mean(axis=0)
    called = np.flatnonzero(logits > 0)
    return {
        "all": localisation(places(list(maps), masks)),
        "called_fake": localisation(places([maps[i] for i in called], [masks[i] for i in called])),
        "above_the_usual": localisation(places(list(above), masks)),
    }


def _maps(scorer: OnnxScorer, crops: Sequence[Image]) -> tuple[Logits, FloatArray | None]:
    """Logits ``(N,)`` and maps ``(N, h, w)``; where the model fails NaN and nothing but zeros."""
    place = np.eye(2, 3, dtype=np.float32)
    scores = scorer.score([Crop(0, pixels, place) for pixels in crops], 0.0)
    logits = np.array([np.nan if score is None else score.logit for score in scores])
    maps = [None if score is None else score.cam for score in scores]
    shown = next((cam for cam in maps if cam is not None), None)
    if shown is None:
        return logits, None
    return logits, np.stack([np.zeros_like(shown) if cam is None else cam for cam in maps])


def _need_twin(
    net: Detector, contract: ModelContract, pairs: Sequence[Pair], judged: PairLogits
) -> None:
    some = _spread(len(pairs), 8)
    asked = torch_judge(net, contract)([pairs[int(i)].fake for i in some])
    if not np.allclose(asked, judged.fake[some], atol=_ALIKE, rtol=_ALIKE):
        raise ModelError(
            "The checkpoint is not what the model was exported from; give the one that belongs "
            "to it."
        )


def _spread(length: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.linspace(0, length - 1, min(length, count)).round().astype(np.int64)


def held_out(clips: Sequence[Clip]) -> list[LabelledClip]:
    """The clips that were not trained on."""
    return [clip.labelled() for clip in clips if clip.split != "train"]


def _splits(gathered: Gathered, clips: Sequence[Clip]) -> dict[str, Any]:
    """The same numbers without the real clips that calibration used."""
    used = {clip.path for clip in clips if clip.split == "calibration"}
    return {
        "trained_on": sum(clip.split == "train" for clip in clips),
        "calibrated_on": len(used),
        "never_used": summarise([j for j in gathered.judged if j.clip.path not in used]),
    }


def evaluate(options: argparse.Namespace, console: Console) -> Gathered:
    """Measure and write; what was gathered is written even if something breaks off.

    Raises:
        ModelError: if the model or the checkpoint cannot be used.
        ConfigError: if the data folder or an output cannot be used.
    """
    plan, config = Plan.of(options), Config()
    config = replace(config, scorer=replace(config.scorer, model=options.model or "", device="cpu"))
    net = checkpoints.network(checkpoints.load(options.checkpoint)) if options.checkpoint else None
    gathered, extra = Gathered(), dict[str, Any]()
    with closing(load_scorer(config.scorer)) as scorer:
        people = people_of(options.data, plan.cache)
        clips = catalog.clips(options.data)
        bench = bench_of(options, plan, scorer, config, console)
        try:
            gather(bench, held_out(clips), plan, gathered)
            extra["splits"] = _splits(gathered, clips)
            extra |= pseudo_fakes(scorer, people, options, net)
        finally:
            found = {**report(gathered, bench, plan.seconds), **extra}
            deliver(found, plan, sections(extra))
            tell(in_words(found), console, plan)
    return gathered


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="models.evaluate", description=__doc__)
    found.add_argument("--data", type=Path, required=True, help="a data folder, see models.catalog")
    found.add_argument("--model", help="an exported .onnx; the built-in one if none is given")
    found.add_argument("--checkpoint", type=Path, help="what it was exported from, for attacks")
    found.add_argument("--pairs", type=count, default=_PAIRS, help="pseudo-fakes to make")
    found.add_argument("--attacked", type=count, default=150, help="pairs to attack")
    add_options(found)
    found.set_defaults(cache=Path("runs/cache"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = parser().parse_args(arguments)
    console = Console(stderr=True)
    gathered: list[Gathered] = []
    try:
        code = exit_code(lambda: gathered.append(evaluate(options, console)))
        lost = any(one.failed for one in gathered)
        return int(ExitCode.SOURCE) if lost else code
    except KeyboardInterrupt:
        say("interrupted; what was gathered is written")
        return int(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
