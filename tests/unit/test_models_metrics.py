"""Calibration and thresholds, against values known by other means."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibrate import FALSE_ALARMS, choose_thresholds, fit, main, read_calibration
from realtime.errors import ConfigError, ModelError


def test_calibration_finds_the_temperature_and_the_bias_that_made_the_scores() -> None:
    """Two normal classes of equal spread have log-odds that are linear in the score."""
    rng = np.random.default_rng(1)
    real, fake = rng.normal(1.0, 2.0, 40_000), rng.normal(3.0, 2.0, 40_000)
    found = fit(real, fake)
    # log N(x; 3, 2) - log N(x; 1, 2) = x / 2 - 1
    assert found.temperature == pytest.approx(2.0, rel=0.05)
    assert found.bias == pytest.approx(-1.0, abs=0.05)


def test_each_class_counts_half_however_many_clips_it_has() -> None:
    rng = np.random.default_rng(2)
    real, fake = rng.normal(0, 1, 4000), rng.normal(1, 1, 500)
    assert fit(real, fake).bias == pytest.approx(-0.5, abs=0.1)


def test_a_few_clips_told_apart_perfectly_do_not_make_it_certain() -> None:
    found = fit(np.array([-1.0, -2.0, -3.0]), np.array([1.0, 2.0, 3.0]))
    assert 1 / (1 + np.exp(-(3.0 / found.temperature + found.bias))) < 0.99


def test_a_network_that_knows_nothing_is_not_calibrated() -> None:
    rng = np.random.default_rng(3)
    real, fake = rng.normal(1, 1, 500), rng.normal(0, 1, 500)
    with pytest.raises(ModelError, match="train it longer"):
        fit(real, fake)


@given(st.lists(st.floats(0.01, 0.999), min_size=1, max_size=60))
def test_few_real_clips_reach_strong_and_none_very_strong(peaks: list[float]) -> None:
    found = choose_thresholds(peaks)
    assert 0 < found.uncertain < found.strong < found.very_strong < 1
    if max(peaks) < 0.98:
        assert sum(p >= found.strong for p in peaks) <= FALSE_ALARMS * len(peaks)
        assert len(peaks) >= 39 or max(peaks) < found.strong
        assert all(p < found.very_strong for p in peaks)
    assert found.strong >= 0.75


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"weights": 1}', "\x00", "null"])
def test_a_file_that_is_no_calibration_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no calibration"):
        read_calibration(path)


def test_a_missing_calibration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        read_calibration(tmp_path / "none.json")


def test_calibrating_without_a_checkpoint_ends_with_the_model_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--checkpoint", str(tmp_path / "no.pt"), "--data", str(tmp_path)]
    arguments += ["--runs", str(tmp_path)]
    assert main([*arguments, "--output", str(tmp_path / "c.json")]) == 4
    assert capsys.readouterr().err.count("\n") == 1
    assert json.dumps(list(tmp_path.iterdir())) == "[]"
