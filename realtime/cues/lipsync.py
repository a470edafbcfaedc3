"""Whether a mouth and a voice go together, and whether the delay between them stays the same.

Sound that is late by the same time all along is what networks and editors make, and says nothing.
How well a voice goes with a mouth is shown and weighs nothing either: programs that drive lips by
a voice do it well, and films of people with music or another language over them do not. What
speaks is a delay that changes within one view.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from realtime.cues import mouth
from realtime.cues.base import Sighting
from realtime.cues.mouth import MAX_LAG_S, PROJECTION, Sync
from realtime.cues.sound import FEATURE_HZ, Sound, why_not_speech
from realtime.types import Cue

WINDOW_S: Final = 8.0
_SHORTEST_S: Final = 5.0
_EVERY_S: Final = 1.0
"""Windows overlap; a second brings enough that is new."""
_REMEMBERED_S: Final = 40.0
_MAX_GAP_S: Final = 0.5
_LATE_S: Final = 1.0
_MIN_RATE_HZ: Final = 12.0
_MAX_YAW: Final = 35.0
_STILL: Final = 0.01
"""Spread of the opening of a mouth that does not talk, in lengths of the nose."""
_CLEAR: Final = 0.4
"""With another clip's sound 19 of 20 windows stay below 0.33; the highest had 0.46
(`benchmarks.lipsync`)."""
UNRELATED: Final = 0.3
"""Below, a voice goes with the mouth no better than that of another clip; hardly one in twenty
windows with their own sound does as badly."""
_MOVED_S: Final = 0.15
_CHANGED: Final = 1.0
"""Chosen, not fitted: no recording at hand is long enough for its delay to change."""


@dataclass(frozen=True, slots=True)
class _Said:
    time_s: float
    sync: Sync | None
    why: str
    seconds: float


class LipSyncWitness:
    """The shape of the mouth for the last window against the sound of the source; a `Witness`.

    ``sound`` gives what is heard, None where the source has no sound.
    """

    name = "lipsync"

    def __init__(self, sound: Callable[[], Sound | None]) -> None:
        self._sound = sound
        self._shapes: deque[tuple[float, tuple[float, float, float, float]]] = deque()
        self._syncs: deque[tuple[float, Sync]] = deque()
        self._said: _Said | None = None

    def see(self, sighting: Sighting) -> None:
        """Take down the mouth, if it can be seen."""
        if sighting.hidden or abs(sighting.quality.yaw) > _MAX_YAW:
            return
        time_s = sighting.time_s
        if self._shapes and time_s - self._shapes[-1][0] > _MAX_GAP_S:
            self._shapes.clear()
        self._shapes.append((time_s, mouth.shape(sighting.landmarks)))
        while time_s - self._shapes[0][0] > WINDOW_S + 2 * MAX_LAG_S + _LATE_S:
            self._shapes.popleft()

    def cue(self, time_s: float) -> Cue:
        """How far mouth and voice go together, from -1 to 1, or why that cannot be told."""
        if self._said is None or not 0 <= time_s - self._said.time_s < _EVERY_S - 0.01:
            self._said = self._listen(time_s)
            if self._said.sync is not None:
                self._syncs.append((time_s, self._said.sync))
            while self._syncs and not 0 <= time_s - self._syncs[0][0] <= _REMEMBERED_S:
                self._syncs.popleft()
        said = self._said
        if said.sync is None:
            return Cue.silent(self.name, said.why, said.seconds)
        return self._judge(said.sync, said.seconds)

    def _listen(self, time_s: float) -> _Said:
        sound = self._sound()
        if not self._shapes or time_s - self._shapes[-1][0] > _MAX_GAP_S:
            return _Said(time_s, None, "the mouth is not in view", 0.0)
        newest = self._shapes[-1][0]
        span = None if sound is None else sound.span(newest)
        if sound is None or span is None:
            return _Said(time_s, None, "no sound", 0.0)
        # The sound of a live source may come a little after its pictures.
        end = max(span[1], newest - _LATE_S) - MAX_LAG_S
        begin = max(self._shapes[0][0], end - WINDOW_S, min(span[0] + MAX_LAG_S, newest))
        seconds = max(0.0, end - begin)
        if seconds < _SHORTEST_S:
            return _Said(time_s, None, f"needs {_SHORTEST_S:.0f} s of mouth and voice", seconds)
        times = np.array([t for t, _ in self._shapes])
        shapes = np.array([s for _, s in self._shapes])
        rate = (len(times) - 1) / (times[-1] - times[0])
        if rate < _MIN_RATE_HZ:
            why = f"{rate:.0f} pictures a second, needs {_MIN_RATE_HZ:.0f}"
            return _Said(time_s, None, why, seconds)
        # On whole hundredths, so that mouth and sound have the same number of them.
        begin, end = round(begin * FEATURE_HZ) / FEATURE_HZ, round(end * FEATURE_HZ) / FEATURE_HZ
        heard = sound.between(begin - MAX_LAG_S, end + MAX_LAG_S)
        why = why_not_speech(heard)
        if not why and shapes[:, 0].std() < _STILL:
            why = "the mouth hardly moves"
        if why:
            return _Said(time_s, None, why, seconds)
        line = mouth.motion(times, shapes, begin, end) @ PROJECTION
        return _Said(time_s, mouth.compare(line, heard), "", seconds)

    def _judge(self, sync: Sync, seconds: float) -> Cue:
        lags = [s.lag_s for _, s in self._syncs if s.peak >= _CLEAR]
        moved = _moved(lags)
        if moved is not None:
            llr, text = _CHANGED, _changed(*moved)
        else:
            llr, text = 0.0, _static(sync)
        return Cue(
            name=self.name,
            value=round(sync.peak, 3),
            llr=llr,
            confidence=float(np.clip(seconds / WINDOW_S, 0.1, 1.0)),
            seconds=seconds,
            text=text,
            details={
                "lag_ms": round(1000 * sync.lag_s),
                "in_time": round(sync.near, 3),
                "out_of_time": round(sync.away, 3),
            },
        )


def _moved(lags: list[float]) -> tuple[float, float] | None:
    """The delays before and after, if clear windows agree on one and then on another."""
    if len(lags) < 6:
        return None
    before, after = float(np.median(lags[:3])), float(np.median(lags[-3:]))
    steady = np.ptp(lags[:3]) <= _MOVED_S / 2 and np.ptp(lags[-3:]) <= _MOVED_S / 2
    return (before, after) if steady and abs(after - before) >= _MOVED_S else None


def _changed(before: float, after: float) -> str:
    return f"the delay of the voice went from {1000 * before:.0f} to {1000 * after:.0f} ms"


def _static(sync: Sync) -> str:
    """What a window by itself shows."""
    if sync.peak < UNRELATED:
        return f"the voice hardly goes with the mouth ({sync.peak:.2f})"
    late = ""
    if abs(sync.lag_s) > mouth.IN_TIME_S:
        late = f", {abs(1000 * sync.lag_s):.0f} ms {'late' if sync.lag_s > 0 else 'early'}"
    return f"the voice goes with the mouth ({sync.peak:.2f}){late}"
