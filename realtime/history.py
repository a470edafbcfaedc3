"""What was said of every person of one source over time, in bounded memory, for a timeline.

Written to by the thread that makes results, read by whoever draws. Times are seconds: those of the
file, or those of this machine's monotonic clock for a live source, whose own begin anew with each
connection. Where a person was not seen there is a gap, never a line drawn through it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from realtime.types import Cue, Frame, FrameResult, Verdict, VerdictState

GAP_S: Final = 0.5
"""A face that the tracker lost for less than this was there all the while."""
SLOW_S: Final = 2.0
"""Frames may be this far apart without a gap, as long as the face is on each of them."""
DETAIL_S: Final = 120.0
"""A live source is kept in detail for so long, and coarser before."""
KEEP_S: Final = 3600.0
"""What is older of a live source is forgotten."""
MAX_SAMPLES: Final = 2048
MAX_BANDS: Final = 512
MAX_LANES: Final = 64
_FINE_S: Final = 0.1
_COARSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Band:
    """One state from ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    state: VerdictState


@dataclass(frozen=True, slots=True)
class Lane:
    """One person. ``samples`` are (time, probability), the probability None where there is none;
    of samples that were thinned out the highest is kept. ``cues`` and ``verdict`` are the newest.
    """

    track_id: int
    epoch: int
    bands: tuple[Band, ...]
    samples: tuple[tuple[float, float | None], ...]
    verdict: Verdict
    cues: tuple[Cue, ...]
    last_s: float
    present: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A source up to ``now_s``: its lanes in the order in which the people came."""

    lanes: tuple[Lane, ...] = ()
    first_s: float = 0.0
    now_s: float = 0.0
    version: int = 0


@dataclass(slots=True)
class _Track:
    verdict: Verdict
    epoch: int
    last_s: float
    present: bool = True
    bands: list[Band] = field(default_factory=list)
    samples: list[tuple[float, float | None]] = field(default_factory=list)
    step_s: float = _FINE_S
    cues: tuple[Cue, ...] = ()


class History:
    """The lanes of one source; safe to be used by several threads.

    ``live`` says that frames are told by when they were captured and that the past is forgotten
    after `KEEP_S`; of a file everything is kept, coarser the longer it is.
    """

    def __init__(self, *, live: bool) -> None:
        self.live = live
        self._lock = threading.Lock()
        self._tracks: dict[int, _Track] = {}
        self._first_s: float | None = None
        self._now_s = 0.0
        self._version = 0

    def time_of(self, frame: Frame) -> float:
        """Where ``frame`` lies on the time line."""
        return frame.captured_mono if self.live else frame.time_s

    def add(self, result: FrameResult) -> None:
        """Take in the next result; cheap enough for the thread that made it."""
        time_s = self.time_of(result.frame)
        with self._lock:
            step = time_s - self._now_s
            jumped = self._first_s is None or step < 0 or step > SLOW_S
            for track in self._tracks.values():
                track.present = track.present and not jumped
            seen = {i for i in result.faces.track_ids.tolist() if i in result.verdicts}
            for track_id in seen:
                self._see(track_id, time_s, result)
            for track_id, track in self._tracks.items():
                if track_id not in seen:
                    track.present = False
            self._first_s = time_s if self._first_s is None else min(self._first_s, time_s)
            self._now_s = time_s
            self._version += 1
            self._forget()

    def picture(self) -> Picture:
        """All of it as it is now."""
        with self._lock:
            lanes = tuple(
                Lane(
                    track_id,
                    track.epoch,
                    tuple(track.bands),
                    tuple(track.samples),
                    track.verdict,
                    track.cues,
                    track.last_s,
                    track.present,
                )
                for track_id, track in self._tracks.items()
            )
            return Picture(lanes, self._first_s or 0.0, self._now_s, self._version)

    def present(self, epoch: int | None = None) -> tuple[float, tuple[tuple[int, Verdict], ...]]:
        """When the newest picture was, and who is in it with what is said of them.

        With ``epoch`` only who was seen in that connection.
        """
        with self._lock:
            here = tuple(
                (i, track.verdict)
                for i, track in self._tracks.items()
                if track.present and epoch in (None, track.epoch)
            )
            return self._now_s, here

    def _see(self, track_id: int, time_s: float, result: FrameResult) -> None:
        verdict = result.verdicts[track_id]
        track = self._tracks.get(track_id)
        if track is None:
            track = self._tracks[track_id] = _Track(verdict, result.frame.epoch, time_s)
            going_on = False
        else:
            going_on = track.present or 0 <= time_s - track.last_s <= GAP_S
        _extend(track.bands, time_s, verdict.state, going_on=going_on)
        if not going_on and track.samples:
            track.samples.append((track.last_s, None))
        _sample(track, time_s, verdict.probability)
        track.verdict, track.last_s, track.present = verdict, time_s, True
        track.epoch = result.frame.epoch
        track.cues = result.cues.get(track_id, track.cues)

    def _forget(self) -> None:
        for track in self._tracks.values():
            while len(track.bands) > MAX_BANDS:
                track.bands = _merged(track.bands)
            if len(track.samples) > MAX_SAMPLES:
                self._thin(track)
        if self.live and self._version % 64 == 0:
            self._drop_before(self._now_s - KEEP_S)
        if len(self._tracks) > MAX_LANES:
            gone = {i: t for i, t in self._tracks.items() if not t.present}
            if gone:
                del self._tracks[_least(gone)]

    def _thin(self, track: _Track) -> None:
        if not self.live:
            track.step_s *= 2
            track.samples = _thinned(track.samples, track.step_s)
            return
        edge = self._now_s - DETAIL_S
        old = [sample for sample in track.samples if sample[0] < edge]
        new = [sample for sample in track.samples if sample[0] >= edge]
        track.samples = _thinned(old, _COARSE_S)[-MAX_SAMPLES // 3 :] + new[-MAX_SAMPLES // 2 :]

    def _drop_before(self, edge: float) -> None:
        for track_id in [i for i, track in self._tracks.items() if track.last_s < edge]:
            del self._tracks[track_id]
        for track in self._tracks.values():
            track.bands = [band for band in track.bands if band.end_s >= edge]
            track.samples = [sample for sample in track.samples if sample[0] >= edge]
        self._first_s = max(self._first_s or edge, edge)


def _extend(bands: list[Band], time_s: float, state: VerdictState, *, going_on: bool) -> None:
    if not (going_on and bands):
        bands.append(Band(time_s, time_s, state))
        return
    last = bands[-1]
    bands[-1] = Band(last.start_s, time_s, last.state)
    if last.state is not state:
        bands.append(Band(time_s, time_s, state))


def _sample(track: _Track, time_s: float, probability: float | None) -> None:
    last = track.samples[-1] if track.samples else None
    if last is not None and time_s - last[0] < track.step_s and last[1] is not None:
        if probability is not None and probability > last[1]:
            track.samples[-1] = (last[0], probability)
        if probability is not None:
            return
    if last is None or last[1] is not None or probability is not None:
        track.samples.append((time_s, probability))


def _thinned(
    samples: list[tuple[float, float | None]], step_s: float
) -> list[tuple[float, float | None]]:
    """One sample for each ``step_s`` seconds, the highest; a gap stays one between samples."""
    kept: list[tuple[float, float | None]] = []
    for time_s, probability in samples:
        last = kept[-1] if kept else None
        if last is None or time_s - last[0] >= step_s or last[1] is None:
            kept.append((time_s, probability))
        elif probability is not None and probability > last[1]:
            kept[-1] = (last[0], probability)
    return kept


def _merged(bands: list[Band]) -> list[Band]:
    """One band fewer: the shortest joins its neighbour, and the graver state is said of both."""
    pairs = range(len(bands) - 1)
    at = min(pairs, key=lambda i: min(_length(bands[i]), _length(bands[i + 1])))
    one, two = bands[at], bands[at + 1]
    state = max(one.state, two.state, key=lambda s: s.rank)
    return [*bands[:at], Band(one.start_s, two.end_s, state), *bands[at + 2 :]]


def _length(band: Band) -> float:
    return band.end_s - band.start_s


def _least(tracks: Mapping[int, _Track]) -> int:
    """Of whom least suspicion was ever said, of equals who left first."""

    def order(track_id: int) -> tuple[int, float]:
        track = tracks[track_id]
        return max(band.state.rank for band in track.bands), track.last_s

    return min(tracks, key=order)
