"""One source from capture to sinks: the only file that starts and joins threads of the engine.

Three threads run side by side: ``fw-capture`` reads frames, ``fw-track`` finds the faces,
``fw-score`` scores crops, decides and feeds the sinks. Bounded queues between them make the
faster wait for the slower. They end in that order; one event stops them all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial

from realtime import __version__
from realtime.analysis import Analysis
from realtime.capture import Closed, FrameCounter, WaitQueue
from realtime.config import Config
from realtime.errors import FakewatchError, SourceError
from realtime.faces import FaceTracker
from realtime.logs import unexpected
from realtime.playback import Playback
from realtime.redact import redact
from realtime.scorer import Scorer
from realtime.sinks.base import Sink
from realtime.sources.base import FrameSource
from realtime.types import (
    DropCause,
    Faces,
    Frame,
    FrameCounts,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceState,
    TrackSummary,
)

log = logging.getLogger(__name__)

_QUEUE_FRAMES = 4
"""Enough to even out the jitter of two stages, little enough to seek at once."""


@dataclass(frozen=True, slots=True)
class _End:
    """Follows the last frame of the source through the queues.

    After a ``final`` one the threads return; else the viewer may still go back.
    """

    generation: int
    final: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Tracked:
    frame: Frame
    faces: Faces


class Pipeline:
    """Runs one source through the engine, once.

    ``paced`` keeps the pace of the source's time stamps and stays alive at the end, so that a
    viewer can go back; else everything runs as fast as it can and ends with the source.
    ``on_state`` is called from the pipeline's threads and must return at once. All methods may
    be called from any thread.
    """

    def __init__(
        self,
        source: FrameSource,
        scorer: Scorer,
        config: Config,
        sinks: Sequence[Sink] = (),
        *,
        paced: bool = False,
        on_state: Callable[[SourceState], None] | None = None,
    ) -> None:
        self._source = source
        self._scorer = scorer
        self._config = config
        self._sinks = tuple(sinks)
        self._started_sinks: list[Sink] = []
        self._paced = paced
        self._on_state = on_state
        self._counter = FrameCounter()
        self._analysis = Analysis(scorer, config, self._counter)
        self._frames: WaitQueue[Frame | _End] = WaitQueue(_QUEUE_FRAMES)
        self._tracked: WaitQueue[_Tracked | _End] = WaitQueue(_QUEUE_FRAMES)
        self._stop = threading.Event()
        self._done = threading.Event()
        self._playback = Playback(paced=paced, on_state=self._set_state)
        # Everything of an older epoch is from before the newest seek. ``generation`` counts seeks.
        self._oldest_epoch = 0
        self._newest_epoch = 0
        self._generation = 0
        self._position: float | None = None
        self._decode_errors = 0
        self._state = SourceState.CONNECTING
        self._error: FakewatchError | None = None
        self._error_lock = threading.Lock()
        self._info: SourceInfo | None = None
        self._summary: RunSummary | None = None
        self._started_at = 0.0
        self._threads = [
            threading.Thread(target=self._guard, args=(part,), name=f"fw-{name}", daemon=True)
            for name, part in (
                ("capture", self._capture),
                ("track", self._track),
                ("score", self._score_and_finish),
            )
        ]

    @property
    def info(self) -> SourceInfo:
        """What the source is; only after `start`."""
        if self._info is None:
            raise RuntimeError("the pipeline was not started")
        return self._info

    @property
    def state(self) -> SourceState:
        """What the source is doing."""
        return self._state

    @property
    def counts(self) -> FrameCounts:
        """The drop identity at this moment."""
        return self._counter.snapshot()

    @property
    def error(self) -> FakewatchError | None:
        """What broke the run off, if anything did."""
        return self._error

    @property
    def position_s(self) -> float | None:
        """Time of the newest result."""
        return self._position

    def start(self) -> SourceInfo:
        """Open the source and start.

        Raises:
            SourceError: if the source cannot be opened; nothing runs then.
        """
        try:
            self._info = self._source.open()
        except BaseException:
            self._source.close()
            raise
        self._analysis.attend(self._source, file=True)
        self._started_at = time.monotonic()
        self._set_state(SourceState.LIVE)
        for thread in self._threads:
            thread.start()
        return self._info

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the source has ended and every frame has its result, or a part broke."""
        return self._done.wait(timeout_s)

    def pause(self) -> None:
        """Hold before the next frame."""
        self._playback.pause()

    def resume(self) -> None:
        """Go on."""
        self._playback.resume()

    def step(self) -> None:
        """Pause, and let one frame through."""
        self._playback.step()

    def step_back(self) -> None:
        """Pause on the frame before the newest result."""
        if self._position is not None:
            # Any time between the two frames will do, and no two are closer than this.
            self._playback.jump(self._position - 1e-4, pause=True)

    def seek(self, time_s: float) -> None:
        """Go on from the frame shown at ``time_s``; while paused that one frame is shown."""
        self._playback.jump(time_s)

    def stop(self, timeout_s: float = 2.0) -> RunSummary:
        """Stop from any state, wait for every thread, and say how it went.

        Frames that were on their way are counted as dropped by shutdown. May be called again.

        Raises:
            FakewatchError: the first error of any part, if one broke the run off; the sinks
                have been finished all the same, with the error in their summary.
        """
        deadline = time.monotonic() + timeout_s
        self._halt()
        started = [thread for thread in self._threads if thread.ident is not None]
        if started:
            started[0].join(timeout_s / 4)
        # A read that is stuck in the decoder is freed by closing under it.
        self._source.close()
        for thread in started:
            thread.join(max(0.05, deadline - time.monotonic()))
            if thread.is_alive():
                log.error("the thread %s did not stop in time", thread.name)
        if self._error is not None:
            raise self._error
        return self._summary or self._summarise(())

    # What follows runs on the three threads.

    def _guard(self, part: Callable[[], None]) -> None:
        """No error dies with its thread: the first one stops all parts and reaches `stop`."""
        try:
            part()
        except Closed:
            pass
        except FakewatchError as exc:
            self._fail(exc)
        except Exception as exc:
            log.exception("unexpected error")
            self._fail(unexpected(exc))

    def _fail(self, error: FakewatchError) -> None:
        self._record(error)
        self._set_state(SourceState.FAILED)
        self._halt()

    def _record(self, error: FakewatchError) -> None:
        with self._error_lock:
            self._error = self._error or error

    def _halt(self) -> None:
        self._stop.set()
        self._frames.close()
        self._tracked.close()
        self._playback.stop()

    def _set_state(self, state: SourceState) -> None:
        if state is not self._state and self._state is not SourceState.FAILED:
            self._state = state
            if self._on_state is not None:
                self._on_state(state)

    def _capture(self) -> None:
        try:
            while not self._stop.is_set():
                self._apply_jump()
                frame = self._source.read()
                self._count_decode_errors()
                if frame is None:
                    if not self._at_end():
                        return
                    continue
                self._counter.captured()
                self._newest_epoch = frame.epoch
                self._release(frame)
        except SourceError as exc:
            # What was read before still gets its result.
            self._record(exc)
            self._frames.put(_End(self._generation, final=True))
        finally:
            self._source.close()

    def _release(self, frame: Frame) -> None:
        """Hand on a frame when it is due, unless the viewer goes elsewhere first."""
        cause = self._playback.wait_for_turn(frame.time_s)
        if cause is None:
            if self._paced:
                # It is captured when it is shown; it was read ahead of time.
                frame = replace(frame, captured_mono=time.monotonic())
            try:
                self._frames.put(frame)
            except Closed:
                cause = DropCause.SHUTDOWN
        if cause is not None:
            self._counter.dropped(cause)

    def _apply_jump(self) -> None:
        target = self._playback.take_jump()
        if target is None:
            return
        self._source.seek(target)
        # Frames from before the jump would flash up after it.
        self._generation += 1
        self._oldest_epoch = self._newest_epoch + 1
        self._discard(self._frames.drain(), DropCause.SEEK)
        self._discard(self._tracked.drain(), DropCause.SEEK)
        self._done.clear()

    def _at_end(self) -> bool:
        """Tell the others; True once the viewer goes back, False if all is over."""
        self._frames.put(_End(self._generation, final=not self._paced))
        return self._paced and self._playback.wait_for_jump()

    def _count_decode_errors(self) -> None:
        errors = self._source.decode_errors
        self._counter.captured(errors - self._decode_errors)
        self._counter.dropped(DropCause.DECODE_ERROR, errors - self._decode_errors)
        self._decode_errors = errors

    def _track(self) -> None:
        tracker = FaceTracker(self._config.faces)
        try:
            while True:
                item = self._frames.get()
                if isinstance(item, _End):
                    self._tracked.put(item)
                    if item.final:
                        return
                    continue
                if self._outdated(item):
                    continue
                tracked = _Tracked(item, tracker.track(item))
                try:
                    self._tracked.put(tracked)
                except Closed:
                    self._counter.dropped(DropCause.SHUTDOWN)
                    raise
        finally:
            tracker.close()

    def _score_and_finish(self) -> None:
        self._guard(self._score)
        self._analysis.hush()
        self._finish()

    def _score(self) -> None:
        self._start_sinks()
        while True:
            item = self._tracked.get()
            if isinstance(item, _End):
                if item.generation == self._generation:
                    self._set_state(
                        SourceState.ENDED if self._error is None else SourceState.FAILED
                    )
                    if not item.final:
                        self._done.set()
                if item.final:
                    return
                continue
            if self._outdated(item.frame):
                continue
            result = self._analysis.analyse(item.frame, item.faces)
            self._position = item.frame.time_s
            for sink in self._started_sinks:
                sink.write(result)

    def _outdated(self, frame: Frame) -> bool:
        if frame.epoch >= self._oldest_epoch:
            return False
        self._counter.dropped(DropCause.SEEK)
        return True

    def _start_sinks(self) -> None:
        start = RunStart(
            source=self.info,
            started_at=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            version=__version__,
            model=self._scorer.info,
            config=self._config.as_dict(),
        )
        for sink in self._sinks:
            sink.start(start)
            self._started_sinks.append(sink)

    def _finish(self) -> None:
        """Whatever happened, every frame is accounted for and every sink gets its end."""
        self._halt()
        for thread in self._threads[:2]:
            thread.join(1.0)
        self._discard(self._frames.drain(), DropCause.SHUTDOWN)
        self._discard(self._tracked.drain(), DropCause.SHUTDOWN)
        summary = self._summarise(self._analysis.finish())
        for sink in self._started_sinks:
            self._guard(partial(sink.finish, summary))
        self._summary = summary
        self._done.set()

    def _discard(self, items: Sequence[Frame | _Tracked | _End], cause: DropCause) -> None:
        frames = sum(not isinstance(item, _End) for item in items)
        self._counter.dropped(cause, frames)

    def _summarise(self, tracks: tuple[TrackSummary, ...]) -> RunSummary:
        assessable = [track for track in tracks if track.probability is not None]
        return RunSummary(
            counts=self._counter.snapshot(),
            tracks=tracks,
            worst=max(assessable, key=lambda t: (t.state.rank, t.probability or 0.0), default=None),
            wall_s=time.monotonic() - self._started_at,
            media_s=self._analysis.media_s,
            error=None if self._error is None else redact(self._error),
            cues=self._analysis.source_cues,
        )
