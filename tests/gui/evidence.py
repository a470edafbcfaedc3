"""What the tests of feedback, reports and settings share: a window that has judged somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QDialog

from realtime.types import SourceState
from realtime.window.evidence_actions import EvidenceActions
from realtime.window.main_window import MainWindow
from tests.gui.conftest import WAIT_MS, settle

D = TypeVar("D", bound=QDialog)


def judged(window: MainWindow, clip: object, qtbot: QtBot) -> MainWindow:
    """The window paused after it has judged the person of the clip."""

    def there() -> bool:
        lanes = window.desk.timeline.lanes
        return bool(lanes) and lanes[0].verdict.probability is not None

    window.open(str(clip))
    qtbot.waitUntil(there, timeout=WAIT_MS)
    window.toggle_play()
    qtbot.waitUntil(lambda: window.state is SourceState.PAUSED, timeout=WAIT_MS)
    settle(window, qtbot)
    window.extras.refresh()
    return window


def evidence(window: MainWindow) -> EvidenceActions:
    """What connects feedback, reports and settings."""
    return window.extras.evidence


def dialog(kind: type[D], qtbot: QtBot) -> D:
    """The dialog of that kind which stands before the window."""

    def found() -> bool:
        return isinstance(QApplication.activeModalWidget(), kind)

    qtbot.waitUntil(found, timeout=WAIT_MS)
    shown = QApplication.activeModalWidget()
    assert isinstance(shown, kind)
    return shown


def wait(qtbot: QtBot, ready: Callable[[], bool]) -> None:
    """Wait generously."""
    qtbot.waitUntil(ready, timeout=WAIT_MS)
