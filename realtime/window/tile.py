"""One source among many: its picture, its name, its state, and the gravest verdict."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from realtime.labels import sign_picture, state_colour
from realtime.redact import redact
from realtime.types import SourceState, SourceStatus, VerdictState
from realtime.window.bridge import Bridge
from realtime.window.canvas import Canvas
from realtime.window.layers import Layers
from realtime.window.live_picture import Keep, LivePicture
from realtime.window.states import gravity, short_words, verdict_words, worst

GROUND: Final = QColor(24, 24, 24)
_INK: Final = QColor(245, 245, 245)
_PALE_INK: Final = QColor(205, 205, 205)
_WARM_INK: Final = QColor(255, 176, 80)
_EDGE: Final = QColor(60, 60, 60)
_FOCUS: Final = QColor(240, 240, 240)
_BORDER: Final = 3
LABELS_FROM_PX: Final = 320
"""A tile that is narrower says of its faces only what its caption says."""


class Caption(QWidget):
    """Two lines below a picture: the name, then the verdict with its sign, or else the state.

    ``well`` says that the source is live, and ``grade`` which sign there is.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name = ""
        self.state = ""
        self.verdict = ""
        self.well = True
        self.grade: VerdictState | None = None

    def tell(
        self, name: str, state: str, verdict: str, grade: VerdictState | None, *, well: bool
    ) -> bool:
        """Show these; returns whether anything changed."""
        told = (name, state, verdict, grade, well)
        if told == (self.name, self.state, self.verdict, self.grade, self.well):
            return False
        self.name, self.state, self.verdict, self.grade, self.well = told
        self.update()
        return True

    def sizeHint(self) -> QSize:
        """Two lines of text."""
        return QSize(0, 2 * self._step() + 4)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw both lines; what does not fit ends in an ellipsis."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        step, pad = self._step(), 6
        room = max(0, self.width() - 2 * pad)
        bold = self.font()
        bold.setBold(True)
        metrics, bold_metrics = QFontMetrics(self.font()), QFontMetrics(bold)
        # One pixel more, or text is cut that just fits.
        live_wide = metrics.horizontalAdvance(self.state) + 1 if self.well else 0
        right = Qt.TextElideMode.ElideRight
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(bold)
        painter.setPen(_INK)
        name = bold_metrics.elidedText(self.name, right, room - live_wide - pad)
        painter.drawText(QRect(pad, 2, room, step), int(middle), name)
        painter.setFont(self.font())
        left, below = pad, self.verdict
        if self.well:
            painter.setPen(_PALE_INK)
            flags = int(middle | Qt.AlignmentFlag.AlignRight)
            painter.drawText(QRect(pad, 2, room, step), flags, self.state)
            painter.setPen(_INK)
        else:
            below = self.state
            painter.setPen(_WARM_INK)
        if self.grade is not None:
            side = metrics.ascent()
            image = _sign(self.grade, 4 * side)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRect(left, 2 + step + (step - side) // 2, side, side), image)
            left += side + pad
        text = metrics.elidedText(below, right, self.width() - pad - left)
        painter.drawText(QRect(left, 2 + step, room, step), int(middle), text)

    def _step(self) -> int:
        return self.fontMetrics().height() + 1


@lru_cache(maxsize=16)
def _sign(grade: VerdictState, side: int) -> QImage:
    pixels = np.ascontiguousarray(sign_picture(grade, side)[..., ::-1])
    image = QImage(pixels.tobytes(), side, side, 3 * side, QImage.Format.Format_RGB888)
    return image.copy()  # of its own memory


class Tile(QWidget):
    """A live source in the grid. ``chosen``: clicked twice, or Enter or Space while it has the
    focus, which one click gives. Only the enlarged one can be zoomed and shown beside its plain
    picture.

    ``due`` is when it may be painted again, for whoever paints; ``gravity`` orders tiles by what
    is said of their faces.
    """

    chosen = Signal()

    def __init__(self, source_id: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source_id = source_id
        self.name = redact(name)
        self.canvas = Canvas()
        self.canvas.setMinimumSize(32, 18)
        self.caption = Caption()
        self.live = LivePicture(self.canvas)
        self.due = 0.0
        self.gravity = (-1, 0.0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        column = QVBoxLayout(self)
        column.setContentsMargins(_BORDER, _BORDER, _BORDER, _BORDER)
        column.setSpacing(0)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.caption)
        self.canvas.set_zoomable(False)
        self._layers = Layers()

    def start(self, bridge: Bridge, now: float, keep: Keep | None = None) -> None:
        """Show what arrives there, and let ``keep`` have it too."""
        self.live.start(self.source_id, bridge, now, keep)
        self.refresh(self.live.status, now)

    def set_layers(self, layers: Layers) -> None:
        """Draw these over the picture; labels only where they do not hide it."""
        self._layers = layers
        labels = layers.labels and self.width() >= LABELS_FROM_PX
        beside = layers.beside and self.canvas.zoomable
        self.canvas.set_layers(replace(layers, labels=labels, beside=beside))

    def set_enlarged(self, on: bool) -> None:
        """Whether it fills the window; what is among others shows the present."""
        self.canvas.set_zoomable(on)
        if not on and self.live.back:
            self.live.follow(time.monotonic())
        self.set_layers(self._layers)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """There may be room for labels now."""
        super().resizeEvent(event)
        self.set_layers(self._layers)

    def refresh(self, status: SourceStatus, now: float) -> None:
        """Say what the source is doing; to be called often."""
        self.live.refresh(status, now)
        newest = self.live.newest(now)
        gravest = worst(newest)
        self.gravity = gravity(gravest)
        state = short_words(status, now, self.live.shown)
        changed = self.caption.tell(
            self.name,
            state,
            verdict_words(newest),
            None if gravest is None else gravest.state,
            well=status.state is SourceState.LIVE,
        )
        if changed:
            parts = (self.name, state, self.caption.verdict)
            self.setAccessibleName(", ".join(part for part in parts if part))
            self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """The border: the colour of strong evidence, white for the focus."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        grade = self.caption.grade
        colour, wide = _EDGE, 1
        if grade is not None and grade.rank >= VerdictState.STRONG.rank:
            blue, green, red = state_colour(grade)
            colour, wide = QColor(red, green, blue), _BORDER
        self._frame(painter, colour, wide, 0)
        if self.hasFocus():
            self._frame(painter, _FOCUS, 1, 1)

    def _frame(self, painter: QPainter, colour: QColor, wide: int, inset: int) -> None:
        pen = QPen(colour, wide)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        inset += wide // 2
        painter.drawRect(self.rect().adjusted(inset, inset, -inset - 1, -inset - 1))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Let it fill the window, or show all again."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enter and Space are as good."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if event is not None and event.key() in keys:
            self.chosen.emit()
        else:
            super().keyPressEvent(event)
