"""Looks closer at a picture: zooms with the wheel, moves with a drag or the keys."""

from __future__ import annotations

from typing import Final

from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QWidget

from realtime.window.viewport import FIT, Places, Size, View, lay_out, panned, zoomed

_GAP: Final = 4
"""Between the plain picture and the other."""
_BESIDE_FROM_PX: Final = 320
"""What is narrower has no room for two pictures."""
ZOOM_STEP: Final = 1.25


class Lens(QWidget):
    """Which part of a picture of the size `frame_size` is shown where.

    The wheel zooms around the pointer, a drag moves, a double click shows all of it again; only
    while it is zoomable. ``looked``: another part is looked at.
    """

    looked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = FIT
        self._zoomable = True
        self._grabbed: QPointF | None = None

    @property
    def frame_size(self) -> Size | None:
        """Of the picture, in its own pixels; None while there is none."""
        return None

    @property
    def beside(self) -> bool:
        """Whether the picture is to be shown twice."""
        return False

    @property
    def view(self) -> View:
        """Which part of the picture is looked at."""
        return self._view if self._zoomable else FIT

    @property
    def zoomable(self) -> bool:
        """Whether there is anything but the whole picture."""
        return self._zoomable

    @property
    def places(self) -> Places | None:
        """Where the pictures are, in pixels of the screen; None while there is none."""
        frame = self.frame_size
        if frame is None:
            return None
        ratio = self.devicePixelRatioF()
        size = (round(self.width() * ratio), round(self.height() * ratio))
        twice = self.beside and self.width() >= _BESIDE_FROM_PX
        return lay_out(self.view, frame, size, round(_GAP * ratio) if twice else None)

    def set_zoomable(self, on: bool) -> None:
        """Allow zooming, or show the whole picture; the view is kept meanwhile."""
        if on != self._zoomable:
            self._zoomable = on
            self._look()

    def set_view(self, view: View) -> None:
        """Look at that part; what is beyond the bounds of the picture is held to them."""
        if view != self._view:
            self._view = view
            self._look()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Enlarge by ``factor`` around that place of the widget, or around its middle."""
        places, frame = self.places, self.frame_size
        if places is None or frame is None or not self._zoomable:
            return
        room, ratio = places.room, self.devicePixelRatioF()
        spot = (room[0] / 2, room[1] / 2)
        if at is not None:
            spot = places.in_room(at.x() * ratio, at.y() * ratio)
        self.set_view(zoomed(self._view, factor, spot, frame, room))

    def pan(self, right: float, down: float) -> None:
        """Move the picture by so many pixels of the widget."""
        places, frame = self.places, self.frame_size
        if places is not None and frame is not None and self._zoomable:
            ratio = self.devicePixelRatioF()
            self.set_view(panned(self._view, right * ratio, down * ratio, frame, places.room))

    def show_actual_size(self) -> None:
        """One pixel of the picture for each of the screen, around the same middle."""
        if self._zoomable and self.frame_size is not None:
            self.set_view(View(1.0, self._view.x, self._view.y, actual=True))

    def _look(self) -> None:
        self._set_cursor()
        self.looked.emit()

    def _set_cursor(self) -> None:
        places = self.places
        if places is None or places.pane.whole:
            self.unsetCursor()
        elif self._grabbed is None:
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    # Qt's own events

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom around the pointer."""
        if event is None or self.frame_size is None or not self._zoomable:
            super().wheelEvent(event)
            return
        self.zoom(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """A drag may begin, if there is more of the picture than is seen."""
        places = self.places
        more = places is not None and not places.pane.whole
        if event is None or event.button() != Qt.MouseButton.LeftButton or not more:
            super().mousePressEvent(event)
            return
        self._grabbed = event.localPos()
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the picture."""
        if event is None or self._grabbed is None:
            super().mouseMoveEvent(event)
            return
        here = event.localPos()
        moved, self._grabbed = here - self._grabbed, here
        self.pan(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """The drag ends."""
        if self._grabbed is None:
            super().mouseReleaseEvent(event)
        else:
            self._grabbed = None
            self._set_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Back to the whole picture; else it is for whoever is around."""
        if self.view == FIT:
            super().mouseDoubleClickEvent(event)
        else:
            self._grabbed = None
            self.set_view(FIT)
