"""What happened, one line each, for people: alerts, sources lost and back, marks with notes.

Bounded: a log that is left alone over night keeps what is newest and what nobody has looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from realtime.redact import redact
from realtime.types import FrameResult, SourceState, SourceStatus, VerdictState

MAX_EVENTS: Final = 1000
MAX_NOTE: Final = 500
_LOST: Final = (
    SourceState.STALLED,
    SourceState.RECONNECTING,
    SourceState.BLACK,
    SourceState.FROZEN,
    SourceState.PROTECTED,
    SourceState.FAILED,
)


class EventKind(str, Enum):
    """What kind of thing happened."""

    ALERT = "alert"
    ALERT_OVER = "alert over"
    CHANGE = "change"
    SOURCE_LOST = "source lost"
    SOURCE_BACK = "source back"
    MARK = "mark"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Event:
    """``time_s`` on the time line of its source, ``wall_s`` Unix time; ``text`` is redacted.

    ``run`` tells sources apart that were watched one after the other, ``number`` events.
    """

    kind: EventKind
    time_s: float
    wall_s: float
    source_id: str
    track_id: int | None
    text: str
    number: int = 0
    run: int = 0
    source: str = ""
    acknowledged: bool = False

    @property
    def needs_answer(self) -> bool:
        """Whether somebody should acknowledge it."""
        return self.kind in (EventKind.ALERT, EventKind.CHANGE, EventKind.SOURCE_LOST)


class EventWatch:
    """Notices what happens to the people of one source; for one thread at a time.

    ``wall`` gives Unix time.
    """

    def __init__(self, source_id: str, wall: Callable[[], float] = time.time) -> None:
        self._source_id = source_id
        self._wall = wall
        self._states: dict[int, VerdictState] = {}
        self._changed: set[int] = set()

    def see(self, result: FrameResult, time_s: float) -> list[Event]:
        """What this result, at ``time_s`` of the time line, says that the one before did not."""
        found: list[Event] = []
        for track_id, verdict in result.verdicts.items():
            before = self._states.get(track_id, VerdictState.NOT_ASSESSABLE)
            self._states[track_id] = verdict.state
            kind = _turn(before, verdict.state)
            if kind is not None:
                number = "" if verdict.probability is None else f" {verdict.probability:.2f}"
                why = f": {verdict.reasons[0]}" if verdict.reasons else ""
                text = f"{verdict.state.words}{number}{why}"
                found.append(self._event(kind, time_s, track_id, text))
            found += self._change(result, track_id, time_s)
        for ended in result.ended:
            state = self._states.pop(ended.track_id, VerdictState.NOT_ASSESSABLE)
            self._changed.discard(ended.track_id)
            if _grave(state):
                found.append(
                    self._event(EventKind.ALERT_OVER, time_s, ended.track_id, "No longer seen")
                )
        return found

    def _change(self, result: FrameResult, track_id: int, time_s: float) -> list[Event]:
        """A change that the witness for changes speaks of, told once while it lasts."""
        cues = result.cues.get(track_id, ())
        cue = next((c for c in cues if c.name == "change" and c.assessable and c.llr > 0), None)
        if cue is None:
            self._changed.discard(track_id)
            return []
        if track_id in self._changed:
            return []
        self._changed.add(track_id)
        return [self._event(EventKind.CHANGE, time_s, track_id, cue.text)]

    def _event(self, kind: EventKind, time_s: float, track_id: int | None, text: str) -> Event:
        return Event(kind, time_s, self._wall(), self._source_id, track_id, redact(text))


class StatusWatch:
    """Notices that a source is lost and that it is back; ``wall`` gives Unix time."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._lost: set[str] = set()

    def see(self, status: SourceStatus, now_mono: float) -> list[Event]:
        """What is new about a source; ``now_mono`` is the seconds of its time line."""
        one, lost = status.source_id, status.state in _LOST
        if lost and one not in self._lost:
            self._lost.add(one)
            text = status.text or status.state.value.capitalize()
            return [self._event(EventKind.SOURCE_LOST, one, now_mono, text)]
        if status.state is SourceState.LIVE and one in self._lost:
            self._lost.discard(one)
            return [self._event(EventKind.SOURCE_BACK, one, now_mono, "Live again")]
        return []

    def _event(self, kind: EventKind, source_id: str, now: float, text: str) -> Event:
        return Event(kind, now, self._wall(), source_id, None, redact(text))


class EventLog:
    """The newest events and those that nobody has acknowledged; for one thread."""

    def __init__(self, limit: int = MAX_EVENTS) -> None:
        self._limit = limit
        self._events: list[Event] = []
        self._number = 0
        self.run = 0
        self.version = 0

    @property
    def events(self) -> tuple[Event, ...]:
        """In the order in which they came."""
        return tuple(self._events)

    def begin(self) -> None:
        """Other sources are watched from now on; what happened stays in the log."""
        self.run += 1

    def add(self, events: Iterable[Event], names: dict[str, str] | None = None) -> list[Event]:
        """Append; ``names`` are those of sources by their id. Returns them as they were kept."""
        kept = []
        for event in events:
            self._number += 1
            name = redact((names or {}).get(event.source_id, event.source_id))
            kept.append(replace(event, number=self._number, run=self.run, source=name))
        self._events += kept
        if kept:
            self.version += 1
        while len(self._events) > self._limit:
            settled = (
                i for i, e in enumerate(self._events) if e.acknowledged or not e.needs_answer
            )
            del self._events[next(settled, 0)]
        return kept

    def mark(
        self,
        time_s: float,
        source_id: str,
        track_id: int | None,
        note: str,
        *,
        names: dict[str, str] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> Event:
        """Keep a mark with its note, which is cut to `MAX_NOTE` characters."""
        text = redact(" ".join(note.split())[:MAX_NOTE]) or "Mark"
        event = Event(EventKind.MARK, time_s, wall(), source_id, track_id, text)
        return self.add([event], names)[0]

    def acknowledge(self, number: int) -> bool:
        """Somebody has seen it; False if it is not in the log or needs no answer."""
        for i, event in enumerate(self._events):
            if event.number == number and event.needs_answer and not event.acknowledged:
                self._events[i] = replace(event, acknowledged=True)
                self.version += 1
                return True
        return False

    @property
    def open(self) -> tuple[Event, ...]:
        """What nobody has acknowledged yet."""
        return tuple(e for e in self._events if e.needs_answer and not e.acknowledged)

    def beside(self, time_s: float, source_id: str, *, forward: bool) -> Event | None:
        """What an analyst looks for after or before ``time_s`` in this run, None without any."""
        kinds = (EventKind.ALERT, EventKind.CHANGE, EventKind.MARK, EventKind.CHALLENGE)
        here = [
            e
            for e in self._events
            if e.run == self.run and e.source_id == source_id and e.kind in kinds
        ]
        if forward:
            later = [e for e in here if e.time_s > time_s + 0.05]
            return min(later, key=lambda e: e.time_s, default=None)
        earlier = [e for e in here if e.time_s < time_s - 0.05]
        return max(earlier, key=lambda e: e.time_s, default=None)


def _grave(state: VerdictState) -> bool:
    return state.rank >= VerdictState.STRONG.rank


def _turn(before: VerdictState, after: VerdictState) -> EventKind | None:
    if _grave(after) and after.rank > before.rank:
        return EventKind.ALERT
    return EventKind.ALERT_OVER if _grave(before) and not _grave(after) else None
