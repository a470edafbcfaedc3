"""Which pictures and clips there are, whose they are, and what each may be used for.

A data folder holds ``faces/`` with pictures and, if it has clips, ``videos/`` in any of the
layouts of `realtime.evaluation.layouts`. ``faces.csv`` (columns file, source, original) lists
the pictures. Pictures of one person never lie in two splits as far as names tell; where people
repeat under unknown names, the whole source is for training. Without the list, each folder in
``faces/`` is one person, and each picture that lies in none is another one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from models.folds import folds, groups
from realtime.errors import ConfigError
from realtime.evaluation.layouts import LabelledClip, labelled_clips, read_rows

Split = Literal["train", "validation", "calibration"]

_HELD_OUT: Final = 0.14
"""Share of the people of a separable source that training never sees."""

PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

_PERSON: Final = {
    "utkface_mohanish": r"(.*)",
    "fairface_thlaiquid": r"(.*)",
    "civilservice_governors": r"(.*)",
    "balajisrinivas_nomask": r"\d_\d_([a-z]+)_\d+\.jpg",
}
"""Sources whose original names tell people apart, and where the person is in the name."""

_CLIP_SPLITS: Final[tuple[tuple[str, Split], ...]] = (
    (r"kirichovka_signs__", "train"),
    (r"liveportrait_hist__", "train"),
    (r"liveportrait__(d0|d10|d14|d19|d3|d9|s18|s29)\.", "train"),
    (r"alpyksl_lipreading__(Arabic|soso|nice|name|goodbye|morning)", "train"),
    (r"alpyksl_lipreading__", "calibration"),
    (r"liveportrait__", "calibration"),
    (r"(namratha_emotion|tpsmm)__", "calibration"),
    (r"DeepFaceLive_input__(Albica|Ava|Bryan|Emily)", "calibration"),
)
"""First match wins; real clips that match nothing are for evaluation only ("validation").

A clip with a fake counterpart is never trained on. Calibration fits two numbers, which cannot
change how clips rank, but its clips do not count towards false alarms either.
"""


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture of one real face; ``person`` is empty where names do not tell people apart."""

    path: Path
    source: str
    split: Split
    person: str = ""


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. ``kind`` is the source of a real one, the method of a fake one.

    ``pair`` names the fake and the real clip that were made from each other, else empty.
    ``split`` of a fake is always "validation". ``group`` is the same for clips that may show
    the same person, and ``fold`` in 0..4 is the same within a group; see `models.folds`.
    """

    path: Path
    kind: str
    fake: bool
    pair: str
    split: Split
    group: str = ""
    fold: int = 0

    def labelled(self) -> LabelledClip:
        """What the evaluation of the engine takes."""
        return LabelledClip(self.path, self.kind, self.fake, self.pair)


def photos(data: Path) -> list[Photo]:
    """All pictures of a data folder, in the order of its list, else sorted by path.

    Raises:
        ConfigError: if the folder or its list is missing or empty, or names a missing picture.
    """
    if not data.is_dir():
        raise ConfigError(f"There is no data folder {data}; give one that holds faces/.")
    if not (data / "faces.csv").exists() and (data / "faces").is_dir():
        return _own_photos(data / "faces")
    rows = read_rows(data / "faces.csv", ("file", "source", "original"))
    found = [
        Photo(
            data / "faces" / r["file"],
            r["source"],
            photo_split(r["source"], r["original"]),
            _person(r["source"], r["original"]),
        )
        for r in rows
    ]
    if not found:
        raise ConfigError(f"The list {data / 'faces.csv'} names no picture; nothing to train on.")
    for photo in found:
        if not photo.path.is_file():
            raise ConfigError(f"The list names {photo.path.name}, which is not in {data}/faces.")
    return found


def clips(data: Path) -> list[Clip]:
    """All clips of a data folder, the reals first, none if it has pictures alone.

    A folder without ``faces/`` and ``videos/`` is itself taken for one of the known layouts.

    Raises:
        ConfigError: if the clips lie in no known layout, or a list is missing or wrong.
    """
    folder = data / "videos"
    if not folder.is_dir():
        if (data / "faces").is_dir():
            return []
        folder = data
    found = labelled_clips(folder)
    return [
        Clip(
            *(clip.path, clip.kind, clip.fake, clip.pair),
            "validation" if clip.fake else clip_split(clip.path.name),
            group,
            fold,
        )
        for clip, group, fold in zip(found, groups(found), folds(found), strict=True)
    ]


def photo_split(source: str, original: str) -> Split:
    """Deterministic from the source and the picture's name there."""
    person = _person(source, original)
    if not person:
        return "train"
    place = int.from_bytes(_digest(person)[:4], "big") / 2**32
    if place >= _HELD_OUT:
        return "train"
    return "validation" if place < _HELD_OUT / 2 else "calibration"


def clip_split(name: str) -> Split:
    """What a real clip may be used for."""
    for pattern, split in _CLIP_SPLITS:
        if re.match(pattern, name):
            return split
    return "validation"


def _person(source: str, original: str) -> str:
    pattern = _PERSON.get(source)
    match = re.fullmatch(pattern, original) if pattern else None
    return f"{source}/{match.group(1)}" if match else ""


def _digest(person: str) -> bytes:
    return hashlib.sha256(person.encode()).digest()


def _own_photos(folder: Path) -> list[Photo]:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())
    if not paths:
        raise ConfigError(f"There is no picture in {folder}; nothing to train on.")
    people = [path.relative_to(folder).with_suffix("").parts[0] for path in paths]
    splits = _own_splits(people)
    return [
        Photo(path, "own", splits[person], person)
        for path, person in zip(paths, people, strict=True)
    ]


def _own_splits(people: Sequence[str]) -> dict[str, Split]:
    """As many as are held out elsewhere, but of three people or more at least one each."""
    order = sorted(set(people), key=_digest)
    each = max(round(len(order) * _HELD_OUT / 2), 1 if len(order) >= 3 else 0)
    splits: dict[str, Split] = dict.fromkeys(order, "train")
    splits |= dict.fromkeys(order[:each], "validation")
    splits |= dict.fromkeys(order[each : 2 * each], "calibration")
    return splits
