"""A day in a few minutes: ``python -m benchmarks.synthetic [--frames 2600000] [--hours 24]``.

So many synthetic frames of several sources, on clocks that run as fast as the machine can go, pass
through what a live run is made of: the slot, the tracker, the analysis with its verdicts, the
shared scorer on its thread, and outputs of JSON Lines behind their queues. Nothing is decoded, the
networks of the tracker are replaced by arithmetic that knows where the faces are, and the model
is a real ONNX file of a few multiplications. Slots are overtaken, frames go stale or are not
decodable, connections break, faces come and go: everybody's visit must be told exactly once.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any, Final, TextIO, cast

import numpy as np

from benchmarks import soak_report
from benchmarks.soak import resources
from benchmarks.synthetic_scene import SIZE, Scene, knowing, portrait
from realtime.batching import BatchScorer
from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.metrics import Metrics
from realtime.scorer import OnnxScorer
from realtime.sinks.jsonl import JsonlFile, JsonlSink, TrackNumbers
from realtime.source_sinks import Outputs
from realtime.sources import Address, SourceKind
from realtime.stage import Stage, Tools
from realtime.types import (
    Clock,
    DropCause,
    Frame,
    FrameResult,
    RunStart,
    RunSummary,
    SourceInfo,
    SourceState,
)
from tests.contract import onnx_models

OVERTAKEN: Final = 0.12
"""Share of turns in which two more frames come before the first one's turn."""
LATE: Final = 0.01
"""And in which the worker comes too late."""
DAMAGED: Final = 0.005
CONNECTED_S: Final = (1800.0, 14400.0)
BACKLOG: Final = 128
"""Turns between two looks at whether the outputs have kept up."""
WORK_S: Final = 0.02
FOUND: Final = 0.9
"""Share of the faces in analysed frames that must be found: the search for new ones is not run on
every frame."""
FULL: Final = 2 / 3
"""So far into a day the bounded lists of ended tracks are full."""
MAX_GROWTH: Final = 0.01
"""Of memory from then on."""


class Counting(io.TextIOBase):
    """A text stream that counts what is written instead of keeping it."""

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.repeated = 0
        self._ids: defaultdict[str, TrackNumbers] = defaultdict(TrackNumbers)
        self.states: Counter[str] = Counter()
        self.characters = 0

    def write(self, text: str, /) -> int:
        """Count whole lines; raises `ValueError` if one is none."""
        self.characters += len(text)
        for line in text.splitlines():
            record = json.loads(line)
            self.records[record["type"]] += 1
            if record["type"] == "track_end":
                self._end(record["source_id"], record["track"])
                self.states[record["state"]] += 1
        return len(text)

    def _end(self, source_id: str, track_id: int) -> None:
        """Count a track by its source, once."""
        ids = self._ids[source_id]
        self.repeated += track_id in ids
        self.told[source_id] += track_id not in ids
        ids.add(track_id)


class Source:
    """One camera and all that a live run has for it, driven by one thread on a clock of its own."""

    def __init__(
        self,
        scene: Scene,
        config: Config,
        batches: BatchScorer,
        metrics: Metrics,
        file: JsonlFile,
    ) -> None:
        self.name = f"cam{scene.number}"
        self.now = 0.0
        self.captured = self.results = self.faces = self.there = self.lost = 0
        self.scores = 0
        self.visits = 0
        self._seen: dict[int, tuple[int, int, float]] = {}
        self.pictures: Counter[SourceState | None] = Counter()
        self.errors: list[FakewatchError] = []
        self.longest_silence = 0.0
        self._lost_after_s = config.faces.lost_after_s
        self._scene = scene
        self._random = np.random.default_rng(1000 + scene.number)
        self._epoch = self._index = self._turns = 0
        self._begin = 0.0
        self._until = self._random.uniform(*CONNECTED_S)
        self.outputs = Outputs(self.name, [JsonlSink(file)], self.errors.append, self._missed)
        address = Address(SourceKind.STREAM, f"rtsp://{self.name}/", f"rtsp://{self.name}/")
        tools = Tools(config, batches, metrics, lambda: self.now)
        self.stage = Stage(self.name, address, tools, self._look, self._take)
        self.stage.prepare(Event())
        info = SourceInfo(self.name, *SIZE, None, None, False, True, "none")
        model = batches.scorer.info
        self.outputs.start(RunStart(info, "", "0", model, config.as_dict(), self.name))

    def turn(self, step_s: float) -> None:
        """A frame or several come, and a worker takes the newest."""
        self._turns += 1
        chance = self._random.random()
        for _ in range(3 if chance < OVERTAKEN else 1):
            self._capture(step_s * self._random.uniform(0.6, 1.4))
        self.now += 0.7 if chance > 1 - LATE else WORK_S
        if self.stage.due:
            self.stage.work()
        self.stage.watch_load()
        if self._turns % BACKLOG == 0:
            self.outputs.drained(time.monotonic() + 10)

    def _capture(self, step_s: float) -> None:
        self.now += step_s
        if self.now >= self._until:
            self._epoch += 1
            self._begin = self.now
            self._until = self.now + self._random.uniform(*CONNECTED_S)
        if self._random.random() < DAMAGED:
            self.stage.counter.undecodable(1)
            self.captured += 1
            return
        self.stage.counter.captured()
        self.captured += 1
        frame = Frame(
            self.name,
            self._epoch,
            self._index,
            self.now - self._begin,
            self.now,
            None,
            Clock.PTS,
            self._scene.picture(self.now),
        )
        self._index += 1
        self.stage.put(frame)

    def _look(self, state: SourceState | None) -> None:
        self.pictures[state] += 1

    def _take(self, result: FrameResult) -> None:
        frame = result.frame
        self.results += 1
        self.faces += len(result.faces)
        self.scores += len(result.scores)
        there = dict(person.visit for person in self._scene.people(frame.captured_mono))
        self.there += len(there)
        for box in result.faces.boxes:
            lane = int(box[0] + box[2] / 2 > SIZE[0] / 2)
            self._visited(lane, there[lane], frame)
        if result.counts.in_flight not in (0, 1):
            raise AssertionError(f"{result.counts.in_flight} frames in flight")
        self.outputs.write(result)

    def _visited(self, lane: int, visit: int, frame: Frame) -> None:
        """A face that was there for one connection, and never unseen for too long, is a visit."""
        epoch, last, seen_s = self._seen.get(lane, (-1, -1, 0.0))
        same = (epoch, last) == (frame.epoch, visit)
        self.visits += not (same and frame.time_s - seen_s <= self._lost_after_s)
        self._seen[lane] = frame.epoch, visit, frame.time_s

    def _missed(self, results: int) -> None:
        self.lost += results

    def finish(self, wall_s: float) -> RunSummary:
        """End the run as an engine does."""
        tracks = self.stage.finish()
        counts = self.stage.counter.snapshot()
        summary = RunSummary(counts, tracks, None, wall_s, self.stage.media_s)
        self.outputs.finish(summary)
        self.outputs.close(time.monotonic() + 60)
        return summary


def run(
    frames: int, hours: float, count: int, log: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Everything this benchmark reports, ready for JSON; ``broken`` is empty if all held."""
    seconds = 3600 * hours
    step_s = seconds * count / frames
    face = portrait()
    scenes = [Scene(number, seconds, face) for number in range(count)]
    stream, metrics, config = Counting(), Metrics(), Config()
    file = JsonlFile(cast("TextIO", stream))
    with tempfile.TemporaryDirectory() as folder, knowing(scenes):
        scorer = OnnxScorer(model_in(Path(folder)), device="cpu")
        failures: list[FakewatchError] = []
        batches = BatchScorer(scorer, metrics, on_error=failures.append)
        batches.start()
        sources = [Source(scene, config, batches, metrics, file) for scene in scenes]
        memory: list[tuple[float, float]] = []
        begin = time.monotonic()
        while sum(source.captured for source in sources) < frames:
            for source in sources:
                source.turn(step_s)
            done = sum(source.captured for source in sources) / frames
            if done >= len(memory) / 100:
                memory.append((done, resources()["rss_mib"]))
                log(f"{done:4.0%} {memory[-1][1]:.1f} MiB {time.monotonic() - begin:.0f} s")
        wall_s = time.monotonic() - begin
        for source in sources:
            source.stage.settled(10)
        summaries = [source.finish(wall_s) for source in sources]
        batches.stop()
        scorer.close()
        file.close()
    counts = [summary.counts for summary in summaries]
    later = [(done, rss) for done, rss in memory if done >= FULL]
    report = {
        "hours": round(sum(source.now for source in sources) / count / 3600, 2),
        "sources": count,
        "wall_s": round(wall_s, 1),
        "captured": sum(c.captured for c in counts),
        "analysed": sum(c.analysed for c in counts),
        "dropped": {
            cause.value: sum(c.dropped.get(cause, 0) for c in counts)
            for cause in DropCause
            if any(c.dropped.get(cause) for c in counts)
        },
        "faces": sum(source.faces for source in sources),
        "scores": sum(source.scores for source in sources),
        "visits": sum(source.visits for source in sources),
        "tracks_told": sum(stream.told.values()),
        "states": dict(stream.states),
        "records": dict(stream.records),
        "megabytes": round(stream.characters / 1e6, 1),
        "output_missed": sum(source.lost for source in sources),
        "rss_mib": {"begin": memory[0][1], "when_full": later[0][1], "end": memory[-1][1]},
        "growth": round(fitted_growth(later), 5),
    }
    errors = [*failures, *(error for source in sources for error in source.errors)]
    broken = [str(error) for error in errors]
    broken += [words for pair in zip(sources, summaries, strict=True) for words in _broken(*pair)]
    broken += _broken_output(stream, sources)
    return {**report, "broken": broken}


def fitted_growth(memory: Sequence[tuple[float, float]]) -> float:
    """By which share memory grew over the samples (share of the run, MiB), noise left out."""
    done, rss = zip(*memory, strict=True)
    # `slope` is for an hour of 3600 seconds.
    growth: float = soak_report.slope(done, rss) / 3600 * (done[-1] - done[0])
    return growth


def model_in(folder: Path) -> Path:
    """A model whose logit is how bright the crop is."""
    weights = np.full((1, 3), 8.0, np.float32)
    graph = onnx_models.linear(onnx_models.contract(), weights=weights, bias=-10.0)
    return onnx_models.save(graph, folder)


def _broken(source: Source, summary: RunSummary) -> list[str]:
    counts = summary.counts
    found = {
        f"{counts.in_flight} frames ended nowhere": counts.in_flight,
        f"{source.captured} came, {counts.captured} counted": source.captured - counts.captured,
        f"{source.results} results, {counts.analysed} counted": source.results - counts.analysed,
        f"{source.faces} of {source.there} faces found": source.faces < FOUND * source.there,
        f"pictures said to be {dict(source.pictures)}": set(source.pictures) != {None},
    }
    return [f"{source.name}: {words}" for words, bad in found.items() if bad]


def _broken_output(stream: Counting, sources: Sequence[Source]) -> list[str]:
    broken = [
        f"{s.name}: {s.visits} visits, {stream.told[s.name]} tracks told"
        for s in sources
        if stream.told[s.name] != s.visits
    ]
    if stream.repeated:
        broken.append(f"{stream.repeated} tracks were told twice")
    missed = sum(source.lost for source in sources)
    if not missed and stream.records["face"] != sum(source.faces for source in sources):
        broken.append(f"{stream.records['face']} faces were written")
    if stream.records["run_end"] != len(sources):
        broken.append(f"{stream.records['run_end']} ends were written")
    return broken


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark; 1 if a bound was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic")
    parser.add_argument("--frames", type=int, default=2_600_000, help="captured in all")
    parser.add_argument("--hours", type=float, default=24.0, help="that pass for each source")
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--json", type=Path, help="write the report here too")
    options = parser.parse_args(arguments)
    report = run(options.frames, options.hours, options.sources, _say)
    if report["growth"] > MAX_GROWTH:
        report["broken"].append(f"memory grew by {report['growth']:.1%}")
    text = json.dumps(report, indent=2)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    print(text)
    return 1 if report["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
