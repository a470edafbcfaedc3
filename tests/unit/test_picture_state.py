"""When a picture is called black, frozen or withheld, and when it must not be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from realtime.config import LiveConfig
from realtime.picture_state import PictureWatch, is_black, text_of
from realtime.sources.address import SourceKind
from realtime.types import Clock, Frame, Image, SourceState

CONFIG = LiveConfig(black_s=2.0, frozen_s=5.0)
SHAPE = (180, 320, 3)
RATE = 10.0


def frame(image: Image, time_s: float, epoch: int = 0) -> Frame:
    image.setflags(write=False)
    return Frame("cam", epoch, 0, time_s, 1000.0, None, Clock.PTS, image)


def states(
    images: Iterable[Image],
    times: Iterable[float] | None = None,
    kind: SourceKind | None = None,
) -> list[SourceState | None]:
    watch = PictureWatch(CONFIG, kind)
    times = itertools.count() if times is None else times
    return [
        watch.look(frame(image, time_s / RATE if isinstance(time_s, int) else time_s))
        for image, time_s in zip(images, times, strict=False)
    ]


def plain(level: int, shape: tuple[int, ...] = SHAPE) -> Image:
    return np.full(shape, level, np.uint8)


def noisy(mean: float, deviation: float, count: int, seed: int = 0) -> list[Image]:
    random = np.random.default_rng(seed)
    return [
        np.clip(random.normal(mean, deviation, SHAPE), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


def room(mean: float, deviation: float, count: int) -> list[Image]:
    """A room with a window in the far corner, behind the noise of a sensor."""
    light = np.zeros(SHAPE, np.float32)
    light[40:100, 200:280] = 12
    return [
        np.clip(image + light, 0, 255).astype(np.uint8) for image in noisy(mean, deviation, count)
    ]


@pytest.mark.parametrize("level", [0, 16, 20])
def test_black_is_told_after_its_time_and_ends_at_once(level: int) -> None:
    found = states([plain(level)] * 25 + noisy(120, 20, 1))
    assert found[:20] == [None] * 20
    assert found[20:25] == [SourceState.BLACK] * 5
    assert found[25] is None


def test_a_covered_lens_is_black_although_its_sensor_is_noisy() -> None:
    images = [image.copy() for image in noisy(6, 5, 40)]
    for image in images:
        image[50, 60] = 255  # a faulty pixel
    assert states(images)[-1] is SourceState.BLACK


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(room(3, 4, 60), id="a dark room with a window"),
        pytest.param(noisy(40, 6, 60), id="dim"),
        pytest.param(noisy(128, 60, 60), id="noise"),
    ],
)
def test_dark_is_not_black(images: list[Image]) -> None:
    assert set(states(images)) == {None}


def test_a_few_lights_in_the_night_are_not_black() -> None:
    images = noisy(2, 2, 60)
    for image in images:
        for x in range(10, 310, 20):
            cv2.circle(image, (x, 90), 3, (255, 255, 255), -1)
    assert set(states(images)) == {None}


def test_a_fade_is_no_black_picture() -> None:
    random = np.random.default_rng(1)
    scene = random.integers(0, 256, SHAPE).astype(np.float32)
    gains = np.concatenate([np.linspace(1, 0, 30), np.zeros(5), np.linspace(0, 1, 30)])
    assert set(states([(scene * g).astype(np.uint8) for g in gains])) == {None}


def test_frozen_is_told_after_its_time_and_ends_at_once() -> None:
    still = noisy(120, 40, 1)
    found = states(still * 55 + noisy(120, 40, 1, seed=9) + still * 2)
    assert found[:50] == [None] * 50
    assert found[50:55] == [SourceState.FROZEN] * 5
    assert found[55:] == [None] * 3


def test_one_changed_pixel_in_a_sampled_row_is_a_change() -> None:
    images = noisy(120, 40, 1) * 60
    images = [image.copy() for image in images]
    step = SHAPE[0] // 90
    for number, image in enumerate(images):
        image[10 * step, 17] = number
    assert set(states(images)) == {None}


def test_a_black_picture_that_stands_still_is_black() -> None:
    assert states([plain(0)] * 80)[-1] is SourceState.BLACK


@pytest.mark.parametrize(
    ("kind", "level", "state"),
    [
        (SourceKind.WINDOW, 0, SourceState.PROTECTED),
        (SourceKind.WINDOW, 12, SourceState.BLACK),
        (SourceKind.SCREEN, 0, SourceState.BLACK),
        (SourceKind.CAMERA, 0, SourceState.BLACK),
        (SourceKind.STREAM, 0, SourceState.BLACK),
    ],
)
def test_only_a_plain_black_window_is_withheld(
    kind: SourceKind, level: int, state: SourceState
) -> None:
    assert states([plain(level)] * 30, kind=kind)[-1] is state


def test_black_that_becomes_noisy_counts_anew_only_where_it_is_another_thing() -> None:
    withheld, dark = [plain(0)] * 15, noisy(6, 3, 15)
    assert states(withheld + dark, kind=SourceKind.WINDOW)[-1] is None
    assert states(withheld + dark)[-1] is SourceState.BLACK


def test_it_is_time_that_counts_not_frames() -> None:
    assert states([plain(0)] * 200, [i / 200 for i in range(200)])[-1] is None
    assert states([plain(0)] * 4, [0.0, 0.8, 1.6, 2.4])[-1] is SourceState.BLACK


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([0.0, 0.1, 3600.0, 3600.1], id="forward"),
        pytest.param([3600.0, 3600.1, 0.0, 0.1], id="backward"),
    ],
)
def test_a_jump_of_the_clock_is_no_time_that_passed(times: list[float]) -> None:
    assert set(states([plain(0)] * 4, times)) == {None}


def test_a_new_connection_and_another_size_begin_anew() -> None:
    watch = PictureWatch(CONFIG)
    for number in range(25):
        last = watch.look(frame(plain(0), number / RATE))
    assert last is SourceState.BLACK
    assert watch.look(frame(plain(0), 2.5, epoch=1)) is None
    for number in range(26, 50):
        last = watch.look(frame(plain(0), number / RATE, epoch=1))
    assert last is SourceState.BLACK
    assert watch.look(frame(plain(0, (90, 160, 3)), 5.0, epoch=1)) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 500, 3), (16, 16, 3), (1080, 1920, 3)])
def test_any_size_of_picture(shape: tuple[int, ...]) -> None:
    assert states([plain(0, shape)] * 25)[-1] is SourceState.BLACK
    assert set(states([plain(200, shape)] * 25)) == {None}


def test_the_frame_is_left_alone_and_not_kept() -> None:
    image = plain(0)
    before = image.copy()
    watch = PictureWatch(CONFIG)
    watch.look(frame(image, 0.0))
    assert np.array_equal(image, before)
    image.setflags(write=True)
    image[:] = 99  # a buffer that is used again
    assert watch.look(frame(plain(99), 10.0)) is None


def test_blackness_is_judged_on_blocks() -> None:
    assert is_black(np.zeros((90, 160), np.uint8))
    half = np.zeros((90, 160), np.uint8)
    half[:, 80:] = 12
    assert not is_black(half)


def test_each_state_has_a_sentence_and_a_lively_picture_none() -> None:
    for state in (SourceState.BLACK, SourceState.FROZEN, SourceState.PROTECTED):
        assert "; " in (text_of(state) or "")
    assert text_of(None) is None
    assert text_of(SourceState.LIVE) is None
