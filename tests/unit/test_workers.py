"""A few threads for many jobs, each in its turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from realtime.workers import WorkerPool


class Counting:
    """A job that counts, and knows whether two threads were ever in it at once."""

    def __init__(self, action: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self.overlapped = False
        self._action = action
        self._inside = threading.Lock()

    def work(self) -> None:
        if not self._inside.acquire(blocking=False):
            self.overlapped = True
            return
        try:
            self._action()
            self.count += 1
        finally:
            self._inside.release()


@contextmanager
def pool(threads: int) -> Iterator[WorkerPool]:
    workers = WorkerPool(threads)
    workers.start()
    try:
        yield workers
    finally:
        assert workers.stop(5)


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_job_is_never_in_two_hands_and_no_offer_is_forgotten() -> None:
    with pool(4) as workers:
        jobs = [Counting(lambda: time.sleep(1e-4)) for _ in range(3)]
        for _ in range(300):
            for job in jobs:
                workers.offer(job)
        before = [job.count for job in jobs]
        for job in jobs:
            workers.offer(job)
        # At least once more after the last offer, whatever had been merged.
        wait_for(lambda: all(j.count > b for j, b in zip(jobs, before, strict=True)))
    assert not any(job.overlapped for job in jobs)


def test_a_busy_job_leaves_every_other_turn_to_a_quiet_one() -> None:
    order: list[str] = []
    with pool(1) as workers:
        gate = threading.Event()

        def go_on() -> None:
            gate.wait(20)
            order.append("busy")
            workers.offer(busy)

        busy = Counting(go_on)
        quiet = Counting(lambda: order.append("quiet"))
        workers.offer(busy)
        for _ in range(20):
            gate.clear()
            workers.offer(quiet)
            heard = order.count("quiet")
            gate.set()
            wait_for(lambda heard=heard: order.count("quiet") > heard)
            turns = order[len(order) - 1 - order[::-1].index("quiet") :]
            assert turns[0] == "quiet"
    # Between two turns of the quiet one the busy one had its own, but never kept the line.
    assert order.count("quiet") == 20
    assert order.count("busy") >= 20


def test_a_job_that_raises_does_not_take_its_thread_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pool(1) as workers:
        bad, good = Counting(bug), Counting()
        workers.offer(bad)
        workers.offer(good)
        wait_for(lambda: good.count == 1)
    assert "unexpected error" in caplog.text


def test_stopped_it_takes_nothing_and_says_if_it_is_stuck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release, entered = threading.Event(), threading.Event()
    workers = WorkerPool(2)
    workers.start()

    def block() -> None:
        entered.set()
        release.wait(20)

    workers.offer(Counting(block))
    assert entered.wait(20)
    waiting = Counting()
    assert not workers.stop(0.05)
    assert "left behind" in caplog.text
    workers.offer(waiting)
    release.set()
    assert workers.stop(5)
    assert waiting.count == 0
