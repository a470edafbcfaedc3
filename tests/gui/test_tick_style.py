"""Boxes and rings that can be seen in every theme."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractButton, QCheckBox, QRadioButton, QWidget

from realtime.window.themes import THEMES, Look, contrast


def colours(widget: QWidget) -> set[str]:
    image = widget.grab().toImage()
    everywhere = [(x, y) for x in range(image.width()) for y in range(image.height())]
    return {QColor(image.pixel(x, y)).name() for x, y in everywhere}


@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
@pytest.mark.parametrize("theme", sorted(THEMES))
def test_an_empty_box_stands_out_and_a_ticked_one_differs(
    qtbot: QtBot, theme: str, kind: type[QAbstractButton]
) -> None:
    look = Look()
    look.choose(theme)
    button = kind()
    qtbot.addWidget(button)
    button.resize(button.sizeHint())
    empty = button.grab().toImage()
    best = max(contrast(colour, THEMES[theme].window) for colour in colours(button))
    assert best >= 3.0
    button.setChecked(True)
    assert button.grab().toImage() != empty
    button.setEnabled(False)
    assert button.grab().toImage() != empty
    look.choose("system")


def test_a_box_that_is_partly_ticked_is_neither(qtbot: QtBot) -> None:
    box = QCheckBox()
    qtbot.addWidget(box)
    box.setTristate(True)
    pictures = []
    for state in range(3):
        box.setCheckState(type(box.checkState())(state))
        pictures.append(box.grab().toImage())
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]
