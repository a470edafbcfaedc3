"""What a network says of faces and clips, in numbers to calibrate and to measure with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.catalog import Clip
from models.contracts import DEFAULT_THRESHOLDS
from models.dataset import make_pair
from models.footage import sightings_of_clip
from models.makers import Pair
from models.networks import Detector
from models.prepare import Face
from realtime.config import Config
from realtime.contract import Calibration, ModelContract
from realtime.crops import to_tensor
from realtime.scorer import Scorer
from realtime.types import VIEWS, Crop, FaceQuality, Image, Score
from realtime.verdict import TrackVerdict
from realtime.views import make_views

Logits = NDArray[np.float64]

Judge = Callable[[Sequence[Image]], Logits]
"""Gives the raw logits of crops ``(h, w, 3)`` uint8 BGR, in their order."""
Change = Callable[[Image, FaceQuality], Image]
"""Makes another crop of one."""

_BATCH: Final = 32
_PLACE: Final = np.eye(2, 3, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class PairLogits:
    """Logits of P real crops and of their pseudo-fakes, ``(P,)`` each, and how those were made.

    They go from easy to hard. ``textures`` names the change of texture between the layers, with
    " above" if it is the upper layer, the face, that was changed, else " below". ``owners``
    says which of the faces each pair was made from.
    """

    real: Logits
    fake: Logits
    textures: NDArray[np.str_]
    owners: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ClipLogits:
    """The main face of one clip: ``logits`` and ``times`` ``(M,)``, ``qualities`` of M crops."""

    clip: Clip
    times: NDArray[np.float64]
    logits: Logits
    qualities: tuple[FaceQuality, ...]


def torch_judge(net: Detector, contract: ModelContract) -> Judge:
    """Ask a network of torch."""

    def judge(pixels: Sequence[Image]) -> Logits:
        with torch.inference_mode():
            logits = [
                net(torch.from_numpy(to_tensor(pixels[i : i + _BATCH], contract)))[0][:, 0].numpy()
                for i in range(0, len(pixels), _BATCH)
            ]
        return np.concatenate(logits).astype(np.float64) if logits else np.zeros(0)

    return judge


def scorer_judge(scorer: Scorer) -> Judge:
    """Ask an exported model through the scorer that the live program uses."""

    def judge(pixels: Sequence[Image]) -> Logits:
        scores = scorer.score([Crop(0, crop, _PLACE) for crop in pixels], 0.0)
        return np.array([np.nan if score is None else score.logit for score in scores])

    return judge


def draw_pairs(
    faces: Sequence[Face], contract: ModelContract, count: int, seed: int
) -> tuple[list[Pair], NDArray[np.int64]]:
    """About ``count`` pairs from easy to hard, and which of the faces each was made from."""
    rng = np.random.default_rng(seed)
    pairs, owners = [], []
    for i in range(count):
        owner = int(rng.integers(len(faces)))
        pair = make_pair(faces[owner], contract, rng, i / count)
        if pair is not None:
            pairs.append(pair)
            owners.append(owner)
    return pairs, np.array(owners, np.int64)


def judge_pairs(judge: Judge, pairs: Sequence[Pair], owners: NDArray[np.int64]) -> PairLogits:
    """Judge what `draw_pairs` gave."""
    textures = [_texture(pair) for pair in pairs]
    real = judge([pair.real for pair in pairs])
    fake = judge([pair.fake for pair in pairs])
    return PairLogits(real, fake, np.array(textures, np.str_), owners)


def _texture(pair: Pair) -> str:
    if pair.how is None:
        return "other"
    return f"{pair.how.jitter.texture} {'above' if pair.how.on_upper else 'below'}"


def as_view(name: str, contract: ModelContract) -> Change:
    """The changed copy of a crop that the live program scores beside it, by its name in `VIEWS`."""

    def change(pixels: Image, quality: FaceQuality) -> Image:
        enlarged = len(pixels) / (quality.size_px * (1 + 2 * contract.crop.margin))
        crop = Crop(0, pixels, np.array([[enlarged, 0, 0], [0, enlarged, 0]], np.float32))
        return make_views(crop)[VIEWS.index(name)].pixels

    return change


def clip_logits(
    judge: Judge,
    clips: Iterable[Clip],
    contract: ModelContract,
    cache: Path,
    report: Callable[[str], None],
    *,
    change: Change | None = None,
) -> list[ClipLogits]:
    """Logits of the main face of each clip; clips without an assessable face are named.

    ``change`` makes of each crop the one to be judged instead.
    """
    results = []
    for clip in clips:
        seen = sightings_of_clip(clip.path, contract, cache)
        main = seen.main_track()
        if not main.any():
            report(f"{clip.path.name}: no assessable face")
            continue
        qualities = tuple(q for q, of_main in zip(seen.qualities(), main, strict=True) if of_main)
        pixels: list[Image] = list(seen.pixels[main])
        if change is not None:
            pixels = [change(p, q) for p, q in zip(pixels, qualities, strict=True)]
        logits = judge(pixels)
        results.append(ClipLogits(clip, seen.times[main], logits, qualities))
    return results


def peak(found: ClipLogits, calibration: Calibration) -> float | None:
    """The highest smoothed probability that the verdict of the live program would show.

    None if the clip is too short for a verdict.
    """
    judge = TrackVerdict(1, 0, float(found.times[0]), Config().verdict, DEFAULT_THRESHOLDS)
    shown: list[float] = []
    for time_s, logit, quality in zip(
        found.times.tolist(), found.logits.tolist(), found.qualities, strict=True
    ):
        log_odds = logit / calibration.temperature + calibration.bias
        probability = float(1 / (1 + np.exp(-log_odds)))
        score = Score(1, time_s, logit, log_odds, probability, None, _PLACE, (1, 1))
        said = judge.update(time_s, quality, True, score)
        if said.probability is not None:
            shown.append(said.probability)
    return max(shown) if shown else None
