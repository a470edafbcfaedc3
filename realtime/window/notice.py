"""Writes a `Notice` over a picture: a dark card whose text fits, whatever the size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter

from realtime.window.states import Notice

_CARD: Final = QColor(16, 16, 16, 225)
_INK: Final = QColor(245, 245, 245)
_PALE_INK: Final = QColor(215, 215, 215)
_SCALES: Final = (1.9, 1.5, 1.2, 1.0)
"""Of the headline to the window's own font, the largest first that leaves room for the detail."""
_STRIP_SCALES: Final = (1.2, 1.0)
_GROWS_FROM_PX: Final = 600
_MOST_GROWN: Final = 1.5
"""Large rooms are looked at from afar."""
_LINE: Final = 92
"""Letters a line at most: longer ones are hard to read."""
_WRAP: Final = int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.TextFlag.TextWordWrap)


@dataclass(frozen=True)
class _Layout:
    """Both texts with their fonts and the room that each takes."""

    big: QFont
    small: QFont
    head: QRect
    body: QRect
    detail: str
    gap: int

    @property
    def height(self) -> int:
        return self.head.height() + self.gap + self.body.height()


def paint_notice(painter: QPainter, room: QRect, notice: Notice, font: QFont) -> QRect:
    """Write ``notice`` into ``room`` and return the rectangle that the card covers.

    The text shrinks to the size of ``font`` in small rooms, no further; what then finds no room
    is left out: first the last lines of the detail, never the headline.
    """
    metrics = QFontMetrics(font)
    pad = max(4, round(metrics.height() * 0.6))
    line = max(_LINE * metrics.averageCharWidth(), round(room.width() * 0.55))
    wide = max(1, min(room.width() - 2 * pad, line))
    layout = _lay_out(notice, font, wide, room.height() - 2 * pad)
    card_wide = max(layout.head.width(), layout.body.width()) + 2 * pad
    card = QRect(0, 0, card_wide, layout.height + 2 * pad)
    card.moveCenter(room.center())
    if notice.strip:
        card.moveBottom(room.bottom() - 2)
    card = card.intersected(room)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_CARD)
    painter.drawRoundedRect(card, 6, 6)
    inner = card.adjusted(pad, pad, -pad, -pad)
    painter.setFont(layout.big)
    painter.setPen(_INK)
    painter.drawText(inner, _WRAP, notice.headline)
    if layout.detail:
        painter.setFont(layout.small)
        painter.setPen(_PALE_INK)
        inner.setTop(inner.top() + layout.head.height() + layout.gap)
        painter.drawText(inner, _WRAP, layout.detail)
    return card


def _lay_out(notice: Notice, font: QFont, wide: int, high: int) -> _Layout:
    """The largest that fits in, of the longest detail that fits in at all."""
    grown = max(1.0, min(_MOST_GROWN, wide / _GROWS_FROM_PX))
    scales = _STRIP_SCALES if notice.strip else (_SCALES[0] * grown, *_SCALES)
    choices = (
        _laid_out(notice.headline, detail, _fonts(font, scale), wide)
        for detail in _shorter(notice.detail)
        for scale in scales
    )
    layout = None
    for layout in choices:
        if layout.height <= high:
            break
    assert layout is not None  # there is always one without any detail
    return layout


def _laid_out(headline: str, detail: str, fonts: tuple[QFont, QFont], wide: int) -> _Layout:
    big, small = fonts
    body = _size(small, wide, detail) if detail else QRect()
    gap = QFontMetrics(small).height() // 3 if detail else 0
    return _Layout(big, small, _size(big, wide, headline), body, detail, gap)


def _shorter(detail: str) -> list[str]:
    """``detail``, then ever fewer of its lines down to none."""
    lines = detail.split("\n") if detail else []
    return ["\n".join(lines[:count]) for count in range(len(lines), -1, -1)]


def _fonts(font: QFont, scale: float) -> tuple[QFont, QFont]:
    big, small = QFont(font), QFont(font)
    big.setBold(True)
    big.setPointSizeF(font.pointSizeF() * scale)
    small.setPointSizeF(font.pointSizeF() * max(1.0, 0.7 * scale))
    return big, small


def _size(font: QFont, wide: int, text: str) -> QRect:
    return QFontMetrics(font).boundingRect(QRect(0, 0, wide, 100_000), _WRAP, text)
