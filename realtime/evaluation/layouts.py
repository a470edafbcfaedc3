"""Which clips a folder holds and what they are, for the layouts that people have.

Known are, in the order in which they are looked for:

- our own: ``real/`` with ``real.csv`` (columns file, source, pair) and ``fake/`` with
  ``fake.csv`` (file, method, pair), in the folder or in its ``videos/``;
- the same two folders of clips without lists, where a folder inside names a source or method;
- FaceForensics++: ``original_sequences/SOURCE/c23/videos``,
  ``manipulated_sequences/METHOD/c23/videos`` (Rössler et al., ICCV 2019);
- Celeb-DF v1 and v2: ``Celeb-real``, ``YouTube-real``, ``Celeb-synthesis`` (Li et al., CVPR 2020);
- DFDC: ``metadata.json`` beside the clips, in the folder or in each of its parts
  (Dolhansky et al., 2020);
- DF40: ``METHOD/ff``, ``METHOD/cdf``, or ``METHOD/real`` and ``METHOD/fake`` (Yan et al.,
  NeurIPS 2024). Its fakes alone are published; the reals are those of the two sets before, so
  that these may lie in the same folder.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from realtime.errors import ConfigError

_CLIPS: Final = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts"),
    *(".mpg", ".mpeg", ".flv", ".wmv", ".ogv", ".3gp"),
)
_PICTURES: Final = (".png", ".jpg", ".jpeg")
_COMPRESSIONS: Final = ("c23", "raw", "c40")
_DF40: Final = ("ff", "cdf", "real", "fake")


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """One recording.

    ``kind`` is the source of a real one and the method of a fake one. ``pair`` is the same
    text, not empty, on a fake and on the real clip that it was made from; empty where the other
    one is not there. Several fakes may share one real clip.
    """

    path: Path
    kind: str
    fake: bool
    pair: str


def labelled_clips(folder: Path) -> list[LabelledClip]:
    """All clips of a folder, the reals of each layout first, sorted by name or as listed.

    Raises:
        ConfigError: if there is no such folder, its layout is none of the known ones, a list
            is damaged or names a clip that is missing, or it holds frames instead of clips.
    """
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}; give one that holds labelled clips.")
    try:
        found = _own(folder) or _own(folder / "videos") or _public(folder)
    except OSError as exc:
        raise ConfigError(
            f"Cannot read {exc.filename or folder}: {exc.strerror}; check its permissions."
        ) from None
    if not found:
        raise ConfigError(
            f"{folder} holds no labelled clips; give a folder with real/ and fake/ (and real.csv "
            "and fake.csv, if there are pairs), or FaceForensics++, Celeb-DF, DFDC or DF40."
        )
    return _paired(found)


def need_both(fakes: Collection[bool], folder: Path) -> None:
    """Raises `ConfigError` unless there are real and fake clips among those of ``folder``."""
    for fake, name, other in ((False, "real", "fake"), (True, "fake", "real")):
        if fake not in fakes:
            raise ConfigError(
                f"All clips in {folder} are {other}; telling the two apart needs {name} ones too."
            )


def read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The lines of a CSV list that must have the given columns.

    Raises:
        ConfigError: if it is missing, no text, lacks a column or has too short a line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ConfigError(f"Cannot read the list {path}; the folder needs it.") from None
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(f"The list {path} lacks the column {missing[0]!r}.")
    if any(row[name] is None for row in rows for name in columns):
        raise ConfigError(f"The list {path} has a line with too few fields.")
    return rows


def _own(folder: Path) -> list[LabelledClip]:
    if any((folder / f"{name}.csv").is_file() for name in ("real", "fake")):
        real, fake = _listed(folder, "real", "source"), _listed(folder, "fake", "method")
    else:
        real, fake = (_labelled(folder / n, n, fake=n == "fake") for n in ("real", "fake"))
    return real + fake


def _listed(folder: Path, name: str, column: str) -> list[LabelledClip]:
    if not (folder / name).is_dir() and not (folder / f"{name}.csv").is_file():
        return []
    rows = read_rows(folder / f"{name}.csv", ("file", column, "pair"))
    clips = [
        LabelledClip(folder / name / row["file"], row[column], name == "fake", row["pair"])
        for row in rows
    ]
    for clip in clips:
        if not clip.path.is_file():
            raise ConfigError(
                f"The list {folder / name}.csv names {clip.path.name}, which is not in {name}/."
            )
    return clips


def _public(folder: Path) -> list[LabelledClip]:
    found = _face_forensics(folder) + _celeb(folder) + _challenge(folder) + _df40(folder)
    return sorted(found, key=lambda clip: clip.fake)


def _face_forensics(folder: Path) -> list[LabelledClip]:
    """All of one compression, for two would tell the label wherever they are mixed."""
    level = next((c for c in _COMPRESSIONS if any(folder.glob(f"*_sequences/*/{c}"))), "")
    clips = []
    for part, fake in (("original_sequences", False), ("manipulated_sequences", True)):
        for path in _videos(folder / part):
            kind, *inner = path.relative_to(folder / part).parts
            if inner[:1] == [level]:
                clips.append(LabelledClip(path, kind, fake, _forensics_pair(path.stem, fake)))
    return clips


def _forensics_pair(stem: str, fake: bool) -> str:
    """The target is named first: ``A_B``, and ``A_B__SCENE__CODE`` of the actors' clips."""
    if not fake:
        return f"ff/{stem}"
    match = re.fullmatch(r"(\d+)_\d+(__.*?)?(__[A-Z0-9]+)?", stem)
    return f"ff/{match[1]}{match[2] or ''}" if match else ""


def _celeb(folder: Path) -> list[LabelledClip]:
    clips = []
    for part in _folders(folder):
        name = part.name.lower()
        if name in ("celeb-real", "youtube-real", "celeb-synthesis"):
            for path in _videos(part):
                clips.append(
                    LabelledClip(path, part.name, name == "celeb-synthesis", _celeb_pair(path.stem))
                )
    return clips


def _celeb_pair(stem: str) -> str:
    """The target is named first: ``idX_idY_NNNN`` was made from ``idX_NNNN``."""
    match = re.fullmatch(r"(id\d+)(?:_id\d+)?_(\d+)", stem)
    return f"celeb/{match[1]}_{match[2]}" if match else ""


def _challenge(folder: Path) -> list[LabelledClip]:
    lists = [p / "metadata.json" for p in (folder, *_folders(folder))]
    return [clip for path in lists if path.is_file() for clip in _challenge_part(path)]


def _challenge_part(path: Path) -> list[LabelledClip]:
    """Clips that are listed but not there are left out: parts are large and often thinned."""
    try:
        listed: Any = json.loads(path.read_text("utf-8"))
        found = []
        for name, facts in listed.items():
            fake = {"FAKE": True, "REAL": False}[facts["label"]]
            pair = Path(str(facts.get("original") or "") if fake else name).stem
            clip = path.parent / Path(name).name
            found.append(LabelledClip(clip, "DFDC", fake, f"dfdc/{pair}" if pair else ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            f"The list {path} is not that of DFDC: each clip needs a label FAKE or REAL."
        ) from None
    return [clip for clip in found if clip.path.is_file()]


def _df40(folder: Path) -> list[LabelledClip]:
    clips: list[LabelledClip] = []
    frames: Path | None = None
    for method in _folders(folder):
        for part in (p for p in _folders(method) if p.name in _DF40):
            own = _labelled(part, method.name, fake=part.name != "real")
            clips += [replace(clip, kind=method.name, pair=_df40_pair(clip)) for clip in own]
            if not own and _has_pictures(part):
                frames = part
    if frames and not clips:
        raise ConfigError(
            f"{frames} holds single frames; a verdict needs time, so give the clips of the set."
        )
    return clips


def _df40_pair(clip: LabelledClip) -> str:
    if match := re.fullmatch(r"(\d{3})(?:_\d{3})?", clip.path.stem):
        return f"ff/{match[1]}"
    return _celeb_pair(clip.path.stem)


def _paired(clips: list[LabelledClip]) -> list[LabelledClip]:
    """A pair that has no other side is none."""
    real, fake = ({c.pair for c in clips if c.fake is side} for side in (False, True))
    both = real & fake
    return [clip if clip.pair in both else replace(clip, pair="") for clip in clips]


def _labelled(folder: Path, name: str, *, fake: bool) -> list[LabelledClip]:
    """Clips in a folder and its folders, whose names are the kinds."""
    return [
        LabelledClip(path, path.parent.name if path.parent != folder else name, fake, "")
        for path in _videos(folder)
    ]


def _videos(folder: Path) -> list[Path]:
    return sorted(p for p in _files(folder) if p.suffix.lower() in _CLIPS)


def _has_pictures(folder: Path) -> bool:
    return any(p.suffix.lower() in _PICTURES for p in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if not p.name.startswith(".") and p.is_file())


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir())
