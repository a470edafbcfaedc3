"""A slow, stuck or broken output costs results, never the run."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from realtime.errors import FakewatchError, SinkError
from realtime.sinks.queued import MAX_STATES, WITH_PICTURES, WITHOUT_PICTURES, QueuedSink
from realtime.types import (
    FrameResult,
    RunStart,
    RunSummary,
    SourceState,
    SourceStatus,
    TrackSummary,
)
from tests.contract.results import TRACK, result, run_start, run_summary


class Gate:
    """A sink that writes down what it gets and can be held up in the middle of a call."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.open = threading.Event()
        self.open.set()
        self.waiting = threading.Event()
        self.failure: Exception | None = None
        self.closed = 0
        self.threads: set[str] = set()

    def _take(self, item: object) -> None:
        self.threads.add(threading.current_thread().name)
        self.waiting.set()
        assert self.open.wait(30)
        if self.failure is not None:
            raise self.failure
        self.got.append(item)

    def start(self, start: RunStart) -> None:
        self._take(start)

    def write(self, result: FrameResult) -> None:
        self._take(result)

    def status(self, status: SourceStatus) -> None:
        self._take(status)

    def finish(self, summary: RunSummary) -> None:
        self._take(summary)

    def close(self) -> None:
        self.closed += 1

    @property
    def frames(self) -> list[int]:
        return [item.frame.index for item in self.got if isinstance(item, FrameResult)]

    @property
    def ended(self) -> list[int]:
        return [t.track_id for i in self.got if isinstance(i, FrameResult) for t in i.ended]


class Quiet:
    """A sink that does not want to hear states and needs no pictures."""

    needs_pictures = False

    def __init__(self, gate: Gate) -> None:
        self.start, self.write, self.finish, self.close = (
            gate.start,
            gate.write,
            gate.finish,
            gate.close,
        )


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture
def errors() -> list[FakewatchError]:
    return []


def state(number: int = 0) -> SourceStatus:
    return SourceStatus("door", SourceState.STALLED, float(number), attempt=number)


def track(number: int) -> TrackSummary:
    return replace(TRACK, track_id=number)


def blocked(gate: Gate, queued: QueuedSink) -> None:
    """Start a run whose first call does not come back."""
    gate.open.clear()
    queued.start(run_start())
    assert gate.waiting.wait(30)


def test_everything_arrives_in_order_on_one_thread(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append, name="door", capacity=100)
    sent: list[object] = [run_start(), result(0), state(), result(1), run_summary(2)]
    queued.start(sent[0])
    queued.write(sent[1])
    queued.status(sent[2])
    queued.write(sent[3])
    queued.finish(sent[4])
    assert gate.got == sent
    assert gate.threads == {"fw-sink-door"}
    queued.close()
    assert (errors, queued.dropped, gate.closed) == ([], 0, 0)


def test_the_oldest_results_go_first_and_are_counted(gate: Gate, errors: list) -> None:
    lost: list[int] = []
    queued = QueuedSink(gate, errors.append, capacity=4, on_drop=lost.append)
    blocked(gate, queued)
    for index in range(10):
        queued.write(result(index))
    assert (queued.dropped, sum(lost)) == (6, 6)
    gate.open.set()
    queued.finish(run_summary(10))
    assert gate.frames == [6, 7, 8, 9]
    queued.close()


def test_writing_never_waits(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append)
    blocked(gate, queued)
    begin = time.monotonic()
    for index in range(1000):
        queued.write(result(index, size=(16, 16)))
        queued.status(state(index))
    assert time.monotonic() - begin < 20
    assert queued.dropped == 1000 - WITH_PICTURES
    gate.open.set()
    queued.close()


def test_what_a_run_consists_of_is_never_dropped(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append, capacity=1, finish_timeout_s=0)
    blocked(gate, queued)
    for run in range(3):
        for index in range(5):
            queued.write(result(index))
            queued.status(state(10 * run + index))
        queued.finish(run_summary(5))
        queued.start(run_start())
    gate.open.set()
    assert queued.drained(30)
    kinds = [type(item).__name__ for item in gate.got if not isinstance(item, FrameResult)]
    states = ["SourceStatus"] * 5
    assert kinds == ["RunStart", *[*states, "RunSummary", "RunStart"] * 3]
    attempts = [item.attempt for item in gate.got if isinstance(item, SourceStatus)]
    assert attempts == [10 * run + i for run in range(3) for i in range(5)]
    queued.close()


def test_a_sink_that_is_stuck_for_hours_keeps_a_bounded_number_of_states(
    gate: Gate, errors: list
) -> None:
    queued = QueuedSink(gate, errors.append)
    blocked(gate, queued)
    for number in range(MAX_STATES + 20):
        queued.status(state(number))
    gate.open.set()
    assert queued.drained(30)
    attempts = [item.attempt for item in gate.got if isinstance(item, SourceStatus)]
    assert attempts == list(range(20, MAX_STATES + 20))
    queued.close()


def test_tracks_that_ended_with_a_lost_result_are_told_with_the_next(
    gate: Gate, errors: list
) -> None:
    queued = QueuedSink(gate, errors.append, capacity=2)
    blocked(gate, queued)
    for index in range(9):
        ended = (track(index),) if index % 2 == 0 else ()
        queued.write(replace(result(index), ended=ended))
    gate.open.set()
    queued.finish(run_summary(9))
    assert gate.frames == [7, 8]
    assert gate.ended == [0, 2, 4, 6, 8]
    queued.close()


def test_they_are_not_told_in_another_run(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append, capacity=1, finish_timeout_s=0)
    blocked(gate, queued)
    queued.write(replace(result(0), ended=(track(1),)))
    queued.finish(run_summary(1))
    queued.start(run_start())
    queued.write(result(0))
    gate.open.set()
    assert queued.drained(30)
    assert gate.ended == []  # the summary of the first run has it
    queued.close()


def test_finish_waits_for_its_bound_and_no_longer(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append, finish_timeout_s=0.2)
    blocked(gate, queued)
    queued.write(result(0))
    begin = time.monotonic()
    queued.finish(run_summary(1))
    assert 0.2 <= time.monotonic() - begin < 10
    assert not queued.drained(0)
    gate.open.set()
    assert queued.drained(30)
    assert isinstance(gate.got[-1], RunSummary)
    queued.close()


def test_a_sink_that_is_stuck_for_ever_is_left_behind(
    gate: Gate, errors: list, caplog: pytest.LogCaptureFixture
) -> None:
    queued = QueuedSink(gate, errors.append, name="door", close_timeout_s=0.2)
    blocked(gate, queued)
    for index in range(3):
        queued.write(result(index))
    begin = time.monotonic()
    queued.close()
    assert time.monotonic() - begin < 10
    assert queued.dropped == 3
    assert "fw-sink-door is stuck and was left behind" in caplog.text
    gate.open.set()
    deadline = time.monotonic() + 30
    while any(t.name == "fw-sink-door" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert gate.frames == []


@pytest.mark.parametrize("failing", ["start", "write", "status", "finish"])
def test_an_error_is_told_once_and_the_rest_is_ignored(
    gate: Gate, errors: list, failing: str
) -> None:
    queued = QueuedSink(gate, errors.append)
    failure = SinkError("The disk is full.")
    for call, item in (("start", run_start()), ("write", result(0)), ("status", state())):
        if call == failing:
            gate.failure = failure
        getattr(queued, call)(item)
        assert queued.drained(30)
    if failing == "finish":
        gate.failure = failure
    for index in range(5):
        queued.write(result(index))
    queued.finish(run_summary(6))
    assert errors == [failure]
    assert queued.failed
    taken = len(gate.got)
    gate.failure = None
    queued.write(result(9))
    queued.status(state())
    assert queued.drained(30)
    assert len(gate.got) == taken
    queued.close()


def test_finish_is_still_tried_after_an_error(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append)
    queued.start(run_start())
    assert queued.drained(30)
    gate.failure = SinkError("The disk is full.")
    queued.write(result(0))
    assert queued.drained(30)
    gate.failure = None
    queued.finish(run_summary(1))
    assert isinstance(gate.got[-1], RunSummary)
    queued.close()


def test_a_bug_of_a_sink_is_one_redacted_sentence(
    gate: Gate, errors: list, caplog: pytest.LogCaptureFixture
) -> None:
    gate.failure = ZeroDivisionError("rtsp://u:hunter2@cam")
    queued = QueuedSink(gate, errors.append)
    queued.start(run_start())
    assert queued.drained(30)
    assert [str(error) for error in errors] == ["Internal error: rtsp://***@cam."]
    queued.close()
    assert "unexpected error of an output" in caplog.text


def test_an_error_of_who_listens_does_not_end_the_thread(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    def listen(_: FakewatchError) -> None:
        raise ValueError("the listener")

    gate.failure = SinkError("The disk is full.")
    queued = QueuedSink(gate, listen)
    queued.start(run_start())
    assert queued.drained(30)
    gate.failure = None
    queued.finish(run_summary(0))
    assert isinstance(gate.got[-1], RunSummary)
    queued.close()
    assert "the listener" in caplog.text


def test_states_go_only_to_who_wants_them(gate: Gate, errors: list) -> None:
    queued = QueuedSink(Quiet(gate), errors.append)
    queued.start(run_start())
    queued.status(state())
    queued.finish(run_summary(0))
    assert [type(item).__name__ for item in gate.got] == ["RunStart", "RunSummary"]
    queued.close()


def test_a_sink_without_pictures_holds_none_and_more_results(gate: Gate, errors: list) -> None:
    queued = QueuedSink(Quiet(gate), errors.append)
    blocked(gate, queued)
    alive = []
    for index in range(WITHOUT_PICTURES):
        each = result(index, size=(64, 48))
        alive.append(weakref.ref(each.frame.image))
        queued.write(each)
        del each
    assert queued.dropped == 0
    assert not any(image() is not None for image in alive)
    gate.open.set()
    queued.finish(run_summary(1))
    first = gate.got[1]
    assert isinstance(first, FrameResult)
    assert first.frame.image.shape == (48, 64, 3)
    assert first.frame.image.dtype == np.uint8
    assert not first.frame.image.flags.writeable
    queued.close()


def test_a_sink_with_pictures_holds_only_so_many(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append)
    blocked(gate, queued)
    alive = []
    for index in range(40):
        each = result(index, size=(64, 48))
        alive.append(weakref.ref(each.frame.image))
        queued.write(each)
        del each
    assert sum(image() is not None for image in alive) == WITH_PICTURES
    gate.open.set()
    queued.close()


def test_it_closes_the_sink_only_if_it_owns_it(gate: Gate, errors: list) -> None:
    for owned, closed in ((False, 0), (True, 1)):
        queued = QueuedSink(gate, errors.append, owned=owned)
        queued.start(run_start())
        queued.close()
        queued.close()
        assert (gate.closed > 0) == bool(closed)


def test_without_a_run_there_is_no_thread(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append)
    queued.close()
    assert gate.threads == set()
    with pytest.raises(SinkError, match="closed"):
        queued.write(result(0))


def test_many_threads_lose_nothing_untold(gate: Gate, errors: list) -> None:
    queued = QueuedSink(gate, errors.append, capacity=5)
    queued.start(run_start())

    def send() -> None:
        for index in range(200):
            queued.write(result(index, size=(8, 8)))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queued.finish(run_summary(800), timeout_s=30)
    assert len(gate.frames) + queued.dropped == 800
    queued.close()
