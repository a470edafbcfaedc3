"""Challenges in a live call: asked for one after another, timed, and measured while they last.

No window, no thread and no clock but that of the observations in here. Live swaps are known to
break at profiles and under hands (Mittal et al., "GOTCHA: Real-Time Video Deepfake Detection via
Challenge-Response", EuroS&P 2024), but no such recordings were at hand: the limits are set so
that real people pass, and have never been tried on a live swap. So "unclear" is what is said unless
an act was seen *and* measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from realtime.challenge_measures import (
    PROFILE_DEG,
    RISE,
    artefacts,
    gauge_of,
    hears,
    judged,
    lit,
    performed,
    with_voice,
)
from realtime.challenge_types import (
    SPOKEN,
    Act,
    ChallengeReport,
    Gauge,
    Observed,
    Outcome,
    Phase,
    Progress,
    StepReport,
)
from realtime.cues.active_light import MAX_DELAY_S, FlashSequence

__all__ = [
    "SPOKEN",
    "Act",
    "Challenge",
    "ChallengeReport",
    "Observed",
    "Outcome",
    "StepReport",
    "artefacts",
    "judged",
    "performed",
]

WORDS: Final = (
    *("amber", "bridge", "copper", "delta", "ember", "forest", "garden", "harbour", "island"),
    *("jasmine", "kettle", "lantern", "meadow", "needle", "orchard", "pepper", "quartz", "river"),
    *("saddle", "timber", "umbrella", "velvet", "window", "yellow"),
)

PROMPTS: Final = {
    Act.LEFT: "Please turn your head to your left until one ear is towards the camera.",
    Act.RIGHT: "Please turn your head to your right until one ear is towards the camera.",
    Act.HAND: "Please move an open hand slowly across your face, twice.",
    Act.CHEEK: "Please press a finger into one cheek.",
    Act.CLOSER: "Please stand up, or move close to the camera.",
    Act.PHRASE: "Please say: {words}.",
    Act.LIGHT: "Please look at the colours that I share on my screen, and keep still.",
}

WAIT_S: Final = 12.0
REST_S: Final = 2.0
AFTER_S: Final = 1.5
"""A step is measured for so long after the act began to be seen, or for as long as it lasts."""
SPEECH_S: Final = 6.0
"""The same where there is sound: lips and voice take five seconds to compare."""
_KEEP_S: Final = 5.0
"""So much is kept of a wait that has no end."""


@dataclass(slots=True)
class Challenge:
    """Asks for one act after another; `take` every frame, `report` at any time.

    ``words`` are those of the phrase; draw them with `secrets`. `Act.LIGHT` waits until
    `light_begins`, however long that takes, or until it is skipped.
    """

    acts: Sequence[Act] = SPOKEN
    words: Sequence[str] = WORDS[:4]
    wait_s: float = WAIT_S
    _todo: list[Act] = field(init=False)
    _done: list[StepReport] = field(default_factory=list)
    _rest: list[Observed] = field(default_factory=list)
    _during: list[Observed] = field(default_factory=list)
    _asked_s: float | None = None
    _seen_s: float | None = None
    _light_s: float | None = None
    _light: FlashSequence | None = None
    _light_over: bool = False

    def __post_init__(self) -> None:
        self._todo = list(self.acts)

    @property
    def over(self) -> bool:
        """Whether every act was asked for."""
        return not self._todo

    @property
    def act(self) -> Act | None:
        """What is asked for, or comes next; None at the end."""
        return self._todo[0] if self._todo else None

    @property
    def prompt(self) -> str | None:
        """What to say to the person now; None while they rest, and at the end."""
        if self.over or self._asked_s is None:
            return None
        return self._words(self._todo[0])

    def take(self, seen: Observed) -> StepReport | None:
        """Take in one frame, at times that grow; the report of a step that ended with it."""
        act = self.act
        if act is None:
            return None
        if self._asked_s is None:
            self._settle(seen)
            return None
        self._during.append(seen)
        if self._seen_s is None:
            self._look(act, seen)
        end = self._ends_s(act)
        if act is Act.LIGHT and self._light_over and seen.captured_s >= self._lit_until:
            return self._end(act)
        return self._end(act) if end is not None and seen.time_s >= end else None

    def progress(self) -> Progress:
        """Where it is, as of the frame that was taken last."""
        act = self.act
        if act is None:
            return Progress(Phase.OVER, None, None, None, ())
        if self._asked_s is None:
            rested = self._rest[-1].time_s - self._rest[0].time_s if self._rest else 0.0
            return Progress(Phase.REST, act, None, max(0.0, REST_S - rested), ())
        phase = Phase.ASKED if self._seen_s is None else Phase.SEEN
        end = self._ends_s(act)
        now = self._during[-1].time_s if self._during else self._asked_s
        left = None if end is None else max(0.0, end - now)
        return Progress(phase, act, self.prompt, left, self._gauges(act))

    def report(self) -> ChallengeReport:
        """What was asked for so far; what was not is unclear."""
        asked = {step.act for step in self._done}
        missing = [
            StepReport(act, self._words(act), Outcome.UNCLEAR, "not asked to the end", 0, None, {})
            for act in self.acts
            if act not in asked
        ]
        return ChallengeReport((*self._done, *missing))

    # What an operator may do in between

    def repeat(self, act: Act) -> None:
        """Ask for this act next; what is asked for now comes after it."""
        if not self._todo or self._todo[0] is not act:
            self._todo.insert(0, act)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Ask once more for what is asked for now, after a rest: the face was out of sight."""
        self._rest, self._during = [], []
        self._asked_s = self._seen_s = self._light_s = self._light = None
        self._light_over = False

    def skip(self) -> StepReport | None:
        """Leave the step that is asked for, or comes next; None at the end."""
        act = self.act
        if act is None:
            return None
        return self._close(act, Outcome.UNCLEAR, "left out", None, {})

    def light_begins(self, now_s: float) -> None:
        """The first colour is on the screen, at ``now_s`` of the monotonic clock."""
        if self.act is Act.LIGHT and self._asked_s is not None:
            last = self._during[-1].time_s if self._during else self._asked_s
            self._light_s, self._seen_s = now_s, last
            self._light, self._light_over = None, False
            self._during = self._during[-1:]

    def light_ends(self, shown: FlashSequence | None) -> None:
        """What was shown, with the times at which it really was; None if it was broken off."""
        if self._light_s is not None:
            self._light, self._light_over = shown, True

    @property
    def wants_light(self) -> bool:
        """Whether colours have to be measured on the face now."""
        return self.act is Act.LIGHT and self._light_s is not None

    # The steps

    def _words(self, act: Act) -> str:
        return PROMPTS[act].format(words=" ".join(self.words))

    def _settle(self, seen: Observed) -> None:
        """Wait until a face was at rest for two seconds."""
        if not seen.found or abs(seen.yaw) > PROFILE_DEG / 2:
            self._rest.clear()
            return
        self._rest.append(seen)
        if seen.time_s - self._rest[0].time_s >= REST_S:
            self._asked_s, self._seen_s = seen.time_s, None
            self._during = []

    def _look(self, act: Act, seen: Observed) -> None:
        if act is Act.LIGHT:
            while seen.time_s - self._during[0].time_s > _KEEP_S:
                self._during.pop(0)
        elif performed(act, self._rest, self._during):
            self._seen_s = seen.time_s

    def _ends_s(self, act: Act) -> float | None:
        """When the step ends, on the clock of the frames; None if nobody knows."""
        if self._asked_s is None or act is Act.LIGHT:
            return None
        if self._seen_s is None:
            return self._asked_s + self.wait_s
        spoken = act is Act.PHRASE and any(hears(seen) for seen in self._during[-5:])
        return self._seen_s + (SPEECH_S if spoken else AFTER_S)

    @property
    def _lit_until(self) -> float:
        """When the last of the light can have come back, monotonic."""
        shown = 0.0 if self._light is None else self._light.seconds + MAX_DELAY_S
        return (self._light_s or 0.0) + shown

    def _gauges(self, act: Act) -> tuple[Gauge, ...]:
        if not self._during:
            return ()
        numbers = artefacts(self._rest, self._during)
        lost = numbers["lost_share"] or 0.0
        return (
            gauge_of(act, self._rest, self._during),
            Gauge("rise of the score", numbers["score_rise"], RISE),
            Gauge("pictures without features", 100 * lost, None, "%"),
        )

    def _end(self, act: Act) -> StepReport:
        asked = self._asked_s or 0.0
        after = None if self._seen_s is None else self._seen_s - asked
        numbers = artefacts(self._rest, self._during)
        if act is Act.LIGHT:
            outcome, text, more = lit(self._during, self._light, self._light_s or 0.0)
        else:
            outcome, text = judged(act, self._rest, self._during, after)
            more = {}
            if act is Act.PHRASE and after is not None:
                outcome, text, more = with_voice(outcome, text, self._during)
        return self._close(act, outcome, text, after, {**numbers, **more})

    def _close(
        self,
        act: Act,
        outcome: Outcome,
        text: str,
        after_s: float | None,
        numbers: dict[str, float | None],
    ) -> StepReport:
        attempt = 1 + sum(step.act is act for step in self._done)
        step = StepReport(
            act, self._words(act), outcome, text, self._asked_s or 0.0, after_s, numbers, attempt
        )
        self._done.append(step)
        del self._todo[0]
        self.begin_anew()
        return step
