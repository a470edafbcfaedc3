"""Faces of one person in the picture of another: where they land, and what stays untouched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import masks
from models.augment import Jitter
from models.catalog import Split
from models.lookalikes import Lookalikes, describe, lookalikes_if_any
from models.prepare import Face
from models.swaps import Swap, align, match_colour, swap_face
from realtime.errors import ConfigError
from realtime.types import Image

PLAIN = Jitter((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 1.0, "none", 0.0, 0)
SIZE = 200


def picture(seed: int = 5) -> Image:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.uint8)


def face_points(seed: int = 5) -> masks.FloatArray:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, masks.POINTS)
    radius = np.sqrt(rng.uniform(0, 1, masks.POINTS)) * SIZE * 0.25
    points = SIZE / 2 + np.stack((radius * np.cos(angle), 1.2 * radius * np.sin(angle)), 1)
    return points.astype(np.float32)


def plain(**changes: object) -> Swap:
    """A swap that changes no more than has to be."""
    drawn = Swap.draw(np.random.default_rng(1), 0.5)
    how = replace(drawn, region="face", jitter=PLAIN, colour=0.0, poisson=False, ratio=1.0)
    return replace(how, **changes)  # type: ignore[arg-type]


@given(st.integers(0, 2**31 - 1), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_nothing_changes_where_the_weight_is_nought(seed: int, difficulty: float) -> None:
    target = picture(1)
    how = Swap.draw(np.random.default_rng(seed), difficulty)
    fake, weight = swap_face(target, face_points(1), picture(2), face_points(1) + 3, how)
    assert fake.shape == target.shape
    assert fake.dtype == np.uint8
    assert weight.dtype == np.float32
    assert 0 <= weight.min() <= weight.max() <= 1
    assert (fake[weight == 0] == target[weight == 0]).all()


@pytest.mark.parametrize("triangles", [True, False])
@pytest.mark.parametrize("poisson", [True, False])
def test_a_face_put_onto_itself_stays_as_it_is(triangles: bool, poisson: bool) -> None:
    image, points = picture(), face_points()
    how = plain(triangles=triangles, poisson=poisson)
    fake, weight = swap_face(image, points, image, points, how)
    assert (weight > 0.9).sum() > 3000
    assert np.abs(fake.astype(int) - image).max() <= 2


@pytest.mark.parametrize("triangles", [True, False])
@pytest.mark.parametrize(
    ("scale", "angle", "mirrored"), [(1.0, 25.0, False), (0.8, -70.0, True), (1.0, 0.0, True)]
)
def test_a_moved_face_is_brought_back(
    triangles: bool, scale: float, angle: float, mirrored: bool
) -> None:
    image, points = picture(), face_points()
    matrix = np.asarray(cv2.getRotationMatrix2D((100, 100), angle, scale), np.float64)
    if mirrored:
        matrix = matrix @ np.array(((-1, 0, SIZE - 1), (0, 1, 0), (0, 0, 1)), np.float64)
    source = np.asarray(cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC))
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    fake, weight = swap_face(image, points, source, moved, plain(triangles=triangles))
    assert np.abs(fake.astype(int) - image)[weight > 0.5].mean() < 2


def test_triangles_bring_every_corner_to_its_place() -> None:
    to = face_points()
    rng = np.random.default_rng(2)
    start = to + 8 * np.sin(to[:, ::-1] / 25) + rng.uniform(-1, 1, 2)  # a bend
    corners = [i for i in masks.REGIONS["inner"] if np.linalg.norm(to[i] - 100, axis=0) < 40]
    for i in corners[:12]:
        source = np.zeros((SIZE, SIZE, 3), np.uint8)
        x, y = (int(v) for v in np.round(start[i]))
        cv2.circle(source, (x, y), 3, (255, 255, 255), -1)
        black = np.zeros_like(source)
        fake, _ = swap_face(black, to, source, start, plain(triangles=True))
        assert fake.any()
        seen = np.argwhere(fake[..., 0] > 60).mean(axis=0)[::-1]
        assert np.linalg.norm(seen - to[i] - (np.array((x, y)) - start[i])) < 2.0


def test_landmarks_that_overlap_are_not_torn_apart() -> None:
    """Those of a turned head: a part of the face lies behind another."""
    to = face_points()
    start = to.copy()
    right = to[:, 0] > 120
    start[right, 0] = 240 - to[right, 0]
    folded, rigid = (
        swap_face(picture(1), to, picture(2), start, plain(triangles=triangles))[0]
        for triangles in (True, False)
    )
    assert (folded == rigid).all()
    flat, _ = swap_face(picture(1), to, picture(2), to + 2, plain(triangles=True))
    assert (flat != rigid).any()


@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_equal_seeds_give_equal_swaps_and_others_do_not(difficulty: float) -> None:
    made = [
        swap_face(
            *(picture(1), face_points(1), picture(2), face_points(2)),
            Swap.draw(np.random.default_rng(seed), difficulty),
        )
        for seed in (4, 4, 5)
    ]
    assert (made[0][0] == made[1][0]).all()
    assert (made[0][1] == made[1][1]).all()
    assert (made[0][0] != made[2][0]).any()


def test_a_large_source_leaves_no_pattern() -> None:
    lines = np.zeros((800, 800, 3), np.uint8)
    lines[:, ::2] = 255  # finer than the target can show: grey at its size
    points = face_points()
    fake, weight = swap_face(picture(), points, lines, points * 4, plain(triangles=True))
    inside = fake[weight > 0.99]
    assert abs(float(inside.mean()) - 127.5) < 3
    assert inside.std() < 10


@pytest.mark.parametrize("offset", [(-90.0, 0.0), (0.0, 95.0), (400.0, 400.0)])
def test_a_face_at_the_border_or_beyond_is_no_error(offset: tuple[float, float]) -> None:
    points = face_points() + np.asarray(offset, np.float32)
    for seed in range(6):
        how = Swap.draw(np.random.default_rng(seed), 0.5)
        for poisson in (True, False):
            fake, weight = swap_face(
                *(picture(), points, picture(2), face_points()), replace(how, poisson=poisson)
            )
            assert fake.shape == (SIZE, SIZE, 3)
            assert (fake[weight == 0] == picture()[weight == 0]).all()


def test_a_poisson_edge_has_no_step() -> None:
    image, points = picture(), face_points()
    bright = np.asarray(np.clip(image.astype(int) + 40, 0, 255), np.uint8)
    off = [
        np.abs(swap_face(image, points, bright, points, plain(poisson=p))[0].astype(int) - image)
        for p in (True, False)
    ]
    assert off[0].max() < 12
    assert off[1].max() >= 38


def test_colours_become_those_around_as_far_as_asked() -> None:
    image = np.asarray(cv2.add(picture(1) // 2, (60.0, 20.0, 0.0, 0.0)), np.uint8)
    like, weight = picture(2), np.zeros((SIZE, SIZE), np.float32)
    weight[50:150, 50:150] = 1
    inside = weight > 0
    far = image[inside].mean(axis=0) - like[inside].mean(axis=0)
    for strength in (0.5, 1.0):
        changed = match_colour(image, like, weight, strength)
        left = changed[inside].mean(axis=0) - like[inside].mean(axis=0)
        assert np.abs(left).max() < np.abs(far).max() * (1.15 - strength) + 2
    assert match_colour(image, like, weight, 0.0) is image
    assert match_colour(image, like, weight * 0, 1.0) is image


@pytest.mark.parametrize("mirror", [1, -1])
def test_the_similarity_is_found(mirror: int) -> None:
    points = face_points().astype(np.float64)
    turn = 1.7 * np.array(((0.8, -0.6), (0.6, 0.8))) @ np.diag((mirror, 1))
    found = align(points, points @ turn.T + (5, -9))
    assert np.allclose(found, np.column_stack((turn, (5, -9))))


def face(number: int, split: Split, points: masks.FloatArray, folder: str = "faces") -> Face:
    return Face(Path(folder) / f"{number}.jpg", "a source", split, points)


def crowd() -> list[Face]:
    """Faces 0..19 of one split and 20..39 of another; even ones are wide, odd ones narrow."""
    rng = np.random.default_rng(0)
    faces = []
    for i in range(40):
        shape = (face_points() - SIZE / 2) * (1.0 if i % 2 else 1.4, 1.0)
        shape = shape + rng.normal(0, 0.5, shape.shape)
        angle, scale = rng.uniform(-0.3, 0.3), rng.uniform(0.5, 2)
        turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle)))) * scale
        points = (shape @ turn.T + rng.uniform(0, 300, 2)).astype(np.float32)
        faces.append(face(i, "train" if i < 20 else "validation", points))
    return faces


def test_partners_are_alike_and_of_the_same_split() -> None:
    found = Lookalikes(crowd(), neighbours=6)
    rng = np.random.default_rng(3)
    for i in range(40):
        partners = {found.partner(i, rng) for _ in range(60)}
        assert len(partners) == 6
        assert i not in partners
        assert {p % 2 for p in partners} == {i % 2}
        assert {p < 20 for p in partners} == {i < 20}


def test_nobody_is_swapped_with_themselves() -> None:
    faces = [replace(f, path=Path(f"clip-{i // 10}") / f"{i}.jpg") for i, f in enumerate(crowd())]
    found = Lookalikes(faces)
    rng = np.random.default_rng(3)
    for i in range(40):
        assert all(found.partner(i, rng) // 10 != i // 10 for _ in range(40))


def test_a_split_of_one_person_is_named() -> None:
    faces = [replace(f, path=Path("clip-7") / f"{i}.jpg") for i, f in enumerate(crowd()[:5])]
    with pytest.raises(ConfigError, match="for train show a single person"):
        Lookalikes(faces)
    assert lookalikes_if_any(faces) is None
    assert lookalikes_if_any([]) is None
    assert lookalikes_if_any([*faces, *crowd()[25:26]]) is None
    assert lookalikes_if_any(crowd()) is not None


def test_a_description_knows_no_place_size_or_roll_but_the_side() -> None:
    rng = np.random.default_rng(8)
    shapes = np.stack([face_points() + rng.normal(0, 3, (masks.POINTS, 2)) for _ in range(30)])
    shapes = shapes.astype(np.float32)
    turn = 1.9 * np.array(((0.6, -0.8), (0.8, 0.6)))
    moved, mirrored = shapes.copy(), shapes.copy()
    moved[0] = shapes[0] @ turn.T + (30, -400)
    mirrored[0] = shapes[0] * (-1, 1)
    whole = describe(shapes)
    spread = np.linalg.norm(whole[0] - whole[1])
    assert np.linalg.norm(describe(moved)[0] - whole[0]) < 0.02 * spread
    assert np.linalg.norm(describe(mirrored)[0] - whole[0]) > spread
