"""What pictures go through: texture and colour changes of one layer, and the life of a video.

A `Jitter` makes the two layers of a blend differ. A `Life` is what a camera, a codec and a call
do to a whole picture; both pictures of a pair get the same one, so that it carries no label.
Pictures are ``(H, W, 3)`` uint8 BGR.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.types import Image

_TEXTURES: Final = ("resample", "blur", "sharpen", "noise", "jpeg", "denoise", "none")
_GRAIN_SIDE: Final = 1024


@dataclass(frozen=True, slots=True)
class Jitter:
    """One change of colour and one of texture.

    ``gain`` and ``offset`` work on each BGR channel (grey levels), ``saturation`` is a factor;
    ``texture`` names a change, ``amount`` in 0..1 how strong it is; ``seed`` is for its noise.
    """

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    saturation: float
    texture: str
    amount: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> Jitter:
        """``strength`` in 0..1, from hardly visible to obvious."""
        common, own = rng.normal(0, 0.10, 1), rng.normal(0, 0.06, 3)
        gain = 1 + strength * (common + own)
        offset = strength * (rng.normal(0, 12, 1) + rng.normal(0, 10, 3))
        textures = _TEXTURES[: 6 if strength < 0.5 else 7]
        return cls(
            (float(gain[0]), float(gain[1]), float(gain[2])),
            (float(offset[0]), float(offset[1]), float(offset[2])),
            float(1 + strength * rng.normal(0, 0.25)),
            str(rng.choice(textures)),
            float(np.clip(strength * rng.uniform(0.5, 1.3) + 0.08, 0, 1)),
            int(rng.integers(2**31)),
        )

    def apply(self, image: Image) -> Image:
        """A changed copy."""
        changed = image.astype(np.float32)
        grey = changed.mean(axis=2, keepdims=True)
        changed = grey + (changed - grey) * np.float32(self.saturation)
        changed *= np.asarray(self.gain, np.float32)
        changed += np.asarray(self.offset, np.float32)
        return _texture(_to_image(changed), self.texture, self.amount, self.seed)


def _texture(image: Image, kind: str, amount: float, seed: int) -> Image:
    changes: dict[str, Callable[[], Image]] = {
        "resample": lambda: resample(image, 1 / (1.15 + 2.6 * amount)),
        "blur": lambda: _blur(image, 0.4 + 1.8 * amount),
        "sharpen": lambda: _sharpen(image, 1.5 * amount),
        "noise": lambda: _add_noise(image, 2 + 10 * amount, seed),
        "jpeg": lambda: jpeg(image, round(80 - 60 * amount), subsample=True),
        "denoise": lambda: _denoise(image, 10 + 50 * amount),
        "none": lambda: image,
    }
    return changes[kind]()


@dataclass(frozen=True, slots=True)
class Life:
    """What a whole picture goes through on its way to the viewer, in this order.

    ``noise`` standard deviation in grey levels; ``gamma``, ``contrast`` factors, ``brightness``
    grey levels; ``scale`` down to at most 1; ``blur`` and ``smooth`` (camera lens, noise
    filter of a call) 0 for none; ``qualities`` of JPEG, one for each time it was compressed,
    ``subsample`` whether chroma has half the resolution.
    """

    noise: float
    gamma: float
    contrast: float
    brightness: float
    scale: float
    blur: float
    smooth: float
    qualities: tuple[int, ...]
    subsample: bool
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, harshness: float, min_scale: float) -> Life:
        """``harshness`` in 0..1; ``min_scale`` bounds how far the picture may shrink."""

        def maybe(chance: float, value: float) -> float:
            return value if rng.random() < chance else 0.0

        low = min(1.0, max(min_scale, 1 - 0.65 * harshness))
        passes = int(rng.choice((0, 1, 2), p=(0.2, 0.55, 0.25)))
        worst = 95 - 65 * harshness
        return cls(
            noise=maybe(0.35, rng.uniform(1, 1 + 7 * harshness)),
            gamma=float(np.exp(rng.normal(0, 0.2))),
            contrast=float(np.exp(rng.normal(0, 0.12))),
            brightness=float(rng.normal(0, 10)),
            scale=float(rng.uniform(low, 1)) if rng.random() < 0.6 else 1.0,
            blur=maybe(0.35, rng.uniform(0.3, 0.5 + 1.3 * harshness)),
            smooth=maybe(0.25, rng.uniform(5, 10 + 40 * harshness)),
            qualities=tuple(int(q) for q in rng.uniform(worst, 97, passes)),
            subsample=bool(rng.random() < 0.75),
            seed=int(rng.integers(2**31)),
        )

    def apply(self, image: Image) -> Image:
        """A changed copy, smaller by ``scale``."""
        levels = np.arange(256, dtype=np.float32) / 255
        curve = (levels**self.gamma - 0.5) * self.contrast + 0.5
        image = np.asarray(cv2.LUT(image, _to_image(curve * 255 + self.brightness)))
        if self.blur:
            image = _blur(image, self.blur)
        if self.noise:
            image = _add_noise(image, self.noise, self.seed)
        if self.smooth:
            image = _denoise(image, self.smooth)
        if self.scale < 1:
            image = _shrink(image, self.scale)
        for quality in self.qualities:
            image = jpeg(image, quality, subsample=self.subsample)
        return image


def resample(image: Image, scale: float) -> Image:
    """Down by ``scale`` and up again, as generators of low resolution leave a face."""
    height, width = image.shape[:2]
    small = _shrink(image, scale)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def jpeg(image: Image, quality: int, *, subsample: bool) -> Image:
    """A round trip through JPEG."""
    ratio = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if subsample else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, ratio]
    done, data = cv2.imencode(".jpg", image, flags)
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _shrink(image: Image, scale: float) -> Image:
    height, width = image.shape[:2]
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _blur(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))


def _sharpen(image: Image, amount: float) -> Image:
    return np.asarray(cv2.addWeighted(image, 1 + amount, _blur(image, 1.2), -amount, 0))


def _denoise(image: Image, levels: float) -> Image:
    return np.asarray(cv2.bilateralFilter(image, 5, levels, 2.0))


def _add_noise(image: Image, sigma: float, seed: int) -> Image:
    """Gaussian noise from a fixed sheet, which is many times faster than drawing it anew."""
    sheet = _grain()
    height, width = image.shape[:2]
    room = (sheet.shape[0] - height, sheet.shape[1] - width)
    if min(room) < 0:
        raise ValueError(f"Pictures of more than {_GRAIN_SIDE} pixels a side get no noise.")
    top, left = np.random.default_rng(seed).integers(0, (room[0] + 1, room[1] + 1))
    grain = sheet[top : top + height, left : left + width]
    return _to_image(image + grain * np.float32(sigma))


@functools.lru_cache(maxsize=1)
def _grain() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    grain = rng.standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 3), np.float32)
    grain += rng.standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 1), np.float32)
    return grain / np.float32(np.sqrt(2))  # sensors make more luma than chroma noise


def _to_image(values: NDArray[np.float32]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
