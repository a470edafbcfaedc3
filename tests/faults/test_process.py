"""The real program on real streams: killed, stopped, doubled, out of disk."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from benchmarks.memory import loop
from realtime.cli import main
from realtime.errors import ExitCode
from realtime.sources.synthetic import write_demo_clip
from tests.faults.test_outputs import small_disk
from tests.processes import fakewatch, records
from tests.servers.rtsp import RtspServer, file_pipeline, rtsp_server
from tests.servers.sockets import free_port, serving, silent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """A talking portrait under /a and /b."""
    folder = tmp_path_factory.mktemp("clip")
    write_demo_clip(folder / "once.mp4", 4.0, (320, 180), 15)
    loop(folder / "once.mp4", folder / "face.mp4", 3.0)
    pipeline = file_pipeline(folder / "face.mp4")
    with rtsp_server({"/a": pipeline, "/b": pipeline}) as running:
        yield running


def faces(path: Path) -> int:
    return sum(record["type"] == "face" for record in records(path))


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


def accounted(end: dict[str, Any]) -> bool:
    frames = end["frames"]
    return bool(frames["captured"] == frames["analysed"] + sum(frames["dropped"].values()))


def test_sigterm_ends_every_source_whatever_it_is_doing(server: RtspServer, tmp_path: Path) -> None:
    """Two are live, one is connecting for ever, one is refused and waits."""
    out, settings = tmp_path / "out.jsonl", tmp_path / "cameras.toml"
    with serving(silent) as hole:
        urls = {
            "door": f"rtsp://127.0.0.1:{server.port}/a",
            "yard": f"rtsp://127.0.0.1:{server.port}/b",
            "hole": f"rtsp://127.0.0.1:{hole.port}/a",
            "gone": f"rtsp://127.0.0.1:{free_port()}/a",
        }
        tables = [f'[[sources]]\nname = "{name}"\nurl = "{url}"\n' for name, url in urls.items()]
        settings.write_text("".join(tables), "utf-8")
        arguments = ["--config", settings, "--headless", "--jsonl", out, "--quiet"]
        with fakewatch("analyze", *arguments) as process:
            both = lambda: {r["source_id"] for r in records(out) if r["type"] == "face"}  # noqa: E731
            wait_for(lambda: both() == {"door", "yard"} and hole.connections > 0, process)
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, complaint = process.communicate(timeout=PATIENCE_S)
            took = time.monotonic() - begin
    assert process.returncode == ExitCode.INTERRUPTED
    # Three seconds is what it takes at most on a machine that is not busy with other tests.
    assert took < 15
    ends = [record for record in records(out) if record["type"] == "run_end"]
    # A run begins with the first picture: the others have none, and are told in words.
    assert sorted(end["source_id"] for end in ends) == ["door", "yard"]
    assert all(accounted(end) for end in ends)
    for name in ("hole", "gone"):
        assert f"{name}: not one picture came" in complaint


def test_after_a_kill_what_was_recorded_of_a_stream_can_be_read(
    server: RtspServer, tmp_path: Path
) -> None:
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    url = f"rtsp://127.0.0.1:{server.port}/a"
    with fakewatch("analyze", url, "--jsonl", out, "--video", video, "--quiet") as process:
        wait_for(lambda: faces(out) >= 40, process)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    kept = records(out)
    assert kept[0]["type"] == "run_start"
    assert sum(record["type"] == "face" for record in kept) >= 40
    with av.open(str(video)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures >= 10


def test_two_at_once_do_not_disturb_each_other(server: RtspServer, tmp_path: Path) -> None:
    """They watch the same camera; a port that one has is refused to the other."""
    url = f"rtsp://127.0.0.1:{server.port}/a"
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    metrics = f"127.0.0.1:{free_port()}"
    with (
        fakewatch("analyze", url, "--jsonl", first, "--metrics", metrics, "--quiet") as one,
        fakewatch("analyze", url, "--jsonl", second, "--quiet") as two,
    ):
        wait_for(lambda: faces(first) > 5, one)
        wait_for(lambda: faces(second) > 5, two)
        with fakewatch("analyze", url, "--metrics", metrics, "--quiet") as third:
            _, complaint = third.communicate(timeout=PATIENCE_S)
        assert third.returncode == ExitCode.USAGE
        assert metrics in complaint
        assert complaint.count("\n") == 1, complaint
        for process, path in ((one, first), (two, second)):
            before = faces(path)
            wait_for(lambda: faces(path) > before + 3, process)  # noqa: B023
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE_S)
            assert process.returncode == ExitCode.INTERRUPTED
            (end,) = (record for record in records(path) if record["type"] == "run_end")
            assert accounted(end)


def test_a_disk_that_fills_up_ends_the_recording_and_not_the_watch(
    server: RtspServer, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    url = f"rtsp://127.0.0.1:{server.port}/a"
    with small_disk(tmp_path / "disk", 65_536) as limit:
        if limit is not None:
            pytest.skip("this user may write read-only files")
        video = tmp_path / "disk" / "out.mkv"
        with fakewatch("analyze", url, "--jsonl", out, "--video", video) as process:
            assert process.stderr is not None
            told = ""
            while "No space left" not in told:
                told = process.stderr.readline()
                assert told, "it ended without a word"
            assert str(video) in told
            before = faces(out)
            wait_for(lambda: faces(out) > before + 10, process)
            process.send_signal(signal.SIGTERM)
            _, complaint = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in told + complaint
        (end,) = (record for record in records(out) if record["type"] == "run_end")
        assert accounted(end)
        assert "No space left" in end["error"]
        assert video.stat().st_size > 10_000


def test_an_output_that_may_not_be_written_is_told_before_anything_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even the camera, which here takes a connection and says nothing."""
    folder = tmp_path / "folder"
    folder.write_bytes(b"")  # a file, in which even root can make none
    with serving(silent) as hole:
        url = f"rtsp://127.0.0.1:{hole.port}/a"
        for option, name in (("--jsonl", "out.jsonl"), ("--video", "out.mp4")):
            path = str(folder / name)
            assert main(["analyze", url, option, path, "--quiet"]) == ExitCode.USAGE
            complaint = capsys.readouterr().err
            assert complaint.count("\n") == 1, complaint
            assert path in complaint
        assert hole.connections == 0
