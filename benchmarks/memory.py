"""Whether memory stays flat over a long file.

    python -m benchmarks.memory [--clip FILE] [--minutes 30] [--json FILE]

The clip is joined to itself, without re-encoding, until it lasts that long, and goes through
the whole pipeline as fast as it can. Resident memory is read once for each half minute of media.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import psutil

from realtime.config import Config
from realtime.pipeline import Pipeline
from realtime.scorer import load_scorer
from realtime.sources import open_source
from realtime.sources.synthetic import demo_clip
from realtime.types import FrameResult, RunStart, RunSummary

_EVERY_S = 30.0


class MemorySink:
    """Reads the resident memory of this process at regular media times, in MiB."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, float]] = []
        self._process = psutil.Process()

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Take a sample if one is due."""
        if result.frame.time_s >= len(self.samples) * _EVERY_S:
            rss = self._process.memory_info().rss / 2**20
            self.samples.append((result.frame.time_s, rss))

    def finish(self, summary: RunSummary) -> None:
        """Take the last sample."""
        self.samples.append((summary.media_s, self._process.memory_info().rss / 2**20))

    def close(self) -> None:
        """Nothing to release."""


def loop(clip: Path, target: Path, minutes: float) -> None:
    """Join ``clip`` to itself, packet by packet, until it lasts ``minutes``."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = []
        for p in source.demux(stream):
            if p.dts is not None and p.pts is not None:
                packets.append((bytes(p), p.pts, p.dts, p.duration, p.is_keyframe))
        base = stream.time_base
        assert base is not None
        first = min(p[2] for p in packets)
        length = max(p[2] + (p[3] or 1) for p in packets) - first
        for turn in range(max(1, round(minutes * 60 / float(length * base)))):
            for payload, pts, dts, duration, keyframe in packets:
                packet = av.Packet(payload)
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.duration, packet.time_base = duration or 1, base
                packet.is_keyframe = keyframe
                packet.stream = copy
                out.mux(packet)


def measure(clip: Path, minutes: float) -> dict[str, Any]:
    """Everything this benchmark reports, ready for JSON."""
    config = Config()
    scorer = load_scorer(config.scorer)
    sink = MemorySink()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.mp4"
        loop(clip, path, minutes)
        pipeline = Pipeline(open_source(str(path), config.source), scorer, config, [sink])
        pipeline.start()
        pipeline.wait()
        summary = pipeline.stop()
    scorer.close()
    at_5 = next((rss for t, rss in sink.samples if t >= 300.0), sink.samples[0][1])
    end = sink.samples[-1][1]
    return {
        "clip": clip.name,
        "media_minutes": round(summary.media_s / 60, 1),
        "wall_minutes": round(summary.wall_s / 60, 1),
        "frames": summary.counts.analysed,
        "tracks": len(summary.tracks),
        "rss_mib_at_minute_5": round(at_5, 1),
        "rss_mib_at_the_end": round(end, 1),
        "rss_mib_highest": round(max(rss for _, rss in sink.samples), 1),
        "change": round(end / at_5 - 1, 4),
        "samples": [(round(t, 1), round(rss, 1)) for t, rss in sink.samples],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("--clip", type=Path, help="default the demo clip")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", type=Path, help="write the report here too")
    options = parser.parse_args(arguments)
    report = measure(options.clip or demo_clip(), options.minutes)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(
        f"{report['frames']} frames, {report['media_minutes']} min of media in "
        f"{report['wall_minutes']} min: RSS {report['rss_mib_at_minute_5']} MiB at minute 5, "
        f"{report['rss_mib_at_the_end']} MiB at the end ({report['change']:+.1%}), "
        f"highest {report['rss_mib_highest']} MiB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
