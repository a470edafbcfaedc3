"""Which state a probability asks for, and whether the changed copies of the crops agree.

Mirroring, compressing and shrinking make no real face fake and no fake real. A score that
changes with them hangs on something else than the face, and what it says is uncertain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from realtime.contract import Thresholds
from realtime.types import VIEWS, Score, VerdictState

_MAX_LOG_ODDS = 5.0
"""No single crop may count for more than this."""


def logistic(log_odds: float) -> float:
    """The probability that belongs to log-odds."""
    return 0.5 * (1.0 + math.tanh(log_odds / 2.0))


def bounded(log_odds: float) -> float:
    """What one crop may count for: at most 5 either way."""
    return min(_MAX_LOG_ODDS, max(-_MAX_LOG_ODDS, log_odds))


def state_for(
    probability: float, current: VerdictState, thresholds: Thresholds, hysteresis: float
) -> VerdictState:
    """The state that ``probability`` asks for, given the state held now.

    A state is entered at its threshold and left only ``hysteresis`` below it.
    """
    bounds = (
        (VerdictState.VERY_STRONG, thresholds.very_strong),
        (VerdictState.STRONG, thresholds.strong),
        (VerdictState.UNCERTAIN, thresholds.uncertain),
    )
    for state, bound in bounds:
        if probability >= bound - (hysteresis if current.rank >= state.rank else 0.0):
            return state
    return VerdictState.LITTLE_EVIDENCE


class ViewAverages:
    """What each view says, averaged over time, and where that contradicts the plain scores.

    Not every score has views. What is averaged is by how much a view differs from the score of
    the same crop, so that it plays no part which crops had them. Where all have, the result is
    the average of the view's own log-odds.
    """

    def __init__(self) -> None:
        self._sums = dict.fromkeys(VIEWS, 0.0)
        self._weight = 0.0
        self._held: dict[str, VerdictState] = {}

    def add(self, score: Score, weight: float, decay: float) -> None:
        """Take in the views of one score, if it has any; what was there fades by ``decay``."""
        for name in VIEWS:
            self._sums[name] *= decay
        self._weight *= decay
        if not score.views:
            return
        plain = bounded(score.log_odds)
        for name, view in zip(VIEWS, score.views, strict=True):
            self._sums[name] += weight * (bounded(view) - plain)
        self._weight += weight

    def probabilities(self, log_odds: float, trust: float) -> dict[str, float]:
        """Smoothed probability of fake of each view, empty if none was ever scored.

        ``log_odds`` is the average of the plain scores, ``trust`` the share of its weight that
        is not the prior's.
        """
        if self._weight == 0.0:
            return {}
        return {
            name: logistic(log_odds + trust * total / self._weight)
            for name, total in self._sums.items()
        }

    def forget(self) -> None:
        """Begin anew with the hysteresis; the averages stay."""
        self._held.clear()

    def against(
        self,
        wanted: VerdictState,
        probabilities: Mapping[str, float],
        thresholds: Thresholds,
        hysteresis: float,
    ) -> str | None:
        """The view that most contradicts ``wanted``, which the plain average asks for.

        A view contradicts strong evidence by asking for less, and little evidence by asking for
        strong. It enters and leaves a state at the same bounds as the plain average does.
        """
        self._held = {
            name: state_for(
                probability,
                self._held.get(name, VerdictState.NOT_ASSESSABLE),
                thresholds,
                hysteresis,
            )
            for name, probability in probabilities.items()
        }
        bar = VerdictState.STRONG.rank
        if wanted.rank >= bar:
            less = [name for name, state in self._held.items() if state.rank < bar]
            return min(less, key=probabilities.__getitem__, default=None)
        if wanted is VerdictState.LITTLE_EVIDENCE:
            more = [name for name, state in self._held.items() if state.rank >= bar]
            return max(more, key=probabilities.__getitem__, default=None)
        return None


def explain_view(name: str, plain: float, seen: float) -> str:
    """What a view changes, as one phrase with both probabilities."""
    digits = 2 if round(plain, 2) != round(seen, 2) else 3
    return f"the score changes from {plain:.{digits}f} to {seen:.{digits}f} when {name}"
