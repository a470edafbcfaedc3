"""Writes a `Notice` over a picture: a dark card whose text fits, whatever the size."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter

from realtime.window.states import Notice

_CARD: Final = QColor(16, 16, 16, 225)
_INK: Final = QColor(245, 245, 245)
_PALE_INK: Final = QColor(215, 215, 215)
_SCALES: Final = (1.9, 1.5, 1.2, 1.0)
"""Of the headline to the window's own font, the largest first that leaves room for the detail."""
_WRAP: Final = int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.TextFlag.TextWordWrap)


def paint_notice(painter: QPainter, room: QRect, notice: Notice, font: QFont) -> QRect:
    """Write ``notice`` into ``room`` and return the rectangle that the card covers.

    The text shrinks to the size of ``font`` in small rooms, no further; what then finds no room
    is left out: first the detail, never the headline.
    """
    pad = max(4, round(QFontMetrics(font).height() * 0.6))
    wide = max(1, min(room.width() - 2 * pad, 46 * QFontMetrics(font).averageCharWidth() * 2))
    high = room.height() - 2 * pad
    for scale in _SCALES:
        big, small = _fonts(font, scale)
        head = _size(big, wide, notice.headline)
        body = _size(small, wide, notice.detail) if notice.detail else QRect()
        gap = pad // 2 if notice.detail else 0
        if head.height() + gap + body.height() <= high:
            break
    else:
        body, gap = QRect(), 0
    card = QRect(
        0,
        0,
        max(head.width(), body.width()) + 2 * pad,
        head.height() + gap + body.height() + 2 * pad,
    )
    card.moveCenter(room.center())
    if notice.strip:
        card.moveBottom(room.bottom() - 2)
    card = card.intersected(room)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_CARD)
    painter.drawRoundedRect(card, 6, 6)
    inner = card.adjusted(pad, pad, -pad, -pad)
    painter.setFont(big)
    painter.setPen(_INK)
    painter.drawText(inner, _WRAP, notice.headline)
    if not body.isEmpty():
        painter.setFont(small)
        painter.setPen(_PALE_INK)
        inner.setTop(inner.top() + head.height() + gap)
        painter.drawText(inner, _WRAP, notice.detail)
    return card


def _fonts(font: QFont, scale: float) -> tuple[QFont, QFont]:
    big, small = QFont(font), QFont(font)
    big.setBold(True)
    big.setPointSizeF(font.pointSizeF() * scale)
    small.setPointSizeF(font.pointSizeF() * max(1.0, 0.7 * scale))
    return big, small


def _size(font: QFont, wide: int, text: str) -> QRect:
    return QFontMetrics(font).boundingRect(QRect(0, 0, wide, 100_000), _WRAP, text)
