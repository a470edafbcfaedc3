"""The list of people: picture, verdict in a sign, words and a number, curve, and for how long."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from qtpy.QtCore import QModelIndex, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPainter, QPixmap, QPolygonF
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidgetItem,
    QWidget,
)

from realtime.history import Lane
from realtime.redact import redact
from realtime.types import FrameResult, Verdict, VerdictState
from realtime.window.fitted_table import FittedTable
from realtime.window.layers import BLOCKS
from realtime.window.states import duration, verdict_name
from realtime.window.tips import tip
from realtime.window.translate import tr

SIDE: Final = 40
CURVE_S: Final = 60.0
"""How much of the past the small curve shows at most."""
_SHORTEST_S: Final = 10.0
SIGNS: Final = {
    VerdictState.NOT_ASSESSABLE: "◌",
    VerdictState.LITTLE_EVIDENCE: "●",
    VerdictState.UNCERTAIN: "◆",
    VerdictState.STRONG: "▲",
    VerdictState.VERY_STRONG: "▲▲",
}
_CURVE: Final = Qt.ItemDataRole.UserRole + 1


def verdict_text(verdict: Verdict, *, present: bool = True) -> str:
    """Sign, words and number, or why there is none."""
    if verdict.probability is None:
        why = redact(verdict.reasons[0]) if verdict.reasons else ""
        text = f"{verdict_name(verdict.state)}: {why}" if why else verdict_name(verdict.state)
    else:
        text = f"{verdict_name(verdict.state)} {verdict.probability:.2f}"
    if not present:
        text = tr("{verdict} (not in view)").format(verdict=text)
    return f"{SIGNS[verdict.state]} {text}"


def thumbnail(result: FrameResult, track_id: int) -> QImage | None:
    """The face of that person in this frame, a square of `SIDE` pixels in memory of its own."""
    found = np.flatnonzero(result.faces.track_ids == track_id)
    if not len(found):
        return None
    x, y, wide, high = result.faces.boxes[found[0]].tolist()
    image = result.frame.image
    half = max(wide, high) * 0.6
    left, top = max(0, int(x + wide / 2 - half)), max(0, int(y + high / 2 - half))
    part = image[top : int(y + high / 2 + half), left : int(x + wide / 2 + half)]
    if not part.size:
        return None
    small = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    rgb = np.ascontiguousarray(small[..., ::-1])
    return QImage(rgb.tobytes(), SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888).copy()


def _untinted(picture: QPixmap) -> QIcon:
    """An icon that is not dyed where its row is selected."""
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon


def _blocks(face: QImage) -> QImage:
    """``face`` as few blocks, as it is in the picture."""
    ratio, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    small = face.scaled(BLOCKS, BLOCKS, ratio, smooth)
    return small.scaled(SIDE, SIDE, ratio, smooth)


def _spoken(lane: Lane) -> str:
    """The verdict on that person as a sentence without signs."""
    text = verdict_text(lane.verdict, present=lane.present).partition(" ")[2]
    return tr("Person {number}: {verdict}").format(number=lane.track_id, verdict=text)


class _Curve(QStyledItemDelegate):
    """Draws the samples of its cell, 0 below and 1 above; gaps are left open."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        super().paint(painter, option, index)
        data = index.data(_CURVE)
        if painter is None or not data:
            return
        samples, now = data
        room = QRectF(option.rect).adjusted(3, 6, -3, -6)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        palette = option.palette
        ink = palette.highlightedText() if chosen else palette.text()
        painter.setPen(ink.color())
        first = samples[0][0] if samples else now
        span = min(CURVE_S, max(_SHORTEST_S, now - first))
        line: list[QPointF] = []
        for time_s, probability in [*samples, (now, None)]:
            if probability is None:
                painter.drawPolyline(QPolygonF(line))
                line = []
                continue
            across = 1 - (now - time_s) / span
            line.append(
                QPointF(
                    room.left() + across * room.width(), room.bottom() - probability * room.height()
                )
            )
        painter.restore()


class People(FittedTable):
    """One row for each person, in the order of their numbers; ``picked`` gives a track id."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(4, parent)
        self.setAccessibleName(tr("People"))
        self.setHorizontalHeaderLabels([tr("Person"), tr("Verdict"), tr("Curve"), tr("For")])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(90)
        self._curve = _Curve(self)
        self.setItemDelegateForColumn(2, self._curve)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setDefaultSectionSize(SIDE + 8)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        columns.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        self.samples, self.fixed = {0: ("#000", "xxxxxx")}, {2: 76}
        self.fit()
        self._ids: list[int] = []
        self._faces: dict[int, QImage] = {}
        self._private = False
        self._spare: int | None = None
        self._told: dict[int, tuple[VerdictState, bool]] = {}
        self.currentCellChanged.connect(self._on_current)

    @property
    def track_ids(self) -> tuple[int, ...]:
        """Who is shown, from above."""
        return tuple(self._ids)

    def show_lanes(self, lanes: Sequence[Lane], now: float, chosen: int | None) -> None:
        """Show these people at ``now``, the seconds of their time line."""
        if [lane.track_id for lane in lanes] != self._ids:
            self._rebuild([lane.track_id for lane in lanes], chosen)
        self._tell(lanes)
        for row, lane in enumerate(lanes):
            text = verdict_text(lane.verdict, present=lane.present)
            self._put(row, 1, text)
            self._put(row, 3, duration(lane.verdict.since_s))
            person = self.item(row, 0)
            if person is not None:
                person.setData(Qt.ItemDataRole.AccessibleTextRole, _spoken(lane))
            cell = self.item(row, 2)
            if cell is not None:
                recent = tuple(s for s in lane.samples if s[0] >= now - CURVE_S)
                cell.setData(_CURVE, (recent, now))

    def show_faces(self, pictures: Mapping[int, QImage]) -> None:
        """Put these pictures beside the people."""
        self._faces = {i: f for i, f in {**self._faces, **pictures}.items() if i in self._ids}
        self._show_icons(pictures)

    def hide_faces(self, *, on: bool, spare: int | None) -> None:
        """Make every face but that of ``spare`` unknowable, also of those who have left."""
        if (on, spare) != (self._private, self._spare):
            self._private, self._spare = on, spare
            self._show_icons(self._faces)

    def _show_icons(self, track_ids: Collection[int]) -> None:
        for row, track_id in enumerate(self._ids):
            item = self.item(row, 0)
            if item is not None and track_id in track_ids:
                hidden = self._private and track_id != self._spare
                face = self._faces[track_id]
                item.setIcon(_untinted(QPixmap.fromImage(_blocks(face) if hidden else face)))

    def _tell(self, lanes: Sequence[Lane]) -> None:
        """Let screen readers know of whom something else is said now; numbers that only waver
        would make them talk all the time.
        """
        told = {lane.track_id: (lane.verdict.state, lane.present) for lane in lanes}
        new = [lane for lane in lanes if self._told.get(lane.track_id) != told[lane.track_id]]
        self._told = told
        if new:
            self.setAccessibleDescription("; ".join(_spoken(lane) for lane in new))
        elif not lanes and self.accessibleDescription():
            self.setAccessibleDescription("")

    def _rebuild(self, track_ids: list[int], chosen: int | None) -> None:
        icons = {self._ids[r]: i.icon() for r in range(self.rowCount()) if (i := self.item(r, 0))}
        self.blockSignals(True)
        self._ids = track_ids
        self.setRowCount(len(track_ids))
        for row, track_id in enumerate(track_ids):
            for column in range(4):
                self.setItem(row, column, QTableWidgetItem())
            self._put(row, 0, f"#{track_id}")
            person = self.item(row, 0)
            if person is not None and track_id in icons:
                person.setIcon(icons[track_id])
        if chosen in track_ids:
            self.selectRow(track_ids.index(chosen))
        self.blockSignals(False)

    def _put(self, row: int, column: int, text: str) -> None:
        item = self.item(row, column)
        if item is not None and item.text() != text:
            item.setText(text)
            item.setToolTip(tip(text))

    def _on_current(self, row: int, *_: int) -> None:
        if 0 <= row < len(self._ids):
            self.picked.emit(self._ids[row])
