"""Where a small window may lie: on a screen that exists, and beside a picture that is watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qtpy.QtCore import QPoint, QRect, QSize
from qtpy.QtGui import QGuiApplication

from realtime.sources import Address, SourceKind

MARGIN: Final = 12
_FRAME: Final = QSize(8, 40)
"""What the frame and the title of a window take at most, before it can be asked."""


def screens() -> list[QRect]:
    """What is free of task bars on each screen, the first one first."""
    return [screen.availableGeometry() for screen in QGuiApplication.screens()]


def comfortable(wanted: QSize, areas: Sequence[QRect]) -> QSize:
    """``wanted``, or what of it fits on the first of ``areas`` with the frame of a window."""
    if not areas:
        return wanted
    return wanted.boundedTo(areas[0].size() - _FRAME)


def clamped(wanted: QRect, areas: Sequence[QRect]) -> QRect:
    """``wanted`` moved as little as possible, so that it lies on one of ``areas`` as a whole.

    One that is larger than every area begins where the area begins.
    """
    if not areas or any(area.contains(wanted) for area in areas):
        return wanted
    moved = [_into(wanted, area) for area in areas]
    return min(moved, key=lambda rect: (rect.topLeft() - wanted.topLeft()).manhattanLength())


def _into(wanted: QRect, area: QRect) -> QRect:
    left = max(area.left(), min(wanted.left(), area.right() + 1 - wanted.width()))
    top = max(area.top(), min(wanted.top(), area.bottom() + 1 - wanted.height()))
    return QRect(QPoint(left, top), wanted.size())


def beside(wanted: QRect, watched: Sequence[QRect], areas: Sequence[QRect]) -> QRect | None:
    """The place nearest to ``wanted`` that touches nothing of ``watched``, None without one."""
    if not any(area.intersects(wanted) for area in watched):
        return wanted
    places = []
    for area in areas:
        inner = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        lefts = [inner.left(), inner.right() + 1 - wanted.width(), wanted.left()]
        tops = [inner.top(), inner.bottom() + 1 - wanted.height(), wanted.top()]
        for one in watched:
            lefts += [one.left() - MARGIN - wanted.width(), one.right() + 1 + MARGIN]
            tops += [one.top() - MARGIN - wanted.height(), one.bottom() + 1 + MARGIN]
        for left in lefts:
            for top in tops:
                place = QRect(QPoint(left, top), wanted.size())
                if area.contains(place) and not any(one.intersects(place) for one in watched):
                    places.append(place)
    return min(
        places,
        key=lambda rect: (rect.topLeft() - wanted.topLeft()).manhattanLength(),
        default=None,
    )


def watched(addresses: Sequence[object]) -> list[QRect]:
    """The parts of the screens that are sources themselves, in Qt's coordinates.

    Screens are taken in the order that Qt has them in; a number that it does not know stands for
    all of them.
    """
    found = QGuiApplication.screens()
    areas = []
    for one in addresses:
        if not isinstance(one, Address) or one.kind is not SourceKind.SCREEN:
            continue
        number = int(one.target) if one.target.isdigit() else 0
        if not 1 <= number <= len(found):
            areas += [screen.geometry() for screen in found]
            continue
        area, ratio = found[number - 1].geometry(), found[number - 1].devicePixelRatio()
        if one.region is not None:
            x, y, wide, high = (round(value / ratio) for value in one.region)
            area = QRect(area.left() + x, area.top() + y, wide, high).intersected(area)
        areas.append(area)
    return areas
