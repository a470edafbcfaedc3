"""Pseudo-fakes from one real picture: self-blended images.

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022: a
picture is blended with a changed copy of itself inside a mask of the face. What remains to be
found is what every blending leaves behind: a part that differs from its surroundings in colour,
sharpness, noise, compression and position. Here the real picture of the pair is one of the two
layers as a whole, so that no layer's own look can tell real from fake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from models import masks
from models.augment import Jitter
from models.masks import FloatArray, Points
from realtime.types import Image

_RATIOS: Final = (0.5, 0.75, 1.0, 1.0, 1.0)
_DETAIL_PX: Final = 1.5
_MAX_GAIN: Final = 2.5


@dataclass(frozen=True, slots=True)
class Blend:
    """How two layers become a pseudo-fake.

    ``region`` is a key of `masks.REGIONS`; lengths are fractions of the face's extent.
    ``shift`` (x, y), ``scale`` and ``angle`` (degrees) move the upper layer; ``ratio`` is the
    greatest weight of the upper layer. ``on_upper`` says which layer the jitter changes,
    ``real_is_upper`` which layer is the real picture of the pair.
    """

    region: str
    jitter: Jitter
    on_upper: bool
    real_is_upper: bool
    shift: tuple[float, float]
    scale: float
    angle: float
    elastic: float
    shrink: float
    edge: float
    ratio: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, difficulty: float) -> Blend:
        """``difficulty`` in 0..1: from strong changes with a hard edge to faint ones."""
        ease = 1 - difficulty
        whole = rng.random() < 0.65 + 0.2 * ease
        sign = rng.choice((-1.0, 1.0), 4)
        move = rng.uniform(0.3, 1, 4) * sign * (0.02 + 0.02 * ease)
        return cls(
            region=str(rng.choice(masks.WHOLE_FACE if whole else masks.PARTS)),
            jitter=Jitter.draw(rng, 0.35 + 0.65 * ease),
            on_upper=bool(rng.random() < 0.6),
            real_is_upper=bool(rng.random() < 0.5),
            shift=(float(move[0]), float(move[1])),
            scale=float(1 + move[2]),
            angle=float(move[3] * 90),
            elastic=float(rng.uniform(0.02, 0.08)),
            shrink=float(rng.uniform(0.005, 0.03)),
            edge=float(rng.uniform(0.005, 0.015 + 0.05 * difficulty)),
            ratio=1.0 if not whole or rng.random() < ease else float(rng.choice(_RATIOS)),
            seed=int(rng.integers(2**31)),
        )


def blend(lower: Image, upper: Image, weight: FloatArray) -> Image:
    """``upper`` over ``lower``, both ``(H, W, 3)`` uint8; ``weight`` ``(H, W)`` in 0..1."""
    mixed = lower + weight[..., None] * (upper.astype(np.float32) - lower)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def self_blend(image: Image, landmarks: Points, how: Blend) -> tuple[Image, Image, FloatArray]:
    """Make a pair from one real picture.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        landmarks: ``(>=468, >=2)``, pixels of ``image``.
        how: what to do; equal values give equal results.

    Returns:
        The real picture, the pseudo-fake and the weight of the upper layer ``(H, W)`` float32
        in 0..1, which is 0 wherever the pseudo-fake is the lower layer.
    """
    points = landmarks[: masks.POINTS, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    weight = _weight(points, image.shape[:2], extent, how)
    changed = how.jitter.apply(image)
    lower, upper = (image, changed) if how.on_upper else (changed, image)
    upper = _move(upper, (low + high) / 2, extent, how)
    real = upper if how.real_is_upper else lower
    return real, blend(lower, upper, weight), weight


def redrawn_blend(
    image: Image, drawn: Image, landmarks: Points, how: Blend
) -> tuple[Image, Image, FloatArray]:
    """A pair from one real picture and from what a generator made of it.

    Arguments as for `self_blend`, ``drawn`` of the size of ``image``. A generator makes soft
    pictures unless it is told not to: where ``how.on_upper``, the detail of what it drew is made
    as strong as that of the picture, so that softness alone does not give it away. Where
    ``how.real_is_upper``, the whole picture is drawn, not the face alone.

    Returns:
        The real picture, the pseudo-fake and the weight of what was drawn ``(H, W)``.
    """
    points = landmarks[: masks.POINTS, :2]
    upper = _with_detail_of(image, drawn) if how.on_upper else drawn
    if how.real_is_upper:
        return image, upper, np.ones(image.shape[:2], np.float32)
    extent = masks.extent(points)
    weight = _weight(points, image.shape[:2], extent, how)
    return image, blend(image, upper, weight), weight


def _with_detail_of(image: Image, drawn: Image) -> Image:
    """``drawn`` with its fine detail scaled to the strength that it has in ``image``."""
    coarse = cv2.GaussianBlur(drawn, (0, 0), _DETAIL_PX).astype(np.float32)
    fine = drawn - coarse
    wanted = float((image - cv2.GaussianBlur(image, (0, 0), _DETAIL_PX).astype(np.float32)).std())
    gain = min(_MAX_GAIN, wanted / max(float(fine.std()), 0.1))
    return np.asarray(np.clip(np.rint(coarse + gain * fine), 0, 255), np.uint8)


def _weight(points: Points, size: tuple[int, ...], extent: float, how: Blend) -> FloatArray:
    rng = np.random.default_rng(how.seed)
    region = masks.hull(points, (size[0], size[1]), how.region)
    # small regions would be eaten up by an edge made for a whole face
    small = np.sqrt(float(region.sum()) / (0.7 * extent**2) + 1e-6)
    scale = extent * min(1.0, small)
    region = masks.deform(region, rng, how.elastic * scale)
    region = (region > 0.5).astype(np.float32)
    return masks.soften(region, how.shrink * scale, how.edge * scale) * np.float32(how.ratio)


def _move(image: Image, centre: Points, extent: float, how: Blend) -> Image:
    middle = (float(centre[0]), float(centre[1]))
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, how.angle, how.scale), np.float64)
    matrix[:, 2] += np.asarray(how.shift) * extent
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8)
