"""One live source from its connection to its sinks, over as many connections as it takes.

A thread of its own reads frames and leaves them in the source's stage, where the workers of the
engine take the newest in turn. Each frame is counted once when it leaves the source and once where
it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from realtime.announcer import Announcer
from realtime.errors import FakewatchError
from realtime.lifecycle import LifeCycle, patience
from realtime.live_input import LiveInput, Surroundings
from realtime.logs import unexpected
from realtime.reader import SourceReader
from realtime.redact import redact
from realtime.source_sinks import Outputs
from realtime.stage import Stage
from realtime.types import (
    Cue,
    FrameCounts,
    Load,
    RunSummary,
    SourceInfo,
    SourceState,
    SourceStatus,
    TrackSummary,
)

log = logging.getLogger(__name__)


class SourceRunner:
    """Runs one source until it ends, fails or is stopped; everything public is thread-safe."""

    def __init__(self, item: LiveInput, around: Surroundings) -> None:
        self.input = item
        self._around = around
        self._metrics = around.tools.metrics
        self._clock = around.tools.clock
        self._done = threading.Event()
        self._outputs = Outputs(item.source_id, item.sinks, self._sink_failed, self._sink_dropped)
        live = patience(around.tools.config.live, item.address.kind)
        finite = not item.address.live
        life = LifeCycle(item.source_id, live, finite=finite, clock=self._clock)
        self._announcer = Announcer(life, self._outputs, around.wake)
        self._stage = Stage(
            item.source_id, item.address, around.tools, self._seen, self._outputs.write
        )
        self._reader = SourceReader(
            item,
            around,
            announcer=self._announcer,
            stage=self._stage,
            outputs=self._outputs,
            owner=self,
        )
        # Whoever works on a frame, or takes the source apart, holds it.
        self._working = threading.Lock()
        self._error: FakewatchError | None = None
        self._summary: RunSummary | None = None
        self._started = self._clock()
        self._offered: float | None = None

    # What others see

    @property
    def source_id(self) -> str:
        """A short name, unique in the run."""
        return self.input.source_id

    @property
    def status(self) -> SourceStatus:
        """What the source is doing."""
        return self._announcer.status

    @property
    def info(self) -> SourceInfo | None:
        """What the newest connection is, None before the first."""
        return self._reader.info

    @property
    def counts(self) -> FrameCounts:
        """The drop identity at this moment."""
        return self._stage.counter.snapshot()

    @property
    def tracks(self) -> int:
        """How many faces are followed now."""
        return self._stage.tracks

    @property
    def load(self) -> Load:
        """How hard the source is worked on."""
        return self._stage.load

    @property
    def error(self) -> FakewatchError | None:
        """What it or one of its sinks failed with, None if nothing did."""
        return self._error

    @property
    def heartbeat_mono(self) -> float:
        """When the threads that serve it were last seen alive."""
        if self._done.is_set():
            return self._clock()
        offered, beat = self._offered, self._reader.heartbeat_mono
        return beat if offered is None else min(beat, offered)

    @property
    def summary(self) -> RunSummary | None:
        """How it went, once it is over."""
        return self._summary

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is over and its sinks have everything."""
        deadline = time.monotonic() + (threading.TIMEOUT_MAX if timeout_s is None else timeout_s)
        return self._done.wait(timeout_s) and self._outputs.drained(deadline)

    # How it is started and stopped

    def start(self) -> None:
        """Start the capture thread."""
        self._reader.start()

    def halt(self) -> None:
        """Ask for the end; returns at once."""
        self._reader.halt()
        self._stage.close()

    def pause(self, *, on: bool) -> None:
        """Analyse nothing until told to go on; returns at once. See `SourceReader.pause`."""
        self._reader.pause(on=on)

    def ended(self, timeout_s: float) -> bool:
        """Whether the capture thread has ended, waiting at most ``timeout_s``."""
        return self._reader.ended(timeout_s)

    def close_under(self) -> None:
        """End a read or a connection attempt that is stuck; may take as long as ``close``."""
        self._reader.close_under()

    def fail(self, error: FakewatchError) -> None:
        """Give the source up; what is still on its way ends as dropped by shutdown."""
        with self._announcer.change() as life:
            self._error = self._error or error
            life.failed(error)
        self.halt()
        self.offer()

    def finish(self, timeout_s: float) -> RunSummary:
        """After its threads have ended: account for every frame and end the sinks' run."""
        if not self._working.acquire(timeout=max(0.0, timeout_s)):
            log.error("the analysis of %s did not stop in time", redact(self.source_id))
            self._summary = summary = self._summarise(())
            return summary
        try:
            return self._take_apart()
        finally:
            self._working.release()

    def close_sinks(self, deadline: float) -> None:
        """Let the sinks take what they still have to until ``deadline`` (monotonic)."""
        self._outputs.close(deadline)

    # The ticker's part

    def tick(self) -> None:
        """Look at the clock: silence, what is overdue, the load, frames that have to wait."""
        with self._announcer.change() as life:
            before = life.status.state
            life.tick()
            stalled = life.status.state is SourceState.STALLED is not before
        if stalled and self._metrics is not None:
            self._metrics.count_stall(self.source_id)
        self._reader.tick()
        if self._stage.due:
            self.offer()
        self._stage.watch_load()

    def deliver(self, listener: Callable[[SourceStatus], None] | None) -> None:
        """Tell the states that are new, in order, then the end."""
        # Looked at first: whatever is told of the end was noted before there was a summary.
        summary = self._summary
        self._announcer.tell(listener)
        if summary is not None and not self._done.is_set():
            self._outputs.finish(summary)
            self._done.set()

    # The capture thread's part

    def note(self, error: FakewatchError) -> None:
        """There will be no further attempt to connect, because of this."""
        self._error = self._error or error

    # The sinks' threads

    def _sink_failed(self, error: FakewatchError) -> None:
        self._error = self._error or error
        self._around.on_error(self.source_id, error)

    def _sink_dropped(self, results: int) -> None:
        if self._metrics is not None:
            self._metrics.count_sink_drop(self.source_id, results)

    # The workers' part

    def offer(self) -> None:
        """There is something to do for a worker: a frame, or the end."""
        if self._offered is None:
            self._offered = self._clock()
        self._around.pool.offer(self)

    def _seen(self, picture: SourceState | None) -> None:
        with self._announcer.change() as life:
            life.picture(picture)

    def work(self) -> None:
        """One frame; or the end, if there is no more."""
        with self._working:
            self._offered = None
            try:
                # Asked first: what comes later is offered anew, and the last frame is not missed.
                over = self._reader.over
                worked = self._stage.work()
                if not over:
                    return
                if worked:
                    self.offer()
                else:
                    self._take_apart()
            except FakewatchError as exc:
                self.fail(exc)
            except Exception as exc:
                log.exception("unexpected error")
                self.fail(unexpected(exc))

    def _take_apart(self) -> RunSummary:
        """The end, whatever brought it: only once, and never beside a worker."""
        if self._summary is None:
            summary = self._summarise(self._stage.finish(), self._stage.source_cues)
            with self._announcer.change() as life:
                life.ended()
            self._summary = summary
            self._around.wake()
        return self._summary

    def _summarise(
        self, tracks: tuple[TrackSummary, ...], cues: tuple[Cue, ...] = ()
    ) -> RunSummary:
        assessable = [track for track in tracks if track.probability is not None]
        status = self._announcer.status
        trouble = status.state in (SourceState.RECONNECTING, SourceState.FAILED)
        error = status.text if trouble else None
        return RunSummary(
            counts=self._stage.counter.snapshot(),
            tracks=tracks,
            worst=max(assessable, key=lambda t: (t.state.rank, t.probability or 0.0), default=None),
            wall_s=self._clock() - self._started,
            media_s=self._stage.media_s,
            error=error if self._error is None else redact(self._error),
            cues=cues,
        )
