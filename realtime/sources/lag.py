"""How far a live stream is behind its camera, told from its stamps; pure, no clock in here.

A reader that cannot keep up does not see it by its own clock: every picture looks new when it
comes, and those that wait, wait in the buffers of sockets. But while stamps and this machine's
clock run equally fast, arrival less stamp is constant; what it exceeds its least value by is
how much later than the quickest this picture came.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from realtime.sources.stream_clock import AHEAD_S
from realtime.sources.timeline import BACKWARD_JUMP_S

WINDOW_S: Final = 60.0
"""The quickest of so long counts: clocks that differ by 0.1 % are apart by 0.06 s then."""
LEAST_S: Final = 0.3
"""No lag below this is made up for, whatever age is allowed: networks are uneven."""
NEAR: Final = 0.2
"""Share of the limit below which a stream has caught up."""
PROOF_S: Final = 0.2
"""How long it is read without decoding between two looks at whether that helps."""
GAIN: Final = 0.25
"""By so many seconds a second the lag must fall meanwhile, else nothing waits for us."""
HOLD_S: Final = 1.0
"""No longer than this nothing is decoded at all."""


class LagWatch:
    """Follows the packets of one connection, in the order in which they come.

    ``behind`` becomes true once a packet is later than the quickest of all by ``limit_s`` (at
    least `LEAST_S`): then packets should be read without decoding. It ends when they no longer
    are, after `HOLD_S`, or if reading does not help: then the way has become longer, or the
    camera's clock is slow or was stopped, which is no backlog and becomes the new measure. So do
    stamps that jump. For a clock that drifts by 0.1 % such a proof is due every few minutes.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = max(limit_s, LEAST_S)
        self.behind = False
        self._newest = 0.0
        self._arrival: float | None = None
        # Those that may yet be the least of the window: both columns grow.
        self._least: deque[tuple[float, float]] = deque()
        self._quickest = 0.0
        self._behind_since = 0.0
        self._look = (0.0, 0.0)

    def note(self, stamp_s: float, arrival: float) -> float:
        """The lag in seconds, 0 or more, of a packet.

        Args:
            stamp_s: when it is to be decoded or shown, in seconds on the stream's clock.
            arrival: when it was read, in seconds of a monotonic clock.
        """
        if self._arrival is None or self._jumps(stamp_s, arrival - self._arrival):
            self._forget()
            self._newest = stamp_s
        self._arrival = arrival
        # Pictures that others refer to come early; what counts is how far the stream is.
        self._newest = max(self._newest, stamp_s)
        offset = arrival - self._newest
        if not self._least:
            self._quickest = offset
        self._quickest = min(self._quickest, offset)
        # A reader that is too slow by less than the window forgets would never be noticed by it.
        late = offset - self._quickest
        if self.behind:
            self._catch_up(late, arrival)
        elif late > self.limit_s:
            self.behind, self._behind_since, self._look = True, arrival, (arrival, late)
        return offset - self._least_of(offset, arrival)

    def _catch_up(self, late: float, arrival: float) -> None:
        looked, before = self._look
        if late <= NEAR * self.limit_s or arrival - self._behind_since > HOLD_S:
            self.behind = False
        elif arrival - looked >= PROOF_S:
            self._look = (arrival, late)
            if before - late < GAIN * (arrival - looked):
                self._forget()
                self._quickest += late  # this packet is as quick as can be

    def _jumps(self, stamp_s: float, passed_s: float) -> bool:
        return not -BACKWARD_JUMP_S < stamp_s - self._newest < passed_s + AHEAD_S

    def _forget(self) -> None:
        self.behind = False
        self._least.clear()

    def _least_of(self, offset: float, arrival: float) -> float:
        """The least offset of the window, which ends with this one."""
        while self._least and self._least[-1][1] >= offset:
            self._least.pop()
        self._least.append((arrival, offset))
        while self._least[0][0] < arrival - WINDOW_S:
            self._least.popleft()
        return self._least[0][1]
