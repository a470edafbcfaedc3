"""Which pictures and clips there are, whose they are, and what each may be used for.

A data folder holds ``faces/`` with ``faces.csv`` (columns file, source, original) and, if it
has clips, ``videos/real``, ``videos/fake`` with ``real.csv`` (file, source, pair) and
``fake.csv`` (file, method, pair). Pictures of one person never lie in two splits as far as names
tell; where people repeat under unknown names, the whole source is for training.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from realtime.errors import ConfigError

Split = Literal["train", "validation", "calibration"]

_HELD_OUT: Final = 0.14
"""Share of the people of a separable source that training never sees."""

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
    """One picture of one real face."""

    path: Path
    source: str
    split: Split


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. ``kind`` is the source of a real one, the method of a fake one.

    ``pair`` names the fake and the real clip that were made from each other, else empty.
    ``split`` of a fake is always "validation".
    """

    path: Path
    kind: str
    fake: bool
    pair: str
    split: Split


def photos(data: Path) -> list[Photo]:
    """All pictures of a data folder, in the order of its list.

    Raises:
        ConfigError: if the folder or its list is missing or empty, or names a missing picture.
    """
    if not data.is_dir():
        raise ConfigError(f"There is no data folder {data}; give one that holds faces/.")
    rows = _rows(data / "faces.csv", ("file", "source", "original"))
    found = [
        Photo(data / "faces" / r["file"], r["source"], photo_split(r["source"], r["original"]))
        for r in rows
    ]
    if not found:
        raise ConfigError(f"The list {data / 'faces.csv'} names no picture; nothing to train on.")
    for photo in found:
        if not photo.path.is_file():
            raise ConfigError(f"The list names {photo.path.name}, which is not in {data}/faces.")
    return found


def clips(data: Path) -> list[Clip]:
    """All clips of a data folder, none if it has no ``videos/``.

    Raises:
        ConfigError: if there is a ``videos/`` folder whose lists are missing or wrong.
    """
    folder = data / "videos"
    if not folder.is_dir():
        return []
    real = [
        Clip(folder / "real" / r["file"], r["source"], False, r["pair"], clip_split(r["file"]))
        for r in _rows(folder / "real.csv", ("file", "source", "pair"))
    ]
    fake = [
        Clip(folder / "fake" / r["file"], r["method"], True, r["pair"], "validation")
        for r in _rows(folder / "fake.csv", ("file", "method", "pair"))
    ]
    return real + fake


def photo_split(source: str, original: str) -> Split:
    """Deterministic from the source and the picture's name there."""
    pattern = _PERSON.get(source)
    match = re.fullmatch(pattern, original) if pattern else None
    if match is None:
        return "train"
    digest = hashlib.sha256(f"{source}/{match.group(1)}".encode()).digest()
    place = int.from_bytes(digest[:4], "big") / 2**32
    if place >= _HELD_OUT:
        return "train"
    return "validation" if place < _HELD_OUT / 2 else "calibration"


def clip_split(name: str) -> Split:
    """What a real clip may be used for."""
    for pattern, split in _CLIP_SPLITS:
        if re.match(pattern, name):
            return split
    return "validation"


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ConfigError(
            f"Cannot read the list {path}; a data folder needs it beside faces/."
        ) from None
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(f"The list {path} lacks the column {missing[0]!r}.")
    if any(row[name] is None for row in rows for name in columns):
        raise ConfigError(f"The list {path} has a line with too few fields.")
    return rows
