"""The row above the picture: where it comes from, start and stop, and what one does at once."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QAction, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from realtime.window import glyphs
from realtime.window.translate import tr


class SourceBar(QToolBar):
    """Buttons for ``actions``, each with the name of its drawing, behind one for ``sources``, a
    menu of which ``entries`` get drawings as well."""

    def __init__(
        self, sources: QMenu, entries: Mapping[str, QAction], actions: Mapping[str, QAction]
    ) -> None:
        super().__init__(tr("Source and tools"))
        self.setObjectName("source bar")
        self.setAccessibleName(self.windowTitle())
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._named = dict(actions)
        self._entries = dict(entries)
        self.source = QToolButton()
        self.source.setText(tr("Source"))
        self.source.setToolTip(tr("Choose what is watched"))
        self.source.setAccessibleName(self.source.toolTip())
        self.source.setMenu(sources)
        self.source.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.source.setToolButtonStyle(self.toolButtonStyle())
        self.source.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.addWidget(self.source)
        self.addSeparator()
        for name, action in actions.items():
            if name == "settings":
                self.addWidget(_spring())
            self.addAction(action)
            button = self.widgetForAction(action)
            if isinstance(button, QToolButton):
                button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the window's own keys act
                if name == "settings":
                    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        actions["mark"].setIconText(tr("Mark"))  # without the note, which is asked for anyway
        self._drawn: dict[str, str] = {}
        self.draw()

    def draw(self) -> None:
        """Draw everything in the colour that text has now."""
        self.source.setIcon(glyphs.icon("camera"))
        for name, action in self._entries.items():
            action.setIcon(glyphs.icon(name))
        for name, action in self._named.items():
            if name != "play":  # drawn by whoever says what it would do
                action.setIcon(glyphs.icon(self._drawn.get(name, name)))
        more = self.findChild(QToolButton, "qt_toolbar_ext_button")
        if more is not None:  # Qt's own is black on every ground
            more.setIcon(glyphs.icon("more"))
            more.setAccessibleName(tr("More"))

    def show_running(self, *, running: bool) -> None:
        """Say what start and stop would do."""
        name = "stop" if running else "start"
        if self._drawn.get("start") != name:
            self._drawn["start"] = name
            action = self._named["start"]
            action.setIconText(tr("Stop") if running else tr("Start"))
            action.setIcon(glyphs.icon(name))

    def show_play(self, text: str) -> None:
        """Say what the button for playing would do, in one word."""
        self._named["play"].setIconText(text)

    def changeEvent(self, event: QEvent | None) -> None:
        """Other colours."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self.draw()


def _spring() -> QWidget:
    """Takes what room is left, so that what follows stands at the far end."""
    spring = QWidget()
    spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return spring
