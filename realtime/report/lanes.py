"""What was said of one face over time, in memory that does not grow with the length of a run.

Sightings fall into buckets of equal length. When there are too many buckets, neighbours become
one and the length doubles: the gravest state and the extremes of the probability are kept, so
that a short alarm in a long recording stays visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from realtime.types import VerdictState

MAX_BUCKETS: Final = 400
FIRST_WIDTH_S: Final = 0.1
GAP_S: Final = 0.5
"""A face that was not seen for longer leaves a gap."""


@dataclass(frozen=True, slots=True)
class Span:
    """One state without a break, seconds from the beginning of the source."""

    start_s: float
    end_s: float
    state: VerdictState


@dataclass(frozen=True, slots=True)
class Point:
    """The lowest and the highest probability of fake about one moment.

    ``joined`` says whether there is no gap and no other state without a probability before it.
    """

    time_s: float
    low: float
    high: float
    joined: bool


@dataclass(slots=True)
class _Bucket:
    first_s: float
    last_s: float
    state: VerdictState
    low: float | None
    high: float | None

    def join(self, other: _Bucket) -> None:
        self.first_s = min(self.first_s, other.first_s)
        self.last_s = max(self.last_s, other.last_s)
        self.state = max(self.state, other.state, key=lambda s: s.rank)
        self.low = _pick(min, self.low, other.low)
        self.high = _pick(max, self.high, other.high)


class Lane:
    """The states and probabilities of one track; times may come in any order."""

    def __init__(self, max_buckets: int = MAX_BUCKETS, width_s: float = FIRST_WIDTH_S) -> None:
        self._max = max_buckets
        self._width_s = width_s
        self._buckets: dict[int, _Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    @property
    def width_s(self) -> float:
        """The length of a bucket, which bounds how exact its ends are."""
        return self._width_s

    def add(self, time_s: float, state: VerdictState, probability: float | None) -> None:
        """Take in one verdict."""
        new = _Bucket(time_s, time_s, state, probability, probability)
        key = int(time_s // self._width_s)
        if key in self._buckets:
            self._buckets[key].join(new)
            return
        self._buckets[key] = new
        while len(self._buckets) > self._max:
            self._halve()

    def spans(self) -> tuple[Span, ...]:
        """Neighbouring buckets of one state joined; what lies between two spans was not seen."""
        found: list[Span] = []
        for bucket, following in self._in_order():
            end_s = bucket.last_s if following is None else following.first_s
            last = found[-1] if found else None
            if last and last.state is bucket.state and last.end_s == bucket.first_s:
                found[-1] = Span(last.start_s, end_s, last.state)
            else:
                found.append(Span(bucket.first_s, end_s, bucket.state))
        return tuple(found)

    def points(self) -> tuple[Point, ...]:
        """One for each bucket that has a probability, in the order of time."""
        found: list[Point] = []
        joined = False
        for bucket, following in self._in_order():
            if bucket.low is None or bucket.high is None:
                joined = False
                continue
            middle = (bucket.first_s + bucket.last_s) / 2
            found.append(Point(middle, bucket.low, bucket.high, joined))
            joined = following is not None
        return tuple(found)

    def _in_order(self) -> Iterator[tuple[_Bucket, _Bucket | None]]:
        """Each bucket with the next one, or None where a gap or the end follows."""
        ordered = [self._buckets[key] for key in sorted(self._buckets)]
        for bucket, following in zip(ordered, [*ordered[1:], None], strict=True):
            gap = following is None or following.first_s - bucket.last_s > GAP_S
            yield bucket, None if gap else following

    def _halve(self) -> None:
        before, self._buckets = self._buckets, {}
        self._width_s *= 2
        for key, bucket in before.items():
            if key // 2 in self._buckets:
                self._buckets[key // 2].join(bucket)
            else:
                self._buckets[key // 2] = bucket


def _pick(which: Callable[[float, float], float], a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else which(a, b)
