"""Pictures for feedback while a run goes on, and where feedback lies."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from realtime.config import Config, FeedbackConfig, from_table
from realtime.errors import ConfigError, SinkError
from realtime.feedback import crops
from realtime.feedback.crops import CropGathering, crop_of
from realtime.feedback.place import default_path, path_of
from realtime.feedback.records import Crop
from realtime.feedback.store import FeedbackStore
from realtime.types import VerdictState
from tests.unit.report_runs import frame_result

STRONG = VerdictState.STRONG


def test_of_a_long_run_few_pictures_are_kept_from_all_over_it() -> None:
    gathering = CropGathering()
    for index in range(400):
        gathering.add(frame_result(index, index / 4, {1: STRONG}), index / 4)
    times = [time_s for time_s, _ in gathering.of(1)]
    assert 3 <= len(times) <= crops.MOST
    assert times[0] < 5
    assert times[-1] > 80
    assert [t for t, _ in gathering.of(1, (times[1], times[2]))] == times[1:3]
    assert gathering.of(2) == ()
    gathering.clear()
    assert gathering.of(1) == ()


def test_memory_is_bounded_and_who_is_seen_now_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "MAX_BYTES", 600_000)
    gathering = CropGathering()
    for index in range(60):
        gathering.add(frame_result(index, float(index), {index: STRONG}), float(index))
    left = [i for i in range(60) if gathering.of(i)]
    assert left[-1] == 59
    assert 1 <= len(left) < 59
    assert left == list(range(left[0], 60))
    sizes = [part.nbytes for i in left for _, part in gathering.of(i)]
    assert sum(sizes) <= 600_000
    # One person alone, larger than there is room for: one picture stays.
    monkeypatch.setattr(crops, "MAX_BYTES", 1000)
    for index in range(60, 70):
        gathering.add(frame_result(index, float(index), {99: STRONG}), float(index))
    assert [i for i in range(100) if gathering.of(i)] == [99]
    assert len(gathering.of(99)) == 1


def test_a_crop_is_the_face_or_nothing() -> None:
    result = frame_result(0, 1.0, {1: STRONG}, image=np.zeros((240, 320, 3), np.uint8))
    found = crop_of(result, 1, 1.0)
    assert found is not None
    assert found.width > 100
    assert crop_of(result, 2, 1.0) is None
    result.faces.boxes[0] = (900, 900, 50, 50)
    assert crop_of(result, 1, 1.0) is None
    gathering = CropGathering()
    gathering.add(result, 1.0)
    assert gathering.of(1) == ()
    assert Crop.whole(1.0, np.zeros((9, 8, 3), np.uint8)).png is not None


def test_the_settings_say_where_feedback_lies(tmp_path: Path) -> None:
    assert path_of(FeedbackConfig()) == default_path()
    assert path_of(FeedbackConfig(place=str(tmp_path / "f"))) == tmp_path / "f"
    assert path_of(FeedbackConfig(place="~/f.sqlite3")) == Path.home() / "f.sqlite3"
    table = {"feedback": {"place": "/x", "keep_days": 30, "crops": True}}
    assert from_table(table).feedback == FeedbackConfig("/x", 30.0, True)
    assert Config().feedback.keep_days == 0
    for days in (-1, 1e9, float("nan")):
        with pytest.raises(ConfigError, match=r"feedback\.keep_days"):
            from_table({"feedback": {"keep_days": days}})


def test_whoever_cannot_wait_says_for_how_long(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite3"
    FeedbackStore(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    before = time.monotonic()
    with pytest.raises(SinkError, match="another program holds the file"):
        FeedbackStore(path, busy_s=0.1, keep_days=1)
    assert time.monotonic() - before < 4.5
    other.close()
