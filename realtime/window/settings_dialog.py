"""All that a viewer can set, a page each; nothing changes before OK."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from realtime.errors import ConfigError
from realtime.window.forms import Complaint, button, fit, quiet_button
from realtime.window.settings_pages import Page
from realtime.window.translate import tr


class SettingsDialog(QDialog):
    """``saved`` says that all pages were. The pages are widgets."""

    saved = Signal()

    def __init__(self, pages: Sequence[Page], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Settings"))
        self.pages = tuple(pages)
        self.tabs = QTabWidget()
        for page in self.pages:
            assert isinstance(page, QWidget)
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setFrameShape(QFrame.Shape.NoFrame)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setWidget(page)
            self.tabs.addTab(area, page.title)
        self.complaint = Complaint()
        buttons = QDialogButtonBox()
        roles = QDialogButtonBox.ButtonRole
        self.ok = button(buttons, tr("OK"), roles.AcceptRole)
        self.ok.setDefault(True)
        button(buttons, tr("Cancel"), roles.RejectRole)
        # Beside the box: inside, Qt lets Tab skip all the others.
        self.restore = quiet_button(tr("&Restore defaults"))
        self.restore.setToolTip(tr("Of the page that is shown; nothing changes before OK"))
        self.restore.clicked.connect(self._restore)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.complaint)
        row = QHBoxLayout()
        row.addWidget(self.restore)
        row.addWidget(buttons, 1)
        column.addLayout(row)
        fit(self, 88, 36)

    def accept(self) -> None:
        """Let everything hold, or say in one sentence on which page something cannot."""
        for number, page in enumerate(self.pages):
            try:
                page.check()
            except ConfigError as exc:
                self.tabs.setCurrentIndex(number)
                self.complaint.say(exc)
                return
        for page in self.pages:
            page.save()
        self.saved.emit()
        super().accept()

    def _restore(self) -> None:
        self.complaint.hide()
        self.pages[self.tabs.currentIndex()].defaults()
