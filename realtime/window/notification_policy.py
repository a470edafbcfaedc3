"""When something is worth a notification, and what it says; no Qt, and the time is given.

A notification can be seen by whoever looks at the screen, and stays in the list of the desktop: it
names no person, no address and no window, only numbers and kinds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from datetime import time as day_time
from typing import Final

from realtime.events import Event, EventKind
from realtime.sources import Address, SourceKind
from realtime.types import VerdictState
from realtime.window.job import Wanted
from realtime.window.notification_settings import NotificationSettings
from realtime.window.notifications import Notification
from realtime.window.states import verdict_name
from realtime.window.translate import later, tr

LEAST_GAP_S: Final = 3.0
"""Between any two notifications, whoever they are about; what comes in between goes together."""
_MAX_KEYS: Final = 1000
_KINDS: Final = (EventKind.ALERT, EventKind.SOURCE_LOST, EventKind.SOURCE_BACK)
_SOURCES: Final = {
    SourceKind.FILE: later("file"),
    SourceKind.STREAM: later("stream"),
    SourceKind.CAMERA: later("camera"),
    SourceKind.SCREEN: later("screen"),
    SourceKind.WINDOW: later("window"),
}

Key = tuple[int, str, int | None]


def _local_time() -> day_time:
    return datetime.now().astimezone().time()


class NotificationPolicy:
    """`take` every event once, and send what `due` gives.

    Of one person, and of one source that is lost, at most one notification in
    ``settings.cooldown_s``; none in the quiet hours, and what happened in them is not made up
    for. That a source is back is told only if that it was lost was told.

    ``clock`` gives seconds that grow, ``local`` the local time of day.
    """

    def __init__(
        self,
        settings: NotificationSettings,
        clock: Callable[[], float] = time.monotonic,
        local: Callable[[], day_time] = _local_time,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._local = local
        self._told: dict[Key, float] = {}
        self._lost: set[Key] = set()
        self._waiting: list[Event] = []
        self._sent_at: float | None = None

    def take(self, event: Event) -> bool:
        """Whether a notification will tell of this."""
        settings, now = self.settings, self._clock()
        if event.kind not in _KINDS or not settings.enabled or settings.quiet(self._local()):
            return False
        key = (event.run, event.source_id, event.track_id)
        if event.kind is EventKind.SOURCE_BACK:
            if key not in self._lost:
                return False
            self._lost.discard(key)
        else:
            before = self._told.get(key)
            if before is not None and now - before < settings.cooldown_s:
                return False
            self._told[key] = now
            if event.kind is EventKind.SOURCE_LOST:
                self._lost.add(key)
        self._waiting.append(event)
        self._forget(now)
        return True

    def due(self) -> list[Event]:
        """What is to be told now, in one notification; empty for nothing."""
        now = self._clock()
        if not self._waiting or (self._sent_at is not None and now - self._sent_at < LEAST_GAP_S):
            return []
        found, self._waiting = self._waiting, []
        self._sent_at = now
        return found

    def _forget(self, now: float) -> None:
        if len(self._told) > _MAX_KEYS:
            cool = self.settings.cooldown_s
            self._told = {key: at for key, at in self._told.items() if now - at < cool}
            self._lost &= set(self._told)


def notification(events: Sequence[Event], wanted: Sequence[Wanted]) -> Notification:
    """What to say of events, the gravest first; ``wanted`` are the sources that are watched."""
    ordered = sorted(events, key=_weight, reverse=True)
    first = ordered[0]
    lines = [_line(event, wanted) for event in ordered[:3]]
    if len(ordered) > 3:
        lines.append(tr("+{count} more").format(count=len(ordered) - 3))
    return Notification(f"fakewatch: {_what(first)}", "\n".join(lines))


def _weight(event: Event) -> tuple[int, float]:
    return (-_KINDS.index(event.kind), event.time_s)


def _what(event: Event) -> str:
    if event.kind is EventKind.SOURCE_LOST:
        return tr("source lost")
    if event.kind is EventKind.SOURCE_BACK:
        return tr("source back")
    return verdict_name(_state_of(event)).lower()


def _state_of(event: Event) -> VerdictState:
    grave = event.text.startswith(VerdictState.VERY_STRONG.words)
    return VerdictState.VERY_STRONG if grave else VerdictState.STRONG


def _line(event: Event, wanted: Sequence[Wanted]) -> str:
    place = place_of(event.source_id, wanted)
    if event.kind is EventKind.SOURCE_LOST:
        return tr("Lost: {source}").format(source=place)
    if event.kind is EventKind.SOURCE_BACK:
        return tr("Back: {source}").format(source=place)
    # The number behind the state, without the reason.
    said = event.text.partition(":")[0].removeprefix(_state_of(event).words)
    state = verdict_name(_state_of(event)) + said
    return tr("{state}: person {number}, {source}").format(
        state=state, number=event.track_id, source=place
    )


def place_of(source_id: str, wanted: Sequence[Wanted]) -> str:
    """Which source it is, by number and kind alone: names may be those of people."""
    for number, one in enumerate(wanted, 1):
        if one.source_id == source_id:
            known = isinstance(one.source, Address)
            kind = tr(_SOURCES[one.source.kind]) if isinstance(one.source, Address) else ""
            if len(wanted) == 1:
                return kind if known else tr("source")
            text = tr("source {number} of {count}").format(number=number, count=len(wanted))
            return f"{text} ({kind})" if kind else text
    return tr("a source that is no longer watched")
