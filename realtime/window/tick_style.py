"""The style of the application: Fusion, with boxes and rings for ticks that dark themes show.

Fusion draws their edges a little darker than the ground, which on black is nothing at all.
"""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QPainter, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QProxyStyle, QStyle, QStyleOption, QWidget

_BOXES: Final = (
    QStyle.PrimitiveElement.PE_IndicatorCheckBox,
    QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck,
    QStyle.PrimitiveElement.PE_IndicatorRadioButton,
)


class TickStyle(QProxyStyle):
    """Draws what can be ticked with an edge in the colour of text."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Boxes and rings are ours, everything else is Fusion's."""
        if element in _BOXES and option is not None and painter is not None:
            _draw(painter, option, ring=element == _BOXES[2])
        else:
            super().drawPrimitive(element, option, painter, widget)


def _draw(painter: QPainter, option: QStyleOption, *, ring: bool) -> None:
    states, roles = QStyle.StateFlag, QPalette.ColorRole
    state = option.state
    enabled = bool(state & states.State_Enabled)
    group = QPalette.ColorGroup.Active if enabled else QPalette.ColorGroup.Disabled
    ink = option.palette.color(group, roles.Text)
    side = min(option.rect.width(), option.rect.height(), 18) - 2.0
    box = QRectF(0, 0, side, side)
    box.moveCenter(QRectF(option.rect).center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, 1.2))
    painter.setBrush(option.palette.color(group, roles.Base))
    painter.drawEllipse(box) if ring else painter.drawRoundedRect(box, 2, 2)
    if state & states.State_HasFocus and not ring:
        painter.setPen(QPen(option.palette.color(group, roles.Highlight), 1.2))
        painter.drawRoundedRect(box.adjusted(1.4, 1.4, -1.4, -1.4), 1, 1)
    painter.setPen(QPen(ink, max(1.6, side / 8), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    if state & states.State_On and ring:
        painter.setBrush(ink)
        painter.drawEllipse(box.center(), side / 5, side / 5)
    elif state & states.State_On:
        painter.drawPolyline(_inside(box, (0.22, 0.52), (0.42, 0.74), (0.80, 0.26)))
    elif state & states.State_NoChange and not ring:
        painter.drawPolyline(_inside(box, (0.25, 0.5), (0.75, 0.5)))
    painter.restore()


def _inside(box: QRectF, *points: tuple[float, float]) -> QPolygonF:
    return QPolygonF(
        [QPointF(box.left() + x * box.width(), box.top() + y * box.height()) for x, y in points]
    )
