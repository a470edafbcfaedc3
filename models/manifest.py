"""Which files a training or measurement used, so that it can be told whether data is the same.

    python -m models.manifest --data DIR --output FILE      writes the list
    python -m models.manifest --data DIR --check FILE       says what differs from it

One line for each picture and each clip: path in the folder, real or fake, source or method,
split, person as far as names tell, size in bytes, SHA-256. What cannot be decoded is left out
and counted, for training and measuring leave it out as well.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from PIL import Image

from models import catalog
from models.console import exit_code, say
from realtime.config import SourceConfig
from realtime.errors import ConfigError, SourceError
from realtime.evaluation.layouts import need_both, read_rows
from realtime.redact import redact
from realtime.sources.file import FileSource

_SHOWN: Final = 50
"""Differences that are told one by one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a manifest; ``file`` is the path in the data folder, with slashes."""

    file: str
    label: str
    kind: str
    split: str
    person: str
    bytes: int
    sha256: str


_COLUMNS: Final = tuple(field.name for field in fields(Entry))


def entries(data: Path) -> tuple[list[Entry], list[str]]:
    """All pictures and clips of a data folder, sorted by path, and those that are damaged.

    Raises:
        ConfigError: if the folder cannot be used, is empty or holds fakes only.
    """
    found, damaged = [], []
    for path, label, kind, split, person in _listed(data):
        name = path.relative_to(data).as_posix()
        if _decodes(path):
            found.append(Entry(name, label, kind, split, person, *_content(path)))
        else:
            damaged.append(name)
    if not found:
        raise ConfigError(f"Nothing in {data} can be decoded; get the pictures and clips again.")
    return sorted(found, key=lambda entry: entry.file), damaged


def write(entries: Sequence[Entry], output: Path) -> None:
    """Write a manifest; raises `ConfigError` if the file cannot be written."""
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(_COLUMNS)
            lines.writerows(astuple(entry) for entry in entries)
    except OSError as exc:
        raise ConfigError(f"Cannot write {output}: {exc.strerror}; name another file.") from None


def read(path: Path) -> list[Entry]:
    """A manifest as written; raises `ConfigError` if it is none."""
    try:
        return [
            Entry(
                *(row["file"], row["label"], row["kind"], row["split"], row["person"]),
                bytes=int(row["bytes"]),
                sha256=row["sha256"],
            )
            for row in read_rows(path, _COLUMNS)
        ]
    except ValueError:
        raise ConfigError(f"The list {path} is no manifest: a size is not a number.") from None


def differences(listed: Sequence[Entry], found: Sequence[Entry]) -> list[str]:
    """What differs, one sentence for each file."""
    before, after = ({e.file: e for e in side} for side in (listed, found))
    said = []
    for name in sorted(before.keys() | after.keys()):
        one, two = before.get(name), after.get(name)
        if one == two:
            continue
        if two is None:
            said.append(f"{name} is listed, but missing or damaged.")
        elif one is None:
            said.append(f"{name} is not listed.")
        elif one.sha256 != two.sha256:
            said.append(f"{name} has other content than the one listed.")
        else:
            told = [c for c in _COLUMNS if getattr(one, c) != getattr(two, c)]
            was, now = ([f"{c} {getattr(e, c)!r}" for c in told] for e in (one, two))
            said.append(f"{name} is listed with {', '.join(was)}, but has {', '.join(now)} now.")
    return said


def check(data: Path, listed: Path) -> None:
    """Compare a data folder with a manifest and say what differs.

    Raises:
        ConfigError: if anything differs.
    """
    before = read(listed)
    found, damaged = entries(data)
    _tell(damaged)
    said = differences(before, found)
    for sentence in said[:_SHOWN]:
        say(redact(sentence))
    if len(said) > _SHOWN:
        say(f"{len(said) - _SHOWN} more files differ.")
    if said:
        raise ConfigError(
            f"{len(said)} of {len(before)} listed files differ; results on {data} will too."
        )
    say(f"All {len(found)} files are as listed.")


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(
        prog="models.manifest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--data", type=Path, required=True, help="a data folder, see models.catalog")
    what = found.add_mutually_exclusive_group(required=True)
    what.add_argument("--output", type=Path, metavar="FILE", help="write the list there")
    what.add_argument("--check", type=Path, metavar="FILE", help="compare with that list")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = parser().parse_args(arguments)

    def work() -> None:
        if options.check is not None:
            check(options.data, options.check)
            return
        found, damaged = entries(options.data)
        write(found, options.output)
        _tell(damaged)
        say(f"{len(found)} files are listed in {options.output}.")

    return exit_code(work)


def _listed(data: Path) -> Iterator[tuple[Path, str, str, str, str]]:
    """Path, label, kind, split and person of everything that a data folder has."""
    clips = catalog.clips(data) if data.is_dir() else []
    if any(clip.fake for clip in clips):
        need_both([clip.fake for clip in clips], data)
    if (data / "faces").is_dir() or not clips:
        for photo in catalog.photos(data):
            yield photo.path, "real", photo.source, photo.split, photo.person
    for clip in clips:
        yield clip.path, "fake" if clip.fake else "real", clip.kind, clip.split, clip.group


def _decodes(path: Path) -> bool:
    try:
        if path.suffix.lower() in catalog.PICTURES:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of sizes that are meant to hurt
                with Image.open(path) as picture:
                    picture.load()
        else:
            with FileSource(path, SourceConfig()) as source:
                source.open()
    except (SourceError, OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        return False
    return True


def _content(path: Path) -> tuple[int, str]:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            size = 0
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as exc:
        raise ConfigError(f"Cannot read {path}: {exc.strerror}; check its permissions.") from None
    return size, digest.hexdigest()


def _tell(damaged: Sequence[str]) -> None:
    if damaged:
        some = ", ".join(map(redact, damaged[:5])) + (" and others" if len(damaged) > 5 else "")
        say(f"{len(damaged)} damaged files are left out: {some}.")


if __name__ == "__main__":
    sys.exit(main())
