"""What the program says of itself when it is asked."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

from realtime import __version__
from realtime.window.translate import tr


def about(window: QWidget) -> None:
    """Say what this is, and under which licence."""
    parts = (
        f"fakewatch {__version__}",
        tr("Says, face by face, how strong the evidence is that a video was forged.")
        + "\n"
        + tr("Little evidence is no proof that a face is real."),
        tr("fakewatch: Apache License 2.0. This window uses PyQt5, GNU General Public License 3."),
    )
    tell(window, tr("About fakewatch"), "\n\n".join(parts))


def tell(window: QWidget, title: str, text: str) -> None:
    """Show ``text`` in a box over ``window``; returns at once."""
    box = QMessageBox(window)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.open()
