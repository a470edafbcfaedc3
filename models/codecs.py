"""What a video call does to pictures: a few frames of motion, coded and decoded for real.

Single pictures coded as key frames would show none of what a call shows: blocks carried over
from the frame before, residuals thrown away, noise that is smoothed in time. Therefore the
pictures are laid out as tiles of one large frame, each tile moves a little for some frames and
comes to rest in its own place in the last one, which is decoded and cut up again. One large
frame costs far less than many small streams, and since the two of a pair lie in the same frame,
neither rate nor quantiser can tell one from the other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from realtime.types import Image

_BLOCK: Final = 16
"""Pixels of a macroblock. Cells are whole blocks, so that none holds parts of two tiles."""
_RATE: Final = Fraction(25)
_WIDTH: Final = 2048
_H264: Final = {"preset": "superfast", "tune": "zerolatency", "g": "250", "threads": "1"}
_VP8: Final = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0", "threads": "1"}
"""A negative speed is kept; a positive one would depend on how busy the machine is."""
_DECODERS: Final = {"libx264": "h264", "libvpx": "vp8"}
_TOGETHER: Final = 64
"""Tiles in one large frame."""
_GRAIN: Final = 1024
_MAX_SIDE: Final = _GRAIN - 2 * _BLOCK


@dataclass(frozen=True, slots=True)
class Coding:
    """A codec and how much it throws away.

    ``codec`` is the encoder's name, ``libx264`` (H.264) or ``libvpx`` (VP8), ``quantiser`` its
    constant quality (CRF 0..51, or q 0..63). ``frames`` are coded, of which the last is seen.
    ``speed`` in pixels and ``zoom`` as a fraction are the most that a tile moves from one frame
    to the next; ``noise`` is the standard deviation of a sensor's noise in grey levels.
    """

    codec: str
    quantiser: float
    frames: int
    speed: float
    zoom: float
    noise: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, harshness: float) -> Coding:
        """``harshness`` in 0..1; at 1 the rates are those of a call, 100 to 800 kb/s."""
        codec = str(rng.choice(("libx264", "libvpx"), p=(0.6, 0.4)))  # VP8 takes longer
        kbps = 100 * 2 ** rng.uniform(0, 3) * 2 ** (2 * (1 - harshness))
        # how much more than the measured clips a camera's own picture asks for
        demand = 2 ** rng.normal(0.4, 0.5)
        return cls(
            codec=codec,
            quantiser=quantiser(codec, float(kbps / demand)),
            frames=int(rng.integers(2, 5)),
            speed=float(rng.uniform(0, 2.5)) if rng.random() < 0.7 else 0.0,
            zoom=float(rng.uniform(0, 0.006)),
            noise=float(rng.uniform(0, 0.5 + 1.5 * harshness)),
            seed=int(rng.integers(2**31)),
        )


def quantiser(codec: str, kbps: float) -> float:
    """The constant quality that gives ``kbps`` thousand bits per second at 640x360 and 25 fps.

    Fitted to 12 clips of one speaking person each, scaled to that area, with the settings used
    here and one key frame in ten seconds: CRF 18, 22, 26, 30 gave 1179, 566, 285 and 149 kb/s,
    q 8, 16, 24, 32, 40 gave 632, 323, 224, 155 and 112 kb/s (geometric means; single clips lie
    within a factor of 1.6).
    """
    if codec == "libx264":
        return float(np.clip(24 - 4 * np.log2(kbps / 400), 14, 42))
    octaves = np.log2(kbps / 325)
    return float(np.clip(16 - (8 if octaves > 0 else 16) * octaves, 3, 60))


def round_trip(images: Sequence[Image], rng: np.random.Generator, how: Coding) -> list[Image]:
    """Pictures as a viewer gets them, in the same order, sizes and places.

    Args:
        images: ``(H, W, 3)`` uint8 BGR, of any sizes up to 992 pixels a side.
        rng: chooses how each one moves and where it lies in the large frame.
        how: what to do. Equal values and an equally seeded ``rng`` give equal results.

    Raises:
        ValueError: if a picture is larger.
    """
    done: list[Image] = []
    for start in range(0, len(images), _TOGETHER):
        part = images[start : start + _TOGETHER]
        done += _coded(part, [_Motion.draw(rng, how) for _ in part], rng, how)
    return done


def round_trip_pairs(
    reals: Sequence[Image], fakes: Sequence[Image], rng: np.random.Generator, how: Coding
) -> tuple[list[Image], list[Image]]:
    """As `round_trip` for pairs, the two of which move alike and share every frame.

    Raises:
        ValueError: if there are not as many fakes as reals, or a picture is larger than 992
            pixels a side.
    """
    if len(reals) != len(fakes):
        raise ValueError("There must be as many fakes as reals.")
    one: list[Image] = []
    two: list[Image] = []
    for start in range(0, len(reals), _TOGETHER // 2):
        part = slice(start, start + _TOGETHER // 2)
        motions = [_Motion.draw(rng, how) for _ in reals[part]]
        done = _coded([*reals[part], *fakes[part]], motions + motions, rng, how)
        one += done[: len(motions)]
        two += done[len(motions) :]
    return one, two


@dataclass(frozen=True, slots=True)
class _Motion:
    """What a tile does from frame to frame, and its ``offset`` in pixels on the block grid."""

    shift: tuple[float, float]
    zoom: float
    offset: tuple[int, int]
    grain: tuple[int, int]

    @classmethod
    def draw(cls, rng: np.random.Generator, how: Coding) -> _Motion:
        angle, speed = rng.uniform(0, 2 * np.pi), how.speed * rng.random()
        left, top = rng.integers(0, _BLOCK - 1, 2)
        noise_left, noise_top = rng.integers(0, _GRAIN, 2)
        return cls(
            (float(speed * np.cos(angle)), float(speed * np.sin(angle))),
            float(how.zoom * rng.uniform(-1, 1)),
            (1 + int(left), 1 + int(top)),
            (int(noise_left), int(noise_top)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """A picture and its cell ``(left, top, width, height)`` in the large frame."""

    image: Image
    motion: _Motion
    cell: tuple[int, int, int, int]

    def draw(self, frame: Image, before: int) -> None:
        """Put the picture as it is ``before`` frames before the last one."""
        left, top, width, height = self.cell
        rows, columns = self.image.shape[:2]
        x, y = self.motion.offset
        part = frame[top : top + height, left : left + width]
        if before == 0:
            around = (y, height - y - rows, x, width - x - columns)
            cv2.copyMakeBorder(self.image, *around, cv2.BORDER_REPLICATE, dst=part)
            return
        scale = 1 + before * self.motion.zoom
        move_x, move_y = (before * v for v in self.motion.shift)
        matrix = np.array(
            (
                (scale, 0, x + move_x + (1 - scale) * columns / 2),
                (0, scale, y + move_y + (1 - scale) * rows / 2),
            )
        )
        cv2.warpAffine(
            *(self.image, matrix, (width, height)),
            dst=part,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def cut(self, frame: Image) -> Image:
        left, top = (self.cell[i] + self.motion.offset[i] for i in (0, 1))
        rows, columns = self.image.shape[:2]
        return frame[top : top + rows, left : left + columns].copy()


def _coded(
    images: Sequence[Image], motions: Sequence[_Motion], rng: np.random.Generator, how: Coding
) -> list[Image]:
    if max(max(image.shape[:2]) for image in images) > _MAX_SIDE:
        raise ValueError(f"Pictures of more than {_MAX_SIDE} pixels a side are not coded.")
    # in no order, so that neither place nor neighbours tell what a picture is
    order = rng.permutation(len(images))
    tiles, size = _lay_out([images[i] for i in order], [motions[i] for i in order])
    frame = _last_frame(_frames(tiles, size, how), size, how)
    done = dict(zip(order.tolist(), (tile.cut(frame) for tile in tiles), strict=True))
    return [done[i] for i in range(len(images))]


def _lay_out(images: list[Image], motions: list[_Motion]) -> tuple[list[_Tile], tuple[int, int]]:
    """Rows of cells, and height and width of the frame, which are multiples of a block."""
    tiles = []
    left = top = tallest = widest = 0
    for image, motion in zip(images, motions, strict=True):
        height, width = (-(-(side + _BLOCK) // _BLOCK) * _BLOCK for side in image.shape[:2])
        if left and left + width > _WIDTH:
            left, top, tallest = 0, top + tallest, 0
        tiles.append(_Tile(image, motion, (left, top, width, height)))
        left, tallest = left + width, max(tallest, height)
        widest = max(widest, left)
    return tiles, (top + tallest, widest)


def _frames(tiles: list[_Tile], size: tuple[int, int], how: Coding) -> Iterator[Image]:
    """The large frame at each moment, ``(H * 3 / 2, W)`` uint8, planes Y, U and V (BT.601).

    FFmpeg converts, there and back, as it does for the live program: OpenCV would take the
    colour of every fourth pixel instead of a mean.
    """
    frame = np.full((*size, 3), 128, np.uint8)
    rng = np.random.default_rng(how.seed)
    for before in reversed(range(how.frames)):
        for tile in tiles:
            tile.draw(frame, before)
        picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
        planes = np.asarray(picture.reformat(format="yuv420p").to_ndarray(), np.uint8)
        if how.noise:
            _add_noise(planes, tiles, how.noise, rng)
        yield planes


def _add_noise(planes: Image, tiles: list[_Tile], sigma: float, rng: np.random.Generator) -> None:
    """Fresh in each frame, in the luma alone; the two of a pair get the same."""
    grain = _grain(round(sigma * 4))
    moved = rng.integers(0, _GRAIN, 2)
    for tile in tiles:
        left, top, width, height = tile.cell
        x, y = (int(v) % _GRAIN for v in moved + tile.motion.grain)
        x, y = min(x, _GRAIN - width), min(y, _GRAIN - height)
        part = planes[top : top + height, left : left + width]
        cv2.add(part, grain[y : y + height, x : x + width], dst=part, dtype=cv2.CV_8U)


@functools.lru_cache(maxsize=12)
def _grain(quarters: int) -> NDArray[np.int16]:
    """Noise whose standard deviation is so many quarters of a grey level."""
    sheet = np.random.default_rng(0).standard_normal((_GRAIN, _GRAIN), np.float32)
    return np.asarray(np.rint(sheet * (quarters / 4)), np.int16)


def _last_frame(frames: Iterator[Image], size: tuple[int, int], how: Coding) -> Image:
    encoder = _encoder(size, how)
    decoder = cast("VideoCodecContext", av.CodecContext.create(_DECODERS[how.codec], "r"))
    decoder.thread_count = 1
    last = None
    packets = []
    for number, planes in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    for packet in [*packets, None]:
        for frame in decoder.decode(packet):
            last = frame
    assert last is not None
    return np.asarray(last.to_ndarray(format="bgr24"), np.uint8)


def _encoder(size: tuple[int, int], how: Coding) -> VideoCodecContext:
    encoder = cast("VideoCodecContext", av.CodecContext.create(how.codec, "w"))
    encoder.height, encoder.width = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base, encoder.framerate = 1 / _RATE, _RATE
    if how.codec == "libx264":
        encoder.options = {**_H264, "crf": f"{how.quantiser:.2f}"}
    else:
        encoder.qmin = encoder.qmax = round(how.quantiser)
        encoder.bit_rate = 10**9  # as much as the quantiser asks for
        encoder.options = dict(_VP8)
    return encoder
