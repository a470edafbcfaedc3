"""The report as one HTML page that needs nothing beside it and asks nobody for anything."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined

from realtime.report import plots, words
from realtime.report.model import CHUNK, Run
from realtime.types import VerdictState

_LINES: Final = 120
"""Pieces that the template gives for a person, roughly; only the progress rests on it."""


def page(runs: Sequence[Run], step: Callable[[float], None] | None = None) -> str:
    """HTML of some runs, in order; every text in it is escaped.

    ``step`` hears now and then which share is done, and may raise to break it off.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["jpeg"] = _jpeg
    environment.filters["kind"] = lambda shape: type(shape).__name__
    environment.filters["corners"] = _corners
    source = resources.files("realtime.report").joinpath("report.html").read_text("utf-8")
    pieces = environment.from_string(source).generate(
        runs=runs, w=words, plots=plots, states=list(VerdictState), chunk=CHUNK
    )
    if step is None:
        return "".join(pieces)
    whole = _LINES * max(1, sum(len(run.people) + 1 for run in runs))
    found = []
    for count, piece in enumerate(pieces):
        found.append(piece)
        if count % 64 == 0:
            step(min(0.95, count / whole))
    return "".join(found)


def _jpeg(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _corners(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
