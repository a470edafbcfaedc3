"""Asks what is to be in a report and where it goes, and shows how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qtpy.QtCore import QSize, QStandardPaths, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QRadioButton,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QVBoxLayout,
    QWidget,
)

from realtime.report.gather import Outline
from realtime.window.controls import clock
from realtime.window.export_job import Export, Part, suggested
from realtime.window.forms import Complaint, button, fit, quiet_button, short, text, tip
from realtime.window.people import SIGNS
from realtime.window.recording import Recording
from realtime.window.states import verdict_name
from realtime.window.translate import tr

_CHECKED, _UNCHECKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked
_DATA: Final = Qt.ItemDataRole.UserRole
_FULL: Final = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """One source that may be in the report; ``people`` as they are now."""

    name: str
    recording: Recording
    people: tuple[Outline, ...]


class ExportDialog(QDialog):
    """``wanted`` gives an `Export`; ``stopped`` says that it is not wanted any more.

    It stays open until `done_with` or `complain` says how it went.
    """

    wanted = Signal(object)
    stopped = Signal()

    def __init__(self, offers: Sequence[Offer], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Export a report"))
        self.replace = False
        self.busy = False
        self.tree = _tree(offers)
        self.html = QRadioButton(tr("&HTML, one page for a browser"))
        self.pdf = QRadioButton(tr("&PDF, to print or to hand on"))
        self.html.setChecked(True)
        self.faces = QCheckBox(tr("With pictures of the &faces"))
        self.heat = QCheckBox(tr("With heat &maps beside them"))
        self.heat.setEnabled(False)
        self.view = QCheckBox(tr("Open it &afterwards"))
        self.view.setChecked(True)
        place = QStandardPaths.StandardLocation.DocumentsLocation
        folder = Path(QStandardPaths.writableLocation(place) or ".")
        self.path = QLineEdit(str(suggested([short(o.name) for o in offers], folder, ".html")))
        self.path.setAccessibleName(tr("File of the report"))
        self.browse = quiet_button(tr("&Browse…"))
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("How far the report is"))
        self.bar.setRange(0, _FULL)
        self.bar.hide()
        self.complaint = Complaint()
        self._lay_out()
        self._connect()
        fit(self, 76, 30)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is ticked."""
        found = []
        for number in range(self.tree.topLevelItemCount()):
            source = self.tree.topLevelItem(number)
            if source is None or source.checkState(0) == _UNCHECKED:
                continue
            people = [source.child(i) for i in range(source.childCount())]
            ticked = {p.data(0, _DATA) for p in people if p and p.checkState(0) == _CHECKED}
            # Who comes while it is being written belongs to all.
            everyone = source.checkState(0) == _CHECKED
            recording = source.data(0, _DATA)
            found.append(Part(recording, None if everyone else frozenset(ticked)))
        return tuple(found)

    def show_progress(self, share: float) -> None:
        """So much of it is done, 0 to 1."""
        self.bar.setValue(round(share * _FULL))

    def done_with(self) -> None:
        """It is written."""
        self.busy = False
        self.accept()

    def complain(self, error: object, *, replace: bool = False) -> None:
        """It was not written; with ``replace`` it will be if it is asked for once more."""
        self._set_busy(False)
        self.replace = replace
        self.complaint.say(error)
        self.save.setFocus()

    def reject(self) -> None:
        """Stop what is being written, or close."""
        if self.busy:
            self.stopped.emit()
        super().reject()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        name = QLabel(tr("F&ile"))
        name.setBuddy(self.path)
        for widget in (name, self.path, self.browse):
            row.addWidget(widget)
        buttons = QDialogButtonBox()
        roles = QDialogButtonBox.ButtonRole
        self.save = button(buttons, tr("&Export"), roles.AcceptRole)
        self.save.setDefault(True)
        self.cancel = button(buttons, tr("Cancel"), roles.RejectRole)
        buttons.accepted.connect(self.accept_wish)
        buttons.rejected.connect(self.reject)
        privacy = text(
            tr(
                "Pictures of faces are data about human beings: give such a report only to whom "
                "it is for. Without them it says the same in words and curves."
            )
        )
        column = QVBoxLayout(self)
        column.addWidget(text(tr("What is ticked will be in it:")))
        column.addWidget(self.tree, 1)
        for one in (self.html, self.pdf, self.faces):
            column.addWidget(one)
        column.addWidget(privacy)
        column.addWidget(self.heat)
        column.addLayout(row)
        column.addWidget(self.view)
        column.addWidget(self.bar)
        column.addWidget(self.complaint)
        column.addWidget(buttons)

    def _connect(self) -> None:
        self.pdf.toggled.connect(self._change_suffix)
        self.faces.toggled.connect(self.heat.setEnabled)
        self.browse.clicked.connect(self._browse)
        self.path.textChanged.connect(self._forget_replacing)
        self.tree.itemChanged.connect(self._enable)
        self._enable()

    def accept_wish(self) -> None:
        """Ask for it."""
        name = self.path.text().strip()
        if not name:
            self.complaint.say(tr("Name the file that the report goes into."))
            return
        self._set_busy(True)
        self.wanted.emit(
            Export(
                Path(name),
                self.parts,
                faces=self.faces.isChecked(),
                heat=self.heat.isChecked(),
                replace=self.replace,
            )
        )

    def _set_busy(self, busy: bool) -> None:
        self.busy = busy
        self.bar.setValue(0)
        self.bar.setVisible(busy)
        self.complaint.hide()
        fields = (self.tree, self.html, self.pdf, self.faces, self.path, self.browse, self.view)
        for one in (*fields, self.save):
            one.setEnabled(not busy)
        self.heat.setEnabled(not busy and self.faces.isChecked())

    def _change_suffix(self) -> None:
        suffix = ".pdf" if self.pdf.isChecked() else ".html"
        path = Path(self.path.text())
        if path.suffix.lower() in (".html", ".htm", ".pdf"):
            self.path.setText(str(path.with_suffix(suffix)))

    def _browse(self) -> None:
        kinds = tr("Reports (*.html *.htm *.pdf)")
        title = tr("Where the report goes")
        path, _ = QFileDialog.getSaveFileName(self, title, self.path.text(), kinds)
        if path:
            self.path.setText(path)
            self.replace = True  # the dialog has asked

    def _forget_replacing(self, path: str) -> None:
        self.replace = False
        lowered = path.lower()
        for choice, ends in ((self.pdf, (".pdf",)), (self.html, (".html", ".htm"))):
            if lowered.endswith(ends) and not choice.isChecked():
                choice.setChecked(True)

    def _enable(self) -> None:
        self.save.setEnabled(bool(self.parts) and not self.busy)


def _tree(offers: Sequence[Offer]) -> QTreeWidget:
    tree = QTreeWidget()
    tree.setHeaderHidden(True)
    tree.setAccessibleName(tr("Sources and people of the report"))
    tree.setTextElideMode(Qt.TextElideMode.ElideRight)
    for offer in offers:
        source = QTreeWidgetItem([short(offer.name)])
        source.setToolTip(0, tip(offer.name))
        source.setData(0, _DATA, offer.recording)
        source.setFlags(source.flags() | Qt.ItemFlag.ItemIsAutoTristate)
        source.setCheckState(0, _CHECKED)
        for person in offer.people:
            source.addChild(_person(person))
        tree.addTopLevelItem(source)
        source.setExpanded(True)
    high = tree.fontMetrics().height() + 8
    items = QTreeWidgetItemIterator(tree)
    while (item := items.value()) is not None:
        item.setSizeHint(0, QSize(0, high))
        items += 1
    tree.setCurrentItem(tree.topLevelItem(0))
    return tree


def _person(person: Outline) -> QTreeWidgetItem:
    number = "" if person.probability is None else f" {person.probability:.2f}"
    verdict = f"{SIGNS[person.state]} {verdict_name(person.state)}{number}"
    seen = f"{clock(person.first_s)} – {clock(person.last_s)}"
    item = QTreeWidgetItem([f"#{person.track_id}  {verdict}  {seen}"])
    item.setData(0, _DATA, person.track_id)
    item.setCheckState(0, _CHECKED)
    return item
