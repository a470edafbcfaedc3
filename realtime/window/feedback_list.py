"""Shows what feedback is kept, and lets it be deleted and exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime.redact import redact
from realtime.window.controls import clock
from realtime.window.feedback_dialog import label_title
from realtime.window.feedback_job import Listing, Row
from realtime.window.forms import Complaint, button, fit, quiet_button, short, text, tip
from realtime.window.translate import tr, trn

_ID: Final = Qt.ItemDataRole.UserRole
_MAX_DAYS: Final = 100_000
_WIDEST: Final = 26
"""Letters of a column."""


class FeedbackList(QDialog):
    """Asks for what is to be done and shows what came of it; ``show_listing`` fills it.

    ``delete`` gives the numbers of entries, ``delete_person`` a key, ``purge`` days; ``export``
    asks for a folder elsewhere.
    """

    delete = Signal(object)
    delete_person = Signal(str)
    purge = Signal(int)
    export = Signal()

    def __init__(self, days: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Feedback that is kept"))
        self._rows: tuple[Row, ...] = ()
        self.about = text(tr("Reading …"), name=tr("How much is kept"))
        self.table = self._table()
        self.complaint = Complaint()
        self.delete_button = quiet_button(tr("&Delete these entries"))
        self.person_button = quiet_button(tr("Delete all of this &person"))
        self.export_button = quiet_button(tr("E&xport…"))
        self.purge_button = quiet_button(tr("Delete what is &older than"))
        self.days = QSpinBox()
        self.days.setAccessibleName(tr("Days"))
        self.days.setRange(0, _MAX_DAYS)
        self.days.setValue(round(days) or 90)
        self._lay_out()
        self._connect()
        self._enable()
        fit(self, 140, 26)

    @property
    def chosen(self) -> tuple[Row, ...]:
        """The entries that are selected."""
        model = self.table.selectionModel()
        rows = [] if model is None else model.selectedRows()
        return tuple(self._rows[index.row()] for index in rows if index.row() < len(self._rows))

    def show_listing(self, listing: Listing) -> None:
        """Show these entries."""
        self._rows = listing.rows
        self.table.setRowCount(len(listing.rows))
        for number, row in enumerate(listing.rows):
            for column, cell in enumerate(_cells(row)):
                item = QTableWidgetItem(redact(cell))
                item.setToolTip(tip(row.source if cell == short(row.source) else cell))
                self.table.setItem(number, column, item)
        self._fit_columns()
        self.about.setText(_about(listing))
        self._enable()

    def complain(self, error: object) -> None:
        """Say what went wrong."""
        self.complaint.say(error)

    def _table(self) -> QTableWidget:
        heads = [
            tr("When"),
            tr("What was said"),
            tr("Person"),
            tr("Source"),
            tr("Face"),
            tr("Span"),
            tr("Pictures"),
            tr("Note"),
        ]
        table = QTableWidget(0, len(heads))
        table.setAccessibleName(tr("Feedback that is kept"))
        table.setHorizontalHeaderLabels(heads)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setStretchLastSection(True)
        return table

    def _fit_columns(self) -> None:
        """As wide as their texts, but none so wide that others are out of sight."""
        most = self.table.fontMetrics().averageCharWidth() * _WIDEST
        self.table.resizeColumnsToContents()
        for column in range(self.table.columnCount() - 1):
            if self.table.columnWidth(column) > most:
                self.table.setColumnWidth(column, most)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for one in (self.delete_button, self.person_button, self.export_button):
            row.addWidget(one)
        row.addStretch(1)
        row.addWidget(self.purge_button)
        row.addWidget(self.days)
        unit = QLabel(tr("days"))
        unit.setBuddy(self.days)
        row.addWidget(unit)
        buttons = QDialogButtonBox()
        close = button(buttons, tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        close.setDefault(True)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.about)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        column.addWidget(self.complaint)
        column.addWidget(buttons)
        self.table.setFocus()

    def _connect(self) -> None:
        self.table.itemSelectionChanged.connect(self._enable)
        self.delete_button.clicked.connect(self._ask_to_delete)
        self.person_button.clicked.connect(self._ask_to_delete_person)
        self.purge_button.clicked.connect(self._ask_to_purge)
        self.export_button.clicked.connect(self.export.emit)

    def _enable(self) -> None:
        chosen = self.chosen
        self.delete_button.setEnabled(bool(chosen))
        self.person_button.setEnabled(len({row.person for row in chosen}) == 1)
        for one in (self.export_button, self.purge_button):
            one.setEnabled(bool(self._rows))

    def _ask_to_delete(self) -> None:
        ids = tuple(row.id for row in self.chosen)
        count = trn("Delete {count} entry?", "Delete {count} entries?", len(ids))
        self._ask(count.format(count=len(ids)), lambda: self.delete.emit(ids))

    def _ask_to_delete_person(self) -> None:
        person = self.chosen[0].person
        words = tr("Delete everything that is kept of this person: {person}?")
        self._ask(
            words.format(person=_short(redact(person))), lambda: self.delete_person.emit(person)
        )

    def _ask_to_purge(self) -> None:
        days = self.days.value()
        words = trn(
            "Delete everything older than {count} day?",
            "Delete everything older than {count} days?",
            days,
        )
        self._ask(words.format(count=days), lambda: self.purge.emit(days))

    def _ask(self, question: str, then: Callable[[], None]) -> None:
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Delete"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(question)
        box.setInformativeText(tr("It cannot be had back."))
        roles = QMessageBox.ButtonRole
        box.addButton(tr("&Delete"), roles.AcceptRole)
        keep = box.addButton(tr("&Keep"), roles.RejectRole)
        box.setDefaultButton(keep)
        box.accepted.connect(then)
        box.open()


def _cells(row: Row) -> tuple[str, ...]:
    face = tr("everyone") if row.track_id is None else f"#{row.track_id}"
    span = f"{clock(row.start_s)} – {clock(row.end_s)}"
    pictures = str(row.crops) if row.crops else "–"
    return (
        *(row.when, label_title(row.label), row.person, short(row.source)),
        *(face, span, pictures, row.note),
    )


def _about(listing: Listing) -> str:
    if not listing.count:
        return tr("No feedback is kept.")
    words = trn("{count} entry is kept.", "{count} entries are kept.", listing.count)
    told = words.format(count=listing.count)
    if listing.count > len(listing.rows):
        told += " " + tr("The newest {count} are shown.").format(count=len(listing.rows))
    return told


def _short(words: str) -> str:
    return words if len(words) <= 60 else words[:59] + "…"
