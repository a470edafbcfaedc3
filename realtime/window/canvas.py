"""The picture: the newest frame with its overlay, as large as the window allows."""

from __future__ import annotations

import time
from typing import Final, cast

import cv2
import numpy as np
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QFontInfo, QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QWidget

from realtime.labels import default_text_px
from realtime.overlay import draw_on
from realtime.types import FrameResult, Image
from realtime.window.layers import Layers, draw_landmarks, hide_faces
from realtime.window.notice import paint_notice
from realtime.window.states import SILENCE, Notice

_DIMMED: Final = 0.35
"""Brightness of a picture that is no longer live: still to be recognised, not to be mistaken."""

_BACKGROUND = QColor(16, 16, 16)
_STATE_INK = QColor(235, 235, 235)


def fit(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """The largest size of the shape ``width`` by ``height`` that fits in, at least 1 by 1."""
    scale = min(room_width / width, room_height / height)
    return (
        max(1, min(room_width, round(width * scale))),
        max(1, min(room_height, round(height * scale))),
    )


def scale_into(target: Image, image: Image) -> None:
    """Fill ``target`` with ``image`` at the target's size.

    Halved while it is more than twice too large, then interpolated: as free of moire as
    averaging over areas, and five times as fast.
    """
    high, wide = target.shape[:2]
    while image.shape[1] >= 2 * wide and image.shape[0] >= 2 * high:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if image.shape == target.shape:
        np.copyto(target, image)
    else:
        cv2.resize(image, (wide, high), dst=target, interpolation=cv2.INTER_LINEAR)


class _Surface:
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

    def fits(self, width: int, height: int, ratio: float) -> bool:
        """Whether it can take a picture of this size."""
        return self.bgr.shape == (height, width, 3) and self.image.devicePixelRatioF() == ratio

    def dim(self) -> None:
        """Make it dark and grey."""
        grey = cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY)
        cv2.convertScaleAbs(grey, dst=grey, alpha=_DIMMED)
        cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR, dst=self.bgr)

    def finish(self) -> None:
        """Bring what was drawn into the image."""
        cv2.cvtColor(self.bgr, cv2.COLOR_BGR2BGRA, dst=self.pixels)


class Canvas(QWidget):
    """Shows one `FrameResult`, letterboxed, at the pixels of the screen.

    It is drawn when Qt paints: results that come faster than that cost nothing. The picture is
    first scaled and then drawn upon, so that lines and text are sharp at every size.

    ``cost_s`` is how long the newest picture took to draw.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 90)
        self.setAccessibleName("Video")
        self._result: FrameResult | None = None
        self._layers = Layers()
        self._state_text = ""
        self._notice = SILENCE
        self.cost_s = 0.0
        self._picture: QImage | None = None
        self._surface: _Surface | None = None

    @property
    def result(self) -> FrameResult | None:
        """What is shown."""
        return self._result

    @property
    def layers(self) -> Layers:
        """What is drawn over the picture."""
        return self._layers

    @property
    def state_text(self) -> str:
        """Large text for a state that needs one; over the picture if there is a picture."""
        return self._state_text

    @property
    def notice(self) -> Notice:
        """What is said of a live source."""
        return self._notice

    def show_result(self, result: FrameResult | None) -> None:
        """Show this one; None for an empty canvas."""
        self._result = result
        self._redraw()

    def set_layers(self, layers: Layers) -> None:
        """Draw these from now on."""
        if layers != self._layers:
            self._layers = layers
            self._redraw()

    def set_state_text(self, text: str) -> None:
        """Say what the source is doing; empty while that can be seen."""
        if text != self._state_text:
            self._state_text = text
            self._redraw()

    def set_notice(self, notice: Notice) -> None:
        """Say this of a live source; a picture that is old is dimmed and loses its boxes."""
        if notice == self._notice:
            return
        if notice.old != self._notice.old:
            self._picture = None
        self._notice = notice
        self.update()

    def snapshot(self) -> QImage | None:
        """A copy of the picture as it is shown, None while there is none."""
        return None if self._picture is None else self._picture.copy()

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """The picture no longer fits."""
        self._picture = None
        super().resizeEvent(event)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the picture, or what stands for it."""
        ratio = self.devicePixelRatioF()
        picture = self._picture
        if self._result is not None and (picture is None or picture.devicePixelRatioF() != ratio):
            picture = self._picture = self._render(self._result, ratio)
        painter = QPainter(self)
        painter.fillRect(self.rect(), _BACKGROUND)
        if picture is not None:
            # On whole pixels of the screen, or it would be blurred.
            left = int((self.width() * ratio - picture.width()) / 2) / ratio
            top = int((self.height() * ratio - picture.height()) / 2) / ratio
            painter.drawImage(QPointF(left, top), picture)
        elif not self._notice:
            self._paint_state(painter)
        if self._notice:
            paint_notice(painter, self.rect(), self._notice, self.font())

    def _paint_state(self, painter: QPainter) -> None:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 2.2)
        painter.setFont(font)
        painter.setPen(_STATE_INK)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect(), int(flags), self._state_text)

    def _render(self, result: FrameResult, ratio: float) -> QImage:
        began = time.perf_counter()
        high, wide = result.frame.image.shape[:2]
        size = fit(wide, high, round(self.width() * ratio), round(self.height() * ratio))
        if self._surface is None or not self._surface.fits(*size, ratio):
            self._surface = _Surface(*size, ratio)
        surface = self._surface
        scale_into(surface.bgr, result.frame.image)
        if self._layers.blur:
            hide_faces(surface.bgr, result, self._layers.spare)
        if self._notice.old:
            surface.dim()
        else:
            if self._layers.landmarks:
                draw_landmarks(surface.bgr, result)
            legible = round(QFontInfo(self.font()).pixelSize() * ratio)
            draw_on(
                surface.bgr,
                result,
                heat=self._layers.heat,
                boxes=self._layers.boxes,
                labels=self._layers.labels,
                text_px=max(legible, default_text_px(*size)),
                notice=self._state_text,
            )
        surface.finish()
        self.cost_s = time.perf_counter() - began
        return surface.image
