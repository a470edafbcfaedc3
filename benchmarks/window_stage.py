"""A window to measure: of the real engine, or of one that replays what was recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from benchmarks.window_footage import Replay
from realtime.config import Config
from realtime.window.app import make_app

if TYPE_CHECKING:
    from qtpy.QtWidgets import QApplication

    from realtime.types import FrameResult, ModelInfo
    from realtime.window.job import Job
    from realtime.window.main_window import MainWindow

Facts = dict[str, Any]

KEPT: Final = 40
"""Recorded results that are shown again and again, 6 MB each."""
_WINDOW: Final = (1600, 900)
_DEADLINE_S: Final = 60.0


@cache
def the_app() -> QApplication:
    """The application, kept for as long as the process lives."""
    return make_app()


@contextmanager
def opened(config: Config | None = None, *, loop: bool = False) -> Iterator[MainWindow]:
    from realtime.window.main_window import MainWindow  # noqa: PLC0415 - needs the application

    window = MainWindow(config or Config(), loop=loop)
    window.resize(*_WINDOW)
    window.show()
    window.activateWindow()
    try:
        yield window
    finally:
        window.close()


@contextmanager
def replayed(
    results: Sequence[FrameResult], model: ModelInfo, rate: float
) -> Iterator[tuple[MainWindow, list[Replay]]]:
    """A window whose engine only replays these results."""
    from realtime.window.player import Player  # noqa: PLC0415

    made: list[Replay] = []

    def start(_player: Player, job: Job) -> None:
        made.append(Replay(job, results, model, rate))
        job.run(made[-1])  # type: ignore[arg-type]

    with mock.patch.object(Player, "_start", start), opened() as window:
        window.open("rtsp://replay.invalid/")
        yield window, made


def run(seconds: float, ready: Callable[[], bool]) -> None:
    """Let the window work until it is ``ready``, and for so long after that."""
    app = the_app()
    deadline = time.monotonic() + _DEADLINE_S
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("the window showed nothing")
        app.processEvents()
        time.sleep(0.001)
    go_on(seconds)


def go_on(seconds: float) -> None:
    from qtpy.QtCore import QTimer  # noqa: PLC0415

    app = the_app()
    QTimer.singleShot(round(1000 * seconds), app.quit)
    app.exec()


def shows(window: MainWindow) -> bool:
    return window.canvas.result is not None
