"""Whether a picture of H.264 was lost on the way, read from the headers of its slices.

A decoder that misses a whole picture goes on as if it had been like the one before, and marks
nothing as damaged. But reference pictures are numbered (ITU-T H.264, 7.4.3, ``frame_num``).
"""

from __future__ import annotations

import re
from typing import Final

_START: Final = re.compile(rb"\x00\x00\x01")
_SLICE, _IDR_SLICE, _PARAMETERS = 1, 5, 7
_WITH_CHROMA: Final = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
"""Profiles whose parameter sets have fields for chroma and scaling (7.3.2.1.1)."""
_HEADER_BYTES: Final = 64
_CODE_BITS: Final = 32


class GapWatch:
    """Looks at the access units of one stream, in decoding order and with start codes."""

    def __init__(self) -> None:
        self._number_bits: int | None = None
        self._separate_planes = False
        self._gaps_allowed = False
        self._last: int | None = None
        self._last_was_reference = True

    @property
    def needed(self) -> bool:
        """Whether others may refer to the picture that was looked at last; True if unknown."""
        return self._last_was_reference

    def missed(self, data: bytes) -> bool:
        """Whether a picture that others refer to is missing before the one in ``data``.

        False where that cannot be told.
        """
        for match in _START.finditer(data):
            begin = match.end()
            kind = data[begin] & 0x1F if begin < len(data) else 0
            if kind == _PARAMETERS:
                self._learn(data[begin + 1 : begin + 1 + 4 * _HEADER_BYTES])
            elif kind in (_SLICE, _IDR_SLICE):
                head = data[begin + 1 : begin + 1 + _HEADER_BYTES]
                return self._follow(head, kind == _IDR_SLICE, data[begin] >> 5 & 3 != 0)
        return False

    def learn(self, extradata: bytes | None) -> None:
        """Take the parameter sets that were told with the stream, with start codes."""
        self.missed(extradata or b"")

    def _follow(self, head: bytes, idr: bool, reference: bool) -> bool:
        number = self._number(head)
        if number is None or self._number_bits is None:
            return False
        last, was_reference = self._last, self._last_was_reference
        self._last, self._last_was_reference = number, reference
        if idr or last is None or self._gaps_allowed:
            return False
        due = (last + was_reference) % (1 << self._number_bits)
        # The second field of a reference frame has the number of the first.
        return number not in (due, last)

    def _number(self, head: bytes) -> int | None:
        if self._number_bits is None:
            return None
        bits = _Bits(head)
        try:
            for _ in range(3):  # first macroblock, type of slice, picture parameter set
                bits.code()
            if self._separate_planes:
                bits.take(2)
            return bits.take(self._number_bits)
        except EOFError:
            return None

    def _learn(self, data: bytes) -> None:
        bits = _Bits(data)
        try:
            profile = bits.take(8)
            bits.take(16)  # constraints and level
            bits.code()  # its own number
            self._separate_planes = profile in _WITH_CHROMA and _skip_chroma(bits)
            self._number_bits = bits.code() + 4
            _skip_order(bits)
            bits.code()  # number of reference frames
            self._gaps_allowed = bool(bits.take(1))
        except EOFError:
            self._number_bits = None
            return
        if self._number_bits > 16:
            self._number_bits = None


class _Bits:
    """Reads the payload of a NAL unit bit by bit; raises EOFError at its end."""

    def __init__(self, data: bytes) -> None:
        payload = data.replace(b"\0\0\3", b"\0\0")  # emulation prevention (7.4.1)
        self._value = int.from_bytes(payload, "big")
        self._left = 8 * len(payload)

    def take(self, count: int) -> int:
        """The next ``count`` bits as a number."""
        if count > self._left:
            raise EOFError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def code(self) -> int:
        """The next unsigned Exp-Golomb code (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _CODE_BITS:
                raise EOFError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """The next signed Exp-Golomb code (9.1.1)."""
        code = self.code()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _skip_chroma(bits: _Bits) -> bool:
    """Pass over the fields of high profiles; whether the colour planes are coded separately."""
    chroma = bits.code()
    separate = chroma == 3 and bool(bits.take(1))
    bits.code()
    bits.code()  # bit depths
    bits.take(1)
    if bits.take(1):
        for i in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling(bits, 16 if i < 6 else 64)
    return separate


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: _Bits) -> None:
    """Pass over how the order of presentation is coded."""
    kind = bits.code()
    if kind == 0:
        bits.code()
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.code(), 255)):
            bits.signed()
