"""Everything the viewer can do, with its key: menus, buttons and the list of shortcuts."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtGui import QIcon, QKeySequence, QPainter, QPalette, QPixmap
from qtpy.QtWidgets import (
    QAction,
    QActionGroup,
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QStyle,
)

from realtime.window.themes import SYSTEM, THEMES


class Actions:
    """The actions of one window, in its menus. They hold in full screen too."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        menu = self._menu("&File")
        self.open = self._add(menu, "&Open a video file…", "Ctrl+O")
        self.open_device = self._add(menu, "Watch a &camera, screen or window…", "Ctrl+D")
        self.open_stream = self._add(menu, "Watch a &stream…", "Ctrl+L")
        self.open_config = self._add(menu, "Watch &many sources…", "Ctrl+M")
        menu.addSeparator()
        self.start_stop = self._add(menu, "&Start or stop", "Ctrl+R")
        self.start_stop.setEnabled(False)
        self.reopen = self._add(menu, "Open &again", "Ctrl+Shift+R")
        self.reopen.setEnabled(False)
        menu.addSeparator()
        self.quit = self._add(menu, "&Quit", "Ctrl+Q")
        menu = self._menu("&View")
        self.heat = self._add(menu, "&Heat map", "H", checked=False)
        self.boxes = self._add(menu, "&Boxes", "B", checked=True)
        self.labels = self._add(menu, "&Labels", "T", checked=True)
        self.landmarks = self._add(menu, "Land&marks", "L", checked=False)
        self.blur = self._add(menu, "&Privacy: blur the others", "P", checked=False)
        menu.addSeparator()
        self.larger = self._add(menu, "Lar&ger text", "Ctrl++")
        self.smaller = self._add(menu, "S&maller text", "Ctrl+-")
        self.themes = self._themes(menu)
        self.reset_layout = self._add(menu, "&Reset layout", "Ctrl+Shift+L")
        menu.addSeparator()
        self.full_screen = self._add(menu, "&Full screen", "F11", checked=False)
        menu = self._menu("&Playback")
        self.play = self._add(menu, "&Play or pause", "Space")
        menu.addSeparator()
        self.back = self._add(menu, "5 seconds &back", "Left")
        self.forward = self._add(menu, "5 seconds &forward", "Right")
        self.step_back = self._add(menu, "One frame b&ack", ",")
        self.step = self._add(menu, "&One frame on", ".")
        self.home = self._add(menu, "To the &start", "Home")
        self.end = self._add(menu, "To the &end", "End")
        self.tenths = [self._tenth(i) for i in range(10)]
        self._add_evidence()
        menu = self._menu("&Help")
        self.palette = self._add(menu, "&Commands…", "Ctrl+Shift+P")
        self.shortcuts = self._add(menu, "&Shortcuts", "F1")
        self.about = self._add(menu, "&About", "")
        self.leave_full_screen = QAction("Leave full screen", window)
        self.leave_full_screen.setShortcut(QKeySequence("Esc"))
        window.addAction(self.leave_full_screen)
        self._playing = False
        self.set_playing(False, ready=False)

    @property
    def buttons(self) -> list[QAction]:
        """Those that have a button below the picture, in order."""
        return [self.step_back, self.play, self.step]

    @property
    def beginnings(self) -> list[QAction]:
        """The ways to begin, for the start page."""
        return [self.open, self.open_device, self.open_stream, self.open_config]

    def set_live(self, held: bool | None) -> None:
        """A live source can only be held, and whether it is; None if there is nothing to hold.

        The analysis goes on meanwhile, so this is not called a pause.
        """
        self.set_playing(not held, ready=False)
        self.play.setText("Show the &live picture" if held else "&Hold the picture")
        self.play.setEnabled(held is not None)

    def set_playing(self, playing: bool, *, ready: bool) -> None:
        """Show what the play button would do, and whether there is anything to play."""
        self.play.setText("&Play or pause")
        self._playing = playing
        self.show_icons()
        for action in (
            self.play,
            self.back,
            self.forward,
            self.step_back,
            self.step,
            self.home,
            self.end,
            *self.tenths,
        ):
            action.setEnabled(ready)

    def help_text(self) -> str:
        """One line for each action that has a key."""
        native = QKeySequence.SequenceFormat.NativeText
        return "\n".join(
            f"{action.shortcut().toString(native)}:  {plain(action)}"
            for action in self._window.actions()
            if not action.shortcut().isEmpty()
        )

    def _add_evidence(self) -> None:
        menu = self._menu("&Evidence")
        self.snapshot = self._add(menu, "&Snapshot", "S")
        self.mark = self._add(menu, "&Mark with a note…", "M")
        self.acknowledge = self._add(menu, "&Acknowledge", "A")
        menu.addSeparator()
        self.alert_before = self._add(menu, "&Previous alert", "[")
        self.alert_after = self._add(menu, "&Next alert", "]")

    def add_docks(self, docks: Sequence[QDockWidget]) -> None:
        """Let each be shown and hidden in the menu of views."""
        menu = self._views
        for dock in docks:
            toggle = dock.toggleViewAction()
            if toggle is not None:
                toggle.setToolTip(f"Show or hide: {dock.windowTitle()}")
                menu.addAction(toggle)

    def _themes(self, views: QMenu) -> dict[str, QAction]:
        self._views = views
        menu = views.addMenu("&Theme")
        assert menu is not None
        group = QActionGroup(self._window)
        found = {}
        for name in (SYSTEM, *THEMES):
            found[name] = self._add(menu, f"Theme: {name}", "", checked=name == SYSTEM)
            group.addAction(found[name])
        return found

    def _tenth(self, digit: int) -> QAction:
        action = QAction(f"Go to {10 * digit} %", self._window)
        action.setShortcut(QKeySequence(str(digit)))
        action.setToolTip(f"{action.text()} ({digit})")
        self._window.addAction(action)
        return action

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        assert bar is not None
        menu = bar.addMenu(title)
        assert menu is not None
        return menu

    def _add(self, menu: QMenu, text: str, keys: str, *, checked: bool | None = None) -> QAction:
        action = QAction(text, self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        action.setToolTip(f"{plain(action)} ({keys})" if keys else plain(action))
        menu.addAction(action)
        # On the window as well: the keys must work while the menu is hidden.
        self._window.addAction(action)
        return action

    def show_icons(self) -> None:
        """Draw the icons of the buttons in the colour that text has now."""
        kinds = QStyle.StandardPixmap
        playing = kinds.SP_MediaPause if self._playing else kinds.SP_MediaPlay
        self.step_back.setIcon(self._icon(kinds.SP_MediaSeekBackward))
        self.step.setIcon(self._icon(kinds.SP_MediaSeekForward))
        self.play.setIcon(self._icon(playing))

    def _icon(self, kind: QStyle.StandardPixmap) -> QIcon:
        style = self._window.style()
        assert style is not None
        # Those of the style are black on every ground.
        picture = style.standardIcon(kind).pixmap(24, 24)
        roles, groups = QPalette.ColorRole, QPalette.ColorGroup
        icon = QIcon()
        palette = QApplication.palette()
        for mode, group in (
            (QIcon.Mode.Normal, groups.Active),
            (QIcon.Mode.Disabled, groups.Disabled),
        ):
            tinted = QPixmap(picture)
            painter = QPainter(tinted)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
            painter.fillRect(tinted.rect(), palette.color(group, roles.WindowText))
            painter.end()
            icon.addPixmap(tinted, mode)
        return icon


def plain(action: QAction) -> str:
    """Its text without the sign for the key of the menu."""
    return action.text().replace("&", "")
