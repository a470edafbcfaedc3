"""Paints the frames of the demo clip."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.demo.fields import FACE_BOX, face_field, head_basis, head_field
from realtime.demo.motion import Motion, Pose
from realtime.demo.portrait import Box, Plane, Planes, View, picture, shaded, swapped
from realtime.types import FloatArray

_MOVING: Final = (60.0, 0.0, 376.0, 512.0)
"""Portrait box outside of which nothing ever moves."""
_CELL: Final = 8
"""Pixels between the nodes of the head's field; it is smooth, so few will do."""
_ROUNDING: Final = 0.5
"""Rounds off the corners of the field of lids and mouth, in portrait pixels."""
_SEED: Final = 3
_LUMA_NOISE: Final = 2.2
_COLOUR_NOISE: Final = 1.0
_NOISE_GRAIN: Final = 0.6
_NOISE_ROOM: Final = 64
_SWAP_JITTER: Final = 0.35
"""Standard deviation in frame pixels by which the swapped face trembles on the head."""
_SWAP_FLICKER: Final = 0.8
"""Standard deviation in levels by which its brightness does."""

Maps = tuple[FloatArray, FloatArray, FloatArray]
Part = tuple[slice, slice]


class Renderer:
    """Frames of one clip; each depends on nothing but its number."""

    def __init__(self, seconds: float, size: tuple[int, int], fps: int) -> None:
        """``size`` is width and height, both even; ``seconds`` bounds the script."""
        view = View.cover(*size)
        rest = picture(view)
        face, mask = swapped(rest, view)
        self._fps = fps
        self._motion = Motion(seconds)
        self._still = Planes.of(rest)
        self._still_shut = Planes.of(shaded(rest, view))
        self._head = _Warp(view, view.box(*_MOVING))
        self._face_box = view.box(*FACE_BOX)
        self._face_grid = view.grid(self._face_box, 2)
        self._scale = view.scale
        self._swap = _Warp(view, self._face_box)
        self._swapped = Planes.of(face)
        self._swapped_shut = Planes.of(shaded(face, view))
        half = cv2.resize(mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        self._mask = (mask, half, half)
        self._noise = _noise(size)

    def frame(self, index: int, *, swap: bool) -> Plane:
        """Frame number ``index``, with the swap or without.

        Returns:
            ``(height * 3 / 2, width)`` uint8, planar YUV 4:2:0, BT.601 limited range.
        """
        random = np.random.default_rng((_SEED, index))
        pose = self._motion.at(index / self._fps)
        mimic = face_field(*self._face_grid, pose, _ROUNDING * self._scale / 2) * self._scale
        frame = self._still.copy()
        still = self._still.towards(self._still_shut, pose.blink)
        self._head.carry(_moved(still, self._face_box, mimic), frame, self._head.maps(pose))
        self._expose(frame, pose.exposure, random)
        if swap:
            self._put_on(frame, mimic, pose, random)
        packed: Plane = np.concatenate([plane.reshape(-1) for plane in frame])
        return packed.reshape(-1, frame.y.shape[1])

    def _expose(self, frame: Planes, gain: float, random: np.random.Generator) -> None:
        """Gain and noise of the sensor, in place."""
        levels = np.arange(256, dtype=np.float32)
        curve = np.clip(16 + (levels - 16) * gain, 0, 255).round().astype(np.uint8)
        cv2.LUT(frame.y, curve, dst=frame.y)
        for plane, noise in zip(frame, self._noise, strict=True):
            dx, dy = random.integers(0, _NOISE_ROOM, 2)
            height, width = plane.shape
            tile = noise[dy : dy + height, dx : dx + width]
            cv2.add(plane, tile, dst=plane, dtype=cv2.CV_8U)

    def _put_on(
        self, frame: Planes, mimic: FloatArray, pose: Pose, random: np.random.Generator
    ) -> None:
        """Blend the swapped face in, after the sensor and thus without its noise, in place."""
        shift = (float(random.normal(0, _SWAP_JITTER)), float(random.normal(0, _SWAP_JITTER)))
        face = frame.copy()
        maps = self._swap.maps(pose, shift)
        twin = self._swapped.towards(self._swapped_shut, pose.blink)
        self._swap.carry(_moved(twin, self._face_box, mimic), face, maps)
        light = 16 * (1 - pose.exposure) + float(random.normal(0, _SWAP_FLICKER))
        cv2.convertScaleAbs(face.y, dst=face.y, alpha=pose.exposure, beta=light)
        for old, new, mask, part, places in zip(
            frame, face, self._mask, self._swap.parts, maps, strict=True
        ):
            share = _look_up(mask, places)
            blended = old[part] + (new[part].astype(np.float32) - old[part]) * share
            old[part] = blended.round().astype(np.uint8)


class _Warp:
    """Moves the pixels of one box of the frame as the head moves."""

    def __init__(self, view: View, box: Box) -> None:
        self._scale = view.scale
        self._basis = head_basis(*view.grid(box, _CELL))
        self.parts = _parts(box)
        self._places = (_places(self.parts[0]), _places(self.parts[1]))

    def maps(self, pose: Pose, shift: tuple[float, float] = (0.0, 0.0)) -> Maps:
        """Where the pixels of the box come from when it moves, and by ``shift`` frame pixels."""
        coarse = head_field(self._basis, pose) * self._scale - np.array(shift, np.float32)
        luma, colour = (
            _spread(coarse, places, factor)
            for places, factor in zip(self._places, (1.0, 0.5), strict=True)
        )
        return luma, colour, colour

    def carry(self, old: Planes, new: Planes, maps: Maps) -> None:
        """Fill the box in ``new`` from ``old``."""
        for source, target, part, places in zip(old, new, self.parts, maps, strict=True):
            target[part] = _look_up(source, places)


def _spread(coarse: FloatArray, places: FloatArray, factor: float) -> FloatArray:
    """A field on the nodes of the luma plane as places in a plane of ``factor`` times its size."""
    cell = int(_CELL * factor)
    size = (coarse.shape[1] * cell, coarse.shape[0] * cell)
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    height, width = places.shape[:2]  # the last cells may reach beyond the box
    return np.asarray(cv2.scaleAdd(fine[:height, :width], factor, places), np.float32)


def _parts(box: Box) -> tuple[Part, Part, Part]:
    """What a box is in each plane."""
    left, top, right, bottom = box
    half = np.s_[top // 2 : bottom // 2, left // 2 : right // 2]
    return np.s_[top:bottom, left:right], half, half


def _places(part: Part) -> FloatArray:
    """``(h, w, 2)`` x and y of each pixel of a part of a plane."""
    rows, columns = part
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    return np.dstack([x, y]).astype(np.float32)


def _moved(planes: Planes, box: Box, half: FloatArray) -> Planes:
    """A copy in which the pixels of ``box`` are moved by a field of frame pixels.

    ``half`` gives the field for every second pixel of every second row.
    """
    full = cv2.resize(half, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    result = planes.copy()
    fields = (full, half / 2, half / 2)
    for source, target, part, field in zip(planes, result, _parts(box), fields, strict=True):
        target[part] = _look_up(source, _places(part) + field)
    return result


def _look_up(plane: NDArray[Any], places: FloatArray) -> NDArray[Any]:
    border = cv2.BORDER_REPLICATE
    return cv2.remap(plane, places, None, cv2.INTER_LINEAR, borderMode=border)  # type: ignore[call-overload, no-any-return]


def _noise(size: tuple[int, int]) -> tuple[NDArray[np.int16], ...]:
    """A tile of noise for each plane, larger than it so that every frame cuts out another part."""
    random = np.random.default_rng(_SEED)
    width, height = size
    tiles = []
    for factor, level in ((1, _LUMA_NOISE), (2, _COLOUR_NOISE), (2, _COLOUR_NOISE)):
        shape = (height // factor + _NOISE_ROOM, width // factor + _NOISE_ROOM)
        grain = cv2.GaussianBlur(random.standard_normal(shape), (0, 0), _NOISE_GRAIN)
        tiles.append((grain * (level / grain.std())).round().astype(np.int16))
    return tuple(tiles)
