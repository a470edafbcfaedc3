"""Witness: a face that changed against its own past, as when a filter is switched on in a call.

Two ways lead to it. A *switch* is a step of the inner face from one picture to the next that its
surround does not share, after which score, shape or texture of the face stay where they were not
before. A *drift* is a cumulative sum (`realtime.cues.cusum`) of the score, or of what the other
witnesses say, against the track's own first 20 s.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from realtime.cues import change_statistics as statistics
from realtime.cues.base import Sighting
from realtime.cues.change_statistics import Vector
from realtime.cues.change_steps import CUT, Step, StepMeter
from realtime.cues.cusum import Alarm, Cusum
from realtime.types import Cue, Score

NAME: Final = "change"
MAX_LLR: Final = 2.0
HOLD_S: Final = 60.0
"""So long a change counts in full; over as long again it fades, for the past is then another."""

_LOOK_EVERY_S: Final = 0.12
_BEFORE_S: Final = 4.0
_AFTER_S: Final = 3.0
_LEAST_S: Final = 4.0
_STEP: Final = 0.2
_SHARP: Final = 4.0
_SHARPEST: Final = 1.2
_LIMIT: Final = 7.5
"""A step counts by its size, up to `_SHARPEST`, times `_SHARP`, with what stays different behind
it: a sharp step needs less of that, and what crept in over pictures more."""
_TURN: Final = 15.0
"""Degrees by which a head may have turned between what is compared."""
_MAX_YAW: Final = 35.0
_MOST: Final = 5.0
_RELIT: Final = 0.35
"""Logarithm of the brightness of the surround by which a room is lit anew."""

_SHAPE: Final = {
    "eyes": 0.012,
    "between_eyes": 0.023,
    "nose_length": 0.020,
    "nose_depth": 0.018,
    "eye_widths": 0.019,
}
_TEXTURE: Final = {"contrast": 0.085, "sharpness": 0.09, "fineness": 0.06}
_SCORE: Final = 0.7
"""How far each goes from one few seconds to the next in real recordings, root mean square."""
_SHAPE_AT: Final = [statistics.GEOMETRY.index(name) for name in _SHAPE]
_TEXTURE_AT: Final = [statistics.APPEARANCE.index(name) for name in _TEXTURE]


class ChangeWitness:
    """Keeps some seconds of numbers of one face, and the baselines of its first 20 s."""

    name = NAME

    def __init__(self) -> None:
        self._steps = StepMeter()
        self._seen: deque[tuple[float, float, Vector]] = deque(maxlen=128)
        self._scores: deque[tuple[float, float, Vector]] = deque(maxlen=64)
        self._yaw = 0.0
        self._candidates: deque[Step] = deque(maxlen=8)
        self._drifts = {
            "score": Cusum(least_s=8.0, spread=0.9, slack=1.25, limit=8.0),
            "heat": Cusum(least_s=8.0, spread=1.6, slack=1.25, limit=8.0),
            "witnesses": Cusum(least_s=8.0, spread=0.7, slack=1.25, limit=8.0),
        }
        self._change: tuple[float, float, str] | None = None
        self._first: float | None = None
        self._last = -math.inf
        self._looked = -math.inf
        self._cut_s: float | None = None
        self._light: float | None = None

    def see(self, sighting: Sighting) -> None:
        """Take in one sighting."""
        now = sighting.time_s
        if now - self._last > _BEFORE_S:
            self._restart()
        if sighting.hidden or abs(sighting.quality.yaw) > _MAX_YAW:
            self._steps.reset()
            return
        if self._first is None:
            self._first = now
        self._last, self._yaw = now, sighting.quality.yaw
        for step in self._steps.take(now, sighting.image, sighting.landmarks):
            if step.surround > CUT:
                self._cut_s = step.time_s
                self._restart()
                break
            if step.size > _STEP:
                self._candidates.append(step)
        if sighting.score is not None:
            self._hear_score(sighting.score)
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._look(sighting)

    def hear(self, time_s: float, cues: Sequence[Cue]) -> None:
        """Take in the sum of what the other witnesses say, against what they said before."""
        said = [cue.llr for cue in cues if cue.name != NAME and cue.assessable]
        if said and time_s - self._last <= 1.0:
            self._drift("witnesses", self._drifts["witnesses"].take(time_s, sum(said)))

    def cue(self, time_s: float) -> Cue:
        """The newest change; ``value`` is how many spreads it is wide, 0 for none."""
        self._decide(time_s)
        seconds = 0.0 if self._first is None else max(self._last - self._first, 0.0)
        if seconds < _LEAST_S and self._change is None:
            return Cue.silent(NAME, self._young(seconds), seconds)
        details = {} if self._cut_s is None else {"cut_at_s": round(self._cut_s, 3)}
        confidence = min(seconds / 20.0, 1.0)
        weight = self._weight(time_s)
        if self._change is None or weight <= 0:
            text = "nothing has changed in the face"
            return Cue(NAME, 0.0, 0.0, confidence, seconds, text, details)
        at, size, what = self._change
        details["changed_at_s"] = round(at, 3)
        llr = weight * min(MAX_LLR, 0.8 + 0.25 * size)
        return Cue(
            NAME,
            round(size, 2),
            llr,
            confidence,
            seconds,
            f"changed at {at:.1f} s: {what}",
            details,
        )

    def _young(self, seconds: float) -> str:
        why = f"watched for only {seconds:.0f} s"
        return why if self._cut_s is None else f"{why} since the picture was cut"

    def _weight(self, time_s: float) -> float:
        if self._change is None:
            return 0.0
        return min(max(2.0 - (time_s - self._change[0]) / HOLD_S, 0.0), 1.0)

    def _hear_score(self, score: Score) -> None:
        self._scores.append((score.time_s, self._yaw, np.array([score.log_odds])))
        self._drift("score", self._drifts["score"].take(score.time_s, score.log_odds))
        if score.cam is not None and score.cam.size:
            heat = float(np.quantile(score.cam, 0.9) + np.mean(score.cam)) / 2
            self._drift("heat", self._drifts["heat"].take(score.time_s, heat))

    def _drift(self, what: str, alarm: Alarm | None) -> None:
        if alarm is None:
            return
        words = {"score": "the classifier's score rose", "heat": "the heat map rose"}
        if self._change is None or self._weight(self._last) < 1.0:
            text = words.get(what, "the witnesses say otherwise than before")
            self._change = alarm.started_s, min(alarm.size, _MOST), text

    def _look(self, sighting: Sighting) -> None:
        shape = statistics.geometry(sighting.landmarks)[_SHAPE_AT]
        seen = statistics.appearance(sighting.image, sighting.landmarks)
        texture = np.full(len(_TEXTURE), np.nan) if seen is None else seen[_TEXTURE_AT]
        now = sighting.time_s
        self._seen.append((now, self._yaw, np.concatenate([shape, texture])))
        while now - self._seen[0][0] > _BEFORE_S + _AFTER_S + 2.0:
            self._seen.popleft()
        light = math.log(float(sighting.image[::16, ::16].mean()) + 4.0)
        if self._light is not None and abs(light - self._light) > _RELIT:
            for drift in self._drifts.values():
                drift.reset()
            self._candidates.clear()
            self._light = light
        self._light = light if self._light is None else 0.98 * self._light + 0.02 * light

    def _decide(self, time_s: float) -> None:
        while self._candidates and self._last - self._candidates[0].time_s >= _AFTER_S:
            step = self._candidates.popleft()
            size, what = self._shift(step.time_s)
            if size + _SHARP * min(step.size, _SHARPEST) <= _LIMIT:
                continue
            if self._change is None or self._weight(time_s) < 1.0 or size > self._change[1]:
                self._change = step.time_s, size, f"{what} of the inner face, at one stroke"

    def _shift(self, at: float) -> tuple[float, str]:
        """How far score, shape and texture moved around ``at``, in spreads, and what did most."""
        moved = _moved(self._seen, at)
        if moved is None:
            return 0.0, ""
        scale = np.array([*_SHAPE.values(), *_TEXTURE.values()])
        apart = np.clip(np.nan_to_num(moved / scale), -4.0, 4.0)
        rise = _moved(self._scores, at, least=2)
        parts = {
            "score": 0.0 if rise is None else float(np.clip(rise[0] / _SCORE, 0.0, _MOST)),
            "shape": float(np.sqrt((apart[: len(_SHAPE)] ** 2).mean())),
            "texture": float(np.sqrt((apart[len(_SHAPE) :] ** 2).mean())),
        }
        return sum(parts.values()), max(parts, key=lambda name: parts[name])

    def _restart(self) -> None:
        """After a cut or a pause: what is shown now has another past."""
        self._steps.reset()
        self._seen.clear()
        self._scores.clear()
        self._candidates.clear()
        for drift in self._drifts.values():
            drift.reset()
        self._first, self._light = None, None
        self._change = None


def _moved(seen: deque[tuple[float, float, Vector]], at: float, least: int = 5) -> Vector | None:
    """Mean of the seconds after ``at`` less that before, None without enough of both.

    ``seen`` holds times, yaw and values; those of a head that looked elsewhere are left out.
    """
    after = [(yaw, v) for t, yaw, v in seen if at - 0.02 <= t <= at + _AFTER_S]
    if not after:
        return None
    ahead = float(np.median([yaw for yaw, _ in after]))
    late = [v for yaw, v in after if abs(yaw - ahead) <= _TURN]
    early = [
        v for t, yaw, v in seen if at - _BEFORE_S <= t < at - 0.02 and abs(yaw - ahead) <= _TURN
    ]
    if len(early) < least or len(late) < least:
        return None
    with np.errstate(invalid="ignore"):
        return np.asarray(np.mean(late, axis=0) - np.mean(early, axis=0), np.float64)
