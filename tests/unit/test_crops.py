"""What the model sees: geometry to a fraction of a pixel, borders, smoothing, colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.crops import crop_face, crop_matrix, to_tensor, warp
from realtime.types import LANDMARK_COUNT
from tests.contract.onnx_models import contract

NAN = np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
EYES_NOSE_MOUTH = (33, 133, 362, 263, 1, 61, 291)


def texture(height: int = 120, width: int = 160, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def ramp(height: int = 120, width: int = 160) -> np.ndarray:
    """Float picture whose value is the continuous x at the centre of each pixel."""
    return np.tile(np.arange(width, dtype=np.float32) + 0.5, (height, 1))


def face(x: float = 40, y: float = 30, width: float = 60, height: float = 70, seed: int = 0):
    """Landmarks whose bounding box is as given, with the irises far outside of it."""
    rng = np.random.default_rng(seed)
    points = np.full((LANDMARK_COUNT, 3), 1e4, np.float32)
    points[:468, 0] = rng.uniform(x, x + width, 468)
    points[:468, 1] = rng.uniform(y, y + height, 468)
    points[468 - 2, :2] = x, y
    points[468 - 1, :2] = x + width, y + height
    for index, (u, v) in zip(
        EYES_NOSE_MOUTH,
        [(0.2, 0.4), (0.4, 0.4), (0.6, 0.4), (0.8, 0.4), (0.5, 0.6), (0.3, 0.8), (0.7, 0.8)],
        strict=True,
    ):
        points[index, :2] = x + u * width, y + v * height
    return points


def turned(points: np.ndarray, degrees: float, centre: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    result = points.copy()
    result[:, :2] = (points[:, :2] - centre) @ turn.T + centre
    return result


def place(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Continuous coordinates in the crop of continuous ones in the frame."""
    return (points - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5


def test_a_box_of_the_input_size_is_copied_exactly() -> None:
    image = texture()
    crop = crop_face(image, (17, 23, 32, 32), None, contract(), track_id=7)
    assert crop is not None
    assert crop.track_id == 7
    assert np.array_equal(crop.pixels, image[23:55, 17:49])
    assert np.array_equal(crop.to_crop, np.float32([[1, 0, -17], [0, 1, -23]]))


def test_halving_is_the_mean_of_four_pixels() -> None:
    image = texture()
    crop = crop_face(image, (10, 20, 64, 64), None, contract())
    assert crop is not None
    part = image[20:84, 10:74].astype(float)
    means = part.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(crop.pixels - means).max() <= 1


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@pytest.mark.parametrize("side", [9.0, 20.0, 31.9, 32.0, 40.0, 57.3, 64.0, 95.0])
def test_every_scale_keeps_positions(side: float, kernel: str) -> None:
    about = contract(crop__interpolation=kernel)
    x = 30.25
    matrix = crop_matrix((x, 12.5, side, side), None, about)
    assert matrix is not None
    got = warp(ramp(), matrix, (32, 32), about.crop)
    want = x + (np.arange(32) + 0.5) * side / 32
    # A 32nd of a pixel is the step of OpenCV's interpolation tables, and its cubic kernel bends
    # a straight line a little.
    assert np.abs(got - want).max() < (0.04 if kernel == "linear" else 0.12)


@settings(deadline=None, max_examples=60)
@given(
    x=st.floats(-20, 140),
    y=st.floats(-20, 100),
    side=st.floats(12, 150),
    padding=st.sampled_from(["reflect", "black", "edge"]),
)
def test_a_mirrored_frame_gives_the_mirrored_crop(
    x: float, y: float, side: float, padding: str
) -> None:
    image = texture()
    about = contract(crop__padding=padding)
    one = crop_face(image, (x, y, side, side), None, about)
    other = crop_face(image[:, ::-1], (160 - x - side, y, side, side), None, about)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        apart = np.abs(one.pixels.astype(int) - other.pixels[:, ::-1])
        # A shift by half a pixel would be seen: this texture changes by up to 40 a pixel.
        assert apart.mean() < 1
        assert apart.max() <= 12


def test_fine_texture_turns_gray_when_it_shrinks_and_does_not_alias() -> None:
    board = (np.indices((120, 160)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.dstack([board] * 3)
    for side in (48.0, 64.0, 83.0, 111.0):
        crop = crop_face(image, (5, 5, side, side), None, contract())
        assert crop is not None
        # Plain bilinear sampling gives a standard deviation of 40 to 90 here.
        assert crop.pixels.std() < 16, side


def test_the_margin_is_a_fraction_of_each_side() -> None:
    matrix = crop_matrix((40, 30, 50, 50), None, contract(crop__margin=0.25))
    assert matrix is not None
    corners = np.array([[40 - 12.5, 30 - 12.5], [90 + 12.5, 80 + 12.5]])
    assert np.allclose(place(matrix, corners), [[0, 0], [32, 32]])


def test_squaring_keeps_the_centre_and_the_proportions() -> None:
    matrix = crop_matrix((40, 30, 20, 50), None, contract())
    assert matrix is not None
    assert np.allclose(place(matrix, np.array([[50, 55], [25, 30]])), [[16, 16], [0, 0]])
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])


def test_without_squaring_the_box_is_stretched() -> None:
    about = contract(crop__square=False, input__size=(32, 64))
    crop = crop_face(texture(), (40, 30, 20, 50), None, about)
    assert crop is not None
    assert crop.pixels.shape == (32, 64, 3)
    corners = np.array([[40, 30], [60, 80]])
    assert np.allclose(place(crop.to_crop, corners), [[0, 0], [64, 32]], atol=1e-4)


def test_the_landmark_box_ignores_irises_and_the_tracked_box() -> None:
    about = contract(crop__kind="landmark_box", crop__square=False)
    matrix = crop_matrix((0, 0, 5, 5), face(40, 30, 60, 70), about)
    assert matrix is not None
    assert np.allclose(place(matrix, np.array([[40, 30], [100, 100]])), [[0, 0], [32, 32]])


@pytest.mark.parametrize("missing", [None, NAN])
def test_without_landmarks_the_box_serves_where_the_kind_allows(missing) -> None:
    box = (40, 30, 50, 50)
    plain = crop_matrix(box, None, contract())
    assert np.array_equal(crop_matrix(box, missing, contract(crop__kind="landmark_box")), plain)
    for about in (
        contract(crop__kind="landmark_box", crop__align="roll"),
        contract(crop__kind="align5", crop__align="arcface"),
    ):
        assert crop_face(texture(), box, missing, about) is None


@pytest.mark.parametrize("degrees", [-60, -15, 30, 90])
def test_levelling_undoes_the_roll(degrees: float) -> None:
    about = contract(crop__kind="landmark_box", crop__align="roll", crop__margin=0.1)
    level = face()
    tilted = turned(level, degrees, (80, 60))
    one = crop_matrix((0, 0, 9, 9), level, about)
    other = crop_matrix((0, 0, 9, 9), tilted, about)
    assert one is not None
    assert other is not None
    points = [33, 263, 61, 291]
    assert np.allclose(place(one, level[points, :2]), place(other, tilted[points, :2]), atol=1e-3)


@pytest.mark.parametrize("degrees", [0, 25, -140])
@pytest.mark.parametrize("margin", [0.0, 0.15])
def test_the_five_points_land_on_the_template(degrees: float, margin: float) -> None:
    about = contract(crop__kind="align5", crop__align="arcface", crop__margin=margin)
    template = {
        33: (38.2946, 51.6963),
        133: (38.2946, 51.6963),
        362: (73.5318, 51.5014),
        263: (73.5318, 51.5014),
        1: (56.0252, 71.7366),
        61: (41.5493, 92.3655),
        291: (70.7299, 92.2041),
    }
    points = face()
    for index, (x, y) in template.items():
        points[index, :2] = 0.7 * x + 30, 0.7 * y + 10
    points = turned(points, degrees, (60, 60))
    matrix = crop_matrix((0, 0, 9, 9), points, about)
    assert matrix is not None
    want = (np.array(list(template.values())) + 112 * margin) * 32 / (112 * (1 + 2 * margin))
    assert np.allclose(place(matrix, points[list(template), :2]), want, atol=1e-3)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_the_points_land_on_the_mean_face_of_the_published_code() -> None:
    """Computed here from the mean face, face width 80 and scale 0.9 as CADDM's settings say."""
    mean = 0.9 * np.array(
        [
            [-0.17607, -0.172844],
            [0.1736, -0.17356],
            [-0.00182, 0.0357164],
            [-0.14617, 0.20185],
            [0.14496, 0.19943],
        ]
    )
    ratio = 80 / (224 * 0.34967)
    want = (mean * ratio + 0.5) * 224
    want[:, 1] /= (mean[0, 1] * ratio + 0.5) * (1 + 1.42)
    about = contract(
        crop__kind="align5", crop__align="caddm", crop__padding="black", input__size=(224, 224)
    )
    points = face()
    groups = [(33, 133), (362, 263), (1,), (61,), (291,)]
    for group, place_wanted in zip(groups, want, strict=True):
        points[list(group), :2] = 0.4 * place_wanted + (20, 15)
    matrix = crop_matrix((0, 0, 9, 9), points, about)
    assert matrix is not None
    firsts = [group[0] for group in groups]
    assert np.allclose(place(matrix, points[firsts, :2]), want, atol=1e-2)


@pytest.mark.parametrize(
    ("box", "margin", "want"),
    [
        ((60, 40, 20, 30), 0.5, (50, 25, 40, 60)),  # fits as it is
        ((2, 40, 20, 30), 0.5, (0, 25, 40, 60)),  # moved right
        ((130, 80, 20, 30), 0.5, (120, 60, 40, 60)),  # moved left and up
        ((60, 40, 20, 30), 2.0, (30, 0, 80, 120)),  # shrunk to the height of the frame
        ((2, 40, 20, 30), 2.0, (0, 0, 80, 120)),  # both
    ],
)
def test_a_crop_kept_inside_moves_and_shrinks_but_keeps_its_proportions(box, margin, want) -> None:
    about = contract(crop__padding="inside", crop__margin=margin, crop__square=False)
    crop = crop_face(texture(), box, None, about)
    assert crop is not None
    x, y, width, height = want
    corners = np.array([[x, y], [x + width, y + height]])
    assert np.allclose(place(crop.to_crop, corners), [[0, 0], [32, 32]], atol=1e-3)
    assert crop_face(texture(), (400, 10, 30, 30), None, about) is None


def test_the_inverse_puts_the_crop_back_on_the_face() -> None:
    image = texture()
    about = contract(
        crop__kind="align5", crop__align="arcface", crop__margin=0.3, input__size=(128, 128)
    )
    crop = crop_face(image, (0, 0, 9, 9), turned(face(), 20, (70, 60)), about)
    assert crop is not None
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    forth = cv2.invertAffineTransform(crop.to_crop)
    back = cv2.warpAffine(crop.pixels, crop.to_crop, size, flags=flags)
    also = cv2.warpAffine(crop.pixels, forth, size)
    assert np.abs(back.astype(int) - also).max() <= 2
    inside = cv2.warpAffine(np.full((128, 128), 255, np.uint8), crop.to_crop, size, flags=flags)
    seen = cv2.erode(inside, np.ones((5, 5), np.uint8)) == 255
    assert seen.sum() > 2000
    assert np.abs(back[seen].astype(int) - image[seen]).mean() < 2


@pytest.mark.parametrize(
    ("padding", "want"),
    [("black", 0), ("edge", 0.5), ("reflect", 8.5)],
)
def test_what_lies_outside_the_frame(padding: str, want: float) -> None:
    about = contract(crop__padding=padding)
    matrix = crop_matrix((-8, 10, 32, 32), None, about)
    assert matrix is not None
    got = warp(ramp(), matrix, (32, 32), about.crop)
    assert got[0, 0] == pytest.approx(want)
    assert got[0, 8] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "box",
    [
        (200, 10, 30, 30),
        (-40, 10, 30, 30),
        (10, 130, 30, 30),
        (10, 10, 0, 30),
        (10, 10, -5, 30),
        (10, 10, 30, np.nan),
        (10, 10, np.inf, 30),
        (10, 10, 1e9, 1e9),
        (1e30, 1e30, 1e30, 1e30),
    ],
)
def test_a_face_that_is_not_in_the_frame_gives_no_crop(box) -> None:
    assert crop_face(texture(), box, None, contract()) is None


def test_collapsed_landmarks_give_no_crop() -> None:
    points = np.full((LANDMARK_COUNT, 3), 50, np.float32)
    for kind, align in (("landmark_box", "none"), ("align5", "arcface")):
        about = contract(crop__kind=kind, crop__align=align)
        assert crop_face(texture(), (10, 10, 30, 30), points, about) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 5), (17, 40000), (40000, 3)])
def test_odd_frames_do_not_fail(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 9, np.uint8)
    crop = crop_face(image, (0, 0, min(shape), min(shape)), None, contract())
    assert (crop is None) == (max(shape) > 32766)
    assert crop is None or (crop.pixels == 9).all()


def test_pixels_and_matrix_are_read_only_and_the_frame_may_be() -> None:
    image = texture()
    image.setflags(write=False)
    crop = crop_face(image, (10, 10, 50, 50), None, contract())
    assert crop is not None
    assert not crop.pixels.flags.writeable
    assert not crop.to_crop.flags.writeable
    assert (crop.pixels.dtype, crop.to_crop.dtype) == (np.uint8, np.float32)


def test_landmarks_of_another_shape_are_a_bug() -> None:
    with pytest.raises(ValueError, match="Landmarks"):
        crop_matrix((1, 1, 9, 9), np.zeros((68, 2)), contract())


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_the_tensor_is_as_the_contract_says(layout: str, colour: str) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    about = contract(input__layout=layout, input__colour=colour, input__mean=mean, input__std=std)
    crops = [texture(32, 32, seed) for seed in range(3)]
    got = to_tensor(crops, about)
    assert got.shape == (3, *about.input.shape)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    for crop, tensor in zip(crops, got, strict=True):
        pixels = crop[..., ::-1] if colour == "rgb" else crop
        want = (pixels / 255.0 - mean) / std
        have = tensor.transpose(1, 2, 0) if layout == "nchw" else tensor
        assert np.allclose(have, want, atol=1e-5)


def test_gray_weighs_the_colours_as_the_eye_does() -> None:
    about = contract(input__colour="gray", input__mean=(0.0,), input__std=(1.0,), input__scale=1.0)
    crop = np.zeros((32, 32, 3), np.uint8)
    crop[..., 1] = 200
    got = to_tensor([crop], about)
    assert got.shape == (1, 1, 32, 32)
    assert got.mean() == pytest.approx(0.587 * 200, abs=0.5)


def test_no_crops_make_an_empty_tensor_and_wrong_ones_are_a_bug() -> None:
    assert to_tensor([], contract()).shape == (0, 3, 32, 32)
    with pytest.raises(ValueError, match="must be"):
        to_tensor([np.zeros((31, 32, 3), np.uint8)], contract())
