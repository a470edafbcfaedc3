"""What witnesses weigh, fitted on clips whose truth is known because they are made up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from models.fusion import LIMIT, crossfit, fit, fused, measure, moments
from models.witnesses import Record, read
from realtime.errors import ConfigError

_RNG = np.random.default_rng(7)


def clip(number: int, *, noise: float = 1.0, silent: bool = False) -> Record:
    """One of two classes by turns; ``good`` tells them apart, ``bad`` does not."""
    fake = bool(number % 2)
    sign = 1.0 if fake else -1.0
    count = 6
    good = sign * 1.0 + noise * _RNG.standard_normal()
    return Record(
        clip=f"{number}.mp4",
        kind="swap" if fake else "call",
        fake=fake,
        pair="",
        group=str(number),
        fold=number // 2 % 5,
        seen=False,
        condition="original",
        times=tuple(i / 2 for i in range(count)),
        log_odds=(math.nan, *(0.3 * sign + 0.8 * _RNG.standard_normal(),) * (count - 1)),
        cues={
            "good": (math.nan if silent else good,) * count,
            "bad": tuple(_RNG.standard_normal(count)),
        },
        values={"good": 1.0, "bad": 1.0},
        texts={"good": "", "bad": ""},
    )


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [clip(number) for number in range(80)]


def test_who_tells_them_apart_weighs_more(records: list[Record]) -> None:
    good, bad = fit(moments(records, ["good", "bad"]))
    assert good > 0.3
    assert good > 3 * bad
    assert 0 <= bad <= 1


def test_two_who_say_the_same_share_their_weight(records: list[Record]) -> None:
    alone = fit(moments(records, ["good"]))
    together = fit(moments(records, ["good", "good"]))
    assert together[0] == pytest.approx(together[1], abs=0.02)
    assert together.max() < alone[0]


def test_who_speaks_against_the_truth_weighs_nothing(records: list[Record]) -> None:
    liar = [
        Record(**{**_fields(one), "cues": {"good": tuple(-x for x in one.cues["good"])}})
        for one in records
    ]
    assert fit(moments(liar, ["good"]))[0] == 0.0


def test_the_fused_odds_are_bounded_and_silence_adds_nothing(records: list[Record]) -> None:
    one = records[1]
    added = fused(one, ["good"], np.array([100.0])) - np.array(one.log_odds)
    assert math.isnan(added[0])
    assert np.abs(added[1:]).max() <= LIMIT + 1e-9
    quiet = clip(1, silent=True)
    same = fused(quiet, ["good"], np.array([1.0]))[1:]
    assert same.tolist() == list(quiet.log_odds[1:])


def test_a_clip_is_fused_by_weights_that_never_saw_its_fold(records: list[Record]) -> None:
    plain = crossfit(records, ["good"])
    changed = [
        Record(**{**_fields(one), "cues": {"good": (50.0,) * 6}}) if one.fold == 3 else one
        for one in records
    ]
    other = crossfit(changed, ["good"])
    own = fit(moments([one for one in records if one.fold != 3], ["good"]))
    assert set(plain) == {one.key for one in records}
    for one in changed:
        if one.fold == 3:
            expected = fused(one, ["good"], own)
            np.testing.assert_allclose(other[one.key][1:], expected[1:])


def test_the_table_says_what_each_is_worth(records: list[Record]) -> None:
    weights, table = measure(records)
    found = table["original"]
    assert weights["good"] > weights["bad"]
    assert found["fusion"]["all"]["value"] > found["classifier"]["all"]["value"]
    assert found["change"]["value"] == pytest.approx(
        found["fusion"]["all"]["value"] - found["classifier"]["all"]["value"], abs=2e-4
    )
    assert found["without"]["good"]["change"]["value"] < found["change"]["value"]
    assert found["alone"]["good"]["all"]["value"] > 0.8 > found["alone"]["bad"]["all"]["value"]
    assert (found["alone"]["good"]["assessable_real"], found["alone"]["good"]["all"]["real"]) == (
        40,
        40,
    )
    assert set(found["fusion"]["methods"]) == {"swap"}
    json.dumps(table, allow_nan=False)


def test_nothing_to_fit_is_said() -> None:
    silent = clip(0)
    silent = Record(**{**_fields(silent), "log_odds": (math.nan,) * 6})
    with pytest.raises(ConfigError, match="said nothing"):
        moments([silent], ["good"])


def test_records_are_read_up_to_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    one = {**_fields(clip(3)), "times": [0.0], "log_odds": [None], "cues": {"good": [None]}}
    line = json.dumps(one)
    path.write_text(f"{line}\n{line[:40]}", "utf-8")
    (found,) = read(path)
    assert found.clip == "3.mp4"
    assert math.isnan(found.log_odds[0])
    assert math.isnan(found.cues["good"][0])
    assert read(tmp_path / "none.jsonl") == []


def _fields(one: Record) -> dict[str, object]:
    return {name: getattr(one, name) for name in Record.__slots__}
