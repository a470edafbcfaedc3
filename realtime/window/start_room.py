"""Gives the start page of a small window the whole of it, until there is something to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QByteArray

from realtime.window.actions import Actions
from realtime.window.start_page import StartPage

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

ENOUGH: Final = (960, 640)
"""Pixels of 96 dpi across and down from which on there is room for page and docks."""


class StartRoom:
    """Hides the empty docks of a small ``window`` as long as nothing was ever opened in it."""

    def __init__(self, window: MainWindow, page: StartPage, actions: Actions) -> None:
        self._window = window
        self._page = page
        self._layout: QByteArray | None = None
        page.fitted.connect(self.fit)
        actions.reset_layout.triggered.connect(self._forget)
        actions.full_screen.toggled.connect(lambda _on: self.fit())

    def fit(self) -> None:
        """Hide the docks, or bring them back as they were."""
        window = self._window
        if window.isFullScreen():  # which has none in any case
            return
        small = window.width() < ENOUGH[0] or window.height() < ENOUGH[1]
        if small and window.asked is None and self._page.isVisible():
            self._hide()
        else:
            self.give_back()

    def give_back(self) -> None:
        """As it was before; nothing if nothing was hidden."""
        layout, self._layout = self._layout, None
        if layout is not None:
            self._window.restoreState(layout)

    def _hide(self) -> None:
        docks = [dock for dock in self._window.desk.docks if not dock.isFloating()]
        if self._layout is None and not all(dock.isHidden() for dock in docks):
            self._layout = self._window.saveState()
            for dock in docks:
                dock.hide()

    def _forget(self) -> None:
        self._layout = None
