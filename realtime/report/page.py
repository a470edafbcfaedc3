"""The report as one HTML page that needs nothing beside it and asks nobody for anything."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, StrictUndefined

from realtime.report import plots, words
from realtime.report.model import CHUNK, Run
from realtime.types import VerdictState


def page(runs: Sequence[Run]) -> str:
    """HTML of some runs, in order; every text in it is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["jpeg"] = _jpeg
    environment.filters["kind"] = lambda shape: type(shape).__name__
    environment.filters["corners"] = _corners
    source = resources.files("realtime.report").joinpath("report.html").read_text("utf-8")
    return environment.from_string(source).render(
        runs=runs, w=words, plots=plots, states=list(VerdictState), chunk=CHUNK
    )


def _jpeg(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _corners(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
