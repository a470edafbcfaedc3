"""Which parts of a file were analysed, where a viewer may jump about in it."""

from __future__ import annotations

from typing import Final

MAX_PARTS: Final = 64
"""Of more jumps than this the shortest parts are not claimed."""
JOIN_S: Final = 0.5
"""So little between two parts is no gap."""


class Parts:
    """Stretches of time, in seconds of the source; they grow as the run goes on."""

    def __init__(self) -> None:
        self._parts: list[tuple[float, float]] = []
        self._epoch: int | None = None
        self._open: tuple[float, float] | None = None
        self.jumped = False

    def add(self, epoch: int, time_s: float) -> None:
        """A picture at ``time_s`` was analysed; with a jump the epoch changes."""
        if self._open is not None and epoch == self._epoch:
            self._open = (min(self._open[0], time_s), max(self._open[1], time_s))
            return
        self.jumped = self.jumped or epoch > 0
        if self._open is not None:
            self._parts = _joined([*self._parts, self._open])
            while len(self._parts) > MAX_PARTS:
                self._parts.remove(min(self._parts, key=lambda part: part[1] - part[0]))
        self._epoch, self._open = epoch, (time_s, time_s)

    @property
    def found(self) -> tuple[tuple[float, float], ...]:
        """First and last moment of each part, in the order of time; they do not overlap."""
        return tuple(_joined([*self._parts, *([] if self._open is None else [self._open])]))


def _joined(parts: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for first, last in sorted(parts):
        if found and first - found[-1][1] <= JOIN_S:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
