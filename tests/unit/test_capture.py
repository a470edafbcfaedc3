"""Queues and counts between the threads."""

from __future__ import annotations

import threading

import pytest

from realtime.capture import Closed, FrameCounter, WaitQueue
from realtime.types import DropCause


def run(name: str, action: object) -> threading.Thread:
    assert callable(action)
    thread = threading.Thread(target=action, name=f"fw-{name}", daemon=True)
    thread.start()
    return thread


def test_the_producer_waits_and_nothing_is_lost() -> None:
    queue: WaitQueue[int] = WaitQueue(2)
    most = 0

    def produce() -> None:
        for i in range(500):
            queue.put(i)

    thread = run("producer", produce)
    taken = []
    for _ in range(500):
        taken.append(queue.get())
        most = max(most, len(queue._items))
    thread.join(5)
    assert taken == list(range(500))
    assert most <= 2


def test_close_wakes_a_waiting_producer_and_consumer() -> None:
    full: WaitQueue[int] = WaitQueue(1)
    full.put(1)
    empty: WaitQueue[int] = WaitQueue(1)
    woken = []

    def wait_to_put() -> None:
        with pytest.raises(Closed):
            full.put(2)
        woken.append("put")

    def wait_to_get() -> None:
        with pytest.raises(Closed):
            empty.get()
        woken.append("get")

    threads = [run("put", wait_to_put), run("get", wait_to_get)]
    full.close()
    empty.close()
    for thread in threads:
        thread.join(5)
    assert sorted(woken) == ["get", "put"]
    assert full.drain() == [1]


def test_drain_makes_room_for_a_waiting_producer() -> None:
    queue: WaitQueue[int] = WaitQueue(1)
    queue.put(1)
    thread = run("producer", lambda: queue.put(2))
    # Drained until both have come: the second is put only because the first made room.
    seen: list[int] = []
    while len(seen) < 2:
        seen += queue.drain()
    thread.join(5)
    assert seen == [1, 2]


def test_the_identity_holds_under_contention() -> None:
    counter = FrameCounter()

    def work(cause: DropCause) -> None:
        for i in range(2000):
            counter.captured()
            if i % 3:
                counter.analysed()
            else:
                counter.dropped(cause)

    threads = [run(cause.value, lambda cause=cause: work(cause)) for cause in DropCause]
    for thread in threads:
        thread.join(20)
    counts = counter.snapshot()
    assert counts.captured == 2000 * len(DropCause)
    assert counts.in_flight == 0
    assert set(counts.dropped) == set(DropCause)
