"""Damaged files of every container: no crash, no hang, no bug, no growth; and how that is noticed.

The longer job is ``python -m benchmarks.fuzz --mutations 5000``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import fuzz
from benchmarks.mutate import OPERATIONS, mutated
from realtime.sources.file import FileSource

MUTATIONS = 200
SEED = 1_000_000
"""Others than the longer job begins with."""


def test_no_damage_does_harm(tmp_path: Path) -> None:
    seeds = fuzz.make_seeds(tmp_path / "seeds")
    assert {path.suffix for path in seeds} == set(fuzz.SUFFIXES)
    records = fuzz.run(tmp_path, seeds, range(SEED, SEED + MUTATIONS))
    report = fuzz.report(records)
    assert report["found"] == [], (tmp_path / "stderr.log").read_text("utf-8", "replace")
    assert len(records) == MUTATIONS
    # The damage was such that much was refused, and such that much was played all the same.
    outcomes = Counter(report["outcomes"])
    assert outcomes["played"] > MUTATIONS // 4
    assert outcomes["played"] < MUTATIONS * 0.9
    assert report["frames"] > 5 * MUTATIONS
    assert report["growth"] < 0.1
    done = {name for record in records for name in record["how"].split("+")}
    assert done == {operation.__name__ for operation in OPERATIONS}


def test_a_stream_that_turns_up_in_mid_file_costs_no_picture(tmp_path: Path) -> None:
    # Found by the longer job: PyAV raises this for some packets of a stream that it does not know.
    path = fuzz.make_seeds(tmp_path / "seeds")[-2]
    assert path.suffix == ".ts"
    with FileSource(path, fuzz.CONFIG) as source:
        source.open()
        decoder = source._decoder
        assert decoder is not None
        packets = decoder._packets

        def with_stranger() -> Iterator[object]:
            yield next(packets)
            raise IndexError("list index out of range")

        decoder._packets = with_stranger()
        frames = 0
        while source.read() is not None:
            frames += 1
        assert frames == 25
        assert source.decode_errors == 0


def test_undamaged_seeds_are_played(tmp_path: Path) -> None:
    for path in fuzz.make_seeds(tmp_path / "seeds"):
        assert fuzz.exercise(path) == {"outcome": "played", "frames": 31, "text": ""}, path


def test_a_number_always_makes_the_same_file(tmp_path: Path) -> None:
    whole = [(p.suffix, p.read_bytes()) for p in fuzz.make_seeds(tmp_path / "seeds")]
    first = [mutated(whole, number) for number in range(60)]
    assert [mutated(whole, number) for number in range(60)] == first
    kept = [(p.suffix, p.read_bytes()) for p in fuzz.make_seeds(tmp_path / "seeds")]
    assert kept == whole
    originals = {data for _, data in whole}
    assert sum(data not in originals for _, data, _ in first) > 50


_WORKER = """
import json, os, signal, sys, time
for line in sys.stdin:
    number = int(line)
    open(os.path.join(sys.argv[1], "current.mp4"), "w").write(f"file {number}")
    if number == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 4:
        time.sleep(600)
    if number == 5:
        sys.exit(7)
    outcome = "bug" if number == 6 else "played"
    print(json.dumps({"outcome": outcome, "frames": 1, "text": "", "seconds": 0.1,
                      "rss_mib": 100.0 + number}), flush=True)
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A process that crashes, hangs, leaves and fails at numbers that are known."""
    monkeypatch.setattr(fuzz.Worker.__init__, "__defaults__", (1.0,))
    return [sys.executable, "-c", _WORKER, str(tmp_path)]


def test_crashes_hangs_and_bugs_are_seen_and_kept(tmp_path: Path, command: list[str]) -> None:
    records = fuzz.run(tmp_path, [], range(8), command)
    assert [record["outcome"] for record in records] == [
        "played",
        "played",
        "crash",
        "played",
        "hang",
        "crash",
        "bug",
        "played",
    ]
    report = fuzz.report(records)
    found = {record["number"]: record for record in report["found"]}
    assert found[2]["text"] == "SIGSEGV"
    assert found[4]["text"] == "no answer in 1 s"
    assert found[5]["text"] == "exit code 7"
    for number, record in found.items():
        assert (tmp_path / record["file"]).read_text() == f"file {number}"


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path, command: list[str]) -> None:
    fuzz.run(tmp_path, [], range(2), command)
    results = tmp_path / "results.jsonl"
    results.write_text(results.read_text() + '{"number": 3, "torn')
    records = fuzz.run(tmp_path, [], (0, 1, 3), command)
    assert [record["number"] for record in records] == [0, 1, 3]
    lines = results.read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 3]


def test_growth_is_seen() -> None:
    def record(number: int, rss: float) -> dict[str, object]:
        return {"number": number, "process": 0, "outcome": "played", "frames": 1, "rss_mib": rss}

    grown = fuzz.report([record(i, 100.0 + i) for i in range(100)])
    assert grown["growth"] > 0.5
    flat = fuzz.report([record(i, 60.0 + min(i, 5)) for i in range(100)])
    assert flat["growth"] == 0.0
    assert fuzz.report([])["mutations"] == 0
