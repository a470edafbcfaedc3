"""The time line: a lane for each person, with bands of verdicts, gaps, curves, marks and where
we are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QPainter
from qtpy.QtWidgets import QWidget

from realtime.events import Event, EventKind
from realtime.history import DETAIL_S, Lane, Picture
from realtime.types import VerdictState
from realtime.window.controls import clock
from realtime.window.themes import Theme, state_hex
from realtime.window.translate import tr

_HATCHES: Final = {
    VerdictState.NOT_ASSESSABLE: Qt.BrushStyle.Dense7Pattern,
    VerdictState.LITTLE_EVIDENCE: Qt.BrushStyle.HorPattern,
    VerdictState.UNCERTAIN: Qt.BrushStyle.BDiagPattern,
    VerdictState.STRONG: Qt.BrushStyle.DiagCrossPattern,
    VerdictState.VERY_STRONG: Qt.BrushStyle.SolidPattern,
}
_HEIGHTS: Final = {state: 0.2 + 0.15 * state.rank for state in VerdictState}
"""Graver bands are taller: they differ without their colours too."""
_SYMBOLS: Final = {EventKind.ALERT: "t1", EventKind.CHANGE: "d", EventKind.MARK: "star"}


class _Bands(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph has no types
    """All bands as one drawing; y 0 is the middle of the first lane, which lies on top."""

    def __init__(self) -> None:
        super().__init__()
        self._rects: list[tuple[QRectF, VerdictState]] = []
        self._bounds = QRectF()

    def set_lanes(self, lanes: Sequence[Lane]) -> None:
        """Draw these from now on."""
        self.prepareGeometryChange()
        self._rects, self._bounds = [], QRectF()
        for row, lane in enumerate(lanes):
            for band in lane.bands:
                height = _HEIGHTS[band.state]
                length = max(band.end_s - band.start_s, 0.02)
                rect = QRectF(band.start_s, row + 0.42 - height, length, height)
                self._rects.append((rect, band.state))
                self._bounds = self._bounds.united(rect)
        self.update()

    def paint(self, painter: QPainter, *_: object) -> None:
        """In pixels of the screen, which hatches are made of; what is short stays to be seen."""
        to_screen = painter.worldTransform()
        painter.resetTransform()
        for rect, state in self._rects:
            room = QRectF(to_screen.mapRect(rect))
            room.setWidth(max(2.0, room.width()))
            colour = QColor(state_hex(state))
            pale = QColor(colour)
            pale.setAlpha(90)
            painter.fillRect(room, pale)
            painter.fillRect(room, QBrush(colour, _HATCHES[state]))
            painter.setPen(colour)
            painter.drawRect(room)

    def boundingRect(self) -> QRectF:
        """Around all bands."""
        return self._bounds


class Seconds(pg.AxisItem):  # type: ignore[misc]
    """Times as a clock; for a live source, how long ago."""

    ago_from: float | None = None

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Where ticks are, at round numbers of what they say."""
        now = self.ago_from or 0.0
        ticks = super().tickValues(least - now, most - now, size)
        return [(step, [value + now for value in values]) for step, values in ticks]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: ARG002 - as pyqtgraph calls it
        """The texts of the ticks."""
        if self.ago_from is None:
            return [clock(value).removesuffix(".0") for value in values if value >= 0]
        return [f"−{max(0.0, self.ago_from - value):.0f} s" for value in values]


class Timeline(pg.PlotWidget):  # type: ignore[misc]
    """``sought`` gives the seconds of a click. Drag moves it, the wheel zooms."""

    sought = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._seconds = Seconds("bottom")
        super().__init__(parent, axisItems={"bottom": self._seconds})
        self.setAccessibleName(tr("Time line"))
        self.setMinimumHeight(70)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.invertY(True)
        self.setMouseEnabled(x=True, y=False)
        self._bands = _Bands()
        self._curves = pg.PlotCurveItem(connect="finite", antialias=True)
        self._marks = pg.ScatterPlotItem(size=12, pxMode=True)
        self._held = pg.PlotCurveItem(connect="pairs")
        self._spans: list[tuple[float, float]] = []
        self._head = pg.InfiniteLine(angle=90, movable=False)
        for item in (self._bands, self._curves, self._held, self._marks, self._head):
            self.addItem(item)
        self.getAxis("left").setTicks([[]])  # nobody yet
        self._lanes: tuple[Lane, ...] = ()
        self._follow = True
        self._live = False
        self.scene().sigMouseClicked.connect(self._on_click)
        self.getViewBox().sigRangeChangedManually.connect(self._on_moved)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Who is shown, from above."""
        return self._lanes

    @property
    def follows(self) -> bool:
        """Whether the newest moments of a live source are kept in sight."""
        return self._follow

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self.setBackground(theme.base)
        self._curves.setPen(pg.mkPen(theme.text, width=1))
        self._held.setPen(pg.mkPen(theme.link, width=4))
        self._head.setPen(pg.mkPen(theme.text, width=2))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(theme.faint)
            axis.setTextPen(theme.text)
        self._marks.setPen(pg.mkPen(theme.text))
        self._marks.setBrush(pg.mkBrush(theme.text))

    def follow(self) -> None:
        """Show the newest moments again, or the whole file."""
        self._follow = True

    def show_picture(
        self, picture: Picture, at_s: float, *, live: bool, duration_s: float | None
    ) -> None:
        """Show what was said, the moment ``at_s`` that is on the screen, and as much as fits."""
        self._live = live
        self._seconds.ago_from = picture.now_s if live else None
        if picture.lanes != self._lanes:
            self._lanes = picture.lanes
            self._bands.set_lanes(picture.lanes)
            self._set_curves()
            ticks = [(row, f"#{lane.track_id}") for row, lane in enumerate(picture.lanes)]
            self.getAxis("left").setTicks([ticks])
        self._head.setValue(at_s)
        if self._follow:
            end = picture.now_s if live else max(duration_s or 0.0, picture.now_s, 1.0)
            start = end - DETAIL_S if live else 0.0
            self.setXRange(start, end, padding=0.01)
        self.setYRange(-0.5, max(1, len(picture.lanes)) - 0.5, padding=0.02)

    def show_events(self, events: Sequence[Event]) -> None:
        """Put signs where something happened to somebody."""
        rows = {lane.track_id: row for row, lane in enumerate(self._lanes)}
        spots = [
            {"pos": (e.time_s, rows.get(e.track_id or 0, 0) - 0.35), "symbol": _SYMBOLS[e.kind]}
            for e in events
            if e.kind in _SYMBOLS
        ]
        self._marks.setData(spots)

    def show_held(self, spans: Sequence[tuple[float, float]]) -> None:
        """Underline the moments of a live source of which pictures are held."""
        bottom = max(1, len(self._lanes)) - 0.5
        times = np.array(spans, np.float64).reshape(-1)
        self._held.setData(times, np.full(len(times), bottom))
        if bool(spans) != bool(self._spans):
            text = tr("A click goes to that moment; underlined are those whose picture is held.")
            self.setToolTip(text if spans else "")
        self._spans = list(spans)

    def _set_curves(self) -> None:
        times: list[float] = []
        heights: list[float] = []
        for row, lane in enumerate(self._lanes):
            for time_s, probability in lane.samples:
                times.append(time_s)
                heights.append(np.nan if probability is None else row + 0.42 - 0.84 * probability)
            times.append(times[-1] if times else 0.0)
            heights.append(np.nan)
        self._curves.setData(np.array(times), np.array(heights))

    def _on_click(self, event: object) -> None:
        button = getattr(event, "button", None)
        where = getattr(event, "scenePos", None)
        if button is None or where is None or button() != Qt.MouseButton.LeftButton:
            return
        self.sought.emit(self.time_at(where()))

    def time_at(self, where: QPointF) -> float:
        """The seconds at a place of the scene."""
        return float(self.getViewBox().mapSceneToView(where).x())

    def _on_moved(self, *_: object) -> None:
        self._follow = False
