"""What every scorer must do, on tiny models worked out by hand and on the built-in detector."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime.config import ScorerConfig
from realtime.contract import ModelContract
from realtime.crops import to_tensor
from realtime.scorer import OnnxScorer, Scorer, load_scorer
from realtime.types import Crop
from tests.contract.onnx_models import contract, linear, save

BUILT_IN = Path(__file__).resolve().parents[2] / "weights" / "detector.onnx"


@dataclass(frozen=True)
class Case:
    """A contract, the arguments of `linear`, and the logit that a crop's mean colour gives."""

    about: ModelContract
    build: dict[str, Any]
    logit: Callable[[np.ndarray], float]


GRAY = {"input__colour": "gray", "input__mean": (0.0,), "input__std": (1.0,)}
THREE = np.array([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])


def one_against_rest(fake: int) -> Callable[[np.ndarray], float]:
    def logit(rgb: np.ndarray) -> float:
        rest = np.delete(4 * rgb, fake)
        return float(4 * rgb[fake] - np.log(np.exp(rest).sum()))

    return logit


CASES = {
    "logit": Case(contract(), {"bias": -1.0}, lambda rgb: rgb.sum() - 1),
    "flat": Case(contract(), {"flat": True}, lambda rgb: rgb.sum()),
    "cam": Case(contract(output__cam="cam"), {"bias": -1.0}, lambda rgb: rgb.sum() - 1),
    "nhwc": Case(contract(input__layout="nhwc"), {}, lambda rgb: rgb.sum()),
    "rgb": Case(contract(), {"weights": np.array([[5.0, 0, 0]])}, lambda rgb: 5 * rgb[0]),
    "bgr": Case(
        contract(input__colour="bgr"),
        {"weights": np.array([[5.0, 0, 0]])},
        lambda rgb: 5 * rgb[2],
    ),
    "gray": Case(contract(**GRAY), {}, lambda rgb: rgb @ [0.299, 0.587, 0.114]),
    "unscaled": Case(
        contract(input__scale=1.0), {"weights": np.full((1, 3), 0.01)}, lambda rgb: 2.55 * rgb.sum()
    ),
    "normalised": Case(
        contract(input__mean=(0.1, 0.2, 0.3), input__std=(0.5, 0.25, 0.2)),
        {},
        lambda rgb: ((rgb - [0.1, 0.2, 0.3]) / [0.5, 0.25, 0.2]).sum(),
    ),
    "inverted": Case(
        contract(output__invert=True, output__cam="cam"), {"bias": -1.0}, lambda rgb: 1 - rgb.sum()
    ),
    "sigmoid": Case(contract(output__kind="sigmoid"), {"bias": -2.0}, lambda rgb: rgb.sum() - 2),
    "sigmoid inverted": Case(
        contract(output__kind="sigmoid", output__invert=True),
        {"bias": -2.0},
        lambda rgb: 2 - rgb.sum(),
    ),
    "softmax": Case(
        contract(output__kind="softmax", output__fake_index=1),
        {"weights": THREE},
        one_against_rest(1),
    ),
    "softmax of real": Case(
        contract(output__kind="softmax", output__fake_index=2, output__invert=True),
        {"weights": THREE},
        lambda rgb: -one_against_rest(2)(rgb),
    ),
    "logits of classes": Case(
        contract(output__fake_index=2), {"weights": THREE}, one_against_rest(2)
    ),
    "two logits": Case(
        contract(output__fake_index=1),
        {"weights": np.array([[4.0, 0, 0], [0, 4.0, 0]])},
        lambda rgb: 4 * (rgb[1] - rgb[0]),
    ),
    "one at a time": Case(contract(output__cam="cam"), {"batch": 1}, lambda rgb: rgb.sum()),
    "four at a time": Case(contract(output__cam="cam"), {"batch": 4}, lambda rgb: rgb.sum()),
    "calibrated": Case(
        contract(calibration__temperature=2.5, calibration__bias=-0.7), {}, lambda rgb: rgb.sum()
    ),
    "large": Case(contract(input__size=(160, 160)), {}, lambda rgb: rgb.sum()),
    "not square": Case(
        contract(input__size=(32, 64), crop__square=False, output__cam="cam"),
        {},
        lambda rgb: rgb.sum(),
    ),
}

Factory = Callable[[Path], Scorer]


def tiny(name: str) -> Factory:
    case = CASES[name]
    return lambda folder: OnnxScorer(save(linear(case.about, **case.build), folder), device="cpu")


SCORERS: dict[str, Factory] = {name: tiny(name) for name in CASES}
if BUILT_IN.exists():
    SCORERS["built in"] = lambda folder: load_scorer(ScorerConfig(device="cpu"))


@pytest.fixture(params=list(SCORERS))
def scorer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scorer]:
    made = SCORERS[request.param](tmp_path)
    yield made
    made.close()


def crops_for(about: ModelContract, count: int, seed: int = 0) -> list[Crop]:
    """Different colours with some texture, ids that are not in order, matrices of their own."""
    rng = np.random.default_rng(seed)
    result = []
    for i in range(count):
        colour = rng.integers(30, 220, 3)
        noise = rng.integers(-30, 31, (*about.input.size, 3))
        matrix = rng.normal(size=(2, 3)).astype(np.float32)
        result.append(Crop(100 - 7 * i, np.uint8(colour + noise), matrix))
    return result


def test_no_crops_give_no_scores(scorer: Scorer) -> None:
    assert scorer.score([], 1.0) == []


@pytest.mark.parametrize("count", [1, 2, 5, 19])
def test_a_score_belongs_to_its_crop_whatever_the_batch(scorer: Scorer, count: int) -> None:
    crops = crops_for(scorer.contract, count)
    together = scorer.score(crops, 2.5)
    assert len(together) == count
    for crop, score in zip(crops, together, strict=True):
        (alone,) = scorer.score([crop], 2.5)
        assert score is not None
        assert alone is not None
        assert (score.track_id, score.time_s) == (crop.track_id, 2.5)
        assert score.to_crop is crop.to_crop
        assert score.logit == pytest.approx(alone.logit, abs=1e-4)
        assert (score.cam is None) == (alone.cam is None)
        if score.cam is not None and alone.cam is not None:
            assert np.allclose(score.cam, alone.cam, atol=1e-4)
    backwards = scorer.score(crops[::-1], 2.5)
    assert [s.track_id for s in backwards if s] == [c.track_id for c in crops[::-1]]


def test_the_probability_is_the_logistic_of_the_calibrated_log_odds(scorer: Scorer) -> None:
    calibration = scorer.contract.calibration
    for score in scorer.score(crops_for(scorer.contract, 6), 0.0):
        assert score is not None
        assert all(math.isfinite(x) for x in (score.logit, score.log_odds, score.probability))
        want = score.logit / calibration.temperature + calibration.bias
        assert score.log_odds == pytest.approx(want)
        assert score.probability == pytest.approx(1 / (1 + math.exp(-want)))


def test_the_map_lies_on_the_crop(scorer: Scorer) -> None:
    height, width = scorer.contract.input.size
    for score in scorer.score(crops_for(scorer.contract, 3), 0.0):
        assert score is not None
        assert score.crop_size == (width, height)
        assert (score.cam is not None) == bool(scorer.contract.output.cam)
        if score.cam is not None:
            assert score.cam.dtype == np.float32
            assert not score.cam.flags.writeable
            assert 1 <= score.cam.shape[0] <= height
            assert 1 <= score.cam.shape[1] <= width


def test_the_model_says_who_it_is(scorer: Scorer) -> None:
    assert scorer.info.name == scorer.contract.name
    assert scorer.info.provider == "CPU"
    assert len(scorer.info.sha256) == 64


def test_crops_are_left_alone(scorer: Scorer) -> None:
    crops = crops_for(scorer.contract, 2)
    before = [crop.pixels.copy() for crop in crops]
    for crop in crops:
        crop.pixels.setflags(write=False)
    scorer.score(crops, 0.0)
    assert all(np.array_equal(a, b.pixels) for a, b in zip(before, crops, strict=True))


def test_it_closes_twice(scorer: Scorer) -> None:
    scorer.close()
    scorer.close()


@pytest.mark.parametrize("name", list(CASES))
def test_the_logit_is_what_the_colours_say(name: str, tmp_path: Path) -> None:
    """Proves the colour order, the scale and the kind of output from end to end."""
    case = CASES[name]
    scorer = tiny(name)(tmp_path)
    crops = crops_for(case.about, 9, seed=3)
    for crop, score in zip(crops, scorer.score(crops, 0.0), strict=True):
        assert score is not None
        rgb = crop.pixels.reshape(-1, 3).mean(axis=0)[::-1] / 255
        # Gray is rounded to whole values before it is averaged.
        assert score.logit == pytest.approx(case.logit(rgb), abs=1e-3)


def test_the_map_averages_to_the_logit_and_shows_where(tmp_path: Path) -> None:
    about = contract(output__cam="cam", input__size=(64, 64))
    scorer = OnnxScorer(save(linear(about, bias=-0.5), tmp_path), device="cpu")
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[48:, :16] = 255
    (score,) = scorer.score([Crop(1, pixels, np.eye(2, 3, dtype=np.float32))], 0.0)
    assert score is not None
    assert score.cam is not None
    assert score.cam.shape == (4, 4)
    assert score.cam.mean() - 0.5 == pytest.approx(score.logit, abs=1e-5)
    want = np.zeros((4, 4))
    want[3, 0] = 3
    assert np.allclose(score.cam, want, atol=1e-5)


def test_the_map_turns_its_sign_with_the_output(tmp_path: Path) -> None:
    about = contract(output__cam="cam", output__invert=True)
    scorer = OnnxScorer(save(linear(about), tmp_path), device="cpu")
    (score,) = scorer.score(crops_for(about, 1), 0.0)
    assert score is not None
    assert score.cam is not None
    assert score.cam.max() < 0
    assert score.cam.mean() == pytest.approx(score.logit, abs=1e-4)


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_saturated_probabilities_stay_finite(kind: str, tmp_path: Path) -> None:
    weights = {"sigmoid": np.full((1, 3), 1e3), "softmax": np.array([[1e3] * 3, [-1e3] * 3])}
    about = contract(output__kind=kind)
    scorer = OnnxScorer(save(linear(about, weights=weights[kind]), tmp_path), device="cpu")
    (score,) = scorer.score(crops_for(about, 1), 0.0)
    assert score is not None
    assert 15 < score.logit < 17


def test_large_log_odds_do_not_overflow(tmp_path: Path) -> None:
    about = contract()
    for weight, want in ((1e5, 1.0), (-1e5, 0.0)):
        model = linear(about, weights=np.full((1, 3), weight))
        (score,) = OnnxScorer(save(model, tmp_path), device="cpu").score(crops_for(about, 1), 0.0)
        assert score is not None
        assert score.probability == want


def test_the_built_in_detector_is_pinned_and_used_by_default() -> None:
    if not BUILT_IN.exists():
        pytest.skip(f"no weights at {BUILT_IN}")
    scorer = load_scorer(ScorerConfig(device="cpu"))
    text = BUILT_IN.with_suffix(".json").read_text("utf-8")
    assert ModelContract.from_json(text) == (scorer.contract, scorer.info.sha256)
    batch = to_tensor([crop.pixels for crop in crops_for(scorer.contract, 2)], scorer.contract)
    assert batch.shape == (2, *scorer.contract.input.shape)
    scorer.close()
