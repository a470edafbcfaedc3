"""Tells a person at a terminal what changes: one line for each change of a track's verdict.

What a live source is doing is told by `realtime.status_lines`, which hears it before the first
picture too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from realtime.redact import redact
from realtime.types import (
    Frame,
    FrameResult,
    RunStart,
    RunSummary,
    TrackSummary,
    Verdict,
    VerdictState,
)


class ConsoleSink:
    """Hands finished lines to ``say``; knows nothing of where they go.

    Frames of files are named by their time in the file, those of live sources by the local time
    of day: their own clocks begin anywhere.
    """

    needs_pictures = False

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._states: dict[int, VerdictState] = {}
        self._live = False

    def start(self, start: RunStart) -> None:
        """Say which model judges, and where it runs."""
        self._states.clear()
        self._live = start.source.live
        self._say(
            f"{redact(start.source.name)}: {start.source.width}×{start.source.height}, "
            f"model {start.model.name} on {start.model.provider}"
        )

    def write(self, result: FrameResult) -> None:
        """Say what changed with this frame."""
        for track_id, verdict in result.verdicts.items():
            if self._states.get(track_id) is not verdict.state:
                self._states[track_id] = verdict.state
                when = self._when(result.frame)
                self._say(f"{when}  face {track_id}: {verdict_line(verdict)}")
        for track in result.ended:
            self._states.pop(track.track_id, None)

    def finish(self, summary: RunSummary) -> None:
        """Say what is to be said of each track as a whole."""
        counts = summary.counts
        lost = sum(counts.dropped.values())
        rate = counts.analysed / summary.wall_s if summary.wall_s > 0 else 0.0
        self._say(
            f"{counts.captured} frames, {counts.analysed} analysed, {lost} dropped, "
            f"{summary.wall_s:.1f} s ({rate:.0f} frames/s)"
        )
        for track in summary.tracks:
            self._say(f"  {track_line(track)}")
        if not summary.tracks:
            self._say("  no face found")
        for cue in summary.cues:
            self._say(f"  {redact(cue.name)} of the whole: {redact(cue.text)}")

    def close(self) -> None:
        """Nothing to release."""

    def _when(self, frame: Frame) -> str:
        if not self._live:
            return f"{frame.time_s:8.2f} s"
        ago_s = time.monotonic() - frame.captured_mono
        return time.strftime("%H:%M:%S", time.localtime(time.time() - ago_s))


def verdict_line(verdict: Verdict) -> str:
    """Word, number, reason."""
    number = "" if verdict.probability is None else f" {verdict.probability:.2f}"
    reasons = ", ".join(verdict.reasons)
    return f"{verdict.state.words}{number}" + (f" ({reasons})" if reasons else "")


def track_line(track: TrackSummary) -> str:
    """A whole track in one line: when, word, number, and how much of it could be assessed."""
    number = "" if track.probability is None else f" {track.probability:.2f}"
    blocked = ", ".join(
        f"{obstacle.words} {seconds:.1f} s" for obstacle, seconds in track.not_assessable.items()
    )
    return (
        f"face {track.track_id}, {track.first_s:.1f}-{track.last_s:.1f} s: "
        f"{track.state.words}{number}, assessable {track.assessable_s:.1f} s"
        + (f", not assessable: {blocked}" if blocked else "")
    )
