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
from models.dataset import collate, make_pair
from models.footage import sightings_of_clip
from models.networks import CellNet
from models.prepare import Face
from realtime.config import Config
from realtime.contract import Calibration, ModelContract, Thresholds
from realtime.crops import to_tensor
from realtime.types import FaceQuality, Image, Score
from realtime.verdict import TrackVerdict

Logits = NDArray[np.float64]

_BATCH: Final = 32
_PLACE: Final = np.eye(2, 3, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class ClipLogits:
    """The main face of one clip: ``logits`` and ``times`` ``(M,)``, ``qualities`` of M crops."""

    clip: Clip
    times: NDArray[np.float64]
    logits: Logits
    qualities: tuple[FaceQuality, ...]


def logits_of(net: CellNet, pixels: Sequence[Image] | Image, contract: ModelContract) -> Logits:
    """Raw logits of crops ``(h, w, 3)`` uint8 BGR, in their order."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), _BATCH):
            batch = to_tensor(list(pixels[start : start + _BATCH]), contract)
            parts.append(net(torch.from_numpy(batch))[0][:, 0].numpy())
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def pair_logits(
    net: CellNet, faces: Sequence[Face], contract: ModelContract, count: int, seed: int
) -> tuple[Logits, Logits]:
    """Logits of ``count`` real crops and of their pseudo-fakes, of all difficulties alike."""
    rng = np.random.default_rng(seed)
    real, fake = [], []
    for i in range(count):
        pair = make_pair(faces[int(rng.integers(len(faces)))], contract, rng, i / count)
        if pair is not None:
            real.append(pair.real)
            fake.append(pair.fake)
    return logits_of(net, real, contract), logits_of(net, fake, contract)


def cell_correlation(
    net: CellNet, faces: Sequence[Face], contract: ModelContract, count: int, seed: int
) -> float:
    """Correlation of predicted and true blended shares over the cells of pseudo-fakes."""
    rng = np.random.default_rng(seed)
    drawn = (
        make_pair(faces[int(rng.integers(len(faces)))], contract, rng, i / count)
        for i in range(count)
    )
    batch = collate([pair for pair in drawn if pair is not None], contract)
    half = len(batch.images) // 2
    with torch.inference_mode():
        found = torch.cat([net.evidence(x).cells for x in torch.split(batch.images[half:], _BATCH)])
    both = np.stack((found.sigmoid().numpy().ravel(), batch.cells[half:].numpy().ravel()))
    return float(np.corrcoef(both)[0, 1])


def clip_logits(
    net: CellNet,
    clips: Iterable[Clip],
    contract: ModelContract,
    cache: Path,
    report: Callable[[str], None],
) -> list[ClipLogits]:
    """Logits of the main face of each clip; clips without an assessable face are named."""
    results = []
    for clip in clips:
        seen = sightings_of_clip(clip.path, contract, cache)
        main = seen.main_track()
        if not main.any():
            report(f"{clip.path.name}: no assessable face")
            continue
        qualities = tuple(q for q, of_main in zip(seen.qualities(), main, strict=True) if of_main)
        logits = logits_of(net, seen.pixels[main], contract)
        results.append(ClipLogits(clip, seen.times[main], logits, qualities))
    return results


def peak(found: ClipLogits, calibration: Calibration, thresholds: Thresholds) -> float | None:
    """The highest smoothed probability that the verdict of the live program would show.

    None if the clip is too short for a verdict.
    """
    judge = TrackVerdict(1, 0, float(found.times[0]), Config().verdict, thresholds)
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
