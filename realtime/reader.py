"""The capture thread of one live source: connects, reads, waits and connects anew.

Whatever it may hang in has a deadline of its own; `SourceReader.tick`, called from another thread,
sees to it that it is kept.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Final, Protocol

from realtime import __version__
from realtime.announcer import Announcer
from realtime.capture import Closed
from realtime.errors import FakewatchError, SourceCode, SourceError
from realtime.live_input import LiveInput, Surroundings
from realtime.logs import unexpected
from realtime.playback import PresentationClock
from realtime.redact import redact
from realtime.source_sinks import Outputs
from realtime.sources.base import FrameSource, skipped_by
from realtime.stage import Stage
from realtime.types import DropCause, Frame, RunStart, SourceInfo

log = logging.getLogger(__name__)

AWAKE_S: Final = 0.1
"""How soon the end of a pause is noticed."""
BREATH_S: Final = 0.5
"""No wait of the capture thread is longer without a sign of life."""
PAUSE_S: Final = 1.0
"""What is still reading so long after a pause was asked for is ended likewise."""
OVERDUE_S: Final = 1.0
"""What takes so much longer than its own deadline is ended by closing the source under it."""
BACKLOG: Final = 4
"""Frames of a file between two looks at whether its sinks have kept up."""


class Owner(Protocol):
    """Whom a reader belongs to; called on its thread."""

    def offer(self) -> None:
        """A frame waits in the stage, or no more will come."""
        ...

    def note(self, error: FakewatchError) -> None:
        """There will be no further attempt, because of this."""
        ...

    def fail(self, error: FakewatchError) -> None:
        """The source must be given up."""
        ...


class SourceReader:
    """Reads one source over as many connections as it takes and leaves the frames in ``stage``.

    Each frame is counted there, numbered over all connections, and stamped with the connection
    (``epoch``) that it came from. The first one starts the sinks.
    """

    def __init__(
        self,
        item: LiveInput,
        around: Surroundings,
        *,
        announcer: Announcer,
        stage: Stage,
        outputs: Outputs,
        owner: Owner,
    ) -> None:
        self._item = item
        self._around = around
        self._config = around.tools.config
        self._metrics = around.tools.metrics
        self._clock = around.tools.clock
        self._finite = not item.address.live
        self._announcer = announcer
        self._stage = stage
        self._outputs = outputs
        self._owner = owner
        self._pace = PresentationClock() if item.paced else None
        self._stop = threading.Event()
        self._paused_at: float | None = None
        self._put_off = False
        self._source: FrameSource | None = None
        self._info: SourceInfo | None = None
        self._epoch = -1
        self._index = 0
        self._over = False
        self._closed_under = False
        self._beat = self._clock()
        self._overdue: float | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"fw-capture-{redact(item.source_id)}", daemon=True
        )

    # What other threads may ask and do

    @property
    def info(self) -> SourceInfo | None:
        """What the newest connection is, None before the first."""
        return self._info

    @property
    def over(self) -> bool:
        """Whether no further frame will come."""
        return self._over

    @property
    def heartbeat_mono(self) -> float:
        """When the capture thread was last seen alive."""
        return self._beat

    def start(self) -> None:
        """Start the capture thread."""
        self._thread.start()

    def halt(self) -> None:
        """Ask for the end; returns at once."""
        self._stop.set()

    def pause(self, *, on: bool) -> None:
        """Close the connection until told to go on; returns at once.

        A file is kept open and goes on where it was.
        """
        if not on:
            self._paused_at = None
        elif self._paused_at is None:
            self._paused_at = self._clock()

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

    def tick(self) -> None:
        """End what is overdue, and what a source that was given up is still at."""
        overdue = self._overdue
        now, paused_at = self._clock(), self._paused_at
        late = overdue is not None and now > overdue
        if paused_at is not None and overdue is not None and not self._finite:
            late = late or now > paused_at + PAUSE_S
        failed = self._announcer.over and not self._over
        if (late or failed) and not self._closed_under:
            self.close_under()

    # The capture thread

    def _run(self) -> None:
        try:
            self._stage.prepare(self._stop)
            while not self._stop.is_set():
                self._sit_out()
                error = self._connection()
                if self._put_off and not self._stop.is_set():
                    continue
                if error is None or self._stop.is_set() or not self._wait_after(error):
                    break
        except Exception as exc:
            log.exception("unexpected error")
            self._owner.fail(unexpected(exc))
        finally:
            self._over = True
            self._owner.offer()

    def _connection(self) -> FakewatchError | None:
        """Connect and read until it breaks; what broke it, or None if it came to its end."""
        source: FrameSource | None = None
        self._closed_under = self._put_off = False
        try:
            with self._announcer.change() as life:
                life.trying()
            source = self._around.opener(self._item, self._config)
            self._source = source
            if self._stop.is_set():
                return None
            self._watch(self._config.live.open_timeout_s)
            self._info = source.open()
            self._stage.attend(source)
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
            # What a pause has ended, by itself or from outside, is no loss.
            self._put_off = self._put_off or self._pausing
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
                self._owner.note(error)
        if self._metrics is not None and not self._finite:
            code = error.code.value if isinstance(error, SourceError) else "other"
            self._metrics.count_reconnect(self._item.source_id, code)
        if wait_s is None:
            return False
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0 and not self._pausing:
            if self._stop.is_set():
                break
            self._breathe(min(left, BREATH_S))
        return not self._stop.is_set()

    def _breathe(self, seconds: float) -> None:
        """Wait with signs of life, or until stopped."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            self._beat = self._clock()
            self._stop.wait(min(left, BREATH_S))

    @property
    def _pausing(self) -> bool:
        """Whether the connection is to be closed until the pause is over."""
        return self._paused_at is not None and not self._finite

    def _sit_out(self) -> None:
        """Wait until a pause is over; a live source begins anew after it."""
        if self._paused_at is None:
            return
        with self._announcer.change() as life:
            life.paused()
        while self._paused_at is not None and not self._stop.is_set():
            self._breathe(AWAKE_S)
        if not self._finite:
            with self._announcer.change() as life:
                life.resumed()
        elif self._pace is not None:
            self._pace.restart()

    def _read(self, source: FrameSource) -> None:
        """Read until the end; raises `SourceError` if it breaks and `Closed` once stopped."""
        lost = (0, 0)
        while not (self._stop.is_set() or self._pausing):
            self._watch(self._config.live.read_timeout_s)
            try:
                frame = source.read()
            finally:
                lost = self._count_lost(source, lost)
            self._beat, self._overdue = self._clock(), None
            if frame is None:
                return
            self._stage.counter.captured()
            self._hand_on(replace(frame, epoch=self._epoch, index=self._index))
            self._index += 1
        self._put_off = not self._stop.is_set()
        raise Closed

    def _count_lost(self, source: FrameSource, before: tuple[int, int]) -> tuple[int, int]:
        errors, skipped = source.decode_errors, skipped_by(source)
        self._stage.counter.undecodable(errors - before[0])
        self._stage.counter.left_out(DropCause.STALE, skipped - before[1])
        return errors, skipped

    def _hand_on(self, frame: Frame) -> None:
        if self._finite:
            self._sit_out()
        if not self._outputs.started:
            self._start_outputs()
        with self._announcer.change() as life:
            life.frame()
        if self._finite:
            frame = self._in_turn(frame)
        self._stage.put(frame)
        if self._stage.due:
            self._owner.offer()

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
            source_id=self._item.source_id,
        )
        self._outputs.start(start)
