"""Which face is which: geometry, looks and assignment, without any network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.faces.mediapipe_backend import (
    TILE_OVERLAP,
    merge_overlapping,
    mesh_region,
    tile_regions,
)
from realtime.faces.tracks import (
    MAX_SIZE_RATIO,
    Track,
    assign,
    box_of,
    looks_distance,
    looks_of,
    overlap,
    same_place,
)
from realtime.types import FloatArray


def box(x: float, y: float, side: float = 100) -> FloatArray:
    return np.array([x, y, side, side], np.float32)


def looks(seed: int) -> FloatArray:
    values = np.random.default_rng(seed).normal(size=1404).astype(np.float32)
    return values / np.float32(np.linalg.norm(values))


def track(at: FloatArray, seen_s: float = 0.0, **more: object) -> Track:
    return Track(1, at, None, 1.0, seen_s, **more)  # type: ignore[arg-type]


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(box(0, 0), box(0, 0)) == pytest.approx(1)
    assert overlap(box(0, 0), box(50, 0)) == pytest.approx(1 / 3)
    assert overlap(box(0, 0), box(100, 0)) == 0


def test_velocity_follows_a_steady_motion_and_predicts_it() -> None:
    moving = track(box(0, 0))
    for i in range(1, 31):
        moving.move_to(box(10 * i, -5 * i), i / 30)
    np.testing.assert_allclose(moving.velocity, (300, -150), rtol=0.01)
    np.testing.assert_allclose(moving.predicted_box(1.1)[:2], (328, -164), atol=3)


def test_velocity_is_per_second_whatever_the_frame_rate() -> None:
    slow, fast = track(box(0, 0)), track(box(0, 0))
    for i in range(1, 11):
        slow.move_to(box(20 * i, 0), i / 10)
    for i in range(1, 61):
        fast.move_to(box(200 / 60 * i, 0), i / 60)
    np.testing.assert_allclose(slow.velocity, fast.velocity, rtol=0.02)


def test_an_unseen_face_comes_to_rest() -> None:
    gone = track(box(0, 0))
    gone.velocity = np.array([100, 0], np.float32)
    assert gone.predicted_box(10.0)[0] == pytest.approx(70, abs=1)


def test_crossing_faces_go_on_in_their_direction() -> None:
    right, left = track(box(90, 0)), track(box(110, 0))
    right.velocity, left.velocity = (np.array([v, 0], np.float32) for v in (300, -300))
    found = [box(70, 0), box(130, 0)]  # each has passed the other within 1/10 s
    assert assign([right, left], found, [None, None], 0.1) == {0: 1, 1: 0}


def test_looks_decide_between_faces_in_one_place() -> None:
    a, b = track(box(0, 0), looks=looks(1)), track(box(10, 0), looks=looks(2))
    found = [box(2, 0), box(8, 0)]
    assert assign([a, b], found, [looks(2), looks(1)], 0.1) == {0: 1, 1: 0}


def test_too_far_too_large_or_too_different_is_not_assigned() -> None:
    here = track(box(0, 0), looks=looks(1))
    assert assign([here], [box(300, 0)], [None], 0.1) == {}
    assert assign([here], [box(0, 0, 100 * MAX_SIZE_RATIO + 10)], [None], 0.1) == {}
    assert assign([here], [box(0, 0)], [looks(2)], 0.1) == {}
    assert assign([here], [box(5, 0)], [looks(1)], 0.1) == {0: 0}


def test_after_a_cut_the_place_alone_is_not_enough() -> None:
    here = track(box(0, 0), looks=looks(1), cut_off=True)
    assert assign([here], [box(0, 0)], [None], 0.1) == {}
    alike = looks(1) * np.float32(0.9) + looks(2) * np.float32(0.1)
    assert assign([here], [box(0, 0)], [alike], 0.1) == {0: 0}


def test_every_track_is_used_once() -> None:
    pairs = assign([track(box(0, 0))], [box(1, 0), box(2, 0), box(3, 0)], [None] * 3, 0.1)
    assert len(pairs) == 1


def test_one_face_has_one_place() -> None:
    assert same_place(box(0, 0), box(15, 10))
    assert not same_place(box(0, 0), box(80, 0))
    assert not same_place(box(0, 0, 200), box(70, 70, 60))


def scene(seed: int) -> tuple[np.ndarray, FloatArray]:
    rng = np.random.default_rng(seed)
    image = np.kron(rng.integers(0, 255, (20, 20, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    points = rng.uniform(100, 300, (478, 3)).astype(np.float32)
    return image, points


def test_looks_ignore_brightness_contrast_and_place() -> None:
    image, points = scene(0)
    moved = np.roll(image, (10, 20), axis=(0, 1))
    darker = (moved * 0.6 + 30).astype(np.uint8)
    other = looks_of(darker, points + np.array([20, 10, 0], np.float32))
    assert looks_distance(looks_of(image, points), other) < 0.15
    stranger, _ = scene(1)
    assert looks_distance(looks_of(image, points), looks_of(stranger, points)) > 0.7


def test_looks_of_a_face_beyond_the_edge_are_finite() -> None:
    image, points = scene(0)
    for shift in (-250, 250, -1000, 1000):
        assert np.isfinite(looks_of(image, points + np.float32(shift))).all()


def test_box_leaves_the_irises_out() -> None:
    points = np.zeros((478, 3), np.float32)
    points[:468, 0] = np.linspace(10, 30, 468)
    points[:468, 1] = np.linspace(50, 90, 468)
    points[468:] = 1000
    np.testing.assert_allclose(box_of(points), (10, 50, 20, 40))


def test_the_mesh_region_turns_with_the_face() -> None:
    _, points = scene(3)
    points[33, :2], points[263, :2] = (150, 200), (250, 200)
    _, side, roll = mesh_region(points)
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = points.copy()
    turned[:, :2] = points[:, :2] @ turn.T
    _, side_turned, roll_turned = mesh_region(turned)
    assert np.degrees(roll_turned - roll) == pytest.approx(25, abs=0.01)
    assert side_turned == pytest.approx(side, rel=1e-4)


@given(
    st.integers(961, 4000),
    st.integers(200, 4000),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_every_small_face_lies_whole_in_a_tile(width: int, height: int, u: float, v: float) -> None:
    tiles = tile_regions(width, height)
    smallest = min(t[2] for t in tiles)
    face = TILE_OVERLAP * smallest // 640 - 2
    x, y = u * (width - face), v * max(height - face, 0)
    assert any(
        tx <= x and x + face <= tx + tw and ty <= y and min(y + face, height) <= ty + th
        for tx, ty, tw, th in tiles
    )
    assert all(tx >= 0 and ty >= 0 for tx, ty, _, _ in tiles)
    assert all(tx + tw <= width and ty + th <= height for tx, ty, tw, th in tiles)
    assert len(tiles) <= 30


def test_small_frames_need_no_tiles() -> None:
    assert tile_regions(960, 540) == []
    assert tile_regions(1, 1) == []


def test_merging_keeps_the_best_of_each_face() -> None:
    boxes = np.array([box(0, 0), box(5, 5), box(300, 0), box(320, 20, 50)], np.float32)
    confidence = np.array([0.7, 0.9, 0.8, 0.6], np.float32)
    assert merge_overlapping(boxes, confidence) == [1, 2]
    assert merge_overlapping(np.empty((0, 4), np.float32), np.empty(0, np.float32)) == []
