"""What `scripts/end_to_end.py` can be told."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """``screen`` WIDTHxHEIGHT in pixels, ``scale`` pixels to a point of the window."""

    pictures: Path
    screen: str
    scale: float
    theme: str
    language: str
    clip: Path | None
    guide: Path | None


def parse(arguments: Sequence[str], about: str | None) -> Options:
    """The options, with paths that hold in every folder."""
    parser = argparse.ArgumentParser(description=(about or "").split("\n", maxsplit=1)[0])
    parser.add_argument("pictures", type=_path)
    parser.add_argument("--screen", default="1366x768", help="pixels of the screen")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels to a point of the window")
    parser.add_argument("--theme", default="light")
    parser.add_argument("--language", default="en")
    parser.add_argument("--clip", type=_path)
    parser.add_argument("--guide", type=_path, help="leave the pictures of the guide there as well")
    return Options(**vars(parser.parse_args(arguments)))


def _path(text: str) -> Path:
    return Path(text).resolve()
