"""What every sink is: the end of the engine that a result leaves through."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from realtime.types import FrameResult, RunStart, RunSummary, SourceStatus


class Sink(Protocol):
    """Receives runs in order: each one ``start``, any number of ``write``, one ``finish``.

    Several runs may follow each other, one a file, and all go into the same output. The calls of
    a run come from one thread. Whoever made a sink calls ``close`` at the very end. A sink that
    is slow brings its own bounded queue and thread.
    """

    def start(self, start: RunStart) -> None:
        """A run begins; raises `SinkError` if the output cannot be written."""
        ...

    def write(self, result: FrameResult) -> None:
        """One more result; raises `SinkError`. The arrays in it must not be changed."""
        ...

    def finish(self, summary: RunSummary) -> None:
        """The run has ended, well or not; what was gathered must now be readable on disk."""
        ...

    def close(self) -> None:
        """Release everything; may be called more than once and without ``finish``."""
        ...


@runtime_checkable
class StatusSink(Sink, Protocol):
    """A sink that also wants to hear what a live source is doing."""

    def status(self, status: SourceStatus) -> None:
        """The source of the run does something else now; raises `SinkError`.

        Comes between ``start`` and ``finish``, like `write` from one thread at a time. A source
        that has not delivered a picture yet has not started its run: its states are not told.
        """
        ...
