"""What the witnesses weigh beside the classifier: a bounded sum of log-likelihood ratios.

The weights are those of a logistic regression on held-out clips in which the classifier's
log-odds count once (`models.fusion`), so that witnesses which say the same share their weight. A
witness that is not assessable adds nothing, and all of them together never move the log-odds by
more than ``limit``: they can raise or settle a doubt and cannot make a verdict of their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from realtime.errors import ModelError
from realtime.redact import redact
from realtime.types import Cue

_SAYS_LEAST: Final = 0.1
"""Contributions below this are no reason that anybody should read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the witnesses add to the log-odds of one face, and why.

    ``reasons`` pairs the size of each contribution worth telling with its text, the weightiest
    first.
    """

    llr: float = 0.0
    reasons: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fusion:
    """``weights`` by the name of the witness, 0 for one that is only shown, and the ``limit``."""

    weights: Mapping[str, float]
    limit: float

    def evidence(self, cues: Sequence[Cue]) -> Evidence:
        """What these witnesses add up to."""
        parts = [
            (self.weights.get(cue.name, 0.0) * cue.llr, cue)
            for cue in cues
            if cue.assessable and math.isfinite(cue.llr)
        ]
        total = sum(part for part, _ in parts)
        told = sorted((p for p in parts if abs(p[0]) >= _SAYS_LEAST), key=lambda p: -abs(p[0]))
        return Evidence(
            min(self.limit, max(-self.limit, total)),
            tuple((abs(part), f"{cue.name}: {cue.text}") for part, cue in told),
        )


NOTHING: Final = Fusion({}, 0.0)
"""Witnesses are shown and move nothing."""


def read(path: Path) -> Fusion:
    """The weights in a JSON file.

    Raises:
        ModelError: if the file is missing or holds something else.
    """
    try:
        table: Any = json.loads(path.read_text("utf-8"))
        weights = {str(name): float(value) for name, value in table["weights"].items()}
        limit = float(table["limit"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The weights of the witnesses in {redact(path)} cannot be read; restore the file as "
            "it was published."
        ) from error
    if not all(math.isfinite(v) and 0 <= v <= 1 for v in weights.values()) or not 0 <= limit <= 5:
        raise ModelError(
            f"The weights of the witnesses in {redact(path)} must lie in 0 to 1 and their limit "
            "in 0 to 5; restore the file as it was published."
        )
    return Fusion(weights, limit)


@lru_cache(maxsize=1)
def built_in() -> Fusion:
    """The weights that come with the program; raises `ModelError` as `read` does."""
    import weights  # noqa: PLC0415 - found only when it is needed

    return read(weights.FUSION)
