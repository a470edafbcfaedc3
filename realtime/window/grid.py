"""Many live sources in one window: a tile each, painted as often as Qt's thread can bear."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from qtpy.QtCore import QRect, Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QWidget

from realtime.types import SourceStatus
from realtime.window.bridge import Bridge
from realtime.window.job import Wanted
from realtime.window.layers import Layers
from realtime.window.live_picture import Keep
from realtime.window.tile import GROUND, Tile
from realtime.window.translate import tr

TICK_MS: Final = 33
SHARE: Final = 0.4
"""How much of the time of Qt's thread may go into painting tiles."""
FASTEST_S: Final = 0.09
"""A tile among others is painted at most this often; one that fills the window, at each tick."""
_ASPECT: Final = 16 / 9
_STEPS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


def columns(count: int, width: int, height: int, caption: int) -> int:
    """In how many columns ``count`` pictures of 16 by 9, each above ``caption`` pixels of text,
    become largest in a room of ``width`` by ``height`` pixels."""

    def wide(across: int) -> float:
        down = math.ceil(count / across)
        return min(width / across, (height / down - caption) * _ASPECT)

    return max(range(1, max(1, count) + 1), key=lambda across: (wide(across), -across))


def cells(count: int, width: int, height: int, caption: int) -> list[tuple[int, int, int, int]]:
    """x, y, width and height of every tile, row by row, without gaps or overlaps."""
    if count == 0:
        return []
    across = columns(count, width, height, caption)
    down = math.ceil(count / across)
    xs = [width * i // across for i in range(across + 1)]
    ys = [height * i // down for i in range(down + 1)]
    places = [divmod(i, across) for i in range(count)]
    return [(xs[c], ys[r], xs[c + 1] - xs[c], ys[r + 1] - ys[r]) for r, c in places]


class Grid(QWidget):
    """The tiles in the order of the configuration. ``changed``: another tile is enlarged.

    Each tile pulls its newest result when its turn comes: never more often than every
    `FASTEST_S`, and so seldom that painting takes no more than `SHARE` of the time.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Sources"))
        self._tiles: list[Tile] = []
        self._enlarged: Tile | None = None
        self._next = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.pull)

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """One for each source, in order."""
        return tuple(self._tiles)

    @property
    def enlarged(self) -> Tile | None:
        """The tile that fills the window, None while all are shown."""
        return self._enlarged

    def start(
        self,
        wanted: Sequence[Wanted],
        bridges: dict[str, Bridge],
        now: float,
        keep: Keep | None = None,
    ) -> None:
        """Show these sources instead of those before; ``keep`` gets what is shown of them."""
        self.stop()
        for one in wanted:
            tile = Tile(one.source_id, one.name, self)
            tile.chosen.connect(lambda tile=tile: self.toggle(tile))
            tile.start(bridges[one.source_id], now, keep)
            tile.show()
            self._tiles.append(tile)
        self._arrange()
        self._timer.start()

    def stop(self) -> None:
        """Show nothing."""
        self._timer.stop()
        for tile in self._tiles:
            tile.live.stop()
            tile.hide()
            tile.deleteLater()
        self._tiles = []
        self._enlarged = None
        self._next = 0

    def refresh(self, status: Callable[[str], SourceStatus | None], now: float) -> None:
        """Say what every source is doing, as ``status`` knows it by its id."""
        for tile in self._tiles:
            tile.refresh(status(tile.source_id) or tile.live.status, now)

    def set_layers(self, layers: Layers) -> None:
        """Draw these over all pictures."""
        for tile in self._tiles:
            tile.set_layers(layers)

    def toggle(self, tile: Tile) -> None:
        """Let ``tile`` fill the window, or show all of them again."""
        self._enlarged = None if self._enlarged is tile else tile
        for other in self._tiles:
            other.setVisible(self._enlarged in (None, other))
            other.set_enlarged(other is self._enlarged)
        self._arrange()
        tile.setFocus()
        self.changed.emit()

    def pull(self) -> None:
        """Show the newest results of the tiles whose turn it is."""
        now = time.monotonic()
        visible = [tile for tile in self._tiles if not tile.isHidden()]
        fastest = FASTEST_S if len(visible) > 1 else 0.0
        left_s = TICK_MS / 1000 * SHARE
        count = len(self._tiles)
        for i in range(count):
            tile = self._tiles[(self._next + i) % count]
            if now < tile.due or not tile.live.pull():
                continue
            # Painting one a tick is always allowed, so that the dearest gets its turn as well.
            cost = 0.0 if tile.isHidden() else tile.canvas.cost_s
            tile.due = now + max(fastest, len(visible) * cost / SHARE)
            left_s -= cost
            if left_s <= 0:
                self._next = (self._next + i + 1) % count
                return

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrows go to the tile that lies there."""
        if event is None:
            return
        if event.key() in _STEPS and self._enlarged is None:
            self._move(*_STEPS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Where there is no tile."""
        QPainter(self).fillRect(self.rect(), GROUND)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Find the best arrangement for the new size."""
        super().resizeEvent(event)
        self._arrange()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """No more turns."""
        self.stop()
        super().closeEvent(event)

    def _arrange(self) -> None:
        shown = self._tiles if self._enlarged is None else [self._enlarged]
        caption = shown[0].caption.sizeHint().height() if shown else 0
        rooms = cells(len(shown), self.width(), self.height(), caption)
        for tile, room in zip(shown, rooms, strict=True):
            tile.setGeometry(QRect(*room))

    def _move(self, right: int, down: int) -> None:
        if not self._tiles:
            return
        here = next((i for i, tile in enumerate(self._tiles) if tile.hasFocus()), 0)
        caption = self._tiles[0].caption.sizeHint().height()
        across = columns(len(self._tiles), self.width(), self.height(), caption)
        there = here + right + down * across
        if 0 <= there < len(self._tiles):
            self._tiles[there].setFocus()
