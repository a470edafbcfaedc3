"""Why it says so of one person: a row for each witness, the classifier first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qtpy.QtCore import QModelIndex, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QPainter
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime.history import Lane
from realtime.redact import redact
from realtime.types import Cue, Verdict, VerdictState
from realtime.window.fitted_table import FittedTable
from realtime.window.people import verdict_text
from realtime.window.states import duration
from realtime.window.themes import state_hex
from realtime.window.tips import tip
from realtime.window.translate import later, tr

FULL_NATS: Final = 4.0
"""A bar that is full in its half stands for so much."""
CLASSIFIER: Final = "classifier"
_NAMES: Final = {
    CLASSIFIER: later("classifier"),
    "blink": later("blink"),
    "change": later("change"),
    "dynamics": later("dynamics"),
    "head": later("head"),
    "lipsync": later("lipsync"),
    "pulse": later("pulse"),
    "timing": later("timing"),
}
_LLR: Final = Qt.ItemDataRole.UserRole + 1
_EDGE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Witness:
    """What one witness says. ``llr`` in nats, positive for fake, None if it cannot judge."""

    name: str
    llr: float | None
    text: str
    seconds: float


def witness_name(name: str) -> str:
    """What the window calls the witness of that name."""
    return tr(_NAMES[name]) if name in _NAMES else name


def classifier(verdict: Verdict) -> Witness:
    """The classifier as a witness: the log-odds of the verdict without what others added."""
    if verdict.probability is None:
        why = redact(verdict.reasons[0]) if verdict.reasons else ""
        text = tr("not assessable: {why}")
        return Witness(CLASSIFIER, None, text.format(why=why), verdict.assessable_s)
    p = min(max(verdict.probability, _EDGE), 1 - _EDGE)
    own = math.log(p / (1 - p)) - verdict.evidence
    text = tr("{number} by itself").format(number=f"{1 / (1 + math.exp(-own)):.2f}")
    return Witness(CLASSIFIER, own, text, verdict.assessable_s)


def witnesses(verdict: Verdict, cues: Sequence[Cue]) -> list[Witness]:
    """The classifier, then the others in their own order."""
    others = [
        Witness(c.name, c.llr if c.assessable else None, redact(c.text), c.seconds) for c in cues
    ]
    return [classifier(verdict), *others]


class _Bar(QStyledItemDelegate):
    """Draws a bar to the right for fake and to the left for real, and the number over it."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        llr = index.data(_LLR)
        if painter is not None and llr is not None:
            room = QRectF(option.rect).adjusted(2, 0, -2, -3)
            middle = room.center().x()
            share = min(1.0, abs(llr) / FULL_NATS) * room.width() / 2
            state = VerdictState.STRONG if llr > 0 else VerdictState.LITTLE_EVIDENCE
            left = middle if llr > 0 else middle - share
            # Below the number, which must be readable on every theme.
            bar = QRectF(left, room.bottom() - 4, share, 4)
            painter.fillRect(bar, QBrush(QColor(state_hex(state))))
            painter.fillRect(QRectF(middle, room.bottom() - 5, 1, 5), option.palette.text())
        super().paint(painter, option, index)


class Why(QWidget):
    """The witnesses on the person that is selected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = QLabel(tr("Select a person."))
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        self.headline.setWordWrap(True)
        self.table = FittedTable(4)
        self.table.setAccessibleName(tr("Witnesses"))
        titles = [tr("Witness"), tr("◀ real\nfake ▶"), tr("What it says"), tr("For")]
        self.table.setHorizontalHeaderLabels(titles)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(True)
        self.table.setTabKeyNavigation(False)
        self._bar = _Bar(self)
        self.table.setItemDelegateForColumn(1, self._bar)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setMinimumSectionSize(34)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.table.samples = {0: [tr(name) for name in _NAMES.values()]}
        self.table.fit()
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.headline)
        column.addWidget(self.table, 1)

    def show_lane(self, lane: Lane | None) -> None:
        """Show what is said of this person; None while nobody is selected."""
        if lane is None:
            self.headline.setText(tr("Select a person."))
            self.table.setRowCount(0)
            return
        verdict = lane.verdict
        text = f"#{lane.track_id} {verdict_text(verdict, present=lane.present)}"
        self.headline.setText(
            tr("{verdict} · for {time}").format(verdict=text, time=duration(verdict.since_s))
        )
        found = witnesses(verdict, lane.cues)
        self.table.setRowCount(len(found))
        for row, witness in enumerate(found):
            number = "–" if witness.llr is None else f"{witness.llr:+.2f}"
            texts = (witness_name(witness.name), number, witness.text, duration(witness.seconds))
            for column, one in enumerate(texts):
                self._put(row, column, one)
            bar = self.table.item(row, 1)
            if bar is not None:
                bar.setData(_LLR, witness.llr)

    def _put(self, row: int, column: int, text: str) -> None:
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, column, item)
            if column == 1:
                item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)
        if item.text() != text:
            item.setText(text)
            item.setToolTip(tip(text))
