"""A call's codec: pictures come back in their places, worse, and pairs alike."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from models.codecs import Coding, quantiser, round_trip, round_trip_pairs
from realtime.types import Image

SIZES = ((64, 64), (97, 131), (160, 120), (33, 200), (256, 256), (16, 16))
STILL = Coding("libx264", 30.0, 3, 0.0, 0.0, 0.0, 1)
CODECS = pytest.mark.parametrize("codec", ["libx264", "libvpx"])


def picture(height: int, width: int, seed: int) -> Image:
    """Soft patches of colour with some detail, as faces have."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (height // 16 + 2, width // 16 + 2, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    detail = cv2.GaussianBlur(rng.normal(0, 20, (height, width, 1)), (0, 0), 1.2)
    return np.asarray(np.clip(image + detail[..., None] * 2, 0, 255), np.uint8)


def pictures() -> list[Image]:
    return [picture(*size, seed) for seed, size in enumerate(SIZES)]


def error(one: Image, two: Image) -> float:
    return float(np.abs(one.astype(float) - two).mean())


@CODECS
@pytest.mark.parametrize("moving", [False, True])
def test_every_picture_comes_back_to_its_place(codec: str, moving: bool) -> None:
    how = replace(STILL, codec=codec, quantiser=12.0, frames=4)
    if moving:
        how = replace(how, speed=2.5, zoom=0.006, noise=1.0)
    images = pictures()
    done = round_trip(images, np.random.default_rng(1), how)
    assert len(done) == len(images)
    for image, back in zip(images, done, strict=True):
        assert back.shape == image.shape
        assert back.dtype == np.uint8
        own = error(image, back)
        assert own < 8
        # shifted by one pixel it would fit worse
        for axis in (0, 1):
            assert own < error(np.roll(image, 1, axis)[2:-2, 2:-2], back[2:-2, 2:-2])
            assert own < error(np.roll(image, -1, axis)[2:-2, 2:-2], back[2:-2, 2:-2])


@CODECS
def test_a_lower_rate_leaves_less(codec: str) -> None:
    images = pictures()
    errors = []
    for kbps in (1600, 400, 100, 25):
        how = replace(STILL, codec=codec, quantiser=quantiser(codec, kbps))
        done = round_trip(images, np.random.default_rng(1), how)
        errors.append(np.mean([error(a, b) for a, b in zip(images, done, strict=True)]))
    assert errors == sorted(errors)
    assert errors[-1] > 1.3 * errors[0]


@CODECS
def test_equal_seeds_give_equal_pictures_and_others_do_not(codec: str) -> None:
    how = replace(STILL, codec=codec, speed=2.0, zoom=0.005, noise=1.5)
    first, second, third = (
        round_trip(pictures(), np.random.default_rng(seed), how) for seed in (1, 1, 2)
    )
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert any((a != b).any() for a, b in zip(first, third, strict=True))
    other = round_trip(pictures(), np.random.default_rng(1), replace(how, seed=2))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@CODECS
def test_the_two_of_a_pair_are_coded_alike(codec: str) -> None:
    how = replace(STILL, codec=codec, speed=2.0, zoom=0.005, noise=1.5)
    images = pictures() * 8
    real, fake = round_trip_pairs(images, images, np.random.default_rng(3), how)
    assert len(real) == len(fake) == len(images)
    losses = np.array(
        [[error(i, r), error(i, f)] for i, r, f in zip(images, real, fake, strict=True)]
    )
    assert losses.min() > 0
    # equal pictures differ by what their neighbours in the frame do, and to neither's favour
    assert np.abs(losses[:, 0] - losses[:, 1]).max() < 0.35 * losses.mean()
    assert abs(losses[:, 0].mean() - losses[:, 1].mean()) < 0.03 * losses.mean()


def test_pairs_keep_their_order_and_their_difference() -> None:
    reals = pictures()
    fakes = [image.copy() for image in reals]
    for i, fake in enumerate(fakes):
        fake[4:12, 4:12] = 40 * i
    how = replace(STILL, quantiser=16.0)
    real, fake_back = round_trip_pairs(reals, fakes, np.random.default_rng(3), how)
    for i, (one, two) in enumerate(zip(real, fake_back, strict=True)):
        assert error(one, reals[i]) < 8
        assert error(two, fakes[i]) < 8


def test_the_two_of_a_pair_may_differ_in_size() -> None:
    reals, fakes = [picture(64, 80, 1)], [picture(72, 61, 2)]
    real, fake = round_trip_pairs(reals, fakes, np.random.default_rng(3), STILL)
    assert (real[0].shape, fake[0].shape) == ((64, 80, 3), (72, 61, 3))


def test_a_moving_picture_is_coded_from_the_one_before() -> None:
    """A key frame alone keeps nothing of the frames before; a call does."""
    images = [picture(128, 128, seed) for seed in range(8)]
    rough = replace(STILL, quantiser=40.0, frames=4)
    still, moved = (
        round_trip(images, np.random.default_rng(1), replace(rough, speed=speed))
        for speed in (0.0, 3.0)
    )
    single = round_trip(images, np.random.default_rng(1), replace(rough, frames=1))
    assert any((a != b).any() for a, b in zip(still, moved, strict=True))
    assert any((a != b).any() for a, b in zip(still, single, strict=True))


def test_many_pictures_take_more_than_one_frame() -> None:
    images = [picture(40, 40, seed) for seed in range(150)]
    done = round_trip(images, np.random.default_rng(1), replace(STILL, quantiser=16.0))
    assert len(done) == 150
    assert max(error(a, b) for a, b in zip(images, done, strict=True)) < 10
    assert round_trip([], np.random.default_rng(1), STILL) == []


def test_sizes_that_cannot_be_coded_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="as many fakes as reals"):
        round_trip_pairs([picture(32, 32, 0)], [], rng, STILL)
    with pytest.raises(ValueError, match="992 pixels"):
        round_trip([picture(32, 993, 0)], rng, STILL)


@CODECS
def test_a_lower_rate_asks_for_a_coarser_quantiser(codec: str) -> None:
    values = [quantiser(codec, kbps) for kbps in (3200, 800, 400, 200, 100, 50)]
    assert values == sorted(values)
    assert values[0] < values[1] < values[-1]


def test_harsher_calls_have_less_to_spend() -> None:
    def middle(harshness: float, codec: str) -> float:
        drawn = (Coding.draw(np.random.default_rng(seed), harshness) for seed in range(300))
        return float(np.median([how.quantiser for how in drawn if how.codec == codec]))

    for codec in ("libx264", "libvpx"):
        assert middle(0.0, codec) < middle(0.5, codec) < middle(1.0, codec)
