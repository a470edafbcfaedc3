"""The actions of looking closer, for the keyboard and the menu; the mouse needs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtGui import QKeySequence

from realtime.window.canvas import Canvas
from realtime.window.lens import ZOOM_STEP
from realtime.window.translate import tr
from realtime.window.viewport import FIT

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

_PAN: Final = 0.125
"""Of the canvas."""


class CloserLook:
    """Zooms and moves the picture of ``window`` that is looked at."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        actions = window.actions_
        menu, add = actions.zooms, actions.add
        self.closer = add(menu, tr("&Closer"), "+")
        # Where + needs the shift key.
        self.closer.setShortcuts([QKeySequence("+"), QKeySequence("=")])
        self.farther = add(menu, tr("&Farther"), "-")
        self.whole = add(menu, tr("&Whole picture"), "Ctrl+0")
        self.actual = add(menu, tr("&Actual size"), "Ctrl+1")
        menu.addSeparator()
        self.left = add(menu, tr("Look further &left"), "Shift+Left")
        self.right = add(menu, tr("Look further &right"), "Shift+Right")
        self.up = add(menu, tr("Look further &up"), "Shift+Up")
        self.down = add(menu, tr("Look further &down"), "Shift+Down")
        self.closer.triggered.connect(lambda: self._canvas.zoom(ZOOM_STEP))
        self.farther.triggered.connect(lambda: self._canvas.zoom(1 / ZOOM_STEP))
        self.whole.triggered.connect(lambda: self._canvas.set_view(FIT))
        self.actual.triggered.connect(self._actual)
        self.left.triggered.connect(lambda: self._pan(1, 0))
        self.right.triggered.connect(lambda: self._pan(-1, 0))
        self.up.triggered.connect(lambda: self._pan(0, 1))
        self.down.triggered.connect(lambda: self._pan(0, -1))

    @property
    def _canvas(self) -> Canvas:
        # Another one when a tile is enlarged.
        return self._window.extras.canvas

    def _actual(self) -> None:
        self._canvas.show_actual_size()

    def _pan(self, right: int, down: int) -> None:
        canvas = self._canvas
        canvas.pan(right * _PAN * canvas.width(), down * _PAN * canvas.height())
