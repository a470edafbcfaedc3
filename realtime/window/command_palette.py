"""Finds an action by a part of its name, and does it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAction,
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime.window.actions import plain
from realtime.window.translate import tr


class CommandPalette(QDialog):
    """Type, choose with the arrows, Enter. Actions that cannot be done now are not listed."""

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Commands"))
        self._actions = [action for action in actions if action.isEnabled() and action.text()]
        self.search = QLineEdit()
        self.search.setAccessibleName(tr("Command"))
        self.search.setPlaceholderText(tr("Type a part of a command"))
        self.found = QListWidget()
        self.found.setAccessibleName(tr("Commands found"))
        self.setMinimumSize(420, 320)
        column = QVBoxLayout(self)
        column.addWidget(self.search)
        column.addWidget(self.found)
        self.search.textChanged.connect(self._look)
        self.search.returnPressed.connect(self._do)
        self.found.itemActivated.connect(self._do)
        self.search.installEventFilter(self)
        self._shown: list[QAction] = []
        self._look("")

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Up and down choose while one types."""
        keys = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if watched is self.search and isinstance(event, QKeyEvent) and event.key() in keys:
            if event.type() == QEvent.Type.KeyPress:
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                last = self.found.count() - 1
                self.found.setCurrentRow(min(max(self.found.currentRow() + step, 0), last))
            return True
        return super().eventFilter(watched, event)

    def _look(self, text: str) -> None:
        parts = text.casefold().split()
        self.found.clear()
        self._shown = [a for a in self._actions if all(p in plain(a).casefold() for p in parts)]
        for action in self._shown:
            self.found.addItem(QListWidgetItem(action.toolTip()))
        self.found.setCurrentRow(0)

    def _do(self, *_: object) -> None:
        row = self.found.currentRow()
        if 0 <= row < len(self._shown):
            action = self._shown[row]
            self.accept()
            action.trigger()
