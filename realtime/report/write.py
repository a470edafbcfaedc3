"""A report becomes a file that is whole at every moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from realtime.errors import ConfigError, SinkError
from realtime.redact import redact
from realtime.report.model import Run

SUFFIXES: Final = (".html", ".htm", ".pdf")


Step = Callable[[float], None]
"""Hears which share of the work is done, 0 to 1; what it raises breaks the work off."""


def no_step(_share: float) -> None:
    """For whoever does not want to know."""


def try_out(path: Path, *, private: bool = False) -> None:
    """Find out that a report can be written there, and change nothing.

    Raises:
        ConfigError: if the name ends neither in .html nor in .pdf.
        SinkError: if the file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"The report {redact(path)} must end in .html or .pdf.")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        # Without touching what is there, which may be the report of yesterday.
        target = path.resolve()
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, _mode(private)))
        if target.is_file() and target.stat().st_size == 0:
            target.unlink()
    except (OSError, ValueError, RuntimeError) as exc:  # links in a circle, a zero byte
        raise _told(path, exc, "name another output file") from None


def write(path: Path, runs: Sequence[Run], *, private: bool = False, step: Step = no_step) -> None:
    """Write the report on ``runs`` in the form that the name asks for; takes up to seconds.

    What was there is replaced once the new one is whole, and stays if ``step`` raises. ``private``
    is for reports that show people: only their owner may read them.

    Raises:
        ConfigError, SinkError: as `try_out`, and if the disk is full.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"The report {redact(path)} must end in .html or .pdf.")
    data = _rendered(path, runs, step)
    step(1.0)
    try:
        if path.is_file() or not path.exists():
            _replace(path.resolve(), data, _mode(private))
        else:  # a device or a pipe, which cannot be replaced
            path.write_bytes(data)
    except (OSError, ValueError, RuntimeError) as exc:
        raise _told(path, exc, "free some space or name another output file") from None


def _rendered(path: Path, runs: Sequence[Run], step: Step) -> bytes:
    if path.suffix.lower() == ".pdf":
        from realtime.report.pdf import pdf  # noqa: PLC0415 - slow to import

        return pdf(runs, step)
    from realtime.report.page import page  # noqa: PLC0415

    return page(runs, step).encode("utf-8", "backslashreplace")


def _replace(target: Path, data: bytes, mode: int) -> None:
    beside = target.with_name(f".{target.name[:80]}.{os.getpid()}.part")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def _mode(private: bool) -> int:
    return 0o600 if private else 0o666


def _told(path: Path, exc: Exception, remedy: str) -> SinkError:
    reason = redact(getattr(exc, "strerror", None) or "not a valid path")
    return SinkError(f"Cannot write {redact(path)}: {reason}; {remedy}.")
