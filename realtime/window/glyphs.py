"""Small line drawings for buttons, in the colour that text has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap
from qtpy.QtWidgets import QApplication

_BOX: Final = 24.0
"""Units in which they are drawn, in both directions."""
_SIZES: Final = (16, 24, 32, 48, 64, 96)


def icon(name: str) -> QIcon:
    """The drawing of that name, for enabled and disabled buttons, in the colours of now."""
    found = QIcon()
    palette = QApplication.palette()
    for mode, group in (
        (QIcon.Mode.Normal, QPalette.ColorGroup.Active),
        (QIcon.Mode.Disabled, QPalette.ColorGroup.Disabled),
    ):
        ink = palette.color(group, QPalette.ColorRole.WindowText)
        for size in _SIZES:
            found.addPixmap(picture(name, size, ink), mode)
    return found


def picture(name: str, side: int, ink: QColor) -> QPixmap:
    """The drawing of that name, ``side`` pixels in both directions; raises `KeyError`."""
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / _BOX, side / _BOX)
    pen = QPen(ink, 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    lines, filled = QPainterPath(), QPainterPath()
    _DRAWINGS[name](lines, filled)
    painter.drawPath(lines)
    painter.fillPath(filled, ink)
    painter.end()
    return pixmap


def _polygon(path: QPainterPath, *points: tuple[float, float], closed: bool = True) -> None:
    path.moveTo(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    if closed:
        path.closeSubpath()


def _camera(lines: QPainterPath, _filled: QPainterPath) -> None:
    lines.addRoundedRect(QRectF(2, 6.5, 13, 11), 2, 2)
    _polygon(lines, (15, 10.5), (21.5, 7), (21.5, 17), (15, 13.5))


def _screen(lines: QPainterPath, _filled: QPainterPath) -> None:
    lines.addRoundedRect(QRectF(2, 4, 20, 13), 1.5, 1.5)
    _polygon(lines, (12, 17), (12, 20.5), closed=False)
    _polygon(lines, (8, 20.5), (16, 20.5), closed=False)


def _window(lines: QPainterPath, filled: QPainterPath) -> None:
    lines.addRoundedRect(QRectF(2.5, 4, 19, 16), 1.5, 1.5)
    _polygon(lines, (2.5, 8.5), (21.5, 8.5), closed=False)
    filled.addEllipse(QPointF(5.5, 6.3), 0.9, 0.9)
    filled.addEllipse(QPointF(8.5, 6.3), 0.9, 0.9)


def _region(lines: QPainterPath, _filled: QPainterPath) -> None:
    for x, dx in ((3.0, 1), (21.0, -1)):
        for y, dy in ((4.5, 1), (19.5, -1)):
            _polygon(lines, (x + 4.5 * dx, y), (x, y), (x, y + 4.5 * dy), closed=False)
    _polygon(lines, (12, 9), (12, 15), closed=False)
    _polygon(lines, (9, 12), (15, 12), closed=False)


def _stream(lines: QPainterPath, filled: QPainterPath) -> None:
    filled.addEllipse(QPointF(12, 12), 2.2, 2.2)
    for radius in (5.5, 9.5):
        box = QRectF(12 - radius, 12 - radius, 2 * radius, 2 * radius)
        for start in (-50.0, 130.0):
            lines.arcMoveTo(box, start)
            lines.arcTo(box, start, 100)


def _file(lines: QPainterPath, filled: QPainterPath) -> None:
    lines.addRoundedRect(QRectF(2.5, 4.5, 19, 15), 2, 2)
    _polygon(filled, (9.8, 8.3), (9.8, 15.7), (16, 12))


def _many(lines: QPainterPath, _filled: QPainterPath) -> None:
    for x in (3.0, 13.5):
        for y in (4.0, 13.5):
            lines.addRoundedRect(QRectF(x, y, 7.5, 6.5), 1, 1)


def _call(lines: QPainterPath, _filled: QPainterPath) -> None:
    lines.addRoundedRect(QRectF(2, 3.5, 20, 17), 2, 2)
    lines.addEllipse(QPointF(12, 9.8), 2.9, 2.9)
    lines.moveTo(6.5, 20)
    lines.cubicTo(7, 13, 17, 13, 17.5, 20)


def _start(_lines: QPainterPath, filled: QPainterPath) -> None:
    _polygon(filled, (7, 4.5), (7, 19.5), (19.5, 12))


def _stop(_lines: QPainterPath, filled: QPainterPath) -> None:
    filled.addRoundedRect(QRectF(5.5, 5.5, 13, 13), 1, 1)


def _pause(_lines: QPainterPath, filled: QPainterPath) -> None:
    filled.addRect(QRectF(6.5, 5, 4, 14))
    filled.addRect(QRectF(13.5, 5, 4, 14))


def _snapshot(lines: QPainterPath, _filled: QPainterPath) -> None:
    lines.addRoundedRect(QRectF(2, 7, 20, 13), 2, 2)
    _polygon(lines, (7.5, 7), (9, 4), (15, 4), (16.5, 7), closed=False)
    lines.addEllipse(QPointF(12, 13.4), 3.8, 3.8)


def _mark(lines: QPainterPath, _filled: QPainterPath) -> None:
    _polygon(lines, (6, 21), (6, 3.5), (19, 3.5), (15.5, 8), (19, 12.5), (6, 12.5), closed=False)


def _more(lines: QPainterPath, _filled: QPainterPath) -> None:
    for x in (5.5, 12.5):
        _polygon(lines, (x, 5), (x + 6, 12), (x, 19), closed=False)


def _settings(lines: QPainterPath, _filled: QPainterPath) -> None:
    teeth = 8
    points = []
    for i in range(teeth * 4):
        radius = 9.8 if i % 4 in (1, 2) else 7.2
        angle = 2 * math.pi * (i + 0.5) / (teeth * 4)
        points.append((12 + radius * math.cos(angle), 12 + radius * math.sin(angle)))
    _polygon(lines, *points)
    lines.addEllipse(QPointF(12, 12), 3.0, 3.0)


_DRAWINGS: Final[dict[str, Callable[[QPainterPath, QPainterPath], None]]] = {
    "call": _call,
    "camera": _camera,
    "file": _file,
    "many": _many,
    "mark": _mark,
    "more": _more,
    "pause": _pause,
    "region": _region,
    "screen": _screen,
    "settings": _settings,
    "snapshot": _snapshot,
    "start": _start,
    "stop": _stop,
    "stream": _stream,
    "window": _window,
}
NAMES: Final = tuple(_DRAWINGS)
