"""The canvas shows the newest frame, undistorted and sharp, with the layers asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QImage

from realtime.window.canvas import Canvas, Layers
from realtime.window.scaling import scale_into
from realtime.window.viewport import fit
from tests.contract import results


def pixels(canvas: Canvas) -> NDArray[np.uint8]:
    """What is on the screen, ``(H, W, 3)`` BGR."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    memory = image.constBits()
    assert memory is not None
    memory.setsize(image.sizeInBytes())
    array = np.frombuffer(memory, np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return array[:, : image.width(), :3].copy()


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    return canvas


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 5000), st.integers(1, 5000))
def test_pictures_fit_and_touch_two_sides(w: int, h: int, room_w: int, room_h: int) -> None:
    wide, high = fit(w, h, room_w, room_h)
    assert 1 <= wide <= room_w
    assert 1 <= high <= room_h
    assert wide == room_w or high == room_h


@pytest.mark.parametrize("size", [(200, 100), (199, 101), (50, 25), (37, 13), (1, 1), (900, 450)])
def test_scaling_fills_the_whole_target(size: tuple[int, int]) -> None:
    image = np.full((100, 200, 3), 77, np.uint8)
    image.setflags(write=False)
    target = np.zeros((size[1], size[0], 3), np.uint8)
    scale_into(target, image)
    assert (target == 77).all()


def test_shrinking_averages_instead_of_skipping() -> None:
    image = np.zeros((512, 512, 3), np.uint8)
    image[:, ::2] = 255
    small = np.zeros((100, 100, 3), np.uint8)
    scale_into(small, image)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_the_picture_is_letterboxed_and_in_the_right_colours(canvas: Canvas) -> None:
    image = np.zeros((90, 160, 3), np.uint8)
    image[:] = (200, 120, 40)
    canvas.show_result(results.result(0, image=image, face=False))
    shown = pixels(canvas)
    assert shown.shape == (480, 640, 3)
    assert (shown[240, 320] == (200, 120, 40)).all()
    assert (shown[60:420] == (200, 120, 40)).all()
    assert (shown[:60].max(), shown[420:].max()) == (16, 16)


@pytest.mark.parametrize("width", [159, 160, 161, 163])
def test_odd_widths_are_not_sheared(canvas: Canvas, width: int) -> None:
    image = np.zeros((120, width, 3), np.uint8)
    image[:, width // 2 :] = 255
    canvas.resize(width, 120)
    canvas.show_result(results.result(0, image=image, face=False))
    shown = pixels(canvas)
    assert (shown[:, 2 : width // 2 - 2] == 0).all()
    assert (shown[:, width // 2 + 2 : width - 2] == 255).all()


def test_layers_change_what_is_shown(canvas: Canvas) -> None:
    canvas.show_result(results.result(5))
    looks = []
    for layers in (Layers(boxes=False, labels=False), Layers(labels=False), Layers(boxes=False)):
        canvas.set_layers(layers)
        looks.append(pixels(canvas).tobytes())
    assert len(set(looks)) == 3


def test_the_result_itself_is_not_drawn_upon(canvas: Canvas) -> None:
    result = results.result(5)
    before = result.frame.image.copy()
    canvas.show_result(result)
    pixels(canvas)
    assert (result.frame.image == before).all()


def test_states_are_said_in_large_letters(canvas: Canvas) -> None:
    empty = pixels(canvas)
    canvas.set_state_text("Opening")
    assert (pixels(canvas) != empty).any()
    canvas.show_result(results.result(5))
    canvas.set_state_text("")
    quiet = pixels(canvas)
    canvas.set_state_text("Ended")
    assert (pixels(canvas) != quiet).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (4096, 16)])
def test_odd_pictures_are_survived(canvas: Canvas, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 99, np.uint8)
    canvas.set_state_text("Paused")
    canvas.show_result(results.result(0, image=image))
    assert pixels(canvas).shape == (480, 640, 3)


def test_pictures_of_changing_size_and_content_are_shown_anew(canvas: Canvas) -> None:
    for width, height, level in ((160, 90, 50), (160, 90, 200), (90, 160, 120), (160, 90, 10)):
        image = np.full((height, width, 3), level, np.uint8)
        canvas.show_result(results.result(0, image=image, face=False))
        assert (pixels(canvas)[240, 320] == level).all()
    canvas.resize(320, 240)
    assert (pixels(canvas)[120, 160] == 10).all()


def test_many_results_between_two_paints_cost_one_drawing(
    canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    render = Canvas._render
    monkeypatch.setattr(Canvas, "_render", lambda *a: drawn.append(None) or render(*a))
    for i in range(50):
        canvas.show_result(results.result(i))
    pixels(canvas)
    assert len(drawn) == 1
    pixels(canvas)
    assert len(drawn) == 1
