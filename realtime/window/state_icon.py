"""The state as a small picture for tray, panel and task bar: told apart by its shape alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from realtime.types import VerdictState
from realtime.window.themes import state_hex

PAUSED: Final = "paused"
LOST: Final = "lost"
NOBODY: Final = "nobody"
"""Sources are watched, and no face is in view."""
IDLE: Final = "idle"
"""Nothing is watched."""
KINDS: Final = (*(state.value for state in VerdictState), PAUSED, LOST, NOBODY, IDLE)

PLATE: Final = "#1a1a1a"
"""The ground they are drawn on: nobody knows the colour of a task bar."""
_RIM: Final = "#f5f5f5"
_INK: Final = "#f5f5f5"
_BLUE: Final = "#56b4e9"
"""Sky blue of Okabe and Ito: their blue is too dark for this ground."""
_SIZES: Final = (16, 22, 24, 32, 48, 64)


def ink(kind: str) -> str:
    """The colour of a kind as ``#rrggbb``."""
    if kind == VerdictState.LITTLE_EVIDENCE.value:
        return _BLUE
    if kind in (PAUSED, LOST, NOBODY, IDLE):
        return _INK
    return state_hex(VerdictState(kind))


@lru_cache(maxsize=64)
def picture(kind: str, side: int) -> QPixmap:
    """One of `KINDS`, ``side`` pixels in both directions; for Qt's thread."""
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / 32, side / 32)
    painter.setBrush(QColor(PLATE))
    painter.setPen(QPen(QColor(_RIM), 1.6))
    painter.drawRoundedRect(QRectF(1, 1, 30, 30), 6, 6)
    painter.translate(16, 16)
    colour = QColor(ink(kind))
    painter.setBrush(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    _draw(painter, kind, colour)
    painter.end()
    return pixmap


def icon(kind: str) -> QIcon:
    """The same in every size that a tray may ask for."""
    found = QIcon()
    for side in _SIZES:
        found.addPixmap(picture(kind, side))
    return found


def _draw(painter: QPainter, kind: str, colour: QColor) -> None:
    if kind == VerdictState.LITTLE_EVIDENCE.value:
        painter.drawEllipse(QPointF(0, 0), 8, 8)
    elif kind == VerdictState.UNCERTAIN.value:
        _polygon(painter, (0, -11), (11, 0), (0, 11), (-11, 0))
    elif kind == VerdictState.STRONG.value:
        _polygon(painter, (0, -11), (12, 10), (-12, 10))
    elif kind == VerdictState.VERY_STRONG.value:
        _polygon(painter, (0, -12.5), (9, -1), (-9, -1))
        _polygon(painter, (0, 0.5), (9, 12), (-9, 12))
    elif kind == PAUSED:
        painter.drawRect(QRectF(-8, -9, 5.5, 18))
        painter.drawRect(QRectF(2.5, -9, 5.5, 18))
    else:
        _draw_lines(painter, kind, colour)


def _draw_lines(painter: QPainter, kind: str, colour: QColor) -> None:
    pen = QPen(colour, 3.4)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if kind == LOST:
        painter.drawLine(QPointF(-8, -8), QPointF(8, 8))
        painter.drawLine(QPointF(-8, 8), QPointF(8, -8))
    elif kind == IDLE:
        painter.drawLine(QPointF(-9, 0), QPointF(9, 0))
    elif kind == NOBODY:
        painter.drawEllipse(QPointF(0, 0), 8, 8)
    else:
        for part in range(6):
            painter.drawArc(QRectF(-8.5, -8.5, 17, 17), 16 * 60 * part, 16 * 34)


def _polygon(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
