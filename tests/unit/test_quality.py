"""Face quality on pictures whose quality is known, most of them made of one real portrait."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import skimage.data
from scipy.spatial import Delaunay

from realtime.faces import FaceDetector, FaceMesher
from realtime.faces.quality import measure, pose
from realtime.faces.tracks import box_of
from realtime.types import FaceQuality, FloatArray, Image

DEPTH = 1.4
"""How much deeper a head is than its mesh; the rendering needs the true depth."""


@pytest.fixture(scope="module")
def mesher() -> Iterator[FaceMesher]:
    with FaceMesher() as mesher:
        yield mesher


@pytest.fixture(scope="module")
def portrait() -> Image:
    """Three times the size of the original, so that its face measures about 280 px."""
    image = skimage.data.astronaut()[:256, 96:352, ::-1]
    return np.asarray(cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def landmarks(mesher: FaceMesher, portrait: Image) -> FloatArray:
    with FaceDetector() as detector:
        boxes, _ = detector.detect(portrait)
    found, presence = mesher.mesh(portrait, boxes[0])
    assert found is not None
    assert presence > 0.9
    return found


def quality(image: Image, landmarks: FloatArray, presence: float = 1.0) -> FaceQuality:
    return measure(image, box_of(landmarks), landmarks, presence)


def turned(
    image: Image, landmarks: FloatArray, yaw: float, pitch: float
) -> tuple[Image, FloatArray]:
    """Paint the face as it looks turned by so many degrees, triangle by triangle."""
    points = landmarks[:468].astype(float)
    middle = points.mean(axis=0)
    y, p = np.radians([yaw, pitch])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    deep = (points - middle) * (1, 1, DEPTH if yaw else 1)
    moved = deep @ (about_x @ about_y).T + middle
    canvas = np.full_like(image, 90)
    triangles = Delaunay(points[:, :2]).simplices
    for triangle in triangles[np.argsort(-moved[triangles, 2].mean(axis=1))]:
        source, target = (v[triangle, :2].astype(np.float32) for v in (points, moved))
        low = np.floor(target.min(axis=0)).astype(int) - 1
        high = np.ceil(target.max(axis=0)).astype(int) + 2
        affine = cv2.getAffineTransform(source, target - low.astype(np.float32))
        size = tuple((high - low).tolist())
        piece = cv2.warpAffine(image, affine, size, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros(piece.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.round(target - low).astype(np.int32), 1)
        area = canvas[low[1] : high[1], low[0] : high[0]]
        area[mask > 0] = piece[mask > 0]
    expected = np.vstack([moved, np.zeros((10, 3))]).astype(np.float32)
    return canvas, expected


def pose_of(mesher: FaceMesher, image: Image, near: FloatArray) -> tuple[float, float, float]:
    found, _ = mesher.mesh(image, box_of(near))
    assert found is not None
    return pose(found)


@pytest.mark.parametrize("degrees", [-35, -20, 20, 35])
def test_yaw(mesher: FaceMesher, portrait: Image, landmarks: FloatArray, degrees: float) -> None:
    yaw, _, roll = pose_of(mesher, *turned(portrait, landmarks, degrees, 0))
    assert yaw == pytest.approx(degrees + pose(landmarks)[0], abs=8)
    assert abs(roll) < 10


@pytest.mark.parametrize("degrees", [-20, 20])
def test_pitch(mesher: FaceMesher, portrait: Image, landmarks: FloatArray, degrees: float) -> None:
    yaw, pitch, _ = pose_of(mesher, *turned(portrait, landmarks, 0, degrees))
    assert pitch == pytest.approx(degrees + pose(landmarks)[1], abs=8)
    assert abs(yaw) < 8


@pytest.mark.parametrize("degrees", [-30, 15])
def test_roll_is_clockwise(
    mesher: FaceMesher, portrait: Image, landmarks: FloatArray, degrees: float
) -> None:
    height, width = portrait.shape[:2]
    middle = tuple((landmarks[:468, :2].mean(axis=0)).tolist())
    turn = cv2.getRotationMatrix2D(middle, -degrees, 1)  # cv2 counts anticlockwise
    image = np.asarray(cv2.warpAffine(portrait, turn, (width, height)), np.uint8)
    yaw, _, roll = pose_of(mesher, image, landmarks)
    assert roll == pytest.approx(degrees + pose(landmarks)[2], abs=4)
    assert abs(yaw) < 8


def test_a_mirrored_face_has_the_opposite_yaw_and_roll(
    mesher: FaceMesher, portrait: Image, landmarks: FloatArray
) -> None:
    image, near = turned(portrait, landmarks, 25, 0)
    yaw, pitch, roll = pose_of(mesher, image, near)
    mirrored = near * np.float32([-1, 1, 1]) + np.float32([image.shape[1], 0, 0])
    other = pose_of(mesher, np.ascontiguousarray(image[:, ::-1]), mirrored)
    np.testing.assert_allclose(other, (-yaw, pitch, -roll), atol=4)


def test_blur_falls_with_blurring_and_does_not_depend_on_size(
    portrait: Image, landmarks: FloatArray
) -> None:
    values = [
        quality(np.asarray(cv2.GaussianBlur(portrait, (0, 0), s), np.uint8), landmarks).blur
        for s in (1, 4, 10)
    ]
    assert values[0] > 2 * values[1] > 4 * values[2]
    assert values[2] < 12
    small = np.asarray(cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    assert quality(small, landmarks * np.float32(0.5)).blur == pytest.approx(
        quality(portrait, landmarks).blur, rel=0.25
    )


def test_blockiness_grows_with_compression(portrait: Image, landmarks: FloatArray) -> None:
    def compressed(percent: int) -> float:
        _, data = cv2.imencode(".jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, percent])
        return quality(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), landmarks).blockiness

    untouched = quality(portrait, landmarks).blockiness
    assert untouched < 0.3
    assert untouched < compressed(50) < compressed(20) < compressed(5)
    assert compressed(5) > 2


def test_blockiness_of_a_grid_is_its_step() -> None:
    rows, columns = np.indices((160, 160)) // 8
    checks = ((rows + columns) % 2 * 10 + 100).astype(np.uint8)
    image = np.repeat(checks[:, :, None], 3, axis=2)
    box = np.array([3, 5, 150, 150], np.float32)
    assert measure(image, box, None).blockiness == pytest.approx(10, abs=0.1)


def test_brightness_is_mean_luma(portrait: Image, landmarks: FloatArray) -> None:
    grey = np.full_like(portrait, 77)
    assert quality(grey, landmarks).brightness == pytest.approx(77, abs=0.5)


def test_a_free_face_is_hardly_occluded(portrait: Image, landmarks: FloatArray) -> None:
    assert quality(portrait, landmarks).occlusion < 0.2


@pytest.mark.parametrize("colour", [(128, 128, 128), (200, 180, 40), (20, 20, 20)])
def test_a_cover_counts(
    portrait: Image, landmarks: FloatArray, colour: tuple[int, int, int]
) -> None:
    x, y, width, height = (round(float(v)) for v in box_of(landmarks))
    free = quality(portrait, landmarks).occlusion
    mask = portrait.copy()
    mask[y + round(height * 0.55) : y + height, x : x + width] = colour
    assert free + 0.2 < quality(mask, landmarks).occlusion < 0.7


def test_what_is_outside_the_frame_counts(portrait: Image, landmarks: FloatArray) -> None:
    x, _, width, _ = box_of(landmarks)
    half = np.ascontiguousarray(portrait[:, round(float(x + width / 2)) :])
    moved = landmarks - np.array([round(float(x + width / 2)), 0, 0], np.float32)
    assert quality(half, moved).occlusion == pytest.approx(0.5, abs=0.15)


def test_a_doubtful_mesh_counts_as_covered(portrait: Image, landmarks: FloatArray) -> None:
    assert quality(portrait, landmarks, presence=0.4).occlusion >= 0.59


def test_without_landmarks_the_face_counts_as_turned_away(portrait: Image) -> None:
    seen = measure(portrait, np.array([200, 100, 250, 300], np.float32), None)
    assert (seen.yaw, seen.pitch, seen.roll, seen.size_px) == (90, 0, 0, 250)
    assert seen.blur > 0


@pytest.mark.parametrize("place", [(-500, 0, 80, 80), (5000, 20, 80, 80), (10, 10, 0, 0)])
def test_a_box_without_pixels_is_fully_covered(
    portrait: Image, place: tuple[int, int, int, int]
) -> None:
    seen = measure(portrait, np.array(place, np.float32), None)
    assert seen.occlusion == 1
    assert np.isfinite(list(seen.as_dict().values())).all()
