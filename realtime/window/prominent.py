"""Text that is larger or bolder than the rest, and stays so when all text is made larger."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication, QLabel


class Prominent(QLabel):
    """Plain text, ``scale`` times as large as that of the application."""

    def __init__(self, scale: float = 1.0, *, bold: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._scale = scale
        self._bold = bold
        self._resize()
        # A font of its own is not changed with that of the application.
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.fontChanged.connect(self._resize)

    def _resize(self) -> None:
        font = QApplication.font()
        font.setPointSizeF(font.pointSizeF() * self._scale)
        font.setBold(self._bold)
        self.setFont(font)
