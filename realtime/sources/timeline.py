"""From presentation time stamps to seconds that a reader can rely on."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

MIN_STEP_S: Final = 0.001
"""How long after its predecessor a frame is placed whose stamp is not later."""
BACKWARD_JUMP_S: Final = 1.0
"""A stamp this far before the last frame belongs to a clock that was set anew."""
FORWARD_JUMP_S: Final = 3600.0
"""So does a stamp this far behind it; slide shows and screen recordings pause for minutes."""
DEFAULT_FRAME_S: Final = 1 / 25
_PLAUSIBLE_RATE: Final = (1.0, 240.0)
_MAX_TICKS: Final = 2**62


class Timeline:
    """Places every frame of one stream on a clock that starts at 0 and only grows.

    A frame's time is its stamp, counted from the stamp of the first frame. Streams that break
    their promises are mended so that no frame is lost and time grows strictly:

    - no stamp: one frame duration after the last frame;
    - a stamp that repeats the last one or lies less than `BACKWARD_JUMP_S` before it:
      `MIN_STEP_S` after the last frame, and later frames keep their own stamps;
    - a stamp further back, or more than `FORWARD_JUMP_S` ahead (recordings joined end to end,
      a counter that overflowed): one frame duration after the last frame, and the clock is
      moved so that all later frames keep their distances.

    ``frame_rate`` (frames a second) is the container's claim; it only serves for mending.
    """

    def __init__(self, time_base: Fraction, frame_rate: float | None) -> None:
        low, high = _PLAUSIBLE_RATE
        plausible = frame_rate is not None and low <= frame_rate <= high
        self._frame_s = 1 / frame_rate if plausible and frame_rate else DEFAULT_FRAME_S
        self._base = time_base
        self._origin: int | None = None
        self._shift_s = 0.0
        self._last: float | None = None
        self._regular = True

    @property
    def regular(self) -> bool:
        """Whether a frame's place has so far followed from its own stamp alone.

        If not, a time can be found again only by counting from the first frame.
        """
        return self._regular

    def place(self, stamp: int | None) -> float:
        """Seconds of the next frame, whose stamp is in units of the time base."""
        time_s = self._mend(stamp)
        if self._last is not None and time_s <= self._last:
            # Beyond 2^53 ms a float no longer resolves the step; grow all the same.
            time_s = max(self._last + MIN_STEP_S, math.nextafter(self._last, math.inf))
        self._last = max(time_s, 0.0)
        return self._last

    def resume(self) -> None:
        """The next frame comes from elsewhere in the stream; its time need not be later."""
        self._last = None

    def restart(self) -> None:
        """The next frame is the first frame of all, again."""
        self._last = None
        self._origin = None

    def stamp(self, time_s: float) -> int:
        """The stamp nearest to ``time_s`` (may be infinite) on the stream's first clock."""
        limit = float(_MAX_TICKS * self._base)
        ticks = round(Fraction(min(max(time_s, -limit), limit)) / self._base)
        return min(max(ticks + (self._origin or 0), -_MAX_TICKS), _MAX_TICKS)

    def _mend(self, stamp: int | None) -> float:
        if stamp is None:
            self._regular = False
            return 0.0 if self._last is None else self._last + self._frame_s
        if self._origin is None:
            self._origin = stamp
            self._shift_s = 0.0 if self._last is None else self._last + self._frame_s
        # Whole-number division is rounded once, so equal stamps give equal floats.
        ticks = (stamp - self._origin) * self._base.numerator
        time_s = ticks / self._base.denominator + self._shift_s
        if self._last is None:
            return time_s
        if -BACKWARD_JUMP_S < time_s - self._last < FORWARD_JUMP_S:
            return time_s
        self._regular = False
        self._shift_s += self._last + self._frame_s - time_s
        return self._last + self._frame_s
