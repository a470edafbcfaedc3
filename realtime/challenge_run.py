"""One challenge of one source, safe between threads: results come in on one, orders on another."""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from realtime.challenge import WAIT_S, WORDS, Challenge
from realtime.challenge_types import (
    SPOKEN,
    Act,
    ChallengeReport,
    Phase,
    Progress,
    StepReport,
)
from realtime.challenge_view import View
from realtime.cues.active_light import FlashSequence
from realtime.types import FrameResult


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A challenge as it is now.

    ``number`` counts challenges from 1, 0 before the first. ``running`` is false before it, once
    it is over, and once it was stopped. ``person`` is the track that is asked, None for the
    largest face; ``lost`` says that nobody has taken its place since it ended.
    """

    number: int
    running: bool
    progress: Progress
    report: ChallengeReport
    acts: tuple[Act, ...]
    person: int | None
    lost: bool


_NOTHING: Final = Progress(Phase.OVER, None, None, None, ())
IDLE: Final = Snapshot(0, False, _NOTHING, ChallengeReport(()), (), None, False)


class ChallengeRun:
    """`see` every result; all else may be called from any thread.

    Nothing is asked for before `begin`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._view = View()
        self._number = 0
        self._stopped = True
        self._told = True
        self._epoch, self._last_s = 0, -math.inf
        self._frames = 0

    # What an operator asks for

    def begin(
        self,
        acts: Sequence[Act] = SPOKEN,
        person: int | None = None,
        *,
        wait_s: float = WAIT_S,
        words: Sequence[str] | None = None,
    ) -> None:
        """Ask that person, or the largest face, for these acts; ``words`` are drawn if not given.

        What an earlier challenge has found is given up.
        """
        drawn = secrets.SystemRandom().sample(WORDS, 4) if words is None else words
        with self._lock:
            self._challenge = Challenge(tuple(acts), tuple(drawn), wait_s)
            self._view = View(person)
            self._number += 1
            self._stopped = self._told = False
            self._frames = 0

    def forget(self) -> None:
        """Another run of the source begins: there was no challenge in it yet."""
        with self._lock:
            self._challenge, self._stopped, self._told = None, True, True
            self._epoch, self._last_s = 0, -math.inf
            self._frames = 0

    def stop(self) -> None:
        """Ask for nothing more; what was not asked for is unclear."""
        with self._lock:
            self._stopped = True

    def repeat(self, act: Act) -> None:
        """Ask for that act once more, now; an earlier failure is not forgotten by it."""
        with self._lock:
            if self._challenge is not None and act in self._challenge.acts:
                self._challenge.repeat(act)
                self._stopped = self._told = False

    def skip(self) -> None:
        """Leave the act that is asked for or comes next."""
        with self._lock:
            if self._challenge is not None and not self._stopped:
                self._challenge.skip()

    def ask_person(self, person: int | None) -> None:
        """Go on with that person, whom the tracker knows by another number now."""
        with self._lock:
            self._view = View(person)
            if self._challenge is not None and not self._challenge.over:
                self._challenge.begin_anew()

    def light_begins(self, now_s: float) -> None:
        """The first colour is on the screen, at ``now_s`` of the monotonic clock."""
        with self._lock:
            if self._challenge is not None:
                self._challenge.light_begins(now_s)

    def light_ends(self, shown: FlashSequence | None) -> None:
        """What was shown, as it was painted; None if it was broken off."""
        with self._lock:
            if self._challenge is not None:
                self._challenge.light_ends(shown)

    # What comes of it

    def see(self, result: FrameResult) -> StepReport | None:
        """Take in one result; the report of a step that ended with it."""
        frame = result.frame
        with self._lock:
            self._frames += 1
            challenge = self._challenge
            if frame.epoch != self._epoch:
                self._epoch, self._last_s = frame.epoch, -math.inf
                self._view.forget()
                if challenge is not None and not challenge.over:
                    challenge.begin_anew()
            if challenge is None or self._stopped or challenge.over:
                return None
            if frame.time_s <= self._last_s:
                return None
            self._last_s = frame.time_s
            seen = self._view.see(result, colours=challenge.wants_light)
            return challenge.take(seen)

    def snapshot(self) -> Snapshot:
        """As it is now."""
        with self._lock:
            challenge = self._challenge
            if challenge is None:
                return IDLE
            return Snapshot(
                self._number,
                not self._stopped and not challenge.over,
                challenge.progress(),
                challenge.report(),
                tuple(challenge.acts),
                self._view.person,
                self._view.lost,
            )

    @property
    def prompt(self) -> str | None:
        """What to say to the person now; None where nothing is asked for."""
        with self._lock:
            challenge = self._challenge
            return None if challenge is None or self._stopped else challenge.prompt

    def outcome(self, *, at_end: bool = False) -> tuple[ChallengeReport, int] | None:
        """The report and over how many frames, once for each challenge that is over or stopped.

        ``at_end`` of a run, one that is under way, too.
        """
        with self._lock:
            challenge = self._challenge
            if challenge is None or self._told:
                return None
            if not (at_end or self._stopped or challenge.over):
                return None
            self._told = True
            self._stopped = self._stopped or at_end
            frames, self._frames = self._frames, 0
            return challenge.report(), frames
