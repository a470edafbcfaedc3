"""How often pictures are taken of what does not say itself when it has changed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Pace:
    """When to take the next picture, ``rate_hz`` a second, without drift and without catching up.

    The moments lie on a grid from the first one on. Whoever is late for one takes it at once
    and leaves out those that have passed.
    """

    def __init__(self, rate_hz: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._period_s = 1 / rate_hz
        self._clock = clock
        self._due: float | None = None

    def delay_s(self) -> float:
        """Seconds to wait from now on, 0 or more; the next call is about the next moment."""
        now = self._clock()
        due = now if self._due is None else self._due
        if now > due:
            due += math.floor((now - due) / self._period_s) * self._period_s
        self._due = due + self._period_s
        return max(0.0, due - now)
