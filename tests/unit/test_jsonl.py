"""The JSON Lines format, against its description in docs/jsonl.md."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from realtime.errors import ExitCode, OutputClosed, SinkError
from realtime.sinks.jsonl import SCHEMA, JsonlSink
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
    TrackSummary,
    VerdictState,
)
from tests.contract import results

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
    sink.write(result())
    sink.finish(summary())
    records = {record["type"]: record for record in lines(stream)}
    assert [r["type"] for r in lines(stream)] == ["run_start", "face", "track_end", "run_end"]
    sections = DOCUMENT.read_text("utf-8").split("\n## `")[1:]
    for section in sections:
        kind = section.split("`")[0]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        documented = {name.strip("` ") for row in rows for name in row.split(",")}
        assert set(records[kind]) == documented | {"schema", "type"}, kind
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
    assert face["cues"] == [{"name": "blink", "value": 0.2, "llr": 0.1, "text": CUE.text}]
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
