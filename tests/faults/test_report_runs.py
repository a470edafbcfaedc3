"""The report of the real program on a real clip: whole, interrupted, without room, side by side."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from benchmarks.memory import loop
from realtime.cli import main
from realtime.errors import ExitCode
from realtime.outputs import LiveOutputs, Wanted
from realtime.sources.synthetic import write_demo_clip
from realtime.types import VerdictState
from tests.contract.clips import make_clip
from tests.faults.test_outputs import analyze, end, one_sentence, small_disk
from tests.unit.report_runs import frame_result, summary
from tests.unit.report_runs import start as run_start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

HOSTILE = "שלום <script>alert(1)<b> '\"&.mp4"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a face, in a file whose name wants to be more than a name."""
    path = tmp_path_factory.mktemp("clip") / HOSTILE
    write_demo_clip(path, 3.0, (320, 240), 20)
    return path


@pytest.fixture(scope="module")
def long(clip: Path) -> Path:
    """Enough of it to be interrupted in."""
    path = clip.with_name("long.mp4")
    loop(clip, path, 2.0)
    return path


def test_files_are_in_one_report_with_their_hashes(clip: Path, tmp_path: Path) -> None:
    blank = make_clip(tmp_path / "blank.mp4", 10)
    out = tmp_path / "out.html"
    options = ["--report", str(out), "--report-faces", "--quiet"]
    assert main(["analyze", str(clip), str(blank), *options]) == ExitCode.OK
    html = out.read_text("utf-8")
    for path in (clip, blank):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in html
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "data:image/jpeg;base64," in html
    assert "No face was found." in html
    assert "of real clips" not in html
    assert "AUC of clips" in html  # what the built-in model is worth where it was measured
    counts = re.findall(r">(Captured|Analysed)</th><td[^>]*>([\d,]+)", html)
    assert counts == [
        ("Captured", "60"),
        ("Analysed", "60"),
        ("Captured", "10"),
        ("Analysed", "10"),
    ]


@pytest.mark.parametrize("ending", ["html", "pdf"])
def test_an_interrupt_loses_nothing(long: Path, tmp_path: Path, ending: str) -> None:
    out, lines = tmp_path / f"out.{ending}", tmp_path / "out.jsonl"
    process = analyze(long, "--report", out, "--jsonl", lines)
    deadline = time.monotonic() + 60
    while not (lines.exists() and lines.read_bytes().count(b'"face"') > 20):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    code, complaint = end(process)
    assert code == ExitCode.INTERRUPTED, complaint
    data = out.read_bytes()
    if ending == "pdf":
        assert data.startswith(b"%PDF-")
        assert data.rstrip().endswith(b"%%EOF")
    else:
        html = data.decode("utf-8")
        assert "The run was ended before its source" in html
        assert "the run was stopped before" in html
        assert html.rstrip().endswith("</html>")
    assert one_sentence(complaint), complaint
    assert {p.name for p in tmp_path.iterdir()} == {out.name, lines.name}


def test_a_disk_without_room_is_one_sentence_and_keeps_the_old_report(
    clip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "disk" / "out.html"
    with small_disk(tmp_path / "disk", 8192) as limit:
        path.write_text("yesterday")
        code, complaint = end(analyze(clip, "--report", path, preexec_fn=limit))
        assert code == ExitCode.USAGE
        assert one_sentence(complaint), complaint
        assert str(path) in complaint
        assert path.read_text() == "yesterday"
        assert os.listdir(path.parent) == ["out.html"]


def test_the_source_itself_is_not_overwritten(clip: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    link = tmp_path / "out.html"
    link.symlink_to(clip)
    assert main(["analyze", str(clip), "--report", str(link), "--quiet"]) == ExitCode.USAGE
    assert clip.read_bytes() == before


@pytest.mark.parametrize("name", ["out.txt", "missing/out.html"])
def test_a_mistake_is_told_before_the_work_begins(
    clip: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(clip), "--report", str(tmp_path / name)]) == ExitCode.USAGE
    found = capsys.readouterr()
    assert one_sentence(found.err)
    assert found.out == ""
    assert not list(tmp_path.iterdir())


def test_a_source_that_cannot_be_opened_leaves_no_report(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    code = main(["analyze", str(tmp_path / "gone.mp4"), "--report", str(out), "--quiet"])
    assert code == ExitCode.SOURCE
    assert not out.exists()


def test_each_live_source_has_a_report_of_its_own(tmp_path: Path) -> None:
    wanted = Wanted(report=tmp_path / "out.html")
    outputs = LiveOutputs(wanted, several=True)
    for name in ("door", "yard"):
        (sink,) = outputs.open(name)
        sink.start(run_start(f"rtsp://user:hunter2@{name}/1", live=True))
        for index in range(3):
            sink.write(frame_result(index, index / 25, {1: VerdictState.STRONG}))
        sink.finish(summary((), 3))
    outputs.close_source("door")
    assert [p.name for p in tmp_path.iterdir()] == ["out-door.html"]
    outputs.close()
    for name in ("door", "yard"):
        html = (tmp_path / f"out-{name}.html").read_text("utf-8")
        assert f"@{name}/1" in html
        assert "hunter2" not in html
        assert "none: this source is no file" in html
