"""When an act counts as seen, what came along with it, and what is said of that. Plain functions.

The limits are set so that real people pass; no recording of a live swap was at hand to try them on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median, pstdev
from typing import Final

import numpy as np

from realtime.challenge_types import Act, Gauge, Observed, Outcome
from realtime.cues.active_light import FlashSequence, response
from realtime.cues.lipsync import UNRELATED

Numbers = dict[str, float | None]

PROFILE_DEG: Final = 35.0
COVERED: Final = 0.15
PRESSED: Final = 0.10
GROWN: Final = 1.3
MOUTH_MOVES: Final = 0.04
LOST_SHARE: Final = 0.5
"""Share of a step without landmarks from which they have broken down; a profile hides them too."""
RISE: Final = 3.0
JUMP: Final = 0.06
_LEAST_SCORES: Final = 3
_TALK_S: Final = 1.0

NO_SOUND: Final = "no sound"
NO_VOICE: Final = ("silence", "noise, no voice", "sound without pauses, such as music")
"""What the witness of lips and voice says of sound that is there and has no voice in it."""


def performed(act: Act, rest: Sequence[Observed], during: Sequence[Observed]) -> bool:
    """Whether an act can be seen in the newest frames; the hand by its colour, which may fail."""
    if not during[-1].found:
        return act is Act.HAND and sum(not seen.found for seen in during[-5:]) >= 3
    gauge = gauge_of(act, rest, during)
    return gauge.value is not None and gauge.needed is not None and gauge.value >= gauge.needed


def gauge_of(act: Act, rest: Sequence[Observed], during: Sequence[Observed]) -> Gauge:
    """What an act is told by, now; ``during`` is not empty."""
    now, before = during[-1], rest or during[:1]
    calm = _Calm(before)
    if act is Act.LIGHT:
        lit = sum(seen.skin is not None for seen in during)
        return Gauge("pictures of the lit face", float(lit), None)
    if not now.found:
        return Gauge(_GAUGES[act][0], None, *_GAUGES[act][1:])
    value: float | None
    if act in (Act.LEFT, Act.RIGHT):
        # The person's own left is to the viewer's right; a mirrored picture turns it around.
        value = now.yaw if act is Act.LEFT else -now.yaw
    elif act is Act.HAND:
        value = 100 * (now.occlusion - calm.of("occlusion"))
    elif act is Act.CHEEK:
        facing = abs(now.yaw) < PROFILE_DEG / 2
        value = 100 * abs(now.cheeks - calm.of("cheeks")) if facing else None
    elif act is Act.CLOSER:
        value = 100 * (now.size_px / calm.of("size_px") - 1)
    else:
        talk = [s.mouth for s in during if s.found and now.time_s - s.time_s <= _TALK_S]
        value = 100 * pstdev(talk) if len(talk) >= 5 else None
    if value is not None and not math.isfinite(value):
        value = None
    return Gauge(_GAUGES[act][0], value, *_GAUGES[act][1:])


_GAUGES: Final = {
    Act.LEFT: ("turn of the head to their left", PROFILE_DEG, "°"),
    Act.RIGHT: ("turn of the head to their right", PROFILE_DEG, "°"),
    Act.HAND: ("part of the face that is covered", 100 * COVERED, "%"),
    Act.CHEEK: ("one cheek against the other", 100 * PRESSED, "%"),
    Act.CLOSER: ("growth of the face", 100 * (GROWN - 1), "%"),
    Act.PHRASE: ("movement of the mouth", 100 * MOUTH_MOVES, "%"),
}


class _Calm:
    """What was usual before the act."""

    def __init__(self, rest: Sequence[Observed]) -> None:
        self._rest = rest

    def of(self, name: str) -> float:
        """The median of one number, NaN without any."""
        found = [getattr(seen, name) for seen in self._rest if seen.found]
        return median(found) if found else math.nan


def artefacts(rest: Sequence[Observed], during: Sequence[Observed]) -> Numbers:
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


def hears(seen: Observed) -> bool:
    """Whether there is sound beside the pictures."""
    return seen.lips is not None and not seen.lips.text.endswith(NO_SOUND)


def with_voice(
    outcome: Outcome, text: str, during: Sequence[Observed]
) -> tuple[Outcome, str, Numbers]:
    """What was said of a phrase by the mouth, and what the voice adds to it.

    A voice that was not heard, or does not go with the mouth, takes a *pass* away. One that goes
    with it adds nothing, since forgeries that a voice drives go with it as well as people do.
    """
    heard = [seen.lips for seen in during if seen.lips is not None and hears(seen)]
    if not heard:
        return outcome, f"{text}; without sound, by the mouth alone", {}
    spoke = [cue for cue in heard if cue.assessable]
    if spoke:
        last = spoke[-1]
        numbers: Numbers = {"voice": last.value, "voice_lag_ms": last.details.get("lag_ms")}
        if outcome is Outcome.PASS and last.value is not None and last.value < UNRELATED:
            return Outcome.UNCLEAR, f"the mouth moved, but {last.text}", numbers
        return outcome, f"{text}; {last.text}", numbers
    why = heard[-1].text.removeprefix("not assessable: ")
    if why in NO_VOICE and outcome is Outcome.PASS:
        return Outcome.UNCLEAR, f"the mouth moved, but no voice was heard ({why})", {}
    return outcome, f"{text}; the voice could not be judged ({why})", {}


def lit(
    during: Sequence[Observed], shown: FlashSequence | None, begin_s: float
) -> tuple[Outcome, str, Numbers]:
    """Whether the face took on the colours that were ``shown`` from ``begin_s`` (monotonic) on.

    No answer is unclear and never a failure: daylight hides the light of a screen.
    """
    if shown is None:
        return Outcome.UNCLEAR, "the colours were not shown to the end", {}
    seen = [one for one in during if one.skin is not None]
    if not seen:
        return Outcome.UNCLEAR, "the face was not in view while the colours were shown", {}
    times = np.array([one.captured_s - begin_s for one in seen])
    # A stream's own clock may step back; what is compared has to grow.
    keep = np.concatenate(([True], times[1:] > np.maximum.accumulate(times)[:-1]))
    face = np.array([one.skin for one in seen], np.float64)[keep]
    nothing = (math.nan,) * 3
    behind = np.array([one.behind or nothing for one in seen], np.float64)[keep]
    found = response(times[keep], face, shown, background_bgr=behind)
    numbers: Numbers = {
        "light_correlation": found.correlation,
        "light_delay_s": found.delay_s,
        "light_p": found.p_value,
    }
    return (Outcome.PASS if found.answered else Outcome.UNCLEAR), found.text, numbers
