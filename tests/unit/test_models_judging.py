"""Clips as the live program sees them, and what is concluded from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models import evaluate
from models.catalog import Clip
from models.contracts import contract_for
from models.footage import sightings_of_clip
from models.judging import ClipLogits, clip_logits, peak, scorer_judge, torch_judge
from models.networks import build
from realtime.contract import Calibration
from realtime.scorer import OnnxScorer
from realtime.sources.synthetic import write_demo_clip
from realtime.types import FaceQuality
from weights import DETECTOR

GOOD = FaceQuality(200.0, 300.0, 0.0, 0.0, 0.0, 0.0, 0.0, 120.0)
CLIP = Clip(Path("x.mp4"), "test", False, "", "validation")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "demo.mp4"
    write_demo_clip(path, seconds=3.0, size=(480, 270), fps=20)
    return path


def seen(logits: list[float], step_s: float = 0.25) -> ClipLogits:
    count = len(logits)
    return ClipLogits(CLIP, np.arange(count) * step_s, np.array(logits), (GOOD,) * count)


def test_a_clip_gives_the_crops_that_would_be_scored_and_keeps_them(
    demo: Path, tmp_path: Path
) -> None:
    contract = contract_for("cellnet")
    first = sightings_of_clip(demo, contract, tmp_path)
    assert 7 <= len(first.times) <= 14  # four a second and no more
    assert (np.diff(first.times) > 0.2).all()
    assert first.main_track().all()
    assert first.pixels.shape[1:] == (*contract.input.size, 3)
    assert all(quality.size_px > 64 for quality in first.qualities())
    kept = list(tmp_path.glob("*.npz"))
    assert len(kept) == 1
    again = sightings_of_clip(demo, contract, tmp_path)
    assert (again.pixels == first.pixels).all()
    kept[0].write_bytes(b"damaged")
    assert (sightings_of_clip(demo, contract, tmp_path).pixels == first.pixels).all()


def test_torch_and_the_scorer_judge_alike_crop_by_crop(demo: Path, tmp_path: Path) -> None:
    scorer = OnnxScorer(DETECTOR, device="cpu")
    try:
        clips = [Clip(demo, "demo", True, "", "validation")]
        found = clip_logits(scorer_judge(scorer), clips, scorer.contract, tmp_path, lambda _: None)
        pixels = sightings_of_clip(demo, scorer.contract, tmp_path).pixels
        one_by_one = [scorer_judge(scorer)([crop])[0] for crop in pixels]
    finally:
        scorer.close()
    assert len(found) == 1
    np.testing.assert_allclose(found[0].logits, one_by_one, atol=1e-4)
    assert len(found[0].qualities) == len(found[0].times) == len(pixels)


def test_torch_judges_any_number_of_crops() -> None:
    torch.manual_seed(0)
    contract = contract_for("cellnet")
    judge = torch_judge(build("cellnet").eval(), contract)
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (*contract.input.size, 3)).astype(np.uint8) for _ in range(34)]
    assert judge([]).shape == (0,)
    np.testing.assert_allclose(judge(crops)[-1:], judge(crops[-1:]), atol=1e-5)


def test_the_peak_approaches_a_steady_score_and_follows_calibration() -> None:
    plain = Calibration(1.0, 0.0)
    steady = peak(seen([2.0] * 120), plain)
    assert steady is not None
    assert 0.86 < steady < 1 / (1 + np.exp(-2))
    cooler = peak(seen([2.0] * 120), Calibration(2.0, -1.0))
    assert cooler == pytest.approx(0.5, abs=1e-6)


def test_the_peak_finds_the_worst_moment_and_a_moment_is_too_little() -> None:
    plain = Calibration(1.0, 0.0)
    burst = peak(seen([-2.0] * 40 + [3.0] * 40 + [-2.0] * 40), plain)
    lone = peak(seen([-2.0] * 40 + [3.0] + [-2.0] * 40), plain)
    assert burst is not None
    assert lone is not None
    assert burst > 0.8
    # the first word of all is said on little evidence, so it lies nearest to even odds
    assert lone < 0.5
    assert peak(seen([3.0]), plain) is None


@pytest.mark.parametrize(("model", "code"), [("none.onnx", 4), ("text.onnx", 4), (None, 2)])
def test_evaluating_what_is_not_there_is_one_sentence(
    model: str | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    path = DETECTOR if model is None else tmp_path / model
    arguments = ["--model", str(path), "--data", str(tmp_path / "none")]
    assert evaluate.main([*arguments, "--cache", str(tmp_path / "cache")]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
