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
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from realtime import __version__
from realtime.announcer import Announcer
from realtime.capture import Closed
from realtime.config import Config
from realtime.errors import FakewatchError, SourceCode, SourceError
from realtime.lifecycle import LifeCycle, patience
from realtime.logs import unexpected
from realtime.playback import PresentationClock
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.source_sinks import Outputs
from realtime.sources.address import Address
from realtime.sources.base import FrameSource
from realtime.stage import Stage, Tools
from realtime.types import (
    Frame,
    FrameCounts,
    Load,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceState,
    SourceStatus,
    TrackSummary,
)
from realtime.workers import WorkerPool

if TYPE_CHECKING:
    from realtime.sources.tap import PacketTap

log = logging.getLogger(__name__)

BREATH_S: Final = 0.5
"""No wait of the capture thread is longer without a sign of life."""
OVERDUE_S: Final = 1.0
"""What takes so much longer than its own deadline is ended by closing the source under it."""
BACKLOG: Final = 4
"""Frames of a file between two looks at whether its sinks have kept up."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveInput:
    """A source of a live run and where its results go.

    The sinks belong to this source alone and are closed by whoever made them, after the run.
    ``tap`` receives the encoded packets where the kind of source has any. ``paced`` plays a file
    at the pace of its time stamps.
    """

    source_id: str
    address: Address
    sinks: tuple[Sink, ...] = ()
    tap: PacketTap | None = None
    paced: bool = False

    def same_source(self, other: LiveInput) -> bool:
        """Whether both are the same source, whatever becomes of its results."""
        return (self.source_id, self.address, self.paced) == (
            other.source_id,
            other.address,
            other.paced,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What an engine gives to each of its sources."""

    tools: Tools
    pool: WorkerPool
    opener: Callable[[LiveInput, Config], FrameSource]
    wake: Callable[[], None]
    on_error: Callable[[str, FakewatchError], None]


class SourceRunner:
    """Runs one source until it ends, fails or is stopped; everything public is thread-safe."""

    def __init__(self, item: LiveInput, around: Surroundings) -> None:
        self.input = item
        self._around = around
        self._config = around.tools.config
        self._metrics = around.tools.metrics
        self._clock = around.tools.clock
        self._finite = not item.address.live
        self._stop = threading.Event()
        self._done = threading.Event()
        self._outputs = Outputs(item.source_id, item.sinks, self._sink_failed, self._sink_dropped)
        live = patience(self._config.live, item.address.kind)
        life = LifeCycle(item.source_id, live, finite=self._finite, clock=self._clock)
        self._announcer = Announcer(life, self._outputs, around.wake)
        self._stage = Stage(
            item.source_id, item.address, around.tools, self._seen, self._outputs.write
        )
        self._pace = PresentationClock() if item.paced else None
        # Whoever works on a frame, or takes the source apart, holds it.
        self._working = threading.Lock()
        self._source: FrameSource | None = None
        self._info: SourceInfo | None = None
        self._error: FakewatchError | None = None
        self._summary: RunSummary | None = None
        self._epoch = -1
        self._index = 0
        self._captured_all = False
        self._closed_under = False
        self._beat = self._started = self._clock()
        self._overdue: float | None = None
        self._offered: float | None = None
        self._thread = threading.Thread(
            target=self._capture, name=f"fw-capture-{redact(item.source_id)}", daemon=True
        )

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
        return self._info

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
        offered = self._offered
        return self._beat if offered is None else min(self._beat, offered)

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
        self._thread.start()

    def halt(self) -> None:
        """Ask for the end; returns at once."""
        self._stop.set()
        self._stage.close()

    def ended(self, timeout_s: float) -> bool:
        """Whether the capture thread has ended, waiting at most ``timeout_s``."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def close_under(self) -> None:
        """End a read or a connection attempt that is stuck; may take as long as ``close``."""
        self._closed_under = True
        source = self._source
        if source is not None:
            try:
                source.close()
            except Exception:
                log.exception("unexpected error while closing a source")

    def fail(self, error: FakewatchError) -> None:
        """Give the source up; what is still on its way ends as dropped by shutdown."""
        with self._announcer.change() as life:
            self._error = self._error or error
            life.failed(error)
        self.halt()
        self._offer()

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
        overdue = self._overdue
        late = overdue is not None and self._clock() > overdue
        failed = self._announcer.over and not self._captured_all
        if (late or failed) and not self._closed_under:
            self.close_under()
        if self._stage.due:
            self._offer()
        self._stage.watch_load()

    def deliver(self, listener: Callable[[SourceStatus], None] | None) -> None:
        """Tell the states that are new, in order, then the end."""
        # Looked at first: whatever is told of the end was noted before there was a summary.
        summary = self._summary
        self._announcer.tell(listener)
        if summary is not None and not self._done.is_set():
            self._outputs.finish(summary)
            self._done.set()

    # The capture thread

    def _capture(self) -> None:
        try:
            self._stage.prepare(self._stop)
            while not self._stop.is_set():
                error = self._connection()
                if error is None or self._stop.is_set() or not self._wait_after(error):
                    break
        except Exception as exc:
            log.exception("unexpected error")
            self.fail(unexpected(exc))
        finally:
            self._captured_all = True
            self._offer()

    def _connection(self) -> FakewatchError | None:
        """Connect and read until it breaks; what broke it, or None if it came to its end."""
        source: FrameSource | None = None
        try:
            with self._announcer.change() as life:
                life.trying()
            self._closed_under = False
            source = self._around.opener(self.input, self._config)
            self._source = source
            if self._stop.is_set():
                return None
            self._watch(self._config.live.open_timeout_s)
            self._info = source.open()
            self._epoch += 1
            with self._announcer.change() as life:
                life.connected(self._epoch)
            self._read(source)
        except FakewatchError as exc:
            return self._what_broke(exc)
        except Closed:
            return None
        except Exception as exc:
            # A monitor must outlive one odd packet; this is told and tried again.
            log.exception("unexpected error")
            return self._what_broke(unexpected(exc))
        finally:
            self._overdue = None
            self._source = None
            if source is not None:
                source.close()
        return self._after_the_end(self._info)

    def _watch(self, deadline_s: float) -> None:
        """What begins now has a deadline of its own; the ticker sees to it that it is kept."""
        limit = self._config.source.open_timeout_s if self._finite else deadline_s
        self._beat = self._clock()
        self._overdue = self._beat + limit + OVERDUE_S

    def _after_the_end(self, info: SourceInfo | None) -> FakewatchError | None:
        """A file or a recording that is served live has an end; a camera has lost something."""
        recording = info is None or not info.live or info.duration_s is not None
        if self._stop.is_set() or (recording and not self._closed_under):
            return None
        return self._what_broke(
            SourceError(
                "The stream has ended; it is tried again.",
                SourceCode.CONNECTION_FAILED,
                transient=True,
            )
        )

    def _what_broke(self, error: FakewatchError) -> FakewatchError:
        if not self._closed_under or self._stop.is_set():
            return error
        return SourceError(
            "The source has not delivered anything for too long.",
            SourceCode.TIMEOUT,
            transient=True,
        )

    def _wait_after(self, error: FakewatchError) -> bool:
        """Wait before the next attempt; False if there is to be none."""
        with self._announcer.change() as life:
            wait_s = life.lost(error)
            if wait_s is None:
                self._error = self._error or error
        if self._metrics is not None and not self._finite:
            code = error.code.value if isinstance(error, SourceError) else "other"
            self._metrics.count_reconnect(self.source_id, code)
        if wait_s is None:
            return False
        self._breathe(wait_s)
        return not self._stop.is_set()

    def _breathe(self, seconds: float) -> None:
        """Wait with signs of life, or until stopped."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            self._beat = self._clock()
            self._stop.wait(min(left, BREATH_S))

    def _read(self, source: FrameSource) -> None:
        """Read until the end; raises `SourceError` if it breaks and `Closed` once stopped."""
        errors = 0
        while not self._stop.is_set():
            self._watch(self._config.live.read_timeout_s)
            frame = source.read()
            self._beat, self._overdue = self._clock(), None
            before, errors = errors, source.decode_errors
            self._stage.counter.undecodable(errors - before)
            if frame is None:
                return
            self._stage.counter.captured()
            self._hand_on(replace(frame, epoch=self._epoch, index=self._index))
            self._index += 1
        raise Closed

    def _hand_on(self, frame: Frame) -> None:
        if not self._outputs.started:
            self._start_outputs()
        with self._announcer.change() as life:
            life.frame()
        if self._finite:
            frame = self._in_turn(frame)
        self._stage.put(frame)
        if self._stage.due:
            self._offer()

    def _in_turn(self, frame: Frame) -> Frame:
        """Wait until a file's frame is due, the sinks have kept up, and all before is judged.

        So nothing is lost, and the same file gives the same result whatever else goes on.
        """
        if self._pace is not None:
            self._breathe(self._pace.wait_s(frame.time_s))
            frame = replace(frame, captured_mono=self._clock())
        if frame.index % BACKLOG == 0:
            while not self._stop.is_set() and not self._outputs.drained(
                time.monotonic() + BREATH_S
            ):
                self._beat = self._clock()
        while not self._stop.is_set() and not self._stage.settled(BREATH_S):
            self._beat = self._clock()
        return frame

    def _start_outputs(self) -> None:
        assert self._info is not None
        start = RunStart(
            source=self._info,
            started_at=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            version=__version__,
            model=self._around.tools.scorer.scorer.info,
            config=self._config.as_dict(),
            source_id=self.source_id,
        )
        self._outputs.start(start)

    # The sinks' threads

    def _sink_failed(self, error: FakewatchError) -> None:
        self._error = self._error or error
        self._around.on_error(self.source_id, error)

    def _sink_dropped(self, results: int) -> None:
        if self._metrics is not None:
            self._metrics.count_sink_drop(self.source_id, results)

    # The workers' part

    def _offer(self) -> None:
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
                worked = self._stage.work()
                if not self._captured_all:
                    return
                if worked:
                    self._offer()
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
            summary = self._summarise(self._stage.finish())
            with self._announcer.change() as life:
                life.ended()
            self._summary = summary
            self._around.wake()
        return self._summary

    def _summarise(self, tracks: tuple[TrackSummary, ...]) -> RunSummary:
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
        )
