"""What the classifier, each witness and all of them together tell apart: areas with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.witnesses import Record
from realtime.evaluation.metrics import Scores, auc, bootstrap, bootstrap_groups, estimate

FloatArray = NDArray[np.float64]
Fused = Mapping[tuple[str, str], FloatArray]

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "face swap": ("DeepFaceLive", "faceswapGAN"),
    "re-enactment": ("AniPortrait", "LivePortrait", "FOMM"),
    "lip-sync": ("HyperLips", "Wav2Lip"),
    "talking head": ("SadTalker", "VASA1", "generated_portrait", "MuseV_image2video"),
}
"""Methods of one kind; those of other names stand by themselves."""


def table(
    records: Sequence[Record], names: Sequence[str], fused: Fused, without: Mapping[str, Fused]
) -> dict[str, Any]:
    """By condition: the classifier alone, the fusion, the fusion without each witness, and each
    witness alone, over all fakes, by family and by method.
    """
    found: dict[str, Any] = {}
    for condition in dict.fromkeys(one.condition for one in records):
        own = [one for one in records if one.condition == condition]
        judged = [one for one in own if not one.seen]
        plain = {one.key: np.array(one.log_odds) for one in judged}
        found[condition] = {
            "classifier": _areas(judged, plain),
            "fusion": _areas(judged, fused),
            "change": _gain(judged, plain, fused),
            "without": {
                name: {**_areas(judged, other), "change": _gain(judged, plain, other)}
                for name, other in without.items()
            },
            "alone": {name: _alone(own, name) for name in names},
        }
    return found


def _alone(records: Sequence[Record], name: str) -> dict[str, Any]:
    """One witness by itself, on the clips that it could judge."""
    said = {
        one.key: np.array(one.cues[name])
        for one in records
        if name in one.cues and np.isfinite(one.cues[name]).any()
    }
    able = [one for one in records if one.key in said]
    return {
        "assessable_real": sum(not one.fake for one in able),
        "assessable_fake": sum(one.fake for one in able),
        **_areas(able, said),
    }


def _areas(records: Sequence[Record], scores: Fused) -> dict[str, Any]:
    reals = [one for one in records if not one.fake]
    fakes = [one for one in records if one.fake]
    kinds = sorted({one.kind for one in fakes})
    families = {
        name: [one for one in fakes if one.kind in methods] for name, methods in FAMILIES.items()
    }
    return {
        "all": _area(reals, fakes, scores),
        "families": {name: _area(reals, own, scores) for name, own in families.items() if own},
        "methods": {
            kind: _area(reals, [one for one in fakes if one.kind == kind], scores) for kind in kinds
        },
    }


def _area(reals: Sequence[Record], fakes: Sequence[Record], scores: Fused) -> dict[str, Any] | None:
    real, fake = means(reals, scores), means(fakes, scores)
    found = estimate(auc(real, fake), bootstrap(real, fake))
    return None if found is None else {**found, "real": len(real), "fake": len(fake)}


def _gain(records: Sequence[Record], before: Fused, after: Fused) -> dict[str, Any] | None:
    """By how much the area over all grows, whole clips drawn together."""
    groups = []
    for one in records:
        pair = (means([one], before), means([one], after))
        if len(pair[0]) and len(pair[1]):
            groups.append((one.fake, pair))

    def gain(first: Scores, second: Scores) -> float:
        labels = second > 0.5
        old, new = first[0::2], first[1::2]
        return auc(new[~labels], new[labels]) - auc(old[~labels], old[labels])

    drawn = [(np.array([old[0], new[0]]), np.array([float(fake)])) for fake, (old, new) in groups]
    if not drawn:
        return None
    one = np.concatenate([d[0] for d in drawn])
    two = np.concatenate([d[1] for d in drawn])
    return estimate(gain(one, two), bootstrap_groups(drawn, gain))


def means(records: Sequence[Record], scores: Fused) -> Scores:
    """The mean over time of each clip that has a score."""
    own = [scores[one.key] for one in records if one.key in scores]
    return np.array([np.nanmean(s) for s in own if np.isfinite(s).any()], np.float64)
