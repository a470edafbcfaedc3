"""Results reach Qt's thread as the newest one, never as a queue."""

from __future__ import annotations

import threading
import time

import pytest
from pytestqt.qtbot import QtBot

from realtime.types import SourceState
from realtime.window.bridge import Bridge
from tests.contract import results


def test_a_flood_leaves_one_result_and_one_signal(qtbot: QtBot) -> None:
    bridge = Bridge()
    signals: list[None] = []
    bridge.arrived.connect(lambda: signals.append(None))
    flood = [results.result(i, size=(32, 32)) for i in range(1000)]

    def pour() -> None:
        for result in flood:
            bridge.write(result)

    thread = threading.Thread(target=pour, name="fw-test")
    thread.start()
    thread.join()
    # Qt's loop did not run meanwhile, as when the window is busy.
    qtbot.waitUntil(lambda: bool(signals), timeout=5000)
    qtbot.wait(20)
    assert len(signals) == 1
    assert bridge.take() is flood[-1]
    assert bridge.take() is None


def test_a_slow_reader_gets_fewer_results_in_order(qtbot: QtBot) -> None:
    bridge = Bridge()
    seen: list[int] = []

    def take() -> None:
        result = bridge.take()
        assert result is not None, "a signal without a result"
        seen.append(result.frame.index)
        time.sleep(0.001)  # as if painting

    bridge.arrived.connect(take)
    done = threading.Event()

    def pour() -> None:
        for i in range(1000):
            bridge.write(results.result(i, size=(32, 32)))
        done.set()

    thread = threading.Thread(target=pour, name="fw-test")
    thread.start()
    qtbot.waitUntil(lambda: done.is_set() and seen[-1:] == [999], timeout=20_000)
    thread.join()
    assert seen == sorted(set(seen))


def test_after_close_nothing_is_held_or_said(qtbot: QtBot) -> None:
    bridge = Bridge()
    bridge.write(results.result(0, size=(32, 32)))
    bridge.close()
    assert bridge.take() is None
    with qtbot.assertNotEmitted(bridge.arrived), qtbot.assertNotEmitted(bridge.changed):
        bridge.write(results.result(1, size=(32, 32)))
        bridge.start(results.run_start())
        bridge.set_state(SourceState.ENDED)
        bridge.finish(results.run_summary(1))
    assert bridge.take() is None


@pytest.mark.parametrize("step", ["start", "state", "finish"])
def test_everything_else_is_told_as_well(qtbot: QtBot, step: str) -> None:
    bridge = Bridge()
    with qtbot.waitSignal(bridge.changed):
        if step == "start":
            bridge.start(results.run_start())
        elif step == "state":
            bridge.set_state(SourceState.LIVE)
        else:
            bridge.finish(results.run_summary(3))
    assert (bridge.model is not None) == (step == "start")
    assert (bridge.summary is not None) == (step == "finish")
