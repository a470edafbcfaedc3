"""The options of an evaluation; light to import, for every command line loads them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

DEFAULT_SECONDS: Final = 4.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What ``fakewatch eval`` and ``models.evaluate`` have in common."""
    parser.add_argument("--json", metavar="FILE", help="every number, - for stdout")
    parser.add_argument("--html", metavar="FILE", type=Path, help="the report as one page")
    parser.add_argument(
        "--robustness", action="store_true", help="again under compression, blur, noise, scaling"
    )
    parser.add_argument(
        "--conditions",
        default="",
        metavar="A,B,...",
        help="only these of the robustness conditions; an unknown name lists them",
    )
    parser.add_argument(
        "--seconds",
        type=_number(float, 1.0, 600.0),
        default=DEFAULT_SECONDS,
        help=f"how much of each clip robustness looks at (default {DEFAULT_SECONDS:g})",
    )
    parser.add_argument(
        "--limit",
        type=_number(int, 1, 1_000_000),
        metavar="N",
        help="at most so many real and so many fake clips, spread over the list",
    )
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, help="where results of clips are kept to go on later"
    )
    parser.add_argument("--no-progress", action="store_true", help="say nothing until the end")


def _number(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        with suppress(ValueError):
            value = kind(text)
            if low <= value <= high:
                return value
        raise argparse.ArgumentTypeError(f"give a number from {low:g} to {high:g}")

    return parse
