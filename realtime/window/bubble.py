"""Bubbles over the window that point at parts of it, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from qtpy.QtCore import QEvent, QObject, QPoint, QRect, Qt
from qtpy.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygon
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from realtime.window.translate import tr

_ARROW: Final = 12
_MARGIN: Final = 8
_NEXT: Final = (Qt.Key.Key_Right, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
_BACK: Final = (Qt.Key.Key_Left, Qt.Key.Key_Backspace)


@dataclass(frozen=True, slots=True)
class Step:
    """What a bubble says, and about which widgets, as ``of`` gives them then."""

    title: str
    text: str
    of: Callable[[], Sequence[QWidget]]


def place(target: QRect, size: tuple[int, int], room: QRect) -> tuple[QRect, QPoint | None]:
    """Where a bubble of that size goes in ``room``, and the point of ``target`` that its arrow
    touches; None where it has to lie on the target.

    It lies beside the target where there is room for it, so that it covers nothing of it.
    """
    wide, high = size
    x = min(max(target.center().x() - wide // 2, room.left()), room.right() - wide)
    y = min(max(target.center().y() - high // 2, room.top()), room.bottom() - high)
    middle = QPoint(x + wide // 2, y + high // 2)
    for corner, tip in (
        (QPoint(target.left() - wide, y), QPoint(target.left(), middle.y())),
        (QPoint(x, target.top() - high), QPoint(middle.x(), target.top())),
        (QPoint(x, target.bottom() + 1), QPoint(middle.x(), target.bottom())),
        (QPoint(target.right() + 1, y), QPoint(target.right(), middle.y())),
    ):
        bubble = QRect(corner.x(), corner.y(), wide, high)
        if room.contains(bubble):
            return bubble, tip
    return QRect(x, room.bottom() - high, wide, high), None


class _Ring(QWidget):
    """A line around what is spoken of; it takes no clicks."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Three pixels wide, as a line on both grounds."""
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 3))
        painter.drawRect(self.rect().adjusted(1, 1, -2, -2))


class Bubble(QWidget):
    """One step at a time, over the window; Esc or Skip ends it, Enter and the arrows go on."""

    def __init__(self, window: QWidget, tour: Sequence[Step], ended: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._steps, self._ended = window, tour, ended
        self._at = 0
        self._tip: QPoint | None = None
        self._ring = _Ring(window)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._title = _label(bold=True)
        self._text = _label()
        self._text.setWordWrap(True)
        self._count = _label()
        self.skip = QPushButton(tr("&Skip"))
        self.back = QPushButton(tr("&Back"))
        self.next = QPushButton()
        self.skip.clicked.connect(self.end)
        self.back.clicked.connect(lambda: self.go(-1))
        self.next.clicked.connect(lambda: self.go(1))
        row = QHBoxLayout()
        row.addWidget(self._count, 1)
        for button in (self.skip, self.back, self.next):
            row.addWidget(button)
        column = QVBoxLayout(self)
        frame = _ARROW + _MARGIN + 2
        column.setContentsMargins(frame, frame, frame, frame)
        column.addWidget(self._title)
        column.addWidget(self._text, 1)
        column.addLayout(row)
        window.installEventFilter(self)
        self.go(0)

    @property
    def at(self) -> int:
        """Which step is shown, from 0."""
        return self._at

    def go(self, by: int) -> None:
        """So many steps on; past the last one the tour ends."""
        self._at = max(0, self._at + by)
        if self._at >= len(self._steps):
            self.end()
            return
        step, last = self._steps[self._at], self._at == len(self._steps) - 1
        count = tr("{number} of {count}").format(number=self._at + 1, count=len(self._steps))
        self._title.setText(step.title)
        self._text.setText(step.text)
        self._count.setText(count)
        self.back.setEnabled(self._at > 0)
        self.next.setText(tr("&Done") if last else tr("&Next"))
        spoken = tr("Tour, {count}: {title}. {text}")
        self.setAccessibleName(spoken.format(count=count, title=step.title, text=step.text))
        self.lay_out()
        # Out and in again, or a screen reader would not read the new text.
        self.clearFocus()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def end(self) -> None:
        """Go away, for good."""
        self._window.removeEventFilter(self)
        for widget in (self._ring, self):
            widget.hide()
            widget.deleteLater()
        self._ended()

    def lay_out(self) -> None:
        """Go to where the step points now."""
        room = self._window.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        wide = min(40 * self.fontMetrics().averageCharWidth() + 2 * _ARROW, room.width())
        layout = self.layout()
        assert layout is not None
        wide = max(wide, layout.minimumSize().width())
        high = max(layout.heightForWidth(wide), layout.minimumSize().height())
        shown = [widget for widget in self._steps[self._at].of() if widget.isVisible()]
        target = QRect()
        for widget in shown:
            corner = widget.mapTo(self._window, QPoint(0, 0))
            target = target.united(QRect(corner, widget.size()))
        self._ring.setVisible(bool(shown))
        self._ring.setGeometry(target.adjusted(-2, -2, 2, 2))
        around, self._tip = place(target if shown else room, (wide, high), room)
        self.setGeometry(around)
        self._ring.raise_()
        self.raise_()
        self.show()
        self.update()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay beside what is pointed at while the window is resized."""
        if watched is self._window and event is not None and event.type() == QEvent.Type.Resize:
            self.lay_out()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent | None) -> bool:
        """Its keys before those of the window."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            mine = self.hasFocus() and event.key() in (*_NEXT, *_BACK)
            if mine or event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """On, back, or out."""
        if event is None:
            return
        if event.key() in _NEXT:
            self.go(1)
        elif event.key() in _BACK:
            self.go(-1)
        elif event.key() == Qt.Key.Key_Escape:
            self.end()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """A box with an arrow to what is spoken of."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        roles = QPalette.ColorRole
        painter.setPen(QPen(self.palette().color(roles.WindowText), 2))
        painter.setBrush(self.palette().color(roles.Base))
        box = self.rect().adjusted(_ARROW, _ARROW, -_ARROW, -_ARROW)
        painter.drawRoundedRect(box, 6, 6)
        if self._tip is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().color(roles.WindowText))
            painter.drawPolygon(_arrow(self.rect(), box, self._tip - self.pos()))


def _arrow(around: QRect, box: QRect, tip: QPoint) -> QPolygon:
    """From the edge of the box that is nearest to ``tip`` to the edge of the widget."""
    centre = box.center()
    if tip.x() <= around.left() or tip.x() >= around.right():
        base, end = (
            (box.left(), around.left())
            if tip.x() <= around.left()
            else (box.right(), around.right())
        )
        points = [QPoint(base, centre.y() - _ARROW), QPoint(base, centre.y() + _ARROW)]
        return QPolygon([*points, QPoint(end, centre.y())])
    base, end = (
        (box.top(), around.top()) if tip.y() <= around.top() else (box.bottom(), around.bottom())
    )
    points = [QPoint(centre.x() - _ARROW, base), QPoint(centre.x() + _ARROW, base)]
    return QPolygon([*points, QPoint(centre.x(), end)])


def _label(*, bold: bool = False) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    if bold:
        font = label.font()
        font.setBold(True)
        label.setFont(font)
    return label
