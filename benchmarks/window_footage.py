"""What the measurements of the window show: a clip of two faces that are nobody's, what the engine
says of it, and an engine that only replays that."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import cv2
import numpy as np

from realtime.config import Config
from realtime.pipeline import Pipeline
from realtime.scorer import load_scorer
from realtime.sources import FileSource
from realtime.sources.synthetic import demo_clip
from realtime.types import (
    FrameCounts,
    FrameResult,
    Image,
    Load,
    ModelInfo,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceState,
    SourceStatus,
)

if TYPE_CHECKING:
    # OpenCV's own windows have a Qt of their own: it must not meet ours in one process.
    from realtime.window.bridge import Bridge
    from realtime.window.job import Job

SIZE: Final = (1920, 1080)
_FROM: Final = 540
"""The first frame of the demo that is used: its face is swapped then."""


def make_clip(path: Path, rate: int, frames: int) -> None:
    """The built-in demo twice side by side as a video of `SIZE`, so many frames a second."""
    with av.open(str(demo_clip())) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for decoded in islice(source.decode(video=0), _FROM, _FROM + frames):
            picture = np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)
            frame = av.VideoFrame.from_ndarray(_two(picture), format="bgr24")
            for packet in stream.encode(frame):
                target.mux(packet)
        for packet in stream.encode():
            target.mux(packet)


def _two(picture: Image) -> Image:
    """The middle of ``picture`` twice beside itself, once mirrored, at `SIZE`."""
    high, wide = picture.shape[:2]
    part = round(high * SIZE[0] / 2 / SIZE[1])
    left = (wide - part) // 2
    half = cv2.resize(picture[:, left : left + part], (SIZE[0] // 2, SIZE[1]))
    both: Image = np.concatenate([half, half[:, ::-1]], axis=1)
    return np.ascontiguousarray(both)


class _Keeper:
    """A sink that keeps the last results."""

    def __init__(self, count: int) -> None:
        self.kept: list[FrameResult] = []
        self.model: ModelInfo | None = None
        self._count = count

    def start(self, start: RunStart) -> None:
        self.model = start.model

    def write(self, result: FrameResult) -> None:
        self.kept = [*self.kept, result][-self._count :]

    def finish(self, summary: RunSummary) -> None:
        pass

    def close(self) -> None:
        pass


def record(clip: Path, count: int) -> tuple[list[FrameResult], ModelInfo]:
    """What the engine says of the last ``count`` frames of ``clip``, 6 MB each."""
    config = Config()
    keeper = _Keeper(count)
    scorer = load_scorer(config.scorer)
    try:
        pipeline = Pipeline(FileSource(str(clip), config.source), scorer, config, (keeper,))
        pipeline.start()
        pipeline.wait()
        pipeline.stop()
    finally:
        scorer.close()
    assert keeper.model is not None
    return keeper.kept, keeper.model


@dataclass(frozen=True)
class View:
    """What the window asks of one source of an engine."""

    source_id: str
    status: SourceStatus
    counts: FrameCounts
    load: Load
    error: None = None


class Replay:
    """Stands where the engine does and delivers ``results`` again and again, ``rate`` a second."""

    def __init__(
        self, job: Job, results: Sequence[FrameResult], model: ModelInfo, rate: float
    ) -> None:
        self._id, self._bridge = next(iter(job.bridges.items()))
        self._tell = job.tell
        self._results = results
        self._rate = rate
        self._stop = threading.Event()
        self._since = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self.model = model
        self.sent = 0

    @property
    def bridge(self) -> Bridge:
        """Where the results go."""
        return self._bridge

    @property
    def sources(self) -> tuple[View, ...]:
        """The only one."""
        status = SourceStatus(self._id, SourceState.LIVE, self._since)
        counts = FrameCounts(self.sent, self.sent)
        return (View(self._id, status, counts, Load(5.0, None, reduced=False)),)

    def start(self) -> None:
        """Deliver from now on."""
        info = SourceInfo("replay", *SIZE, None, self._rate, seekable=False, live=True, codec="")
        self._bridge.start(RunStart(info, "", "", self.model, {}, self._id))
        self._tell(self.sources[0].status)
        self._thread.start()

    def stop(self, _timeout_s: float = 0.0) -> None:
        """Deliver nothing more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(max(0.0, began + self.sent / self._rate - time.monotonic())):
            result = self._results[self.sent % len(self._results)]
            now = time.monotonic()
            frame = replace(
                result.frame, source_id=self._id, index=self.sent, captured_mono=now, epoch=0
            )
            self._bridge.write(replace(result, frame=frame, age_s=0.0))
            self.sent += 1
