"""Many live sources for a long time: ``python -m benchmarks.soak [--sources 8] [--minutes 30]``.

A real RTSP server on loopback plays clips, encoded beforehand, without an end; it shares the
processors with what is measured. The whole engine watches them with the built-in detector and
writes JSON Lines. Every five seconds one line goes into ``--json``: the counts of each source, how
old results were, memory, threads, file descriptors. ``--report FILE`` prints the summary of such a
file again, of a run that was cut short too.

Three counts must agree that are kept in different places: what reads delivered, what the engine
says it captured, analysed and dropped, and what arrived in a sink. Exits 1 if a bound is broken.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from benchmarks import footage, soak_report
from realtime.closing import Closing
from realtime.config import Config
from realtime.live import LiveEngine, LiveInput, open_input
from realtime.metrics import Metrics
from realtime.runner import SourceRunner
from realtime.scorer import load_scorer
from realtime.sinks.jsonl import JsonlFile, JsonlSink
from realtime.sources import FrameSource, parse
from realtime.sources.base import skipped_by
from realtime.sources.synthetic import demo_clip
from realtime.types import (
    Frame,
    FrameCounts,
    FrameResult,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceStatus,
    WallClock,
)
from tests.servers.rtsp import available, file_pipeline, rtsp_server

EVERY_S: Final = 5.0
SPARE_MINUTES: Final = 2.0
"""So much longer than the soak the clips are, that none ends within it."""


class Counted(Closing):
    """A source whose reads are counted where they end, apart from all that the engine counts."""

    def __init__(self, inner: FrameSource, total: Counter[str], name: str) -> None:
        self._inner, self._total, self._name = inner, total, name
        self._left_out = 0
        self.source_id = inner.source_id

    @property
    def decode_errors(self) -> int:
        """As the source says."""
        return self._inner.decode_errors

    @property
    def skipped(self) -> int:
        """As the source says."""
        return skipped_by(self._inner)

    def open(self) -> SourceInfo:
        """As the source does."""
        return self._inner.open()

    def read(self) -> Frame | None:
        """As the source does, counted; what it leaves out is counted even if it breaks."""
        frame = None
        try:
            frame = self._inner.read()
            return frame
        finally:
            left_out = self.decode_errors + self.skipped
            self._total[self._name] += left_out - self._left_out + (frame is not None)
            self._left_out = left_out

    def seek(self, time_s: float) -> None:
        """As the source does."""
        self._inner.seek(time_s)

    def close(self) -> None:
        """As the source does."""
        self._inner.close()


class Watch:
    """A sink that keeps how old results are when they arrive, and how many do.

    ``ages`` are seconds since the frame was decoded, ``latencies`` since the server sent it, by
    its own reports: the latter would tell of frames that pile up where the engine cannot see them.
    """

    needs_pictures = False

    def __init__(self) -> None:
        self.ages: deque[float] = deque()
        self.latencies: deque[float] = deque()
        self.results = self.scores = self.tracks = 0
        self.states: list[str] = []

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Count it."""
        frame = result.frame
        self.ages.append(time.monotonic() - frame.captured_mono)
        if frame.wall_clock is WallClock.RTCP and frame.wall_s is not None:
            self.latencies.append(time.time() - frame.wall_s)
        self.results += 1
        self.scores += len(result.scores)
        self.tracks += len(result.ended)

    def status(self, status: SourceStatus) -> None:
        """Keep the state."""
        self.states = [*self.states[-50:], status.state.value]

    def finish(self, summary: RunSummary) -> None:
        """Nothing to complete."""

    def close(self) -> None:
        """Nothing to release."""


def histogram(given: Sequence[deque[float]]) -> list[tuple[int, int]]:
    """Take every value out and count them by the bins of `soak_report`; empty ones are left out."""
    bins: Counter[int] = Counter()
    for values in given:
        while values:
            bins[soak_report.bin_of(values.popleft())] += 1
    return sorted(bins.items())


def resources() -> dict[str, float]:
    """Of this process: resident MiB, threads of any kind, file descriptors, seconds of CPU."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return {
        "rss_mib": round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 2),
        "threads": len(os.listdir("/proc/self/task")),
        "fds": len(os.listdir("/proc/self/fd")),
        "cpu_s": round(time.process_time(), 2),
    }


class Soak:
    """One run against a server on ``port`` that serves ``/0`` to ``/<sources - 1>``."""

    def __init__(self, port: int, sources: int, folder: Path) -> None:
        self.delivered: Counter[str] = Counter()
        self.watches = {f"cam{i}": Watch() for i in range(sources)}
        self.file = JsonlFile(folder / "out.jsonl")
        self.metrics = Metrics()
        self.scorer = load_scorer(Config().scorer)
        inputs = [
            LiveInput(name, parse(f"rtsp://127.0.0.1:{port}/{i}"), (watch, JsonlSink(self.file)))
            for i, (name, watch) in enumerate(self.watches.items())
        ]
        self.engine = LiveEngine(
            inputs, self.scorer, Config(), metrics=self.metrics, opener=self._open
        )

    def _open(self, item: LiveInput, config: Config) -> FrameSource:
        return Counted(open_input(item, config), self.delivered, item.source_id)

    def sources(self) -> dict[str, Any]:
        """The counts of every source at this moment."""
        told = {}
        for view in self.engine.sources:
            name, watch = view.source_id, self.watches[view.source_id]
            delivered, counts = self._both(name, view)
            told[name] = {
                "state": view.status.state.value,
                "epoch": view.status.epoch,
                "captured": counts.captured,
                "delivered": delivered,
                "analysed": counts.analysed,
                "dropped": {cause.value: count for cause, count in counts.dropped.items()},
                "in_flight": counts.in_flight,
                "results": watch.results,
                "scores": watch.scores,
                "tracks": watch.tracks,
                "score_rate_hz": round(view.load.score_rate_hz, 2),
                "track_rate_hz": view.load.track_rate_hz,
                "states": watch.states,
                "sink_dropped": self._lost(name),
            }
        return told

    def _both(self, name: str, view: SourceRunner) -> tuple[int, FrameCounts]:
        """Both counts of one moment: a frame that is handed on just now is in one of them only."""
        for _ in range(100):
            delivered, counts = self.delivered[name], view.counts
            if delivered == counts.captured:
                break
            time.sleep(0.001)
        return delivered, counts

    def _lost(self, name: str) -> int:
        # Of both sinks of the source.
        value = self.metrics.registry.get_sample_value(
            "fakewatch_sink_dropped_total", {"source": name}
        )
        return int(value or 0)

    def sample(self, time_s: float) -> dict[str, Any]:
        """One line of the report."""
        watches = self.watches.values()
        return {
            "kind": "sample",
            "time_s": round(time_s, 2),
            **resources(),
            "ages": histogram([watch.ages for watch in watches]),
            "latencies": histogram([watch.latencies for watch in watches]),
            "load": round(os.getloadavg()[0], 2),
            "sources": self.sources(),
        }

    def run(self, seconds: float, out: TextIO) -> None:
        """Watch for so long and write every line."""
        before = resources()
        self.engine.start()
        begin = time.monotonic()
        due = EVERY_S
        try:
            while due <= seconds:
                time.sleep(max(0.0, begin + due - time.monotonic()))
                write(out, self.sample(time.monotonic() - begin))
                due += EVERY_S
        finally:
            self.engine.stop()
            sources = self.sources()
            self.file.close()
            gc.collect()
            left = [thread.name for thread in threading.enumerate() if "fw-" in thread.name]
            end = {"before": before, "after": resources(), "left": left, "sources": sources}
            write(out, {"kind": "end", **end})
            self.scorer.close()


def write(out: TextIO, line: dict[str, Any]) -> None:
    """One line, on disk before the next begins."""
    out.write(json.dumps(line) + "\n")
    out.flush()


def serve(options: argparse.Namespace, folder: Path) -> dict[str, str]:
    """The mounts of a server: as many clips as there are sources, or one for all."""
    count: int = options.sources
    given = footage.choose(options.clips, count) if options.clips else [demo_clip()] * count
    made: dict[Path, Path] = {}
    for clip in given:
        if clip not in made:
            made[clip] = footage.like_a_camera(
                clip,
                folder / f"{len(made)}.mp4",
                height=options.height,
                rate_hz=options.rate,
                minutes=options.minutes + SPARE_MINUTES,
            )
    return {f"/{i}": file_pipeline(made[clip]) for i, clip in enumerate(given)}


def report(path: Path, warm_up_s: float) -> int:
    """Print what the lines of a run say; 1 if a bound was broken."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    summary = soak_report.judge(lines, warm_up_s)
    print(json.dumps(summary, indent=2))
    return 1 if summary["broken"] else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--sources", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clips", type=Path, help="a folder of videos; default the demo clip")
    parser.add_argument("--height", type=int, default=360, help="of the pictures at most, pixels")
    parser.add_argument("--rate", type=float, default=15.0, help="pictures a second of each source")
    parser.add_argument("--warm-up", type=float, default=300.0, help="seconds that memory may grow")
    parser.add_argument("--json", type=Path, default=Path("soak.json"), help="a line a sample")
    parser.add_argument("--report", type=Path, help="only print the summary of such a file")
    options = parser.parse_args(arguments)
    if options.report:
        return report(options.report, options.warm_up)
    if not available():
        raise SystemExit("no GStreamer RTSP server on this machine")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mounts = serve(options, folder)
        with rtsp_server(mounts) as server, options.json.open("w", encoding="utf-8") as out:
            Soak(server.port, options.sources, folder).run(60 * options.minutes, out)
    return report(options.json, options.warm_up)


if __name__ == "__main__":
    sys.exit(main())
