"""The first picture of a source is shown even if it comes before anybody listens for it."""

from __future__ import annotations

import time

import pytest
from pytestqt.qtbot import QtBot

from benchmarks.window_footage import Replay
from realtime.types import ModelInfo
from realtime.window.job import Job
from realtime.window.main_window import MainWindow
from realtime.window.player import Player
from tests.contract import results
from tests.gui.live import wait_for


def test_a_picture_that_comes_at_once_does_not_silence_those_after_it(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Replay] = []
    model = ModelInfo("tiny", "0" * 64, "CPU")

    def start(_player: Player, job: Job) -> None:
        made.append(Replay(job, [results.result(i) for i in range(5)], model, 50.0))
        job.run(made[-1])  # type: ignore[arg-type]

    really = Player.open

    def slow(player: Player, *what: object) -> None:
        really(player, *what)  # type: ignore[arg-type]
        deadline = time.monotonic() + 30.0
        while not (made and made[0].sent):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    monkeypatch.setattr(Player, "_start", start)
    monkeypatch.setattr(Player, "open", slow)
    window.open("rtsp://replay.invalid/")
    wait_for(qtbot, lambda: window.canvas.result is not None)
    shown = window.canvas.result
    wait_for(qtbot, lambda: window.canvas.result is not shown)
    window.close()
