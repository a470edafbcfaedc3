"""The timelines of a report as a few shapes, which HTML (as SVG) and PDF draw alike.

Units are points (1/72 inch) with the origin at the top left. States differ by height and by
pattern as well as by colour (Okabe and Ito, 2002), so that they survive a grey print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from realtime.labels import state_colour
from realtime.report.lanes import Point
from realtime.report.model import Person, Run
from realtime.types import VerdictState

WIDTH: Final = 540.0
_LEFT: Final = 46.0
_RIGHT: Final = 20.0
"""Room for half of the last time."""
_ROW: Final = 20.0
_BAND: Final = 14.0
_AXIS: Final = 22.0
_TICKS: Final = 8
_STEPS: Final = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
INK: Final = "#222222"
PALE: Final = "#595959"
GRID: Final = "#dddddd"
CURVE: Final = "#333333"
SPREAD: Final = "#c9c9c9"

_HEIGHT: Final = {
    VerdictState.NOT_ASSESSABLE: 0.25,
    VerdictState.LITTLE_EVIDENCE: 0.4,
    VerdictState.UNCERTAIN: 0.6,
    VerdictState.STRONG: 0.85,
    VerdictState.VERY_STRONG: 1.0,
}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; ``fill`` None leaves it open, ``line`` None without a border."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None
    line: str | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or an area if ``fill`` is given."""

    points: tuple[tuple[float, float], ...]
    line: str | None
    fill: str | None = None
    thick: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Words at their base line; ``anchor`` is start, middle or end."""

    x: float
    y: float
    words: str
    anchor: str = "start"
    size: float = 8.0
    colour: str = PALE


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes in the order in which they are painted; ``title`` says what is to be seen."""

    width: float
    height: float
    title: str
    shapes: tuple[Box | Path | Text, ...]


def hex_colour(state: VerdictState) -> str:
    """The colour of a state, #rrggbb."""
    blue, green, red = state_colour(state)
    return f"#{red:02x}{green:02x}{blue:02x}"


def overview(run: Run, people: Sequence[Person]) -> Drawing:
    """A lane for each of some people over the whole length of the source."""
    height = _ROW * len(people) + _AXIS
    across = _scale(0.0, run.length_s)
    shapes: list[Box | Path | Text] = list(_axis(0.0, run.length_s, height, across))
    for row, person in enumerate(people):
        base = _ROW * (row + 1) - 3
        shapes.append(Text(_LEFT - 6, base - 3, f"#{person.track_id}", "end", colour=INK))
        shapes.append(Path(((_LEFT, base), (WIDTH - _RIGHT, base)), GRID, thick=0.6))
        shapes += _bands(person, base, across)
    return Drawing(WIDTH, height, "Verdicts of each person over time", tuple(shapes))


def curve(person: Person, thresholds: Sequence[float]) -> Drawing:
    """The probability of one person over its own time, with its verdicts above."""
    start, end = person.first_s, max(person.last_s, person.first_s + 0.2)
    across = _scale(start, end)
    top, bottom = _BAND + 10, _BAND + 100
    height = bottom + _AXIS

    def up(probability: float) -> float:
        return bottom - min(1.0, max(0.0, probability)) * (bottom - top)

    shapes: list[Box | Path | Text] = list(_axis(start, end, height, across))
    shapes += _bands(person, _BAND, across)
    for level in (0.0, 0.5, 1.0):
        shapes.append(Path(((_LEFT, up(level)), (WIDTH - _RIGHT, up(level))), GRID, thick=0.6))
        shapes.append(Text(_LEFT - 6, up(level) + 3, f"{level:.1f}", "end"))
    for level in thresholds[:2]:
        ends = ((_LEFT, up(level)), (WIDTH - _RIGHT, up(level)))
        shapes.append(Path(ends, PALE, thick=0.6, dashed=True))
    for points in _joined(person.points):
        shapes += _line(points, across, up)
    if not person.points:
        words = "no probability: it could not be assessed"
        shapes.append(Text((_LEFT + WIDTH) / 2, (top + bottom) / 2, words, "middle"))
    title = f"Verdicts and probability of fake of person #{person.track_id} over time"
    return Drawing(WIDTH, height, title, tuple(shapes))


def key(state: VerdictState) -> Drawing:
    """How a state is drawn."""
    shapes = _band(state, 0.0, 18.0, _BAND)
    return Drawing(18, _BAND, state.words, shapes)


def chunks(people: Sequence[Person], size: int) -> list[Sequence[Person]]:
    """At most ``size`` people each."""
    return [people[i : i + size] for i in range(0, len(people), size)]


def _scale(start: float, end: float) -> Callable[[float], float]:
    room = WIDTH - _LEFT - _RIGHT
    return lambda time_s: _LEFT + room * (time_s - start) / (end - start)


def _bands(person: Person, base: float, across: Callable[[float], float]) -> Iterable[Box | Path]:
    for span in person.spans:
        left = across(span.start_s)
        # However short, it must be seen.
        yield from _band(span.state, left, max(1.0, across(span.end_s) - left), base)


def _band(state: VerdictState, left: float, width: float, base: float) -> tuple[Box | Path, ...]:
    colour, high = hex_colour(state), _BAND * _HEIGHT[state]
    if state is VerdictState.NOT_ASSESSABLE:
        return (Box(left, base - high, width, high, None, colour, dashed=True),)
    whole = Box(left, base - high, width, high, colour)
    if state is VerdictState.VERY_STRONG:
        middle = base - high / 2
        return whole, Path(((left, middle), (left + width, middle)), "#ffffff", thick=1.6)
    return (whole,)


def _axis(
    start: float, end: float, height: float, across: Callable[[float], float]
) -> Iterable[Path | Text]:
    step = next((s for s in _STEPS if (end - start) / s <= _TICKS), _STEPS[-1])
    while (end - start) / step > _TICKS:
        step *= 2
    foot = height - _AXIS
    for tick in range(math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9) + 1):
        x = across(tick * step)
        yield Path(((x, 0.0), (x, foot + 3)), GRID, thick=0.6)
        yield Text(x, foot + 13, _short(tick * step, step), "middle")


def _short(seconds: float, step: float) -> str:
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    tail = f"{left:02d}" + (f".{round(10 * (seconds - whole))}" if step < 1 else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _joined(points: Sequence[Point]) -> list[list[Point]]:
    found: list[list[Point]] = []
    for point in points:
        if found and point.joined:
            found[-1].append(point)
        else:
            found.append([point])
    return found


def _line(
    points: Sequence[Point], across: Callable[[float], float], up: Callable[[float], float]
) -> Iterable[Box | Path]:
    if len(points) == 1:
        x, y = across(points[0].time_s), up(points[0].high)
        yield Box(x - 1, y - 1, 2, 2, CURVE)
        return
    highs = [(across(p.time_s), up(p.high)) for p in points]
    lows = [(across(p.time_s), up(p.low)) for p in points]
    yield Path((*highs, *reversed(lows)), None, SPREAD)
    yield Path(tuple(highs), CURVE, thick=1.2)
