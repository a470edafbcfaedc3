"""Witness: whether a face moves as one head in depth, and how smoothly.

What speaks is parallax alone: a photograph that is tilted before a camera moves as a plane. That
a head has depth proves nothing, as swapped and animated heads have it too. Smoothness, gaze and
jitter do not tell real from fake in the recordings we have, so that they are shown and no more.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from statistics import median
from typing import Final

import numpy as np

from realtime.cues import motion
from realtime.cues.base import Sighting
from realtime.cues.parallax import KEEP_S, Follower
from realtime.cues.pose import RIGID
from realtime.types import Cue

_MAX_LLR: Final = 1.0
_FLAT: Final = 0.65
"""Share of a head's parallax below which a face is suspected to be flat."""
_SLOPE: Final = 2.5
_STRETCHES: Final = (2, 4)
"""Turns of the head that are needed to say anything, and all that can be said."""
_LEAST_S: Final = 2.0
_WINDOW_S: Final = 10.0
_GAP_S: Final = 0.2
_EVEN_S: Final = 0.075
"""Frames further apart than this tell nothing of jitter; a head moves meanwhile."""
_MAX_YAW: Final = 50.0


def evidence(ratio: float, stretches: int) -> float:
    """Log-likelihood ratio of a flat picture, 0 to 1 nat; 0 from 0.65 of a head's parallax on."""
    weight = min(stretches / _STRETCHES[1], 1.0)
    return weight * min(max(_SLOPE * math.log(_FLAT / max(ratio, 1e-3)), 0.0), _MAX_LLR)


class HeadWitness:
    """Watches pose, gaze and depth of one track; its memory is that of 10 seconds."""

    name = "head"

    def __init__(self) -> None:
        self._follower = Follower()
        self._samples: deque[tuple[float, ...]] = deque()
        self._rigid: deque[tuple[float, motion.Array]] = deque(maxlen=3)
        self._jitter: deque[float] = deque(maxlen=150)
        self._watched = 0.0
        self._last: float | None = None
        self._why = "no head seen yet"

    def see(self, sighting: Sighting) -> None:
        """Take in one sighting."""
        pose, now = sighting.pose, sighting.time_s
        self._follower.see(sighting)
        self._why = _obstacle(sighting)
        if self._why or pose is None:
            self._last = None
            self._rigid.clear()
            return
        step = math.inf if self._last is None else now - self._last
        self._last = now
        if step > _GAP_S:
            self._samples.clear()
            self._rigid.clear()
        else:
            self._watched += step
        width = sighting.image.shape[1]
        while self._samples and now - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()
        if not self._samples or now - self._samples[-1][0] >= motion.STEP_S / 2:
            angles = (pose.yaw, pose.pitch, pose.roll)
            self._samples.append((now, *angles, *motion.gaze(sighting.landmarks, pose, width)))
        scale = pose.translation[2] / width
        self._rigid.append((now, sighting.landmarks[RIGID, :2].astype(np.float64) * scale))
        if len(self._rigid) == self._rigid.maxlen:
            (first, before), (_, middle), (last, after) = self._rigid
            if last - first <= 2 * _EVEN_S:
                self._jitter.append(motion.unevenness(before, middle, after))

    def cue(self, time_s: float) -> Cue:
        """The parallax of the last minute as a share of that of a head, and what else moves."""
        stretches = [s for s in self._follower.stretches if time_s - s.time_s <= KEEP_S]
        details = self._details()
        if why := self._silence(len(stretches)):
            return replace(Cue.silent(self.name, why, self._watched), details=details)
        ratio = math.exp(median(math.log(max(s.measured / s.predicted, 1e-3)) for s in stretches))
        llr = evidence(ratio, len(stretches))
        return Cue(
            self.name,
            ratio,
            llr,
            min(len(stretches) / (2 * _STRETCHES[1]), 1.0),
            self._watched,
            _words(ratio, llr),
            {**details, "turns": float(len(stretches))},
        )

    def _silence(self, stretches: int) -> str:
        if self._watched < _LEAST_S:
            return self._why or f"head watched for only {self._watched:.1f} s"
        if stretches < _STRETCHES[0]:
            return self._why or "the head hardly turned"
        return ""

    def _details(self) -> dict[str, float]:
        details: dict[str, float] = {}
        if self._samples:
            samples = np.array(self._samples)
            details = motion.movement(samples[:, 0], samples[:, 1:])
        if self._jitter:
            details["jitter"] = median(self._jitter)
        return details


def _obstacle(sighting: Sighting) -> str:
    if sighting.hidden:
        return "face hidden, turned away, too small or too blurred"
    if sighting.pose is None:
        return "no rigid head fits the landmarks"
    return "turned away" if abs(sighting.pose.yaw) > _MAX_YAW else ""


def _words(ratio: float, llr: float) -> str:
    if llr > 0:
        return f"moves like a flat picture: {100 * ratio:.0f} % of a head's parallax"
    return "turns as a head in depth" if ratio >= 1.0 else "depth of the head is unclear"
