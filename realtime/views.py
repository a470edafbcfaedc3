"""Changed copies of a crop, scored beside it to see whether the score hangs on the face.

Comparing what a classifier says of a picture and of its simplified copies: Xu et al., "Feature
Squeezing", NDSS 2018. What follows from a difference is up to `realtime.agreement`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from realtime.scorer import Scorer
from realtime.types import VIEWS, Crop, Image, Score

JPEG_QUALITY: Final = 50
SHRINK: Final = 0.5
MIN_SIDE: Final = 48
"""A crop is made no smaller than this; below it nothing is left to judge."""


def make_views(crop: Crop) -> tuple[Crop, ...]:
    """The copies of one crop in the order of `VIEWS`, each of the crop's size and read-only.

    The picture is compressed and shrunk at the size that the face has in the frame if the crop
    enlarged it, because a small face that was made large would hardly notice either.
    """
    height, width = crop.pixels.shape[:2]
    enlarged = np.maximum(1.0, np.hypot(*crop.to_crop[:, :2].T.astype(np.float64)))
    natural = (_side(width / enlarged[0], width), _side(height / enlarged[1], height))
    smaller = (_side(SHRINK * natural[0], width), _side(SHRINK * natural[1], height))
    copies = {
        "mirrored": np.ascontiguousarray(crop.pixels[:, ::-1]),
        "compressed": _resized(_compressed(_resized(crop.pixels, natural)), (width, height)),
        "shrunk": _resized(_resized(crop.pixels, smaller), (width, height)),
    }
    for pixels in copies.values():
        pixels.setflags(write=False)
    return tuple(replace(crop, pixels=copies[name]) for name in VIEWS)


def score_crops(
    scorer: Scorer, crops: Sequence[Crop], viewed: Collection[int], time_s: float
) -> list[Score | None]:
    """Score crops, and in the same call the views of those whose ``track_id`` is in ``viewed``.

    Returns one entry a crop, in order, as `Scorer.score` does. Where the model gives no finite
    number for a view it says nothing of it, which is even odds: log-odds of 0.

    Raises:
        ModelError: if the model fails to run.
    """
    asked: list[Crop] = []
    spans: list[tuple[int, int]] = []
    for crop in crops:
        copies = make_views(crop) if crop.track_id in viewed else ()
        spans.append((len(asked), len(copies)))
        asked += [crop, *copies]
    scores = scorer.score(asked, time_s)
    return [_joined(scores[at], scores[at + 1 : at + 1 + count]) for at, count in spans]


def _joined(plain: Score | None, copies: Sequence[Score | None]) -> Score | None:
    if plain is None:
        return None
    return replace(plain, views=tuple(0.0 if copy is None else copy.log_odds for copy in copies))


def _side(length: float, limit: int) -> int:
    return min(limit, max(MIN_SIDE, round(length)))


def _compressed(pixels: Image) -> Image:
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _resized(pixels: Image, size: tuple[int, int]) -> Image:
    """To ``size`` (width, height), averaging over areas where it shrinks; may be a view."""
    if pixels.shape[1::-1] == size:
        return pixels
    shrinks = size[0] < pixels.shape[1] or size[1] < pixels.shape[0]
    kernel = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=kernel), np.uint8)
