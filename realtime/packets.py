"""Encoded packets as plain bytes: the newest seconds of them, and their times made fit to mux."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

AHEAD_S: Final = 5.0
"""How much further than the time that passed a stamp may be ahead of the one before it."""
BACKWARD_JUMP_S: Final = 1.0
_LOOK_AHEAD: Final = 16

_START_CODE: Final = re.compile(rb"\x00\x00\x01")
_SETS: Final = {
    "h264": lambda first: (first & 0x1F) in (7, 8),
    "hevc": lambda first: (first >> 1 & 0x3F) in (32, 33, 34),
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """One packet: its bytes, its stamps in units of the stream's time base (None where they are
    missing), whether decoding can start with it, and when it came (``time.monotonic()``)."""

    data: bytes
    pts: int | None
    dts: int | None
    key: bool
    arrival: float


class PacketBuffer:
    """The packets of the last ``seconds`` and of at most ``max_bytes``, from a key frame on.

    Whole groups of pictures go at a time, so a little more than ``seconds`` is held; a group
    that is larger than ``max_bytes`` by itself is not held at all.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._groups: deque[list[Encoded]] = deque()
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return self._bytes

    def __len__(self) -> int:
        return sum(map(len, self._groups))

    def add(self, packet: Encoded) -> None:
        """The next packet; what comes before the first key frame is of no use."""
        if packet.key:
            self._groups.append([])
        elif not self._groups:
            return
        self._groups[-1].append(packet)
        self._bytes += len(packet.data)
        while self._bytes > self._max_bytes or (
            len(self._groups) > 1 and self._groups[1][0].arrival < packet.arrival - self._seconds
        ):
            self._bytes -= sum(len(each.data) for each in self._groups.popleft())

    def since(self, arrival: float) -> list[Encoded]:
        """From the last key frame that came not after ``arrival``, or else from the first."""
        groups = list(self._groups)
        while len(groups) > 1 and groups[1][0].arrival <= arrival:
            del groups[0]
        return [packet for group in groups for packet in group]

    def clear(self) -> None:
        """Forget everything."""
        self._groups.clear()
        self._bytes = 0


def parameter_sets(data: bytes, codec: str) -> bytes:
    """The parameter sets in a packet of H.264 or H.265 with start codes (Annex B of ITU-T H.264
    and H.265), joined; empty if there are none."""
    is_set = _SETS.get(codec)
    if is_set is None or not data.startswith((b"\0\0\1", b"\0\0\0\1")):
        return b""
    starts = [match.end() for match in _START_CODE.finditer(data)]
    found = b""
    for start, end in zip(starts, [*(start - 3 for start in starts[1:]), len(data)], strict=True):
        unit = data[start:end].rstrip(b"\0")
        if unit and is_set(unit[0]):
            found += b"\0\0\0\1" + unit
    return found


class ClipTimes:
    """Stamps of the packets of one clip, from 0 and such that every muxer takes them.

    Decoding stamps grow strictly, no picture is shown before it is decoded. Live streams leave
    the first stamps out and jump: what is missing is taken from the packets around it, and
    across a jump the time of arrival counts. ``head`` are the first packets of the clip.
    """

    def __init__(self, base: Fraction, head: Sequence[Encoded]) -> None:
        self._base = base
        self._head = deque(_complete(head))
        self._shift = 0
        self._last: int | None = None
        self._last_arrival = 0.0

    def place(self, packet: Encoded) -> tuple[int, int]:
        """Presentation and decoding stamp of the next packet, those of the head first."""
        pts, dts = self._head.popleft() if self._head else (packet.pts, packet.dts)
        passed = max(1, round((packet.arrival - self._last_arrival) / self._base))
        if self._last is None:
            placed = 0
            self._shift = -(dts or 0)
        elif dts is None:
            placed = self._last + passed
        else:
            placed = self._follow(dts, self._last, passed)
        self._last, self._last_arrival = placed, packet.arrival
        return max(placed, placed if pts is None else pts + self._shift), placed

    def _follow(self, dts: int, last: int, passed: int) -> int:
        placed = dts + self._shift
        ahead, back = round(AHEAD_S / self._base), round(BACKWARD_JUMP_S / self._base)
        if -back < placed - last < passed + ahead:
            return max(placed, last + 1)
        self._shift += last + passed - placed
        return last + passed


def _complete(head: Sequence[Encoded]) -> list[tuple[int | None, int | None]]:
    """The stamps of ``head`` with those that are missing at its beginning."""
    stamps = [(packet.pts, packet.dts) for packet in head]
    known = next((i for i, (_, dts) in enumerate(stamps) if dts is not None), None)
    if known is None:
        return [(pts, pts if dts is None else dts) for pts, dts in stamps]
    decoded = [dts for _, dts in stamps[known : known + _LOOK_AHEAD] if dts is not None]
    step = min((b - a for a, b in pairwise(decoded) if b > a), default=1)
    for i in range(known):
        stamps[i] = (stamps[i][0], decoded[0] - (known - i) * step)
    shown = [pts for pts, _ in stamps[:_LOOK_AHEAD] if pts is not None]
    if stamps[0][0] is None and shown:
        stamps[0] = (min(shown) - step, stamps[0][1])
    return list(stamps)
