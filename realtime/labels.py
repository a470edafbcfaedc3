"""The little pictures with text that the overlay puts beside faces, and where they go.

Text is set by Pillow in DejaVu Sans, which lies in the wheel of matplotlib that MediaPipe
depends on: OpenCV's own fonts know nothing beyond ASCII, its wheels have no FreeType, and a
machine without a screen often has no fonts at all. The file is found without importing
matplotlib, and Pillow's built-in font stands in where it is missing. Setting a label costs
about a millisecond; it is kept for as long as its words stay the same.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from realtime.heatmap import LEGEND_TEXT, legend_bar
from realtime.redact import redact
from realtime.types import Image, Verdict, VerdictState

Rect = tuple[int, int, int, int]
"""x, y, width, height in pixels of the picture that is drawn on."""

Colour = tuple[int, int, int]
"""BGR."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_COLOURS: Final[dict[VerdictState, Colour]] = {
    VerdictState.NOT_ASSESSABLE: (153, 153, 153),
    VerdictState.LITTLE_EVIDENCE: (178, 114, 0),
    VerdictState.UNCERTAIN: (0, 159, 230),
    VerdictState.STRONG: (0, 94, 213),
    VerdictState.VERY_STRONG: (0, 94, 213),
}
HIDES_COST: Final = 1e6
"""Of a place where a label hides one pixel of a face; less than that, and it hides nothing."""
_PAPER: Final = 24
_INK: Final = 255
_PALE_INK: Final = 215
_MIN_TEXT_PX: Final = 12

Names = Callable[[VerdictState], str]

# FreeType faces must not be used by two threads at once.
_font_lock = threading.Lock()


def state_colour(state: VerdictState) -> Colour:
    """Okabe-Ito grey, blue, orange, vermillion and vermillion, BGR."""
    return _COLOURS[state]


def default_text_px(width: int, height: int) -> int:
    """A text height that can be read on a picture of this size: 12 at 360p, 26 at 1080p."""
    return max(_MIN_TEXT_PX, round(min(width, height) / 42))


def english(state: VerdictState) -> str:
    """The words of a state as they are in every output."""
    return state.words


def label_text(verdict: Verdict, names: Names = english) -> tuple[str, str]:
    """The two lines of a label: what is said and for how long, and the weightiest reason.

    ``names`` says the state in the language of who looks at it.
    """
    number = "" if verdict.probability is None else f" {verdict.probability:.2f}"
    headline = f"{names(verdict.state)}{number} · {verdict.since_s:.0f} s"
    reasons = verdict.reasons or tuple(obstacle.words for obstacle in verdict.obstacles)
    return f"#{verdict.track_id} {headline}", redact(reasons[0]) if reasons else ""


class Detail(Enum):
    """How much a label says, the most first."""

    REASON = "both lines"
    VERDICT = "the first line"
    NUMBER = "sign and number of the person"


def label_picture(
    verdict: Verdict,
    text_px: int,
    max_width: int,
    detail: Detail = Detail.REASON,
    names: Names = english,
) -> Image:
    """The label of a verdict, read-only."""
    headline, why = label_text(verdict, names)
    if detail is Detail.NUMBER:
        headline = f"#{verdict.track_id}"
    why = why if detail is Detail.REASON else ""
    return _label(verdict.state, headline, why, text_px, max_width)


@lru_cache(maxsize=32)
def sign_picture(state: VerdictState, size_px: int) -> Image:
    """The sign of a state alone, a square on the dark ground of the labels, read-only."""
    picture: Image = np.full((size_px, size_px, 3), _PAPER, np.uint8)
    _sign(picture, state, (size_px / 2, size_px / 2), size_px / 2)
    picture.setflags(write=False)
    return picture


def rect_gap(a: Rect, b: Rect) -> float:
    """Distance between two rectangles, 0 if they touch."""
    dx = max(a[0] - b[0] - b[2], b[0] - a[0] - a[2], 0)
    dy = max(a[1] - b[1] - b[3], b[1] - a[1] - a[3], 0)
    return float(np.hypot(dx, dy))


def place(
    size: tuple[int, int],
    face: Rect,
    faces: Sequence[Rect],
    taken: Sequence[Rect],
    frame: tuple[int, int],
    *,
    gap: int,
) -> tuple[tuple[int, int], float]:
    """Where a label of ``size`` (width, height) goes, and the cost of that place.

    The first choice is above the left corner of ``face``. Next come places beside it, below it,
    and beside whatever else is in the way: if there is any free place in the ``frame`` (width,
    height), one of these is free. The cost is about the distance to ``face`` in pixels, and a
    million for each pixel of a face that must be hidden, ten for one of a label (``taken``).
    """
    w, h = size
    x, y, face_w, face_h = face
    blocks = np.array([*faces, *taken], np.float64).reshape(-1, 4)
    xs = np.concatenate(
        [
            [x, x + face_w - w, x + (face_w - w) / 2, 0, frame[0] - w],
            blocks[:, 0] - w - gap,
            blocks[:, 0] + blocks[:, 2] + gap,
        ]
    )
    ys = np.concatenate(
        [
            [y, y + (face_h - h) / 2, y + face_h - h, 0, frame[1] - h],
            blocks[:, 1] - h - gap,
            blocks[:, 1] + blocks[:, 3] + gap,
        ]
    )
    xs = np.unique(np.clip(np.rint(xs), 0, frame[0] - w))
    ys = np.unique(np.clip(np.rint(ys), 0, frame[1] - h))
    u, v = (grid.ravel() for grid in np.meshgrid(xs, ys))
    hidden = _overlap(u, v, w, h, blocks)
    of_faces, of_labels = hidden[:, : len(faces)].sum(1), hidden[:, len(faces) :].sum(1)
    away = np.hypot(
        np.maximum(np.maximum(u - x - face_w, x - u - w), 0),
        np.maximum(np.maximum(v - y - face_h, y - v - h), 0),
    )
    from_first = np.abs(u - x) + np.abs(v - (y - h - gap))
    cost = HIDES_COST * (of_faces + 10 * of_labels) + away + 0.1 * from_first
    best = int(np.argmin(cost))
    return (int(u[best]), int(v[best])), float(cost[best])


def _overlap(
    u: NDArray[np.float64], v: NDArray[np.float64], w: int, h: int, blocks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pixels that each place shares with each block, ``(places, blocks)``."""
    left, top, wide, high = blocks.T
    across = np.minimum(u[:, None] + w, left + wide) - np.maximum(u[:, None], left)
    down = np.minimum(v[:, None] + h, top + high) - np.maximum(v[:, None], top)
    area: NDArray[np.float64] = np.maximum(across, 0) * np.maximum(down, 0)
    return area


@lru_cache(maxsize=1)
def font_folder() -> Path | None:
    """Where DejaVu Sans lies, None if matplotlib is not installed as usual."""
    spec = importlib.util.find_spec("matplotlib")
    for place_ in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place_) / "mpl-data" / "fonts" / "ttf"
        if (folder / "DejaVuSans.ttf").is_file():
            return folder
    return None


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> Font:
    folder = font_folder()
    if folder is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)


# Few enough that labels for 4K pictures, half a megabyte each, stay within 32 MB.
@lru_cache(maxsize=64)
def _label(state: VerdictState, headline: str, why: str, text_px: int, max_width: int) -> Image:
    pad = max(3, round(text_px * 0.4))
    stripe = max(2, round(text_px * 0.25))
    sign = round(text_px * 1.1)
    left = stripe + pad + sign + pad
    step = round(text_px * 1.35)
    room = max(1, max_width - left - pad)
    with _font_lock:
        big, small = _font(text_px, True), _font(max(_MIN_TEXT_PX, round(text_px * 0.85)), False)
        lines = [(_fit(headline, big, room), big, _INK)]
        if why:
            lines.append((_fit(why, small, room), small, _PALE_INK))
        wide = left + max(int(np.ceil(font.getlength(text))) for text, font, _ in lines) + pad
        page = PillowImage.new("L", (wide, 2 * pad + step * len(lines)), _PAPER)
        pen = ImageDraw.Draw(page)
        for i, (text, font, ink) in enumerate(lines):
            pen.text((left, pad + step * (i + 0.5)), text, fill=ink, font=font, anchor="lm")
    picture: Image = np.repeat(np.asarray(page, np.uint8)[..., None], 3, axis=2)
    picture[:, :stripe] = state_colour(state)
    _sign(picture, state, (stripe + pad + sign / 2, pad + step / 2), sign / 2)
    picture.setflags(write=False)
    return picture


def _fit(text: str, font: Font, room: int) -> str:
    """``text``, or as much of its beginning as fits in, with an ellipsis."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"


def _sign(picture: Image, state: VerdictState, centre: tuple[float, float], radius: float) -> None:
    """Dashed ring, disc, diamond, triangle and two triangles: told apart without colour."""
    colour = tuple(min(255, round(c * 1.2 + 20)) for c in state_colour(state))
    cx, cy = centre
    if state is VerdictState.NOT_ASSESSABLE:
        middle, axes = (round(cx), round(cy)), (round(radius * 0.8), round(radius * 0.8))
        for start in range(0, 360, 60):
            thick = max(1, round(radius / 4))
            cv2.ellipse(picture, middle, axes, 0, start, start + 35, colour, thick, cv2.LINE_AA)
        return
    shapes: list[list[tuple[float, float]]]
    if state is VerdictState.LITTLE_EVIDENCE:
        turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        shapes = [[(0.75 * float(np.cos(t)), 0.75 * float(np.sin(t))) for t in turn]]
    elif state is VerdictState.UNCERTAIN:
        shapes = [[(0, -1), (1, 0), (0, 1), (-1, 0)]]
    elif state is VerdictState.STRONG:
        shapes = [[(0, -0.9), (1, 0.85), (-1, 0.85)]]
    else:
        shapes = [[(0, -1), (0.8, -0.05), (-0.8, -0.05)], [(0, 0.05), (0.8, 1), (-0.8, 1)]]
    for shape in shapes:
        # cv2 takes points in sixteenths of a pixel with shift=4.
        points = np.rint((np.array(shape) * radius + centre) * 16).astype(np.int32)
        cv2.fillPoly(picture, [points], colour, cv2.LINE_AA, shift=4)


@lru_cache(maxsize=8)
def notice_picture(text: str, text_px: int) -> Image:
    """A word in large letters, read-only."""
    size = round(text_px * 1.6)
    with _font_lock:
        font = _font(size, True)
        wide = int(np.ceil(font.getlength(text))) + 2 * size
        page = PillowImage.new("L", (wide, 2 * size), _PAPER)
        ImageDraw.Draw(page).text((wide / 2, size), text, fill=_INK, font=font, anchor="mm")
    picture: Image = np.repeat(np.asarray(page, np.uint8)[..., None], 3, axis=2)
    picture.setflags(write=False)
    return picture


@lru_cache(maxsize=8)
def legend_picture(text_px: int, *, short: bool = False) -> Image:
    """The fixed scale of the heat map, read-only; ``short`` says less of it in less room."""
    low, high, meaning = LEGEND_TEXT
    size = max(_MIN_TEXT_PX, round(text_px * 0.85))
    pad = max(3, round(text_px * 0.4))
    bar_wide, bar_high = (3 if short else 6) * size, round(size * 0.7)
    with _font_lock:
        font = _font(size, False)
        texts = (low, high if short else f"{high}  {meaning}")
        first, second = (int(np.ceil(font.getlength(text))) for text in texts)
        page = PillowImage.new("L", (first + bar_wide + second + 4 * pad, 2 * pad + size), _PAPER)
        pen = ImageDraw.Draw(page)
        middle = pad + size / 2
        pen.text((pad, middle), texts[0], fill=_PALE_INK, font=font, anchor="lm")
        after = 3 * pad + first + bar_wide
        pen.text((after, middle), texts[1], fill=_PALE_INK, font=font, anchor="lm")
    picture: Image = np.repeat(np.asarray(page, np.uint8)[..., None], 3, axis=2)
    top, left = round(middle - bar_high / 2), 2 * pad + first
    picture[top : top + bar_high, left : left + bar_wide] = legend_bar(bar_wide, bar_high, 128)
    picture.setflags(write=False)
    return picture
