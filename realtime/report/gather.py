"""Gathers what a report needs from the results of one run, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from realtime.redact import redact
from realtime.report.lanes import Lane
from realtime.report.model import CueFacts, FileFacts, Person, Run
from realtime.report.parts import Parts
from realtime.report.pictures import Album
from realtime.types import (
    Cue,
    FrameResult,
    RunStart,
    RunSummary,
    TrackSummary,
    Verdict,
    VerdictState,
)

MAX_PEOPLE: Final = 200
"""A run may last for months; of more tracks than this the gravest are kept."""

MAX_SCORES: Final = 2048
"""Of one track; more than eight minutes at four scores a second."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One person in brief, as `Person` says it."""

    track_id: int
    first_s: float
    last_s: float
    state: VerdictState
    probability: float | None


class Witnesses:
    """What each witness said last and between which bounds, in the order of first appearance."""

    def __init__(self) -> None:
        self._facts: dict[str, CueFacts] = {}

    def hear(self, cues: Iterable[Cue]) -> None:
        """Take in what was said; the same object twice costs nothing."""
        for cue in cues:
            before = self._facts.get(cue.name)
            if before is not None and before.cue is cue:
                continue
            low, high = (None, None) if before is None else (before.low, before.high)
            if cue.assessable and math.isfinite(cue.llr):
                low = cue.llr if low is None else min(low, cue.llr)
                high = cue.llr if high is None else max(high, cue.llr)
            self._facts[cue.name] = CueFacts(cue, low, high)

    @property
    def facts(self) -> tuple[CueFacts, ...]:
        """One for each witness."""
        return tuple(self._facts.values())


class Scores:
    """The scores of one track; of very many every second, then every fourth, and so on."""

    def __init__(self, most: int = MAX_SCORES) -> None:
        self._most = most
        self._every = 1
        self._seen = 0
        self._kept: list[tuple[float, float]] = []

    def add(self, time_s: float, log_odds: float) -> None:
        """Take in one."""
        if self._seen % self._every == 0 and math.isfinite(log_odds):
            self._kept.append((time_s, log_odds))
            if len(self._kept) > self._most:
                self._kept = self._kept[::2]
                self._every *= 2
        self._seen += 1

    @property
    def kept(self) -> tuple[tuple[float, float], ...]:
        """Time and log-odds, in the order in which they came."""
        return tuple(self._kept)


class _Track:
    """One face while the run goes on."""

    def __init__(self, track_id: int, time_s: float) -> None:
        self.track_id = track_id
        self.first_s = self.last_s = time_s
        self.lane = Lane()
        self.witnesses = Witnesses()
        self.scores = Scores()
        self.album = Album()
        self.summary: TrackSummary | None = None
        self._reached: dict[VerdictState, float] = {}
        self._gravest: dict[VerdictState, tuple[float, float, tuple[str, ...]]] = {}
        self._assessable_s = 0.0

    def see(self, time_s: float, verdict: Verdict, cues: tuple[Cue, ...]) -> None:
        self.first_s, self.last_s = min(self.first_s, time_s), max(self.last_s, time_s)
        state, probability = verdict.state, verdict.probability
        self.lane.add(time_s, state, probability)
        self._reached[state] = min(time_s, self._reached.get(state, time_s))
        known = self._gravest.get(state)
        if known is None or (probability or 0.0) > known[0]:
            self._gravest[state] = (probability or 0.0, time_s, verdict.reasons)
        self._assessable_s = verdict.assessable_s
        self.witnesses.hear(cues)

    @property
    def gravity(self) -> tuple[int, float]:
        state = max(self._reached, key=lambda s: s.rank)
        return state.rank, self._gravest[state][0]

    def outline(self) -> Outline:
        said = self.summary
        rank, probability = self.gravity
        state = next(s for s in VerdictState if s.rank == rank)
        number = probability if rank else None
        if said is not None:
            state, number = said.state, said.probability
        return Outline(self.track_id, self.first_s, self.last_s, state, number)

    def person(self) -> Person:
        said = self.summary
        if said is not None:
            self.witnesses.hear(said.cues)
            state, probability = said.state, said.probability
            assessable_s, obstacles = said.assessable_s, dict(said.not_assessable)
        else:
            # Broken off: the gravest that was said stands for what nobody summed up.
            state = max(self._reached, key=lambda s: s.rank)
            assessable = state is not VerdictState.NOT_ASSESSABLE
            probability = self._gravest[state][0] if assessable else None
            assessable_s, obstacles = self._assessable_s, {}
        _, at_s, reasons = self._gravest.get(state, (0.0, None, ()))
        return Person(
            track_id=self.track_id,
            first_s=self.first_s,
            last_s=self.last_s,
            state=state,
            probability=probability,
            assessable_s=assessable_s,
            not_assessable=obstacles,
            reached=dict(sorted(self._reached.items(), key=lambda item: item[1])),
            reasons=tuple(redact(reason) for reason in reasons),
            reasons_at_s=at_s,
            cues=self.witnesses.facts,
            spans=self.lane.spans(),
            points=self.lane.points(),
            scores=self.scores.kept,
            shown=self.album.shown(),
        )


class Gathering:
    """One run from its start on; used by one thread at a time.

    With ``faces`` pictures of the faces that led to the verdicts are kept. Of more than
    ``most`` people the gravest stay.
    """

    def __init__(self, start: RunStart, *, faces: bool = False, most: int = MAX_PEOPLE) -> None:
        self._start = start
        self._faces = faces
        self._most = most
        self._parts = Parts()
        self._tracks: dict[int, _Track] = {}
        self._witnesses = Witnesses()
        self._begin: float | None = None
        self._seen_s = 0.0
        self._results = 0
        self._left_out = 0

    def add(self, result: FrameResult) -> None:
        """Take in one result."""
        time_s = self._time(result)
        self._results += 1
        self._parts.add(result.frame.epoch, time_s)
        self._seen_s = max(self._seen_s, time_s)
        self._witnesses.hear(result.source_cues)
        for track_id, verdict in result.verdicts.items():
            track = self._tracks.get(track_id)
            if track is None:
                self._make_room()
                track = self._tracks[track_id] = _Track(track_id, time_s)
            track.see(time_s, verdict, result.cues.get(track_id, ()))
            score = result.scores.get(track_id)
            if score is not None:
                track.scores.add(
                    time_s - max(0.0, result.frame.time_s - score.time_s), score.log_odds
                )
            if self._faces:
                track.album.look(time_s, result, track_id)
        self._sum_up(result.ended)

    @property
    def begin_mono(self) -> float | None:
        """``time.monotonic()`` at the second 0 of a live source; None for a file."""
        return self._begin

    def outline(self) -> list[Outline]:
        """Everybody in brief, in the order of their numbers."""
        return [track.outline() for _, track in sorted(self._tracks.items())]

    def run(
        self, summary: RunSummary | None, file: FileFacts | None, *, going_on: bool = False
    ) -> Run:
        """All that was gathered; ``summary`` is None for a run that was broken off, or is
        ``going_on``."""
        if summary is not None:
            self._sum_up(summary.tracks)
            self._witnesses.hear(summary.cues)
        people = sorted(
            (track.person() for track in self._tracks.values()),
            key=lambda p: (-p.gravity[0], -p.gravity[1], p.first_s, p.track_id),
        )
        return Run(
            start=self._start,
            summary=summary,
            file=file,
            people=tuple(people),
            source_cues=self._witnesses.facts,
            seen_s=self._seen_s,
            results=self._results,
            left_out=self._left_out,
            faces_allowed=self._faces,
            parts=self._parts.found,
            jumped=self._parts.jumped and not self._start.source.live,
            going_on=going_on and summary is None,
        )

    def _time(self, result: FrameResult) -> float:
        """Seconds from the beginning, also where a live source began its own clock anew."""
        if not self._start.source.live:
            return max(0.0, result.frame.time_s)
        if self._begin is None:
            self._begin = result.frame.captured_mono
        return max(0.0, result.frame.captured_mono - self._begin)

    def _sum_up(self, tracks: Iterable[TrackSummary]) -> None:
        for summary in tracks:
            if summary.track_id in self._tracks:
                self._tracks[summary.track_id].summary = summary

    def _make_room(self) -> None:
        if len(self._tracks) < self._most:
            return
        gone = [t for t in self._tracks.values() if t.summary is not None]
        least = min(gone or self._tracks.values(), key=lambda t: (t.gravity, -t.first_s))
        del self._tracks[least.track_id]
        self._left_out += 1
