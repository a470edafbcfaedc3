"""Paints the class activation map of a score over the face that it belongs to.

With global average pooling and a linear head the class activation map (Zhou et al., CVPR 2016)
adds up to the logit itself, cell by cell, so that its unit is the logit and one fixed scale
holds for all faces and all times. Only what speaks for fake is painted, and no more of it than is
left when what speaks against is taken off: on a face whose odds are even or less, nothing.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.types import FloatArray, Image, Score

HEAT_FULL: Final = 4.0
"""Logits in one cell at which the colour is full, the same for every face and model. If all
cells were that hot, the probability of fake would be about 0.98."""
HEAT_ALPHA: Final = 0.65
"""Opacity of the full colour; less evidence is more transparent."""
_FINER: Final = 4
_TO_SMOOTH: Final = np.array(
    [[_FINER, 0, 1.5 * _FINER - 0.5], [0, _FINER, 1.5 * _FINER - 0.5], [0, 0, 1]]
)
"""From cells of the map to pixels of `_smooth`: the cells are one further in and larger."""
LEGEND_TEXT: Final = ("low 0", f"+{HEAT_FULL:.0f} high", "speaks for fake")


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Colour times opacity, ``(256, 1, 3)``, and one minus opacity, ``(256, 1, 3)``, as bytes."""
    level = np.linspace(0.0, 1.0, 256)
    stops = np.array([0.0, 0.35, 0.7, 1.0])
    # BGR from yellow through red to magenta: growing darker as well as turning, and unlike skin.
    blue, green, red = [60, 20, 60, 190], [235, 140, 20, 0], [255, 255, 235, 190]
    colour = np.stack([np.interp(level, stops, channel) for channel in (blue, green, red)], axis=1)
    alpha = HEAT_ALPHA * level[:, None]
    painted = np.rint(colour * alpha).astype(np.uint8)
    kept = np.rint(255 * (1 - alpha) * np.ones(3)).astype(np.uint8)
    return painted[:, None], kept[:, None]


_PAINTED, _KEPT = _tables()


def frame_to_cam(score: Score, box: FloatArray) -> NDArray[np.float64]:
    """The ``(2, 3)`` affine map from pixels of the frame to cells of ``score.cam``.

    Whole numbers are centres of pixels and of cells. ``box`` ``(4,)`` is where the face is now:
    between two scores the map moves along with the face, because crops are centred on the box.
    """
    assert score.cam is not None
    width, height = score.crop_size
    rows, columns = score.cam.shape
    to_crop = np.vstack([np.asarray(score.to_crop, np.float64), [0.0, 0.0, 1.0]])
    centre = np.linalg.inv(to_crop) @ [(width - 1) / 2, (height - 1) / 2, 1.0]
    moved = np.eye(3)
    moved[:2, 2] = centre[:2] - (box[:2] + (box[2:] - 1) / 2)
    sx, sy = columns / width, rows / height
    to_cell = np.array([[sx, 0.0, sx / 2 - 0.5], [0.0, sy, sy / 2 - 0.5]])
    result: NDArray[np.float64] = to_cell @ to_crop @ moved
    return result


def left_over(score: Score) -> FloatArray:
    """The map ``(h, w)`` of what speaks for fake, each cell lessened by the same share, so that
    their mean is no more than the calibrated log-odds of the face, and nothing if those are
    below 0."""
    assert score.cam is not None
    found = np.maximum(score.cam, np.float32(0.0))
    mean = float(found.mean())
    share = min(1.0, max(0.0, score.log_odds) / mean) if mean > 0 else 0.0
    return np.asarray(found * np.float32(share), np.float32)


def paint_heat(
    picture: Image,
    score: Score,
    box: FloatArray,
    scale: tuple[float, float],
    origin: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Blend the heat map of ``score`` into ``picture`` in place.

    ``box`` ``(4,)`` is the face's box in the frame, ``scale`` (x, y) how many pixels of the
    picture one pixel of the frame is. ``origin`` (x, y): the picture begins so many of its pixels
    right of and below the corner of the frame. A score without a usable map paints nothing.
    """
    if score.cam is None or not np.all(np.isfinite(score.cam)):
        return
    if not np.linalg.cond(score.to_crop[:, :2]) < 1e6:
        return
    to_cam = np.vstack([frame_to_cam(score, box), [0.0, 0.0, 1.0]])
    sx, sy = scale
    left, top = origin
    to_frame = np.array(
        [[1 / sx, 0, (left + 0.5) / sx - 0.5], [0, 1 / sy, (top + 0.5) / sy - 0.5], [0, 0, 1]]
    )
    to_cam = to_cam @ to_frame
    rows, columns = score.cam.shape
    # One cell more on each side, in which the map fades out instead of ending in a line.
    right, bottom = columns + 0.5, rows + 0.5
    edge = np.array([[-1.5, right, right, -1.5], [-1.5, -1.5, bottom, bottom], [1, 1, 1, 1]])
    corners = (np.linalg.inv(to_cam) @ edge)[:2]
    high, wide = picture.shape[:2]
    left, top = np.clip(np.ceil(corners.min(axis=1)), 0, (wide, high)).astype(int)
    right, bottom = np.clip(np.floor(corners.max(axis=1)) + 1, 0, (wide, high)).astype(int)
    if right <= left or bottom <= top:
        return
    to_cam[:, 2] += to_cam[:, :2] @ (left, top)
    smooth = _smooth(left_over(score))
    level = cv2.warpAffine(
        smooth,
        (_TO_SMOOTH @ to_cam)[:2],
        (int(right - left), int(bottom - top)),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0,),
    )
    region = picture[top:bottom, left:right]
    kept = cv2.multiply(region, cv2.applyColorMap(level, _KEPT), scale=1 / 255)
    cv2.add(kept, cv2.applyColorMap(level, _PAINTED), dst=region)


def _smooth(cam: FloatArray) -> NDArray[np.uint8]:
    """``cam`` as bytes with one cell of nothing all round, `_FINER` times as fine.

    Made smooth while it is small, where that costs nothing; linear interpolation is then good
    enough for the rest. Not by cubic interpolation, whose ripples would paint evidence beside.
    """
    padded = cv2.copyMakeBorder(
        np.clip(cam, 0, HEAT_FULL), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0.0,)
    )
    fine = cv2.resize(padded, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(fine, (5, 5), 1.0, borderType=cv2.BORDER_CONSTANT)
    level: NDArray[np.uint8] = np.clip(fine * (255 / HEAT_FULL), 0, 255).astype(np.uint8)
    return level


def legend_bar(width: int, height: int, background: int) -> Image:
    """The fixed scale of the heat map over a grey ``background``, from nothing to full."""
    level = np.linspace(0, 255, width).astype(np.uint8)
    row = _PAINTED[level, 0] + _KEPT[level, 0].astype(np.float64) * background / 255
    return np.repeat(np.rint(row).astype(np.uint8)[None], height, axis=0)
