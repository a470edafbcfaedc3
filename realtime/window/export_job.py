"""Writes a report on what was seen, on a thread that may take its time and can be told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from realtime.errors import ConfigError, FakewatchError
from realtime.redact import redact
from realtime.report.choice import Choice, narrowed
from realtime.report.model import Run
from realtime.report.write import try_out, write
from realtime.window.recording import Recording
from realtime.window.translate import tr

_HASHING: Final = 0.4
"""Which share of the whole reading the files is taken for."""
_TELL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """One source of a report, and the people of it that are wanted; None for everyone."""

    recording: Recording
    people: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A report that is wanted; ``replace`` says whether it may take the place of a file."""

    path: Path
    parts: tuple[Part, ...]
    faces: bool = False
    heat: bool = False
    replace: bool = False


class Stopped(FakewatchError):
    """The viewer did not want it any more; nothing was changed on the disk."""


class FileThereError(ConfigError):
    """There is a file of that name already."""


def export(wanted: Export, stop: threading.Event, tell: Callable[[float], None]) -> Path:
    """Write it and give its path back; ``tell`` hears of shares, 0 to 1, some times a second.

    Raises:
        ConfigError, SinkError: if it may not or cannot be written there.
        Stopped: if ``stop`` was set before it was whole.
    """
    step = _Steps(stop, tell)
    _check(wanted)
    runs: list[Run] = []
    each = _HASHING / max(1, len(wanted.parts))
    for number, part in enumerate(wanted.parts):

        def go_on(done: int, size: int, before: float = number * each) -> bool:
            step(before + each * done / max(1, size))
            return True

        run = part.recording.run(part.recording.file_facts(go_on))
        if run is not None:
            choice = Choice(part.people, wanted.faces, wanted.faces and wanted.heat)
            runs.append(narrowed(run, choice))
    if not runs:
        raise ConfigError(tr("Nothing was analysed yet, so there is nothing to report."))
    write(
        wanted.path,
        runs,
        private=wanted.faces,
        step=lambda share: step(_HASHING + (1 - _HASHING) * share),
    )
    return wanted.path


class _Steps:
    """Ends the work once it is not wanted any more, and tells how far it is now and then."""

    def __init__(self, stop: threading.Event, tell: Callable[[float], None]) -> None:
        self._stop = stop
        self._tell = tell
        self._told = 0.0

    def __call__(self, share: float) -> None:
        if self._stop.is_set():
            raise Stopped(tr("The report was not written: it was stopped."))
        now = time.monotonic()
        if now - self._told >= _TELL_S:
            self._told = now
            self._tell(share)


def _check(wanted: Export) -> None:
    paths = [part.recording.path for part in wanted.parts]
    if any(path is not None and _same(wanted.path, path) for path in paths):
        raise ConfigError(
            tr("The report would replace the source itself; name another file."),
        )
    if not wanted.replace and _exists(wanted.path):
        raise FileThereError(
            tr("There is a file {name} already; press the button once more to replace it.").format(
                name=redact(wanted.path.name)
            )
        )
    try_out(wanted.path, private=wanted.faces)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def suggested(names: Sequence[str], folder: Path, suffix: str) -> Path:
    """A name for a report on these sources, made of letters that every disk takes."""
    stem = Path(names[0]).stem if len(names) == 1 else tr("{count} sources")
    stem = stem.format(count=len(names)) if len(names) != 1 else stem
    plain = "".join(c if c.isalnum() or c in "-_ " else "-" for c in redact(stem)).strip(" -")
    when = time.strftime("%Y-%m-%d %H-%M-%S")
    return folder / f"fakewatch {plain[:60]} {when}{suffix}".replace("  ", " ")
