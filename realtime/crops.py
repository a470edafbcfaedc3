"""The only place where a face becomes a model input; training and live use share it.

Boxes and landmarks are in continuous coordinates, in which the frame spans 0..width and the
centre of pixel 0 lies at 0.5. Matrices map pixel indices to pixel indices, as OpenCV does, so
that ``cv2.warpAffine(cam, to_crop, frame_size, flags=WARP_INVERSE_MAP)`` paints a map of the
crop on the frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime.contract import CropSpec, InputSpec, ModelContract
from realtime.types import Crop, FloatArray, Image

Matrix = NDArray[np.float64]
"""``(2, 3)``, from pixel indices of the frame to pixel indices of the crop."""

FACE_LANDMARKS: Final = 468
_RIGHT_EYE: Final = (33, 133)
_LEFT_EYE: Final = (362, 263)
_NOSE_TIP: Final = (1,)
_MOUTH_RIGHT: Final = (61,)
_MOUTH_LEFT: Final = (291,)

# Where the eyes, the nose and the corners of the mouth land, the subject's right side first, which
# is on the left of the picture, in a square of so many pixels.
_TEMPLATES: Final = {
    # Deng et al., CVPR 2019
    "arcface": (
        112.0,
        np.array(
            [
                [38.2946, 51.6963],
                [73.5318, 51.5014],
                [56.0252, 71.7366],
                [41.5493, 92.3655],
                [70.7299, 92.2041],
            ]
        ),
    ),
    # Dong et al., CVPR 2023: the mean face of the published code at face width 80, scale 0.9
    "caddm": (
        224.0,
        np.array(
            [
                [75.7457, 92.5620],
                [147.7457, 92.3834],
                [111.6252, 144.5842],
                [81.9024, 186.0237],
                [141.8485, 185.4200],
            ]
        ),
    ),
}
_MAX_CANVAS: Final = 4096
_MAX_FRAME: Final = 32767  # OpenCV's warp counts pixels in 16 bits
_MAX_SPREAD: Final = 8
_BORDERS: Final = {
    "reflect": cv2.BORDER_REFLECT_101,
    "black": cv2.BORDER_CONSTANT,
    "edge": cv2.BORDER_REPLICATE,
    "inside": cv2.BORDER_REPLICATE,
}
_KERNELS: Final = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


def crop_face(
    image: Image,
    box: ArrayLike,
    landmarks: ArrayLike | None,
    contract: ModelContract,
    track_id: int = 0,
) -> Crop | None:
    """Cut one face out of a frame as the contract wants it.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        box: ``x, y, width, height`` in pixels of the frame.
        landmarks: ``(478, 2 or 3)`` or the first 468 of them, in pixels of the frame; None or
            NaN where they were not found.
        contract: what the model takes.
        track_id: goes into the crop.

    Returns:
        The crop, its pixels read-only, moved into the frame if the contract pads ``inside``.
        None if the face lies outside the frame, has no extent or an absurd one, or has no
        landmarks where the contract cannot do without, and for a frame of 32767 or more pixels
        a side.
    """
    matrix = crop_matrix(box, landmarks, contract)
    if matrix is None or not _is_inside(image, matrix, contract.input.size):
        return None
    if contract.crop.padding == "inside":
        matrix = _moved_inside(image, matrix, contract.input.size)
    pixels = warp(image, matrix, contract.input.size, contract.crop)
    to_crop = matrix.astype(np.float32)
    pixels.setflags(write=False)
    to_crop.setflags(write=False)
    return Crop(track_id, pixels, to_crop)


def crop_matrix(
    box: ArrayLike, landmarks: ArrayLike | None, contract: ModelContract
) -> Matrix | None:
    """Where the crop lies; arguments and None as for `crop_face`, which see."""
    spec, size = contract.crop, contract.input.size
    points = _usable(landmarks)
    if spec.kind == "align5":
        linear = None if points is None else _similarity(_five_points(points), spec, size[0])
    elif spec.kind == "landmark_box" and points is not None:
        turn = _level(points) if spec.align == "roll" else np.eye(2)
        turned = points @ turn.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        linear = _stretch(low, high - low, turn, spec, size)
    elif spec.align == "none":
        x, y, width, height = np.asarray(box, np.float64).reshape(4)
        linear = _stretch(np.array([x, y]), np.array([width, height]), np.eye(2), spec, size)
    else:
        linear = None
    return None if linear is None else _to_indices(linear)


def warp(
    image: NDArray[Any], matrix: Matrix, size: tuple[int, int], spec: CropSpec
) -> NDArray[Any]:
    """Resample a picture or a mask, ``(H, W)`` or ``(H, W, C)`` uint8 or float32, by ``matrix``.

    Where it shrinks, several samples are taken for each pixel of the result and averaged over
    its area, so that fine texture cannot alias. Returns an array of ``size`` (height, width)
    and of the same type.
    """
    height, width = size
    steps_x = _steps(float(np.hypot(*matrix[0, :2])), width)
    steps_y = _steps(float(np.hypot(*matrix[1, :2])), height)
    finer = matrix * [[steps_x], [steps_y]]
    finer[:, 2] += [(steps_x - 1) / 2, (steps_y - 1) / 2]
    shrinks = steps_x > 1 or steps_y > 1
    result: NDArray[Any] = cv2.warpAffine(
        image,
        finer,
        (width * steps_x, height * steps_y),
        flags=cv2.INTER_LINEAR if shrinks else _KERNELS[spec.interpolation],
        borderMode=_BORDERS[spec.padding],
    )
    if shrinks:
        result = cv2.resize(result, (width, height), interpolation=cv2.INTER_AREA)
    return result


def to_tensor(pixels: Sequence[Image], contract: ModelContract) -> FloatArray:
    """Turn crops into the model's input.

    ``pixels`` are ``(h, w, 3)`` uint8 BGR at the contract's input size. Returns a contiguous
    float32 array ``(N, C, h, w)`` or ``(N, h, w, C)`` as the layout says, each value being
    ``(pixel * scale - mean) / std`` in the contract's colour order.

    Raises:
        ValueError: if a crop has another shape or type.
    """
    spec = contract.input
    shape = (*spec.size, 3)
    for crop in pixels:
        if crop.shape != shape or crop.dtype != np.uint8:
            raise ValueError(f"A crop must be {shape} uint8, not {crop.shape} {crop.dtype}.")
    batch = np.empty((len(pixels), *spec.size, spec.channels), np.float32)
    for i, crop in enumerate(pixels):
        batch[i] = _colours(crop, spec)
    std = np.asarray(spec.std, np.float64)
    batch *= (spec.scale / std).astype(np.float32)
    batch -= (np.asarray(spec.mean, np.float64) / std).astype(np.float32)
    if spec.layout == "nchw":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch)


def _colours(crop: Image, spec: InputSpec) -> Image:
    if spec.colour == "gray":
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
    return crop[..., ::-1] if spec.colour == "rgb" else crop


def _usable(landmarks: ArrayLike | None) -> Matrix | None:
    if landmarks is None:
        return None
    points = np.asarray(landmarks, np.float64)
    if points.ndim != 2 or len(points) < FACE_LANDMARKS:
        raise ValueError(f"Landmarks must be (478, 3) or (468, 2), not {points.shape}.")
    points = points[:FACE_LANDMARKS, :2]
    return points if bool(np.isfinite(points).all()) else None


def _five_points(points: Matrix) -> Matrix:
    groups = (_RIGHT_EYE, _LEFT_EYE, _NOSE_TIP, _MOUTH_RIGHT, _MOUTH_LEFT)
    return np.array([points[list(group)].mean(axis=0) for group in groups])


def _level(points: Matrix) -> Matrix:
    """The rotation after which the line through the eyes is horizontal."""
    right, left = _five_points(points)[:2]
    angle = math.atan2(left[1] - right[1], left[0] - right[0])
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def _stretch(
    low: Matrix, extent: Matrix, turn: Matrix, spec: CropSpec, size: tuple[int, int]
) -> Matrix | None:
    """Turned box to crop, both continuous."""
    if not (np.isfinite(low).all() and np.isfinite(extent).all() and (extent >= 1).all()):
        return None
    centre = low + extent / 2
    if spec.square:
        extent = np.full(2, extent.max())
    extent = extent * (1 + 2 * spec.margin)
    scale = np.array([size[1], size[0]]) / extent
    return np.column_stack([turn * scale[:, None], -(centre - extent / 2) * scale])


def _similarity(points: Matrix, spec: CropSpec, side: int) -> Matrix | None:
    """Least-squares similarity transform of five points onto the template (Umeyama, 1991).

    In two dimensions and without reflection it is linear in ``a, b, tx, ty`` of
    ``[[a, -b, tx], [b, a, ty]]``.
    """
    square, template = _TEMPLATES[spec.align]
    target = (template + square * spec.margin) * (side / (square * (1 + 2 * spec.margin)))
    centred = points - points.mean(axis=0)
    spread = float((centred**2).sum())
    if spread < 1:
        return None
    goal = target - target.mean(axis=0)
    a = float((centred * goal).sum()) / spread
    b = float((centred[:, 0] * goal[:, 1] - centred[:, 1] * goal[:, 0]).sum()) / spread
    if math.hypot(a, b) < 1e-4:
        return None
    linear = np.array([[a, -b], [b, a]])
    return np.column_stack([linear, target.mean(axis=0) - linear @ points.mean(axis=0)])


def _to_indices(continuous: Matrix) -> Matrix:
    """From coordinates in which pixel 0 is centred on 0.5 to those in which it is on 0."""
    matrix = continuous.copy()
    matrix[:, 2] += continuous[:, :2].sum(axis=1) / 2 - 0.5
    return matrix


def _is_inside(image: Image, matrix: Matrix, size: tuple[int, int]) -> bool:
    """Whether any part of the crop shows the frame, and it is of a size that a face can have."""
    frame = np.array([image.shape[1], image.shape[0]])
    height, width = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64) - 0.5
    back = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T + 0.5
    low, high = back.min(axis=0), back.max(axis=0)
    meets = bool((high > 0).all() and (low < frame).all())
    sane = (high - low).max() <= _MAX_SPREAD * frame.max() < _MAX_SPREAD * _MAX_FRAME
    return meets and bool(sane)


def _moved_inside(image: Image, matrix: Matrix, size: tuple[int, int]) -> Matrix:
    """The upright crop made smaller and moved just as far as it takes to lie in the frame."""
    frame = np.array([image.shape[1], image.shape[0]], np.float64)
    scale = matrix.diagonal()
    low = (scale / 2 - 0.5 - matrix[:, 2]) / scale
    extent = np.array([size[1], size[0]]) / scale
    shrunk = extent * min(1.0, float((frame / extent).min()))
    start = np.clip(low + (extent - shrunk) / 2, 0, frame - shrunk)
    finer = np.array([size[1], size[0]]) / shrunk
    return _to_indices(np.column_stack([np.diag(finer), -start * finer]))


def _steps(scale: float, side: int) -> int:
    return max(1, min(math.ceil(1 / scale - 1e-6), _MAX_CANVAS // side))
