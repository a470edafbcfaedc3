"""What lies between a source and the analysis: the queues and the counts. Starts no thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from realtime.types import DropCause, FrameCounts

T = TypeVar("T")


class Closed(Exception):
    """The queue was closed; a signal between threads, not an error."""


class WaitQueue(Generic[T]):
    """A bounded queue that makes the producer wait: back-pressure, never a drop.

    Closing it wakes everyone. What was still inside is handed to whoever drains it.
    """

    def __init__(self, capacity: int) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Append, waiting for room; raises `Closed`."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._closed:
                self._changed.wait()
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T:
        """Take the oldest item, waiting for one; raises `Closed`."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            if self._closed:
                raise Closed
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def drain(self) -> list[T]:
        """Take everything out at once."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return items

    def close(self) -> None:
        """End all waiting; items stay for `drain`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class LatestSlot(Generic[T]):
    """Room for one item, the newest: what comes later takes the place of what still waits.

    The producer never waits, so that what is taken is as fresh as can be.
    """

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> T | None:
        """Leave ``item`` here; the item that it took the place of, if any. Raises `Closed`."""
        with self._changed:
            if self._closed:
                raise Closed
            before, self._item = self._item, item
            self._changed.notify_all()
            return before

    def take(self, timeout_s: float = 0.0) -> T | None:
        """The item, waiting at most ``timeout_s`` for one; None if none came. Raises `Closed`."""
        with self._changed:
            if self._item is None and not self._closed and timeout_s > 0:
                self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            if self._closed:
                raise Closed
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def drain(self) -> list[T]:
        """Take out what is left, also after `close`."""
        with self._changed:
            items = [] if self._item is None else [self._item]
            self._item = None
            self._changed.notify_all()
            return items

    def close(self) -> None:
        """End all waiting and refuse what comes; an item that waits stays for `drain`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._item is None


class FrameCounter:
    """Keeps the drop identity of one source; safe for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captured = 0
        self._analysed = 0
        self._dropped: dict[DropCause, int] = {}

    def captured(self, frames: int = 1) -> None:
        """``frames`` more have left the source."""
        with self._lock:
            self._captured += frames

    def analysed(self) -> None:
        """One more has become a result."""
        with self._lock:
            self._analysed += 1

    def dropped(self, cause: DropCause, frames: int = 1) -> None:
        """``frames`` more will never be analysed."""
        if frames:
            with self._lock:
                self._dropped[cause] = self._dropped.get(cause, 0) + frames

    def undecodable(self, frames: int) -> None:
        """``frames`` more have left the source that no decoder could make a picture of."""
        self.left_out(DropCause.DECODE_ERROR, frames)

    def left_out(self, cause: DropCause, frames: int) -> None:
        """``frames`` more were dropped by the source itself."""
        if frames:
            with self._lock:
                self._captured += frames
                self._dropped[cause] = self._dropped.get(cause, 0) + frames

    def snapshot(self) -> FrameCounts:
        """All counts at one moment."""
        with self._lock:
            return FrameCounts(self._captured, self._analysed, dict(self._dropped))
