"""How much work a live source is given, so that a machine that is too slow lags behind nowhere.

First the faces are scored less often, because that costs no face; if frames still come out old,
they are tracked less often as well. That too few are tracked is no reason for the latter: the
newest frame takes the place of the one before, which deals with that already. It goes down at once
and up again slowly, and after a rise that was too much the next is waited for twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from realtime.types import Load

WINDOW_S: Final = 1.0
"""How long is looked at before each decision."""
ENOUGH_HZ: Final = 6.0
"""A face that is tracked so often is followed well: a camera that delivers more may be skipped
through without anything being called too slow."""
KEPT: Final = 0.8
"""Share of the wanted rate below which the machine is not keeping up."""
AGE_SHARE: Final = 0.6
"""Share of the bound on frame age that nine frames in ten must stay below."""
EASY_SHARE: Final = 0.4
"""And below which there is room for more."""
RISE_AFTER_S: Final = 10.0
RISE_AFTER_MAX_S: Final = 160.0
SCORE_RATES_HZ: Final = (2.0, 1.0)
TRACK_RATES_HZ: Final = (15.0, 10.0, 7.0, 5.0, 3.0)


@dataclass(frozen=True, slots=True)
class Window:
    """What one source went through in the last ``seconds``.

    ``arrived`` and ``analysed`` are frames, ``ages_s`` the ages of the analysed ones when their
    result was ready, ``answer_s`` how long the scorer took to answer, 0 if it was not asked.
    """

    seconds: float
    arrived: int
    analysed: int
    ages_s: Sequence[float]
    answer_s: float = 0.0


class LoadControl:
    """Decides for one source; no clock in here, only the windows that it is given."""

    def __init__(self, score_rate_hz: float, max_age_s: float) -> None:
        lower = [rate for rate in SCORE_RATES_HZ if rate < score_rate_hz]
        slowest = lower[-1] if lower else score_rate_hz
        self._levels: list[tuple[float, float | None]] = [(score_rate_hz, None)]
        self._levels += [(rate, None) for rate in lower]
        self._last_of_scores = len(lower)
        self._levels += [(slowest, rate) for rate in TRACK_RATES_HZ]
        self._max_age_s = max_age_s
        self._level = 0
        self._easy_s = 0.0
        self._risen_s: float | None = None
        self._patience_s = RISE_AFTER_S
        self._answer_s = 0.0

    @property
    def load(self) -> Load:
        """What the source is to be given now.

        The score rate is never said to be more than the scorer can answer.
        """
        score_rate, track_rate = self._levels[self._level]
        possible = 1.0 / self._answer_s if self._answer_s > 0 else score_rate
        return Load(min(score_rate, possible), track_rate, self._level > 0 or possible < score_rate)

    @property
    def asked_hz(self) -> float:
        """Scores a second for each face that may be asked for."""
        return self._levels[self._level][0]

    def update(self, window: Window) -> Load:
        """Take in one window and decide; a source that delivered nothing says nothing."""
        self._answer_s = window.answer_s
        if window.arrived and window.seconds > 0:
            if self._risen_s is not None:
                self._risen_s += window.seconds
            if self._is_late(window):
                self._fall()
            elif self._is_easy(window):
                self._easy_s += window.seconds
                if self._level and self._easy_s >= self._patience_s:
                    self._level -= 1
                    self._easy_s = self._risen_s = 0.0
            else:
                self._easy_s = 0.0
        return self.load

    def _fall(self) -> None:
        if self._risen_s is not None and self._risen_s < self._patience_s:
            self._patience_s = min(2.0 * self._patience_s, RISE_AFTER_MAX_S)
        self._level = min(self._level + 1, len(self._levels) - 1)
        self._easy_s, self._risen_s = 0.0, None

    def _is_late(self, window: Window) -> bool:
        if _upper(window.ages_s) > AGE_SHARE * self._max_age_s:
            return True
        wanted = min(ENOUGH_HZ, window.arrived / window.seconds)
        too_few = window.analysed < KEPT * wanted * window.seconds - 1
        return too_few and self._level < self._last_of_scores

    def _is_easy(self, window: Window) -> bool:
        return _upper(window.ages_s) <= EASY_SHARE * self._max_age_s


def _upper(values: Sequence[float]) -> float:
    """What nine in ten stay below."""
    return sorted(values)[int(0.9 * (len(values) - 1))] if values else 0.0
