"""The JSON Lines format, against its description in docs/jsonl.md."""

from __future__ import annotations

import io
import json
import math
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime.errors import ExitCode, OutputClosed, SinkError
from realtime.sinks.challenge import ChallengeSink
from realtime.sinks.jsonl import SCHEMA, JsonlFile, JsonlSink
from realtime.types import (
    VIEWS,
    Cue,
    DropCause,
    FaceQuality,
    FrameCounts,
    FrameResult,
    ModelInfo,
    Obstacle,
    RunStart,
    RunSummary,
    SourceState,
    SourceStatus,
    TrackSummary,
    VerdictState,
    WallClock,
)
from tests.contract import results
from tests.odd_credentials import ODD, Odd, leaks

DOCUMENT = Path(__file__).parents[2] / "docs" / "jsonl.md"
TRACK = TrackSummary(1, 0, 0.5, 9.25, VerdictState.STRONG, 0.81234, 6.5, {Obstacle.TOO_SMALL: 1.25})
COUNTS = FrameCounts(10, 8, {DropCause.DECODE_ERROR: 2})
CUE = Cue("blink", 0.2, 0.1, 0.5, 20.0, "12 blinks a minute")


def run_start(name: str = "clip.mp4") -> RunStart:
    start = results.run_start()
    return replace(
        start,
        source=replace(start.source, name=name),
        model=ModelInfo("detector", "ab" * 32, "CPU"),
    )


def result(probability: float = 0.7, ended: tuple[TrackSummary, ...] = ()) -> FrameResult:
    base = results.result(5, time_s=1.25)
    score = replace(next(iter(base.scores.values())), probability=probability)
    return replace(base, scores={1: score}, cues={1: (CUE,)}, ended=ended, counts=COUNTS)


def summary(error: str | None = None) -> RunSummary:
    return RunSummary(COUNTS, (TRACK,), TRACK, 3.0, 8.75, error)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_record_has_exactly_the_documented_fields() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.start(run_start())
    sink.status(SourceStatus("file", SourceState.LIVE, 0.0))
    sink.write(replace(result(), frame=results.result(5, size=(64, 48)).frame))
    sink.finish(summary())
    ChallengeSink(lambda _line: None, JsonlFile(stream)).finish(summary())
    records = {record["type"]: record for record in lines(stream)}
    kinds = ["run_start", "source_state", "picture", "face", "track_end", "run_end", "challenge"]
    assert [r["type"] for r in lines(stream)] == kinds
    sections = DOCUMENT.read_text("utf-8").split("\n## `")[1:]
    for section in sections:
        kind = section.split("`")[0]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        documented = {name.strip("` ") for row in rows for name in row.split(",")}
        assert set(records[kind]) == documented | {"schema", "type", "source_id"}, kind
    assert {section.split("`")[0] for section in sections} == set(kinds)
    assert {record["schema"] for record in records.values()} == {SCHEMA}


def test_values() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.start(run_start())
    sink.write(result())
    sink.finish(summary("It broke."))
    start, face, end_of_track, end = lines(stream)
    assert start["model"] == {"name": "detector", "sha256": "ab" * 32, "provider": "CPU"}
    assert face["box"] == [76.8, 51.2, 38.4, 25.6]
    assert (face["t"], face["frame"], face["track"], face["score"]) == (1.25, 5, 1, 0.7)
    assert (face["state"], face["probability"]) == ("strong", 0.8)
    said = {"name": "blink", "value": 0.2, "llr": 0.1, "confidence": 0.5, "seconds": 20.0}
    assert face["cues"] == [{**said, "text": CUE.text, "details": {}}]
    assert set(face["quality"]) == set(FaceQuality.__slots__)
    assert end_of_track["not_assessable"] == {"too_small": 1.25}
    assert end["frames"] == {"captured": 10, "analysed": 8, "dropped": {"decode_error": 2}}
    assert end["summary"] == {"state": "strong", "probability": 0.8123}
    assert end["tracks"][0]["track"] == 1
    assert end["error"] == "It broke."


def test_views_are_probabilities_by_name_and_null_where_there_are_none() -> None:
    base = result()
    scored = replace(base.scores[1], views=(0.0, math.log(3), -2000.0))
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.write(replace(base, scores={1: scored}))
    sink.write(base)
    sink.write(replace(base, scores={}))
    with_views, without, unscored = (record["views"] for record in lines(stream))
    assert with_views == {"mirrored": 0.5, "compressed": 0.75, "shrunk": 0.0}
    assert list(with_views) == list(VIEWS)
    assert without is None
    assert unscored is None


def test_a_score_tells_the_time_of_its_own_frame() -> None:
    base = result()
    earlier = replace(base.scores[1], time_s=1.0834567)
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.write(replace(base, scores={1: earlier}))
    sink.write(base)
    sink.write(replace(base, scores={}))
    assert [(r["t"], r["score_t"]) for r in lines(stream)] == [
        (1.25, 1.083457),
        (1.25, 1.25),
        (1.25, None),
    ]


def test_a_track_is_ended_once() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.start(run_start())
    sink.write(result(ended=(TRACK,)))
    sink.finish(summary())
    assert [r["type"] for r in lines(stream)].count("track_end") == 1


def test_several_runs_follow_each_other() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    for _ in range(2):
        sink.start(run_start())
        sink.finish(summary())
    kinds = [r["type"] for r in lines(stream)]
    assert kinds == ["run_start", "track_end", "run_end"] * 2


def test_no_record_breaks_a_line_or_carries_a_password() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.start(run_start("rtsp://admin:hunter2@cam\nfake line\u2028x"))
    sink.finish(summary("rtsp://admin:hunter2@cam failed"))
    assert len(stream.getvalue().splitlines()) == 3
    assert "hunter2" not in stream.getvalue()


def test_what_json_cannot_hold_becomes_null() -> None:
    stream = io.StringIO()
    JsonlSink(stream).write(result(probability=math.nan))
    assert lines(stream)[0]["score"] is None


def test_every_record_names_its_source() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.start(replace(run_start(), source_id="door"))
    sink.status(SourceStatus("door", SourceState.LIVE, 0.0))
    sink.write(result())
    sink.finish(summary())
    assert {record["source_id"] for record in lines(stream)} == {"door"}


def test_a_state_says_since_when_and_what_comes_next() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream, clock=lambda: 100.0, wall=lambda: 1_700_000_010.5)
    sink.status(SourceStatus("door", SourceState.LIVE, 90.0))
    trouble = "rtsp://u:hunter2@cam is gone"
    sink.status(
        SourceStatus("door", SourceState.RECONNECTING, 99.75, 3, 2, 104.0, "timeout", trouble)
    )
    live, lost = lines(stream)
    assert live["since"] == "2023-11-14T22:13:20.500Z"
    assert (live["retry_in_s"], live["code"], live["text"]) == (None, None, None)
    assert (lost["state"], lost["since"]) == ("reconnecting", "2023-11-14T22:13:30.250Z")
    assert (lost["epoch"], lost["attempt"], lost["retry_in_s"]) == (3, 2, 4.0)
    assert (lost["code"], lost["text"]) == ("timeout", "rtsp://***@cam is gone")


@pytest.mark.parametrize(
    ("wall_s", "clock", "expected"),
    [
        (None, None, (None, None)),
        (1_700_000_000.25, WallClock.RTCP, ("2023-11-14T22:13:20.250Z", "rtcp")),
        (1_700_000_000.0, WallClock.SYSTEM, ("2023-11-14T22:13:20.000Z", "system")),
        (1e300, WallClock.RTCP, ("1970-01-01T00:00:00.000Z", "rtcp")),
    ],
)
def test_the_wall_clock_of_a_frame(
    wall_s: float | None, clock: WallClock | None, expected: tuple[str | None, str | None]
) -> None:
    stream = io.StringIO()
    base = result()
    JsonlSink(stream).write(
        replace(base, frame=replace(base.frame, wall_s=wall_s, wall_clock=clock))
    )
    (face,) = lines(stream)
    assert (face["wall"], face["wall_clock"]) == expected


def test_a_new_size_is_told_once() -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    sink.start(run_start())
    for index, size in enumerate([(192, 128), (640, 480), (640, 480), (192, 128)]):
        sink.write(results.result(index, size=size, face=False))
    told = [(r["frame"], r["width"], r["height"]) for r in lines(stream)[1:]]
    assert told == [(1, 640, 480), (3, 192, 128)]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_no_odd_credential_is_written(odd: Odd) -> None:
    stream = io.StringIO()
    sink = JsonlSink(stream)
    start = run_start(odd.url)
    config = {"live": {"url": odd.url, "all": [odd.url, {"x": odd.url}]}, "token": "wjz99"}
    sink.start(replace(start, source_id=odd.url, config=config, model=ModelInfo(odd.url, "", "")))
    state = SourceStatus(odd.url, SourceState.FAILED, 0.0, code=odd.url, text=f"no: {odd.url}")
    sink.status(state)
    base = result()
    verdict = replace(base.verdicts[1], reasons=(odd.url,))
    cue = replace(CUE, text=odd.url)
    sink.write(replace(base, verdicts={1: verdict}, cues={1: (cue,)}))
    sink.finish(summary(odd.url))
    assert not leaks(stream.getvalue(), odd)
    assert len(lines(stream)) == 5
    assert "wjz99" not in stream.getvalue()


def test_many_sources_write_whole_lines_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    shared = JsonlFile(path)
    long_text = "x" * 20_000  # more than a pipe or a buffer takes at once

    def run(name: str) -> None:
        sink = JsonlSink(shared)
        sink.start(replace(run_start(), source_id=name))
        for index in range(20):
            sink.status(SourceStatus(name, SourceState.STALLED, 0.0, text=long_text))
            sink.write(results.result(index))
        sink.finish(summary())
        sink.close()

    threads = [threading.Thread(target=run, args=(f"cam{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.close()
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for i in range(4):
        mine = [r for r in records if r["source_id"] == f"cam{i}"]
        assert [r["type"] for r in mine][:3] == ["run_start", "source_state", "face"]
        assert [r["type"] for r in mine][-2:] == ["track_end", "run_end"]
        assert [r["frame"] for r in mine if r["type"] == "face"] == list(range(20))


def test_a_sink_leaves_a_shared_file_open(tmp_path: Path) -> None:
    shared = JsonlFile(tmp_path / "out.jsonl")
    first, second = JsonlSink(shared), JsonlSink(shared)
    first.close()
    second.start(run_start())
    with pytest.raises(SinkError, match="closed"):
        first.start(run_start())
    shared.close()
    with pytest.raises(SinkError, match="closed"):
        second.finish(summary())


def test_two_programs_do_not_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    first = JsonlFile(path)
    first.write(["{}"])
    with pytest.raises(SinkError, match="another program is writing it") as caught:
        JsonlFile(path)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "{}\n"
    first.close()
    JsonlFile(path).close()
    assert path.read_text() == ""


def test_a_pipe_without_a_reader_is_no_wait(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SinkError, match="start the reader first"):
        JsonlFile(path)


def test_a_pipe_gets_everything_however_slow_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = JsonlFile(path)
    lines = [f"{i:06d}" + "y" * 1000 for i in range(300)]
    writer = threading.Thread(target=lambda: [file.write([line]) for line in lines])
    writer.start()
    got = b""
    while len(got) < sum(len(line) + 1 for line in lines):
        with_room = b""
        try:
            with_room = os.read(read, 1500)
        except BlockingIOError:
            writer.join(0.001)
        got += with_room
    writer.join()
    file.close()
    os.close(read)
    assert got.decode().splitlines() == lines


def test_closing_ends_a_write_that_nobody_reads(tmp_path: Path) -> None:
    read, write = os.pipe()
    stream = os.fdopen(write, "w")
    file = JsonlFile(stream)
    failures: list[Exception] = []

    def fill() -> None:
        try:
            while True:
                file.write(["z" * 10_000])
        except SinkError as exc:
            failures.append(exc)

    writer = threading.Thread(target=fill)
    writer.start()
    writer.join(0.5)
    assert writer.is_alive()
    file.close()
    writer.join(10)
    assert not writer.is_alive()
    assert "closed" in str(failures[0])
    assert not stream.closed
    stream.close()
    os.close(read)


@pytest.mark.parametrize("name", ["missing/out.jsonl", "."])
def test_an_unwritable_output_is_known_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match="Cannot write") as caught:
        JsonlSink(tmp_path / name)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_full_disk_is_one_sentence() -> None:
    sink = JsonlSink(Path("/dev/full"))
    with pytest.raises(SinkError, match="No space left"):
        sink.start(run_start())
    sink.close()


def test_a_reader_that_went_away_is_no_complaint(tmp_path: Path) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with pytest.raises(OutputClosed):
        JsonlSink(Gone()).start(run_start())


def test_lines_are_there_before_the_run_ends(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonlSink(path)
    sink.start(run_start())
    sink.write(result())
    assert len(path.read_text("utf-8").splitlines()) == 2
    sink.close()
    sink.close()
    with pytest.raises(SinkError, match="closed"):
        sink.write(result())
