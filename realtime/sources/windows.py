"""A window as any desktop describes it, and which of many a person means."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from realtime.redact import redact
from realtime.sources.screen import Region


@dataclass(frozen=True, slots=True)
class Window:
    """``number`` is the desktop's own, ``area`` in pixels of screen 0, without the frame.

    ``visible`` says whether it is on the desktop at all: not minimised, not on another one.
    """

    number: int
    title: str
    area: Region
    visible: bool


def matching(pattern: str, windows: Sequence[Window]) -> list[Window]:
    """The windows that ``pattern`` means, the best first.

    ``pattern`` is the number of a window (``0x3a00007``), a title, or a title in which ``*``
    stands for anything, ``?`` for one sign and ``[ab]`` for one of these; upper and lower case
    are the same. Visible windows go before others, then large before small ones.
    """
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", pattern):
        return [window for window in windows if window.number == int(pattern, 16)]
    low = pattern.casefold()
    # A title may hold the signs of patterns itself.
    found = [window for window in windows if window.title.casefold() == low]
    found = found or [w for w in windows if fnmatch.fnmatchcase(w.title.casefold(), low)]
    return sorted(found, key=lambda w: (not w.visible, -w.area[2] * w.area[3], -w.number))


def listed(windows: Sequence[Window], most: int = 5) -> str:
    """Their titles for a sentence."""
    shown = ", ".join(f'"{redact(window.title)}"' for window in windows[:most])
    more = len(windows) - most
    return f"{shown} and {more} more" if more > 0 else shown
