"""A thread that can be left alone with a call that may never return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The worker was told to stop before the call had ended."""


class _Call(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None


class Worker:
    """One thread that makes calls for others, who wait for each no longer than they want."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._state = threading.Condition()
        self._stopping = False
        # A daemon, because a thread that hangs inside the kernel would keep the program alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._last: Callable[[], None] | None = None

    def start(self, last: Callable[[], None]) -> None:
        """Begin; ``last`` is called on the thread at its very end, however late that is."""
        self._last = last
        self._thread.start()

    def call(self, work: Callable[[], T], timeout_s: float) -> T:
        """The result of ``work``; after a timeout it goes on and its result is lost.

        Raises:
            TimeoutError: if it took longer.
            Closed: if `stop` came first.
        """
        call = _Call(work)
        with self._state:
            if self._stopping:
                raise Closed
            self._calls.put(call)
            self._state.wait_for(lambda: call.done or self._stopping, timeout_s)
            if not call.done:
                raise Closed if self._stopping else TimeoutError
        if call.error is not None:
            raise call.error
        return call.value  # type: ignore[return-value]  # done without an error

    def stop(self) -> None:
        """Make no further call and end the thread as soon as the one that runs returns."""
        with self._state:
            if not self._stopping:
                self._stopping = True
                self._calls.put(None)
                self._state.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                self._make(call)
        finally:
            if self._last is not None:
                self._last()

    def _make(self, call: _Call[Any]) -> None:
        if self._stopping:
            return
        try:
            call.value = call.work()
        except BaseException as exc:  # noqa: BLE001 - raised again where it is waited for
            call.error = exc
        with self._state:
            call.done = True
            self._state.notify_all()
