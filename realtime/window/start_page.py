"""What the window shows before the first source: the few ways to begin."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAction, QLabel, QPushButton, QVBoxLayout, QWidget

_CAUTION = (
    "The window shows how strong the evidence is that a face is fake.\n"
    "Little evidence is no proof that a face is real."
)


class StartPage(QWidget):
    """One large button for each of the actions."""

    def __init__(self, actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.addStretch(1)
        self.buttons = [_button(action) for action in actions]
        for button in self.buttons:
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        for text in ("or drop a file here", _CAUTION):
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addSpacing(8)
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)


def _button(action: QAction) -> QPushButton:
    button = QPushButton(action.text())
    button.setToolTip(action.toolTip())
    button.setFixedSize(320, 44)
    button.clicked.connect(action.trigger)
    return button
