"""Witness: how often, how long, how completely and how evenly the eyes close.

A missing blink proves nothing for long: who reads blinks 4.5 times a minute, so that one in nine
half minutes has none. What the count says is therefore weighed slowly and within narrow bounds.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues.base import Sighting
from realtime.cues.eyes import BLINK_S, EYE_WIDTH, Blink, BlinkDetector, aperture
from realtime.types import Cue, FloatArray, Image

_MAX_LLR: Final = 0.7
_LEAST_S: Final = 10.0
"""Less time than this is no sample of how often somebody blinks."""
_SPEAKS_S: Final = (30.0, 90.0)
"""The evidence is worth nothing up to the first and all that it can be from the second on."""
_WINDOW_S: Final = 120.0
"""Only so much of the time that could be watched counts; what was before is forgotten."""
_MAX_YAW: Final = 35.0
_MIN_EYE_PX: Final = 12.0
_MIN_RATE_HZ: Final = 8.0
"""A blink lasts a fifth of a second; fewer frames step over it."""
_GAP_S: Final = 0.35
_CLOSED: Final = 0.35
"""Share of the open eye below which it is closed."""
_CLOSED_APERTURE: Final = 0.13
"""Eyes that are never further open than this were closed all the time; open ones have 0.2."""
_DARK: Final = 0.45
"""Lids and eye are this much darker than the cheek only behind dark glasses."""
_LOOK_EVERY_S: Final = 0.5
_LEAST_LOOKS: Final = 4

_RATES: Final = np.geomspace(0.1, 80.0, 97)
"""Blinks a minute."""


def _ranges(*spans: tuple[float, float]) -> NDArray[np.float64]:
    """Equal mixture of log-normal rates of which 95 % lie in each span."""
    log = np.log(_RATES)
    total = np.zeros_like(log)
    for low, high in spans:
        middle, width = math.log(low * high) / 2, math.log(high / low) / (2 * 1.96)
        density = np.exp(-0.5 * ((log - middle) / width) ** 2)
        total += density / density.sum()
    return np.asarray(total / len(spans))


# Rest, talk and reading. Bentivoglio et al. 1997 ("Analysis of blink rate patterns in normal
# subjects") give means of 17, 26 and 4.5 a minute, Doughty 2001 ("Consideration of three types of
# spontaneous eyeblink activity") lower ends of 8, 10.5 and 1.4; the upper ends fit both.
_REAL: Final = _ranges((8.0, 34.0), (10.5, 50.0), (1.4, 14.4))
_ANY: Final = np.full(len(_RATES), 1 / len(_RATES))
_AS_REAL: Final = 0.7
"""Share of fakes whose blinks are those of a person: of the driver, or learned."""


def evidence(blinks: int, seconds: float) -> float:
    """Log-likelihood ratio of fake against real for ``blinks`` in ``seconds`` of good view.

    Both are mixtures of Poisson processes: real people have the published rates, fakes either
    the same or any between one in ten minutes and 80 a minute, all equally likely in their
    logarithm. Bounded by log 0.7 and 0.7 nats; 0 before 30 s.
    """
    start, full = _SPEAKS_S
    ramp = min(max((seconds - start) / (full - start), 0.0), 1.0)
    expected = _RATES * max(seconds, 1.0) / 60
    log = blinks * np.log(expected) - expected
    likely = np.exp(log - log.max())
    real, other = float(likely @ _REAL), float(likely @ _ANY)
    ratio = math.log(_AS_REAL + (1 - _AS_REAL) * other / max(real, 1e-12))
    return ramp * min(max(ratio, -_MAX_LLR), _MAX_LLR) + 0.0  # not minus nothing


class BlinkWitness:
    """Counts the blinks of one track while its eyes can be seen."""

    name = "blink"

    def __init__(self) -> None:
        self._detector = BlinkDetector()
        self._blinks: deque[tuple[float, Blink]] = deque(maxlen=256)
        self._steps: deque[float] = deque(maxlen=60)
        self._dark: deque[bool] = deque(maxlen=20)
        self._looked = -math.inf
        self._last: float | None = None
        self._why = "no eyes seen yet"
        self._watched = 0.0
        self._closed_since: float | None = None
        self._closed_s = 0.0

    @property
    def blinks(self) -> tuple[Blink, ...]:
        """The newest ones, 256 at most."""
        return tuple(blink for _, blink in self._blinks)

    def see(self, sighting: Sighting) -> None:
        """Take in one sighting."""
        self._why = why = _obstacle(sighting)
        pose, now = sighting.pose, sighting.time_s
        if why or pose is None:
            self._last = None
            return
        width = sighting.image.shape[1]
        blink = self._detector.take(now, *aperture(sighting.landmarks, pose, width))
        step = math.inf if self._last is None else now - self._last
        self._last = now
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._dark.append(dark_glasses(sighting.image, sighting.landmarks))
        self._close(now, step)
        if step <= _GAP_S:
            self._steps.append(step)
            self._watched += 0.0 if self._closed_long(now) else step
        if blink is not None:
            self._blinks.append((self._watched, blink))

    def cue(self, time_s: float) -> Cue:
        """Blinks a minute over the last 120 s of good view."""
        seconds = min(self._watched, _WINDOW_S)
        count = sum(self._watched - at <= _WINDOW_S for at, _ in self._blinks)
        details = self._details(time_s, count, seconds)
        if why := self._silence():
            return replace(Cue.silent(self.name, why, self._watched), details=details)
        rate = 60 * count / seconds
        return Cue(
            self.name,
            rate,
            evidence(count, seconds),
            min(seconds / 60, 1.0),
            self._watched,
            self._text(rate, count, seconds),
            details,
        )

    def _close(self, now: float, step: float) -> None:
        closed = sum(self._detector.openness) / 2 < _CLOSED
        if not closed or step > _GAP_S:
            self._closed_since = now if closed else None
        elif self._closed_since is None:
            self._closed_since = now
        elif now - self._closed_since > BLINK_S:
            self._closed_s += step

    def _closed_long(self, now: float) -> bool:
        return self._closed_since is not None and now - self._closed_since > BLINK_S

    def _silence(self) -> str:
        """Why nothing can be said, empty if something can."""
        if len(self._dark) >= _LEAST_LOOKS and sum(self._dark) > len(self._dark) / 2:
            return "dark glasses"
        if self._watched < _LEAST_S:
            return self._why or f"eyes watched for only {self._watched:.1f} s"
        if median(self._steps) > 1 / _MIN_RATE_HZ:
            return "too few frames a second for blinks"
        baseline = self._detector.baseline
        if baseline is None or max(baseline) < _CLOSED_APERTURE:
            return "eyes closed all the time"
        return ""

    def _text(self, rate: float, count: int, seconds: float) -> str:
        if self._last is not None and self._closed_long(self._last):
            return "eyes closed or lowered now"
        if not count:
            return f"no blink in {seconds:.0f} s"
        length = median(blink.duration_s for _, blink in self._blinks)
        return f"{rate:.0f} blinks a minute, {1000 * length:.0f} ms each"

    def _details(self, time_s: float, count: int, seconds: float) -> Mapping[str, float]:
        details = {"blinks": float(count), "eyes_closed_s": self._closed_s}
        if seconds > 0:
            details["blinks_per_minute"] = 60 * count / seconds
        if self._detector.baseline is not None:
            details["open_eye_ratio"] = sum(self._detector.baseline) / 2
        if self._blinks:
            newest = [blink for _, blink in self._blinks]
            details |= {
                "duration_s": median(blink.duration_s for blink in newest),
                "completeness": median(blink.depth for blink in newest),
                "asymmetry": median(blink.asymmetry for blink in newest),
                "since_last_s": max(time_s - newest[-1].end_s, 0.0),
            }
        return details


def _obstacle(sighting: Sighting) -> str:
    """Why the eyes cannot be judged in this frame, empty if they can."""
    if sighting.pose is None:
        return "no rigid head fits the landmarks"
    if abs(sighting.pose.yaw) > _MAX_YAW:
        return "turned away too far to see both eyes"
    eye = EYE_WIDTH * sighting.image.shape[1] / sighting.pose.translation[2]
    if eye < _MIN_EYE_PX:
        return f"eyes of {eye:.0f} pixels are too small"
    return "face hidden, too dark or too blurred" if sighting.hidden else ""


_EYE_MIDDLES: Final = ((33, 133), (362, 263))
_CHEEKS: Final = (117, 346)


def dark_glasses(image: Image, landmarks: FloatArray) -> bool:
    """Whether the surroundings of both eyes are dark and even, against the cheeks.

    ``image`` is the whole frame; the patches are half as wide as an eye. An open eye has white
    and iris, a closed one skin; both are brighter or less even than glasses that hide them.
    """
    found = []
    for (a, b), cheek in zip(_EYE_MIDDLES, _CHEEKS, strict=True):
        side = max(float(np.linalg.norm(landmarks[a, :2] - landmarks[b, :2])) / 4, 1.0)
        eye = _patch(image, (landmarks[a, :2] + landmarks[b, :2]) / 2, side)
        skin = _patch(image, landmarks[cheek, :2], side)
        if eye is None or skin is None:
            return False
        level = float(np.median(skin))
        found.append(float(np.percentile(eye, 90)) < _DARK * level)
    return all(found)


def _patch(image: Image, middle: FloatArray, half: float) -> NDArray[np.uint8] | None:
    """Green of a square around ``middle`` (x, y), None where the frame has none of it."""
    x, y = (max(int(v), 0) for v in middle - half)
    patch = image[y : int(middle[1] + half) + 1, x : int(middle[0] + half) + 1, 1]
    return patch if patch.size else None
