"""Finds text that is cut: controls that have less room than what they say needs."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QTableView,
    QToolButton,
    QWidget,
)

from realtime.window.controls import ElidedLabel
from realtime.window.start_page import RecentButton

ELIDED = (ElidedLabel, RecentButton)
"""What ends in an ellipsis on purpose, with all of it in its tool tip."""


def cuts(root: QWidget) -> list[str]:
    """One line for each widget below ``root`` that shows less than it says."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisibleTo(root) or isinstance(widget, ELIDED):
            continue
        reasons = list(_reasons(widget))
        if _said(widget) and _outside(widget, root):
            reasons.append("outside of its window")
        found += [f"{type(widget).__name__} {_said(widget)!r}: {reason}" for reason in reasons]
    return found


def _said(widget: QWidget) -> str:
    if isinstance(widget, (QLabel, QPushButton, QToolButton, QCheckBox, QRadioButton)):
        return widget.text()
    return widget.accessibleName() if isinstance(widget, (QLineEdit, QComboBox)) else ""


def _reasons(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QLabel) and widget.text():
        yield from _label(widget)
    elif isinstance(widget, (QPushButton, QToolButton, QCheckBox, QRadioButton)) and widget.text():
        yield from _button(widget)
    elif isinstance(widget, (QLineEdit, QAbstractSpinBox, QComboBox)):
        if widget.height() < widget.minimumSizeHint().height():
            yield f"{widget.height()} high, needs {widget.minimumSizeHint().height()}"
    elif isinstance(widget, QHeaderView) and widget.orientation() == Qt.Orientation.Horizontal:
        yield from _header(widget)


def _label(label: QLabel) -> Iterator[str]:
    if label.wordWrap():
        need = label.heightForWidth(label.width())
    else:
        need = label.sizeHint().height()
        if label.width() < label.sizeHint().width():
            yield f"{label.width()} wide, needs {label.sizeHint().width()}"
    if label.height() < need:
        yield f"{label.height()} high, needs {need}"


def _button(button: QPushButton | QToolButton | QCheckBox | QRadioButton) -> Iterator[str]:
    if isinstance(button, QToolButton) and button.toolButtonStyle() == (
        Qt.ToolButtonStyle.ToolButtonIconOnly
    ):
        return
    need = button.fontMetrics().size(int(Qt.TextFlag.TextShowMnemonic), button.text())
    icon = 0 if button.icon().isNull() else button.iconSize().width()
    if isinstance(button, (QCheckBox, QRadioButton)):
        icon += button.fontMetrics().height() // 2
    if button.width() < need.width() + icon:
        yield f"{button.width()} wide, needs {need.width() + icon}"
    if button.height() < need.height():
        yield f"{button.height()} high, needs {need.height()}"


def _header(header: QHeaderView) -> Iterator[str]:
    model = header.model()
    if model is None or not isinstance(header.parent(), QTableView):
        return
    for section in range(header.count()):
        room, need = header.sectionSize(section), header.sectionSizeHint(section)
        if not header.isSectionHidden(section) and room < need:
            name = model.headerData(section, Qt.Orientation.Horizontal)
            yield f"column {name!r} is {room} wide, needs {need}"


def _outside(widget: QWidget, root: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None and parent is not root:
        if isinstance(parent, (QScrollArea, QAbstractScrollArea)):
            return False  # one scrolls to it
        parent = parent.parentWidget()
    around = QRect(widget.mapTo(root, QPoint(0, 0)), widget.size())
    return not root.rect().contains(around)
