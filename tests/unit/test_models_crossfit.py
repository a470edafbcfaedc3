"""What networks say of clips they did not see: in numbers, calibrated, and through the engine."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from models import calibrate, checkpoints, crossfit, recipe
from models.calibrate import held_out_error, read_calibration
from models.catalog import Clip
from models.catalog import clips as catalog_clips
from models.contracts import contract_for
from models.crossfit import fold_name, folds_logits, measure, method_name
from models.folds import FOLDS
from models.judging import Change, ClipLogits, Judge, as_view
from realtime.contract import Calibration, ModelContract
from realtime.errors import ConfigError, ModelError
from realtime.types import VIEWS, FaceQuality
from tests.conftest import needs_data
from tests.unit.checkpoint_files import save_constant
from tests.unit.data_folder import linked
from tools import held_out

GOOD = FaceQuality(200.0, 300.0, 0.0, 0.0, 0.0, 0.0, 0.0, 120.0)
METHOD_LOGITS = {"DeepFaceLive": 10.0, "lips": 11.0, "drawn": 12.0}


def clip(name: str, kind: str, fake: bool, pair: str, fold: int) -> Clip:
    split = "train" if kind == "first" else "validation"
    return Clip(Path(name), kind, fake, pair, split, fold=fold)


LIST = [
    clip("a", "input", False, "p", 0),
    clip("b", "DeepFaceLive", True, "p", 0),
    clip("c", "input", False, "q", 1),
    clip("d", "lips", True, "q", 1),
    clip("e", "other", False, "", 2),
    clip("f", "drawn", True, "", 2),
    clip("g", "drawn", True, "", 3),
    clip("h", "first", False, "", 4),
]
SCORES = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 2.5, "e": 1.0, "f": 4.0, "g": 0.5}


def judged(one: Clip, logits: Sequence[float]) -> ClipLogits:
    """A good face every quarter of a second."""
    count = len(logits)
    return ClipLogits(one, np.arange(count) * 0.25, np.array(logits), (GOOD,) * count)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Networks that say their number: that of the fold, or that of the method."""
    for fold in range(FOLDS):
        save_constant(float(fold), tmp_path / fold_name(fold) / "last.pt")
    for method, logit in METHOD_LOGITS.items():
        save_constant(logit, tmp_path / method_name(method) / "last.pt")
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Which clip was judged by which network; the scores are those of `SCORES`."""
    found: list[tuple[str, float]] = []

    def stub(
        judge: Judge,
        clips: Sequence[Clip],
        contract: ModelContract,
        *_: object,
        change: Change | None = None,
    ) -> list[ClipLogits]:
        black = np.zeros((*contract.input.size, 3), np.uint8)
        if change is not None:
            black = change(black, GOOD)
        found.extend((one.path.name, round(float(judge([black])[0]), 3)) for one in clips)
        around = (-1.0, 1.0, math.nan)
        return [judged(one, [SCORES[one.path.name] + d for d in around]) for one in clips]

    monkeypatch.setattr(crossfit, "clip_logits", stub)
    monkeypatch.setattr(crossfit.catalog, "clips", lambda _: LIST)
    return found


def measured(runs: Path) -> dict[str, Any]:
    return measure(runs, runs, runs, lambda _: None)


def test_each_clip_is_judged_by_the_network_without_its_fold(
    runs: Path, asked: list[tuple[str, float]]
) -> None:
    found = folds_logits(runs, runs, runs, lambda _: None)
    assert [one.clip for one in found] == LIST[:-1]  # the last was learned from by all
    assert asked == [(one.path.name, one.fold) for one in LIST[:-1]]


def test_copies_are_judged_instead(runs: Path, asked: list[tuple[str, float]]) -> None:
    found = folds_logits(
        runs, runs, runs, lambda _: None, only=lambda clip: not clip.fake, view="compressed"
    )
    assert [one.clip for one in found] == [one for one in LIST[:-1] if not one.fake]
    assert len(asked) == len(found)


@pytest.mark.parametrize("name", VIEWS)
def test_a_copy_is_what_the_live_program_scores_beside_the_crop(name: str) -> None:
    contract = contract_for("bandnet")
    height, width = contract.input.size
    crop = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    small = replace(GOOD, size_px=40.0)
    copy = as_view(name, contract)(crop, small)
    assert copy.shape == crop.shape
    apart = np.abs(copy.astype(int) - crop).mean()
    assert apart > 20
    large = np.abs(as_view(name, contract)(crop, replace(GOOD, size_px=900.0)).astype(int) - crop)
    assert (large.mean() < apart) == (name != "mirrored")


def test_strong_is_more_than_a_copy_of_a_real_clip_reached(
    runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clips = even_clips(240)
    worse = [replace(one, logits=one.logits + 3.0) for one in clips]

    def judged_as(*_: object, only: Any = None, view: str | None = None) -> list[ClipLogits]:
        found = worse if view == "compressed" else clips
        return [one for one in found if only is None or only(one.clip)]

    monkeypatch.setattr(calibrate, "folds_logits", judged_as)
    assert calibrated(runs, tmp_path / "c.json") == 0
    found = read_calibration(tmp_path / "c.json")
    assert found.thresholds.strong > 0.75


def test_areas_over_all_and_over_pairs(runs: Path, asked: list[tuple[str, float]]) -> None:
    found = measured(runs)
    assert asked
    assert (found["real"], found["fake"]) == (3, 4)
    # of 12 comparisons with 1, 3 and 1 the forgeries win 2, 2, 3 and none
    assert found["all"]["value"] == pytest.approx(7 / 12, abs=1e-4)
    low, high = found["all"]["interval_95"]
    assert low < 7 / 12 < high
    # 2 and 2.5 against 1 and 3
    assert found["pairs"]["count"] == 2
    assert found["pairs"]["auc"]["value"] == 0.5
    assert found["pairs"]["fake_above_its_real"] == 0.5
    live = found["live_swaps_against_own_inputs"]
    assert live == {
        "count": 1,
        "auc": {"value": 1.0, "interval_95": None},
        "fake_above_its_real": 1.0,
    }
    assert found["scores"]["real/c"] == 3.0
    assert found["scores"]["fake/g"] == 0.5
    assert len(found["scores"]) == 7


def test_each_method_is_judged_by_the_network_without_it(
    runs: Path, asked: list[tuple[str, float]]
) -> None:
    found = measured(runs)["without_the_method"]
    assert set(found) == set(METHOD_LOGITS)
    of_methods = {(name, logit) for name, logit in asked if logit >= 10}
    # never the input of another method's forgery
    assert of_methods == {
        *(("b", 10.0), ("a", 10.0), ("e", 10.0)),
        *(("d", 11.0), ("c", 11.0), ("e", 11.0)),
        *(("f", 12.0), ("g", 12.0), ("e", 12.0)),
    }
    assert found["DeepFaceLive"]["auc"]["value"] == 1.0
    assert found["DeepFaceLive"]["pairs"]["fake_above_its_real"] == 1.0
    assert found["lips"]["auc"]["value"] == 0.5  # 2.5 against 3 and 1
    assert found["lips"]["pairs"]["fake_above_its_real"] == 0.0
    assert found["drawn"] == {"clips": 2, "auc": {"value": 0.5, "interval_95": None}}


def test_a_method_without_its_network_is_left_out(
    runs: Path, asked: list[tuple[str, float]]
) -> None:
    (runs / method_name("lips") / "last.pt").unlink()
    assert set(measured(runs)["without_the_method"]) == {"DeepFaceLive", "drawn"}
    assert ("d", 11.0) not in asked


def test_no_pair_has_no_area(
    runs: Path, asked: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossfit.catalog, "clips", lambda _: LIST[4:])
    found = measured(runs)
    assert asked
    assert found["pairs"] == {"count": 0, "auc": None, "fake_above_its_real": None}


def test_one_class_alone_cannot_be_measured(
    runs: Path, asked: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossfit.catalog, "clips", lambda _: [c for c in LIST if c.fake])
    with pytest.raises(ConfigError, match="needs real and forged clips with faces"):
        measured(runs)
    assert asked


def test_a_missing_network_of_a_fold_is_said(runs: Path, asked: list[tuple[str, float]]) -> None:
    (runs / fold_name(2) / "last.pt").unlink()
    with pytest.raises(ModelError, match=f"There is no checkpoint .*{fold_name(2)}"):
        measured(runs)
    assert {name for name, _ in asked} == {"a", "b", "c", "d"}


def even_clips(length: int = 60) -> list[ClipLogits]:
    """In each fold two real clips at -2 and three forged ones at 2."""
    return [
        judged(clip(f"{fold}-{i}", "x", i > 1, "", fold), [2.0 if i > 1 else -2.0] * length)
        for fold in range(FOLDS)
        for i in range(5)
    ]


def test_the_error_is_that_of_folds_not_fitted_to() -> None:
    # two values and two parameters: the fit meets the targets 1 / (8 + 2) and 1 - 1 / (12 + 2)
    assert held_out_error(even_clips()) == pytest.approx((1 / 10 + 1 / 14) / 2, abs=1e-3)


def test_a_fold_that_is_another_shows_in_the_error() -> None:
    turned = [
        replace(one, logits=-one.logits) if one.clip.fold == 0 else one for one in even_clips()
    ]
    assert held_out_error(turned) > held_out_error(even_clips()) + 0.1


Folds = Callable[[list[ClipLogits]], None]


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> Folds:
    """Sets what the networks said of all clips."""

    def put(clips: list[ClipLogits]) -> None:
        monkeypatch.setattr(
            calibrate,
            "folds_logits",
            lambda *_, only=lambda _: True, **__: [c for c in clips if only(c.clip)],
        )

    return put


def calibrated(runs: Path, output: Path) -> int:
    arguments = ["--checkpoint", str(runs / fold_name(0) / "last.pt"), "--runs", str(runs)]
    return calibrate.main([*arguments, "--data", str(runs), "--output", str(output)])


def test_calibrating_writes_what_is_read(
    runs: Path, folds: Folds, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folds(even_clips())
    output = tmp_path / "calibration.json"
    assert calibrated(runs, output) == 0
    found = read_calibration(output)
    state = checkpoints.load(runs / fold_name(0) / "last.pt")
    assert found.weights == checkpoints.fingerprint(state)
    # log-odds of 1 / 12 at -2 and of 16 / 17 at 2
    assert found.calibration.temperature == pytest.approx(4 / math.log(11 * 16), rel=1e-3)
    assert found.calibration.bias == pytest.approx(math.log(16 / 11) / 2, abs=1e-3)
    assert found.thresholds.strong == 0.75  # no real clip comes near
    assert found.thresholds.very_strong == pytest.approx(expit(math.log(3) + 1), abs=1e-3)
    assert "15 forged and 10 real clips" in found.notes
    assert "not fitted to: 0.086" in capsys.readouterr().err


def test_strong_is_more_than_a_real_clip_reached(runs: Path, folds: Folds, tmp_path: Path) -> None:
    clips = even_clips(240)
    clips[0] = replace(clips[0], logits=np.full(240, 2.0))
    folds(clips)
    assert calibrated(runs, tmp_path / "c.json") == 0
    found = read_calibration(tmp_path / "c.json")
    odds = 2 / found.calibration.temperature + found.calibration.bias
    # its verdict comes near to what the score says, and never beyond
    assert 0.75 < found.thresholds.strong <= expit(odds) + 0.011
    assert found.thresholds.strong > expit(odds) - 0.1


@pytest.mark.parametrize(
    ("clips", "code", "sentence"),
    [
        ([c for c in even_clips() if c.clip.fake], 2, "holds no real or no forged clips"),
        (even_clips(1), 2, "No real clip is long enough"),
        ([replace(c, logits=-c.logits) for c in even_clips()], 4, "does not tell forged clips"),
    ],
)
def test_what_cannot_be_calibrated_is_said(
    *,
    clips: list[ClipLogits],
    code: int,
    sentence: str,
    runs: Path,
    folds: Folds,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folds(clips)
    assert calibrated(runs, tmp_path / "c.json") == code
    assert not (tmp_path / "c.json").exists()
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert sentence in error


@pytest.mark.parametrize("option", ["--forged", "--real", "--photos"])
def test_a_recipe_of_too_little_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        recipe.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), option, "1"])
    assert ended.value.code == 2
    assert "must be at least 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_recipe_without_data_or_room_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    missing = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    blocked = ["--data", str(tmp_path), "--out", str(tmp_path / "file" / "out")]
    for arguments, sentence in ((missing, "none"), (blocked, "Cannot write to")):
        assert recipe.main([*arguments, "--cache", str(tmp_path / "cache")]) == 2
        (error,) = capsys.readouterr().err.splitlines()
        assert error.startswith("error: ")
        assert sentence in error


def write_calibration(runs: Path) -> Calibration:
    fitted = Calibration(temperature=2.0, bias=-0.5)
    table = {
        "weights": "x",
        "calibration": {"temperature": fitted.temperature, "bias": fitted.bias},
        "thresholds": {"uncertain": 0.5, "strong": 0.75, "very_strong": 0.9},
        "notes": "made by hand",
    }
    (runs / "calibration.json").write_text(json.dumps(table))
    return fitted


@needs_data
def test_the_engine_reports_each_clip_by_the_network_without_its_fold(
    runs: Path, tmp_path: Path
) -> None:
    chosen = {
        "real": [
            "DeepFaceLive_input__Dean_Wiesel_0.mp4",
            "alpyksl_lipreading__ofke.mp4",
            "liveportrait_hist__d1.mp4",  # learned from by all
        ],
        "fake": ["DeepFaceLive__Dean_Wiesel_0.mp4", "FOMM__tkangxun.mp4"],
    }
    data = linked(tmp_path / "data", chosen)
    fitted = write_calibration(runs)
    output = tmp_path / "report.json"
    arguments = ["--runs", str(runs), "--data", str(data), "--json", str(output), "--no-progress"]
    assert held_out.main([*arguments, "--cache", str(tmp_path / "cache")]) == 0
    found = json.loads(output.read_text("utf-8"))
    assert found["complete"]
    assert not found["failed"]
    assert found["model"]["thresholds"]["strong"] == 0.75
    assert found["model"]["name"].startswith("the networks that left a fold out")
    fold_of = {f"{c.path.parent.name}/{c.path.name}": c.fold for c in catalog_clips(data)}
    assert len(set(fold_of.values())) > 2
    rows = {row["clip"]: row for row in found["results"]}
    assert set(rows) == set(fold_of) - {"real/liveportrait_hist__d1.mp4"}
    for name, row in rows.items():
        expected = fold_of[name] / fitted.temperature + fitted.bias
        assert row["log_odds"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("calibration", "code", "sentence"),
    [(False, 2, "Cannot read the calibration"), (True, 4, "There is no checkpoint")],
)
def test_the_engine_is_not_asked_without_calibration_or_networks(
    *,
    calibration: bool,
    code: int,
    sentence: str,
    tmp_path: Path,
    asked: list[tuple[str, float]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    if calibration:
        write_calibration(tmp_path)
    arguments = ["--runs", str(tmp_path), "--data", str(tmp_path), "--no-progress"]
    assert held_out.main([*arguments, "--cache", str(tmp_path / "cache")]) == code
    assert not asked
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert sentence in error
