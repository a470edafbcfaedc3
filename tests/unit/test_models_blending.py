"""Blends and the life of a picture: what they change, and what they must leave alone."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import masks
from models.augment import Jitter, Life, jpeg, resample
from models.blending import Blend, blend, self_blend
from realtime.types import Image

SEEDS = st.integers(0, 2**31 - 1)


def head(size: int = 200) -> tuple[Image, masks.FloatArray]:
    """A textured picture and 468 points that fill an ellipse, the outline last to first."""
    rng = np.random.default_rng(5)
    image = cv2.GaussianBlur(rng.integers(0, 256, (size, size, 3)).astype(np.uint8), (0, 0), 2)
    angle = rng.uniform(0, 2 * np.pi, masks.POINTS)
    radius = np.sqrt(rng.uniform(0, 1, masks.POINTS)) * size * 0.3
    points = size / 2 + np.stack((radius * np.cos(angle), 1.2 * radius * np.sin(angle)), 1)
    return np.asarray(image, np.uint8), points.astype(np.float32)


@given(SEEDS, st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_a_blend_stays_inside_the_face_and_changes_nothing_outside(
    seed: int, difficulty: float
) -> None:
    image, points = head()
    how = replace(Blend.draw(np.random.default_rng(seed), difficulty), real_is_upper=False)
    lower, fake, weight = self_blend(image, points, how)
    reach = int(np.ceil(how.elastic * 150)) + 1
    allowed = cv2.dilate(masks.hull(points, (200, 200), "face"), np.ones((2 * reach + 1,) * 2))
    assert lower.shape == fake.shape == image.shape
    assert fake.dtype == np.uint8
    assert 0 <= weight.min() <= weight.max() <= how.ratio + 1e-6
    assert not weight[allowed == 0].any()
    assert (fake[weight == 0] == lower[weight == 0]).all()


def test_a_ratio_of_zero_gives_the_lower_layer() -> None:
    image, points = head()
    drawn = Blend.draw(np.random.default_rng(3), 0.0)
    lower, fake, weight = self_blend(image, points, replace(drawn, ratio=0.0, real_is_upper=False))
    assert not weight.any()
    assert (fake == lower).all()


def test_full_weight_gives_the_upper_layer_and_half_the_mean() -> None:
    lower = np.full((4, 4, 3), 100, np.uint8)
    upper = np.full((4, 4, 3), 51, np.uint8)
    assert (blend(lower, upper, np.ones((4, 4), np.float32)) == 51).all()
    assert (blend(lower, upper, np.full((4, 4), 0.5, np.float32)) == 76).all()


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_equal_seeds_give_equal_pairs_and_others_do_not(difficulty: float) -> None:
    image, points = head()
    made = [
        self_blend(image, points, Blend.draw(np.random.default_rng(seed), difficulty))
        for seed in (1, 1, 2)
    ]
    for same, other in zip(made[0], made[1], strict=True):
        assert (same == other).all()
    assert any((a != b).any() for a, b in zip(made[0], made[2], strict=True))


def test_the_real_picture_is_one_whole_layer() -> None:
    image, points = head()
    drawn = replace(Blend.draw(np.random.default_rng(8), 0.0), region="face", ratio=1.0)
    low, fake, weight = self_blend(image, points, replace(drawn, real_is_upper=False))
    high, again, _ = self_blend(image, points, replace(drawn, real_is_upper=True))
    assert (fake == again).all()
    assert (fake[weight == 0] == low[weight == 0]).all()
    whole = weight > 0.9999
    assert whole.any()
    assert (fake[whole] == high[whole]).all()


def test_easy_blends_are_plainer_than_hard_ones() -> None:
    image, points = head()

    def change(difficulty: float) -> float:
        drawn = (Blend.draw(np.random.default_rng(seed), difficulty) for seed in range(60))
        pairs = (self_blend(image, points, replace(b, real_is_upper=False)) for b in drawn)
        return float(
            np.mean([np.abs(f.astype(float) - r)[w > 0.3].mean() for r, f, w in pairs if w.any()])
        )

    assert change(0.0) > 1.3 * change(1.0)


@pytest.mark.parametrize("region", sorted(masks.REGIONS))
def test_every_region_is_part_of_the_face(region: str) -> None:
    _, points = head()
    part, whole = (masks.hull(points, (200, 200), name) for name in (region, "face"))
    assert part.any()
    assert (part <= whole).all()


def test_softening_never_leaves_the_outline() -> None:
    _, points = head()
    mask = masks.hull(points, (200, 200), "face")
    soft = masks.soften(mask, 3.0, 8.0)
    assert not soft[mask == 0].any()
    assert 0 < soft[mask > 0].min() + 1e-6 < soft.max() <= 1
    assert len(np.unique(soft)) > 20


def test_the_same_life_does_the_same_to_both_of_a_pair() -> None:
    image, _ = head()
    for seed in range(20):
        life = Life.draw(np.random.default_rng(seed), 1.0, 0.3)
        one, two = life.apply(image), life.apply(image.copy())
        assert (one == two).all()
        assert one.dtype == np.uint8
        assert abs(one.shape[0] - 200 * life.scale) <= 1
        assert life.scale >= 0.3


def test_a_life_never_shrinks_below_its_bound() -> None:
    drawn = [Life.draw(np.random.default_rng(seed), 1.0, 0.9).scale for seed in range(100)]
    assert min(drawn) >= 0.9
    assert max(Life.draw(np.random.default_rng(s), 1.0, 5.0).scale for s in range(20)) == 1.0


@pytest.mark.parametrize(
    "texture", ["resample", "blur", "sharpen", "noise", "jpeg", "denoise", "none"]
)
def test_every_texture_keeps_size_and_changes_what_it_says(texture: str) -> None:
    image, _ = head()
    jitter = Jitter((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 1.0, texture, 0.8, 4)
    changed = jitter.apply(image)
    assert changed.shape == image.shape
    energy = [cv2.Laplacian(p, cv2.CV_64F).var() for p in (changed, image)]
    if texture == "none":
        assert (changed == image).all()
    elif texture == "jpeg":
        assert 0 < np.abs(changed.astype(float) - image).mean() < 20
    elif texture in ("sharpen", "noise"):
        assert energy[0] > 1.2 * energy[1]
    else:
        assert energy[0] < energy[1]


def test_colour_jitter_moves_channels_as_told() -> None:
    grey = np.full((8, 8, 3), 100, np.uint8)
    changed = Jitter((1.1, 1.0, 0.9), (0.0, 5.0, 0.0), 1.0, "none", 0.5, 0).apply(grey)
    assert changed[0, 0].tolist() == [110, 105, 90]


def test_codecs_and_resampling_keep_the_picture_recognisable() -> None:
    image, _ = head()
    for changed in (jpeg(image, 60, subsample=True), resample(image, 0.5)):
        assert changed.shape == image.shape
        assert np.corrcoef(changed.ravel(), image.ravel())[0, 1] > 0.8
