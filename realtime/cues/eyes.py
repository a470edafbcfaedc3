"""How far the eyes of a face are open, and when they blink.

Pure functions and one small state over time; `blink` makes a witness of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues.base import HeadPose
from realtime.types import FloatArray

UPPER: Final = np.array([[160, 159, 158], [387, 386, 385]])
LOWER: Final = np.array([[144, 145, 153], [373, 374, 380]])
"""Landmarks of the lids that face each other; the eye on the viewer's left, then the other."""

EYE_WIDTH: Final = 0.187
"""Between the corners of an eye of the mean head (`pose.HEAD`), in widths of the face."""

BASELINE_S: Final = 30.0
"""What this person's open eyes are is learned from so many seconds."""
_BASELINE_SHARE: Final = 0.85
_LEARN_EVERY_S: Final = 1 / 15
_RELEARN_S: Final = 0.5

_BEFORE_S: Final = 0.4
"""Lids fall within a tenth of a second; how open they were is the most of this time."""
_FALL: Final = 0.25
"""A fall by this share of the person's open eye begins a closure."""
_RISE: Final = 0.4
"""Regaining this share of the fall ends it."""
_LEAST_RISE: Final = 0.15
BLINK_S: Final = 1.0
"""What lasts longer is a closed eye or a lowered gaze, not a blink."""
_BOTH: Final = 0.45
"""In a blink the eye that falls less does so by this share of the other one's fall."""
_GAP_S: Final = 0.35
"""After a longer pause between sightings nothing is known of what was before."""


def aperture(landmarks: FloatArray, pose: HeadPose, width: int) -> tuple[float, float]:
    """The eye aspect ratio of both eyes, the viewer's left first: about 0.3 open, 0 closed.

    After Soukupova and Cech 2016 ("Real-time eye blink detection using facial landmarks"):
    height of the lids' gap over the width of the eye. The height is that along the head's own
    vertical axis, so that it may become 0; the width is that of the rigid head at its distance,
    as a turned head would seem to have narrow eyes. ``width`` is that of the frame in pixels.
    """
    down = pose.rotation[:2, 1]
    gaps = (landmarks[LOWER, :2] - landmarks[UPPER, :2]).mean(axis=1) @ down
    eye = EYE_WIDTH * width / pose.translation[2]
    left, right = gaps / (eye * max(float(np.hypot(*down)), 0.5))
    return float(left), float(right)


@dataclass(frozen=True, slots=True)
class Blink:
    """One closure of both eyes.

    From ``start_s`` to ``end_s`` the lids were more than half way down; ``depth`` is how much
    of the open eye was closed (1 all), ``asymmetry`` by how much more the viewer's left eye
    closed than the right one, as a share of the depth.
    """

    start_s: float
    end_s: float
    depth: float
    asymmetry: float

    @property
    def duration_s(self) -> float:
        """How long it took."""
        return self.end_s - self.start_s


class BlinkDetector:
    """Finds blinks in the aperture of two eyes, by the time of each sample.

    A blink is a fall and a rise again within a second, against what the same eyes were just
    before. A gaze that is lowered, or eyes that are narrow, are thus none. Memory is bounded by
    `BASELINE_S`; samples come in the order of time.
    """

    def __init__(self) -> None:
        self._learned: deque[tuple[float, float, float]] = deque()
        self._baseline: NDArray[np.float64] | None = None
        self._learned_at = -np.inf
        self._recent: deque[tuple[float, float, float]] = deque()
        self._fall: list[tuple[float, float, float]] = []
        self._before: tuple[float, float] = (1.0, 1.0)
        self._last = -np.inf
        self.openness: tuple[float, float] = (1.0, 1.0)
        """Of both eyes in the newest sample, as a share of this person's open eyes."""

    @property
    def baseline(self) -> tuple[float, float] | None:
        """Aperture of this person's open eyes, None before the first sample."""
        return None if self._baseline is None else (self._baseline[0], self._baseline[1])

    def spread(self) -> float:
        """How much the aperture varies, as a share of the open eye: standard deviation."""
        if self._baseline is None:
            return 0.0
        values = np.array([v[1:] for v in self._learned]) / self._baseline
        return float(values.mean(axis=1).std())

    def take(self, time_s: float, left: float, right: float) -> Blink | None:
        """Take in one sample; the blink that it ends, if it ends one."""
        if time_s - self._last > _GAP_S:
            self._recent.clear()
            self._fall.clear()
        self._last = time_s
        baseline = self._learn(time_s, left, right)
        now = (time_s, left / baseline[0], right / baseline[1])
        self.openness = now[1:]
        if self._fall:
            return self._while_down(now)
        self._while_open(now)
        return None

    def _while_open(self, now: tuple[float, float, float]) -> None:
        recent = self._recent
        while recent and now[0] - recent[0][0] > _BEFORE_S:
            recent.popleft()
        if recent:
            top = max(recent, key=_mean)
            if _mean(top) - _mean(now) >= _FALL:
                self._before = top[1:]
                self._fall = [s for s in recent if s[0] >= top[0]] + [now]
        recent.append(now)

    def _while_down(self, now: tuple[float, float, float]) -> Blink | None:
        fall = self._fall
        fall.append(now)
        lowest = min(fall, key=_mean)
        depth = sum(self._before) / 2 - _mean(lowest)
        if _mean(now) >= _mean(lowest) + max(_RISE * depth, _LEAST_RISE):
            self._recent.clear()
            self._recent.append(now)
            self._fall = []
            return self._judge(fall, lowest)
        if now[0] - fall[0][0] > BLINK_S + _BEFORE_S:
            self._recent.clear()
            self._recent.append(now)
            self._fall = []
        return None

    def _judge(
        self, fall: list[tuple[float, float, float]], lowest: tuple[float, float, float]
    ) -> Blink | None:
        left, right = (b - low for b, low in zip(self._before, lowest[1:], strict=True))
        depth = (left + right) / 2
        half = sum(self._before) / 2 - depth / 2
        down = [i for i, s in enumerate(fall) if _mean(s) <= half]
        start = _crossing(fall[max(down[0] - 1, 0)], fall[down[0]], half)
        end = _crossing(fall[down[-1]], fall[min(down[-1] + 1, len(fall) - 1)], half)
        if end - start > BLINK_S or min(left, right) < _BOTH * max(left, right):
            return None
        return Blink(start, end, min(depth, 1.0), (left - right) / (left + right))

    def _learn(self, time_s: float, left: float, right: float) -> NDArray[np.float64]:
        learned = self._learned
        if not learned or time_s - learned[-1][0] >= _LEARN_EVERY_S - 5e-4:
            learned.append((time_s, left, right))
            while time_s - learned[0][0] > BASELINE_S:
                learned.popleft()
        if self._baseline is None or time_s - self._learned_at >= _RELEARN_S:
            values = np.sort(np.array([v[1:] for v in learned]), axis=0)
            at = round(_BASELINE_SHARE * (len(values) - 1))
            self._baseline = np.maximum(values[at], 0.05)
            self._learned_at = time_s
        return self._baseline


def _mean(sample: tuple[float, float, float]) -> float:
    return (sample[1] + sample[2]) / 2


def _crossing(a: tuple[float, float, float], b: tuple[float, float, float], level: float) -> float:
    """When the line between two samples crosses ``level``."""
    rise = _mean(b) - _mean(a)
    if abs(rise) < 1e-9:
        return b[0]
    return a[0] + (b[0] - a[0]) * min(max((level - _mean(a)) / rise, 0.0), 1.0)
