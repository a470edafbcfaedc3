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
    QToolBar,
)

from realtime.window.themes import SYSTEM, THEMES, theme_name
from realtime.window.translate import tr


class Actions:
    """The actions of one window, in its menus. They hold in full screen too."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self.files = self._menu(tr("&File"))
        self.sources = self._menu(tr("&Source"))
        self.views = self._menu(tr("&View"))
        self.evidence = self._menu(tr("&Evidence"))
        self.tools = self._menu(tr("&Tools"))
        self.helps = self._menu(tr("&Help"))
        self._playing = False
        self._add_files()
        self._add_sources()
        self._add_views()
        self._add_evidence()
        self._add_tools()
        self._add_helps()
        self.leave_full_screen = QAction(tr("Leave full screen"), window)
        self.leave_full_screen.setShortcut(QKeySequence("Esc"))
        window.addAction(self.leave_full_screen)
        self.set_playing(False, ready=False)

    def _add_files(self) -> None:
        menu = self.files
        self.open = self.add(menu, tr("&Open a video file…"), "Ctrl+O")
        self.open_config = self.add(menu, tr("Watch &many sources…"), "Ctrl+M")
        self.recent = self._submenu(menu, tr("&Recent"))
        self.clear_recent = self.add(self.recent, tr("&Clear recent"), "")
        menu.addSeparator()
        self.quit = self.add(menu, tr("&Quit"), "Ctrl+Q")

    def _add_sources(self) -> None:
        menu = self.sources
        self.open_device = self.add(menu, tr("Watch a &camera…"), "Ctrl+D")
        self.open_screen = self.add(menu, tr("Watch a scr&een…"), "")
        self.open_window = self.add(menu, tr("Watch a &window…"), "")
        self.open_region = self.add(menu, tr("Watch a re&gion of the screen…"), "Ctrl+Shift+S")
        self.open_stream = self.add(menu, tr("Watch a s&tream…"), "Ctrl+L")
        menu.addActions([self.open, self.open_config])
        menu.addMenu(self.recent)
        menu.addSeparator()
        self.start_stop = self.add(menu, tr("&Start or stop"), "Ctrl+R")
        self.start_stop.setEnabled(False)
        self.reopen = self.add(menu, tr("Open &again"), "Ctrl+Shift+R")
        self.reopen.setEnabled(False)

    def _add_views(self) -> None:
        menu = self.views
        self._add_playback()
        menu.addSeparator()
        self.heat = self.add(menu, tr("&Heat map"), "H", checked=False)
        self.boxes = self.add(menu, tr("&Boxes"), "B", checked=True)
        self.labels = self.add(menu, tr("&Labels"), "T", checked=True)
        self.landmarks = self.add(menu, tr("Land&marks"), "L", checked=False)
        self.blur = self.add(menu, tr("Pri&vacy: blur the others"), "P", checked=False)
        beside = tr("Side by side with the plai&n picture")
        self.beside = self.add(menu, beside, "D", checked=False)
        self.zooms = self._submenu(menu, tr("&Zoom"))
        menu.addSeparator()
        self.larger = self.add(menu, tr("Lar&ger text"), "Ctrl++")
        self.smaller = self.add(menu, tr("Smaller te&xt"), "Ctrl+-")
        self.themes = self._themes(menu)
        self.reset_layout = self.add(menu, tr("&Reset layout"), "Ctrl+Shift+L")
        self.full_screen = self.add(menu, tr("&Full screen"), "F11", checked=False)
        self._docks = self._submenu(menu, tr("&Docks"))

    def _add_playback(self) -> None:
        menu = self._submenu(self.views, tr("&Playback"))
        self.play = self.add(menu, tr("&Play or pause"), "Space")
        menu.addSeparator()
        self.back = self.add(menu, tr("5 seconds &back"), "Left")
        self.forward = self.add(menu, tr("5 seconds &forward"), "Right")
        self.step_back = self.add(menu, tr("One frame b&ack"), ",")
        self.step = self.add(menu, tr("&One frame on"), ".")
        self.home = self.add(menu, tr("To the &start"), "Home")
        self.end = self.add(menu, tr("To the &end"), "End")
        below = self._submenu(menu, tr("&Go to"))
        percents = (tr("Go to {percent} %").format(percent=10 * digit) for digit in range(10))
        self.tenths = [self.add(below, text, str(digit)) for digit, text in enumerate(percents)]

    def _add_evidence(self) -> None:
        menu = self.evidence
        self.snapshot = self.add(menu, tr("&Snapshot"), "S")
        self.mark = self.add(menu, tr("&Mark with a note…"), "M")
        self.acknowledge = self.add(menu, tr("&Acknowledge"), "A")
        menu.addSeparator()
        self.alert_before = self.add(menu, tr("&Previous alert"), "[")
        self.alert_after = self.add(menu, tr("&Next alert"), "]")

    def _add_tools(self) -> None:
        self.palette = self.add(self.tools, tr("&Commands…"), "Ctrl+Shift+P")
        self.settings = self.add(self.tools, tr("&Settings…"), "Ctrl+,")

    def _add_helps(self) -> None:
        menu = self.helps
        self.help = self.add(menu, tr("&Help"), "F1")
        self.tour = self.add(menu, tr("&Tour"), "")
        menu.addSeparator()
        self.about = self.add(menu, tr("&About fakewatch"), "")

    @property
    def buttons(self) -> list[QAction]:
        """Those that have a button below the picture, in order."""
        return [self.step_back, self.play, self.step]

    def set_live(self, held: bool | None, *, past: bool = False) -> None:
        """A live source can only be held, and whether it is; None if there is nothing to hold.

        The analysis goes on meanwhile, so this is not called a pause. ``past``: there is one
        picture in which one can look back.
        """
        self.set_playing(not held, ready=past)
        self.home.setText(tr("To the old&est picture held"))
        self.end.setText(tr("Back to the l&ive picture"))
        self.play.setText(tr("Show the &live picture") if held else tr("&Hold the picture"))
        self.play.setEnabled(held is not None)

    def set_playing(self, playing: bool, *, ready: bool) -> None:
        """Show what the play button would do, and whether there is anything to play."""
        self.play.setText(tr("&Play or pause"))
        self.home.setText(tr("To the &start"))
        self.end.setText(tr("To the &end"))
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

    def add_docks(self, docks: Sequence[QDockWidget | QToolBar]) -> None:
        """Let each be shown and hidden in the menu of views."""
        for dock in docks:
            toggle = dock.toggleViewAction()
            if toggle is not None:
                toggle.setToolTip(tr("Show or hide: {dock}").format(dock=dock.windowTitle()))
                self._docks.addAction(toggle)

    def _themes(self, views: QMenu) -> dict[str, QAction]:
        menu = self._submenu(views, tr("Them&e"))
        group = QActionGroup(self._window)
        found = {}
        for name in (SYSTEM, *THEMES):
            found[name] = self.add(menu, theme_name(name), "", checked=name == SYSTEM)
            group.addAction(found[name])
        return found

    def _submenu(self, menu: QMenu, title: str) -> QMenu:
        submenu = menu.addMenu(title)
        assert submenu is not None
        return submenu

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        assert bar is not None
        menu = bar.addMenu(title)
        assert menu is not None
        return menu

    def add(self, menu: QMenu, text: str, keys: str, *, checked: bool | None = None) -> QAction:
        """One more action, in ``menu`` and in the list of commands, with its keys in its tool tip;
        ``checked`` makes it one that is on or off.
        """
        action = QAction(text, self._window)
        if keys:
            action.setShortcut(QKeySequence(keys))
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{plain(action)} ({native})" if keys else plain(action))
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
