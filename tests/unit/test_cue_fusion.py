"""What the witnesses weigh beside the classifier, and what the verdict says of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from realtime.config import VerdictConfig
from realtime.contract import Thresholds
from realtime.cues.fusion import NOTHING, Evidence, Fusion, built_in, read
from realtime.errors import ModelError
from realtime.types import Cue, FaceQuality, Verdict, VerdictState
from realtime.verdict import TrackVerdict
from tests.unit.test_verdict import score

FUSION = Fusion({"blink": 0.5, "head": 1.0, "pulse": 0.0}, limit=1.5)
GOOD = FaceQuality(200.0, 300.0, 0.0, 0.0, 0.0, 0.0, 0.0, 120.0)


def cue(name: str, llr: float) -> Cue:
    return Cue(name, 1.0, llr, 1.0, 20.0, "said so")


def test_witnesses_add_up_by_their_weights() -> None:
    evidence = FUSION.evidence([cue("blink", 0.6), cue("head", -1.0), cue("pulse", 2.0)])
    assert evidence.llr == pytest.approx(0.3 - 1.0)
    assert evidence.reasons == ((1.0, "head: said so"), (0.3, "blink: said so"))


@pytest.mark.parametrize("sign", [1, -1])
def test_all_of_them_together_are_bounded(sign: int) -> None:
    assert FUSION.evidence([cue("blink", 9.0 * sign), cue("head", 9.0 * sign)]).llr == 1.5 * sign


def test_who_cannot_judge_or_is_unknown_adds_nothing() -> None:
    silent = Cue.silent("head", "turned away")
    assert not silent.assessable
    odd = [silent, cue("gossip", 5.0), cue("blink", math.nan)]
    assert FUSION.evidence(odd) == Evidence()
    assert NOTHING.evidence([cue("head", 2.0)]).llr == 0.0


def test_the_weights_that_come_with_the_program_are_within_bounds() -> None:
    fusion = built_in()
    assert 0 < fusion.limit <= 2
    assert all(0 <= weight <= 1 for weight in fusion.weights.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        json.dumps({"weights": {"blink": 2.0}, "limit": 1}),
        json.dumps({"weights": {"blink": -0.1}, "limit": 1}),
        json.dumps({"weights": {"blink": "x"}, "limit": 1}),
        json.dumps({"weights": [], "limit": 1}),
        '{"weights": {}, "limit": NaN}',
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fusion.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"fusion\.json"):
        read(path)
    with pytest.raises(ModelError, match="restore the file"):
        read(tmp_path / "missing.json")


def watched(evidence: Evidence, log_odds: float = 0.5, seconds: float = 12.0) -> Verdict:
    """A face whose every score says the same, with the same evidence beside it."""
    track = TrackVerdict(1, 0, 0.0, VerdictConfig(), Thresholds(0.4, 0.7, 0.9))
    steps = round(seconds * 4)
    for step in range(steps + 1):
        verdict = track.update(step / 4, GOOD, True, score(step / 4, log_odds), evidence)
    return verdict


def test_evidence_moves_the_probability_and_is_told() -> None:
    plain = watched(Evidence())
    moved = watched(Evidence(1.0, ((1.0, "blink: none in 90 s"),)))
    assert plain.probability is not None
    assert moved.probability is not None
    before, after = (math.log(p / (1 - p)) for p in (plain.probability, moved.probability))
    assert after - before == pytest.approx(1.0)
    assert (plain.state, moved.state) == (VerdictState.UNCERTAIN, VerdictState.STRONG)
    assert (plain.evidence, moved.evidence) == (0.0, 1.0)


def test_the_weightiest_reason_comes_first() -> None:
    strong = watched(Evidence(1.0, ((1.0, "blink: none in 90 s"),)), log_odds=2.0)
    assert [reason.split()[0] for reason in strong.reasons] == ["classifier", "blink:"]
    weak = watched(Evidence(1.0, ((1.0, "blink: none in 90 s"),)), log_odds=0.1)
    assert [reason.split()[0] for reason in weak.reasons] == ["blink:", "classifier"]


def test_witnesses_alone_make_no_verdict() -> None:
    track = TrackVerdict(1, 0, 0.0, VerdictConfig(), Thresholds(0.4, 0.7, 0.9))
    for step in range(60):
        verdict = track.update(step / 4, GOOD, True, None, Evidence(1.5))
    assert (verdict.state, verdict.probability) == (VerdictState.NOT_ASSESSABLE, None)
