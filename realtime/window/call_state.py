"""What a person in a call has to know at a glance, of all sources together; no Qt in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from realtime.redact import redact
from realtime.types import SourceState, SourceStatus, Verdict, VerdictState
from realtime.window.people import SIGNS
from realtime.window.player import Player
from realtime.window.states import (
    LATE_S,
    counted,
    duration,
    gravity,
    short_words,
    verdict_name,
    words,
)
from realtime.window.translate import tr, trn

LINES: Final = 4
"""So many people have a line of their own."""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is seen now; ``source`` names theirs where there are several, else empty."""

    source: str
    track_id: int
    verdict: Verdict

    @property
    def who(self) -> str:
        """As a line begins."""
        return f"{self.source} #{self.track_id}" if self.source else f"#{self.track_id}"

    def after(self, text: str) -> str:
        """The number of the person, ``text``, and last the name of their source."""
        return " · ".join(part for part in (f"#{self.track_id}", text, self.source) if part)

    @property
    def said(self) -> str:
        """Words, number and for how long."""
        return f"{words_of(self.verdict)} · {duration(self.verdict.since_s)}"


@dataclass(frozen=True, slots=True)
class CallState:
    """``people`` are the gravest first. ``source`` says what the sources do, ``sources`` each by
    itself; ``paused`` that somebody has stopped all analysis, ``lost`` how many are not well."""

    people: tuple[Present, ...] = ()
    source: str = ""
    paused: bool = False
    lost: int = 0
    watching: bool = False

    @property
    def gravest(self) -> Present | None:
        """Who is suspected most, None while nobody is in view."""
        return self.people[0] if self.people else None

    @property
    def state(self) -> VerdictState | None:
        """What is said of them."""
        return None if self.gravest is None else self.gravest.verdict.state

    @property
    def headline(self) -> str:
        """The whole in a few words."""
        if self.paused:
            return tr("Paused: nothing is analysed")
        if self.gravest is not None:
            return words_of(self.gravest.verdict)
        if not self.watching:
            return tr("No source")
        return tr("No picture") if self.lost else tr("No face in view")

    @property
    def lines(self) -> list[str]:
        """One for each of the gravest, then how many more there are."""
        found = [f"{SIGNS[p.verdict.state]} {p.after(p.said)}" for p in self.people[:LINES]]
        more = len(self.people) - LINES
        return [*found, tr("+{count} more").format(count=more)] if more > 0 else found


def words_of(verdict: Verdict) -> str:
    """The state in words and its number."""
    name = verdict_name(verdict.state)
    return name if verdict.probability is None else f"{name} {verdict.probability:.2f}"


def call_state(player: Player, now: float) -> CallState:
    """Of everything that ``player`` has opened, at ``now`` of the monotonic clock."""
    names = {one.source_id: redact(one.name) for one in player.wanted}
    if not names or not (player.opening or player.pipeline or player.engine):
        return CallState(paused=player.paused)
    if player.opening:
        return CallState((), words(SourceState.CONNECTING, live=True), player.paused, 0, True)
    several = len(names) > 1
    people: list[Present] = []
    statuses: list[SourceStatus] = []
    for source_id, name in names.items():
        view = player.view(source_id)
        if view is not None:
            statuses.append(view.status)
        if not player.paused:
            people += _people(player, source_id, name if several else "", now)
    people.sort(key=lambda one: gravity(one.verdict), reverse=True)
    pipeline = player.pipeline
    if pipeline is not None:
        failed = int(pipeline.state is SourceState.FAILED)
        return CallState(tuple(people), words(pipeline.state), player.paused, failed, True)
    lost = sum(status.state is not SourceState.LIVE for status in statuses)
    return CallState(tuple(people), _said(statuses, now), player.paused, lost, True)


def _people(player: Player, source_id: str, name: str, now: float) -> list[Present]:
    """Who is seen of one source; nobody while its picture is not one of now."""
    bridge, view = player.bridges.get(source_id), player.view(source_id)
    history = None if bridge is None else bridge.history
    if history is None:
        return []
    at_s, here = history.present(None if view is None else view.status.epoch)
    if view is not None:
        late = history.live and now - at_s > LATE_S
        if late or view.status.state is not SourceState.LIVE:
            return []
    return [Present(name, track_id, verdict) for track_id, verdict in here]


def _said(statuses: list[SourceStatus], now: float) -> str:
    if len(statuses) == 1:
        return short_words(statuses[0], now, None)
    number = trn("{count} source", "{count} sources", len(statuses)).format(count=len(statuses))
    found = [status.state for status in statuses]
    parts = [f"{found.count(state)} {counted(state)}" for state in SourceState if state in found]
    return f"{number}: {', '.join(parts)}"
