"""What every sink that writes a file must do, whichever file it is."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.errors import SinkError
from realtime.report.sink import ReportSink
from realtime.sinks.base import Sink, StatusSink
from realtime.sinks.challenge import ChallengeSink, silent
from realtime.sinks.jsonl import JsonlSink
from realtime.sinks.queued import QueuedSink
from realtime.sinks.video import VideoSink
from realtime.types import RunSummary, SourceState, SourceStatus
from tests.contract.results import arrays, result, run_start, run_summary


@dataclass(frozen=True)
class Kind:
    """One sink: its file name, how to make it, and how many frames a file holds."""

    name: str
    make: Callable[[Path], Sink]
    frames_in: Callable[[Path], int]


def lines_with_face(path: Path) -> int:
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return sum(record["type"] == "face" for record in records)


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def told_of(path: Path) -> int:
    rows = re.findall(r">Analysed</th><td[^>]*>(\d+)", path.read_text("utf-8"))
    return sum(int(row) for row in rows)


def seen_by_challenges(path: Path) -> int:
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert {record["outcome"] for record in records} == {"unclear"}
    return sum(record["frames"] for record in records)


class Queued(QueuedSink):
    """As in a live run, but with room for all, and errors of its sink are raised at the end."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink, self._tell_later, capacity=1000, finish_timeout_s=60, owned=True)
        self.error: Exception | None = None

    def _tell_later(self, error: Exception) -> None:
        self.error = error

    def finish(self, summary: RunSummary, timeout_s: float | None = None) -> None:
        super().finish(summary, timeout_s)
        if self.error is not None:
            raise self.error

    def close(self, timeout_s: float | None = 60) -> None:
        super().close(timeout_s)


KINDS = [
    Kind("out.jsonl", JsonlSink, lines_with_face),
    Kind("queued.jsonl", lambda path: Queued(JsonlSink(path)), lines_with_face),
    Kind("queued.mp4", lambda path: Queued(VideoSink(path)), pictures),
    Kind("out.mp4", VideoSink, pictures),
    Kind("out.mkv", lambda path: VideoSink(path, heat=True), pictures),
    Kind("out.webm", VideoSink, pictures),
    Kind("asked.jsonl", lambda path: ChallengeSink(silent, path), seen_by_challenges),
    Kind(
        "guided.jsonl",
        lambda path: Queued(ChallengeSink(silent, path, colours=True)),
        seen_by_challenges,
    ),
    Kind("out.html", ReportSink, told_of),
    Kind("queued.html", lambda path: Queued(ReportSink(path, faces=True)), told_of),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def path(kind: Kind, tmp_path: Path) -> Path:
    return tmp_path / kind.name


@pytest.fixture
def sink(kind: Kind, path: Path) -> Iterator[Sink]:
    made = kind.make(path)
    yield made
    made.close()


def run(sink: Sink, frames: int) -> None:
    sink.start(run_start())
    for index in range(frames):
        sink.write(result(index))
    sink.finish(run_summary(frames))


def test_a_whole_run_is_in_the_file(kind: Kind, path: Path, sink: Sink) -> None:
    run(sink, 30)
    sink.close()
    assert kind.frames_in(path) == 30


def test_after_finish_the_file_can_be_read_before_it_is_closed(
    kind: Kind, path: Path, sink: Sink
) -> None:
    run(sink, 30)
    # A muxer that gathers clusters may hold the newest one back for a tenth of a second.
    assert kind.frames_in(path) >= 27


def test_runs_follow_each_other_in_one_file(kind: Kind, path: Path, sink: Sink) -> None:
    run(sink, 10)
    run(sink, 10)
    sink.close()
    assert kind.frames_in(path) == 20


def test_what_was_written_before_an_abort_is_kept(kind: Kind, path: Path, sink: Sink) -> None:
    sink.start(run_start())
    for index in range(12):
        sink.write(result(index))
    sink.close()
    assert kind.frames_in(path) == 12


def test_frames_without_a_face_are_taken(path: Path, sink: Sink) -> None:
    sink.start(run_start())
    sink.write(result(0, face=False))
    sink.finish(run_summary(1))
    sink.close()
    assert path.stat().st_size > 0


def test_a_run_without_frames_is_taken(sink: Sink) -> None:
    run(sink, 0)
    sink.close()


def test_closing_again_or_before_the_start_does_nothing(sink: Sink) -> None:
    sink.close()
    sink.close()


def test_a_closed_sink_takes_nothing_more(sink: Sink) -> None:
    run(sink, 2)
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        sink.write(result(2))
    with pytest.raises(SinkError, match="closed"):
        sink.start(run_start())


def test_closing_ends_every_thread(sink: Sink) -> None:
    run(sink, 5)
    sink.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("fw-")]


def test_results_stay_as_they_are(sink: Sink) -> None:
    results = [result(index) for index in range(4)]
    before = arrays(results)
    sink.start(run_start())
    for each in results:
        sink.write(each)
    sink.finish(run_summary(4))
    for old, new in zip(before, arrays(results), strict=True):
        np.testing.assert_array_equal(old, new)


def test_states_a_reconnect_and_a_new_size_are_taken(kind: Kind, path: Path, sink: Sink) -> None:
    sink.start(run_start())
    for state in SourceState:
        if isinstance(sink, StatusSink):
            sink.status(SourceStatus("test", state, 0.0, 1, 2, 3.0, "timeout", "No answer."))
    sink.write(result(0, time_s=900.0))
    sink.write(result(1, time_s=1.0, epoch=1, size=(320, 240)))
    sink.write(result(2, time_s=5000.0, epoch=1, size=(96, 64)))
    sink.finish(run_summary(3))
    sink.close()
    assert kind.frames_in(path) == 3


@pytest.mark.parametrize("folder", ["missing", "file.txt"])
def test_a_path_that_cannot_be_is_refused_in_one_sentence(
    kind: Kind, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "file.txt").write_text("no folder")
    with pytest.raises(SinkError) as caught:
        kind.make(tmp_path / folder / kind.name)
    assert one_sentence(caught.value, kind.name)


def test_a_folder_in_its_place_is_refused(kind: Kind, path: Path) -> None:
    path.mkdir()
    with pytest.raises(SinkError) as caught:
        kind.make(path)
    assert one_sentence(caught.value, kind.name)


def test_a_file_that_may_not_be_written_is_refused(kind: Kind, path: Path) -> None:
    path.write_text("precious")
    path.chmod(0o444)
    with as_nobody(), pytest.raises(SinkError) as caught:
        kind.make(path)
    assert one_sentence(caught.value, kind.name)
    assert path.read_text() == "precious"


def test_a_full_disk_is_told(kind: Kind, path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    path.symlink_to(full)
    sink = kind.make(path)
    try:
        with pytest.raises(SinkError) as caught:
            run(sink, 60)
    finally:
        sink.close()
    assert one_sentence(caught.value, kind.name)
    assert "space" in str(caught.value)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of the administrator, who may write read-only files."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("the administrator cannot become another user here")
    try:
        yield
    finally:
        os.seteuid(0)


def one_sentence(error: SinkError, name: str) -> bool:
    text = str(error)
    return name in text and "\n" not in text and text.endswith(".") and "Traceback" not in text
