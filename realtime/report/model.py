"""What a report says, as facts without a form: one `Run` a source, one `Person` a face.

All times are seconds from the beginning of the source; texts are redacted and not yet escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from realtime.report.lanes import Point, Span
from realtime.types import Cue, Obstacle, RunStart, RunSummary, VerdictState

EDGE_S: Final = 0.5
"""A file is analysed to its end if no more than this is missing: claims are not exact."""

CHUNK: Final = 25
"""People in one timeline, so that each fits on a page."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What identifies a file: ``sha256`` in hexadecimal digits and ``size_bytes``.

    ``trouble`` says why there is no hash; it is empty exactly if there is one.
    """

    sha256: str = ""
    size_bytes: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class CueFacts:
    """A witness: what it said last, and the range of its log-likelihood ratios in nats.

    ``low`` and ``high`` are None if it never had anything to say.
    """

    cue: Cue
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A face that was scored, as JPEG; ``heat`` has the heat map painted on it.

    ``why`` says what makes it worth a look, ``log_odds`` are those of this picture alone.
    ``wide`` is the whole picture around it, made small.
    """

    time_s: float
    why: str
    log_odds: float
    plain: bytes
    heat: bytes | None
    wide: bytes | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One tracked face; fields that `TrackSummary` has too are its.

    ``reached`` maps each state that was said to the first time of it, ``reasons`` are those
    that were given at ``reasons_at_s``, when the state was said with the most suspicion.
    ``scores`` are times and calibrated log-odds of the classifier, of very many only some.
    """

    track_id: int
    first_s: float
    last_s: float
    state: VerdictState
    probability: float | None
    assessable_s: float
    not_assessable: Mapping[Obstacle, float]
    reached: Mapping[VerdictState, float]
    reasons: tuple[str, ...]
    reasons_at_s: float | None
    cues: tuple[CueFacts, ...]
    spans: tuple[Span, ...]
    points: tuple[Point, ...]
    scores: tuple[tuple[float, float], ...] = ()
    shown: tuple[Shown, ...] = ()

    @property
    def gravity(self) -> tuple[int, float]:
        """Sorts by suspicion."""
        return self.state.rank, self.probability or 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """One source. ``people`` the gravest first; ``left_out`` so many more were no graver.

    ``summary`` is None if the run was broken off before it could be summed up, or is ``going_on``
    still; ``results`` of frames were gathered. ``parts`` are the first and the last moment of each
    stretch that was analysed; there may be several where a viewer ``jumped`` about in a file.
    ``not_chosen`` people were left out because nobody wanted them in the report.
    """

    start: RunStart
    summary: RunSummary | None
    file: FileFacts | None
    people: tuple[Person, ...]
    source_cues: tuple[CueFacts, ...]
    seen_s: float
    results: int
    left_out: int = 0
    faces_allowed: bool = False
    parts: tuple[tuple[float, float], ...] = ()
    jumped: bool = False
    going_on: bool = False
    not_chosen: int = 0

    @property
    def complete(self) -> bool:
        """Whether all of it was looked at, or all until its end, as far as can be told."""
        if self.summary is None:
            return self.going_on and self._covered
        if self.summary.error is not None:
            return False
        if self.start.source.live:
            return True
        if self.jumped or self._covered:
            return self._covered
        counts = self.summary.counts
        shut = sum(n for cause, n in counts.dropped.items() if cause.value == "shutdown")
        return not shut and counts.in_flight == 0

    @property
    def _covered(self) -> bool:
        """Whether one part reaches from the beginning of a file to the end that it claims."""
        claimed = self.start.source.duration_s
        if claimed is None or self.start.source.live or len(self.parts) != 1:
            return False
        ((first, last),) = self.parts
        return first <= EDGE_S and last >= claimed - EDGE_S

    @property
    def length_s(self) -> float:
        """Of the axis of time: the claim of the container, or what was seen if that is more."""
        claimed = self.start.source.duration_s
        return max(self.seen_s, claimed or 0.0, 0.001)
