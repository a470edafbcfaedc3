"""What stands around the picture: people, why, time line and events, and what keeps them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from qtpy.QtCore import QSettings, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from realtime.events import Event, EventLog, StatusWatch
from realtime.history import History, Lane, Picture
from realtime.types import FrameResult, SourceStatus
from realtime.window.bridge import Bridge
from realtime.window.events_view import EventsView
from realtime.window.people import People, thumbnail
from realtime.window.player import Player
from realtime.window.request import shown
from realtime.window.themes import Theme
from realtime.window.timeline import Timeline
from realtime.window.translate import later, tr
from realtime.window.why import Why

_FACES_EVERY_S: Final = 1.0
_LAYOUT: Final = 2
"""Counts up when docks come or go, so that an old state is not applied to them."""


class Desk:
    """The docks of ``window``. ``refresh`` is to be called several times a second."""

    def __init__(self, window: QMainWindow, chosen: Callable[[int | None], None]) -> None:
        self._window = window
        self._chosen = chosen
        self.people = People()
        self.why = Why()
        self.timeline = Timeline()
        self.events = EventsView()
        self.log = EventLog()
        self.docks = [
            _dock(window, name, tr(name), view)
            for name, view in (
                (later("People"), self.people),
                (later("Why"), self.why),
                (later("Time line"), self.timeline),
                (later("Events"), self.events),
            )
        ]
        self.selected: int | None = None
        self._followed = True
        self._statuses = StatusWatch()
        self._names: dict[str, str] = {}
        self._bridges: dict[str, Bridge] = {}
        self._source_id = ""
        self._picture = Picture()
        self._shown: tuple[int, int, int | None] = (-1, -1, None)
        self._events_shown = -1
        self._faces_at = 0.0
        self.people.picked.connect(self.select)
        self.reset()

    @property
    def history(self) -> History | None:
        """Of the source that is shown, None while nothing is known of one."""
        bridge = self._bridges.get(self._source_id)
        return None if bridge is None else bridge.history

    @property
    def source_id(self) -> str:
        """Whose people are shown."""
        return self._source_id

    @property
    def bridges(self) -> Mapping[str, Bridge]:
        """Where the results of the sources arrive whose people are, or were last, shown."""
        return self._bridges

    @property
    def names(self) -> Mapping[str, str]:
        """What these sources are called."""
        return self._names

    def start(self, player: Player) -> None:
        """Show what the sources give from now on that ``player`` was just asked for."""
        self._bridges = dict(player.bridges)
        self._names = {one.source_id: shown(one.name) for one in player.wanted}
        self._statuses = StatusWatch()
        self._source_id = next(iter(self._bridges), "")
        self.selected = None
        self._picture = Picture()
        self._shown = (-1, -1, None)
        self.log.begin()
        self.timeline.follow()
        self._show(None, None)

    def refresh(
        self,
        result: FrameResult | None,
        statuses: Sequence[SourceStatus],
        *,
        source_id: str | None = None,
        duration_s: float | None = None,
    ) -> None:
        """Show what is new; ``result`` is what the canvas shows of the source ``source_id``."""
        now = time.monotonic()
        if source_id is not None and source_id != self._source_id:
            self._source_id, self.selected = source_id, None
            self._chosen(None)
        for status in statuses:
            self.log.add(self._statuses.see(status, now), self._names)
        for bridge in self._bridges.values():
            self.log.add(bridge.take_events(), self._names)
        history = self.history
        if history is not None:
            self._picture = history.picture()
        self._show(result, duration_s)
        if result is not None and now - self._faces_at >= _FACES_EVERY_S:
            self._faces_at = now
            self._show_faces(result)

    def select(self, track_id: int | None) -> None:
        """Say why of this person, whoever comes and goes."""
        self._followed = False
        self._select(track_id)

    def _select(self, track_id: int | None) -> None:
        if track_id != self.selected:
            self.selected = track_id
            self._chosen(track_id)
            self._show_why()

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self.timeline.set_theme(theme)

    def reset(self) -> None:
        """Put every dock where it belongs."""
        window, areas = self._window, Qt.DockWidgetArea
        people, why, line, events = self.docks
        for dock in self.docks:
            dock.setFloating(False)
            dock.show()
        for dock in (people, why):
            window.addDockWidget(areas.RightDockWidgetArea, dock)
        for dock in (line, events):
            window.addDockWidget(areas.BottomDockWidgetArea, dock)
        window.splitDockWidget(people, why, Qt.Orientation.Vertical)
        window.splitDockWidget(line, events, Qt.Orientation.Vertical)
        window.resizeDocks([people, why], [380, 380], Qt.Orientation.Horizontal)
        window.resizeDocks([people, why], [150, 330], Qt.Orientation.Vertical)
        window.resizeDocks([line, events], [110, 100], Qt.Orientation.Vertical)

    def restore(self, settings: QSettings) -> None:
        """Put docks and window where they were; nothing if that is not known."""
        geometry, state = settings.value("geometry"), settings.value("docks")
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        if state is not None:
            self._window.restoreState(state, _LAYOUT)

    def save(self, settings: QSettings) -> None:
        """Remember where docks and window are."""
        settings.setValue("geometry", self._window.saveGeometry())
        settings.setValue("docks", self._window.saveState(_LAYOUT))

    # Events

    def here(self, result: FrameResult | None) -> float:
        """Where the picture is on the time line."""
        history = self.history
        if result is None or history is None:
            return self._picture.now_s
        return history.time_of(result.frame)

    def beside(self, result: FrameResult | None, *, forward: bool) -> Event | None:
        """The next or the previous alert, selected with its person; None without one."""
        found = self.log.beside(self.here(result), self._source_id, forward=forward)
        if found is not None and found.track_id is not None:
            self.select(found.track_id)
        return found

    def mark(self, time_s: float, note: str) -> None:
        """Keep a mark at ``time_s`` on the selected person."""
        self.log.mark(time_s, self._source_id, self.selected, note, names=self._names)
        self._show_events()

    def acknowledge(self) -> None:
        """The selected event was seen, or else the oldest that nobody has."""
        chosen = self.events.chosen
        if chosen is None or not self.log.acknowledge(chosen.number):
            for event in self.log.open[:1]:
                self.log.acknowledge(event.number)
        self._show_events()

    # Showing

    def _show(self, result: FrameResult | None, duration_s: float | None) -> None:
        picture, history = self._picture, self.history
        frame = -1 if result is None else result.frame.index
        state = (picture.version, frame, self.selected)
        if state != self._shown:
            self._shown = state
            present = [lane for lane in picture.lanes if lane.present] or list(picture.lanes[-4:])
            self._follow(present)
            kept = [p for p in picture.lanes if p in present or p.track_id == self.selected]
            self.people.show_lanes(kept, picture.now_s, self.selected)
            self._show_why()
            live = history is not None and history.live
            at_s = self.here(result)
            self.timeline.show_picture(picture, at_s, live=live, duration_s=duration_s)
        self._show_events()

    def _follow(self, present: Sequence[Lane]) -> None:
        """While nobody was chosen: the gravest, and another once that one has left."""
        here = [lane.track_id for lane in present if lane.present]
        left = self._followed and bool(here) and self.selected not in here
        if present and (self.selected is None or left):
            self._followed = True
            self._select(max(present, key=lambda lane: lane.verdict.state.rank).track_id)

    def _show_why(self) -> None:
        lanes = self._picture.lanes
        self.why.show_lane(next((p for p in lanes if p.track_id == self.selected), None))

    def _show_events(self) -> None:
        if self.log.version != self._events_shown:
            self._events_shown = self.log.version
            self.events.show_events(self.log.events)
        run = [e for e in self.log.events if e.run == self.log.run]
        self.timeline.show_events([e for e in run if e.source_id == self._source_id])

    def _show_faces(self, result: FrameResult) -> None:
        faces: dict[int, QImage] = {}
        for track_id in self.people.track_ids:
            picture = thumbnail(result, track_id)
            if picture is not None:
                faces[track_id] = picture
        self.people.show_faces(faces)


def _dock(window: QMainWindow, name: str, title: str, view: QWidget) -> QDockWidget:
    dock = QDockWidget(title, window)
    dock.setObjectName(f"dock {name}")  # in no language: layouts are kept by it
    dock.setAccessibleName(title)
    dock.setWidget(view)
    return dock
