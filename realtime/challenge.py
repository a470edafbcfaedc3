"""Challenges in a live call: asked for one after another, timed, and measured while they last.

No window, no thread and no clock but that of the observations in here. Live swaps are known to
break at profiles and under hands (Mittal et al., "GOTCHA: Real-Time Video Deepfake Detection via
Challenge-Response", EuroS&P 2024), but no such recordings were at hand: the limits below are set so
that real people pass, and have never been tried on a live swap. So "unclear" is what is said unless
an act was seen *and* measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from statistics import median, pstdev
from typing import Any, Final


class Act(str, Enum):
    """What is asked for."""

    LEFT = "profile_left"
    RIGHT = "profile_right"
    HAND = "hand"
    CHEEK = "cheek"
    CLOSER = "closer"
    PHRASE = "phrase"


class Outcome(str, Enum):
    """What is said of an act."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNCLEAR = "unclear"


WORDS: Final = (
    *("amber", "bridge", "copper", "delta", "ember", "forest", "garden", "harbour", "island"),
    *("jasmine", "kettle", "lantern", "meadow", "needle", "orchard", "pepper", "quartz", "river"),
    *("saddle", "timber", "umbrella", "velvet", "window", "yellow"),
)

_PROMPTS: Final = {
    Act.LEFT: "Please turn your head to your left until one ear is towards the camera.",
    Act.RIGHT: "Please turn your head to your right until one ear is towards the camera.",
    Act.HAND: "Please move an open hand slowly across your face, twice.",
    Act.CHEEK: "Please press a finger into one cheek.",
    Act.CLOSER: "Please stand up, or move close to the camera.",
    Act.PHRASE: "Please say: {words}.",
}

WAIT_S: Final = 12.0
REST_S: Final = 2.0
AFTER_S: Final = 1.5
"""A step is measured for so long after the act began to be seen, or for as long as it lasts."""
_LEAST_SCORES: Final = 3

PROFILE_DEG: Final = 35.0
COVERED: Final = 0.15
PRESSED: Final = 0.10
GROWN: Final = 1.3
MOUTH_MOVES: Final = 0.04
LOST_SHARE: Final = 0.5
"""Share of a step without landmarks from which they have broken down; a profile hides them too."""
RISE: Final = 3.0
JUMP: Final = 0.06


@dataclass(frozen=True, slots=True)
class Observed:
    """One frame. ``yaw`` degrees, positive to the viewer's right; ``size_px`` of the face;
    ``occlusion`` 0..1; ``cheeks`` logarithm of left cheek over right, ``mouth`` its opening in
    widths of the face; ``jump`` how far features moved against the rigid head since the frame
    before, in widths; ``log_odds`` of a score that is new. NaN where the landmarks were not found.
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


@dataclass(frozen=True, slots=True)
class StepReport:
    """One act: ``asked_s`` when it was asked for, ``after_s`` until it was seen, None if never."""

    act: Act
    prompt: str
    outcome: Outcome
    text: str
    asked_s: float
    after_s: float | None
    numbers: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ChallengeReport:
    """All steps. ``outcome`` is FAIL if one failed, PASS if all passed, else UNCLEAR."""

    steps: tuple[StepReport, ...]

    @property
    def outcome(self) -> Outcome:
        """Of the whole."""
        found = [step.outcome for step in self.steps]
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


@dataclass(slots=True)
class Challenge:
    """Asks for one act after another; `take` every frame, `report` at any time.

    ``words`` are those of the phrase; draw them with `secrets`.
    """

    acts: Sequence[Act] = (Act.LEFT, Act.RIGHT, Act.HAND, Act.CHEEK, Act.CLOSER, Act.PHRASE)
    words: Sequence[str] = WORDS[:4]
    wait_s: float = WAIT_S
    _done: list[StepReport] = field(default_factory=list)
    _rest: list[Observed] = field(default_factory=list)
    _during: list[Observed] = field(default_factory=list)
    _asked_s: float | None = None
    _seen_s: float | None = None

    @property
    def over(self) -> bool:
        """Whether every act was asked for."""
        return len(self._done) >= len(self.acts)

    @property
    def prompt(self) -> str | None:
        """What to say to the person now; None while they rest, and at the end."""
        if self.over or self._asked_s is None:
            return None
        return self._words(self.acts[len(self._done)])

    def take(self, seen: Observed) -> StepReport | None:
        """Take in one frame, at times that grow; the report of a step that ended with it."""
        if self.over:
            return None
        if self._asked_s is None:
            self._settle(seen)
            return None
        self._during.append(seen)
        act = self.acts[len(self._done)]
        if self._seen_s is None and performed(act, self._rest, self._during):
            self._seen_s = seen.time_s
        end = self._asked_s + self.wait_s if self._seen_s is None else self._seen_s + AFTER_S
        if seen.time_s < end:
            return None
        return self._end(act)

    def report(self) -> ChallengeReport:
        """What was asked for so far; what was not is unclear."""
        missing = [
            StepReport(act, self._words(act), Outcome.UNCLEAR, "not asked to the end", 0, None, {})
            for act in self.acts[len(self._done) :]
        ]
        return ChallengeReport((*self._done, *missing))

    def _words(self, act: Act) -> str:
        return _PROMPTS[act].format(words=" ".join(self.words))

    def _settle(self, seen: Observed) -> None:
        """Wait until a face was at rest for two seconds."""
        if not seen.found or abs(seen.yaw) > PROFILE_DEG / 2:
            self._rest.clear()
            return
        self._rest.append(seen)
        if seen.time_s - self._rest[0].time_s >= REST_S:
            self._asked_s, self._seen_s = seen.time_s, None
            self._during = []

    def _end(self, act: Act) -> StepReport:
        asked = self._asked_s or 0.0
        after = None if self._seen_s is None else self._seen_s - asked
        step = StepReport(
            act, self._words(act), *judged(act, self._rest, self._during, after), asked, after,
            artefacts(self._rest, self._during),
        )  # fmt: skip
        self._done.append(step)
        self._rest, self._during, self._asked_s = [], [], None
        return step


def performed(act: Act, rest: Sequence[Observed], during: Sequence[Observed]) -> bool:
    """Whether an act can be seen in the newest frames; the hand by its colour, which may fail."""
    now, before = during[-1], rest or during[:1]
    if not now.found:
        return act is Act.HAND and sum(not seen.found for seen in during[-5:]) >= 3
    if act in (Act.LEFT, Act.RIGHT):
        # The person's own left is to the viewer's right; a mirrored picture turns it around.
        side = 1.0 if act is Act.LEFT else -1.0
        return side * now.yaw >= PROFILE_DEG
    if act is Act.HAND:
        return now.occlusion - median(seen.occlusion for seen in before) >= COVERED
    if act is Act.CHEEK:
        facing = abs(now.yaw) < PROFILE_DEG / 2
        return facing and abs(now.cheeks - median(s.cheeks for s in before)) >= PRESSED
    if act is Act.CLOSER:
        return now.size_px >= GROWN * median(seen.size_px for seen in before)
    talk = [seen.mouth for seen in during if seen.found and now.time_s - seen.time_s <= 1.0]
    return len(talk) >= 5 and pstdev(talk) >= MOUTH_MOVES


def artefacts(rest: Sequence[Observed], during: Sequence[Observed]) -> dict[str, float | None]:
    """What came along with an act; None where too little was measured."""
    calm = [seen.log_odds for seen in rest if seen.log_odds is not None]
    scores = [seen.log_odds for seen in during if seen.log_odds is not None]
    jumps = sorted(seen.jump for seen in during if seen.found and math.isfinite(seen.jump))
    enough = len(calm) >= _LEAST_SCORES and len(scores) >= _LEAST_SCORES
    return {
        "lost_share": sum(not seen.found for seen in during) / max(len(during), 1),
        "score_rise": median(scores) - median(calm) if enough else None,
        "score_spread": pstdev(scores) if len(scores) >= _LEAST_SCORES else None,
        "jump": jumps[int(0.95 * (len(jumps) - 1))] if jumps else None,
    }


def judged(
    act: Act, rest: Sequence[Observed], during: Sequence[Observed], after_s: float | None
) -> tuple[Outcome, str]:
    """Outcome and one phrase. One odd number alone is no failure."""
    if after_s is None:
        return Outcome.UNCLEAR, "the act was not seen"
    numbers = artefacts(rest, during)
    rise, jump, lost = numbers["score_rise"], numbers["jump"], numbers["lost_share"] or 0.0
    if rise is None or jump is None:
        return Outcome.UNCLEAR, "too little could be measured during the act"
    odd = []
    if rise >= RISE:
        odd.append(f"the score rose by {rise:.1f}")
    if jump >= JUMP:
        odd.append(f"features jumped by {100 * jump:.0f} % of the face")
    if lost >= LOST_SHARE and act in (Act.CHEEK, Act.CLOSER, Act.PHRASE):
        odd.append("the features were lost")
    if len(odd) >= 2:
        return Outcome.FAIL, " and ".join(odd)
    return (Outcome.UNCLEAR, odd[0]) if odd else (Outcome.PASS, f"done after {after_s:.1f} s")
