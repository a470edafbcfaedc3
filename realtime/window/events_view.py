"""The table of what happened, newest first."""

from __future__ import annotations

import time
from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from realtime.events import Event, EventKind
from realtime.window.tips import tip
from realtime.window.translate import later, tr

_SIGNS = {
    EventKind.ALERT: "▲",
    EventKind.ALERT_OVER: "▽",
    EventKind.CHANGE: "◆",
    EventKind.SOURCE_LOST: "✕",
    EventKind.SOURCE_BACK: "○",
    EventKind.MARK: "⚑",
    EventKind.CHALLENGE: "?",
}
_KINDS = {
    EventKind.ALERT: later("Alert"),
    EventKind.ALERT_OVER: later("Alert over"),
    EventKind.CHANGE: later("Change"),
    EventKind.SOURCE_LOST: later("Source lost"),
    EventKind.SOURCE_BACK: later("Source back"),
    EventKind.MARK: later("Mark"),
    EventKind.CHALLENGE: later("Challenge"),
}
_TITLES = (
    later("Time"),
    later("Source"),
    later("Person"),
    later("What"),
    later("Acknowledged"),
)


class EventsView(QTableWidget):
    """``picked`` gives the `Event` of a row that was clicked or reached with Enter."""

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self.setAccessibleName(tr("Events"))
        self.setHorizontalHeaderLabels([tr(title) for title in _TITLES])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(60)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
        columns.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.setColumnWidth(1, 160)
        self._events: tuple[Event, ...] = ()
        self.itemClicked.connect(self._on_item)
        self.itemActivated.connect(self._on_item)

    @property
    def chosen(self) -> Event | None:
        """The event of the selected row, None without one."""
        model = self.selectionModel()
        rows = [] if model is None else model.selectedRows()
        return self._events[rows[0].row()] if rows else None

    def show_events(self, events: Sequence[Event]) -> None:
        """Show these; the selection stays with its event."""
        before = self.chosen
        self._events = tuple(reversed(events))
        self.setRowCount(len(self._events))
        for row, event in enumerate(self._events):
            for column, text in enumerate(_texts(event)):
                item = self.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.setItem(row, column, item)
                if item.text() != text:
                    item.setText(text)
                    item.setToolTip(tip(text))
        self.clearSelection()
        for row, event in enumerate(self._events):
            if before is not None and event.number == before.number:
                self.selectRow(row)

    def _on_item(self, item: QTableWidgetItem) -> None:
        self.picked.emit(self._events[item.row()])


def _texts(event: Event) -> tuple[str, ...]:
    answered = ""
    if event.needs_answer:
        answered = tr("yes") if event.acknowledged else tr("no")
    person = "" if event.track_id is None else f"#{event.track_id}"
    when = time.strftime("%H:%M:%S", time.localtime(event.wall_s))
    what = f"{_SIGNS[event.kind]} {tr(_KINDS[event.kind])}: {event.text}"
    return when, event.source, person, what, answered
