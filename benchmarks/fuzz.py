"""Whether any damage to a video file can crash, hang or bloat the file source.

    python -m benchmarks.fuzz [--mutations 5000] [--clips FOLDER] [--out out/fuzz]

Clips of seven containers, made here, and those of the folder (their first two seconds, in three
containers) are damaged in every way `benchmarks.mutate` knows. Each damaged file is opened, read
and searched by `FileSource` in a process of its own, which is started anew after a crash or a hang;
the file that caused it is kept. What was done stands in ``OUT/results.jsonl``: a run that was cut
short goes on from there. The exit code is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import psutil
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from benchmarks.mutate import mutated
from realtime.config import SourceConfig
from realtime.errors import SourceError
from realtime.sources.file import FileSource

CONFIG: Final = SourceConfig(
    max_pixels=4_000_000, open_timeout_s=4.0, read_timeout_s=4.0, max_decode_errors=100
)
SLACK_S: Final = 4.0
"""How far a call may go beyond its own deadline on a busy machine."""
DEADLINE_S: Final = 40.0
"""For one file in all; the process is killed then."""
MOST_FRAMES: Final = 80
SUFFIXES: Final = (".mp4", ".mov", ".mkv", ".ts", ".webm", ".avi", ".flv")
_CODECS: Final = {".webm": "libvpx-vp9", ".avi": "mpeg4"}
_SILENT: Final = (".webm", ".flv")
_REMUXED: Final = (".mp4", ".mkv", ".ts")
_SOURCE_S: Final = 2.0


def make_seeds(folder: Path, clips: Path | None = None, most: int = 12) -> list[Path]:
    """Whole files to damage: one of each container, and cuts of up to ``most`` clips."""
    if folder.exists():
        # Of a run that was cut short: the numbers belong to exactly these.
        return sorted(folder.iterdir())
    folder.mkdir(parents=True)
    made = [_make(folder / f"seed{suffix}") for suffix in SUFFIXES]
    made.append(_make(folder / "fragments.mp4", {"movflags": "frag_keyframe+empty_moov"}))
    found = [] if clips is None else sorted(clips.rglob("*.mp4"), key=lambda p: p.stat().st_size)
    for number, clip in enumerate(found[:most]):
        target = folder / f"clip{number:02d}{_REMUXED[number % len(_REMUXED)]}"
        try:
            made.append(_cut(clip, target))
        except av.FFmpegError:  # a codec that this container does not take
            target.unlink(missing_ok=True)
    return sorted(made)


def _make(path: Path, options: dict[str, str] | None = None) -> Path:
    """Twenty-five moving pictures with key frames, frames in another order, and sound."""
    options = {"fflags": "+bitexact", **(options or {})}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(_CODECS.get(path.suffix, "libx264"), rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.gop_size = 8
        sound = None if path.suffix in _SILENT else container.add_stream("aac", rate=8000)
        assert sound is None or isinstance(sound, AudioStream)
        row, column = np.mgrid[0:64, 0:96]
        for index in range(25):
            picture = np.stack([row * 4, column * 2, row + column + 9 * index], axis=2)
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
            if sound is not None and index % 3 == 0:
                container.mux(sound.encode(_silence(index // 3)))
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))
    return path


def _silence(index: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 8000, 1024 * index, Fraction(1, 8000)
    return frame


def _cut(clip: Path, target: Path) -> Path:
    """The first seconds of the pictures of ``clip`` in the container of ``target``."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        first: Fraction | None = None
        for packet in source.demux(stream):
            if packet.dts is None or packet.time_base is None:
                continue
            at = packet.dts * packet.time_base
            first = at if first is None else first
            if at - first > _SOURCE_S:
                break
            packet.stream = copy
            out.mux(packet)
    return target


def exercise(path: Path) -> dict[str, Any]:
    """Open, read, seek and close; what came of it. Raises what `FileSource` must not raise."""
    slow: list[str] = []
    frames, outcome = 0, "played"
    begin = time.monotonic()
    source = FileSource(path, CONFIG)
    try:
        source.open()
        _timed(slow, "open", begin, CONFIG.open_timeout_s)
        frames += _read(source, MOST_FRAMES, slow)
        for place in (0.4, 0.0):
            begin = time.monotonic()
            source.seek(place)
            # A seek decodes up to its place, in up to three tries, each with its own deadline.
            _timed(slow, "seek", begin, 3 * CONFIG.read_timeout_s)
            frames += _read(source, 3, slow)
    except SourceError as exc:
        outcome = exc.code.value
        if "\n" in str(exc):
            raise RuntimeError("an error has more than one line") from exc
    finally:
        begin = time.monotonic()
        source.close()
        _timed(slow, "close", begin, 0.0)
    return {"outcome": "late" if slow else outcome, "frames": frames, "text": "; ".join(slow)}


def _read(source: FileSource, most: int, slow: list[str]) -> int:
    last: tuple[int, float] | None = None
    for number in range(most):
        begin = time.monotonic()
        frame = source.read()
        _timed(slow, "read", begin, CONFIG.read_timeout_s)
        if frame is None:
            return number
        height, width, channels = frame.image.shape
        assert channels == 3, "a picture is not BGR"
        assert height * width <= CONFIG.max_pixels, "a picture is beyond the limit"
        assert not frame.image.flags.writeable, "a picture can be written to"
        assert np.isfinite(frame.time_s), "a time is no number"
        if last is not None and last[0] == frame.epoch:
            assert frame.time_s > last[1], "time goes back"
        last = frame.epoch, frame.time_s
    return most


def _timed(slow: list[str], call: str, begin: float, bound_s: float) -> None:
    took = time.monotonic() - begin
    if took > bound_s + SLACK_S:
        slow.append(f"{call} took {took:.1f} s")


def work(seeds: Sequence[Path], folder: Path) -> None:
    """The process that does it: numbers on the standard input, one line of JSON for each."""
    faulthandler.enable()
    whole = [(path.suffix, path.read_bytes()) for path in seeds]
    process = psutil.Process()
    for line in sys.stdin:
        suffix, data, how = mutated(whole, int(line))
        path = folder / f"current{suffix}"
        path.write_bytes(data)
        begin = time.monotonic()
        try:
            result = exercise(path)
        except Exception as exc:  # noqa: BLE001 - that is what is looked for
            result = {"outcome": "bug", "frames": 0, "text": f"{type(exc).__name__}: {exc}"}
        result |= {"how": how, "suffix": suffix, "seconds": round(time.monotonic() - begin, 3)}
        result["rss_mib"] = round(process.memory_info().rss / 2**20, 1)
        print(json.dumps(result), flush=True)


class Worker:
    """A process that works on one number after the other, and is replaced when it is lost."""

    def __init__(self, command: Sequence[str], folder: Path, deadline_s: float = DEADLINE_S):
        self._command = command
        self._folder = folder
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0

    def ask(self, number: int) -> dict[str, Any]:
        """What came of one number: of the process itself, or ``crash`` or ``hang``."""
        process = self._running()
        assert process.stdin is not None
        process.stdin.write(b"%d\n" % number)
        process.stdin.flush()
        line = self._line(process)
        if line is not None and line.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        outcome = "hang" if line is None else "crash"
        self.stop(kill=True)
        code = process.returncode
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        text = f"no answer in {self._deadline_s:.0f} s" if line is None else name
        return {"outcome": outcome, "frames": 0, "text": text}

    def stop(self, *, kill: bool = False) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self.started += 1
            with (self._folder / "stderr.log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
                )
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """One line; what came before the end if there is none; None at the deadline."""
        assert process.stdout is not None
        deadline, got = time.monotonic() + self._deadline_s, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not got.endswith(b"\n"):
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    return None
                more = os.read(process.stdout.fileno(), 65_536)
                if not more:
                    break
                got += more
        return got


FOUND: Final = ("crash", "hang", "late", "bug")
"""Outcomes that must not be."""


def run(
    folder: Path, seeds: Sequence[Path], numbers: Iterable[int], command: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Work on all numbers that ``results.jsonl`` in ``folder`` does not hold; all its records."""
    results = folder / "results.jsonl"
    records = _read_records(results)
    done = {record["number"] for record in records}
    script = [sys.executable, "-m", "benchmarks.fuzz", "--worker", str(folder)]
    worker = Worker(command or [*script, *map(str, seeds)], folder)
    try:
        with results.open("a", encoding="utf-8") as out:
            for number in numbers:
                if number in done:
                    continue
                record = {"number": number, "process": worker.started, **worker.ask(number)}
                if record["outcome"] in FOUND:
                    _keep(folder, record)
                records.append(record)
                out.write(json.dumps(record) + "\n")
                out.flush()
    finally:
        worker.stop()
    return records


def _read_records(path: Path) -> list[dict[str, Any]]:
    """What an earlier run has written; a line that was cut short is taken away."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    os.truncate(path, len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _keep(folder: Path, record: dict[str, Any]) -> None:
    """Save the file that did it; the newest of its kind is the one that was worked on."""
    files = sorted(folder.glob("current.*"), key=lambda path: path.stat().st_mtime_ns)
    if files:
        name = f"{record['outcome']}-{record['number']}{files[-1].suffix}"
        shutil.copyfile(files[-1], folder / name)
        record["file"] = name


def report(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What there is to say; ``growth`` compares the resident memory of the last tenth of the
    longest-lived process with that after its first tenth."""
    lives = Counter(record["process"] for record in records)
    longest = lives.most_common(1)[0][0] if lives else 0
    memory = [r["rss_mib"] for r in records if r["process"] == longest and "rss_mib" in r]
    tenth = max(len(memory) // 10, 1)
    begin, end = memory[tenth : 2 * tenth] or memory[:1], memory[-tenth:]
    seconds = sorted(record.get("seconds", DEADLINE_S) for record in records)
    return {
        "mutations": len(records),
        "outcomes": dict(Counter(record["outcome"] for record in records).most_common()),
        "frames": sum(record["frames"] for record in records),
        "found": [record for record in records if record["outcome"] in FOUND],
        "seconds_longest": seconds[-1] if seconds else 0.0,
        "seconds_median": seconds[len(seconds) // 2] if seconds else 0.0,
        "rss_mib_after_a_tenth": round(float(np.median(begin)), 1) if begin else 0.0,
        "rss_mib_at_the_end": round(float(np.median(end)), 1) if end else 0.0,
        "rss_mib_highest": max(memory, default=0.0),
        "growth": round(float(np.median(end) / np.median(begin)) - 1, 4) if begin else 0.0,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--clips", type=Path, help="a folder with more clips to damage")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("seeds", nargs="*", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        work(options.seeds, options.worker)
        return 0
    seeds = make_seeds(options.out / "seeds", options.clips)
    numbers = range(options.first, options.first + options.mutations)
    found = report(run(options.out, seeds, numbers))
    (options.out / "report.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))
    return 1 if found["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
