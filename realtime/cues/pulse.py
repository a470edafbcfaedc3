"""Whether the skin changes colour with a heartbeat, and whether its regions agree on it.

Good forgeries carry the pulse of the person who drives them (Seibold et al., Frontiers in
Imaging, 2025), so a pulse that is found speaks for nobody. Two regions that each show a clear
pulse, at different rates, belong to no one body: that alone may raise suspicion.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.cues import rppg, skin
from realtime.cues.base import Sighting
from realtime.types import Cue, FloatArray

_KEEP_S: Final = 20.0
_NEEDS_S: Final = 8.0
_MAX_GAP_S: Final = 0.35
"""A longer pause cannot be filled in: a beat of the fastest heart is shorter."""
_MIN_RATE_HZ: Final = 14.0
_MAX_SPEED: Final = 0.12
"""Median speed of the face in its own widths a second: above, light moves over it."""
_LEVELS: Final = (35.0, 235.0)
_MAX_REPEATED: Final = 0.4
"""Share of pictures whose skin is to the last bit that of the one before: codecs copy it."""
_CLEAR_DB: Final = 0.0
"""Noise alone exceeds this in one of 200 windows (`benchmarks.pulse`)."""
_SAME_BPM: Final = 4.0
"""Two ways to find a rate, or two halves of the time, agree within so much."""
_HALVES_BPM: Final = 10.0
_APART_BPM: Final = 12.0
_MOST_NATS: Final = 0.5
_ANCHORS: Final = (10, 152, 234, 454)

_Colours = NDArray[np.float64]


class PulseWitness:
    """The mean colour of three patches of skin for the last 20 s; a `Witness`."""

    name = "pulse"

    def __init__(self) -> None:
        self._seen: deque[tuple[float, _Colours]] = deque()
        self._speeds: deque[tuple[float, float]] = deque()
        self._place: tuple[float, FloatArray] | None = None

    def see(self, sighting: Sighting) -> None:
        """Take the colours down; a pause or a face that cannot be judged begins anew."""
        time_s = sighting.time_s
        if self._seen and time_s - self._seen[-1][0] > _MAX_GAP_S:
            self._forget()
        if sighting.hidden:
            self._forget()
            return
        self._move(time_s, sighting.landmarks)
        self._seen.append((time_s, skin.mean_colours(sighting.image, sighting.landmarks)))
        while self._seen[-1][0] - self._seen[0][0] > _KEEP_S:
            self._seen.popleft()
        while self._speeds and time_s - self._speeds[0][0] > _KEEP_S:
            self._speeds.popleft()

    def cue(self, time_s: float) -> Cue:
        """Beats a minute, or why none can be told."""
        if self._seen and time_s - self._seen[-1][0] > _MAX_GAP_S:
            self._forget()
        seconds = self._seen[-1][0] - self._seen[0][0] if self._seen else 0.0
        if seconds < _NEEDS_S - 0.1:
            return Cue.silent(self.name, f"needs {_NEEDS_S:.0f} s of a face in view", seconds)
        times = np.array([t for t, _ in self._seen])
        colours = np.stack([c for _, c in self._seen])
        why = self._obstacle(times, colours)
        if why:
            return Cue.silent(self.name, why, seconds)
        return self._judge(rppg.even(times, colours), seconds)

    def _judge(self, colours: _Colours, seconds: float) -> Cue:
        """``colours`` ``(N, 3, 3)`` on the even grid."""
        whole = colours.mean(1)
        signal = rppg.pos(whole)
        found, other = rppg.peak(signal), rppg.peak(rppg.chrom(whole))
        if found is None or other is None:
            return Cue.silent(self.name, "the skin does not change at all", seconds)
        half = len(whole) // 2
        halves = [rppg.peak(rppg.pos(part)) for part in (whole[:half], whole[half:])]
        steady = all(h is not None and abs(h.bpm - found.bpm) <= _HALVES_BPM for h in halves)
        agreed = abs(found.bpm - other.bpm) <= _SAME_BPM
        if found.snr_db < _CLEAR_DB or not agreed or not steady:
            return Cue.silent(self.name, f"no clear pulse ({found.snr_db:.0f} dB)", seconds)
        regions = [rppg.pos(colours[:, i]) for i in range(len(skin.REGIONS))]
        llr, text = _incoherence(regions)
        together = _together(regions, found.bpm / 60)
        return Cue(
            name=self.name,
            value=round(found.bpm, 1),
            llr=llr,
            confidence=float(np.clip((found.snr_db + 1) / 6, 0.1, 1.0)),
            seconds=seconds,
            text=text or f"{found.bpm:.0f} beats a minute, which a forgery can carry too",
            details={
                "snr_db": round(found.snr_db, 2),
                "chrom_bpm": round(other.bpm, 1),
                "coherence": round(together, 3),
            },
        )

    def _obstacle(self, times: _Colours, colours: _Colours) -> str:
        """What stands in the way, empty if nothing does."""
        if not np.isfinite(colours).all():
            return "forehead or cheeks are out of sight"
        rate = (len(times) - 1) / (times[-1] - times[0])
        if rate < _MIN_RATE_HZ:
            return f"{rate:.0f} pictures a second, needs {_MIN_RATE_HZ:.0f}"
        level = float(colours.mean())
        if not _LEVELS[0] <= level <= _LEVELS[1]:
            return "too dark" if level < _LEVELS[0] else "too bright"
        if float(np.median([speed for _, speed in self._speeds] or [0.0])) > _MAX_SPEED:
            return "the head moves"
        repeated = float((np.abs(np.diff(colours, axis=0)).max((1, 2)) < 1e-6).mean())
        if repeated > _MAX_REPEATED:
            return "pictures repeat, as codecs and still pictures make them"
        return ""

    def _move(self, time_s: float, landmarks: FloatArray) -> None:
        place = landmarks[list(_ANCHORS), :2]
        if self._place is not None:
            before, old = self._place
            width = max(1.0, float(np.linalg.norm(place[3] - place[2])))
            moved = float(np.linalg.norm(place.mean(0) - old.mean(0)))
            self._speeds.append((time_s, moved / width / max(1e-3, time_s - before)))
        self._place = (time_s, place)

    def _forget(self) -> None:
        self._seen.clear()
        self._speeds.clear()
        self._place = None


def _incoherence(regions: list[_Colours]) -> tuple[float, str]:
    """Up to half a nat if two regions each show a clear pulse of their own, and what to say."""
    clear = [
        (name, found)
        for name, signal in zip(skin.REGIONS, regions, strict=True)
        if (found := rppg.peak(signal)) is not None and found.snr_db >= _CLEAR_DB
    ]
    if len(clear) < 2:
        return 0.0, ""
    (slow_at, slow), (fast_at, fast) = (
        min(clear, key=lambda c: c[1].bpm),
        max(clear, key=lambda c: c[1].bpm),
    )
    if fast.bpm - slow.bpm < _APART_BPM:
        return 0.0, ""
    sure = min(1.0, 0.25 + min(slow.snr_db, fast.snr_db) / 4)
    text = f"{slow_at} beats {slow.bpm:.0f} and {fast_at} {fast.bpm:.0f} times a minute"
    return _MOST_NATS * sure, text


def _together(regions: list[_Colours], hertz: float) -> float:
    """Mean agreement of the pairs of regions around the rate, -1 to 1."""
    pairs = [(0, 1), (0, 2), (1, 2)]
    return float(np.mean([rppg.agreement(regions[a], regions[b], hertz) for a, b in pairs]))
