"""Pictures of every size and screens of every density, and a thread of Qt's that goes on."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, QPointF, QTimer

from realtime.window.canvas import Canvas
from realtime.window.layers import Layers
from realtime.window.main_window import MainWindow
from realtime.window.surface import Surface
from realtime.window.viewport import FIT, View, lay_out
from tests.contract import results
from tests.gui.test_canvas import pixels

EVERYTHING = Layers(heat=True, landmarks=True, blur=True, beside=True)


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(800, 450)
    canvas.show()
    return canvas


@pytest.mark.parametrize(
    "size", [(7680, 4320), (4320, 7680), (1080, 1920), (32, 32), (32, 2000), (1, 1)]
)
@pytest.mark.parametrize("view", [FIT, View(5.0, 0.5, 0.5), View(actual=True)])
def test_every_size_is_shown_whole_and_enlarged(
    canvas: Canvas, size: tuple[int, int], view: View
) -> None:
    image = np.full((size[1], size[0], 3), 77, np.uint8)
    canvas.show_result(results.result(0, image=image, size=size, face=min(size) > 1))
    canvas.set_view(view)
    canvas.set_layers(Layers(boxes=False, labels=False))
    shown = pixels(canvas)
    places = canvas.places
    assert places is not None
    assert (shown[places.top, places.lefts[0]] == 77).all()
    wide, high = places.size
    assert wide <= 800
    assert high <= 450
    assert places.pane.whole or view != FIT
    if size[0] > 16 and view == FIT:
        assert wide / high == pytest.approx(size[0] / size[1], rel=0.1)
    canvas.set_layers(EVERYTHING)
    assert pixels(canvas).shape == shown.shape


def test_of_a_huge_picture_only_what_is_seen_is_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    scaled: list[int] = []
    monkeypatch.setattr(
        "realtime.window.surface.scale_into",
        lambda target, image, **_: scaled.append(image.shape[0] * image.shape[1] + target.size),
    )
    image = np.zeros((4320, 7680, 3), np.uint8)
    costs = []
    for zoom in (1.0, 2.0, 6.0, 30.0, 190.0):
        pane = lay_out(View(zoom, 0.4, 0.6), (7680, 4320), (1280, 720)).pane
        surface = Surface(*pane.size, 1.0)
        surface.fill(surface.bgr, image, pane)
        costs.append(scaled[-1])
    assert costs[:3] == sorted(costs[:3], reverse=True)
    # However close: as much as the canvas has, and the pixels that its edges cut.
    assert max(costs[2:]) < 2 * 3 * 1280 * 720


def test_another_screen_may_be_denser(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.full((1080, 1920, 3), 60, np.uint8)
    canvas.show_result(results.result(0, image=image, size=(1920, 1080)))
    canvas.set_view(View(3.0, 0.5, 0.5))
    sizes = []
    for ratio in (1.0, 2.0, 1.5, 1.0):
        monkeypatch.setattr(canvas, "devicePixelRatioF", lambda ratio=ratio: ratio)
        canvas.grab()
        picture = canvas.snapshot()
        assert picture is not None
        assert picture.devicePixelRatioF() == ratio
        sizes.append((picture.width(), picture.height()))
        places = canvas.places
        assert places is not None
        x, y, w, h = places.pane.region
        # The same part is in sight, with more of its pixels.
        assert (x + w / 2, y + h / 2) == (pytest.approx(960, abs=2), pytest.approx(540, abs=2))
        assert w == pytest.approx(640, abs=2)
    assert sizes == [(800, 450), (1600, 900), (1200, 675), (800, 450)]


def test_the_pointer_is_where_it_is_on_a_dense_screen(
    canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas, "devicePixelRatioF", lambda: 2.0)
    canvas.show_result(results.result(0, size=(1920, 1080)))
    at = QPointF(600, 100)
    places = canvas.places
    assert places is not None
    before = places.pane.across.share_at(1200)
    canvas.zoom(4.0, at)
    places = canvas.places
    assert places is not None
    assert places.pane.across.share_at(1200) == pytest.approx(before, abs=1e-3)
    assert places.pane.down.share_at(200) == pytest.approx(100 / 450, abs=1e-3)
    canvas.pan(10, 0)
    moved = canvas.places
    assert moved is not None
    assert moved.pane.across.offset == places.pane.across.offset - 20


def test_a_picture_that_cannot_be_drawn_is_an_error_and_not_the_end(
    canvas: Canvas, qtbot: QtBot
) -> None:
    good = results.result(5)
    score = replace(good.heat[1], crop_size=(0, 0))
    canvas.set_layers(EVERYTHING)
    with qtbot.captureExceptions() as raised:
        canvas.show_result(replace(good, heat={1: score}))
        canvas.grab()
    assert len(raised) >= 1
    canvas.show_result(good)
    assert (pixels(canvas) != 16).any()


class _Beats(QObject):
    """How long Qt's thread did not come round."""

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self._last = time.monotonic()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now


def test_nothing_that_one_does_while_it_plays_blocks_the_window(
    playing: MainWindow, qtbot: QtBot
) -> None:
    """The bound is that of a machine with much else to do; what it is on a quiet one is measured by
    ``benchmarks.window``."""
    beats = _Beats()
    actions, closer = playing.actions_, playing.closer
    for action in (
        actions.heat,
        actions.boxes,
        actions.beside,
        actions.blur,
        actions.landmarks,
        closer.closer,
        closer.right,
        closer.actual,
        closer.whole,
        actions.play,
        actions.step,
        actions.home,
        actions.play,
        actions.snapshot,
    ):
        action.trigger()
        qtbot.wait(30)
    beats.stop()
    assert playing.canvas.drawn > 5
    assert beats.longest_s < 1.5
