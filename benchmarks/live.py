"""How many live sources at 5 analyses a second one core holds, beside a plain loop.

    python -m benchmarks.live [--clip FILE] [--seconds S] [--most N] [--json FILE]

Everything runs on one core. Each source delivers the clip, decoded, at the clip's own pace, again
and again. The engine is given more and more sources until one gets fewer than 5 analyses a second,
or one frame in a hundred is older than half a second, each time for S seconds after a warm-up.

The plain loop is what one would write first: ``cv2.VideoCapture``, FaceMesh (one face, irises) and
the classifier, without changed copies of the crops, one after another on every frame. It is
measured before and after the engine. Because it must take every frame from every camera, it holds
as many sources as its frames a second hold the clip's; and, if it analyses 5 frames a second of
each and only decodes the others, as many as fit into a second then.

Only the machine itself must be quiet: ``core`` says which share of the core the engine got.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import cv2
import mediapipe
import numpy as np
from rich.console import Console

from realtime.config import Config, LiveConfig
from realtime.crops import crop_face
from realtime.live import LiveEngine, LiveInput
from realtime.scorer import Scorer, load_scorer
from realtime.sources import Address, FileSource, SourceKind
from realtime.sources.synthetic import demo_clip
from realtime.types import Frame, FrameCounts, FrameResult, RunStart, RunSummary, SourceInfo

ANALYSES_HZ: Final = 5.0
MAX_AGE_S: Final = 0.5
WARM_UP_S: Final = 4.0


class Camera(FileSource):
    """A file that behaves like a camera: it keeps its pace whether it is read or not."""

    def __init__(self, clip: str, config: Config, source_id: str) -> None:
        super().__init__(clip, config.source, source_id)
        self._begin = 0.0
        self._offset = 0.0
        self._last = 0.0

    def open(self) -> SourceInfo:
        """Open, and be live from now on."""
        info = super().open()
        self._begin = time.monotonic()
        return replace(info, live=True, seekable=False, duration_s=None)

    def read(self) -> Frame | None:
        """The next frame when it is due; from the start again after the last one."""
        frame = super().read()
        if frame is None:
            self._offset = self._last + 0.04
            self.seek(0.0)
            frame = super().read()
        if frame is None or frame.pts_s is None:
            return None
        self._last = frame.pts_s + self._offset
        time.sleep(max(0.0, self._begin + self._last - time.monotonic()))
        return replace(frame, pts_s=self._last, captured_mono=time.monotonic())


class Ages:
    """Keeps how old each frame was when its result came, and how many faces were scored."""

    needs_pictures = False

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.scores = 0

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Take the age down."""
        self.ages.append(result.age_s)
        self.scores += len(result.scores)

    def finish(self, summary: RunSummary) -> None:
        """Nothing to complete."""

    def close(self) -> None:
        """Nothing to release."""


def hold(clip: str, sources: int, seconds: float, scorer: Scorer) -> dict[str, Any]:
    """What so many sources get of one engine."""
    config = Config(live=LiveConfig(decoders=max(sources, 1)))
    sinks = [Ages() for _ in range(sources)]
    inputs = [
        LiveInput(f"cam{i}", Address(SourceKind.STREAM, clip, f"cam{i}"), (sink,))
        for i, sink in enumerate(sinks)
    ]
    engine = LiveEngine(
        inputs, scorer, config, opener=lambda item, config: Camera(clip, config, item.source_id)
    )
    engine.start()
    try:
        time.sleep(WARM_UP_S)
        before = _figures(engine, sinks)
        cpu, begin = time.process_time(), time.monotonic()
        time.sleep(seconds)
        took, cpu = time.monotonic() - begin, time.process_time() - cpu
        after = _figures(engine, sinks)
    finally:
        summaries = engine.stop()
    if any(summary.counts.in_flight for summary in summaries.values()):
        raise SystemExit("frames are missing from the counts")
    steps = list(zip(before, after, strict=True))
    ages = [a for sink, (b, e) in zip(sinks, steps, strict=True) for a in sink.ages[b[1] : e[1]]]
    rates = [(e[0].analysed - b[0].analysed) / took for b, e in steps]
    captured = [(e[0].captured - b[0].captured) / took for b, e in steps]
    scores = [(e[2] - b[2]) / took for b, e in steps]
    p99 = float(np.percentile(ages, 99)) if ages else float("inf")
    return {
        "sources": sources,
        "analyses_hz": {"least": round(min(rates), 2), "mean": round(sum(rates) / sources, 2)},
        "captured_hz": round(sum(captured) / sources, 2),
        "scores_hz": round(sum(scores) / sources, 2),
        "age_ms": {"median": round(1e3 * median(ages or [0.0])), "p99": round(1e3 * p99)},
        "core": round(cpu / took, 2),
        "held": min(rates) >= ANALYSES_HZ and p99 <= MAX_AGE_S,
    }


def _figures(engine: LiveEngine, sinks: Sequence[Ages]) -> list[tuple[FrameCounts, int, int]]:
    """Of each source: its counts, and how many ages and scores have come so far."""
    views = zip(engine.sources, sinks, strict=True)
    return [(view.counts, len(sink.ages), sink.scores) for view, sink in views]


def plain(clip: str, scorer: Scorer, seconds: float) -> dict[str, float]:
    """Milliseconds a frame of the plain loop: reading, and everything after it."""
    contract = scorer.contract
    mesh = mediapipe.solutions.face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True)
    capture = cv2.VideoCapture(clip)
    reading = working = 0.0
    frames = 0
    try:
        while reading + working < seconds:
            begin = time.perf_counter()
            there, image = capture.read()
            if not there:
                capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                continue
            read = time.perf_counter()
            found = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            if found:
                size = np.array([*image.shape[1::-1], image.shape[1]], np.float32)
                points = np.array([(p.x, p.y, p.z) for p in found[0].landmark], np.float32) * size
                low, high = points[:468, :2].min(axis=0), points[:468, :2].max(axis=0)
                box = np.concatenate([low, high - low])
                crop = crop_face(np.asarray(image, np.uint8), box, points, contract, 1)
                if crop is not None:
                    scorer.score([crop], 0.0)
            end = time.perf_counter()
            if frames:  # the first loads the networks
                reading, working = reading + read - begin, working + end - read
            frames += 1
    finally:
        capture.release()
        mesh.close()
    return {"read_ms": 1e3 * reading / frames, "work_ms": 1e3 * working / frames}


def measure(clip: str, seconds: float, most: int, console: Console) -> dict[str, Any]:
    """Everything this benchmark reports, ready for JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    config = Config()
    with FileSource(clip, config.source) as source:
        info = source.open()
    rate = info.frame_rate or 25.0
    scorer = load_scorer(config.scorer)
    loops = [plain(clip, scorer, seconds)]
    steps: list[dict[str, Any]] = []
    best = 0
    for sources in range(1, most + 1):
        steps.append(hold(clip, sources, seconds, scorer))
        console.print_json(data=steps[-1], indent=None)
        if not steps[-1]["held"]:
            break
        best = sources
    loops.append(plain(clip, scorer, seconds))
    scorer.close()
    read, work = (sum(loop[key] for loop in loops) / len(loops) for key in ("read_ms", "work_ms"))
    return {
        "clip": Path(clip).name,
        "size": [info.width, info.height],
        "rate_hz": round(rate, 2),
        "python": platform.python_version(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "engine": {"sources": best, "steps": steps},
        "plain": {
            "read_ms": round(read, 2),
            "work_ms": round(work, 2),
            "sources_on_every_frame": round(1e3 / (read + work) / rate, 2),
            "sources_at_5_hz": round(1e3 / (read * rate + work * ANALYSES_HZ), 2),
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live")
    parser.add_argument("--clip", help="a video with a face; default the demo clip, 1280 x 720")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--most", type=int, default=24, help="sources at most")
    parser.add_argument("--json", type=Path, help="write the report here too")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    clip = options.clip or str(demo_clip())
    report = measure(clip, options.seconds, options.most, console)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    loop = report["plain"]
    Console().print(
        f"{report['clip']}, {report['size'][0]} × {report['size'][1]}, "
        f"{report['rate_hz']:g} frames/s, on one core: the engine holds "
        f"{report['engine']['sources']} sources at {ANALYSES_HZ:g} analyses/s; the plain loop "
        f"{loop['sources_on_every_frame']:.1f} on every frame "
        f"({loop['read_ms']:.1f} + {loop['work_ms']:.1f} ms), "
        f"{loop['sources_at_5_hz']:.1f} at {ANALYSES_HZ:g} analyses/s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
