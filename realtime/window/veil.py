"""One screen, covered with its own picture, of which a part is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qtpy.QtCore import QPoint, QRect, QRectF, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QScreen,
)
from qtpy.QtWidgets import QWidget

from realtime.sources.screen import MIN_SIDE, Region
from realtime.window.translate import tr

_DARK: Final = QColor(0, 0, 0, 140)
_INK: Final = QColor(255, 255, 255)
_STEP: Final = 10
_FINE: Final = 1
_MOVES: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


@dataclass(frozen=True, slots=True)
class Shot:
    """A screen as capturing knows it: its number, where it lies in pixels, and its picture."""

    number: int
    area: Region
    picture: QImage


def to_pixels(chosen: QRect, room: tuple[int, int], pixels: tuple[int, int]) -> Region:
    """``chosen`` on a screen of ``room`` units as x, y, width, height in its ``pixels``."""
    across, down = pixels[0] / room[0], pixels[1] / room[1]
    left = min(max(round(chosen.x() * across), 0), pixels[0])
    top = min(max(round(chosen.y() * down), 0), pixels[1])
    right = min(max(round((chosen.x() + chosen.width()) * across), left), pixels[0])
    bottom = min(max(round((chosen.y() + chosen.height()) * down), top), pixels[1])
    return left, top, right - left, bottom - top


class Veil(QWidget):
    """One screen, darkened, with the part that is being chosen left clear.

    ``taken`` gives the number of the screen and the region in its pixels.
    """

    taken = Signal(int, object)
    cancelled = Signal()
    passed = Signal()

    def __init__(self, window: QWidget, screen: QScreen, shot: Shot) -> None:
        # No Tool: the keys of the window behind would act on top of our own.
        kinds = Qt.WindowType
        flags = Qt.WindowFlags(kinds.Window)
        super().__init__(window, flags | kinds.FramelessWindowHint | kinds.WindowStaysOnTopHint)
        self.place = screen
        self._shot = shot
        self._from: QPoint | None = None
        self.region = QRect()
        self._complaint = ""
        self.setGeometry(screen.geometry())
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setWindowTitle(tr("Choose a region of the screen"))
        self.setAccessibleName(self.windowTitle())
        self._describe()

    @property
    def begun(self) -> bool:
        """Whether a region is being dragged."""
        return self._from is not None

    @property
    def pixels(self) -> Region:
        """What is chosen, in pixels of the screen."""
        size = self._shot.area[2:]
        return to_pixels(self.region, (max(1, self.width()), max(1, self.height())), size)

    def begin_with_keys(self) -> None:
        """Have the middle of the screen chosen, for the keys to change."""
        self.region = QRect(0, 0, self.width() // 2, self.height() // 2)
        self.region.moveCenter(self.rect().center())
        self._show()

    def clear(self) -> None:
        """Nothing is chosen here."""
        self.region = QRect()
        self._show()

    def take(self) -> None:
        """Give what is chosen, or say that it is too small."""
        if min(self.pixels[2:]) < MIN_SIDE:
            self._complaint = tr("That is too small; {side} pixels are the least.").format(
                side=MIN_SIDE
            )
            self.clear()
        else:
            self.taken.emit(self._shot.number, self.pixels)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrows move, with Shift they size, with Ctrl in small steps; Enter, Esc and Tab."""
        if event is None:
            return
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif key in _MOVES:
            self._move(_MOVES[key], event.modifiers())
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, _forward: bool) -> bool:
        """Tab goes to the next screen."""
        self.passed.emit()
        return True

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """A new region begins here."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._complaint = ""
            self._from = event.pos()
            self.region = QRect()
            self._show()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """It goes from where it began to here."""
        if event is not None and self._from is not None:
            self._drag(self._from, event.pos())

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """That is it."""
        if event is not None and self._from is not None:
            self._drag(self._from, event.pos())
            self._from = None
            self.take()

    def _drag(self, a: QPoint, b: QPoint) -> None:
        size = (abs(a.x() - b.x()), abs(a.y() - b.y()))
        rect = QRect(min(a.x(), b.x()), min(a.y(), b.y()), *size)
        self.region = rect.intersected(self.rect())
        self._show()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """The screen, dark but for what is chosen, with its size."""
        painter = QPainter(self)
        whole = QRectF(self.rect())
        picture = self._shot.picture
        painter.drawImage(whole, picture)
        painter.fillRect(self.rect(), _DARK)
        if not self.region.isEmpty():
            x, y, width, height = self.pixels
            painter.drawImage(QRectF(self.region), picture, QRectF(x, y, width, height))
            painter.setPen(QPen(_INK, 2))
            painter.drawRect(self.region)
            self._write(painter, f"{width} × {height}", self.region.bottom() + 8)
        self._write(painter, self._complaint or _hint(), 24)

    def _write(self, painter: QPainter, text: str, top: int) -> None:
        flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap)
        middle = self.rect().center().x() if top == 24 else self.region.center().x()
        room = QRect(0, 0, self.width() - 40, self.height())
        box = painter.fontMetrics().boundingRect(room, flags, text).adjusted(-10, -6, 10, 6)
        box.moveTop(min(top, self.height() - box.height() - 4))
        box.moveLeft(min(max(middle - box.width() // 2, 4), self.width() - box.width() - 4))
        painter.fillRect(box, QColor(0, 0, 0, 220))
        painter.setPen(_INK)
        painter.drawText(box, int(flags | Qt.AlignmentFlag.AlignVCenter), text)

    def _move(self, way: tuple[int, int], modifiers: Qt.KeyboardModifiers) -> None:
        if self.region.isEmpty():
            self.begin_with_keys()
        step = _FINE if modifiers & Qt.KeyboardModifier.ControlModifier else _STEP
        dx, dy = way[0] * step, way[1] * step
        region = QRect(self.region)
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            region.setWidth(min(max(region.width() + dx, _STEP), self.width() - region.x()))
            region.setHeight(min(max(region.height() + dy, _STEP), self.height() - region.y()))
        else:
            region.moveLeft(min(max(region.x() + dx, 0), self.width() - region.width()))
            region.moveTop(min(max(region.y() + dy, 0), self.height() - region.height()))
        self.region = region
        self._complaint = ""
        self._show()

    def _show(self) -> None:
        self._describe()
        self.update()

    def _describe(self) -> None:
        x, y, width, height = self.pixels
        size = tr("{width} × {height} pixels at {x}, {y}").format(
            width=width, height=height, x=x, y=y
        )
        self.setAccessibleDescription(f"{size}. {self._complaint or _hint()}")


def _hint() -> str:
    return tr(
        "Drag over what is to be watched. Arrows move, with Shift they size, with Ctrl by one; "
        "Enter watches, Tab goes to the next screen, Esc cancels."
    )
