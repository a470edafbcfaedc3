"""One live source from its connection to its sinks, over as many connections as it takes.

A thread of its own reads frames and leaves the newest in a slot; the workers of the engine take
them from there in turn, track, analyse and hand the results to the sinks. Each frame is counted
once when it leaves the source and once where it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from realtime import __version__
from realtime.analysis import Analysis
from realtime.batching import BatchScorer
from realtime.capture import Closed, FrameCounter, LatestSlot
from realtime.config import Config
from realtime.errors import FakewatchError, SourceCode, SourceError
from realtime.faces import FaceTracker
from realtime.lifecycle import LifeCycle
from realtime.loads import WINDOW_S, LoadControl, Window
from realtime.logs import unexpected
from realtime.picture_state import PictureWatch
from realtime.playback import PresentationClock
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.sinks.queued import QueuedSink
from realtime.sources.address import Address
from realtime.sources.base import FrameSource
from realtime.types import (
    DropCause,
    Frame,
    FrameCounts,
    FrameResult,
    Load,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceState,
    SourceStatus,
    TrackSummary,
    VerdictState,
)
from realtime.workers import WorkerPool

if TYPE_CHECKING:
    from realtime.metrics import Metrics
    from realtime.sources.tap import PacketTap

log = logging.getLogger(__name__)

BREATH_S: Final = 0.5
"""No wait of the capture thread is longer without a sign of life."""
OVERDUE_S: Final = 1.0
"""A read that takes so much longer than its own deadline is ended by closing under it."""
WORK_HALF_LIFE_S: Final = 2.0
"""How soon a frame that took long is forgotten."""
BACKLOG: Final = 4
"""Frames of a finite source between two looks at whether its sinks have kept up."""

_BUILDING = threading.Lock()
"""Building a tracker holds back what native code writes to file descriptor 2: one at a time."""


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
    """What all sources of an engine share."""

    config: Config
    scorer: BatchScorer
    pool: WorkerPool
    opener: Callable[[LiveInput, Config], FrameSource]
    wake: Callable[[], None]
    on_error: Callable[[str, FakewatchError], None]
    metrics: Metrics | None
    clock: Callable[[], float]


class SourceRunner:
    """Runs one source until it ends, fails or is stopped; everything public is thread-safe."""

    def __init__(self, spec: LiveInput, around: Surroundings) -> None:
        self.input = spec
        self._around = around
        self._clock = around.clock
        self._metrics = around.metrics
        self._finite = not spec.address.live
        self._stop = threading.Event()
        self._done = threading.Event()
        self._counter = FrameCounter()
        self._slot: LatestSlot[Frame] = LatestSlot()
        self._client = around.scorer.client(spec.source_id)
        self._analysis = Analysis(
            around.scorer.scorer, around.config, self._counter, self._client, clock=around.clock
        )
        self._picture = PictureWatch(around.config.live, spec.address.kind)
        self._pace = PresentationClock() if spec.paced else None
        # The states are told by several threads; what is new is delivered by one.
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._life = LifeCycle(
            spec.source_id, around.config.live, finite=self._finite, clock=around.clock
        )
        self._told = self._life.status
        self._news: deque[tuple[SourceStatus, bool]] = deque([(self._told, False)])
        # One at a time works on a frame or takes the source apart.
        self._working = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._tracker: FaceTracker | None = None
        self._source: FrameSource | None = None
        self._info: SourceInfo | None = None
        self._error: FakewatchError | None = None
        self._sinks = [self._queued(sink) for sink in spec.sinks]
        self._sinks_started = False
        self._summary: RunSummary | None = None
        self._epoch = -1
        self._index = 0
        self._captured_all = False
        self._closed_under = False
        self._beat = self._started = around.clock()
        self._reading_since: float | None = None
        self._offered: float | None = None
        self._next_track = 0.0
        self._load_control = LoadControl(around.config.scorer.rate_hz, around.config.live.max_age_s)
        self._load = self._load_control.load
        self._ages: list[float] = []
        self._window: tuple[float, FrameCounts] = (self._started, FrameCounts())
        # What the slowest of late took, so that those too end within the bound on age.
        self._work_s, self._worked_at = 0.0, self._started
        self._verdicts: dict[int, VerdictState] = {}
        self._thread = threading.Thread(
            target=self._capture, name=f"fw-capture-{redact(spec.source_id)}", daemon=True
        )

    # What others see

    @property
    def source_id(self) -> str:
        """A short name, unique in the run."""
        return self.input.source_id

    @property
    def status(self) -> SourceStatus:
        """What the source is doing."""
        return self._life.status

    @property
    def info(self) -> SourceInfo | None:
        """What the newest connection is, None before the first."""
        return self._info

    @property
    def counts(self) -> FrameCounts:
        """The drop identity at this moment."""
        return self._counter.snapshot()

    @property
    def tracks(self) -> int:
        """How many faces are followed now."""
        return self._analysis.tracks

    @property
    def load(self) -> Load:
        """How hard the source is worked on."""
        return self._load

    @property
    def error(self) -> FakewatchError | None:
        """What it or one of its sinks failed with, None if nothing did."""
        return self._error

    @property
    def heartbeat_mono(self) -> float:
        """When all threads that serve it were last seen alive."""
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
        begin = time.monotonic()
        if not self._done.wait(timeout_s):
            return False
        for sink in self._sinks if self._sinks_started else ():
            left = 3600.0 if timeout_s is None else begin + timeout_s - time.monotonic()
            if not sink.drained(max(0.0, left)):
                return False
        return True

    # How it is started and stopped

    def start(self) -> None:
        """Start the capture thread."""
        self._thread.start()

    def halt(self) -> None:
        """Ask for the end; returns at once."""
        self._stop.set()
        self._slot.close()

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
        with self._lock:
            self._error = self._error or error
            self._life.failed(error)
            self._note()
        self.halt()
        self._offer()

    def finish(self, timeout_s: float) -> RunSummary:
        """After the workers have ended: account for every frame and end the sinks' run."""
        if not self._working.acquire(timeout=max(0.0, timeout_s)):
            log.error("the analysis of %s did not stop in time", redact(self.source_id))
            self._summary = self._summarise(())
            return self._summary
        try:
            self._take_apart()
        finally:
            self._working.release()
        assert self._summary is not None
        return self._summary

    def close_sinks(self, deadline: float) -> None:
        """Let the sinks take what they still have to, until ``deadline`` (monotonic), and end."""
        for sink in self._sinks if self._sinks_started else ():
            sink.close(max(0.0, deadline - time.monotonic()))

    # The ticker's part

    def tick(self) -> None:
        """Look at the clock: silence, overdue reads, the load, frames that wait for too long."""
        now = self._clock()
        with self._lock:
            before = self._life.status.state
            self._life.tick()
            self._note()
            stalled = self._life.status.state is SourceState.STALLED is not before
        if stalled and self._metrics is not None:
            self._metrics.count_stall(self.source_id)
        reading = self._reading_since
        limit = self._around.config.live.read_timeout_s + OVERDUE_S
        if reading is not None and not self._finite and now - reading > limit:
            self._reading_since = None
            self.close_under()
        elif self._life.over and not self._captured_all and not self._closed_under:
            self.close_under()
        if not self._slot.empty and now >= self._next_track:
            self._offer()
        self._watch_load(now)

    def deliver(self, listener: Callable[[SourceStatus], None] | None) -> None:
        """Tell the states that are new, in order, then the end."""
        with self._telling:
            self._deliver(listener)

    def _deliver(self, listener: Callable[[SourceStatus], None] | None) -> None:
        # Looked at first: whatever is told of the end was noted before there was a summary.
        summary = self._summary
        while self._news:
            status, started = self._news.popleft()
            for sink in self._sinks if started else ():
                with suppress(FakewatchError):  # it was closed
                    sink.status(status)
            if listener is not None:
                try:
                    listener(status)
                except Exception:
                    log.exception("unexpected error of whoever listens to states")
        if summary is not None and not self._done.is_set():
            for sink in self._sinks if self._sinks_started else ():
                with suppress(FakewatchError):
                    sink.finish(summary, timeout_s=0)
            self._done.set()

    def _watch_load(self, now: float) -> None:
        begin, before = self._window
        if now - begin < WINDOW_S:
            return
        counts = self._counter.snapshot()
        ages, self._ages = self._ages, []
        self._window = (now, counts)
        if self._finite:
            return  # it loses nothing, and it is as old as it likes
        window = Window(
            now - begin,
            counts.captured - before.captured,
            counts.analysed - before.analysed,
            ages,
            self._client.answer_s,
        )
        self._load = self._load_control.update(window)

    def _note(self) -> None:
        """Remember the status for `deliver` if it is new; under the lock."""
        status = self._life.status
        if status != self._told:
            self._told = status
            self._news.append((status, self._sinks_started))
            self._around.wake()

    # The capture thread

    def _capture(self) -> None:
        try:
            with _BUILDING:
                if not self._stop.is_set():
                    self._tracker = FaceTracker(self._around.config.faces)
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
            with self._lock:
                self._life.trying()
                self._note()
            self._closed_under = False
            self._beat = self._clock()
            source = self._around.opener(self.input, self._around.config)
            self._source = source
            if self._stop.is_set():
                return None
            self._info = source.open()
            self._epoch += 1
            with self._lock:
                self._life.connected(self._epoch)
                self._note()
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
            self._reading_since = None
            self._source = None
            if source is not None:
                source.close()
        return self._after_the_end(self._info)

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
        if self._closed_under and not self._stop.is_set():
            return SourceError(
                "The source has not delivered anything for too long.",
                SourceCode.TIMEOUT,
                transient=True,
            )
        return error

    def _wait_after(self, error: FakewatchError) -> bool:
        """Wait before the next attempt; False if there is to be none."""
        with self._lock:
            wait_s = self._life.lost(error)
            if wait_s is None:
                self._error = self._error or error
            self._note()
        if self._metrics is not None and not self._finite:
            code = error.code.value if isinstance(error, SourceError) else "other"
            self._metrics.count_reconnect(self.source_id, code)
        if wait_s is None:
            return False
        until = self._clock() + wait_s
        while (left := until - self._clock()) > 0 and not self._stop.is_set():
            self._beat = self._clock()
            self._stop.wait(min(left, BREATH_S))
        return not self._stop.is_set()

    def _read(self, source: FrameSource) -> None:
        """Read until the end; raises `SourceError` if it breaks and `Closed` once stopped."""
        errors = 0
        while not self._stop.is_set():
            self._beat = self._reading_since = self._clock()
            frame = source.read()
            self._beat, self._reading_since = self._clock(), None
            lost, errors = source.decode_errors - errors, source.decode_errors
            self._counter.undecodable(lost)
            if frame is None:
                return
            self._counter.captured()
            frame = replace(frame, epoch=self._epoch, index=self._index)
            self._index += 1
            if not self._sinks_started:
                self._start_sinks()
            with self._lock:
                self._life.frame()
                self._note()
            self._hand_on(frame)
            if self._clock() >= self._next_track:
                self._offer()
        raise Closed

    def _hand_on(self, frame: Frame) -> None:
        try:
            if self._finite:
                self._hand_on_in_turn(frame)
            elif self._slot.put(frame) is not None:
                self._counter.dropped(DropCause.SUPERSEDED)
        except Closed:
            self._counter.dropped(DropCause.SHUTDOWN)
            raise

    def _hand_on_in_turn(self, frame: Frame) -> None:
        """Wait until the frame is due, the sinks have kept up, and the one before is judged.

        So nothing is lost, and the same file gives the same result whatever else goes on.
        """
        if self._pace is not None:
            wait_s = self._pace.wait_s(frame.time_s)
            until = time.monotonic() + wait_s
            while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
                self._beat = self._clock()
                self._stop.wait(min(left, BREATH_S))
            frame = replace(frame, captured_mono=self._clock())
        if self._sinks_started and frame.index % BACKLOG == 0:
            for sink in self._sinks:
                while not self._stop.is_set() and not sink.drained(BREATH_S):
                    self._beat = self._clock()
        for settled in (self._idle.wait, self._client.settled):
            while not self._stop.is_set() and not settled(BREATH_S):
                self._beat = self._clock()
        self._idle.clear()
        self._slot.put(frame)

    def _start_sinks(self) -> None:
        assert self._info is not None
        start = RunStart(
            source=self._info,
            started_at=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            version=__version__,
            model=self._around.scorer.scorer.info,
            config=self._around.config.as_dict(),
            source_id=self.source_id,
        )
        for sink in self._sinks:
            sink.start(start)
        self._sinks_started = True

    def _queued(self, sink: Sink) -> QueuedSink:
        def failed(error: FakewatchError) -> None:
            self._error = self._error or error
            self._around.on_error(self.source_id, error)

        def dropped(results: int) -> None:
            if self._metrics is not None:
                self._metrics.count_sink_drop(self.source_id, results)

        label = f"{redact(self.source_id)}-{type(sink).__name__}"
        return QueuedSink(sink, failed, name=label, on_drop=dropped)

    # The workers' part

    def _offer(self) -> None:
        if self._offered is None:
            self._offered = self._clock()
        self._around.pool.offer(self)

    def work(self) -> None:
        """One frame; or the end, if there is no more."""
        with self._working:
            self._offered = None
            try:
                self._one_frame()
            except FakewatchError as exc:
                self.fail(exc)
            except Exception as exc:
                log.exception("unexpected error")
                self.fail(unexpected(exc))

    def _one_frame(self) -> None:
        try:
            frame = self._slot.take()
        except Closed:
            frame = None
        if frame is None:
            if self._captured_all:
                self._take_apart()
            return
        now = self._clock()
        if self._is_stale(frame, now):
            self._counter.dropped(DropCause.STALE)
        else:
            self._pace_tracking(now)
            result = self._analyse(frame)
            for sink in self._sinks:
                sink.write(result)
        self._idle.set()
        if self._captured_all:
            self._offer()

    def _is_stale(self, frame: Frame, now: float) -> bool:
        """Whether the result would be older than it may; a slow machine still gets to try."""
        bound = self._around.config.live.max_age_s
        ahead = min(self._work_s, bound / 2)
        return not self._finite and now - frame.captured_mono + ahead > bound

    def _pace_tracking(self, now: float) -> None:
        rate = self._load.track_rate_hz
        self._next_track = 0.0 if rate is None else max(self._next_track + 1.0 / rate, now)

    def _analyse(self, frame: Frame) -> FrameResult:
        begin = self._clock()
        try:
            assert self._tracker is not None
            self._look(frame)
            faces = self._tracker.track(frame)
            tracked = self._clock()
            self._analysis.set_rate(self._load_control.asked_hz)
            result = self._analysis.analyse(frame, faces)
        except BaseException:
            self._counter.dropped(DropCause.SHUTDOWN)
            raise
        self._ages.append(result.age_s)
        now = self._clock()
        faded = 0.5 ** ((now - self._worked_at) / WORK_HALF_LIFE_S)
        self._work_s, self._worked_at = max(now - begin, self._work_s * faded), now
        if self._metrics is not None:
            self._metrics.observe_stage(self.source_id, "track", tracked - begin)
            self._metrics.observe_stage(self.source_id, "analyse", self._clock() - tracked)
            self._metrics.observe_age(self.source_id, result.age_s)
            self._count_transitions(result, self._metrics)
        return result

    def _look(self, frame: Frame) -> None:
        if self._finite:
            return
        state = self._picture.look(frame)
        with self._lock:
            self._life.picture(state)
            self._note()

    def _count_transitions(self, result: FrameResult, metrics: Metrics) -> None:
        for track in result.ended:
            self._verdicts.pop(track.track_id, None)
        for track_id, verdict in result.verdicts.items():
            before = self._verdicts.get(track_id, VerdictState.NOT_ASSESSABLE)
            self._verdicts[track_id] = verdict.state
            if before is not verdict.state:
                metrics.count_transition(self.source_id, before, verdict.state)

    def _take_apart(self) -> None:
        """The end, whatever brought it: only once, and never beside a worker."""
        if self._summary is not None:
            return
        self._slot.close()
        self._counter.dropped(DropCause.SHUTDOWN, len(self._slot.drain()))
        if self._tracker is not None:
            self._tracker.close()
        self._around.scorer.release(self._client)
        summary = self._summarise(self._analysis.finish())
        with self._lock:
            self._life.ended()
            self._note()
        self._summary = summary
        self._around.wake()

    def _summarise(self, tracks: tuple[TrackSummary, ...]) -> RunSummary:
        assessable = [track for track in tracks if track.probability is not None]
        status = self._life.status
        error = status.text if self._error is None else redact(self._error)
        trouble = status.state in (SourceState.RECONNECTING, SourceState.FAILED)
        return RunSummary(
            counts=self._counter.snapshot(),
            tracks=tracks,
            worst=max(assessable, key=lambda t: (t.state.rank, t.probability or 0.0), default=None),
            wall_s=self._clock() - self._started,
            media_s=self._analysis.media_s,
            error=error if trouble or self._error is not None else None,
        )
