"""Lets a part of a screen be chosen with the mouse or with the keys.

Every screen is covered with its own picture, darkened, taken a moment before: that needs no
compositor, and what is chosen does not move meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QGuiApplication, QImage, QScreen
from qtpy.QtWidgets import QWidget

from realtime.errors import FakewatchError
from realtime.sources import Address, SourceKind
from realtime.sources.screen import Grabber, Region
from realtime.types import Image
from realtime.window.errands import Errands
from realtime.window.recents import screen_name
from realtime.window.veil import Shot, Veil


@dataclass(frozen=True, slots=True)
class Place:
    """A screen as Qt knows it: where it lies in units of which ``ratio`` pixels make one."""

    area: Region
    ratio: float


def shots() -> list[Shot]:
    """A picture of every screen; raises `SourceError` where none can be had."""
    grabber = Grabber()
    try:
        return [
            Shot(screen.number, screen.area, _as_image(grabber.take(screen.area)))
            for screen in grabber.screens
            if screen.number
        ]
    finally:
        grabber.close()


def pair(places: Sequence[Place], areas: Sequence[Region]) -> list[int | None]:
    """Which of ``areas``, in pixels, each of ``places`` is, None where none is left.

    Qt keeps the corner of a screen in pixels and divides its size; some systems divide both.
    """
    left = set(range(len(areas)))
    found: list[int | None] = []
    for place in places:
        distances = {i: _distance(place, areas[i]) for i in sorted(left)}
        best = min(distances, key=distances.__getitem__, default=None)
        left.discard(-1 if best is None else best)
        found.append(best)
    return found


class RegionPicker(QObject):
    """Covers every screen; ``chosen`` gives an `Address`, ``failed`` what could not be done.

    ``ended`` comes at the end, whatever it was.
    """

    chosen = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._errands = Errands(self)
        self._ended = False
        self.veils: list[Veil] = []

    def start(self) -> None:
        """Take the pictures, then show them."""
        self._errands.run(shots, self._show)

    def cancel(self) -> None:
        """Choose nothing."""
        if not self._ended:
            self._ended = True
            self._errands.close()
            for veil in self.veils:
                veil.close()
                veil.deleteLater()
            self.veils = []
            self.ended.emit()

    def _show(self, found: list[Shot] | FakewatchError) -> None:
        if isinstance(found, FakewatchError):
            self.failed.emit(found)
            self.cancel()
            return
        screens = QGuiApplication.screens()
        pairs = pair([_place(screen) for screen in screens], [shot.area for shot in found])
        for screen, index in zip(screens, pairs, strict=True):
            if index is not None:
                self.veils.append(Veil(self._window, screen, found[index]))
        for veil in self.veils:
            veil.taken.connect(self._take)
            veil.cancelled.connect(self.cancel)
            veil.passed.connect(self._to_next)
            veil.showFullScreen()
        self._focus(self._nearest())

    def _nearest(self) -> Veil | None:
        here = self._window.screen()
        return next((v for v in self.veils if v.place is here), next(iter(self.veils), None))

    def _focus(self, veil: Veil | None) -> None:
        if veil is not None:
            veil.activateWindow()
            veil.setFocus()
            veil.begin_with_keys()

    def _to_next(self) -> None:
        veil = self.sender()
        if isinstance(veil, Veil) and len(self.veils) > 1:
            veil.clear()
            self._focus(self.veils[(self.veils.index(veil) + 1) % len(self.veils)])

    def _take(self, number: int, region: Region) -> None:
        name = screen_name(number, region)
        address = Address(SourceKind.SCREEN, str(number), name, region)
        self.cancel()
        self.chosen.emit(address)


def _place(screen: QScreen) -> Place:
    area = screen.geometry()
    box = (area.x(), area.y(), area.width(), area.height())
    return Place(box, screen.devicePixelRatio())


def _distance(place: Place, area: Region) -> float:
    x, y, width, height = place.area
    r = place.ratio
    ways = [(x, y, width * r, height * r), (x * r, y * r, width * r, height * r), place.area]
    return min(sum(abs(a - b) for a, b in zip(way, area, strict=True)) for way in ways)


def _as_image(image: Image) -> QImage:
    high, wide = image.shape[:2]
    return QImage(
        image[..., ::-1].tobytes(), wide, high, 3 * wide, QImage.Format.Format_RGB888
    ).copy()
