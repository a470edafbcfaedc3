"""Runs as a pipeline would hand them to a sink, with one face that moves."""

from __future__ import annotations

import numpy as np

from realtime.types import (
    Clock,
    FaceQuality,
    Faces,
    Frame,
    FrameCounts,
    FrameResult,
    Image,
    ModelInfo,
    RunStart,
    RunSummary,
    Score,
    SourceInfo,
    TrackSummary,
    Verdict,
    VerdictState,
)
from tests.contract.clips import draw

QUALITY = FaceQuality(48, 100, 0, 0, 0, 0, 0, 100)
TRACK = TrackSummary(1, 0, 0.0, 1.0, VerdictState.STRONG, 0.8, 1.0, {})


def run_start(size: tuple[int, int] = (192, 128), rate: float | None = 25.0) -> RunStart:
    """A run over a file of ``size`` (width, height)."""
    return RunStart(
        source=SourceInfo("clip.mp4", *size, None, rate, seekable=True, live=False, codec="h264"),
        started_at="2025-01-01T00:00:00+00:00",
        version="0",
        model=ModelInfo("test", "0" * 64, "CPUExecutionProvider"),
        config={},
    )


def run_summary(frames: int) -> RunSummary:
    """A run of so many frames that ended well."""
    counts = FrameCounts(frames, frames)
    return RunSummary(counts, (TRACK,), TRACK, wall_s=1.0, media_s=frames / 25)


def result(
    index: int,
    *,
    time_s: float | None = None,
    epoch: int = 0,
    size: tuple[int, int] = (192, 128),
    image: Image | None = None,
    clock: Clock = Clock.PTS,
    face: bool = True,
) -> FrameResult:
    """Frame ``index``, by default at 25 frames a second, that shows its number in its pixels."""
    image = draw(index, *size) if image is None else image
    image.setflags(write=False)
    time_s = index / 25 if time_s is None else time_s
    pts_s = time_s if clock is Clock.PTS else None
    frame = Frame("test", epoch, index, pts_s, time_s, None, clock, image)
    counts = FrameCounts(index + 1, index + 1)
    if not face:
        return FrameResult(frame, Faces.none(), {}, {}, {}, {}, (), counts, 0.0)
    box = (0.4 * size[0], 0.4 * size[1], 0.2 * size[0], 0.2 * size[1])
    faces = Faces(
        np.ones(1, np.int64),
        np.array([box], np.float32),
        np.ones(1, np.float32),
        np.full((1, 478, 3), np.nan, np.float32),
        (QUALITY,),
    )
    to_crop = np.array([[1, 0, -box[0]], [0, 1, -box[1]]], np.float32)
    crop_size = (round(box[2]), round(box[3]))
    score = Score(1, time_s, 2.0, 2.0, 0.88, np.full((4, 4), 3, np.float32), to_crop, crop_size)
    verdict = Verdict(1, VerdictState.STRONG, 0.8, 1.0, 1.0, ("classifier 0.88",))
    return FrameResult(frame, faces, {1: score}, {1: score}, {}, {1: verdict}, (), counts, 0.0)


def arrays(results: list[FrameResult]) -> list[np.ndarray]:
    """Copies of every array in the results."""
    return [
        array.copy()
        for each in results
        for array in (each.frame.image, each.faces.boxes, each.faces.landmarks, each.heat[1].cam)
        if array is not None
    ]
