"""What the window says of a live source, in words; no Qt, and the time is given.

The rule behind all of it: a picture with boxes is shown as live only while it is. Whatever is
older, or of a source that is not well, is dimmed, loses its boxes and is labelled with its age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from realtime.errors import SourceCode
from realtime.redact import redact
from realtime.types import (
    Frame,
    FrameResult,
    Load,
    SourceState,
    SourceStatus,
    Verdict,
    VerdictState,
)
from realtime.window.translate import later, tr

_PICTURES: Final = (SourceState.BLACK, SourceState.FROZEN, SourceState.PROTECTED)

LATE_S: Final = 2.0
"""A picture that is older than this is not shown as live, whatever the source says."""

_STATE_WORDS: Final = {
    SourceState.CONNECTING: "Opening",
    SourceState.LIVE: "Playing",
    SourceState.PAUSED: "Paused",
    SourceState.STALLED: "No picture",
    SourceState.RECONNECTING: "Reconnecting",
    SourceState.BLACK: "The picture is black",
    SourceState.FROZEN: "The picture stands still",
    SourceState.PROTECTED: "The capture is forbidden",
    SourceState.ENDED: "Ended",
    SourceState.FAILED: "Failed",
}

_LIVE_WORDS: Final = {
    **_STATE_WORDS,
    SourceState.CONNECTING: "Connecting",
    SourceState.LIVE: "Live",
}

_CODES: Final[dict[str, tuple[str, str]]] = {
    SourceCode.AUTH_FAILED.value: (
        "wrong password",
        "Its user name or password was refused; correct them in its address.",
    ),
    SourceCode.TIMEOUT.value: (
        "no answer",
        "It does not answer in time; check that it is switched on and can be reached.",
    ),
    SourceCode.NOT_FOUND.value: (
        "not found",
        "There is nothing under this address; check it, or plug the device in.",
    ),
    SourceCode.TLS.value: (
        "no secure connection",
        "No secure connection came about; check its certificate and that it speaks TLS.",
    ),
    SourceCode.CODEC_UNSUPPORTED.value: (
        "unknown format",
        "Its video format cannot be decoded; set it to H.264.",
    ),
    SourceCode.CONNECTION_FAILED.value: (
        "no connection",
        "The connection failed; check the address and the network.",
    ),
    SourceCode.BUSY.value: ("in use", "Another program uses it; close that program."),
    SourceCode.PERMISSION.value: (
        "not allowed",
        "The system does not allow its use; grant this program the permission.",
    ),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What is written over a picture.

    ``old``: the picture below it is not a live one, to be dimmed and shown without boxes.
    ``strip``: written at the lower edge, since the picture itself is what matters.
    """

    headline: str = ""
    detail: str = ""
    old: bool = False
    strip: bool = False

    def __bool__(self) -> bool:
        return bool(self.headline)


SILENCE: Final = Notice()
"""Nothing to be said: the picture speaks for itself."""


def words(state: SourceState | None, *, live: bool = False) -> str:
    """What a source is doing, of a live one or of a file; None stands for no source."""
    if state is None:
        return "No source"
    return (_LIVE_WORDS if live else _STATE_WORDS)[state]


_VERDICTS: Final = {
    VerdictState.NOT_ASSESSABLE: later("Not assessable"),
    VerdictState.LITTLE_EVIDENCE: later("Little evidence"),
    VerdictState.UNCERTAIN: later("Uncertain"),
    VerdictState.STRONG: later("Strong evidence"),
    VerdictState.VERY_STRONG: later("Very strong evidence"),
}


def verdict_name(state: VerdictState) -> str:
    """How strong the evidence is, in a word or three."""
    return tr(_VERDICTS[state])


def duration(seconds: float) -> str:
    """A time that counts up, in the largest unit that keeps it ticking: 7 s, 3 min, 2 h 5 min."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def code_words(code: str | None) -> str:
    """A `SourceCode` value in two or three words, empty for None."""
    if code is None:
        return ""
    return _CODES[code][0] if code in _CODES else code.replace("_", " ")


def remedy(status: SourceStatus) -> str:
    """One sentence on what is wrong and what to do, empty if nothing is known."""
    if status.text:
        return redact(status.text)
    return _CODES[status.code][1] if status.code in _CODES else ""


def next_try(status: SourceStatus, now: float) -> str:
    """Which attempt comes next and when; counts down to the moment itself."""
    if status.retry_at_mono is None:
        return f"attempt {status.attempt} now"
    left = math.ceil(status.retry_at_mono - now)
    return f"attempt {status.attempt + 1} " + (f"in {left} s" if left > 0 else "now")


def short_words(status: SourceStatus, now: float, shown: Frame | None) -> str:
    """The state in the room that a tile has for it; ``shown`` as for `live_notice`."""
    state = status.state
    text = words(state, live=True)
    if state is SourceState.RECONNECTING:
        text = f"{text}, {next_try(status, now)}"
    elif state is SourceState.STALLED:
        text = f"{text} for {duration(_silence(status, now, shown))}"
    why = code_words(status.code)
    troubled = state in (SourceState.RECONNECTING, SourceState.FAILED, SourceState.CONNECTING)
    return f"{text} ({why})" if why and troubled else text


def live_notice(
    status: SourceStatus, now: float, shown: Frame | None, *, held: bool = False
) -> Notice:
    """What stands over the picture of a live source.

    ``now`` is in the seconds of ``time.monotonic()``. ``shown`` is the newest frame that the
    viewer can see, None while there is none. ``held``: the viewer keeps that one picture.
    """
    state = status.state
    if state is not SourceState.LIVE:
        return Notice(words(state, live=True), _detail(status, now, shown), old=True)
    if shown is None or shown.epoch < status.epoch:
        return Notice("Connected", "Waiting for the first picture.", old=True)
    age = now - shown.captured_mono
    if held:
        text = f"{duration(age)} old; the analysis goes on. Press Space for the live picture."
        return Notice("Picture held", text, strip=True)
    if age > LATE_S:
        text = f"This picture is {duration(age)} old: the analysis cannot keep up."
        return Notice("Late", text, old=True)
    return SILENCE


def _detail(status: SourceStatus, now: float, shown: Frame | None) -> str:
    since = now - status.since_mono
    last = ""
    if shown is not None:
        last = f"The last picture is {duration(now - shown.captured_mono)} old."
    parts: list[str]
    if status.state is SourceState.CONNECTING:
        attempt = f", attempt {status.attempt}" if status.attempt > 1 else ""
        parts = [f"For {duration(since)}{attempt}.", remedy(status), last]
    elif status.state is SourceState.RECONNECTING:
        parts = [f"{next_try(status, now).capitalize()}.", remedy(status), last]
    elif status.state is SourceState.STALLED:
        parts = [f"For {duration(_silence(status, now, shown))}.", last]
    elif status.state in _PICTURES:
        parts = [f"For {duration(since)}; nothing can be judged from it.", remedy(status)]
    else:
        parts = [remedy(status), last]
    return "\n".join(part for part in parts if part)


def _silence(status: SourceStatus, now: float, shown: Frame | None) -> float:
    """How long no picture has come: a stall is called one only after a while."""
    since = now - status.since_mono
    return since if shown is None else max(since, now - shown.captured_mono)


def worst(result: FrameResult | None) -> Verdict | None:
    """The gravest verdict of the faces in a result, of equal ones the most probable."""
    if result is None:
        return None
    verdicts = [result.verdicts[i] for i in result.faces.track_ids.tolist() if i in result.verdicts]
    return max(verdicts, key=gravity, default=None)


def gravity(verdict: Verdict | None) -> tuple[int, float]:
    """Grows with what is said of a face; (-1, 0) where there is none."""
    return (-1, 0.0) if verdict is None else (verdict.state.rank, verdict.probability or 0.0)


def verdict_words(result: FrameResult | None) -> str:
    """The gravest verdict as a word and a number, and how many faces there are."""
    if result is None:
        return ""
    gravest, count = worst(result), len(result.faces)
    if gravest is None:
        return "No face"
    number = "" if gravest.probability is None else f" {gravest.probability:.2f}"
    others = f", {count} faces" if count > 1 else ""
    return f"{gravest.state.words}{number}{others}"


def load_words(load: Load | None) -> str:
    """What was reduced because the machine is slow; empty if nothing was."""
    if load is None or not load.reduced:
        return ""
    text = f"machine is slow: {load.score_rate_hz:g} scores/s"
    return text if load.track_rate_hz is None else f"{text}, {load.track_rate_hz:g} frames/s"
