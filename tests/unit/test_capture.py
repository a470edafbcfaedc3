"""Queues and counts between the threads."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.capture import Closed, FrameCounter, LatestSlot, WaitQueue
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


def test_the_newest_takes_the_place_of_what_waits() -> None:
    slot: LatestSlot[int] = LatestSlot()
    assert slot.empty
    assert slot.put(1) is None
    assert slot.put(2) == 1
    assert not slot.empty
    assert slot.take() == 2
    assert slot.take() is None
    assert slot.take(0.001) is None


def test_a_slot_wakes_who_waits_for_an_item() -> None:
    slot: LatestSlot[int] = LatestSlot()
    found: list[int | None] = []
    thread = run("consumer", lambda: found.append(slot.take(20)))
    slot.put(7)
    thread.join(20)
    assert found == [7]


def test_a_closed_slot_refuses_wakes_and_gives_back_what_waited() -> None:
    slot: LatestSlot[int] = LatestSlot()
    woken = []

    def wait() -> None:
        with pytest.raises(Closed):
            slot.take(20)
        woken.append(True)

    thread = run("consumer", wait)
    slot.close()
    thread.join(20)
    assert woken == [True]
    with pytest.raises(Closed):
        slot.put(1)

    slot = LatestSlot()
    slot.put(1)
    slot.close()
    with pytest.raises(Closed):
        slot.take()
    assert slot.drain() == [1]
    assert slot.drain() == []


@given(st.lists(st.sampled_from(["put", "take", "drain", "close"]), max_size=40))
def test_whatever_is_put_comes_out_exactly_once(actions: list[str]) -> None:
    slot: LatestSlot[int] = LatestSlot()
    put: list[int] = []
    out: list[int] = []
    for number, action in enumerate(actions):
        try:
            if action == "put":
                before = slot.put(number)
                put.append(number)
                out += [] if before is None else [before]
            elif action == "take":
                taken = slot.take()
                out += [] if taken is None else [taken]
            elif action == "drain":
                out += slot.drain()
            else:
                slot.close()
        except Closed:
            assert "close" in actions[:number]
    assert sorted(out + slot.drain()) == put
    assert out == sorted(out)


def test_the_identity_holds_at_every_moment_with_a_slow_consumer() -> None:
    slot: LatestSlot[int] = LatestSlot()
    counter = FrameCounter()
    done = threading.Event()
    taken: list[int] = []

    def produce() -> None:
        for number in range(20_000):
            counter.captured()
            if slot.put(number) is not None:
                counter.dropped(DropCause.SUPERSEDED)
            if number % 100 == 0:
                counter.undecodable(3)
        slot.close()

    def consume() -> None:
        while True:
            try:
                number = slot.take(20)
            except Closed:
                counter.dropped(DropCause.SHUTDOWN, len(slot.drain()))
                done.set()
                return
            assert number is not None
            taken.append(number)
            time.sleep(1e-3)
            counter.analysed()

    threads = [run("producer", produce), run("consumer", consume)]
    flying = set()
    while not done.is_set():
        counts = counter.snapshot()
        flying.add(counts.in_flight)
    for thread in threads:
        thread.join(20)
    # One in the slot, one in each hand; never less than none.
    assert flying <= {0, 1, 2, 3}
    counts = counter.snapshot()
    assert counts.in_flight == 0
    assert counts.captured == 20_600
    assert counts.dropped[DropCause.DECODE_ERROR] == 600
    assert counts.analysed == len(taken)
    assert taken == sorted(set(taken))
