"""The menu of what was watched last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAction, QMenu

from realtime.window import glyphs
from realtime.window.recents import Recent
from realtime.window.tips import tip

_WIDEST: Final = 420
"""Of an entry, in pixels of 96 dpi."""


def fill(
    menu: QMenu, recents: Sequence[Recent], give: Callable[[Recent], None], clear: QAction
) -> None:
    """Have ``menu`` offer these, and ``clear`` below them; ``give`` gets what is chosen."""
    menu.clear()
    menu.setToolTipsVisible(True)
    for recent in recents:
        middle = Qt.TextElideMode.ElideMiddle
        text = menu.fontMetrics().elidedText(recent.label, middle, _WIDEST)
        action = QAction(text.replace("&", "&&"), menu)
        action.setIcon(glyphs.icon(recent.drawing))
        action.setToolTip(tip(recent.about))
        action.triggered.connect(_giver(give, recent))
        menu.addAction(action)
    menu.addSeparator()
    menu.addAction(clear)
    clear.setEnabled(bool(recents))


def _giver(give: Callable[[Recent], None], recent: Recent) -> Callable[[], None]:
    """Without the state of the action that Qt hands over."""
    return lambda: give(recent)
