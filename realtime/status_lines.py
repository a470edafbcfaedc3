"""What a terminal or a journal says of live sources: one line for each, in words."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from realtime.redact import redact
from realtime.types import (
    FrameCounts,
    FrameResult,
    Load,
    RunStart,
    RunSummary,
    SourceState,
    SourceStatus,
    TrackSummary,
)

RATE_OVER_S: Final = 3.0
"""Frames a second and frame age are those of so many seconds."""

_TROUBLE: Final = (SourceState.STALLED, SourceState.RECONNECTING, SourceState.FAILED)


class View(Protocol):
    """What is looked at of a source in a live engine."""

    @property
    def source_id(self) -> str: ...
    @property
    def status(self) -> SourceStatus: ...
    @property
    def counts(self) -> FrameCounts: ...
    @property
    def tracks(self) -> int: ...
    @property
    def load(self) -> Load: ...


def state_words(status: SourceStatus, now: float) -> str:
    """What a source is doing and what comes next; ``now`` as ``time.monotonic()``, redacted."""
    words = status.state.value
    if status.state is SourceState.RECONNECTING:
        words += f" (attempt {status.attempt}"
        if status.retry_at_mono is not None:
            words += f", next in {max(0.0, status.retry_at_mono - now):.0f} s"
        words += ")"
    if status.text and status.state in _TROUBLE:
        words += f": {redact(status.text)}"
    return words


@dataclass(slots=True)
class Observed:
    """A sink that remembers of one source what the end of the run and the status line need.

    It never waits. The run that a source had before its address changed counts as well.
    """

    needs_pictures = False
    clock: Callable[[], float] = time.monotonic
    tracks: list[TrackSummary] = field(default_factory=list)
    _recent: deque[tuple[float, float]] = field(default_factory=deque)
    _began: float | None = None

    def start(self, _start: RunStart) -> None:
        """Nothing to note."""

    def write(self, result: FrameResult) -> None:
        """Note its age."""
        now = self.clock()
        self._began = now if self._began is None else self._began
        self._recent.append((now, result.age_s))
        while now - self._recent[0][0] > RATE_OVER_S:
            self._recent.popleft()

    def finish(self, summary: RunSummary) -> None:
        """Note which tracks there were."""
        self.tracks.extend(summary.tracks)

    def close(self) -> None:
        """Nothing to release."""

    def recent(self) -> tuple[float, float | None]:
        """Results a second and the age in seconds of the oldest of them, None without any."""
        now = self.clock()
        ages = [age for at, age in tuple(self._recent) if now - at <= RATE_OVER_S]
        watched = RATE_OVER_S if self._began is None else now - self._began
        return len(ages) / min(RATE_OVER_S, max(watched, 0.5)), max(ages, default=None)


def line(view: View, observed: Observed, now: float) -> str:
    """The status line of one source."""
    rate, age = observed.recent()
    counts, load = view.counts, view.load
    parts = [f"{redact(view.source_id)}: {state_words(view.status, now)}", f"{rate:.1f} fps"]
    if age is not None:
        parts.append(f"age {age:.2f} s")
    parts.append(f"{view.tracks} face{'' if view.tracks == 1 else 's'}")
    if dropped := _dropped(counts):
        parts.append(f"dropped {dropped}")
    load_words = f"scores {load.score_rate_hz:.1f}/s"
    if load.track_rate_hz is not None:
        load_words += f", tracks {load.track_rate_hz:.0f}/s"
    parts.append(load_words + (" (reduced: the machine is too slow)" if load.reduced else ""))
    return "  ".join(parts)


def _dropped(counts: FrameCounts) -> str:
    causes: Iterable[tuple[str, int]] = (
        (cause.value.replace("_", " "), number) for cause, number in counts.dropped.items()
    )
    return ", ".join(f"{number} {words}" for words, number in causes if number)
