"""The memory that a picture is drawn in, and how frames are brought into it."""

from __future__ import annotations

from typing import Final, cast

import cv2
import numpy as np
from qtpy.QtGui import QImage

from realtime.types import Image
from realtime.window.scaling import scale_into
from realtime.window.viewport import Pane

DIMMED: Final = 0.35
"""Brightness of a picture that is no longer live: still to be recognised, not to be mistaken."""
_PIXELS_FROM: Final = 4.0
"""Enlarged so far, single pixels are shown as they are: who comes so close wants to see them."""


class Surface:
    """The memory of one size of picture, used again for every frame of that size.

    Fresh memory for each frame costs more than all the drawing on a 4K screen. ``image`` owns
    its pixels, and ``pixels`` ``(H, W, 4)`` is a view of them; ``bgr`` is to draw on.
    """

    def __init__(self, width: int, height: int, ratio: float) -> None:
        self.bgr: Image = np.empty((height, width, 3), np.uint8)
        # Qt paints this format fastest.
        self.image = QImage(width, height, QImage.Format.Format_RGB32)
        self.image.setDevicePixelRatio(ratio)
        memory = self.image.bits()
        assert memory is not None
        memory.setsize(self.image.sizeInBytes())
        shape = (height, self.image.bytesPerLine() // 4, 4)
        self.pixels = np.frombuffer(cast("bytes", memory), np.uint8).reshape(shape)[:, :width]
        self._scaled: Image | None = None

    def fits(self, width: int, height: int, ratio: float) -> bool:
        """Whether it can take a picture of this size."""
        return self.bgr.shape == (height, width, 3) and self.image.devicePixelRatioF() == ratio

    def fill(self, target: Image, image: Image, pane: Pane) -> None:
        """Put what ``pane`` shows of ``image`` into ``target``, a part of ``bgr`` of its size.

        Only what is seen is scaled, so that it costs the same however far it is enlarged.
        """
        if pane.whole:
            scale_into(target, image, sharp=pane.scale >= _PIXELS_FROM)
            return
        (x0, x1), (y0, y1) = pane.across.source, pane.down.source
        (left, wide), (top, high) = pane.across.scaled, pane.down.scaled
        if self._scaled is None or self._scaled.shape[:2] != (high, wide):
            self._scaled = np.empty((high, wide, 3), np.uint8)
        scale_into(self._scaled, image[y0:y1, x0:x1], sharp=pane.scale >= _PIXELS_FROM)
        left, top = pane.across.offset - left, pane.down.offset - top
        width, height = pane.size
        np.copyto(target, self._scaled[top : top + height, left : left + width])

    def finish(self) -> None:
        """Bring what was drawn into the image."""
        cv2.cvtColor(self.bgr, cv2.COLOR_BGR2BGRA, dst=self.pixels)


def dim(picture: Image) -> None:
    """Make ``picture`` dark and grey, in place."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    cv2.convertScaleAbs(grey, dst=grey, alpha=DIMMED)
    picture[:] = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
