"""Cumulative sums: when has a series left its own past?

Page, "Continuous Inspection Schemes", Biometrika 41, 1954. The past is the series' own first
seconds: their mean and spread are estimated and then kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_WIDER: Final = 4.0
"""A baseline of n independent values is uncertain by spread / sqrt(n); so many times that is added
to the spread, so that a short baseline is a tolerant one."""
_CAP: Final = 4.0
"""One wild value counts for no more than this many spreads."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """``started_s``: when the sum last left zero, so when the change began; ``up``: whether the
    series rose; ``size`` the sum in spreads times seconds.
    """

    started_s: float
    up: bool
    size: float


class Cusum:
    """Sums up, over time, how far a series lies above (or below) its own baseline.

    Args:
        baseline_s: seconds that the baseline is learnt from.
        least_s: from when on a shorter one will do.
        spread: the least spread, in the unit of the series.
        slack: deviations up to this many spreads are no change.
        limit: spreads times seconds from which there is an alarm.
        two_sided: whether a fall counts too.
    """

    def __init__(
        self,
        *,
        baseline_s: float = 20.0,
        least_s: float = 4.0,
        spread: float,
        slack: float = 1.0,
        limit: float = 3.0,
        two_sided: bool = False,
    ) -> None:
        if not (spread > 0 and limit > 0 and slack >= 0 and baseline_s >= least_s > 0):
            raise ValueError("spread, limit and times must be positive, least_s the shorter one")
        self._baseline_s, self._least_s = baseline_s, least_s
        self._floor, self._slack, self._limit = spread, slack, limit
        self._signs = (1.0, -1.0) if two_sided else (1.0,)
        self.reset()

    def reset(self) -> None:
        """Forget the baseline and the sums."""
        self._first: float | None = None
        self._last = -math.inf
        self._n, self._mean, self._squares = 0, 0.0, 0.0
        self._sums = [0.0 for _ in self._signs]
        self._since = [0.0 for _ in self._signs]

    @property
    def ready(self) -> bool:
        """Whether there is a baseline."""
        return self._first is not None and self._last - self._first >= self._least_s

    @property
    def mean(self) -> float:
        """Of the baseline; NaN before the first value."""
        return self._mean if self._n else math.nan

    @property
    def spread(self) -> float:
        """Of the baseline, never below the least, wider while the baseline is short."""
        own = math.sqrt(self._squares / self._n) if self._n else 0.0
        return max(own, self._floor) * (1 + _WIDER / max(self._n, 1))

    def take(self, time_s: float, value: float) -> Alarm | None:
        """Take in a value at ``time_s``, which grows; an alarm for as long as it holds.

        Values that are not finite, and times that do not grow, are passed over.
        """
        if not math.isfinite(value) or not time_s > self._last:
            return None
        step = min(time_s - self._last, 1.0) if self._n else 0.0
        if self._first is None:
            self._first = time_s
        self._last = time_s
        found: Alarm | None = None
        if self.ready:
            off = min(max((value - self._mean) / self.spread, -_CAP), _CAP)
            found = self._add(time_s, off, step)
        # What has raised an alarm is not learnt from; what might yet do so is.
        if found is None and time_s - self._first <= self._baseline_s:
            self._learn(value)
        return found

    def _learn(self, value: float) -> None:
        self._n += 1
        before = value - self._mean
        self._mean += before / self._n
        self._squares += before * (value - self._mean)

    def _add(self, time_s: float, off: float, step: float) -> Alarm | None:
        found: Alarm | None = None
        for i, sign in enumerate(self._signs):
            if self._sums[i] == 0.0:
                self._since[i] = time_s - step
            # Bounded, so that a return to the baseline is seen as soon as the change was.
            sum_ = self._sums[i] + (sign * off - self._slack) * step
            self._sums[i] = min(max(sum_, 0.0), 2 * self._limit)
            if self._sums[i] >= self._limit and (found is None or self._sums[i] > found.size):
                found = Alarm(self._since[i], sign > 0, self._sums[i])
        return found
