"""Which recordings belong together, and five parts of them of which one is left out at a time.

Two clips belong together if their names or lists say that one was made from the other, or that
both may show the same person, real or forged. A fold never divides such a group.

What the names of ``../shared/data`` tell: the forged identity of each DeepFaceLive clip, the
person of each AniPortrait clip and its driver, the portrait of each SadTalker clip. The clips of
alpyksl_lipreading show few people again and again, as do those of kirichovka_signs and
faceswapGAN: each of these is one group. The clips of liveportrait and liveportrait_hist mostly
show different people, and each is a group of its own. In FaceForensics++ a group is two people,
swapped with each other; the swaps of Celeb-DF join nearly all of its people to one group.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from realtime.evaluation.layouts import LabelledClip

FOLDS: Final = 5

_PEOPLE: Final = (
    r"(DeepFaceLive)(?:_input)?__(.+)_\d+",
    r"(alpyksl_lipreading|kirichovka_signs)__.*",
    r"(faceswapGAN)(?:_input)?__.*",
    r"(AniPortrait)(?:_driver)?__(.+?)(?:_driver)?",
    r"(SadTalker)__([^_]+).*",
)
"""Names without extension whose groups, taken together, name one person."""

_TWO_PEOPLE: Final = (
    r"(\d{2,3})(?:_(\d{2,3}))?(?:__.*)?",  # FaceForensics++ and its actors
    r"(id\d+)(?:_(id\d+))?_\d+",  # Celeb-DF
)
"""Names whose groups each name a person."""


def groups(clips: Sequence[LabelledClip]) -> list[str]:
    """The group of each clip; equal texts belong together."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    labels = [_labels(clip) for clip in clips]
    for own in labels:
        for other in own[1:]:
            # the smaller name leads, so that the order of the clips does not matter
            first, second = sorted((find(own[0]), find(other)))
            leader[second] = first
    return [find(own[0]) for own in labels]


def folds(clips: Sequence[LabelledClip]) -> list[int]:
    """The fold 0..4 of each clip: no group divided, methods and sources spread evenly.

    Deterministic for the same set of clips, whatever their order. The largest groups come
    first, each into the fold with the fewest groups of its method, then the fewest fakes, then
    the fewest clips.
    """
    members: defaultdict[str, list[LabelledClip]] = defaultdict(list)
    names = groups(clips)
    for clip, name in zip(clips, names, strict=True):
        members[name].append(clip)
    kinds = {name: _kind(own) for name, own in members.items()}
    spread = Counter(kinds.values())
    of_kind, fakes, total = Counter[tuple[str, int]](), Counter[int](), Counter[int]()
    fold: dict[str, int] = {}

    def turn(name: str) -> tuple[bool, int, str, int, str]:
        kind = kinds[name]
        real = not any(clip.fake for clip in members[name])
        digest = hashlib.sha256(name.encode()).hexdigest()
        return real, -spread[kind], kind, -len(members[name]), digest

    for name in sorted(members, key=turn):
        kind = kinds[name]
        best = min(range(FOLDS), key=lambda f: (of_kind[kind, f], fakes[f], total[f], f))
        fold[name] = best
        of_kind[kind, best] += 1
        fakes[best] += sum(clip.fake for clip in members[name])
        total[best] += len(members[name])
    return [fold[name] for name in names]


def _kind(members: Sequence[LabelledClip]) -> str:
    """What a group counts as: the method of its fakes, else the source of its reals."""
    return min(f"{'fake' if clip.fake else 'real'} {clip.kind}" for clip in members)


def _labels(clip: LabelledClip) -> list[str]:
    stem = clip.path.stem
    labels = [f"pair {clip.pair}"] if clip.pair else []
    for pattern in _PEOPLE:
        if match := re.fullmatch(pattern, stem):
            labels.append(" ".join(match.groups()))
    for pattern in _TWO_PEOPLE:
        if match := re.fullmatch(pattern, stem):
            labels += [f"person {name}" for name in match.groups() if name]
    return labels or [f"{clip.kind} {stem}"]
