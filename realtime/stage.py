"""Where the frames of one live source become results: a slot, a tracker, an analysis, a load.

The capture thread puts frames in, one worker at a time takes them out. Each frame is counted once
more here: as analysed, or as dropped with its cause.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from realtime.analysis import Analysis
from realtime.batching import BatchScorer
from realtime.capture import Closed, FrameCounter, LatestSlot
from realtime.config import Config
from realtime.faces import FaceTracker
from realtime.loads import WINDOW_S, LoadControl, Window
from realtime.picture_state import PictureWatch
from realtime.sources.address import Address
from realtime.sources.base import FrameSource
from realtime.types import (
    Cue,
    DropCause,
    Frame,
    FrameCounts,
    FrameResult,
    Load,
    SourceState,
    TrackSummary,
    VerdictState,
)

if TYPE_CHECKING:
    from realtime.metrics import Metrics

WORK_HALF_LIFE_S: Final = 2.0
"""How soon a frame that took long is forgotten."""

_BUILDING = threading.Lock()
"""Building a tracker holds back what native code writes to file descriptor 2: one at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """What the stages of all sources share."""

    config: Config
    scorer: BatchScorer
    metrics: Metrics | None
    clock: Callable[[], float]


class Stage:
    """Turns the frames of one source into results.

    ``on_picture`` hears what each frame shows, as `PictureWatch.look` says it; ``on_result`` gets
    every result in order. Both are called by the worker. Frames of a file are neither too old nor
    called frozen.
    """

    def __init__(
        self,
        source_id: str,
        address: Address,
        tools: Tools,
        on_picture: Callable[[SourceState | None], None],
        on_result: Callable[[FrameResult], None],
    ) -> None:
        self._source_id = source_id
        self._live = address.live
        self._max_age_s = tools.config.live.max_age_s
        self._tools = tools
        self._clock = tools.clock
        self._on_picture = on_picture
        self._on_result = on_result
        self.counter = FrameCounter()
        self._slot: LatestSlot[Frame] = LatestSlot()
        self._idle = threading.Event()
        self._idle.set()
        self._client = tools.scorer.client(source_id)
        self._analysis = Analysis(
            tools.scorer.scorer, tools.config, self.counter, self._client, clock=tools.clock
        )
        # The newest source, until a worker takes over what hears it.
        self._attended: deque[FrameSource] = deque(maxlen=1)
        self._picture = PictureWatch(tools.config.live, address.kind)
        self._tracker: FaceTracker | None = None
        self._next_track = 0.0
        self._load_control = LoadControl(tools.config.scorer.rate_hz, self._max_age_s)
        self._load = self._load_control.load
        self._ages: list[float] = []
        self._window: tuple[float, FrameCounts] = (self._clock(), FrameCounts())
        # What the slowest of late took, so that those too end within the bound on age.
        self._work_s, self._worked_at = 0.0, self._clock()
        self._verdicts: dict[int, VerdictState] = {}

    @property
    def tracks(self) -> int:
        """How many faces are followed now."""
        return self._analysis.tracks

    @property
    def load(self) -> Load:
        """How hard the source is worked on."""
        return self._load

    @property
    def media_s(self) -> float:
        """How much media time was analysed."""
        return self._analysis.media_s

    @property
    def source_cues(self) -> tuple[Cue, ...]:
        """What was noticed of a file as a whole; to be asked after `finish`."""
        return self._analysis.source_cues

    @property
    def due(self) -> bool:
        """Whether a frame waits and may be tracked."""
        return not self._slot.empty and self._clock() >= self._next_track

    def prepare(self, stop: threading.Event) -> None:
        """Build what takes time to build, unless told to stop before its turn comes."""
        with _BUILDING:
            if stop.is_set():
                return
            self._tracker = FaceTracker(self._tools.config.faces)

    def attend(self, source: FrameSource) -> None:
        """Frames come from ``source`` now, which was just opened: it is heard, too."""
        self._attended.append(source)

    def put(self, frame: Frame) -> None:
        """Leave a captured frame here; raises `Closed`."""
        try:
            if self._live:
                before = self._slot.put(frame)
                self.counter.dropped(DropCause.SUPERSEDED, int(before is not None))
            else:
                self._idle.clear()
                self._slot.put(frame)
        except Closed:
            self.counter.dropped(DropCause.SHUTDOWN)
            raise

    def settled(self, timeout_s: float) -> bool:
        """Whether every frame so far is wholly judged, its scores too, waiting at most so long."""
        return self._idle.wait(timeout_s) and self._client.settled(timeout_s)

    def close(self) -> None:
        """Take no more frames; returns at once."""
        self._slot.close()

    def work(self) -> bool:
        """Deal with the frame that waits; False if none does or the stage is closed.

        Raises:
            ModelError: if the model has failed; and whatever a bug raises. The frame is counted.
        """
        try:
            frame = self._slot.take()
        except Closed:
            return False
        if frame is None:
            return False
        now = self._clock()
        if self._is_stale(frame, now):
            self.counter.dropped(DropCause.STALE)
        else:
            rate = self._load.track_rate_hz
            self._next_track = 0.0 if rate is None else max(self._next_track + 1.0 / rate, now)
            self._on_result(self._analyse(frame))
        self._idle.set()
        return True

    def finish(self) -> tuple[TrackSummary, ...]:
        """The end, when no worker is at it any more: what waited is dropped, tracks are ended."""
        self._slot.close()
        self.counter.dropped(DropCause.SHUTDOWN, len(self._slot.drain()))
        if self._tracker is not None:
            self._tracker.close()
        self._tools.scorer.release(self._client)
        self._analysis.hush()
        return self._analysis.finish()

    def watch_load(self) -> None:
        """Look at how the last second went and decide on the next."""
        now = self._clock()
        begin, before = self._window
        if now - begin < WINDOW_S:
            return
        counts = self.counter.snapshot()
        ages, self._ages = self._ages, []
        self._window = (now, counts)
        if not self._live:
            return  # it loses nothing, and it is as old as it likes
        window = Window(
            now - begin,
            counts.captured - before.captured,
            counts.analysed - before.analysed,
            ages,
            self._client.answer_s,
        )
        self._load = self._load_control.update(window)

    def _is_stale(self, frame: Frame, now: float) -> bool:
        """Whether the result would be older than it may; a slow machine still gets to try."""
        ahead = min(self._work_s, self._max_age_s / 2)
        return self._live and now - frame.captured_mono + ahead > self._max_age_s

    def _analyse(self, frame: Frame) -> FrameResult:
        begin = self._clock()
        try:
            assert self._tracker is not None
            while self._attended:  # what hears is for one thread at a time: the worker's
                self._analysis.attend(self._attended.popleft(), file=not self._live)
            if self._live:
                self._on_picture(self._picture.look(frame))
            faces = self._tracker.track(frame)
            tracked = self._clock()
            self._analysis.set_rate(self._load_control.asked_hz)
            result = self._analysis.analyse(frame, faces)
        except BaseException:
            self.counter.dropped(DropCause.SHUTDOWN)
            raise
        now = self._clock()
        faded = 0.5 ** ((now - self._worked_at) / WORK_HALF_LIFE_S)
        self._work_s, self._worked_at = max(now - begin, self._work_s * faded), now
        self._ages.append(result.age_s)
        if self._tools.metrics is not None:
            self._observe(result, tracked - begin, now - tracked, self._tools.metrics)
        return result

    def _observe(
        self, result: FrameResult, track_s: float, analyse_s: float, metrics: Metrics
    ) -> None:
        metrics.observe_stage(self._source_id, "track", track_s)
        metrics.observe_stage(self._source_id, "analyse", analyse_s)
        metrics.observe_age(self._source_id, result.age_s)
        for track in result.ended:
            self._verdicts.pop(track.track_id, None)
        for track_id, verdict in result.verdicts.items():
            before = self._verdicts.get(track_id, VerdictState.NOT_ASSESSABLE)
            self._verdicts[track_id] = verdict.state
            if before is not verdict.state:
                metrics.count_transition(self._source_id, before, verdict.state)
