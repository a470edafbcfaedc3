"""Whether a model's "fake" means fake, asked of recordings that are known to be real or fake.

Two things can be known. Of any detector worth the name, that fakes rank above reals: the area
under the ROC curve over clips, with its bootstrap interval. Of some published networks, that
real faces land on the real side of zero, because their authors say so. A model is

- *right* if the interval lies wholly above one half;
- *reversed* if it lies wholly below, which is an error.

In between the ranking cannot tell. Where the authors place reals below zero it is then

- *as stated* if more reals lie there than chance allows (one-sided binomial test, 5 %);
- *contradicted* if fewer do, which is an error too: the sign or the pre-processing is wrong.

What is left is *undecided*: the sign is the authors' word alone. As stated and undecided are no
errors, for a weak detector, or one of other fakes, is no wrong conversion; but it is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from models.catalog import Clip, clips
from models.footage import faces_of_clip
from realtime.contract import ModelContract
from realtime.crops import crop_face
from realtime.errors import ModelError
from realtime.evaluation.metrics import auc, bootstrap
from realtime.faces.tracks import box_of
from realtime.scorer import Scorer
from realtime.types import Crop

CLIPS: Final = 20
"""So many of each class are asked about, of several methods, those with a counterpart first."""
_CROPS: Final = 6
_RATE_HZ: Final = 2.0
_CHANCE: Final = 0.05


class Verdict(Enum):
    """What the known clips say of the sign."""

    RIGHT = "right"
    REVERSED = "reversed"
    AS_STATED = "as stated"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, eq=False)
class KnownClip:
    """A few crops of the main face of a clip whose label is known."""

    clip: Clip
    crops: tuple[Crop, ...]


@dataclass(frozen=True, slots=True)
class Polarity:
    """What was found: clips of each class, AUC and its interval, and on which side they lie."""

    reals: int
    fakes: int
    area: float
    low: float
    high: float
    reals_below: int
    fakes_above: int
    verdict: Verdict

    def describe(self) -> str:
        """One sentence for people."""
        said = {
            Verdict.RIGHT: "known fakes rank above known reals, as they should",
            Verdict.REVERSED: "known fakes rank BELOW known reals",
            Verdict.AS_STATED: (
                "it cannot rank these, but known reals land on the real side, as its authors state"
            ),
            Verdict.CONTRADICTED: "known reals land on the FAKE side, against its authors' word",
            Verdict.UNDECIDED: (
                "it cannot tell these apart, so that fake means fake is its authors' word alone"
            ),
        }[self.verdict]
        return (
            f"polarity on {self.reals} real and {self.fakes} fake clips: {said}; AUC "
            f"{self.area:.2f} ({self.low:.2f} to {self.high:.2f}), {self.reals_below} of "
            f"{self.reals} reals on the real side, {self.fakes_above} of {self.fakes} fakes on "
            "the fake side"
        )


def known_clips(data: Path, contract: ModelContract, count: int = CLIPS) -> list[KnownClip]:
    """Crops of known clips of a data folder, cut as at run time; empty if it has no clips.

    Raises:
        ConfigError: if the lists of clips are missing or wrong.
        SourceError: if a clip cannot be read.
    """
    found = clips(data)
    chosen = [
        clip
        for fake in (False, True)
        for clip in _spread([c for c in found if c.fake == fake], count)
    ]
    cut = [KnownClip(clip, tuple(_cut(clip, contract))) for clip in chosen]
    return [known for known in cut if known.crops]


def _spread(found: Sequence[Clip], count: int) -> list[Clip]:
    """Clips of as many kinds as possible, in each kind those that have a counterpart first."""
    kinds: dict[str, list[Clip]] = {}
    for clip in sorted(found, key=lambda c: (not c.pair, c.path.name)):
        kinds.setdefault(clip.kind, []).append(clip)
    chosen: list[Clip] = []
    while len(chosen) < count and any(kinds.values()):
        for waiting in kinds.values():
            if waiting and len(chosen) < count:
                chosen.append(waiting.pop(0))
    return chosen


def _cut(clip: Clip, contract: ModelContract) -> list[Crop]:
    crops: list[Crop] = []
    for _, image, landmarks in faces_of_clip(clip.path, _RATE_HZ):
        crop = crop_face(image, box_of(landmarks), landmarks, contract)
        if crop is not None:
            crops.append(crop)
        if len(crops) == _CROPS:
            break
    return crops


def check(known: Sequence[KnownClip], scorer: Scorer, *, reals_below_zero: bool) -> Polarity:
    """Ask an exported model about known clips; a clip counts with its mean log-odds.

    Raises:
        ModelError: if there are no clips of one of the classes.
    """
    means: dict[bool, list[float]] = {False: [], True: []}
    for clip in known:
        logits = [s.logit for s in scorer.score(clip.crops, 0.0) if s is not None]
        if logits:
            means[clip.clip.fake].append(float(np.mean(logits)))
    return judge(np.array(means[False]), np.array(means[True]), reals_below_zero=reals_below_zero)


def judge(
    reals: NDArray[np.float64], fakes: NDArray[np.float64], *, reals_below_zero: bool
) -> Polarity:
    """The verdict on mean log-odds of clips ``(R,)`` and ``(F,)``.

    Raises:
        ModelError: if one of them is empty.
    """
    if not len(reals) or not len(fakes):
        raise ModelError(
            "The polarity needs real and fake clips with a face that the model gives a number for."
        )
    low, high = bootstrap(reals, fakes)
    below = int((reals < 0).sum())
    if low > 0.5:
        verdict = Verdict.RIGHT
    elif high < 0.5:
        verdict = Verdict.REVERSED
    else:
        verdict = _side(below, len(reals)) if reals_below_zero else Verdict.UNDECIDED
    above = int((fakes > 0).sum())
    return Polarity(len(reals), len(fakes), auc(reals, fakes), low, high, below, above, verdict)


def _side(below: int, count: int) -> Verdict:
    """Of ``count`` reals, whether more or fewer than by chance lie on the real side."""
    if binomtest(below, count, alternative="greater").pvalue < _CHANCE:
        return Verdict.AS_STATED
    if binomtest(below, count, alternative="less").pvalue < _CHANCE:
        return Verdict.CONTRADICTED
    return Verdict.UNDECIDED
