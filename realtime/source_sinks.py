"""The sinks of one live source: each behind a queue of its own, all started by the first frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from realtime.errors import FakewatchError
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.sinks.queued import QueuedSink
from realtime.types import FrameResult, RunStart, RunSummary, SourceStatus


class Outputs:
    """Nothing in here waits for a sink but `drained` and `close`, both for a bounded time.

    ``on_error`` hears the first error of each sink, ``on_drop`` how many results one was too slow
    for; both on the threads of the sinks.
    """

    def __init__(
        self,
        source_id: str,
        sinks: Sequence[Sink],
        on_error: Callable[[FakewatchError], None],
        on_drop: Callable[[int], None],
    ) -> None:
        self._sinks = [
            QueuedSink(
                sink, on_error, name=f"{redact(source_id)}-{type(sink).__name__}", on_drop=on_drop
            )
            for sink in sinks
        ]
        self._started = False

    @property
    def started(self) -> bool:
        """Whether the run has begun for the sinks."""
        return self._started

    def start(self, start: RunStart) -> None:
        """The run begins."""
        for sink in self._sinks:
            sink.start(start)
        self._started = True

    def write(self, result: FrameResult) -> None:
        """One more result."""
        for sink in self._sinks:
            sink.write(result)

    def status(self, status: SourceStatus) -> None:
        """The source does something else now."""
        for sink in self._sinks:
            with suppress(FakewatchError):  # it was closed
                sink.status(status)

    def finish(self, summary: RunSummary) -> None:
        """The run has ended; ignored if it never began."""
        for sink in self._sinks if self._started else ():
            with suppress(FakewatchError):
                sink.finish(summary, timeout_s=0)

    def drained(self, deadline: float) -> bool:
        """Whether the sinks have taken everything, waiting until ``deadline`` (monotonic)."""
        return not self._started or all(
            sink.drained(max(0.0, deadline - time.monotonic())) for sink in self._sinks
        )

    def close(self, deadline: float) -> None:
        """Let the sinks take what still waits until ``deadline`` (monotonic); end their threads."""
        for sink in self._sinks if self._started else ():
            sink.close(max(0.0, deadline - time.monotonic()))
