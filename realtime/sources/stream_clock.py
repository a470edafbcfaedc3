"""When the pictures of a live stream were: on the stream's clock and by the wall."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Final

from av.packet import Packet
from av.video.stream import VideoStream

from realtime.sources.timeline import BACKWARD_JUMP_S, MIN_STEP_S
from realtime.types import WallClock

AHEAD_S: Final = 5.0
"""How much further than the time that really passed a stamp may be ahead of the last one."""
EARLIEST_WALL_S: Final = 946_684_800.0
"""2000-01-01: a camera whose clock was never set reports times before it, or none."""
_REFERENCE_TIME: Final = struct.Struct("=q")


class LiveTimeline:
    """Places every frame of one connection on a clock that starts at 0 and only grows.

    A frame's time is its stamp, counted from the stamp of the first frame that has one.
    ``frame_rate`` (frames a second), as the stream claims it, says how long before that a first
    frame without a stamp was, and nothing else. Broken promises are mended by the time of
    arrival, which cannot be far off in a live stream:

    - no stamp: as long after the last frame as it arrived after it;
    - a stamp that repeats the last one or lies less than `BACKWARD_JUMP_S` before it:
      `MIN_STEP_S` after the last frame, and later frames keep their own stamps;
    - a stamp further back, or ahead by `AHEAD_S` more than has passed since the last frame: as
      long after the last frame as it arrived after it, and the clock is moved so that later
      frames keep their distances.
    """

    def __init__(self, time_base: Fraction, frame_rate: float | None = None) -> None:
        self._base = time_base
        self._frame_s = 1 / frame_rate if frame_rate else None
        self._origin: int | None = None
        self._shift_s = 0.0
        self._last_s: float | None = None
        self._last_arrival = 0.0

    def place(self, stamp: int | None, arrival: float) -> float:
        """Seconds of the frame with ``stamp`` in units of the time base, that arrived at
        ``arrival`` seconds of a monotonic clock."""
        if self._last_s is None:
            self._origin = stamp
            time_s = 0.0
        else:
            time_s = self._mend(stamp, self._last_s, max(arrival - self._last_arrival, MIN_STEP_S))
            if time_s <= self._last_s:
                # Far out a float no longer resolves the step; grow all the same.
                time_s = max(self._last_s + MIN_STEP_S, math.nextafter(self._last_s, math.inf))
        self._last_s, self._last_arrival = time_s, arrival
        return time_s

    def at(self, stamp_s: float) -> float | None:
        """Where something else of the same connection is that carries ``stamp_s`` seconds; None
        before the first frame that has a stamp."""
        if self._origin is None:
            return None
        return stamp_s - float(self._origin * self._base) + self._shift_s

    def _mend(self, stamp: int | None, last_s: float, passed_s: float) -> float:
        if stamp is None:
            return last_s + passed_s
        if self._origin is None:
            # FFmpeg leaves the first stamp of RTSP out; what it gathered came at one time.
            self._origin, self._shift_s = stamp, last_s + (self._frame_s or passed_s)
            return self._shift_s
        # Whole-number division is rounded once, so equal stamps give equal floats.
        ticks = (stamp - self._origin) * self._base.numerator
        time_s = ticks / self._base.denominator + self._shift_s
        if -BACKWARD_JUMP_S < time_s - last_s < passed_s + AHEAD_S:
            return time_s
        self._shift_s += last_s + passed_s - time_s
        return last_s + passed_s


class Wall:
    """Unix times of frames, by the camera's clock as soon as its sender reports tell it.

    FFmpeg marks packets with the time that the newest sender report gives for their stamp; the
    start time of the container is the same by the first report, and known a little earlier.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._base = float(time_base)
        self._offset_s: float | None = None

    def note_start(self, start_us: int | None) -> None:
        """The Unix time of stamp 0 in microseconds, None if it is not known."""
        if self._offset_s is None and start_us is not None:
            self._take(start_us / 1e6, 0)

    def note_packet(self, packet: Packet[VideoStream]) -> None:
        """Learn from what FFmpeg has written beside the packet."""
        if packet.pts is not None and packet.has_sidedata("prft"):
            (wall_us,) = _REFERENCE_TIME.unpack_from(bytes(packet.get_sidedata("prft")))
            self._take(wall_us / 1e6, packet.pts)

    def when(self, stamp: int | None, arrival_s: float) -> tuple[float, WallClock]:
        """The Unix time of the frame with ``stamp`` that arrived at Unix time ``arrival_s``."""
        if stamp is None or self._offset_s is None:
            return arrival_s, WallClock.SYSTEM
        return self._offset_s + stamp * self._base, WallClock.RTCP

    def _take(self, wall_s: float, stamp: int) -> None:
        if wall_s >= EARLIEST_WALL_S:
            self._offset_s = wall_s - stamp * self._base
