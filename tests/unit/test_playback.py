"""Pause, step, jump and pace, without a source."""

from __future__ import annotations

import threading

import pytest

from realtime.playback import Playback, PresentationClock
from realtime.types import DropCause, SourceState


def playback(paced: bool = False) -> tuple[Playback, list[SourceState]]:
    states: list[SourceState] = []
    return Playback(paced=paced, on_state=states.append), states


def waiting(player: Playback, time_s: float) -> tuple[threading.Thread, list[DropCause | None]]:
    """A frame that waits for its turn in another thread, and what became of it."""
    outcome: list[DropCause | None] = []
    thread = threading.Thread(
        target=lambda: outcome.append(player.wait_for_turn(time_s)), name="fw-wait", daemon=True
    )
    thread.start()
    return thread, outcome


def test_playing_lets_frames_through() -> None:
    player, states = playback()
    assert player.wait_for_turn(0.0) is None
    assert states == [SourceState.LIVE]


def test_a_step_lets_exactly_one_frame_through() -> None:
    player, states = playback()
    player.step()
    assert player.wait_for_turn(0.0) is None
    thread, outcome = waiting(player, 0.1)
    thread.join(0.1)
    assert thread.is_alive()
    player.step()
    thread.join(5)
    assert outcome == [None]
    assert set(states) == {SourceState.PAUSED}


def test_resume_and_stop_end_a_pause() -> None:
    for end, expected in ((Playback.resume, None), (Playback.stop, DropCause.SHUTDOWN)):
        player, _ = playback()
        player.pause()
        thread, outcome = waiting(player, 0.0)
        end(player)
        thread.join(5)
        assert outcome == [expected]


def test_a_jump_drops_the_frame_that_waits_and_shows_one_while_paused() -> None:
    player, _ = playback()
    player.pause()
    thread, outcome = waiting(player, 0.0)
    player.jump(5.0)
    thread.join(5)
    assert outcome == [DropCause.SEEK]
    assert player.take_jump() == 5.0
    assert player.take_jump() is None
    assert player.wait_for_turn(5.0) is None
    thread, _ = waiting(player, 5.1)
    thread.join(0.1)
    assert thread.is_alive()
    player.stop()
    thread.join(5)


def test_jumps_before_the_start_go_to_the_start() -> None:
    player, _ = playback()
    player.jump(-3.0)
    assert player.take_jump() == 0.0


def test_the_end_waits_for_a_jump_or_the_stop() -> None:
    player, _ = playback(paced=True)
    player.jump(1.0)
    assert player.wait_for_jump()
    player.take_jump()
    player.stop()
    assert not player.wait_for_jump()


def test_the_clock_keeps_pace_and_never_hurries() -> None:
    clock = PresentationClock()
    assert clock.wait_s(10.0, now=100.0) == 0.0
    assert clock.wait_s(10.5, now=100.1) == pytest.approx(0.4)
    # A little late is made up for; far too late, and the clock falls back by it.
    assert clock.wait_s(11.0, now=101.1) == 0.0
    assert clock.wait_s(12.0, now=101.2) == pytest.approx(0.8)
    assert clock.wait_s(13.0, now=110.0) == 0.0
    assert clock.wait_s(14.0, now=110.2) == pytest.approx(0.8)
    clock.restart()
    assert clock.wait_s(2.0, now=111.0) == 0.0
