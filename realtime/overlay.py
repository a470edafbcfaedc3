"""Draws a `FrameResult` on a picture; the window and the video sink share it.

The picture may be the frame itself or the frame at another size: coordinates follow the size of
the picture, and text and lines are drawn after scaling, so that they are crisp at every size.
States differ by colour (the palette of Okabe and Ito, 2002, that colour-blind people can tell
apart), by the stroke of the box and by the sign in the label.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.heatmap import paint_heat
from realtime.labels import (
    HIDES_COST,
    Colour,
    Detail,
    Names,
    Rect,
    default_text_px,
    english,
    label_picture,
    legend_picture,
    notice_picture,
    place,
    rect_gap,
    state_colour,
)
from realtime.types import FrameResult, Image, Verdict, VerdictState

Region = tuple[float, float, float, float]
"""x, y, width, height in pixels of the frame: the part of it that a picture shows."""

_HALO: Final[Colour] = (20, 20, 20)
"""Drawn under every stroke, so that it stands out from bright and dark pictures alike."""
_SECOND_BORDER: Final = 3
"""How far outside the first the second border of the gravest state is, in strokes."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """From pixels of the frame to those of a picture: ``scale`` first, then less ``origin``."""

    scale: tuple[float, float]
    origin: tuple[float, float] = (0.0, 0.0)

    def rect(self, box: NDArray[np.float32]) -> Rect:
        """Where ``box`` ``(4,)`` lies in the picture, at least 1 by 1."""
        (sx, sy), (left, top) = self.scale, self.origin
        x, y = round(float(box[0]) * sx - left), round(float(box[1]) * sy - top)
        right = round(float(box[0] + box[2]) * sx - left)
        bottom = round(float(box[1] + box[3]) * sy - top)
        return x, y, max(1, right - x), max(1, bottom - y)


def mapping(
    shape: tuple[int, ...], frame: tuple[int, ...], region: Region | None = None
) -> Mapping:
    """Where things go on a picture of that ``shape`` (height, width, ...) that shows ``region`` of
    a frame of the shape ``frame``, or all of it."""
    x, y, w, h = region or (0.0, 0.0, frame[1], frame[0])
    scale = (shape[1] / w, shape[0] / h)
    return Mapping(scale, (x * scale[0], y * scale[1]))


def draw(
    picture: Image,
    result: FrameResult,
    *,
    heat: bool = False,
    boxes: bool = True,
    labels: bool = True,
    text_px: int | None = None,
) -> Image:
    """A copy of ``picture`` with what is known about its faces.

    ``picture`` ``(H, W, 3)`` uint8 BGR shows ``result.frame`` at any size. ``text_px`` is the
    height of the text in pixels of the picture, by default one that fits its size.
    """
    canvas = picture.copy()
    draw_on(canvas, result, heat=heat, boxes=boxes, labels=labels, text_px=text_px)
    return canvas


def draw_on(
    canvas: Image,
    result: FrameResult,
    *,
    heat: bool = False,
    boxes: bool = True,
    labels: bool = True,
    text_px: int | None = None,
    notice: str = "",
    hint: str = "",
    region: Region | None = None,
    names: Names = english,
) -> None:
    """As `draw`, but into ``canvas`` itself, which must be writable.

    ``notice`` is said in large letters at the bottom, ``hint`` in small ones at the top right,
    both away from faces and labels. ``region``: the canvas shows that part of the frame only.
    ``names`` says the states in the language of who looks at it.
    """
    high, wide = canvas.shape[:2]
    to_canvas = mapping(canvas.shape, result.frame.image.shape, region)
    text_px = default_text_px(wide, high) if text_px is None else text_px
    faces = result.faces
    thick = max(1, round(text_px / 8))
    # Room for the second border of the gravest state, and a little air.
    margin = _SECOND_BORDER * (thick + 1) + thick + 2
    rects = [to_canvas.rect(box) for box in faces.boxes]
    bordered = [_grown(rect, margin) for rect in rects]
    taken: list[Rect] = []
    if heat:
        for track_id, box in zip(faces.track_ids.tolist(), faces.boxes, strict=True):
            if track_id in result.heat:
                score = result.heat[track_id]
                paint_heat(canvas, score, box, to_canvas.scale, to_canvas.origin)
        taken += _legend(canvas, bordered, text_px)
    taken += _texts(canvas, notice, hint, bordered, taken, text_px=text_px)
    verdicts = [result.verdicts.get(i) for i in faces.track_ids.tolist()]
    if boxes:
        for verdict, rect in zip(verdicts, rects, strict=True):
            if verdict is not None:
                _box(canvas, rect, verdict.state, thick)
    if labels:
        known = [
            (verdict, room)
            for verdict, rect, room in zip(verdicts, rects, bordered, strict=True)
            if verdict is not None and overlaps(rect, (0, 0, wide, high))
        ]
        # The gravest first: it gets the best place.
        for verdict, room in sorted(known, key=lambda pair: -pair[0].state.rank):
            taken += _label(canvas, verdict, room, bordered, taken, text_px=text_px, names=names)


def _grown(rect: Rect, by: int) -> Rect:
    x, y, w, h = rect
    return x - by, y - by, w + 2 * by, h + 2 * by


def _box(canvas: Image, rect: Rect, state: VerdictState, thick: int) -> None:
    colour = state_colour(state)
    if state is VerdictState.NOT_ASSESSABLE:
        _dashed(canvas, rect, colour, thick)
    elif state is VerdictState.UNCERTAIN:
        _corners(canvas, rect, colour, thick + 1)
    else:
        _rectangle(canvas, rect, colour, 2 * thick if state is VerdictState.STRONG else thick)
    if state is VerdictState.VERY_STRONG:
        _rectangle(canvas, _grown(rect, _SECOND_BORDER * (thick + 1)), colour, thick)


def _rectangle(canvas: Image, rect: Rect, colour: Colour, thick: int) -> None:
    x, y, w, h = rect
    for paint, width in ((_HALO, thick + 2), (colour, thick)):
        cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), paint, width)


def _dashed(canvas: Image, rect: Rect, colour: Colour, thick: int) -> None:
    x, y, w, h = rect
    high, wide = canvas.shape[:2]
    dash = max(4, 4 * thick)
    lines = []
    for start in _starts(x, w, wide, 2 * dash):
        end = min(start + dash, w - 1)
        lines += [((x + start, v), (x + end, v)) for v in (y, y + h - 1)]
    for start in _starts(y, h, high, 2 * dash):
        end = min(start + dash, h - 1)
        lines += [((u, y + start), (u, y + end)) for u in (x, x + w - 1)]
    _lines(canvas, lines, colour, thick)


def _starts(begin: int, length: int, room: int, step: int) -> range:
    """Where dashes start on a side, without the many that no part of an enlarged face shows."""
    first = max(0, -begin) // step * step
    return range(first, max(0, min(length, room - begin)), step)


def _corners(canvas: Image, rect: Rect, colour: Colour, thick: int) -> None:
    x, y, w, h = rect
    arm = max(4, round(min(w, h) / 4))
    lines = []
    for u, du in ((x, arm), (x + w - 1, -arm)):
        for v, dv in ((y, arm), (y + h - 1, -arm)):
            lines += [((u, v), (u + du, v)), ((u, v), (u, v + dv))]
    _lines(canvas, lines, colour, thick)


def _lines(
    canvas: Image,
    lines: Iterable[tuple[tuple[int, int], tuple[int, int]]],
    colour: Colour,
    thick: int,
) -> None:
    pairs = list(lines)
    for paint, width in ((_HALO, thick + 2), (colour, thick)):
        for start, end in pairs:
            cv2.line(canvas, start, end, paint, width)


def _label(
    canvas: Image,
    verdict: Verdict,
    rect: Rect,
    faces: list[Rect],
    taken: list[Rect],
    *,
    text_px: int,
    names: Names,
) -> list[Rect]:
    """Draw one label where it hides nothing; returns the room it took.

    ``rect`` and ``faces`` are boxes with their borders, ``taken`` other labels.
    """
    high, wide = canvas.shape[:2]
    best: tuple[float, Image, Rect] | None = None
    for detail in Detail:
        if detail is Detail.NUMBER and best is not None and best[0] < HIDES_COST:
            break  # who it is is all that is said only where more would hide a face
        picture = label_picture(verdict, text_px, wide, detail, names)
        size = (picture.shape[1], picture.shape[0])
        if size[0] > wide or size[1] > high:
            continue
        spot, cost = place(size, rect, faces, taken, (wide, high), gap=2)
        if best is None or cost < best[0]:
            best = (cost, picture, (*spot, *size))
        if cost < 4 * text_px:
            break  # near enough; else the shorter label may come nearer or hide less
    if best is None:
        return []
    _, picture, room = best
    x, y, w, h = room
    if rect_gap(room, rect) > 2 * text_px:
        middle = (rect[0] + rect[2] // 2, rect[1] + rect[3] // 2)
        near = (min(max(middle[0], x), x + w - 1), min(max(middle[1], y), y + h - 1))
        edge = (
            min(max(near[0], rect[0]), rect[0] + rect[2] - 1),
            min(max(near[1], rect[1]), rect[1] + rect[3] - 1),
        )
        _lines(canvas, [(edge, near)], state_colour(verdict.state), 1)
    canvas[y : y + h, x : x + w] = picture
    return [room]


def overlaps(a: Rect, b: Rect) -> bool:
    """Whether two rectangles share a pixel."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    return across > 0 and min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]) > 0


def _legend(canvas: Image, faces: list[Rect], text_px: int) -> list[Rect]:
    """Draw the scale of the heat map; it rather stays away than hides a face."""
    for short in (False, True):
        picture = legend_picture(text_px, short=short)
        room = _sticker(canvas, picture, faces, [], right=True, needed=False)
        if room:
            return room
    return []


def _texts(
    canvas: Image, notice: str, hint: str, faces: list[Rect], taken: list[Rect], *, text_px: int
) -> list[Rect]:
    rooms: list[Rect] = []
    if notice:
        rooms += _sticker(canvas, notice_picture(notice, text_px), faces, taken, right=False)
    if hint:
        picture = notice_picture(hint, max(1, round(text_px / 1.6)))
        others = [*taken, *rooms]
        rooms += _sticker(canvas, picture, faces, others, right=True, top=True, needed=False)
    return rooms


def _sticker(
    canvas: Image,
    picture: Image,
    faces: list[Rect],
    taken: list[Rect],
    *,
    right: bool,
    top: bool = False,
    needed: bool = True,
) -> list[Rect]:
    """Draw ``picture`` at the bottom or ``top``, in the middle or on the right; returns the room
    it took. What is not ``needed`` is left out where it would hide a face."""
    high, wide = canvas.shape[:2]
    h, w = picture.shape[:2]
    if w > wide or h > high:
        return []
    left = wide - w if right else (wide - w) // 2
    # Above this is the first choice of a label: the edge that the picture is to touch.
    anchor = (left, h if top else high, w, 1)
    (x, y), _ = place((w, h), anchor, faces, taken, (wide, high), gap=0)
    if not needed and any(overlaps((x, y, w, h), face) for face in faces):
        return []
    canvas[y : y + h, x : x + w] = picture
    return [(x, y, w, h)]
