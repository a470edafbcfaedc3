"""Whether a live picture shows anything at all: black, frozen, or withheld by its application.

None of these is "no fake found", and each has to be told as what it is. All times are on the
frames' own clock.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from realtime.config import LiveConfig
from realtime.sources.address import SourceKind
from realtime.types import Frame, Image, SourceState

ROWS: Final = 90
"""About this many whole rows of a picture are compared with those of the one before."""
COLUMNS: Final = 160
BLOCK: Final = 10
"""Side of the blocks, in samples, whose means tell structure from the noise of a sensor."""

MAX_MEAN: Final = 24.0
"""Black is at most this bright in the mean: 16 is black in video whose range was not expanded."""
MAX_CONTRAST: Final = 5.0
"""The means of the blocks of a black picture differ by at most this; a dark room's by more."""
MAX_SPOT: Final = 48
MAX_SPOTS: Final = 0.001
"""Samples brighter than `MAX_SPOT` are lights, unless they are as few as the faulty pixels of a
sensor."""
MAX_WITHHELD: Final = 2
"""What an application withholds is filled with plain black, not with what is nearly so."""
MAX_STEP_S: Final = 1.0
"""A gap between two frames counts as no more than this: nobody knows what was there."""

_TEXTS: Final = {
    SourceState.BLACK: "The picture is black; check the camera's shutter, its light and its cable.",
    SourceState.FROZEN: "The picture stands still to the last pixel although frames arrive; "
    "restart what sends it, unless it is a picture that does not move.",
    SourceState.PROTECTED: "The window is open but its picture is black: its application forbids "
    "capture or draws past the desktop; turn that protection or hardware acceleration off in it.",
}


def text_of(state: SourceState | None) -> str | None:
    """One sentence for a person about what `PictureWatch.look` found, None for any other state."""
    return None if state is None else _TEXTS.get(state)


class PictureWatch:
    """Says what the picture of one live source is.

    BLACK: dark and without structure for ``black_s``. FROZEN: not one sample changed for
    ``frozen_s``; a desktop on which nothing happens is frozen in this sense, and so is a very
    strongly compressed scene in which nobody moves. PROTECTED: the picture of a *window* has
    been plain black for ``black_s``, which is what windows look like whose application forbids
    capture. The first frame that is otherwise ends the state.

    State: the samples of the last frame that differed, and the time since. For one thread.
    """

    def __init__(self, config: LiveConfig, kind: SourceKind | None = None) -> None:
        self._config = config
        self._kind = kind
        self._key: tuple[int, tuple[int, ...]] | None = None
        self._time_s = 0.0
        self._rows: Image | None = None
        self._black: SourceState | None = None
        self._black_s = 0.0
        self._still_s = 0.0

    def look(self, frame: Frame) -> SourceState | None:
        """BLACK, FROZEN or PROTECTED, or None for a lively picture."""
        step = min(max(frame.time_s - self._time_s, 0.0), MAX_STEP_S)
        self._time_s = frame.time_s
        key = (frame.epoch, frame.image.shape)
        if key != self._key:
            self._key, self._rows, self._black = key, None, None
            self._black_s = self._still_s = 0.0
            step = 0.0
        rows = frame.image[:: max(1, frame.image.shape[0] // ROWS)]
        self._watch_changes(rows, step)
        self._watch_darkness(rows, step)
        if self._black is not None and self._black_s >= self._config.black_s:
            return self._black
        return SourceState.FROZEN if self._still_s >= self._config.frozen_s else None

    def _watch_changes(self, rows: Image, step: float) -> None:
        if self._rows is not None and np.array_equal(rows, self._rows):
            self._still_s += step
            return
        self._rows = rows.copy()
        self._still_s = 0.0

    def _watch_darkness(self, rows: Image, step: float) -> None:
        black = self._darkness(rows)
        # Plain black that gets noisy is another thing, and its time begins anew.
        self._black_s = self._black_s + step if black is not None and black == self._black else 0.0
        self._black = black

    def _darkness(self, rows: Image) -> SourceState | None:
        samples = rows[:, :: max(1, rows.shape[1] // COLUMNS)]
        # Most pictures end here, which is cheap.
        if samples[::BLOCK, ::BLOCK].mean() > 2 * MAX_MEAN + MAX_SPOT:
            return None
        grey = cv2.cvtColor(np.ascontiguousarray(samples), cv2.COLOR_BGR2GRAY)
        luma = np.asarray(grey, np.uint8)
        if not is_black(luma):
            return None
        if self._kind is SourceKind.WINDOW and int(luma.max()) <= MAX_WITHHELD:
            return SourceState.PROTECTED
        return SourceState.BLACK


def is_black(luma: Image) -> bool:
    """Whether a subsampled picture, luma ``(h, w)`` uint8, is dark all over and shows nothing."""
    if luma.mean() > MAX_MEAN or np.count_nonzero(luma > MAX_SPOT) > MAX_SPOTS * luma.size:
        return False
    height, width = luma.shape
    size = (max(1, width // BLOCK), max(1, height // BLOCK))
    blocks = cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return float(blocks.max() - blocks.min()) <= MAX_CONTRAST
