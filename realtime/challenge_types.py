"""What a challenge consists of: acts, what is seen of a person, and what is said of a step."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final

from realtime.types import Cue

Colour = tuple[float, float, float]
"""Blue, green and red, 0 to 255."""


class Act(str, Enum):
    """What is asked for."""

    LEFT = "profile_left"
    RIGHT = "profile_right"
    HAND = "hand"
    CHEEK = "cheek"
    CLOSER = "closer"
    PHRASE = "phrase"
    LIGHT = "active_light"


SPOKEN: Final = (Act.LEFT, Act.RIGHT, Act.HAND, Act.CHEEK, Act.CLOSER, Act.PHRASE)
"""What can be asked for without a window of ours that the person sees."""


class Outcome(str, Enum):
    """What is said of an act."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNCLEAR = "unclear"


class Phase(str, Enum):
    """Where a challenge is."""

    REST = "rest"
    """A face has to be at rest, turned to the camera, before the next act is asked for."""
    ASKED = "asked"
    SEEN = "seen"
    """The act began to be seen, or the colours are shown; it is measured on."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Observed:
    """One frame. ``yaw`` degrees, positive to the viewer's right; ``size_px`` of the face;
    ``occlusion`` 0..1; ``cheeks`` logarithm of left cheek over right, ``mouth`` its opening in
    widths of the face; ``jump`` how far features moved against the rigid head since the frame
    before, in widths; ``log_odds`` of a score that is new. NaN where the landmarks were not found.

    ``lips`` is what the witness of lips and voice says, None where there is none. ``captured_s``
    is when the frame was captured, monotonic; ``skin`` and ``behind`` are mean colours of the
    face and of what is behind it, None where nobody asked for them.
    """

    time_s: float
    found: bool
    yaw: float = math.nan
    size_px: float = math.nan
    occlusion: float = math.nan
    cheeks: float = math.nan
    mouth: float = math.nan
    jump: float = math.nan
    log_odds: float | None = None
    lips: Cue | None = None
    captured_s: float = math.nan
    skin: Colour | None = None
    behind: Colour | None = None


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is measured at this moment: ``value`` in ``unit``, None where it cannot be;
    ``needed`` is from where on the act counts as seen, None where nothing is waited for."""

    name: str
    value: float | None
    needed: float | None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """``act`` is the one that is asked for or comes next. ``left_s`` is until the phase ends by
    itself at the latest, None if it does not."""

    phase: Phase
    act: Act | None
    prompt: str | None
    left_s: float | None
    gauges: tuple[Gauge, ...]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One act: ``asked_s`` when it was asked for, ``after_s`` until it was seen, None if never.

    ``attempt`` counts from 1 how often it was asked for.
    """

    act: Act
    prompt: str
    outcome: Outcome
    text: str
    asked_s: float
    after_s: float | None
    numbers: dict[str, float | None]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class ChallengeReport:
    """All steps in the order in which they ended, those that were repeated too.

    ``outcome`` is FAIL if one failed, PASS if all passed, else UNCLEAR. Of an act that was
    repeated the last attempt counts, but a failure that it does not confirm leaves it unclear.
    """

    steps: tuple[StepReport, ...]

    def outcome_of(self, act: Act) -> Outcome | None:
        """Of one act over all its attempts, None if it is none of the steps."""
        found = [step.outcome for step in self.steps if step.act is act]
        if not found:
            return None
        taken_back = found[-1] is Outcome.PASS and Outcome.FAIL in found
        return Outcome.UNCLEAR if taken_back else found[-1]

    @property
    def outcome(self) -> Outcome:
        """Of the whole."""
        found = [self.outcome_of(act) for act in {step.act for step in self.steps}]
        if Outcome.FAIL in found:
            return Outcome.FAIL
        done = found and all(outcome is Outcome.PASS for outcome in found)
        return Outcome.PASS if done else Outcome.UNCLEAR

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        steps = [{**asdict(s), "act": s.act.value, "outcome": s.outcome.value} for s in self.steps]
        return {"outcome": self.outcome.value, "steps": steps}

    def as_json(self) -> str:
        """One line."""
        return json.dumps(self.as_dict(), allow_nan=False)
