"""Every real and fake clip goes through the whole program: all frames accounted for, a verdict
or a reason for each face. What the verdicts are worth is measured elsewhere."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from realtime.config import Config
from realtime.errors import ExitCode
from realtime.headless import Headless
from realtime.scorer import OnnxScorer, load_scorer
from realtime.sinks.jsonl import JsonlSink
from tests.conftest import DATA, needs_data

CLIPS = sorted(DATA.glob("videos/*/*.mp4"))


@pytest.fixture(scope="module")
def scorer() -> Iterator[OnnxScorer]:
    scorer = load_scorer(Config().scorer)
    yield scorer
    scorer.close()


@needs_data
def test_there_are_clips() -> None:
    assert len(CLIPS) >= 100


@pytest.mark.parametrize(
    "clip",
    [pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in CLIPS]
    or [pytest.param(None, id="none", marks=needs_data)],
)
def test_clip(clip: Path, scorer: OnnxScorer) -> None:
    out = io.StringIO()
    complaints = io.StringIO()
    headless = Headless(scorer, Config(), [JsonlSink(out)], Console(file=complaints))
    assert headless.run([str(clip)]) is ExitCode.OK, complaints.getvalue()
    assert complaints.getvalue() == ""
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    end = records[-1]
    frames = end["frames"]
    assert frames["captured"] == frames["analysed"] + sum(frames["dropped"].values())
    assert frames["dropped"] == {}
    assert end["tracks"]
    for track in end["tracks"]:
        if track["probability"] is None:
            assert track["state"] == "not_assessable"
            # A face that was seen once only has lasted for no time that could be shared out.
            assert track["not_assessable"] or track["first_t"] == track["last_t"]
        else:
            assert track["state"] != "not_assessable"
        lasted = track["last_t"] - track["first_t"]
        accounted = track["assessable_s"] + sum(track["not_assessable"].values())
        assert accounted == pytest.approx(lasted, abs=0.6)
    times = [(r["t"], r["track"]) for r in records if r["type"] == "face"]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
