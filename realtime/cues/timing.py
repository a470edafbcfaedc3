"""Whether a file plays at another speed than it was filmed at, as far as its pictures tell.

Whoever slows footage down repeats pictures or stretches time stamps. Repeats that come regularly
leave a rate of different pictures, and stretched stamps a rate of all pictures, that no camera,
film or usual conversion has: 30 pictures a second at three quarters of the speed leave 22.5.
Speeds that lead from one usual rate to another (25 to 50, 30 to 15) cannot be seen, nor can
pictures that were blended or made up between others. 25 pictures a second at 0.9 are as many as 30
at 0.75: there the rate of the file decides. No face is suspected for any of it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

from realtime.cues.base import SAY_EVERY_S
from realtime.types import Cue, Frame

NAME: Final = "timing"
USUAL_HZ: Final = (8, 10, 12, 12.5, 15, 18, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)
"""Frames a second of cameras, films, television and what converts between them; 23.976 and the like
are within `_SAME`."""
_SAME: Final = 0.012
_SPEEDS: Final = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.1, 1.2, 1.25, 1.5, 1.75, 2.0)
_SIDE: Final = 32
_KEEP: Final = 1800
_NEEDS_S: Final = 4.0
_REPEATED: Final = 0.05
"""A picture that changes by less than this share of what is usual around it is a repeat."""
_STILL: Final = 0.15
"""Usual change in grey levels below which nothing moves."""
_REGULAR: Final = 0.6
"""Spread of the distances between repeats, as a share of their mean, that chance exceeds."""
_STEADY: Final = 0.25
"""Spread of the time between pictures, as a share of its median, of a constant rate."""


class TimingWatch:
    """Sees every picture of a file in small; used by one thread at a time."""

    def __init__(self) -> None:
        self._changes: deque[tuple[float, float]] = deque(maxlen=_KEEP)
        self._before: NDArray[np.float32] | None = None
        self._last: tuple[int, float] | None = None
        self._said: tuple[float, Cue] | None = None

    def look(self, frame: Frame) -> Cue:
        """Take in one picture; what is told by now, renewed twice a second."""
        self.see(frame)
        if self._said is None or not 0 <= frame.time_s - self._said[0] < SAY_EVERY_S:
            self._said = frame.time_s, self.cue()
        return self._said[1]

    def see(self, frame: Frame) -> None:
        """Take in one picture; a jump elsewhere begins anew."""
        grey = cv2.resize(frame.image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        small = np.asarray(grey, np.float32).mean(2)
        if self._last is not None and self._last[0] != frame.epoch:
            self._changes.clear()
            self._before, self._last = None, None
        if self._before is not None and self._last is not None:
            change = float(np.abs(small - self._before).mean())
            self._changes.append((frame.time_s - self._last[1], change))
        self._before, self._last = small, (frame.epoch, frame.time_s)

    def cue(self) -> Cue:
        """The speed that would explain the rates, 1 where nothing speaks against it."""
        steps = np.array([step for step, _ in self._changes])
        seconds = float(steps.sum()) if len(steps) else 0.0
        if seconds < _NEEDS_S:
            return Cue.silent(NAME, f"needs {_NEEDS_S:.0f} s of video", seconds)
        changes = np.array([change for _, change in self._changes])
        typical = float(np.median(steps))
        if steps.std() > _STEADY * typical:
            return Cue.silent(NAME, "pictures come at no constant rate", seconds)
        # High enough to be that of different pictures where two of three are repeats.
        usual = float(np.quantile(changes, 0.85))
        if not usual > _STILL:
            return Cue.silent(NAME, "hardly anything moves", seconds)
        rate = (len(steps)) / seconds
        around = percentile_filter(changes, 85, size=max(3, round(1.0 / typical)))
        repeated = changes < _REPEATED * around
        shown = rate * float(1.0 - repeated.mean()) if _regular(repeated) else rate
        return _judge(rate, shown, seconds)


def usual_rate(rate_hz: float) -> bool:
    """Whether cameras, films or their usual conversions have this rate."""
    return any(abs(rate_hz - usual) <= _SAME * usual for usual in USUAL_HZ)


def _regular(repeated: NDArray[np.bool_]) -> bool:
    """Whether repeats come at distances that chance does not give them."""
    gaps = np.diff(np.flatnonzero(repeated))
    return len(gaps) >= 4 and float(gaps.std()) <= _REGULAR * (float(gaps.mean()) - 0.5)


def _judge(rate: float, shown: float, seconds: float) -> Cue:
    details = {"rate_hz": round(rate, 3), "different_hz": round(shown, 3)}
    sure = min(1.0, seconds / 10.0)
    if usual_rate(shown):
        text = "plays at a usual rate"
        if shown < 0.97 * rate:
            text = f"{shown:.3g} pictures a second shown as {rate:.3g}, a usual conversion"
        return Cue(NAME, 1.0, 0.0, sure, seconds, text, details)
    # Of the rates that it may have been filmed at, first that at which the file plays.
    bases = sorted((30, 25, 24), key=lambda base: abs(base - rate) > _SAME * rate)
    fits = [s for base in bases for s in _SPEEDS if abs(shown / s - base) <= _SAME * base]
    if not fits:
        text = f"{shown:.3g} different pictures a second, an unusual rate"
        return Cue(NAME, 1.0, 0.0, 0.5 * sure, seconds, text, details)
    speed = fits[0]
    text = f"about {speed:g}× speed: {shown:.3g} different pictures a second, an unusual rate"
    return Cue(NAME, speed, 0.0, sure, seconds, text, details)
