"""Whether a file was slowed down or sped up: its pictures, their times and its sound as a whole.

A source-level cue, for files alone: screens, calls and webcams repeat pictures by themselves. No
face is suspected for it, so that its log-likelihood ratio is always 0.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.cues import cadence
from realtime.cues.cadence import FloatArray, Motion, Pattern
from realtime.cues.stretch import Heard, Hearing
from realtime.types import Clock, Cue, Frame, Image

NAME: Final = "timing"
WINDOW_S: Final = 20.0
SHORTEST_S: Final = 3.0
_EVERY_S: Final = 5.0
_SIDE: Final = 64
_COARSE: Final = 320
_MAX_PICTURES: Final = 2400
_MOVING: Final = 0.3
_SCREEN_RATE: Final = 35.0
"""Above so many pictures a second displays and their recordings repeat pictures anyhow."""
_STEADY_S: Final = 0.002
"""Stamps that lie further from a steady clock are those of a camera or a screen."""
_RECORDED: Final = (30.0, 25.0, 24.0, 60.0, 50.0)
_SPEEDS: Final = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.1, 1.2, 1.25, 1.5)
_FITS: Final = 0.006


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a container claims. Rates in pictures a second, None where it claims nothing."""

    nominal_rate: float | None = None
    average_rate: float | None = None
    video_s: float | None = None
    audio_s: float | None = None
    sample_hz: int | None = None
    has_sound: bool = False


class Inspection(Protocol):
    """Reads a file beside its frames; used by one thread at a time."""

    @property
    def hearing(self) -> Hearing:
        """What listens to its sound."""
        ...

    def facts(self) -> StreamFacts:
        """What its container claims."""
        ...

    def until(self, time_s: float) -> None:
        """Read so far that everything before ``time_s`` is known."""
        ...

    def restart(self, time_s: float) -> None:
        """Go on from ``time_s``."""
        ...

    def orders(self, times: list[float]) -> list[int]:
        """The turn of the picture at each time in the codec's order."""
        ...

    def close(self) -> None:
        """Release the file; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pictures of one window say: ``speeds`` that fit, none if it looks as recorded.

    ``why`` is empty if they can say anything.
    """

    speeds: tuple[float, ...]
    text: str
    why: str = ""
    nats: float = 0.0
    rate: float = 0.0


class TimingWatch:
    """Watches one file; used by one thread at a time, memory bounded."""

    def __init__(self, inspection: Inspection | None = None) -> None:
        self._inspection = inspection
        self._facts = StreamFacts()
        self._epoch: int | None = None
        self._clocked = True
        self._looked_s = self._last_s = self._begin_s = 0.0
        self._begin(0.0)

    def look(self, frame: Frame) -> Cue:
        """Take in the next picture; what is said by now."""
        self.see(frame)
        return self.cue()

    def see(self, frame: Frame) -> None:
        """Take in the next picture; a jump elsewhere begins anew."""
        if frame.epoch != self._epoch:
            self._start(frame)
        self._last_s = frame.time_s
        picture = thumbnail(frame.image)
        if self._pictures and self._pictures[-1].shape != picture.shape:
            self._forget()
        self._times.append(frame.time_s)
        self._pictures.append(picture)
        if len(self._pictures) == 3:
            self._motion.append((self._times[-2], *cadence.relate(*self._pictures)))
            while self._motion[0][0] < frame.time_s - WINDOW_S:
                self._motion.popleft()

    def cue(self) -> Cue:
        """What is said now; looked at anew once in some seconds."""
        short = self._looked_s - self._begin_s < _EVERY_S
        if self._last_s - self._looked_s >= (SHORTEST_S if short else _EVERY_S):
            self._look()
        return self._cue

    def finish(self) -> Cue:
        """What is said of the whole; the file is released, and this may be called again."""
        if self._last_s > self._looked_s:
            self._look()
        if self._inspection is not None:
            self._inspection.close()
        return self._cue

    def _start(self, frame: Frame) -> None:
        first, self._epoch = self._epoch is None, frame.epoch
        self._clocked = frame.clock is Clock.PTS
        self._begin(frame.time_s)
        if self._inspection is None:
            return
        if first:
            self._facts = self._inspection.facts()
        else:
            self._inspection.restart(frame.time_s)

    def _begin(self, time_s: float) -> None:
        self._windows = 0
        self._said: Counter[Shown] = Counter()
        self._newest = Shown((), "", f"needs {SHORTEST_S:.0f} s of pictures")
        self._cue = Cue.silent(NAME, self._newest.why)
        self._looked_s = self._last_s = self._begin_s = time_s
        self._forget()

    def _forget(self) -> None:
        self._times: deque[float] = deque(maxlen=3)
        self._pictures: deque[NDArray[np.uint8]] = deque(maxlen=3)
        self._motion: deque[tuple[float, float, float, float]] = deque(maxlen=_MAX_PICTURES)

    def _look(self) -> None:
        self._looked_s = self._last_s
        seconds = self._last_s - self._begin_s
        if not self._clocked:
            self._cue = Cue.silent(NAME, "no time stamps", seconds)
            return
        heard = None
        if self._inspection is not None:
            self._inspection.until(self._last_s)
            heard = self._inspection.hearing.heard()
        if self._motion:
            self._judge_pictures()
        self._cue = conclude(self._shown(), heard, self._facts, seconds)

    def _judge_pictures(self) -> None:
        columns = np.array(self._motion).T
        times = columns[0]
        orders = [0] * len(times)
        if self._inspection is not None:
            orders = self._inspection.orders(times.tolist())
        self._newest = judge(times, Motion(*columns[1:]), orders)
        if not self._newest.why:
            self._windows += 1
            self._said[self._newest] += 1

    def _shown(self) -> Shown:
        """The clearest change that was seen, in a long file twice, else what was seen last."""
        odd: Counter[tuple[float, ...]] = Counter()
        for shown, times in self._said.items():
            odd[shown.speeds] += times
        least = 1 if self._windows <= 4 else 2
        changed = [s for s in self._said if s.speeds and odd[s.speeds] >= least]
        if changed:
            return max(changed, key=lambda s: s.nats)
        seen = [s for s in self._said if not s.speeds]
        return seen[-1] if seen and self._newest.why else self._newest


def thumbnail(image: Image) -> NDArray[np.uint8]:
    """A grey copy ``(h, w)`` uint8 of a picture, the longer side 64 px."""
    stride = max(1, max(image.shape[:2]) // _COARSE)
    coarse = image[::stride, ::stride]
    scale = _SIDE / max(coarse.shape[:2])
    size = [max(8, round(side * scale)) for side in coarse.shape[1::-1]]
    small = cv2.resize(coarse, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def judge(times: FloatArray, motion: Motion, orders: Sequence[int]) -> Shown:
    """What the pictures at ``times`` ``(N,)`` say, with their turns in the codec's order."""
    if len(times) < 2 or times[-1] - times[0] < SHORTEST_S - 0.5:
        return Shown((), "", f"needs {SHORTEST_S:.0f} s of pictures")
    rate = (len(times) - 1) / float(times[-1] - times[0])
    gaps = np.diff(times)
    if (np.abs(gaps * rate - 1) > 0.3).mean() > 0.05:
        return Shown((), "", "pictures come at no constant rate", rate=rate)
    if rate_is_odd(times):
        return _odd_rate(rate)
    if cadence.moving(motion) < _MOVING:
        return Shown((), "", "hardly anything moves", rate=rate)
    found = cadence.pattern(motion, orders)
    if found is None:
        return Shown((), "", rate=rate)
    return _name(found, rate)


def rate_is_odd(times: FloatArray) -> bool:
    """Whether stamps follow a steady clock with a rate that no camera and no format has."""
    count = np.arange(len(times))
    slope, start = np.polyfit(count, times, 1)
    steady = float(np.abs(times - (start + slope * count)).max()) <= _STEADY_S
    return steady and cadence.standard(1 / slope) is None


def _odd_rate(rate: float) -> Shown:
    """The simplest speeds that make it of a usual rate, of 30, 25 or 24 before faster ones."""
    fits: dict[float, tuple[bool, int]] = {}
    for recorded in _RECORDED:
        for speed in _SPEEDS:
            if abs(recorded * speed / rate - 1) < _FITS:
                parts = Fraction(speed).limit_denominator(20).denominator
                fits.setdefault(speed, (recorded > _SCREEN_RATE, parts))
    speeds = tuple(sorted(fits, key=lambda speed: fits[speed]))[:2]
    text = f"{rate:.3g} pictures a second are unusual"
    return Shown(speeds, text, nats=cadence.CLEAR_NATS if speeds else 0.0, rate=rate)


def _name(found: Pattern, rate: float) -> Shown:
    """The conversion that explains a pattern, or the speeds that do where none does."""
    usual = [s for s in found.steps if cadence.standard(rate * float(s)) is not None]
    if usual:
        step = min(usual, key=lambda s: (s not in found.likely, abs(s - 1)))
        was = cadence.standard(rate * float(step)) or rate
        return Shown((), f"{was:.4g} pictures a second shown as {rate:.4g}", rate=rate)
    if found.hidden:
        return Shown((), "a pattern that is also the codec's own", rate=rate)
    if rate > _SCREEN_RATE:
        return Shown((), "repeated as displays do", rate=rate)
    text = f"pictures are {found.kind} with a period of {found.length}"
    return Shown(tuple(float(s) for s in found.likely), text, nats=round(found.nats), rate=rate)


def conclude(shown: Shown, heard: Heard | None, facts: StreamFacts, seconds: float) -> Cue:
    """Put together what pictures and sound say. ``heard`` is None if nobody listens."""
    silent = [shown.why] if shown.why else []
    if heard is None or not facts.has_sound:
        silent.append("no sound")
    elif heard.power is None:
        silent.append(heard.why)
    if len(silent) == 2:
        return Cue.silent(NAME, "; ".join(silent), seconds)
    stretched = heard is not None and heard.stretched
    return Cue(
        name=NAME,
        value=round(shown.speeds[0], 3) if shown.speeds else 1.0,
        llr=0.0,
        confidence=1.0 - 0.5 * len(silent),
        seconds=seconds,
        text=_words(shown, stretched, silent),
        details=_details(shown, heard, facts),
    )


def _words(shown: Shown, stretched: bool, silent: list[str]) -> str:
    parts = []
    if shown.speeds:
        speeds = " or ".join(f"{speed:.3g}x" for speed in shown.speeds)
        parts.append(f"about {speeds} speed")
        parts += ["pitch-corrected"] if stretched else []
    elif stretched:
        parts.append("the sound was stretched or squeezed at its own pitch")
    else:
        parts.append("no change of speed seen")
    if shown.text:
        parts.append(shown.text)
    return ", ".join(parts) + "".join(f" (not judged: {why})" for why in silent)


def _details(shown: Shown, heard: Heard | None, facts: StreamFacts) -> dict[str, float]:
    found = {
        "pictures_a_second": shown.rate,
        "pattern_nats": shown.nats,
        "sound_line": heard.power if heard is not None else None,
        "rhythm_hz": heard.rhythm_hz if heard is not None else None,
        "sound_longer_s": facts.audio_s - facts.video_s
        if facts.audio_s is not None and facts.video_s is not None
        else None,
    }
    return {name: round(value, 3) for name, value in found.items() if value is not None}
