"""Outputs that fail while a run is on: the real program, a real clip with a face, real files."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import av
import numpy as np
import pytest

from realtime.cli import main
from realtime.config import Config, LiveConfig
from realtime.errors import ExitCode, FakewatchError, OutputClosed, SinkError
from realtime.live import LiveEngine, LiveInput
from realtime.metrics import Metrics
from realtime.scorer import OnnxScorer
from realtime.sinks.jsonl import JsonlFile, JsonlSink
from realtime.sinks.video import VideoSink
from realtime.sources.synthetic import write_demo_clip
from realtime.types import FrameResult, Image
from tests.contract.results import result, run_start
from tests.contract.test_sink_contract import as_nobody
from tests.unit.live_sources import LivePictures, Remembering, address

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and limits of POSIX")

PIPE_BYTES = 4096


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a face; about 35 KB of JSON Lines."""
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    write_demo_clip(path, 3.0, (320, 240), 20)
    return path


def analyze(clip: Path, *options: object, **how: object) -> subprocess.Popen[bytes]:
    """The program at work on the clip."""
    command = [sys.executable, "-m", "realtime", "analyze", clip, "--quiet", *options]
    return subprocess.Popen(
        list(map(str, command)),
        cwd=Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
        **how,
    )


def end(process: subprocess.Popen[bytes], timeout_s: float = 60) -> tuple[int, str]:
    """The exit code and what was complained of."""
    try:
        _, complaint = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the program did not end")
    return process.returncode, complaint.decode()


def whole_lines(path: Path) -> list[dict]:
    """Every line of a file, all of which must be whole."""
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def one_sentence(text: str) -> bool:
    return text.startswith("fakewatch: ") and text.count("\n") == 1 and "Traceback" not in text


# A process that is killed


def test_after_a_kill_everything_that_was_written_can_be_read(clip: Path, tmp_path: Path) -> None:
    lines, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    process = analyze(clip, "--jsonl", lines, "--video", video)
    deadline = time.monotonic() + 60
    while not lines.exists() or lines.read_bytes().count(b"\n") < 25:
        assert process.poll() is None, end(process)
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    end(process)
    assert process.returncode == -signal.SIGKILL
    data = lines.read_bytes()
    # Only the line that was being written in that very moment may be torn.
    records = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    assert records[0]["type"] == "run_start"
    faces = [record["frame"] for record in records if record["type"] == "face"]
    assert faces == list(range(faces[0], faces[0] + len(faces)))
    assert len(faces) >= 20
    with av.open(str(video)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    # Those that waited for the encoder are missing.
    assert pictures >= len(faces) - 12


# A disk that is full


@contextmanager
def small_disk(folder: Path, room: int) -> Iterator[Callable[[], None] | None]:
    """A real disk that is nearly full where one can be mounted, else a limit that acts like it."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(folder)]
    mounted = False
    with suppress(OSError):
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield None if mounted else limited
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(("option", "room"), [("--jsonl", 16_384), ("--video", 98_304)])
def test_a_disk_that_fills_up_is_one_sentence_and_keeps_what_fits(
    clip: Path, tmp_path: Path, option: str, room: int
) -> None:
    path = tmp_path / "disk" / ("out.jsonl" if option == "--jsonl" else "out.mkv")
    with small_disk(tmp_path / "disk", room) as limit:
        code, complaint = end(analyze(clip, option, path, preexec_fn=limit))
        assert code == ExitCode.USAGE
        assert one_sentence(complaint), complaint
        assert str(path) in complaint
        assert "No space left" in complaint or "too large" in complaint
        if option == "--jsonl":
            records = whole_lines(path)
            assert records[0]["type"] == "run_start"
            assert len(records) > 10
        else:
            pictures = 0
            with av.open(str(path)) as container, suppress(av.InvalidDataError):
                for _ in container.decode(video=0):
                    pictures += 1
            assert pictures > 5


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    folder.chmod(0o555)
    for make, name in ((JsonlSink, "out.jsonl"), (VideoSink, "out.mp4")):
        with as_nobody(), pytest.raises(SinkError, match="Permission denied") as caught:
            make(folder / name)
        assert "\n" not in str(caught.value)
        assert str(folder / name) in str(caught.value)
    assert list(folder.iterdir()) == []


# Readers of a pipe


def test_a_reader_that_leaves_ends_the_program_quietly(clip: Path) -> None:
    process = analyze(clip, "--jsonl", "-", stdout=subprocess.PIPE)
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    assert json.loads(process.stdout.readline())["type"] == "run_start"
    process.stdout.close()
    process.stdout = None
    assert end(process) == (ExitCode.OK, "")


def test_a_reader_that_does_not_read_cannot_stop_the_end(clip: Path) -> None:
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    process = analyze(clip, "--jsonl", "-", stdout=write)
    wait_until_full(write, process)
    os.close(write)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, complaint = end(process, 30)
    took = time.monotonic() - begin
    assert code == ExitCode.INTERRUPTED, complaint
    assert "Traceback" not in complaint
    assert took < 15
    # What the reader finds when it wakes up are whole lines and the beginning of one.
    got = b""
    while more := os.read(read, 65_536):
        got += more
    os.close(read)
    assert [json.loads(line) for line in got[: got.rfind(b"\n") + 1].splitlines()]


def wait_until_full(descriptor: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    full_since: float | None = None
    while full_since is None or time.monotonic() - full_since < 0.5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        if select.select([], [descriptor], [], 0.05)[1]:
            full_since = None
        elif full_since is None:
            full_since = time.monotonic()


# Live runs


def moving(index: int) -> Image:
    return np.full((48, 64, 3), index % 250, np.uint8)


class Live:
    """Two sources, of which the first has the output that is given; stopped at the latest at the
    end of the block."""

    def __init__(
        self, scorer: OnnxScorer, sink: object, picture: Callable[[int], Image] = moving
    ) -> None:
        self.metrics = Metrics()
        self.errors: list[tuple[str, FakewatchError]] = []
        self.seen, self.other = Remembering(), Remembering()
        inputs = [
            LiveInput("door", address("door"), (sink, self.seen)),
            LiveInput("hall", address("hall"), (self.other,)),
        ]
        self.engine = LiveEngine(
            inputs,
            scorer,
            Config(live=LiveConfig(workers=1)),
            metrics=self.metrics,
            on_error=lambda name, error: self.errors.append((name, error)),
            opener=lambda item, config: LivePictures(picture, 60.0),
        )

    def __enter__(self) -> Live:
        self.engine.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.stop()

    def wait_until_dropped(self, results: int) -> None:
        """Until the output has missed so many results, as the metrics tell."""
        deadline = time.monotonic() + 60
        found = None
        while found is None or float(found[1]) < results:
            assert time.monotonic() < deadline
            time.sleep(0.02)
            text = self.metrics.exposition()[0].decode()
            found = re.search(r'^fakewatch_sink_dropped_total{source="door"} (.+)$', text, re.M)


@contextmanager
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A small pipe: where it is read, where it is written."""
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    stream = os.fdopen(write, "w")
    yield read, stream
    stream.close()
    with suppress(OSError):
        os.close(read)


def test_a_sink_that_blocks_for_ever_costs_only_its_own_results(
    scorer: OnnxScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.sinks.queued.WITHOUT_PICTURES", 20)
    with pipe() as (_, stream):
        file = JsonlFile(stream)
        file.write([json.dumps({"fill": "x" * 3000})])  # leaves no room for a run_start
        with Live(scorer, JsonlSink(file)) as live:
            live.wait_until_dropped(20)
            live.other.wait_for(lambda results: len(results) > 30)
            begin = time.monotonic()
            summaries = live.engine.stop(2.0)
            assert time.monotonic() - begin < 10
        for summary in summaries.values():
            assert summary.counts.captured > 30
            assert summary.counts.in_flight == 0
        assert live.seen.summaries == [summaries["door"]]
        assert live.other.summaries == [summaries["hall"]]
        assert live.errors == []
        # Closing lets the thread go that was left behind.
        file.close()


@pytest.mark.parametrize("kind", ["full", "gone"])
def test_an_output_that_fails_is_told_once_and_the_sources_go_on(
    scorer: OnnxScorer, tmp_path: Path, kind: str
) -> None:
    with pipe() as (read, stream):
        os.close(read)
        (tmp_path / "out.jsonl").symlink_to("/dev/full")
        file = JsonlFile(tmp_path / "out.jsonl" if kind == "full" else stream)
        with Live(scorer, JsonlSink(file)) as live:
            live.seen.wait_for(lambda results: len(results) > 20)
            live.other.wait_for(lambda results: len(results) > 20)
            summaries = live.engine.stop()
        ((name, error),) = live.errors
        assert name == "door"
        assert type(error) is (SinkError if kind == "full" else OutputClosed)
        assert "\n" not in str(error)
        assert live.seen.summaries == [summaries["door"]]
        file.close()


def test_a_live_video_that_nobody_takes_does_not_hold_up_the_end(
    scorer: OnnxScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.sinks.video._CLOSE_STUCK_S", 0.5)
    path = tmp_path / "out.mkv"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    random = np.random.default_rng(0)
    noise = [random.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(8)]
    video = VideoSink(path)
    try:
        with Live(scorer, video, lambda index: noise[index % 8]) as live:
            live.wait_until_dropped(10)
            begin = time.monotonic()
            live.engine.stop(2.0)
            video.close()
            assert time.monotonic() - begin < 15
    finally:
        os.close(reader)


class Slow(JsonlSink):
    """On a disk that takes 20 results a second."""

    def write(self, result: FrameResult) -> None:
        time.sleep(0.05)
        super().write(result)


def test_a_slow_disk_does_not_slow_the_source(scorer: OnnxScorer, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = Slow(path)
    with Live(scorer, sink) as live:
        live.seen.wait_for(lambda results: len(results) > 60)
    ages = [each.age_s for each in live.seen.results[20:]]
    sink.close()
    # With 60 frames a second it would be seconds behind by now.
    assert float(np.median(ages)) < 0.5
    assert whole_lines(path)[0]["type"] == "run_start"


def test_two_runs_into_one_file_are_refused(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.jsonl"
    first = JsonlSink(path)
    first.start(run_start())
    first.write(result(0))
    assert main(["analyze", str(clip), "--jsonl", str(path), "--quiet"]) == ExitCode.USAGE
    complaint = capsys.readouterr().err
    assert one_sentence(complaint)
    assert "another program is writing it" in complaint
    first.close()
    assert [record["type"] for record in whole_lines(path)] == ["run_start", "face"]
