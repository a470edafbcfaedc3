"""Qt's thread answers: no step of its own work takes long, whatever is done while a file plays.

What counts is the processor time of that thread alone, which other work on the machine does not
lengthen. How long it took to answer, waiting included, is measured by `benchmarks.window`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from benchmarks.window_watch import LONG_MS, Watchdog
from realtime.types import SourceState
from realtime.window.main_window import MainWindow
from tests.gui.conftest import WAIT_MS

Key = Qt.Key


@pytest.fixture
def watchdog(window: MainWindow, face_clip: Path, qtbot: QtBot) -> Iterator[Watchdog]:
    """Watches from when a face is shown."""
    window.open(str(face_clip))
    qtbot.waitUntil(lambda: bool(window.desk.people.track_ids), timeout=WAIT_MS)
    dog = Watchdog()
    dog.start()
    yield dog
    dog.stop()


def test_a_long_step_is_noticed(watchdog: Watchdog, qtbot: QtBot) -> None:
    until = time.thread_time() + 0.08
    while time.thread_time() < until:
        pass
    qtbot.wait(50)
    assert max(watchdog.worked_ms) > LONG_MS


def test_no_step_of_playing_seeking_and_looking_is_long(
    watchdog: Watchdog, window: MainWindow, qtbot: QtBot
) -> None:
    people = window.desk.people
    people.setCurrentItem(people.item(0, 0))
    for key in (Key.Key_H, Key.Key_B, Key.Key_T, Key.Key_P, Key.Key_M, Key.Key_Home, Key.Key_5):
        qtbot.keyClick(window, key)
        qtbot.wait(150)
    for _ in range(2):
        qtbot.keyClick(window, Key.Key_Space)
        qtbot.wait(150)
    qtbot.waitUntil(lambda: window.state is SourceState.ENDED, timeout=WAIT_MS)
    assert len(watchdog.worked_ms) > 100
    assert max(watchdog.worked_ms) < LONG_MS
