"""What the window shows of the sources that an engine cares for: one picture, or a grid."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from realtime.types import DropCause, FrameCounts, SourceState, SourceStatus, VerdictState
from realtime.window.canvas import Canvas
from realtime.window.grid import Grid
from realtime.window.live_picture import LivePicture
from realtime.window.look_back import LookBack
from realtime.window.messages import Rate, figures, frame_rate, identity, model_words
from realtime.window.player import Player
from realtime.window.ring import Rings
from realtime.window.states import counted, short_words, words
from realtime.window.tile import Tile
from realtime.window.translate import tr, trn

_UNJUDGED = (None, VerdictState.NOT_ASSESSABLE)


class LivePlay:
    """Idle until `start`. ``refresh`` is to be called several times a second."""

    def __init__(self, player: Player, canvas: Canvas, grid: Grid) -> None:
        self._player = player
        self._picture = LivePicture(canvas)
        self._grid = grid
        self._many = False
        self._rate = Rate()
        self._rings = Rings()
        self.past = LookBack(self._rings, lambda: self.looked_at, self._enlarge)

    @property
    def many(self) -> bool:
        """Whether the grid is what is shown."""
        return self._many

    @property
    def status(self) -> SourceStatus | None:
        """What the only source, or the enlarged one, is doing; None while many are shown."""
        picture = self.looked_at
        return None if picture is None else picture.status

    @property
    def held(self) -> bool | None:
        """Whether the picture is held; None if there is none that can be."""
        if not self._many:
            return self._picture.held
        # Space leads from an enlarged tile to all of them, unless it is of the past.
        tile = self._grid.enlarged
        return True if tile is not None and tile.live.back else None

    @property
    def looked_at(self) -> LivePicture | None:
        """The only source, or the enlarged one; None while many are shown."""
        tile = self._grid.enlarged
        if not self._many:
            return self._picture
        return None if tile is None else tile.live

    @property
    def age_s(self) -> float:
        """How old the picture of a live source is that is looked at, 0 while there is none."""
        running = self._player.engine is not None
        return max(0.0, time.monotonic() - self.past.here) if running else 0.0

    def start(self, *, many: bool) -> None:
        """Show what the player has just opened."""
        now = time.monotonic()
        wanted, bridges = self._player.wanted, self._player.bridges
        self._many = many
        self._rate = Rate()
        self._rings.start(one.source_id for one in wanted)
        if many:
            self._grid.start(wanted, bridges, now, self._rings.offer)
        else:
            source_id = wanted[0].source_id
            self._picture.start(source_id, bridges[source_id], now, self._rings.offer)
        self.refresh()

    def stop(self) -> None:
        """Show none of it any more."""
        self._grid.stop()
        self._picture.stop()
        self._rings.stop()
        self._many = False

    def pull(self) -> None:
        """Show the newest result of the only source; the grid does so by itself."""
        if not self._many and self._picture.pull():
            self.refresh()

    def toggle_hold(self) -> None:
        """Hold the picture of the only source, or let it go; from the past, back to the present."""
        picture = self.looked_at
        if picture is not None and (picture.back or not self._many):
            picture.toggle_hold(time.monotonic())

    def _enlarge(self, source_id: str) -> None:
        tiles = self._grid.tiles if self._many else ()
        tile = next((t for t in tiles if t.source_id == source_id), None)
        if tile is not None and self._grid.enlarged is not tile:
            if self._grid.enlarged is not None:
                self._grid.toggle(self._grid.enlarged)
            self._grid.toggle(tile)

    def refresh(self) -> None:
        """Say what every source is doing."""
        now = time.monotonic()
        if self._many:
            self._grid.refresh(self._status_of, now)
        else:
            status = self._status_of(self._picture.status.source_id)
            self._picture.refresh(status or self._picture.status, now)

    def figures(self) -> str:
        """The line at the bottom of the window."""
        tile = self._grid.enlarged
        if self._many and tile is None:
            return self._totals()
        picture = self._picture if tile is None else tile.live
        return self._of_one(picture, "" if tile is None else tile.name)

    def _status_of(self, source_id: str) -> SourceStatus | None:
        view = self._player.view(source_id)
        return None if view is None else view.status

    def _of_one(self, picture: LivePicture, name: str) -> str:
        now = time.monotonic()
        status = picture.status
        state = short_words(status, now, picture.shown)
        view, engine = self._player.view(status.source_id), self._player.engine
        if view is None or engine is None:
            return state
        newest = picture.newest(now)
        counts = view.counts
        return figures(
            f"{name}: {state}" if name else state,
            counts,
            self._rate.update(counts.analysed, key=status.source_id),
            None if newest is None else newest.age_s,
            engine.model,
            load=view.load,
        )

    def _totals(self) -> str:
        engine = self._player.engine
        if engine is None:
            return words(SourceState.CONNECTING, live=True)
        views = engine.sources
        counts = total([view.counts for view in views])
        fps = self._rate.update(counts.analysed)
        parts = [
            census([tile.live.status for tile in self._grid.tiles]),
            gravest(self._grid.tiles),
            slow(sum(view.load.reduced for view in views)),
            frame_rate(fps),
            identity(counts),
            *model_words(engine.model),
        ]
        return " · ".join(part for part in parts if part)


def total(counts: Iterable[FrameCounts]) -> FrameCounts:
    """The sums of several, for which the identity holds again."""
    captured = analysed = 0
    dropped: Counter[DropCause] = Counter()
    for one in counts:
        captured += one.captured
        analysed += one.analysed
        dropped.update(one.dropped)
    return FrameCounts(captured, analysed, dict(dropped))


def census(statuses: Iterable[SourceStatus]) -> str:
    """How many sources there are, and how many in which state."""
    found = Counter(status.state for status in statuses)
    parts = [f"{found[state]} {counted(state)}" for state in SourceState if found[state]]
    count = sum(found.values())
    text = trn("{count} source: {states}", "{count} sources: {states}", count)
    return text.format(count=count, states=", ".join(parts))


def gravest(tiles: Iterable[Tile]) -> str:
    """The gravest verdict of all and where it is, empty while there is none."""
    judged = [tile for tile in tiles if tile.caption.grade not in _UNJUDGED]
    worst = max(judged, key=lambda tile: tile.gravity, default=None)
    if worst is None:
        return ""
    text = tr("worst: {verdict} ({source})")
    return text.format(verdict=worst.caption.verdict, source=worst.name)


def slow(count: int) -> str:
    """For how many sources the machine is too slow, empty for none."""
    return tr("machine is slow for {count} of them").format(count=count) if count else ""
