"""The picture of the demo clip and its swapped twin.

The portrait is NASA's of the astronaut Eileen Collins, in the public domain, as shipped inside
scikit-image. Since no second person's picture is at hand, the swap is a self-blend in the sense
of Shiohara and Yamasaki ("Detecting Deepfakes with Self-Blended Images", CVPR 2022): the inner
face is changed as a face-swap program changes it and blended back through a soft mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from realtime.demo.fields import EYE_LINE, EYES, FACE, FACE_BOX
from realtime.types import FloatArray, Image

Plane = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in frame pixels, the last two not included."""

_FRAME: Final = (512.0, 288.0)
"""Head and shoulders, 16:9."""
_MIDDLE: Final = 226.0
_SHADOW: Final = 0.72
_WATER_LINE: Final = 0.8
"""How far below the opening of the eye its wet edge reaches, in portrait pixels."""

# What the swap changes; levels of 255. A mismatch of 5 to 10 is a careful swap, of 25 to 40 a
# careless one; a live program that matches colours once and not on every frame lies between.
_COLOUR_GAIN: Final = (0.93, 0.97, 1.02)
_COLOUR_SHIFT: Final = (-7.0, -4.0, 5.0)
_SWAP_PIXELS: Final = 64
"""Side of the aligned face that the swap paints, that of the first public swap programs. No
generator drew it, so the built-in detector does not call it forged."""
_SWAP_GROWTH: Final = 1.05
_SWAP_SHEAR: Final = 0.02
_SHARPEN: Final = 0.6
_FEATHER: Final = 3.2
# Brows, temples, cheeks, chin: the usual hull of the inner face, clockwise.
_HULL: Final = (
    (200, 83), (213, 81), (236, 82), (252, 85), (262, 96), (264, 112), (261, 132), (255, 150),
    (245, 162), (232, 169), (216, 169), (202, 164), (192, 153), (187, 135), (185, 112), (188, 94),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planes:
    """One picture as Y, U and V planes (BT.601, limited range), colour at half resolution."""

    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def of(cls, image: Image) -> Planes:
        """From BGR with even sides."""
        height, width = image.shape[:2]
        packed = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).reshape(-1)
        quarter = height * width // 4
        y, u, v = np.split(packed, [height * width, height * width + quarter])
        half = (height // 2, width // 2)
        return cls(y.reshape(height, width), u.reshape(half), v.reshape(half))

    def copy(self) -> Planes:
        """Its own memory."""
        return Planes(self.y.copy(), self.u.copy(), self.v.copy())

    def towards(self, other: Planes, share: float) -> Planes:
        """This picture mixed with ``share`` of another, 0 to 1."""
        if share == 0:
            return self
        mixed = (
            np.asarray(cv2.addWeighted(one, 1 - share, two, share, 0), np.uint8)
            for one, two in zip(self, other, strict=True)
        )
        return Planes(*mixed)

    def __iter__(self) -> Iterator[Plane]:
        return iter((self.y, self.u, self.v))


@dataclass(frozen=True, slots=True)
class View:
    """How the portrait lies in the frame: frame pixel = (portrait pixel - origin) x scale."""

    width: int
    height: int
    scale: float
    left: float
    top: float

    @classmethod
    def cover(cls, width: int, height: int) -> View:
        """Fill a frame of that size with head and shoulders, the face in the middle."""
        scale = max(width / _FRAME[0], height / _FRAME[1])
        left = min(max(_MIDDLE - width / scale / 2, 0.0), 512 - width / scale)
        return cls(width, height, scale, left, 0.0)

    def to_frame(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of the frame that shows a pixel of the portrait."""
        return (
            (x + 0.5 - self.left) * self.scale - 0.5,
            (y + 0.5 - self.top) * self.scale - 0.5,
        )

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Portrait box in frame pixels, cut at the frame, on even numbers for the colour planes."""
        x0, y0 = self.to_frame(left, top)
        x1, y1 = self.to_frame(right, bottom)
        return (
            max(int(x0) & ~1, 0),
            max(int(y0) & ~1, 0),
            min((int(x1) + 1) & ~1, self.width),
            min((int(y1) + 1) & ~1, self.height),
        )

    def grid(self, box: Box, step: int) -> tuple[FloatArray, FloatArray]:
        """Portrait columns and rows at the centres of ``step``-sized cells of a frame box."""
        x0, y0, x1, y1 = box
        xs = (np.arange(-(-(x1 - x0) // step)) * step + x0 + step / 2) / self.scale + self.left
        ys = (np.arange(-(-(y1 - y0) // step)) * step + y0 + step / 2) / self.scale + self.top
        x, y = np.meshgrid((xs - 0.5).astype(np.float32), (ys - 0.5).astype(np.float32))
        return x, y


def picture(view: View) -> Image:
    """The portrait as the camera sees it at rest: ``(height, width, 3)`` uint8 BGR."""
    photo: Image = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    portrait = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    to_frame = np.array(
        [
            [view.scale, 0, (0.5 - view.left) * view.scale - 0.5],
            [0, view.scale, (0.5 - view.top) * view.scale - 0.5],
        ]
    )
    enlarged = cv2.warpAffine(
        portrait, to_frame, (view.width, view.height),
        flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return _sharpen(enlarged, 0.6 * view.scale, 0.7)


def shaded(image: Image, view: View) -> Image:
    """A picture with the eyes in the shadow that falling lids and lashes cast on them."""
    box = (0, 0, view.width, view.height)
    x, y = view.grid(box, 1)
    shadow = np.zeros_like(x)
    for eye in EYES:
        upper, lower = eye.edges(x)
        opening = (lower - upper > 0.1) & (y > upper) & (y < lower + _WATER_LINE)
        shadow[opening] = _SHADOW
    shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 0.4 * view.scale), np.float32)
    return np.asarray(image * (1 - shadow[..., None]), np.uint8)


def swapped(image: Image, view: View) -> tuple[Image, FloatArray]:
    """The swapped twin of `picture` and the soft mask that it is blended in with.

    Returns:
        the whole picture with a changed face, uint8 BGR, and the mask ``(height, width)``
        float32, 1 where the swap covers the face.
    """
    centre = view.to_frame(*FACE)
    side = (FACE_BOX[3] - FACE_BOX[1]) * view.scale
    small = _SWAP_PIXELS / side
    # Another face has other proportions: grown about the line of the eyes, so that the lids still
    # close where the eyes are.
    zoom = small * _SWAP_GROWTH
    middle = _SWAP_PIXELS / 2
    eyes = view.to_frame(*EYE_LINE)[1]
    eyes_small = middle + small * (eyes - centre[1])
    to_small = np.array(
        [
            [zoom, _SWAP_SHEAR * zoom, middle - zoom * (centre[0] + _SWAP_SHEAR * eyes)],
            [0, zoom, eyes_small - zoom * eyes],
        ]
    )
    painted = cv2.warpAffine(
        image, to_small, (_SWAP_PIXELS, _SWAP_PIXELS), flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    painted = _sharpen(painted, 1.2, _SHARPEN)
    painted = np.clip(painted * np.array(_COLOUR_GAIN) + np.array(_COLOUR_SHIFT), 0, 255)
    back = np.array(
        [[1 / small, 0, centre[0] - middle / small], [0, 1 / small, centre[1] - middle / small]]
    )
    size = (view.width, view.height)
    face = image.copy()
    cv2.warpAffine(
        painted.astype(np.uint8), back, size, dst=face,
        flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_TRANSPARENT,
    )  # fmt: skip
    mask = np.zeros((view.height, view.width), np.uint8)
    hull = np.array([view.to_frame(*point) for point in _HULL]).round().astype(np.int32)
    cv2.fillConvexPoly(mask, hull, (1,))
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _FEATHER * view.scale)
    return face, np.asarray(soft, np.float32)


def _sharpen(image: NDArray[Any], radius: float, amount: float) -> Image:
    """Unsharp mask."""
    soft = cv2.GaussianBlur(image, (0, 0), radius)
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)
