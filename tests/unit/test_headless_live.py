"""Live sources without a window, against a real RTSP server: signals, settings, outputs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime.sources.synthetic import write_demo_clip
from realtime.status_lines import Observed, line, state_words
from realtime.types import (
    DropCause,
    FrameCounts,
    Load,
    SourceState,
    SourceStatus,
)
from tests.processes import fakewatch, records
from tests.servers.rtsp import file_pipeline, rtsp_server

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(300)  # several starts of the program, on a machine that is busy
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The beginning of the URL of a server with the talking portrait under /a and /b."""
    clip = tmp_path_factory.mktemp("clip") / "face.mp4"
    write_demo_clip(clip, 5.0)
    with rtsp_server({"/a": file_pipeline(clip), "/b": file_pipeline(clip)}) as running:
        yield f"rtsp://127.0.0.1:{running.port}"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


def has(path: Path, kind: str, source_id: str) -> Callable[[], bool]:
    return lambda: any(r["type"] == kind and r["source_id"] == source_id for r in records(path))


def test_a_service_from_start_to_sigterm(server: str, tmp_path: Path) -> None:
    """Settings are read anew on SIGHUP, bad ones are ignored, and SIGTERM ends each run."""
    out, settings = tmp_path / "out.jsonl", tmp_path / "cameras.toml"
    first = f'[[sources]]\nname = "door"\nurl = "{server}/a"\n[metrics]\naddress = "127.0.0.1:0"\n'
    settings.write_text(first, "utf-8")
    video = tmp_path / "copy.mp4"
    arguments = ["--config", str(settings), "--jsonl", str(out), "--video", str(video)]
    with fakewatch("analyze", "--headless", *arguments) as process:
        wait_for(has(out, "face", "door"))
        settings.write_text(f'{first}[[sources]]\nname = "yard"\nurl = "{server}/b"\n', "utf-8")
        process.send_signal(signal.SIGHUP)
        wait_for(has(out, "face", "yard"))
        settings.write_text("[[sources]]\nurl = 3\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        told = []
        while not told or "not read anew" not in told[-1]:
            told.append(process.stderr.readline())
            assert told[-1], told
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "'sources[0].url'" in told[-1]
    assert "interrupted" in rest
    assert any("door: live" in row for row in told)
    ends = {r["source_id"]: r for r in records(out) if r["type"] == "run_end"}
    assert set(ends) == {"door", "yard"}
    for end in ends.values():
        frames = end["frames"]
        assert frames["captured"] == frames["analysed"] + sum(frames["dropped"].values())
        assert frames["analysed"] > 0
    for name in ("copy-door.mp4", "copy-yard.mp4"):
        assert (tmp_path / name).stat().st_size > 0


def test_metrics_are_served_while_it_runs(server: str, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    port = free_port()
    arguments = ["--jsonl", str(out), "--metrics", f"127.0.0.1:{port}", "--quiet"]
    with fakewatch("analyze", f"{server}/a", "--max-seconds", "60", *arguments) as process:
        wait_for(has(out, "face", "source-1"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            assert json.load(answer)["sources"] == {"source-1": "live"}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b'fakewatch_frames_captured_total{source="source-1"}' in answer.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert err.splitlines() == ["fakewatch: interrupted; what was gathered is complete."]


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_live_run_may_have_an_end_and_a_reader_may_leave(server: str) -> None:
    with fakewatch("analyze", f"{server}/a", "--jsonl", "-", "--quiet") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert '"run_start"' in process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


def test_a_source_that_never_comes_is_3(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    url = "rtsp://usr:kvq99@127.0.0.1:9/live"
    with fakewatch("analyze", url, "--max-seconds", "1", "--jsonl", str(out)) as process:
        said, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert "not one picture came" in err
    assert "kvq99" not in said + err + out.read_text("utf-8")


WAITING = """
import sys, time
from realtime.signals import wishing
with wishing(reloadable=False) as wishes:
    print("ready", flush=True)
    assert wishes.stop.wait(60)
    print("asked", flush=True)
    time.sleep(60)
"""


def test_the_second_interrupt_leaves_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for word in ("ready", "asked"):
                assert process.stdout.readline().strip() == word
                process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()


class View:
    """A source as the engine shows it."""

    source_id = "door"
    tracks = 2
    counts = FrameCounts(30, 20, {DropCause.SUPERSEDED: 7, DropCause.STALE: 3, DropCause.SEEK: 0})
    load = Load(score_rate_hz=2.0, track_rate_hz=12.0, reduced=True)
    status = SourceStatus("door", SourceState.LIVE, 0.0)


def test_the_status_line_says_what_is_lost_and_why() -> None:
    said = line(View(), Observed(clock=lambda: 5.0), 5.0)
    assert said.startswith("door: live")
    for words in ("7 superseded, 3 stale", "2 faces", "scores 2.0/s, tracks 12/s", "too slow"):
        assert words in said
    assert "seek" not in said
    assert "age" not in said


def test_a_state_says_why_and_what_comes_next() -> None:
    status = SourceStatus(
        "door",
        SourceState.RECONNECTING,
        since_mono=1.0,
        attempt=3,
        retry_at_mono=14.2,
        code="auth_failed",
        text="rtsp://u:hunter2@cam/1 refused the password.",
    )
    said = state_words(status, 10.0)
    assert said.startswith("reconnecting (attempt 3, next in 4 s): ")
    assert "hunter2" not in said
