"""How fast the whole pipeline is, against its own stages run alone on the same clip.

    python -m benchmarks.pipeline [--clip FILE] [--rounds N] [--json FILE]

Each round measures decoding, tracking and scoring alone, one after another, and then all three
side by side as the program runs them. The pipeline cannot be faster than its slowest stage
alone, and need not be slower than that by much where there are cores to share. Medians over
rounds are reported, because other programs disturb single ones.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from realtime.analysis import Analysis
from realtime.capture import FrameCounter
from realtime.config import Config
from realtime.faces import FaceTracker
from realtime.pipeline import Pipeline
from realtime.scorer import OnnxScorer, load_scorer
from realtime.sources import open_source
from realtime.sources.synthetic import demo_clip
from realtime.types import Faces, Frame, FrameResult, RunStart, RunSummary


class TimingSink:
    """Keeps when every result came, and how old its frame was then, in seconds."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.ages: list[float] = []
        self.tracked = 0

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Take time and age down."""
        self.times.append(time.perf_counter())
        self.ages.append(result.age_s)
        self.tracked += len(result.faces) > 0

    def finish(self, summary: RunSummary) -> None:
        """Nothing to complete."""

    def close(self) -> None:
        """Nothing to release."""


def decode(clip: str, config: Config) -> tuple[list[Frame], float]:
    """All frames of the clip, and the seconds it took."""
    frames = []
    with open_source(clip, config.source) as source:
        source.open()
        begin = time.perf_counter()
        while (frame := source.read()) is not None:
            frames.append(frame)
        return frames, time.perf_counter() - begin


def track(frames: Sequence[Frame], config: Config) -> tuple[list[Faces], float]:
    """The faces of every frame, and the seconds it took."""
    tracker = FaceTracker(config.faces)
    try:
        begin = time.perf_counter()
        faces = [tracker.track(frame) for frame in frames]
        return faces, time.perf_counter() - begin
    finally:
        tracker.close()


def score(
    frames: Sequence[Frame], faces: Sequence[Faces], scorer: OnnxScorer, config: Config
) -> float:
    """Seconds for scoring and deciding."""
    analysis = Analysis(scorer, config, FrameCounter())
    begin = time.perf_counter()
    for frame, found in zip(frames, faces, strict=True):
        analysis.analyse(frame, found)
    return time.perf_counter() - begin


def together(clip: str, scorer: OnnxScorer, config: Config) -> tuple[RunSummary, TimingSink]:
    """The whole pipeline on its three threads."""
    sink = TimingSink()
    pipeline = Pipeline(open_source(clip, config.source), scorer, config, [sink])
    pipeline.start()
    pipeline.wait()
    return pipeline.stop(), sink


def measure(clip: str, rounds: int) -> dict[str, Any]:
    """Everything this benchmark reports, ready for JSON."""
    config = Config()
    scorer = load_scorer(config.scorer)
    runs: list[dict[str, float]] = []
    ages: list[float] = []
    starts: list[float] = []
    share = 0.0
    for _ in range(rounds):
        frames, decode_s = decode(clip, config)
        faces, track_s = track(frames, config)
        score_s = score(frames, faces, scorer, config)
        count = len(frames)
        del frames, faces
        begin = time.perf_counter()
        summary, sink = together(clip, scorer, config)
        if summary.counts.analysed != count:
            raise SystemExit(f"only {summary.counts.analysed} of {count} frames were analysed")
        ages += sink.ages
        share = sink.tracked / count
        starts.append(sink.times[0] - begin)
        # From the first result to the last: the stages alone are measured without their start too.
        steady_s = (sink.times[-1] - sink.times[0]) * count / (count - 1)
        runs.append({"decode": decode_s, "track": track_s, "score": score_s, "pipeline": steady_s})
    scorer.close()
    seconds = {name: median(run[name] for run in runs) for name in runs[0]}
    stages = [seconds[name] for name in ("decode", "track", "score")]
    return {
        "clip": Path(clip).name,
        "frames": count,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "model": scorer.info.name,
        "provider": scorer.info.provider,
        "frames_with_a_face": round(share, 4),
        "ms_per_frame": {name: round(1000 * s / count, 3) for name, s in seconds.items()},
        "fps": {name: round(count / s, 1) for name, s in seconds.items()},
        "fps_one_after_another": round(count / sum(stages), 1),
        "fps_slowest_stage_alone": round(count / max(stages), 1),
        "share_of_slowest_stage": round(
            median(max(r["decode"], r["track"], r["score"]) / r["pipeline"] for r in runs), 3
        ),
        "gain_over_one_after_another": round(
            median((r["decode"] + r["track"] + r["score"]) / r["pipeline"] for r in runs), 3
        ),
        "first_result_after_ms": round(1000 * median(starts), 1),
        "frame_age_ms": {
            "median": round(1000 * float(np.median(ages)), 1),
            "p99": round(1000 * float(np.percentile(ages, 99)), 1),
        },
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def show(report: dict[str, Any], console: Console) -> None:
    """The report as a table for people."""
    table = Table(title=f"{report['clip']}: {report['frames']} frames, {report['cores']} cores")
    table.add_column("stage")
    table.add_column("ms a frame", justify="right")
    table.add_column("frames/s", justify="right")
    for name, milliseconds in report["ms_per_frame"].items():
        table.add_row(name, f"{milliseconds:.2f}", f"{report['fps'][name]:.0f}")
    console.print(table)
    console.print(
        f"pipeline / slowest stage alone: {report['share_of_slowest_stage']:.2f}, "
        f"against one after another: ×{report['gain_over_one_after_another']:.2f}"
    )
    age = report["frame_age_ms"]
    console.print(
        f"first result after {report['first_result_after_ms']:.0f} ms, "
        f"frame age {age['median']:.0f} ms median, {age['p99']:.0f} ms p99; "
        f"a face in {report['frames_with_a_face']:.1%} of the frames; "
        f"peak memory of the benchmark {report['peak_rss_mib']} MiB "
        "(it holds the decoded clip to measure the stages alone)"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline")
    parser.add_argument("--clip", help="a video of at most a minute; default the demo clip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the report here too")
    options = parser.parse_args(arguments)
    report = measure(options.clip or str(demo_clip()), options.rounds)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    show(report, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
