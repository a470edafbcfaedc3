"""Packets between a connection and its decoder: none as a rule, some while it is behind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from av.packet import Packet
from av.video.stream import VideoStream

from realtime.sources.h264 import GapWatch
from realtime.sources.lag import LagWatch


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A packet and when it came.

    ``captured`` is that of ``time.monotonic()``, less what it came later than the quickest.
    ``torn``: itself or one before it is damaged or missing. ``restart``: the decoder has not
    seen what came before.
    """

    packet: Packet[VideoStream]
    captured: float
    torn: bool
    restart: bool = False


class Backlog:
    """Gathers packets while the stream is behind, and keeps those that are still of use.

    The newest picture needs those since the last key frame that others refer to, and none before:
    ``skipped`` is how many were thrown away. ``watch`` is None for a stream whose stamps say
    nothing of how late it is, ``gaps`` for one that does not say what was lost.
    """

    def __init__(self, watch: LagWatch | None, gaps: GapWatch | None) -> None:
        self.skipped = 0
        self._watch = watch
        self._gaps = gaps
        self._packets: deque[Arrived] = deque()

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def limit_s(self) -> float:
        """Pictures older than this need not be shown while newer ones wait."""
        return float("inf") if self._watch is None else self._watch.limit_s

    def put(self, packet: Packet[VideoStream], arrival: float) -> None:
        """Take in the next packet, which came at ``arrival``."""
        # Those that will be skipped are looked at as well: they are not lost.
        torn = packet.is_corrupt or (self._gaps is not None and self._gaps.missed(bytes(packet)))
        needed = self._gaps is None or self._gaps.needed
        lag_s, restart = self._lag_of(packet, arrival), False
        if self._watch is not None and self._watch.behind:
            if packet.is_keyframe and self._packets:
                self.drop()
                restart = True
            elif not needed and not torn:
                self.skipped += 1
                return
        self._packets.append(Arrived(packet, arrival - lag_s, torn, restart))

    def take(self, *, all_came: bool = False) -> Arrived | None:
        """The next to be decoded; None while there is none or more should be read first."""
        waits = self._watch is not None and self._watch.behind and not all_came
        return None if waits or not self._packets else self._packets.popleft()

    def drop(self) -> None:
        """Throw away what is here."""
        self.skipped += len(self._packets)
        self._packets.clear()

    def _lag_of(self, packet: Packet[VideoStream], arrival: float) -> float:
        # In the order of decoding, where it is known, time grows evenly.
        stamp = packet.pts if packet.dts is None else packet.dts
        if self._watch is None or stamp is None or packet.time_base is None:
            return 0.0
        return self._watch.note(float(stamp * packet.time_base), arrival)
