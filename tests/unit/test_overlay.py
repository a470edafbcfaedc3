"""The overlay says what the verdict says, where the face is, and hides nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime import labels, overlay
from realtime.heatmap import HEAT_FULL, left_over, paint_heat
from realtime.types import (
    Clock,
    FaceQuality,
    Faces,
    Frame,
    FrameCounts,
    FrameResult,
    Image,
    Obstacle,
    Score,
    Verdict,
    VerdictState,
)

Box = tuple[float, float, float, float]
GREY = 90


def picture(width: int = 640, height: int = 360) -> Image:
    return np.full((height, width, 3), GREY, np.uint8)


def verdict(track_id: int, state: VerdictState, reason: str = "classifier 0.83") -> Verdict:
    if state is VerdictState.NOT_ASSESSABLE:
        return Verdict(track_id, state, None, 3.2, 0.0, (), (Obstacle.TOO_SMALL,))
    return Verdict(track_id, state, 0.834, 12.4, 20.0, (reason,))


def result(
    image: Image,
    boxes: list[Box],
    states: list[VerdictState],
    heat: dict[int, Score] | None = None,
) -> FrameResult:
    n = len(boxes)
    quality = FaceQuality(100, 100, 0, 0, 0, 0, 0, 100)
    faces = Faces(
        np.arange(1, n + 1),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.ones(n, np.float32),
        np.full((n, 478, 3), np.nan, np.float32),
        (quality,) * n,
    )
    frame = Frame("test", 0, 0, 0.0, 0.0, None, Clock.PTS, image)
    verdicts = {i + 1: verdict(i + 1, state) for i, state in enumerate(states)}
    return FrameResult(frame, faces, {}, heat or {}, {}, verdicts, (), FrameCounts(), 0.0)


def score_at(box: Box, cam: np.ndarray, side: int = 224, margin: float = 0.3) -> Score:
    """A score of the square crop round ``box``, as `realtime.crops` makes it."""
    x, y, w, h = box
    scale = side / (max(w, h) * (1 + 2 * margin))
    to_crop = np.array(
        [
            [scale, 0, (side - 1) / 2 - scale * (x + w / 2 - 0.5)],
            [0, scale, (side - 1) / 2 - scale * (y + h / 2 - 0.5)],
        ],
        np.float32,
    )
    return Score(1, 0.0, SURE, SURE, 1.0, cam.astype(np.float32), to_crop, (side, side))


SURE = 9.0
"""Log-odds at which all that speaks for fake is left over."""


def one_hot(row: int, column: int, value: float = HEAT_FULL) -> np.ndarray:
    cam = np.zeros((7, 7), np.float32)
    cam[row, column] = value
    return cam


def hottest(before: Image, after: Image) -> tuple[float, float]:
    """Centre (x, y) of what changed, in continuous coordinates."""
    change = np.abs(after.astype(int) - before).sum(2).astype(float)
    ys, xs = np.mgrid[: change.shape[0], : change.shape[1]]
    return ((xs + 0.5) * change).sum() / change.sum(), ((ys + 0.5) * change).sum() / change.sum()


def cell_centre(box: Box, row: int, column: int, margin: float = 0.3) -> tuple[float, float]:
    x, y, w, h = box
    side = max(w, h) * (1 + 2 * margin)
    return (
        x + w / 2 + side * ((column + 0.5) / 7 - 0.5),
        y + h / 2 + side * ((row + 0.5) / 7 - 0.5),
    )


def test_the_source_picture_is_left_alone() -> None:
    image = picture()
    image.setflags(write=False)
    drawn = overlay.draw(image, result(image, [(200, 100, 80, 100)], [VerdictState.STRONG]))
    assert (image == GREY).all()
    assert drawn.shape == image.shape
    assert (drawn != GREY).any()


def test_everything_can_be_switched_off() -> None:
    image = picture()
    box = (200.0, 100.0, 80.0, 100.0)
    known = result(image, [box], [VerdictState.STRONG], {1: score_at(box, one_hot(3, 3))})
    assert (overlay.draw(image, known, boxes=False, labels=False) == image).all()
    assert (overlay.draw(image, known, boxes=True, labels=False) != image).any()
    assert (overlay.draw(image, known, boxes=False, labels=True) != image).any()
    assert (overlay.draw(image, known, boxes=False, labels=False, heat=True) != image).any()


def test_every_state_looks_different_even_without_colour() -> None:
    image = picture()
    looks = [
        overlay.draw(image, result(image, [(200, 100, 80, 100)], [state]), labels=False)
        for state in VerdictState
    ]
    shapes = [(look != GREY).any(2).tobytes() for look in looks]
    assert len(set(shapes)) == len(VerdictState)
    signs = []
    for state in VerdictState:
        label = labels._label(state, "same words", "", 26, 600)
        signs.append((np.abs(label[:, 10:45].astype(int) - 24).sum(2) > 60).tobytes())
    assert len(set(signs)) == len(VerdictState)


@pytest.mark.parametrize(
    ("state", "headline", "why"),
    [
        (VerdictState.STRONG, "#7 Strong evidence 0.83 · 12 s", "classifier 0.83"),
        (VerdictState.NOT_ASSESSABLE, "#7 Not assessable · 3 s", "too small"),
    ],
)
def test_labels_say_word_number_seconds_and_reason(
    state: VerdictState, headline: str, why: str
) -> None:
    assert labels.label_text(verdict(7, state)) == (headline, why)


def test_a_reason_cannot_break_the_line() -> None:
    said = verdict(1, VerdictState.STRONG, reason="a\nb\u202ec")
    assert labels.label_text(said)[1] == "a\\nb\\u202ec"


def test_long_text_is_cut_to_the_width() -> None:
    long = verdict(1, VerdictState.STRONG, reason="reason " * 200)
    assert labels.label_picture(long, 16, 300).shape[1] <= 300


def test_signs_beyond_ascii_are_in_the_font() -> None:
    font = labels._font(24, False)
    missing = font.getmask("\U0010ffff").getbbox(), bytes(font.getmask("\U0010ffff"))
    for sign in "·…äж":
        assert (font.getmask(sign).getbbox(), bytes(font.getmask(sign))) != missing


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1920, 1080), (3840, 2160)])
def test_text_grows_with_the_picture(width: int, height: int) -> None:
    size = labels.default_text_px(width, height)
    assert size >= 12
    assert size == pytest.approx(max(12, height / 42), abs=1)
    label = labels.label_picture(verdict(1, VerdictState.STRONG), size, width)
    assert label.shape[1] < width * 0.7


boxes_strategy = st.lists(
    st.tuples(
        st.integers(0, 1200), st.integers(0, 680), st.integers(30, 260), st.integers(30, 300)
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(boxes_strategy)
def test_labels_stay_inside_and_off_each_other_and_off_faces(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    frame, taken = (1280, 720), []
    for box in boxes:
        spot, cost = labels.place((280, 48), box, boxes, taken, frame, gap=10)
        room = (*spot, 280, 48)
        assert room[0] >= 0
        assert room[1] >= 0
        assert room[0] + 280 <= frame[0]
        assert room[1] + 48 <= frame[1]
        hides = sum(shared(room, other) for other in [*boxes, *taken])
        assert (cost >= 1e6) == (hides > 0)
        taken.append(room)


def test_a_free_place_is_found_wherever_there_is_one() -> None:
    # Three faces fill the frame but for a strip at the bottom.
    boxes = [(0, 0, 640, 310), (100, 0, 400, 310), (300, 100, 340, 210)]
    spot, cost = labels.place((280, 40), boxes[1], boxes, [], (640, 360), gap=6)
    assert spot[1] >= 310
    assert cost < 1e6


def shared(a: labels.Rect, b: labels.Rect) -> int:
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(across, 0) * max(down, 0)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1280, 720), (360, 640), (3840, 2160)])
@pytest.mark.parametrize("where", ["top left", "top right", "bottom", "middle"])
def test_one_label_never_covers_its_face(width: int, height: int, where: str) -> None:
    side = min(width, height) / 3
    x = {"top left": 0.0, "top right": width - side}.get(where, (width - side) / 2)
    y = {"bottom": height - side, "middle": (height - side) / 2}.get(where, 0.0)
    image = picture(width, height)
    known = result(image, [(x, y, side, side)], [VerdictState.VERY_STRONG])
    drawn = overlay.draw(image, known, boxes=False)
    face = (slice(round(y), round(y + side)), slice(round(x), round(x + side)))
    assert (drawn[face] == GREY).all()
    assert (drawn != GREY).any()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-60, 1230),
            st.integers(-60, 680),
            st.integers(30, 200),
            st.integers(40, 220),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([None, (0.0, 0.0, 640.0, 360.0), (300.5, 100.25, 500.0, 281.25)]),
)
def test_no_text_covers_a_face_while_there_is_room(
    boxes: list[tuple[int, int, int, int]], region: tuple[float, float, float, float] | None
) -> None:
    image = picture(1280, 720)
    states = [list(VerdictState)[i % 5] for i in range(len(boxes))]
    known = result(image, boxes, states)
    free = picture(1280, 720)
    to_picture = overlay.mapping(free.shape, image.shape, region)
    rects = [to_picture.rect(box) for box in known.faces.boxes]
    for x, y, w, h in rects:
        free[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)] = 0
    canvas = free.copy()
    overlay.draw_on(
        canvas, known, heat=True, boxes=False, notice="Paused", hint="150 %", region=region
    )
    seen = [overlay.overlaps(rect, (0, 0, 1280, 720)) for rect in rects]
    assert (canvas != free).any()
    # Half of the picture is free: there is room for every label and both texts.
    if region is None and sum(w * h for _, _, w, h in boxes) < 1280 * 720 / 8:
        assert (canvas[(free == 0).all(axis=2)] == 0).all()
        assert sum(seen) <= len(boxes)


def test_where_there_is_no_room_as_little_as_can_be_is_hidden() -> None:
    image = picture(640, 360)
    drawn = overlay.draw(
        image, result(image, [(0, 0, 640, 360)], [VerdictState.STRONG]), boxes=False
    )
    changed = (drawn != GREY).any(axis=2)
    tag = labels.label_picture(verdict(1, VerdictState.STRONG), 12, 640, labels.Detail.NUMBER)
    assert 0 < changed.sum() <= tag.shape[0] * tag.shape[1]


def test_the_scale_of_the_heat_rather_stays_away_than_hides_a_face() -> None:
    image = picture(640, 360)
    for box, there in (((0, 0, 640, 360), False), ((0, 0, 640, 300), True)):
        known = result(image, [box], [VerdictState.STRONG])
        drawn = overlay.draw(image, known, heat=True, boxes=False, labels=False)
        assert (drawn != GREY).any() == there
        assert (drawn[: box[3], : box[2]] == GREY).all()


def test_a_face_out_of_sight_has_no_label() -> None:
    image = picture(640, 360)
    known = result(image, [(500, 200, 80, 100)], [VerdictState.STRONG])
    canvas = image.copy()
    overlay.draw_on(canvas, known, region=(0.0, 0.0, 320.0, 180.0))
    assert (canvas == GREY).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 30), (200, 20)])
def test_tiny_pictures_are_survived(size: tuple[int, int]) -> None:
    image = picture(*size)
    box = (0.0, 0.0, float(size[0]), float(size[1]))
    known = result(image, [box], [VerdictState.STRONG], {1: score_at(box, one_hot(3, 3))})
    assert overlay.draw(image, known, heat=True).shape == image.shape


def test_faces_outside_the_picture_are_survived() -> None:
    image = picture()
    boxes: list[Box] = [(-300, -200, 100, 120), (600, 340, 200, 200), (900, 900, 50, 50)]
    heat = {i + 1: score_at(box, one_hot(0, 0)) for i, box in enumerate(boxes)}
    states = [VerdictState.STRONG, VerdictState.UNCERTAIN, VerdictState.LITTLE_EVIDENCE]
    drawn = overlay.draw(image, result(image, boxes, states, heat), heat=True)
    assert drawn.shape == image.shape


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 3), (2, 5), (6, 1)])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_hot_cell_lands_on_its_place_in_the_frame(row: int, column: int, scale: float) -> None:
    box = (250.0, 120.0, 100.0, 120.0)
    image = picture(round(640 * scale), round(360 * scale))
    painted = image.copy()
    paint_heat(
        painted, score_at(box, one_hot(row, column)), np.array(box, np.float32), (scale, scale)
    )
    x, y = hottest(image, painted)
    expected = cell_centre(box, row, column)
    assert x / scale == pytest.approx(expected[0], abs=1.0)
    assert y / scale == pytest.approx(expected[1], abs=1.0)


def test_an_older_heat_map_moves_with_the_face() -> None:
    then, now = (250.0, 120.0, 100.0, 120.0), (310.0, 150.0, 100.0, 120.0)
    image = picture()
    painted = image.copy()
    paint_heat(painted, score_at(then, one_hot(2, 4)), np.array(now, np.float32), (1.0, 1.0))
    assert hottest(image, painted) == pytest.approx(cell_centre(now, 2, 4), abs=1.0)


def test_a_turned_crop_puts_the_heat_on_the_turned_face() -> None:
    box = (250.0, 120.0, 120.0, 120.0)
    score = score_at(box, one_hot(0, 3))
    centre = np.array([(224 - 1) / 2] * 2)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])  # by 90 degrees about the centre of the crop
    turned = np.hstack(
        [turn @ score.to_crop[:, :2], turn @ (score.to_crop[:, 2:] - centre[:, None])]
    )
    turned[:, 2] += centre
    score = Score(1, 0.0, SURE, SURE, 1.0, score.cam, turned.astype(np.float32), (224, 224))
    image = picture()
    painted = image.copy()
    paint_heat(painted, score, np.array(box, np.float32), (1.0, 1.0))
    # The top of the crop shows what is at the left of the frame.
    assert hottest(image, painted) == pytest.approx(cell_centre(box, 3, 0), abs=1.0)


def test_only_evidence_for_fake_is_painted_and_on_a_fixed_scale() -> None:
    box = (250.0, 120.0, 100.0, 120.0)
    now, image = np.array(box, np.float32), picture()

    def change(value: float) -> int:
        painted = image.copy()
        paint_heat(painted, score_at(box, one_hot(3, 3, value)), now, (1.0, 1.0))
        return int(np.abs(painted.astype(int) - image).sum())

    assert change(-HEAT_FULL) == 0
    assert 0 < change(HEAT_FULL / 8) < change(HEAT_FULL)
    assert change(HEAT_FULL) == change(100 * HEAT_FULL)


@pytest.mark.parametrize(("log_odds", "left"), [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.5), (2.0, 1.0)])
def test_what_speaks_against_is_taken_off(log_odds: float, left: float) -> None:
    cam = np.array([[3.0, 1.0], [-2.0, 0.0]], np.float32)
    score = replace(score_at((0, 0, 10, 10), cam), log_odds=log_odds)
    np.testing.assert_allclose(left_over(score), left * np.maximum(cam, 0), rtol=1e-6)
    assert left_over(replace(score, cam=-cam - 9)).max() == 0


@pytest.mark.parametrize("cam", [None, np.full((7, 7), np.nan, np.float32)])
def test_no_map_paints_nothing(cam: np.ndarray | None) -> None:
    score = Score(1, 0.0, SURE, SURE, 1.0, cam, np.eye(2, 3, dtype=np.float32), (224, 224))
    image = picture()
    paint_heat(image, score, np.array((0, 0, 10, 10), np.float32), (1.0, 1.0))
    assert (image == GREY).all()


def test_a_map_that_cannot_be_inverted_paints_nothing() -> None:
    flat = np.zeros((2, 3), np.float32)
    score = Score(1, 0.0, SURE, SURE, 1.0, one_hot(3, 3), flat, (224, 224))
    image = picture()
    paint_heat(image, score, np.array((0, 0, 10, 10), np.float32), (1.0, 1.0))
    assert (image == GREY).all()
