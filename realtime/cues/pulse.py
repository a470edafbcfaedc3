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
_CLEAR_DB: Final = 3.0
"""By POS and by CHROM, with the other conditions below: met by one of 648 windows of real and
forged recordings whose phases were drawn anew, colour by colour, and by none of white noise."""
_ALIKE: Final = 2
"""So many of the three regions show the rate by themselves."""
_ALIKE_BPM: Final = 5.0
_SAME_BPM: Final = 4.0
"""Two ways to find a rate, or two halves of the time, agree within so much."""
_HALVES_BPM: Final = 10.0
_COHERENT: Final = 0.6
_PHASE_DEGREES: Final = 45.0
"""Blood reaches all of a face within a few hundredths of a second; texture that slides under the
regions moves their colours as it happens to lie."""
_SWING: Final = 0.001
"""Standard deviation of the head's place, in its own widths, from which it can pass for a pulse."""
_SWING_BPM: Final = 4.0
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
        self._swings: deque[tuple[float, _Colours]] = deque()
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
        while self._swings and time_s - self._swings[0][0] > _KEEP_S:
            self._swings.popleft()
        while self._speeds and time_s - self._speeds[0][0] > _KEEP_S:
            self._speeds.popleft()

    @property
    def colours(self) -> tuple[_Colours, _Colours]:
        """What is kept: times ``(N,)`` and mean colours ``(N, 3, 3)`` of the regions."""
        seen = tuple(self._seen)
        times = np.array([t for t, _ in seen])
        return times, np.array([c for _, c in seen]).reshape(-1, len(skin.REGIONS), 3)

    def cue(self, time_s: float) -> Cue:
        """Beats a minute, or why none can be told."""
        if self._seen and time_s - self._seen[-1][0] > _MAX_GAP_S:
            self._forget()
        seconds = self._seen[-1][0] - self._seen[0][0] if self._seen else 0.0
        if seconds < _NEEDS_S - 0.1:
            return Cue.silent(self.name, f"needs {_NEEDS_S:.0f} s of a face in view", seconds)
        times, colours = self.colours
        why = self._obstacle(times, colours)
        fresh = np.ones(len(times), np.bool_)
        if not why:
            # A codec, a player or a still picture repeats skin to the last bit: no new sample.
            fresh[1:] = np.abs(np.diff(colours, axis=0)).max((1, 2)) > 1e-6
            times, colours = times[fresh], colours[fresh]
            if len(times) < 2 or _rate(times) < _MIN_RATE_HZ or np.diff(times).max() > _MAX_GAP_S:
                why = "pictures repeat, as codecs and still pictures make them"
        if why:
            return Cue.silent(self.name, why, seconds)
        return self._judge(rppg.even(times, colours), seconds)

    def _judge(self, colours: _Colours, seconds: float) -> Cue:
        """``colours`` ``(N, 3, 3)`` on the even grid."""
        parts = [colours[:, i] for i in range(len(skin.REGIONS))]
        regions = [rppg.pos(part) for part in parts]
        own = [_clear(part) for part in parts]
        llr, text = _incoherence(own)
        found = _clear(colours.mean(1))
        if found is not None and not llr:
            peaks = [rppg.peak(region) for region in regions]
            alike = [p for p in peaks if p is not None and abs(p.bpm - found.bpm) <= _ALIKE_BPM]
            found = found if len(alike) >= _ALIKE else None
        together, degrees = _together(regions, (found.bpm if found else 60.0) / 60)
        if together < _COHERENT or degrees > _PHASE_DEGREES:
            found = None
        if found is not None and self._swings_at(found.bpm):
            return Cue.silent(self.name, "the head swings at the rate of what was found", seconds)
        if llr:
            found = max((rate for rate in own if rate is not None), key=lambda rate: rate.snr_db)
        if found is None:
            return Cue.silent(self.name, "no clear pulse", seconds)
        return Cue(
            name=self.name,
            value=round(found.bpm, 1),
            llr=llr,
            confidence=float(np.clip(found.snr_db / 10, 0.1, 1.0)),
            seconds=seconds,
            text=text or f"{found.bpm:.0f} beats a minute, which a forgery can carry too",
            details={
                "snr_db": round(found.snr_db, 2),
                "coherence": round(together, 3),
                "phase_degrees": round(degrees, 1),
            },
        )

    def _obstacle(self, times: _Colours, colours: _Colours) -> str:
        """What stands in the way, empty if nothing does."""
        if not np.isfinite(colours).all():
            return "forehead or cheeks are out of sight"
        rate = _rate(times)
        if rate < _MIN_RATE_HZ:
            return f"{rate:.0f} pictures a second, needs {_MIN_RATE_HZ:.0f}"
        level = float(colours.mean())
        if not _LEVELS[0] <= level <= _LEVELS[1]:
            return "too dark" if level < _LEVELS[0] else "too bright"
        if float(np.median([speed for _, speed in self._speeds] or [0.0])) > _MAX_SPEED:
            return "the head moves"
        return ""

    def _move(self, time_s: float, landmarks: FloatArray) -> None:
        place = landmarks[list(_ANCHORS), :2]
        if self._place is not None:
            before, old = self._place
            width = max(1.0, float(np.linalg.norm(place[3] - place[2])))
            moved = float(np.linalg.norm(place.mean(0) - old.mean(0)))
            self._speeds.append((time_s, moved / width / max(1e-3, time_s - before)))
        self._place = (time_s, place)
        across = max(1.0, float(np.linalg.norm(place[3] - place[2])))
        self._swings.append((time_s, place.mean(0, dtype=np.float64) / across))

    def _swings_at(self, bpm: float) -> bool:
        """Whether the head goes to and fro at a rate or half of it, as a flat picture may too."""
        times = np.array([t for t, _ in self._swings])
        places = rppg.even(times, np.array([p for _, p in self._swings]))
        for place in places.T:
            hertz = rppg.swing(place) if place.std() > _SWING else None
            if hertz and min(abs(bpm - 60 * hertz * k) for k in (1, 2)) <= _SWING_BPM:
                return True
        return False

    def _forget(self) -> None:
        self._seen.clear()
        self._speeds.clear()
        self._swings.clear()
        self._place = None


def _rate(times: _Colours) -> float:
    return float((len(times) - 1) / (times[-1] - times[0]))


def _clear(colours: _Colours) -> rppg.Peak | None:
    """The rate of colours ``(N, 3)`` on the even grid, with the lesser clarity of both ways to
    find it; None unless both find it clearly, and POS in each half of the time.
    """
    found, other = rppg.peak(rppg.pos(colours)), rppg.peak(rppg.chrom(colours))
    if found is None or other is None or abs(found.bpm - other.bpm) > _SAME_BPM:
        return None
    clarity = min(found.snr_db, other.snr_db)
    if clarity < _CLEAR_DB:
        return None
    half = len(colours) // 2
    for part in (colours[:half], colours[half:]):
        own = rppg.peak(rppg.pos(part))
        if own is None or abs(own.bpm - found.bpm) > _HALVES_BPM:
            return None
    return rppg.Peak(found.bpm, clarity)


def _incoherence(rates: list[rppg.Peak | None]) -> tuple[float, str]:
    """Up to half a nat if two regions each show a clear pulse of their own, and what to say.

    Twice the rate is the harmonic of one heart.
    """
    clear = [(n, r) for n, r in zip(skin.REGIONS, rates, strict=True) if r is not None]
    if len(clear) < 2:
        return 0.0, ""
    slow_at, slow = min(clear, key=lambda c: c[1].bpm)
    fast_at, fast = max(clear, key=lambda c: c[1].bpm)
    if fast.bpm - slow.bpm < _APART_BPM or abs(fast.bpm - 2 * slow.bpm) < _ALIKE_BPM:
        return 0.0, ""
    sure = min(1.0, min(slow.snr_db, fast.snr_db) / (2 * _CLEAR_DB))
    text = f"{slow_at} beats {slow.bpm:.0f} and {fast_at} {fast.bpm:.0f} times a minute"
    return _MOST_NATS * sure, text


def _together(regions: list[_Colours], hertz: float) -> tuple[float, float]:
    """Of the pairs of regions around the rate: mean coherence 0 to 1, largest phase in degrees."""
    pairs = [rppg.coherence(regions[a], regions[b], hertz) for a, b in ((0, 1), (0, 2), (1, 2))]
    return float(np.mean([c for c, _ in pairs])), max(abs(p) for _, p in pairs)
