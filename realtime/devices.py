"""``fakewatch devices``: what can be watched on this machine, and why something cannot.

The first column of each line is the exact text to give to ``fakewatch watch`` in a shell.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO, TypeVar

from realtime.errors import ExitCode, SourceCode, SourceError
from realtime.redact import redact
from realtime.sources import camera, screen, window
from realtime.sources.screen import Screen
from realtime.sources.windows import Window
from realtime.sources.worker import Worker

T = TypeVar("T")
Row = tuple[str, ...]

ANSWER_S: Final = 5.0
"""How long a driver or a display server may take to answer."""
_ALSA: Final = Path("/proc/asound")


@dataclass(frozen=True, slots=True)
class CameraFound:
    """A camera that is connected; ``problem`` says why it cannot be opened, None if it can."""

    index: int
    name: str
    path: str
    problem: SourceError | None


@dataclass(frozen=True, slots=True)
class AudioInput:
    """A device that records sound, by the name that ALSA gives it."""

    address: str
    name: str


def list_cameras() -> list[CameraFound]:
    """Every camera, each tried without starting it; raises `SourceError` TIMEOUT."""
    found = _in_time("The cameras", camera.connected)
    return [CameraFound(c.index, c.name, c.path, _problem(c)) for c in found]


def list_screens() -> list[Screen]:
    """Every screen, all of them together first; raises `SourceError` where there is none."""
    return _in_time("The screen", screen.list_screens)


def list_windows() -> list[Window]:
    """Every window with a title that can be seen now; raises `SourceError` where none may be."""
    shown = [w for w in _in_time("The desktop", window.list_windows) if w.visible]
    return [w for w in shown if min(w.area[2:]) >= screen.MIN_SIDE]


def list_audio_inputs(alsa: Path = _ALSA) -> list[AudioInput]:
    """What records sound, as the Linux kernel lists it under ``alsa``; none elsewhere."""
    found = []
    with suppress(OSError):
        for line in (alsa / "pcm").read_text("utf-8", "replace").splitlines():
            match = re.match(r"(\d+)-(\d+): ([^:]*):([^:]*):.*\bcapture \d", line)
            if match:
                card, device = int(match[1]), int(match[2])
                name = match[4].strip() or match[3].strip()
                found.append(AudioInput(f"hw:{card},{device}", name))
    return found


def report(stream: TextIO) -> int:
    """Write the whole list for a person; the exit code, which is 0 whatever is there."""
    for title, lines in (
        ("Cameras", _cameras),
        ("Screens", _screens),
        ("Windows", _windows),
        ("Audio inputs (heard with --hear microphone:NAME)", _audio),
    ):
        try:
            rows = lines()
        except SourceError as exc:
            rows = [(redact(exc),)]
        stream.write(f"{title}\n{_table(rows)}\n")
    return int(ExitCode.OK)


def argument(kind: str, text: str) -> str:
    """``kind`` and ``text`` as one word of a shell, with quotes only where they are needed."""
    if re.fullmatch(r"[\w.:/,+-]+", text):
        return kind + text
    if re.search(r'["$`\\!]', text):
        return shlex.quote(kind + text)
    return f'{kind}"{text}"'


def _cameras() -> list[Row]:
    cameras = list_cameras()
    if not cameras:
        return [("none is connected",)]
    names = Counter(c.name.casefold() for c in cameras)
    rows: list[Row] = []
    for c in cameras:
        text = str(c.index)
        if names[c.name.casefold()] == 1 and redact(c.name) == c.name:
            text += f" or {argument('camera:', c.name)}"
        state = "can be opened" if c.problem is None else redact(c.problem)
        rows.append((text, redact(c.name), redact(c.path), state))
    return rows


def _screens() -> list[Row]:
    rows: list[Row] = []
    for s in list_screens():
        name = "all of them together" if s.number == 0 else redact(s.name)
        rows.append((f"screen:{s.number}", f"{s.area[2]} x {s.area[3]}", name))
    return rows


def _windows() -> list[Row]:
    windows = list_windows()
    titles = Counter(w.title.casefold() for w in windows)
    rows: list[Row] = []
    for w in sorted(windows, key=lambda w: w.title.casefold()):
        # A title that does not come through a shell and the parser as it is goes by number.
        plain = redact(w.title) == w.title == w.title.strip() and "@" not in w.title
        plain = plain and w.title[0] not in "\"'" and not w.title.startswith("0x")
        unique = plain and titles[w.title.casefold()] == 1
        text = argument("window:", w.title) if unique else f"window:0x{w.number:x}"
        rows.append((text, f"{w.area[2]} x {w.area[3]}", "" if unique else redact(w.title)))
    return rows or [("none is open",)]


def _audio() -> list[Row]:
    if sys.platform != "linux":
        return [("they cannot be listed on this system",)]
    rows: list[Row] = [(a.address, redact(a.name)) for a in list_audio_inputs()]
    return rows or [("none is connected",)]


def _problem(found: camera.Camera) -> SourceError | None:
    try:
        _in_time(f"The camera {redact(found.name)}", lambda: camera.try_out(found))
    except SourceError as exc:
        return exc
    return None


def _in_time(name: str, work: Callable[[], T]) -> T:
    """What ``work`` gives, on a thread of its own as it may hang in a driver."""
    worker = Worker("fw-devices")
    worker.start(lambda: None)
    try:
        return worker.call(work, ANSWER_S)
    except TimeoutError:
        raise SourceError(
            f"{name} does not answer; end the programs that use it, or connect it again.",
            SourceCode.TIMEOUT,
            transient=True,
        ) from None
    finally:
        worker.stop()
        worker.join(0.1)


def _table(rows: Sequence[Row]) -> str:
    columns = max(map(len, rows))
    padded = [row + ("",) * (columns - len(row)) for row in rows]
    widths = [max(len(row[i]) for row in padded) for i in range(columns)]
    lines = (
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in padded
    )
    return "".join(f"  {line}".rstrip() + "\n" for line in lines)
