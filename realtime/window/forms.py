"""Small parts that dialogs are made of; texts from outside are shown as they are, never as HTML."""

from __future__ import annotations

import html
import os

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QSizePolicy, QWidget

from realtime.redact import redact
from realtime.window.controls import ElidedLabel


def text(words: str, *, name: str = "", parent: QWidget | None = None) -> QLabel:
    """A paragraph that wraps."""
    label = QLabel(words, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    if name:
        label.setAccessibleName(name)
    return label


def elided(words: str, name: str) -> ElidedLabel:
    """One line from outside, cut where there is no room for it."""
    label = ElidedLabel()
    label.setAccessibleName(name)
    label.set_full_text(redact(words))
    return label


def tip(words: str) -> str:
    """A tool tip that shows ``words`` and takes nothing in them for a tag."""
    return f"<qt>{html.escape(redact(words))}</qt>" if words else ""


def quiet_button(words: str) -> QPushButton:
    """A button that Enter does not press from elsewhere in its dialog."""
    made = QPushButton(words)
    made.setAutoDefault(False)
    return made


def short(name: str) -> str:
    """What a source is called in a line: a file without its folders."""
    return redact(name if "://" in name else os.path.basename(name) or name)


class Complaint(QLabel):
    """What is wrong with what was entered; hidden until there is something."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAccessibleName("")
        self.hide()

    def say(self, sentence: object) -> None:
        """Show it, redacted."""
        # Long names get places to break at, or they would widen the window.
        self.setText(redact(sentence).replace("/", "/\u200b"))
        self.setAccessibleName(redact(sentence))
        self.show()


def fit(dialog: QDialog, letters: int, lines: int) -> None:
    """Make ``dialog``, which is laid out, so wide and so high at least, and higher where its texts
    wrap; never larger than the screen."""
    metrics = dialog.fontMetrics()
    wide, high = letters * metrics.averageCharWidth(), lines * metrics.lineSpacing()
    screen = QGuiApplication.primaryScreen()
    if screen is not None:
        room = screen.availableGeometry()
        wide, high = min(wide, room.width() - 40), min(high, room.height() - 60)
    layout = dialog.layout()
    if layout is not None and layout.hasHeightForWidth():
        high = max(high, layout.totalHeightForWidth(wide))
    dialog.resize(wide, high)


def button(box: QDialogButtonBox, words: str, role: QDialogButtonBox.ButtonRole) -> QPushButton:
    """One more button in ``box``."""
    made = box.addButton(words, role)
    assert made is not None
    return made
