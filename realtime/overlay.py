"""Draws a `FrameResult` on a picture; the window and the video sink share it.

The picture may be the frame itself or the frame at another size: coordinates follow the size of
the picture, and text and lines are drawn after scaling, so that they are crisp at every size.
States differ by colour (the palette of Okabe and Ito, 2002, that colour-blind people can tell
apart), by the stroke of the box and by the sign in the label.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.heatmap import paint_heat
from realtime.labels import (
    Colour,
    Rect,
    default_text_px,
    label_picture,
    legend_picture,
    notice_picture,
    place,
    rect_gap,
    state_colour,
)
from realtime.types import FrameResult, Image, Verdict, VerdictState

_HALO: Final[Colour] = (20, 20, 20)
"""Drawn under every stroke, so that it stands out from bright and dark pictures alike."""
_SECOND_BORDER: Final = 3
"""How far outside the first the second border of the gravest state is, in strokes."""


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
) -> None:
    """As `draw`, but into ``canvas`` itself, which must be writable.

    ``notice`` is said in large letters at the bottom, away from faces and labels.
    """
    high, wide = canvas.shape[:2]
    frame_high, frame_wide = result.frame.image.shape[:2]
    scale = (wide / frame_wide, high / frame_high)
    text_px = default_text_px(wide, high) if text_px is None else text_px
    faces = result.faces
    thick = max(1, round(text_px / 8))
    # Room for the second border of the gravest state, and a little air.
    margin = _SECOND_BORDER * (thick + 1) + thick + 2
    rects = [_scaled(box, scale) for box in faces.boxes]
    bordered = [_grown(rect, margin) for rect in rects]
    taken: list[Rect] = []
    if heat:
        for track_id, box in zip(faces.track_ids.tolist(), faces.boxes, strict=True):
            if track_id in result.heat:
                paint_heat(canvas, result.heat[track_id], box, scale)
        taken += _sticker(canvas, legend_picture(text_px), bordered, taken, right=True)
    if notice:
        taken += _sticker(canvas, notice_picture(notice, text_px), bordered, taken, right=False)
    verdicts = [result.verdicts.get(i) for i in faces.track_ids.tolist()]
    if boxes:
        for verdict, rect in zip(verdicts, rects, strict=True):
            if verdict is not None:
                _box(canvas, rect, verdict.state, thick)
    if labels:
        known = [(v, room) for v, room in zip(verdicts, bordered, strict=True) if v is not None]
        # The gravest first: it gets the best place.
        for verdict, room in sorted(known, key=lambda pair: -pair[0].state.rank):
            taken += _label(canvas, verdict, room, bordered, taken, text_px=text_px)


def _grown(rect: Rect, by: int) -> Rect:
    x, y, w, h = rect
    return x - by, y - by, w + 2 * by, h + 2 * by


def _scaled(box: NDArray[np.float32], scale: tuple[float, float]) -> Rect:
    left, top = float(box[0]) * scale[0], float(box[1]) * scale[1]
    right, bottom = float(box[0] + box[2]) * scale[0], float(box[1] + box[3]) * scale[1]
    x, y = round(left), round(top)
    return x, y, max(1, round(right) - x), max(1, round(bottom) - y)


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
    dash = max(4, 4 * thick)
    lines = []
    for start in range(0, w, 2 * dash):
        end = min(start + dash, w - 1)
        lines += [((x + start, v), (x + end, v)) for v in (y, y + h - 1)]
    for start in range(0, h, 2 * dash):
        end = min(start + dash, h - 1)
        lines += [((u, y + start), (u, y + end)) for u in (x, x + w - 1)]
    _lines(canvas, lines, colour, thick)


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
) -> list[Rect]:
    """Draw one label where it hides nothing; returns the room it took.

    ``rect`` and ``faces`` are boxes with their borders, ``taken`` other labels.
    """
    high, wide = canvas.shape[:2]
    best: tuple[float, Image, Rect] | None = None
    for reason in (True, False):
        picture = label_picture(verdict, text_px, wide, reason=reason)
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


def _sticker(
    canvas: Image, picture: Image, faces: list[Rect], taken: list[Rect], *, right: bool
) -> list[Rect]:
    """Draw ``picture`` at the bottom, in the middle or on the right; returns the room it took."""
    high, wide = canvas.shape[:2]
    h, w = picture.shape[:2]
    if w > wide or h > high:
        return []
    left = wide - w if right else (wide - w) // 2
    (x, y), _ = place((w, h), (left, high, w, 1), faces, taken, (wide, high), gap=0)
    canvas[y : y + h, x : x + w] = picture
    return [(x, y, w, h)]
