"""Which part of a picture is looked at, and where it lies in its room; no Qt.

Everything is in pixels: those of the picture, and those of the screen in the room that the
picture has. A place in the picture stays where it is from frame to frame, whatever the size of
either, because a `View` says it in shares of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Final

Size = tuple[int, int]
"""Width and height."""

MOST_PIXELS: Final = 32.0
"""One pixel of the picture is never larger than so many of the screen, unless the picture is so
small that it is shown larger anyway."""
MOST_ZOOM: Final = 8.0
"""So far any picture can be enlarged beyond what fits."""
_SNAP: Final = 0.01


@dataclass(frozen=True, slots=True)
class View:
    """What the viewer asked for.

    ``zoom`` is to the size that just fits; ``x`` and ``y``, 0..1, say which place of the picture
    is in the middle. ``actual``: one pixel of the picture on one of the screen, whatever ``zoom``.
    """

    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5
    actual: bool = False


FIT: Final = View()


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction: the picture is ``full`` pixels of the screen long, of which ``length`` are
    seen from ``offset`` on, ``start`` pixels into the room."""

    frame: int
    full: int
    offset: int
    length: int
    start: int

    @property
    def region(self) -> tuple[float, float]:
        """Begin and length of what is seen, in pixels of the picture."""
        scale = self.frame / self.full
        return self.offset * scale, self.length * scale

    @property
    def source(self) -> tuple[int, int]:
        """Begin and end, in whole pixels of the picture, of what must be scaled for it."""
        begin, length = self.region
        first = max(0, floor(begin + 1e-6))
        return first, max(first + 1, min(self.frame, ceil(begin + length - 1e-6)))

    @property
    def scaled(self) -> tuple[int, int]:
        """Begin and length, in pixels of the screen, of ``source`` in the whole picture."""
        begin, end = (round(v * self.full / self.frame) for v in self.source)
        begin = min(begin, self.offset)
        return begin, max(end, self.offset + self.length) - begin

    def share_at(self, place: float) -> float:
        """Which share of the picture lies at ``place`` in the room; may be outside of 0..1."""
        return (self.offset + place - self.start) / self.full


@dataclass(frozen=True, slots=True)
class Pane:
    """What is seen of a picture in a room."""

    across: Axis
    down: Axis

    @property
    def size(self) -> Size:
        """Of the part that is seen, in pixels of the screen."""
        return self.across.length, self.down.length

    @property
    def region(self) -> tuple[float, float, float, float]:
        """x, y, width, height of the part that is seen, in pixels of the picture."""
        (x, w), (y, h) = self.across.region, self.down.region
        return x, y, w, h

    @property
    def whole(self) -> bool:
        """Whether all of the picture is seen."""
        return self.across.length == self.across.full and self.down.length == self.down.full

    @property
    def scale(self) -> float:
        """Pixels of the screen for one of the picture."""
        return self.across.full / self.across.frame


@dataclass(frozen=True, slots=True)
class Places:
    """Where the pictures of a canvas are: their left edges, their common top, and the ``pane``
    that each shows of the frame, as in a ``room`` of its own."""

    lefts: tuple[int, ...]
    top: int
    pane: Pane
    room: Size

    @property
    def size(self) -> Size:
        """Of all pictures together."""
        wide, high = self.pane.size
        return self.lefts[-1] - self.lefts[0] + wide, high

    def in_room(self, x: float, y: float) -> tuple[float, float]:
        """A place of the canvas as one of the room around the picture that is next to it."""
        wide = self.pane.size[0]
        left = min(self.lefts, key=lambda left: abs(x - left - wide / 2))
        return x - left + self.pane.across.start, y - self.top + self.pane.down.start


def lay_out(view: View, frame: Size, canvas: Size, gap: int | None = None) -> Places:
    """One picture in the middle of the canvas; with a ``gap`` two of them, so far apart."""
    wide, high = max(1, canvas[0]), max(1, canvas[1])
    room = (wide, high) if gap is None else (max(1, (wide - gap) // 2), high)
    pane = look(view, frame, room)
    across = pane.size[0] if gap is None else 2 * pane.size[0] + gap
    first = (wide - across) // 2
    lefts = (first,) if gap is None else (first, first + pane.size[0] + gap)
    return Places(lefts, (high - pane.size[1]) // 2, pane, room)


def fit(width: int, height: int, room_width: int, room_height: int) -> Size:
    """The largest size of the shape ``width`` by ``height`` that fits in, at least 1 by 1."""
    scale = min(room_width / width, room_height / height)
    return (
        max(1, min(room_width, round(width * scale))),
        max(1, min(room_height, round(height * scale))),
    )


def look(view: View, frame: Size, room: Size) -> Pane:
    """What ``view`` shows of a picture of the size ``frame`` in a ``room``; both 1 by 1 or more."""
    full = _full(view, frame, room)
    across = _axis(frame[0], full[0], room[0], view.x)
    return Pane(across, _axis(frame[1], full[1], room[1], view.y))


def zoomed(view: View, factor: float, at: tuple[float, float], frame: Size, room: Size) -> View:
    """``view`` enlarged by ``factor``, so that what lies ``at`` that place of the room stays."""
    pane = look(view, frame, room)
    fitted = fit(*frame, *room)[0]
    now = pane.across.full / fitted if view.actual else _held(view.zoom, frame, room)
    zoom = _held(now * factor, frame, room)
    if abs(zoom - 1) < _SNAP:
        return FIT
    wanted = View(zoom)
    full = _full(wanted, frame, room)
    x = _centre(pane.across.share_at(at[0]), at[0], full[0], room[0])
    return replace(wanted, x=x, y=_centre(pane.down.share_at(at[1]), at[1], full[1], room[1]))


def panned(view: View, right: float, down: float, frame: Size, room: Size) -> View:
    """``view`` with the picture moved by so many pixels of the screen, as far as there is more."""
    pane = look(view, frame, room)
    centres = []
    for axis, by, length in ((pane.across, right, room[0]), (pane.down, down, room[1])):
        middle = length / 2
        centres.append(_centre(axis.share_at(middle - by), middle, axis.full, length))
    return replace(view, x=centres[0], y=centres[1])


def _full(view: View, frame: Size, room: Size) -> Size:
    if view.actual:
        return frame
    wide, high = fit(*frame, *room)
    zoom = _held(view.zoom, frame, room)
    return max(1, round(wide * zoom)), max(1, round(high * zoom))


def _held(zoom: float, frame: Size, room: Size) -> float:
    """``zoom`` within its bounds: never smaller than what fits, or than the picture itself."""
    actual = frame[0] / fit(*frame, *room)[0]
    return min(max(zoom, min(1.0, actual)), max(MOST_ZOOM, MOST_PIXELS * actual))


def _centre(share: float, at: float, full: int, room: int) -> float:
    """Which share is in the middle if ``share`` lies ``at`` a place, as far as the picture goes."""
    if full <= room:
        return 0.5
    half = room / 2 / full
    return min(max(share + (room / 2 - at) / full, half), 1 - half)


def _axis(frame: int, full: int, room: int, centre: float) -> Axis:
    if full <= room:
        return Axis(frame, full, 0, full, (room - full) // 2)
    offset = min(max(round(centre * full - room / 2), 0), full - room)
    return Axis(frame, full, offset, room, 0)
