"""Damages video files in ways that parsers are known to stumble over, repeatably.

The same number always makes the same file of the same seeds, so a finding is a number.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

_LENGTHS: Final = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF)
_LENGTHS_32: Final = (*_LENGTHS, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_BOX = re.compile(
    rb"(?s)....(ftyp|moov|trak|mdia|minf|stbl|stsd|stts|ctts|stsc|stsz|stco|stss|edts|elst|tkhd"
    rb"|mdhd|mvhd|hdlr|avc1|avcC|colr|moof|traf|trun|tfhd|tfdt|mdat|udta|mvex|trex|sidx)"
)
_CHUNK = re.compile(rb"(?s)(RIFF|LIST|avih|strh|strf|idx1|00dc|01wb|JUNK)....")
_EBML = re.compile(
    rb"(\x1aE\xdf\xa3|\x18S\x80g|\x11M\x9bt|\x15I\xa9f|\x16T\xaek|\xae|\xe0|\x1fC\xb6u|\xa3|\xa0"
    rb"|\x1cS\xbbk|\x63\xa2|\xe7)"
)
_TS_PACKET: Final = 188


def mutated(seeds: Sequence[tuple[str, bytes]], number: int) -> tuple[str, bytes, str]:
    """The suffix, the bytes and a description of mutation ``number``.

    ``seeds`` are whole files with their suffixes, such as ``.mp4``.
    """
    source = random.Random(number)
    suffix, data = seeds[number % len(seeds)]
    done = []
    damaged = bytearray(data)
    for _ in range(source.choice((1, 1, 1, 2, 3, 5))):
        operation = source.choice(OPERATIONS)
        if damaged:
            operation(damaged, source)
            done.append(operation.__name__)
    return suffix, bytes(damaged), "+".join(done)


def flip_bits(data: bytearray, source: random.Random) -> None:
    """Turn over up to 64 bits anywhere."""
    for _ in range(source.choice((1, 1, 4, 16, 64))):
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def edit_header(data: bytearray, source: random.Random) -> None:
    """Write noise or extremes into the first 4 KiB, or the last, where MP4 has its index."""
    size = min(len(data), 4096)
    start = source.choice((0, len(data) - size))
    for _ in range(source.choice((1, 3, 10))):
        data[start + source.randrange(size)] = source.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20))


def edit_length(data: bytearray, source: random.Random) -> None:
    """Give a box, chunk, element or packet another length than it has."""
    places = [(m.start(), 4, "big") for m in _BOX.finditer(data)]
    places += [(m.end() - 4, 4, "little") for m in _CHUNK.finditer(data)]
    if data[:4] == b"\x1aE\xdf\xa3":
        places += [(m.end(), source.choice((1, 2, 8)), "big") for m in _EBML.finditer(data)]
    if data[:1] == b"G":
        within = source.choice((4, 5, 7))  # adaptation field, pointer or section, PES
        places += [(at + within, 1, "big") for at in range(0, len(data) - 8, _TS_PACKET)]
    if not places:
        return edit_header(data, source)
    at, size, order = source.choice(places)
    old = int.from_bytes(data[at : at + size], "little" if order == "little" else "big")
    new = source.choice((*_LENGTHS_32, len(data), old + 1, old - 1, old * 2, old ^ 0x80000000))
    value = new % (1 << 8 * size)
    data[at : at + size] = value.to_bytes(size, "little" if order == "little" else "big")
    return None


def truncate(data: bytearray, source: random.Random) -> None:
    """Cut the end off."""
    del data[source.randrange(len(data)) :]


def swap_blocks(data: bytearray, source: random.Random) -> None:
    """Let two stretches change places."""
    size = source.choice((1, 16, 188, 512, 4096))
    if len(data) < 2 * size:
        return
    a, b = (source.randrange(len(data) - size) for _ in range(2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def remove_block(data: bytearray, source: random.Random) -> None:
    """Take a stretch out."""
    at = source.randrange(len(data))
    del data[at : at + source.choice((1, 4, 188, 1000, 10_000))]


def repeat_block(data: bytearray, source: random.Random) -> None:
    """Let a stretch come again, perhaps elsewhere."""
    at, size = source.randrange(len(data)), source.choice((4, 188, 1000, 10_000))
    to = source.choice((at, source.randrange(len(data))))
    data[to:to] = data[at : at + size] * source.choice((1, 2, 20))


def blank_block(data: bytearray, source: random.Random) -> None:
    """Overwrite a stretch with one value or with noise."""
    at, size = source.randrange(len(data)), source.choice((8, 188, 2000, 20_000))
    size = min(size, len(data) - at)
    fill = source.choice((b"\x00", b"\xff", b"\x47", None))
    data[at : at + size] = source.randbytes(size) if fill is None else fill * size


OPERATIONS: Final[tuple[Callable[[bytearray, random.Random], None], ...]] = (
    flip_bits,
    edit_header,
    edit_length,
    edit_length,
    truncate,
    swap_blocks,
    remove_block,
    repeat_block,
    blank_block,
)
