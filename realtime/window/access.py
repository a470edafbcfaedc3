"""Everything with the keyboard: from area to area, and keys that belong to what has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDockWidget,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from realtime.window.translate import tr

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

_PRESS: Final = (Qt.Key.Key_Space,)
_ENTER: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_CHOOSE: Final = (
    Qt.Key.Key_Space,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)


class FocusKeys(QObject):
    """Leaves keys to the control that has the focus although the window has actions for them:
    Space presses a button, letters and arrows choose in a list that unfolds. Enter presses too.
    """

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._watched: QWidget | None = None
        app.focusChanged.connect(self._on_focus)

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        # Only one widget at a time is watched: a filter of the whole application would be asked
        # for every event that there is.
        if self._watched is not None and self._watched is old:
            self._watched.removeEventFilter(self)
        self._watched = None
        if isinstance(new, (QAbstractButton, QComboBox, QTabBar)):
            new.installEventFilter(self)
            self._watched = new

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Claim the keys that are the control's own."""
        if not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if event.type() == QEvent.Type.ShortcutOverride and _own(watched, event):
            event.accept()
            return True
        pressed = event.type() == QEvent.Type.KeyPress and event.key() in _ENTER
        if pressed and isinstance(watched, QAbstractButton) and watched.isEnabled():
            watched.click()
            return True
        return super().eventFilter(watched, event)


def _own(watched: QObject | None, event: QKeyEvent) -> bool:
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if held not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        return False
    if isinstance(watched, QAbstractButton):
        return event.key() in _PRESS
    if isinstance(watched, QComboBox):
        return event.key() in _CHOOSE or (event.text().isprintable() and event.text() != "")
    return event.key() in _CHOOSE


class Access:
    """F6 and Shift+F6 go through the areas of ``window``: the picture, then each dock shown."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.keys = FocusKeys(app, window)
        actions = window.actions_
        actions.views.addSeparator()
        self.next_area = actions.add(actions.views, tr("Next &area"), "F6")
        self.area_before = actions.add(actions.views, tr("Area bef&ore"), "Shift+F6")
        self.next_area.triggered.connect(lambda: self.go(1))
        self.area_before.triggered.connect(lambda: self.go(-1))
        canvas = window.canvas
        if canvas.focusPolicy() == Qt.FocusPolicy.NoFocus:
            canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def areas(self) -> list[QWidget]:
        """The areas that can be gone to now, in their order."""
        docks = self._window.desk.docks
        found: list[QWidget] = [dock for dock in docks if dock.isVisible()]
        middle = self._window.centralWidget()
        return [area for area in (middle, *found) if area is not None and inside(area) is not None]

    def go(self, step: int) -> None:
        """So many areas on, or back."""
        areas = self.areas()
        focus = QApplication.focusWidget()
        here = next((i for i, area in enumerate(areas) if _holds(area, focus)), None)
        if not areas:
            return
        there = (0 if step > 0 else -1) if here is None else (here + step) % len(areas)
        area = areas[there]
        if isinstance(area, QDockWidget):
            area.raise_()
            area.activateWindow()  # one that floats is a window of its own
        target = inside(area)
        if target is not None:
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)


def inside(area: QWidget) -> QWidget | None:
    """What gets the focus in an area: what had it last, or else the first that takes it."""
    last = area.focusWidget()
    if last is not None and last is not area and takes_focus(last):
        return last
    # The picture before the line for errors above it.
    stacks = area.findChildren(QStackedWidget)
    for root in (*stacks, area):
        for widget in (root, *root.findChildren(QWidget)):
            if takes_focus(widget):
                return widget
    return None


def takes_focus(widget: QWidget) -> bool:
    """Whether Tab can reach it now."""
    policy = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    return bool(policy) and widget.isVisible() and widget.isEnabled()


def _holds(area: QWidget, focus: QWidget | None) -> bool:
    return focus is not None and (focus is area or area.isAncestorOf(focus))
