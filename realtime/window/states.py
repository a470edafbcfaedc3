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
from realtime.window.translate import later, tr, trn

_PICTURES: Final = (SourceState.BLACK, SourceState.FROZEN, SourceState.PROTECTED)

LATE_S: Final = 2.0
"""A picture that is older than this is not shown as live, whatever the source says."""

_STATE_WORDS: Final = {
    SourceState.CONNECTING: later("Opening"),
    SourceState.LIVE: later("Playing"),
    SourceState.PAUSED: later("Paused"),
    SourceState.STALLED: later("No picture"),
    SourceState.RECONNECTING: later("Reconnecting"),
    SourceState.BLACK: later("The picture is black"),
    SourceState.FROZEN: later("The picture stands still"),
    SourceState.PROTECTED: later("The capture is forbidden"),
    SourceState.ENDED: later("Ended"),
    SourceState.FAILED: later("Failed"),
}

_LIVE_WORDS: Final = {
    **_STATE_WORDS,
    SourceState.CONNECTING: later("Connecting"),
    SourceState.LIVE: later("Live"),
}

_COUNTED: Final = {
    SourceState.CONNECTING: later("connecting"),
    SourceState.LIVE: later("live"),
    SourceState.PAUSED: later("paused"),
    SourceState.STALLED: later("stalled"),
    SourceState.RECONNECTING: later("reconnecting"),
    SourceState.BLACK: later("black"),
    SourceState.FROZEN: later("frozen"),
    SourceState.PROTECTED: later("protected"),
    SourceState.ENDED: later("ended"),
    SourceState.FAILED: later("failed"),
}

_CODES: Final[dict[str, tuple[str, str]]] = {
    SourceCode.AUTH_FAILED.value: (
        later("wrong password"),
        later("Its user name or password was refused; correct them in its address."),
    ),
    SourceCode.TIMEOUT.value: (
        later("no answer"),
        later("It does not answer in time; check that it is switched on and can be reached."),
    ),
    SourceCode.NOT_FOUND.value: (
        later("not found"),
        later("There is nothing under this address; check it, or plug the device in."),
    ),
    SourceCode.TLS.value: (
        later("no secure connection"),
        later("No secure connection came about; check its certificate and that it speaks TLS."),
    ),
    SourceCode.CODEC_UNSUPPORTED.value: (
        later("unknown format"),
        later("Its video format cannot be decoded; set it to H.264."),
    ),
    SourceCode.CONNECTION_FAILED.value: (
        later("no connection"),
        later("The connection failed; check the address and the network."),
    ),
    SourceCode.BUSY.value: (later("in use"), later("Another program uses it; close that program.")),
    SourceCode.PERMISSION.value: (
        later("not allowed"),
        later("The system does not allow its use; grant this program the permission."),
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
        return tr("No source")
    table = _LIVE_WORDS if live else _STATE_WORDS
    return tr(table[state])


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


def counted(state: SourceState) -> str:
    """The state behind a number of sources, as in "4 live"."""
    return tr(_COUNTED[state])


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
    return tr(_CODES[code][0]) if code in _CODES else code.replace("_", " ")


def remedy(status: SourceStatus) -> str:
    """One sentence on what is wrong and what to do, empty if nothing is known."""
    if status.text:
        return redact(status.text)
    return tr(_CODES[status.code][1]) if status.code in _CODES else ""


def next_try(status: SourceStatus, now: float) -> str:
    """Which attempt comes next and when; counts down to the moment itself."""
    if status.retry_at_mono is None:
        return tr("attempt {number} now").format(number=status.attempt)
    left = math.ceil(status.retry_at_mono - now)
    if left <= 0:
        return tr("attempt {number} now").format(number=status.attempt + 1)
    return tr("attempt {number} in {seconds} s").format(number=status.attempt + 1, seconds=left)


def short_words(status: SourceStatus, now: float, shown: Frame | None) -> str:
    """The state in the room that a tile has for it; ``shown`` as for `live_notice`."""
    state = status.state
    text = words(state, live=True)
    if state is SourceState.RECONNECTING:
        text = f"{text}, {next_try(status, now)}"
    elif state is SourceState.STALLED:
        silent = duration(_silence(status, now, shown))
        text = tr("{state} for {time}").format(state=text, time=silent)
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
        return Notice(tr("Connected"), tr("Waiting for the first picture."), old=True)
    age = now - shown.captured_mono
    if held:
        text = tr("{time} old; the analysis goes on. Press Space for the live picture.")
        return Notice(tr("Picture held"), text.format(time=duration(age)), strip=True)
    if age > LATE_S:
        text = tr("This picture is {time} old: the analysis cannot keep up.")
        return Notice(tr("Late"), text.format(time=duration(age)), old=True)
    return SILENCE


def _detail(status: SourceStatus, now: float, shown: Frame | None) -> str:
    since = now - status.since_mono
    last = ""
    if shown is not None:
        age = duration(now - shown.captured_mono)
        last = tr("The last picture is {time} old.").format(time=age)
    parts: list[str]
    if status.state is SourceState.CONNECTING:
        text = tr("For {time}, attempt {number}.") if status.attempt > 1 else tr("For {time}.")
        known = {"time": duration(since), "number": status.attempt}
        parts = [text.format(**known), remedy(status), last]
    elif status.state is SourceState.RECONNECTING:
        soon = next_try(status, now)
        parts = [f"{soon[:1].upper()}{soon[1:]}.", remedy(status), last]
    elif status.state is SourceState.STALLED:
        silent = duration(_silence(status, now, shown))
        parts = [tr("For {time}.").format(time=silent), last]
    elif status.state is SourceState.PAUSED:
        going_on = tr("Nothing is analysed, and the source is let go. Ctrl+Shift+Space: go on.")
        parts = [going_on, last]
    elif status.state in _PICTURES:
        text = tr("For {time}; nothing can be judged from it.")
        parts = [text.format(time=duration(since)), remedy(status)]
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
        return tr("No face")
    number = "" if gravest.probability is None else f" {gravest.probability:.2f}"
    text = f"{verdict_name(gravest.state)}{number}"
    if count > 1:
        text += ", " + trn("{count} face", "{count} faces", count).format(count=count)
    return text


def load_words(load: Load | None) -> str:
    """What was reduced because the machine is slow; empty if nothing was."""
    if load is None or not load.reduced:
        return ""
    text = tr("machine is slow: {rate} scores/s").format(rate=f"{load.score_rate_hz:g}")
    if load.track_rate_hz is not None:
        text += ", " + tr("{rate} frames/s").format(rate=f"{load.track_rate_hz:g}")
    return text
