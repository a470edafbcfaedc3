"""Runs for reports: any number of people, any length, any name, without a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from realtime.types import (
    Clock,
    Cue,
    DropCause,
    Faces,
    Frame,
    FrameCounts,
    FrameResult,
    ModelInfo,
    Obstacle,
    RunStart,
    RunSummary,
    Score,
    SourceInfo,
    TrackSummary,
    Verdict,
    VerdictState,
)
from tests.contract.results import QUALITY

MODEL = ModelInfo(
    *("detector", "ab" * 32, "CPU", "few clips", "Apache-2.0", "At even odds.", (0.5, 0.9, 0.99))
)
STATES = list(VerdictState)
LONG = "a very long reason " * 12


def start(
    name: str = "clip.mp4",
    *,
    live: bool = False,
    size: tuple[int, int] = (320, 240),
    duration_s: float | None = None,
) -> RunStart:
    """A run over a source of this name."""
    info = SourceInfo(name, *size, duration_s, 25.0, seekable=not live, live=live, codec="h264")
    config = {"verdict": {"half_life_s": 5.0, "min_dwell_s": 2.0}, "scorer": {"rate_hz": 4.0}}
    return RunStart(info, "2026-01-01T00:00:00+00:00", "0.1.0", MODEL, config)


def cues(time_s: float) -> tuple[Cue, ...]:
    """One that says something and one that cannot."""
    return (
        Cue("blink", 14.0, 0.3, 0.8, time_s, "14 blinks a minute"),
        Cue.silent("pulse", "too dark", time_s),
    )


def frame_result(
    index: int,
    time_s: float,
    people: dict[int, VerdictState],
    *,
    size: tuple[int, int] = (320, 240),
    scored: bool = True,
    image: np.ndarray | None = None,
    log_odds: float = 2.0,
) -> FrameResult:
    """A frame in which these tracks are seen, side by side, in these states."""
    wide, high = size
    if image is None:
        image = np.random.default_rng(index).integers(0, 255, (high, wide, 3), np.uint8)
    ids = list(people)
    each = wide / max(1, len(ids))
    boxes = [(i * each + 0.2 * each, 0.3 * high, 0.6 * each, 0.4 * high) for i in range(len(ids))]
    faces = replace(
        Faces.none(),
        track_ids=np.array(ids, np.int64),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.ones(len(ids), np.float32),
        landmarks=np.full((len(ids), 478, 3), np.nan, np.float32),
        quality=(QUALITY,) * len(ids),
    )
    scores = {}
    for track_id, (x, y, w, _) in zip(ids, boxes, strict=True):
        scale = 64 / w
        to_crop = np.array([[scale, 0, -scale * x], [0, scale, -scale * y]], np.float32)
        cam = np.full((4, 4), 4, np.float32)
        scores[track_id] = Score(track_id, time_s, 2, log_odds, 0.9, cam, to_crop, (64, 64))
    frame = Frame("file", 0, index, time_s, 100 + time_s, None, Clock.PTS, image)
    return FrameResult(
        frame,
        faces,
        scores if scored else {},
        scores,
        {i: cues(time_s) for i in ids},
        {i: verdict(i, state, time_s) for i, state in people.items()},
        (),
        FrameCounts(index + 1, index + 1),
        0.0,
    )


def verdict(track_id: int, state: VerdictState, time_s: float) -> Verdict:
    """A verdict whose number fits its state."""
    probability = (None, 0.2, 0.7, 0.95, 0.995)[state.rank]
    obstacles = () if state.rank else (Obstacle.TOO_SMALL,)
    reasons = (f"{state.value} by classifier", LONG)
    return Verdict(track_id, state, probability, 1.0, time_s, reasons, obstacles)


def track(
    track_id: int, state: VerdictState, first: float = 0.0, last: float = 1.0
) -> TrackSummary:
    """A whole track."""
    probability = (None, 0.2, 0.7, 0.95, 0.995)[state.rank]
    blocked = {Obstacle.TOO_SMALL: 1.0}
    return TrackSummary(track_id, 0, first, last, state, probability, 5.0, blocked, cues(last))


def summary(tracks: tuple[TrackSummary, ...], frames: int, error: str | None = None) -> RunSummary:
    """A run that ended, with two frames dropped."""
    counts = FrameCounts(frames + 2, frames, {DropCause.DECODE_ERROR: 2})
    worst = max(tracks, key=lambda t: t.state.rank, default=None)
    return RunSummary(counts, tracks, worst, 1.0, frames / 25, error)
