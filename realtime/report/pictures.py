"""Pictures of the faces that led to a verdict; kept only where somebody has allowed it.

Of every face so many moments are kept: those whose own score spoke most for a fake, apart from
each other, and the one that spoke least. Everything outside the face itself is blurred beyond
recognition, so that neither other faces nor those that nobody found are shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.heatmap import paint_heat
from realtime.report.model import Shown
from realtime.types import FloatArray, FrameResult, Image, Score

STRONGEST: Final = 3
APART_S: Final = 1.0
FACE_PX: Final = 320
WIDE_PX: Final = 480
_AROUND: Final = 0.6
"""How much is shown on each side of a face, as a share of its box."""
_CLEAR: Final = 0.15
"""How much of that is left clear."""
_BLOCKS: Final = 12
"""So few averages remain across what is blurred."""
_JPEG: Final = (cv2.IMWRITE_JPEG_QUALITY, 88)


@dataclass(frozen=True, slots=True)
class _Moment:
    time_s: float
    log_odds: float
    plain: bytes
    heat: bytes | None
    wide: bytes | None


class Album:
    """The moments of one track."""

    def __init__(self) -> None:
        self._strongest: list[_Moment] = []
        self._weakest: _Moment | None = None

    def look(self, time_s: float, result: FrameResult, track_id: int) -> None:
        """Keep what is worth it, if the face was scored with this result and is in its frame."""
        score = result.scores.get(track_id)
        places = np.flatnonzero(result.faces.track_ids == track_id)
        if score is None or not len(places) or not np.isfinite(score.log_odds):
            return
        near = [m for m in self._strongest if abs(m.time_s - time_s) < APART_S]
        full = len(self._strongest) - len(near) >= STRONGEST
        rivals = near or (self._strongest if full else [])
        best = all(score.log_odds > m.log_odds for m in near) and (
            not rivals or score.log_odds > min(m.log_odds for m in rivals)
        )
        worst = self._weakest is None or score.log_odds < self._weakest.log_odds
        if not (best or worst):
            return
        moment = _moment(time_s, result, int(places[0]), score)
        if worst:
            self._weakest = moment
        if best:
            kept = [m for m in self._strongest if m not in near]
            kept = sorted([*kept, moment], key=lambda m: -m.log_odds)
            self._strongest = kept[:STRONGEST]

    def shown(self) -> tuple[Shown, ...]:
        """The strongest first, then the weakest if it is not one of them."""
        found = [
            Shown(
                *(m.time_s, "among what spoke most for a fake", m.log_odds, m.plain, m.heat),
                wide=m.wide if i == 0 else None,
            )
            for i, m in enumerate(self._strongest)
        ]
        weak = self._weakest
        if weak is not None and all(weak.time_s != m.time_s for m in self._strongest):
            found.append(
                Shown(weak.time_s, "what spoke least for it", weak.log_odds, weak.plain, weak.heat)
            )
        return tuple(found)


def _moment(time_s: float, result: FrameResult, i: int, score: Score) -> _Moment:
    image, boxes = result.frame.image, result.faces.boxes
    others = np.delete(boxes, i, axis=0)
    plain, offset, scale = cut_out(image, boxes[i], others)
    heat = None
    if score.cam is not None:
        painted = plain.copy()
        to_crop = score.to_crop.copy()
        to_crop[:, 2] += to_crop[:, :2] @ np.asarray(offset, np.float32)
        box = boxes[i] - np.array([*offset, 0, 0], np.float32)
        paint_heat(painted, replace(score, to_crop=to_crop), box, scale)
        heat = _jpeg(painted)
    return _Moment(time_s, score.log_odds, _jpeg(plain), heat, _jpeg(whole(image, boxes[i])))


def cut_out(
    image: Image, box: FloatArray, others: FloatArray
) -> tuple[Image, tuple[int, int], tuple[float, float]]:
    """One face with what is around it, all but the face itself blurred.

    ``image`` ``(H, W, 3)`` BGR, ``box`` ``(4,)`` and ``others`` ``(N, 4)`` x, y, width, height
    in its pixels. Returns the picture, its longer side `FACE_PX` at most, where its corner lies
    in ``image`` (x, y), and how many of its pixels one of ``image`` is (x, y).
    """
    left, top, right, bottom = _inside(_grown(box, _AROUND), image)
    patch = image[top:bottom, left:right]
    high, wide = patch.shape[:2]
    factor = min(1.0, FACE_PX / max(high, wide))
    size = (max(1, round(wide * factor)), max(1, round(high * factor)))
    small = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale = (size[0] / wide, size[1] / high)

    def placed(rect: FloatArray) -> FloatArray:
        moved = rect - np.array([left, top, 0, 0], np.float32)
        return np.asarray(moved * np.array([*scale, *scale], np.float32), np.float32)

    own = _mask(small, placed(_grown(box, _CLEAR)))
    core = _mask(small, placed(box))
    for other in others:
        own &= core | ~_mask(small, placed(_grown(other, _CLEAR)))
    return np.where(own[..., None], small, _blurred(small)), (left, top), scale


def whole(image: Image, box: FloatArray) -> Image:
    """The whole picture, its longer side `WIDE_PX` at most, all but the face at ``box`` blurred,
    and a line around that."""
    high, wide = image.shape[:2]
    factor = min(1.0, WIDE_PX / max(high, wide))
    size = (max(1, round(wide * factor)), max(1, round(high * factor)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    own = _grown(box, _CLEAR) * np.float32(factor)
    picture = np.where(_mask(small, own)[..., None], small, _blurred(small))
    left, top, right, bottom = _inside(own, small)
    for colour, thick in (((20, 20, 20), 3), ((255, 255, 255), 1)):
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, thick)
    return picture


def _grown(box: FloatArray, share: float) -> FloatArray:
    x, y, w, h = (float(value) for value in box)
    return np.array(
        [x - share * w, y - share * h, w * (1 + 2 * share), h * (1 + 2 * share)], np.float32
    )


def _inside(rect: FloatArray, image: Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what of ``rect`` lies in ``image``, at least one pixel."""
    high, wide = image.shape[:2]
    left = min(max(int(rect[0]), 0), wide - 1)
    top = min(max(int(rect[1]), 0), high - 1)
    right = min(max(int(np.ceil(rect[0] + rect[2])), left + 1), wide)
    bottom = min(max(int(np.ceil(rect[1] + rect[3])), top + 1), high)
    return left, top, right, bottom


def _mask(image: Image, rect: FloatArray) -> NDArray[np.bool_]:
    mask = np.zeros(image.shape[:2], np.bool_)
    left, top, right, bottom = _inside(rect, image)
    mask[top:bottom, left:right] = True
    return mask


def _blurred(image: Image) -> Image:
    """Averages of large blocks, painted smooth: what was averaged cannot be had back."""
    high, wide = image.shape[:2]
    few = (min(wide, _BLOCKS), min(high, max(1, round(_BLOCKS * high / wide))))
    averages = cv2.resize(image, few, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(averages, (wide, high), interpolation=cv2.INTER_LINEAR), np.uint8)


def _jpeg(picture: Image) -> bytes:
    done, data = cv2.imencode(".jpg", picture, _JPEG)
    if not done:
        raise ValueError("a picture could not be written as JPEG")
    return data.tobytes()
