"""Challenges: what is asked for, when an act is seen, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from realtime.challenge import SPOKEN, Act, Challenge, Observed, Outcome
from tests.conftest import DATA, needs_data

REST = Observed(0.0, True, 0.0, 200.0, 0.0, 0.0, 0.1, 0.01)


def play(act: Act, change: Callable[[Observed, float], Observed], rate: float = 15.0) -> Challenge:
    """Two seconds of rest and some more, then ``change`` given the time since the prompt."""
    challenge = Challenge((act,))
    asked: float | None = None
    for k in range(int(20 * rate)):
        now = k / rate
        seen = replace(REST, time_s=now, log_odds=0.0)
        if challenge.prompt is not None:
            asked = now if asked is None else asked
            seen = change(seen, now - asked)
        challenge.take(seen)
    return challenge


ACTS: dict[Act, Callable[[Observed, float], Observed]] = {
    Act.LEFT: lambda seen, t: replace(seen, yaw=50.0 if t > 3 else 0.0),
    Act.RIGHT: lambda seen, t: replace(seen, yaw=-50.0 if t > 3 else 0.0),
    Act.HAND: lambda seen, t: replace(seen, occlusion=0.4 if 3 < t < 4 else 0.0),
    Act.CHEEK: lambda seen, t: replace(seen, cheeks=0.2 if t > 3 else 0.0),
    Act.CLOSER: lambda seen, t: replace(seen, size_px=300.0 if t > 3 else 200.0),
    Act.PHRASE: lambda seen, t: replace(seen, mouth=0.1 + 0.1 * (t > 3) * (int(t * 6) % 2)),
}


@pytest.mark.parametrize("rate", [8.0, 30.0])
@pytest.mark.parametrize("act", SPOKEN)
def test_an_act_that_is_done_without_a_flaw_passes_and_is_timed(act: Act, rate: float) -> None:
    report = play(act, ACTS[act], rate).report()
    step = report.steps[0]
    assert step.outcome is report.outcome is Outcome.PASS
    assert step.after_s == pytest.approx(3.0, abs=0.8)


@pytest.mark.parametrize("act", SPOKEN)
def test_an_act_that_is_not_seen_is_unclear(act: Act) -> None:
    step = play(act, lambda seen, _: seen).report().steps[0]
    assert (step.outcome, step.after_s) == (Outcome.UNCLEAR, None)


def test_one_odd_number_is_unclear_and_two_are_a_failure() -> None:
    def risen(seen: Observed, t: float) -> Observed:
        return replace(ACTS[Act.LEFT](seen, t), log_odds=5.0)

    def broken(seen: Observed, t: float) -> Observed:
        return replace(risen(seen, t), jump=0.2)

    assert play(Act.LEFT, risen).report().outcome is Outcome.UNCLEAR
    assert play(Act.LEFT, broken).report().outcome is Outcome.FAIL


def test_without_scores_nothing_passes() -> None:
    silent = play(Act.LEFT, lambda seen, t: replace(ACTS[Act.LEFT](seen, t), log_odds=None))
    assert silent.report().outcome is Outcome.UNCLEAR


def test_nothing_is_asked_before_a_face_rests_and_what_was_not_asked_is_unclear() -> None:
    challenge = Challenge()
    for k in range(100):
        challenge.take(Observed(k / 15, False))
    assert challenge.prompt is None
    found = json.loads(challenge.report().as_json())
    assert found["outcome"] == "unclear"
    assert len(found["steps"]) == 6


@needs_data
def test_a_real_person_with_hands_before_the_face_does_not_fail(tmp_path: Path) -> None:
    clip = DATA / "videos" / "real" / "kirichovka_signs__home.mp4"
    done = run_command("watch", str(clip), "--challenge", "--jsonl", str(tmp_path / "out.jsonl"))
    assert done.returncode == 0, done.stderr
    assert "challenge: Please turn your head" in done.stderr
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    found = next(record for record in records if record["type"] == "challenge")
    assert found["outcome"] != "fail"
    assert [step["act"] for step in found["steps"]] == [act.value for act in SPOKEN]


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program where there is no display."""
    without = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    without.pop("QT_QPA_PLATFORM", None)
    command = [sys.executable, "-m", "realtime", *arguments]
    return subprocess.run(
        command, env=without, capture_output=True, text=True, timeout=120, check=False
    )
