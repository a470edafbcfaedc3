"""Ends what FFmpeg waits for on a network: at a deadline, or because another thread says so.

PyAV gives FFmpeg a callback that is asked about ten times a second, in every wait of every
protocol, whether to give up; it compares ``time.monotonic()`` with a deadline of its own. That
deadline starts anew with every packet, is taken twice while a stream is opened, and cannot be
moved by another thread. So the clock that PyAV's ``av.container.core`` reads is put in place of
the module ``time`` there: for a thread inside `Interrupt.watch` it jumps past any deadline once
ours has passed or `Interrupt.cancel` was called, for every other thread it is
``time.monotonic()``. If a later PyAV should not look there any more, its own deadlines still
hold: an open then takes at most twice its time, and a cancelled read ends with its own.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import av.container.core

_LEAP_S: Final = 1e6
"""Longer than any timeout that PyAV is ever given."""

_watching = threading.local()


class Interrupt:
    """One deadline at a time for the thread that waits, one switch for all others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = math.inf
        self._cancelled = False
        self._leapt = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    @property
    def expired(self) -> bool:
        """Whether the deadline of the current or last `watch` has passed."""
        return self._clock() > self._deadline

    def cancel(self) -> None:
        """End what is going on and everything that is begun later; from any thread."""
        self._cancelled = True

    @contextmanager
    def watch(self, seconds: float) -> Iterator[None]:
        """Let FFmpeg's calls of this thread in the block wait for at most so long in all."""
        self._deadline = self._clock() + seconds
        before = getattr(_watching, "interrupt", None)
        _watching.interrupt = self
        try:
            yield
        finally:
            _watching.interrupt = before

    def now(self) -> float:
        """What PyAV is told the time is."""
        if self._cancelled or self.expired:
            # Further each time, because PyAV may only now be noting down when it began.
            self._leapt += _LEAP_S
        return self._clock() + self._leapt


class _Clock:
    """Stands in for the module ``time`` where PyAV reads it."""

    @staticmethod
    def monotonic() -> float:
        interrupt: Interrupt | None = getattr(_watching, "interrupt", None)
        return time.monotonic() if interrupt is None else interrupt.now()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


av.container.core.time = _Clock()  # type: ignore[attr-defined]
