"""Looking closer: the same place stays in sight, everything lies where it belongs, and only what
is seen is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent

from realtime.overlay import mapping
from realtime.types import FrameResult, Image
from realtime.window.canvas import Canvas
from realtime.window.layers import Layers
from realtime.window.main_window import MainWindow
from realtime.window.viewport import FIT, View, lay_out, look, panned, zoomed
from tests.contract import results
from tests.gui.test_canvas import pixels

Key, Button = Qt.Key, Qt.MouseButton
Modifier = Qt.KeyboardModifier
PLAIN = Layers(boxes=False, labels=False)
BACKGROUND = (16, 16, 16)

sizes = st.tuples(st.integers(1, 8000), st.integers(1, 8000))
rooms = st.tuples(st.integers(1, 4000), st.integers(1, 2200))
shares = st.floats(0, 1)
views = st.builds(View, st.floats(0.01, 2000), shares, shares, st.booleans())


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 360)
    canvas.set_layers(PLAIN)
    canvas.show()
    return canvas


@given(views, sizes, rooms)
def test_what_is_seen_lies_in_the_picture_and_in_the_room(
    view: View, frame: tuple[int, int], room: tuple[int, int]
) -> None:
    pane = look(view, frame, room)
    for axis, length, room_length in zip((pane.across, pane.down), frame, room, strict=True):
        assert 1 <= axis.length <= room_length
        assert 0 <= axis.start <= room_length - axis.length
        assert axis.length in (axis.full, room_length)
        begin, end = axis.source
        assert 0 <= begin < end <= length
        first, scaled = axis.scaled
        assert first <= axis.offset
        assert axis.offset + axis.length <= first + scaled
        # No more is scaled than is seen, but for the pixels that are cut by its edges.
        pixel = axis.full / axis.frame
        assert scaled <= axis.length + 2 * pixel + 2


@given(views, st.tuples(shares, shares), st.floats(0.3, 3), sizes, rooms)
def test_zooming_keeps_what_is_under_the_pointer(
    view: View,
    where: tuple[float, float],
    factor: float,
    frame: tuple[int, int],
    room: tuple[int, int],
) -> None:
    at = (where[0] * room[0], where[1] * room[1])
    before = look(view, frame, room)
    after = look(zoomed(view, factor, at, frame, room), frame, room)
    for old, new, place, room_length in zip(
        (before.across, before.down), (after.across, after.down), at, room, strict=True
    ):
        # At the edges of the picture it must move, and where all of it fits it is in the middle.
        free = new.full > room_length and 0 < new.offset < new.full - room_length
        if free:
            assert abs(new.share_at(place) - old.share_at(place)) * new.full < 2


@given(views, st.floats(-9e4, 9e4), st.floats(-9e4, 9e4), sizes, rooms)
def test_a_picture_cannot_be_moved_out_of_sight(
    view: View, right: float, down: float, frame: tuple[int, int], room: tuple[int, int]
) -> None:
    moved = panned(view, right, down, frame, room)
    assert look(moved, frame, room).size == look(view, frame, room).size
    back = look(panned(moved, 1e9, 1e9, frame, room), frame, room)
    assert (back.across.offset, back.down.offset) == (0, 0)


def test_zooming_in_and_out_again_is_the_whole_picture() -> None:
    view = FIT
    for factor in (1.25,) * 7 + (0.8,) * 7:
        view = zoomed(view, factor, (100, 300), (1920, 1080), (640, 360))
    assert view == FIT
    for _ in range(99):
        view = zoomed(view, 1.25, (100, 300), (1920, 1080), (640, 360))
    assert look(view, (1920, 1080), (640, 360)).scale == pytest.approx(32, rel=0.01)
    for _ in range(99):
        view = zoomed(view, 0.8, (100, 300), (1920, 1080), (640, 360))
    assert view == FIT
    # What is smaller than its room can be made as small as it is.
    for _ in range(99):
        view = zoomed(view, 0.8, (100, 300), (64, 36), (640, 360))
    assert look(view, (64, 36), (640, 360)).size == (64, 36)


@given(sizes, rooms, st.integers(0, 8))
def test_two_pictures_stand_side_by_side_in_the_middle(
    frame: tuple[int, int], room: tuple[int, int], gap: int
) -> None:
    places = lay_out(FIT, frame, (room[0] + 40, room[1]), gap)
    left, right = places.lefts
    assert right == left + places.pane.size[0] + gap
    assert left >= 0
    assert left + places.size[0] <= room[0] + 40
    assert abs(left - (room[0] + 40 - left - places.size[0])) <= 1


def marked(width: int, height: int, at: tuple[int, int]) -> Image:
    """A dark picture in which one pixel is green."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[at[1], at[0]] = (0, 255, 0)
    return image


def brightest(picture: NDArray[np.uint8]) -> tuple[float, float]:
    """The middle (x, y) of the green in it."""
    ys, xs = np.nonzero((picture[..., 1] > 200) & (picture[..., 0] < 100))
    assert len(xs)
    return float(xs.mean()), float(ys.mean())


@pytest.mark.parametrize("zoom", [4.0, 11.3, 40.0])
@pytest.mark.parametrize("spot", [(3, 5), (317, 100), (511, 287)])
def test_a_pixel_is_where_the_overlay_thinks_it_is(
    canvas: Canvas, zoom: float, spot: tuple[int, int]
) -> None:
    canvas.show_result(results.result(0, image=marked(512, 288, spot), face=False))
    canvas.set_view(View(zoom, spot[0] / 512, spot[1] / 288))
    places = canvas.places
    assert places is not None
    pane = places.pane
    to_pane = mapping(pane.size[::-1], (288, 512), pane.region)
    x, y, w, h = to_pane.rect(np.array([*spot, 1, 1], np.float32))
    assert 0 <= x < 640
    shown = brightest(pixels(canvas)[places.top :, places.lefts[0] :])
    assert shown[0] == pytest.approx(x + (w - 1) / 2, abs=1.2)
    assert shown[1] == pytest.approx(y + (h - 1) / 2, abs=1.2)


def test_the_wheel_zooms_around_the_pointer_and_a_drag_moves(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_result(results.result(0, image=marked(512, 288, (400, 80)), face=False))
    spot = QPoint(500, 100)  # where that pixel is
    wheel(canvas, spot, 8)
    x, y = brightest(pixels(canvas))
    assert (x, y) == (pytest.approx(spot.x(), abs=4), pytest.approx(spot.y(), abs=4))
    qtbot.mousePress(canvas, Button.LeftButton, pos=QPoint(300, 200))
    assert canvas.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    drag(canvas, QPoint(250, 240))
    qtbot.mouseRelease(canvas, Button.LeftButton, pos=QPoint(250, 240))
    moved = brightest(pixels(canvas))
    assert moved == (pytest.approx(x - 50, abs=2), pytest.approx(y + 40, abs=2))
    qtbot.mouseDClick(canvas, Button.LeftButton, pos=spot)
    assert canvas.view == FIT
    assert canvas.cursor().shape() == Qt.CursorShape.ArrowCursor


def drag(canvas: Canvas, to: QPoint) -> None:
    """Move the pointer there with the button down."""
    kind, buttons = QEvent.Type.MouseMove, Button.LeftButton
    moved = QMouseEvent(kind, QPointF(to), Button.NoButton, buttons, Modifier.NoModifier)
    canvas.mouseMoveEvent(moved)


def wheel(canvas: Canvas, at: QPoint, notches: int) -> None:
    """Turn the wheel there."""
    event = QWheelEvent(
        QPointF(at),
        QPointF(canvas.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Button.NoButton,
        Modifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    canvas.wheelEvent(event)


def test_the_view_survives_frames_and_sizes_and_ends_with_the_source(canvas: Canvas) -> None:
    canvas.show_result(results.result(0, size=(192, 128)))
    canvas.set_view(View(3.0, 0.2, 0.8))
    looks = [canvas.view]
    canvas.show_result(results.result(1, size=(192, 128)))
    looks.append(canvas.view)
    canvas.show_result(results.result(2, size=(384, 256)))
    looks.append(canvas.view)
    canvas.resize(300, 500)
    looks.append(canvas.view)
    assert set(looks) == {View(3.0, 0.2, 0.8)}
    places = canvas.places
    assert places is not None
    x, y, w, h = places.pane.region
    assert x + w / 2 == pytest.approx(0.2 * 384, abs=2)
    assert y + h / 2 <= 0.8 * 256 + 1
    canvas.show_result(None)
    assert canvas.view == FIT


@pytest.mark.parametrize("zoom", [1.0, 2.5, 7.0])
def test_boxes_heat_and_landmarks_lie_on_the_enlarged_face(canvas: Canvas, zoom: float) -> None:
    result = with_landmarks(results.result(5, image=np.full((360, 640, 3), 128, np.uint8)))
    x, y, w, h = result.faces.boxes[0].tolist()
    canvas.show_result(result)
    middle = ((x + w / 2) / 640, (y + h / 2) / 360)
    canvas.set_view(View(zoom, *middle))
    canvas.set_layers(PLAIN)
    plain = pixels(canvas)
    places = canvas.places
    assert places is not None
    to_pane = mapping(places.pane.size[::-1], (360, 640), places.pane.region)
    u, v, wide, high = to_pane.rect(result.faces.boxes[0])
    for layers in (
        replace(PLAIN, heat=True),
        replace(PLAIN, landmarks=True),
        replace(PLAIN, boxes=True),
    ):
        canvas.set_layers(layers)
        changed = (pixels(canvas) != plain).any(axis=2)
        changed[: 360 // 10] = False  # how far it is enlarged is written there
        changed[-360 // 8 :] = False  # the scale of the heat map
        ys, xs = np.nonzero(changed)
        assert len(xs), layers
        grown = 14 + (0.35 * max(wide, high) if layers.heat else 0)
        assert xs.min() >= max(0, u - grown)
        assert xs.max() <= u + wide + grown
        assert ys.min() >= max(0, v - grown)
        assert ys.max() <= v + high + grown
        if not layers.heat and wide < 600:
            assert xs.min() < u + 14
            assert xs.max() > u + wide - 14


def with_landmarks(result: FrameResult) -> FrameResult:
    """The same with landmarks along the edges of its face."""
    x, y, w, h = result.faces.boxes[0].tolist()
    points = np.zeros((1, 478, 3), np.float32)
    points[0, :, 0] = x + w * np.linspace(0.02, 0.98, 478)
    points[0, :, 1] = y + h * np.linspace(0.02, 0.98, 478)
    return replace(result, faces=replace(result.faces, landmarks=points))


@pytest.mark.parametrize("zoom", [1.0, 3.0, 12.0, 60.0])
def test_a_blurred_face_stays_unknowable_however_close_one_looks(
    canvas: Canvas, zoom: float
) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (360, 640, 3), np.uint8)
    result = results.result(5, image=image, size=(640, 360))
    x, y, w, h = result.faces.boxes[0].tolist()
    canvas.set_layers(replace(PLAIN, blur=True))
    canvas.show_result(result)
    canvas.set_view(View(zoom, (x + w / 2) / 640, (y + h / 2) / 360))
    shown = pixels(canvas)
    places = canvas.places
    assert places is not None
    to_pane = mapping(places.pane.size[::-1], (360, 640), places.pane.region)
    u, v, wide, high = to_pane.rect(result.faces.boxes[0])
    face = shown[max(0, v) : v + high, max(0, u) : u + wide].astype(int)
    face = face[40:] if zoom > 1 else face  # below what is written there
    assert face.size
    # Noise would change by about 85 from pixel to pixel; six blocks across hardly change.
    assert np.abs(np.diff(face, axis=1)).max() <= 20
    assert np.abs(np.diff(face, axis=0)).max() <= 20
    # Blocks of the whole face, not of the part in sight: those would tell ever more.
    if zoom == 60.0:
        assert int(face.max() - face.min()) <= 25


def test_side_by_side_shows_the_same_part_plain_and_with_everything(canvas: Canvas) -> None:
    result = results.result(5, size=(640, 360))
    canvas.show_result(result)
    canvas.set_layers(Layers(beside=True, labels=False))
    for view in (FIT, View(3.0, 0.5, 0.5)):
        canvas.set_view(view)
        shown = pixels(canvas)
        places = canvas.places
        assert places is not None
        (left, right), (wide, high) = places.lefts, places.pane.size
        rows = slice(places.top, places.top + high)
        plain, drawn = shown[rows, left : left + wide], shown[rows, right : right + wide]
        assert (plain != drawn).any()
        assert (shown[:, left + wide : right] == BACKGROUND).all()
        canvas.set_layers(Layers(boxes=False, labels=False, beside=True))
        shown = pixels(canvas)[rows]
        again = shown[:, left : left + wide]
        assert (again == plain).all()
        below = slice(high // 5, None)  # how far it is enlarged is only written on the right
        assert (again[below] == shown[below, right : right + wide]).all()
        canvas.set_layers(Layers(beside=True, labels=False))


def test_the_plain_picture_hides_faces_too(canvas: Canvas) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (360, 640, 3), np.uint8)
    canvas.show_result(results.result(5, image=noise, size=(640, 360)))
    canvas.set_layers(replace(PLAIN, beside=True))
    plain = pixels(canvas)
    canvas.set_layers(replace(PLAIN, beside=True, blur=True))
    hidden = pixels(canvas)
    assert (plain[:, :320] != hidden[:, :320]).any()
    assert (hidden[:, :318] == hidden[:, 322:]).all()


def test_faces_out_of_sight_are_counted(canvas: Canvas) -> None:
    canvas.show_result(results.result(5, size=(640, 360)))
    assert canvas.hint == ""
    canvas.set_view(View(6.0, 0.0, 0.0))
    assert canvas.hint == "Zoom 600 % · 1 face out of sight"
    assert canvas.accessibleDescription() == canvas.hint
    canvas.set_view(View(6.0, 0.5, 0.5))
    assert canvas.hint == "Zoom 600 %"
    before = pixels(canvas)
    canvas.set_view(FIT)
    assert canvas.accessibleDescription() == ""
    assert (pixels(canvas) != before).any()


@settings(max_examples=25, deadline=None)
@given(views)
def test_every_view_can_be_drawn(view: View) -> None:
    canvas = Canvas()
    canvas.resize(320, 200)
    canvas.set_layers(Layers(heat=True, landmarks=True, blur=True, beside=True))
    canvas.show_result(with_landmarks(results.result(5, size=(640, 360))))
    canvas.set_view(view)
    assert pixels(canvas).shape == (200, 320, 3)
    canvas.deleteLater()


def test_keys_zoom_and_move(playing: MainWindow, qtbot: QtBot) -> None:
    canvas = playing.canvas
    seen = []
    for key, modifier in (
        (Key.Key_Plus, Modifier.NoModifier),
        (Key.Key_Equal, Modifier.NoModifier),
        (Key.Key_Right, Modifier.ShiftModifier),
        (Key.Key_Down, Modifier.ShiftModifier),
        (Key.Key_Left, Modifier.ShiftModifier),
        (Key.Key_Up, Modifier.ShiftModifier),
        (Key.Key_Minus, Modifier.NoModifier),
        (Key.Key_1, Modifier.ControlModifier),
        (Key.Key_0, Modifier.ControlModifier),
    ):
        qtbot.keyClick(playing, key, modifier)
        seen.append(canvas.view)
    zooms = [view.zoom for view in seen]
    assert zooms[:7] == pytest.approx([1.25, 1.5625, *[1.5625] * 4, 1.25])
    assert seen[2].x > seen[1].x
    assert seen[3].y > seen[2].y
    assert seen[4].x < seen[3].x
    assert seen[5].y < seen[4].y
    assert seen[7].actual
    assert seen[8] == FIT
    assert playing.extras.look.scale == 1.0
    qtbot.keyClick(playing, Key.Key_D)
    assert canvas.layers.beside
    qtbot.keyClick(playing, Key.Key_D)
    assert not canvas.layers.beside


def test_actual_size_is_pixel_for_pixel(canvas: Canvas) -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (1000, 1600, 3), np.uint8)
    canvas.show_result(results.result(0, image=image, face=False))
    canvas.show_actual_size()
    shown = pixels(canvas)
    assert (shown[100:] == image[320:680, 480:1120][100:]).all()
