"""Changed copies of a crop: what they show, how they are scored, and what they are good for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.analysis import Analysis
from realtime.capture import FrameCounter
from realtime.config import Config, SourceConfig
from realtime.contract import ModelContract
from realtime.evaluation.recode import Alteration, Condition
from realtime.faces import FaceTracker
from realtime.scorer import _BATCHES, CUDA, OnnxScorer, load_scorer
from realtime.sources.file import FileSource
from realtime.types import VIEWS, Crop, Frame, Image, ModelInfo, Score, VerdictState
from realtime.views import MIN_SIDE, make_views, score_crops
from tests.conftest import needs_data
from tests.contract import onnx_models

PLACE = np.eye(2, 3, dtype=np.float32)


def crop(pixels: Image, track_id: int = 1, scale: float = 1.0) -> Crop:
    return Crop(track_id, pixels, PLACE * np.float32(scale))


def noise(side: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(60, 196, (side, side, 3)).astype(np.uint8)


def named(made: tuple[Crop, ...]) -> dict[str, Image]:
    return {name: view.pixels for name, view in zip(VIEWS, made, strict=True)}


def test_views_are_read_only_and_of_the_size_of_the_crop() -> None:
    pixels = noise(160)
    kept = pixels.copy()
    for view in make_views(crop(pixels, track_id=7)):
        assert view.pixels.shape == pixels.shape
        assert view.pixels.dtype == np.uint8
        assert view.pixels.flags.c_contiguous
        assert not view.pixels.flags.writeable
        assert view.track_id == 7
        assert not np.array_equal(view.pixels, pixels)
    assert np.array_equal(pixels, kept)


def test_mirrored_is_the_mirror_image() -> None:
    pixels = noise(64)
    assert np.array_equal(named(make_views(crop(pixels)))["mirrored"], pixels[:, ::-1])


def test_a_picture_without_detail_is_not_changed() -> None:
    flat = np.full((160, 160, 3), (40, 120, 200), np.uint8)
    for pixels in named(make_views(crop(flat))).values():
        assert np.abs(pixels.astype(int) - flat).max() <= 2


def test_shrinking_takes_the_finest_detail_and_leaves_the_coarse() -> None:
    stripes = np.zeros((160, 160, 3), np.uint8)
    stripes[:, ::2] = 200
    assert named(make_views(crop(stripes)))["shrunk"].std() < 10
    coarse = np.zeros((160, 160, 3), np.uint8)
    coarse[:, np.arange(160) % 32 < 16] = 200
    assert named(make_views(crop(coarse)))["shrunk"].std() > 90


def test_compression_is_seen_on_the_grid_of_jpeg() -> None:
    # 20 levels from pixel to pixel is what JPEG of this quality no longer keeps.
    rng = np.random.default_rng(0)
    pixels = (120 + rng.normal(0, 6, (160, 160, 1)).round().repeat(3, axis=2)).astype(np.uint8)
    seen = named(make_views(crop(pixels)))["compressed"].astype(float)[..., 1]
    steps = np.abs(np.diff(seen, axis=1)).mean(axis=0)
    on_grid = steps[7::8].mean()
    assert on_grid > 1.2 * np.delete(steps, np.s_[7::8]).mean()


@pytest.mark.parametrize("name", ["compressed", "shrunk"])
def test_a_face_that_was_enlarged_is_changed_at_its_own_size(name: str) -> None:
    small = cv2.GaussianBlur(noise(80), (0, 0), 0.7)
    large = cv2.resize(small, (160, 160), interpolation=cv2.INTER_LINEAR)

    def left(scale: float) -> float:
        seen = named(make_views(crop(large, scale=scale)))[name]
        return float(np.abs(seen.astype(float) - large).mean())

    assert left(2.0) > 1.2 * left(1.0)
    assert left(0.5) == left(1.0)


@pytest.mark.parametrize("side", [16, 32, 48, 380])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_any_size_and_scale_can_be_viewed(side: int, scale: float) -> None:
    pixels = noise(side)[:, : side // 2 + 8]
    for view in make_views(crop(pixels, scale=scale)):
        assert view.pixels.shape == pixels.shape
    if side <= MIN_SIDE:
        assert np.array_equal(named(make_views(crop(pixels)))["shrunk"], pixels)


class SpyScorer:
    """Mean brightness as the score, with what it was asked; ``mute`` values give no number."""

    info = ModelInfo("spy", "0" * 64, "CPU")

    def __init__(self, contract: ModelContract | None = None, mute: Sequence[float] = ()) -> None:
        self.contract = contract or onnx_models.contract()
        self.calls: list[list[Crop]] = []
        self.mute = mute

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        self.calls.append(list(crops))
        return [self._one(c, time_s) for c in crops]

    def close(self) -> None:
        pass

    def _one(self, c: Crop, time_s: float) -> Score | None:
        value = float(c.pixels[0, 0, 0])
        if value in self.mute:
            return None
        cam = np.full((2, 2), value, np.float32)
        return Score(c.track_id, time_s, value, value / 10, 0.5, cam, c.to_crop, (32, 32))


def corner(left: int, right: int) -> Image:
    """A picture whose first pixel is ``left`` and whose last in the row is ``right``."""
    pixels = np.full((32, 32, 3), left, np.uint8)
    pixels[:, 16:] = right
    return pixels


def test_views_are_scored_in_the_same_call_as_their_crops() -> None:
    spy = SpyScorer()
    crops = [crop(corner(10 * i, 10 * i + 5), track_id=i) for i in (4, 9, 2)]
    scores = score_crops(spy, crops, {9, 2}, 1.5)
    (asked,) = spy.calls
    assert [c.track_id for c in asked] == [4, 9, 9, 9, 9, 2, 2, 2, 2]
    assert [s.track_id for s in scores if s] == [4, 9, 2]
    assert scores[0] is not None
    assert scores[0].views == ()
    for found, i in zip(scores[1:], (9, 2), strict=True):
        assert found is not None
        assert (found.time_s, found.logit) == (1.5, 10 * i)
        assert len(found.views) == len(VIEWS)
        assert found.views[VIEWS.index("mirrored")] == pytest.approx((10 * i + 5) / 10)
        assert found.views[VIEWS.index("shrunk")] == pytest.approx(i)
        assert found.cam is not None
        assert np.all(found.cam == 10 * i)


def test_no_crops_ask_for_no_views() -> None:
    spy = SpyScorer()
    assert score_crops(spy, [], (), 0.0) == []
    assert spy.calls == [[]]


def test_what_has_no_number_is_no_score_and_a_view_without_one_is_even_odds() -> None:
    scores = score_crops(SpyScorer(mute=(90.0,)), [crop(corner(90, 20))], {1}, 0.0)
    assert scores == [None]
    (found,) = score_crops(SpyScorer(mute=(20.0,)), [crop(corner(90, 20))], {1}, 0.0)
    assert found is not None
    assert found.views[VIEWS.index("mirrored")] == 0.0
    assert all(math.isfinite(view) for view in found.views)


class SpySession:
    """Stands before a session of ONNX Runtime and keeps the sizes of the batches."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.sizes: list[int] = []

    def run(self, names: list[str], feed: dict[str, Any]) -> Any:
        self.sizes += [len(batch) for batch in feed.values()]
        return self.session.run(names, feed)


@pytest.mark.parametrize("faces", [1, 2, 3, 4, 8, 9])
def test_the_batches_of_a_gpu_are_kept_to(faces: int, tmp_path: Path) -> None:
    scorer = OnnxScorer(onnx_models.save(onnx_models.linear(onnx_models.contract()), tmp_path))
    crops = [crop(noise(32, seed=i), track_id=i) for i in range(faces)]
    expected = score_crops(scorer, crops, range(faces), 0.0)
    spy = SpySession(scorer._session)
    scorer._session, scorer._batches = spy, _BATCHES[CUDA]
    scores = score_crops(scorer, crops, range(faces), 0.0)
    assert set(spy.sizes) <= set(_BATCHES[CUDA])
    # Four pictures a face: one, two, four and eight faces fill a batch, and need no second.
    filled = {1: [4], 2: [8], 3: [16], 4: [16], 8: [32], 9: [32, 4]}
    assert spy.sizes == filled[faces]
    for found, wanted in zip(scores, expected, strict=True):
        assert found is not None
        assert wanted is not None
        assert found.views == pytest.approx(wanted.views, abs=1e-5)
        assert found.log_odds == pytest.approx(wanted.log_odds, abs=1e-5)
    scorer.close()


def test_the_same_frames_give_the_same_views(tmp_path: Path) -> None:
    scorer = OnnxScorer(onnx_models.save(onnx_models.linear(onnx_models.contract()), tmp_path))
    crops = [crop(noise(32))]
    first, second = (score_crops(scorer, crops, {1}, 0.0)[0] for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.views == second.views
    scorer.close()


CLIPS = ("Bryan_Greynolds_1", "Dean_Wiesel_1", "Ewon_Spice_2")
"""Recordings of people that the first detector found suspicious."""

CHANGES = (
    Condition("original", "original"),
    Condition("jpeg50", "jpeg", 50),
    Condition("half", "face", 0.5),
    Condition("flip", "flip"),
)
SECONDS = 4.0
EVERY_S = 0.25


@pytest.fixture(scope="module")
def detector() -> Iterator[OnnxScorer]:
    scorer = load_scorer(Config().scorer)
    yield scorer
    scorer.close()


def read(path: Path) -> list[Frame]:
    frames: list[Frame] = []
    with FileSource(path, SourceConfig()) as source:
        source.open()
        while (frame := source.read()) is not None and frame.time_s < SECONDS:
            if not frames or frame.time_s - frames[-1].time_s >= EVERY_S - 1e-3:
                frames.append(frame)
    return frames


def reached(frames: Sequence[Frame], scorer: OnnxScorer) -> VerdictState:
    """The gravest word that any face gets."""
    config = Config()
    analysis = Analysis(scorer, config, FrameCounter())
    said = [VerdictState.NOT_ASSESSABLE]
    with FaceTracker(config.faces) as tracker:
        for frame in frames:
            result = analysis.analyse(frame, tracker.track(frame))
            said += [verdict.state for verdict in result.verdicts.values()]
    return max(said, key=lambda state: state.rank)


@needs_data
@pytest.mark.parametrize("name", CLIPS)
def test_a_changed_copy_of_a_real_clip_is_not_called_strong(
    name: str, videos: Path, detector: OnnxScorer
) -> None:
    frames = read(videos / "real" / f"DeepFaceLive_input__{name}.mp4")
    states = {}
    for change in CHANGES:
        # A face of 1 px that shall have half of that: everything is shrunk to half.
        alteration = Alteration(change, face_px=1.0)
        changed = []
        for frame in frames:
            image = np.ascontiguousarray(alteration.apply(frame.image))
            image.setflags(write=False)
            changed.append(replace(frame, image=image))
        states[change.name] = reached(changed, detector)
    strong = VerdictState.STRONG.rank
    assert states["original"].rank > 0
    no_worse = all(state.rank < strong for state in states.values())
    assert no_worse or states["original"].rank >= strong, states
