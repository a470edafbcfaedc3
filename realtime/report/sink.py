"""Gathers runs and writes the report on them as HTML or PDF."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from realtime.closing import Closing
from realtime.errors import ConfigError, SinkError
from realtime.redact import redact
from realtime.report.gather import Gathering
from realtime.report.hashing import FileHash
from realtime.report.model import Run
from realtime.types import FrameResult, RunStart, RunSummary

SUFFIXES: Final = (".html", ".htm", ".pdf")
_REWRITE_SHARE: Final = 8
"""Of many runs the report is written anew when an eighth of them is not in it yet, so that the
work grows with their number and not with its square; `close` writes the rest."""


class ReportSink(Closing):
    """Writes one report on all its runs, anew as they end; existing files are replaced.

    The file is whole at every moment: what is new is written beside it and then takes its place.
    ``files`` maps what a source is shown as to its path, for the hash. With ``faces`` pictures of
    the faces are in it. A run that `finish` never heard of is in the report all the same, marked
    as broken off, once the sink is closed.

    Raises:
        ConfigError: if the name ends neither in .html nor in .pdf.
        SinkError: if the file cannot be written.
    """

    def __init__(
        self, path: Path, *, faces: bool = False, files: Mapping[str, Path] | None = None
    ) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"The report {redact(path)} must end in .html or .pdf.")
        self._path = path
        self._faces = faces
        # Faces are for nobody but who asked for them.
        self._mode = 0o600 if faces else 0o666
        self._files = dict(files or {})
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        self._written = 0
        self._gathering: Gathering | None = None
        self._hash: FileHash | None = None
        self._hashes: dict[int, FileHash] = {}
        self._closed = self._failed = False
        self.needs_pictures = faces
        self._try_out()

    def start(self, start: RunStart) -> None:
        """A run begins; raises `SinkError` if the report on those before cannot be written."""
        with self._lock:
            self._check()
            self._end(None)
            self._write_if_due()
            self._gathering = Gathering(start, faces=self._faces)
            path = self._files.get(start.source.name)
            self._hash = None if path is None else FileHash(path)

    def write(self, result: FrameResult) -> None:
        """Gather one result."""
        with self._lock:
            self._check()
            if self._gathering is not None:
                self._gathering.add(result)
            if self._hash is not None:
                self._hash.step()

    def finish(self, summary: RunSummary) -> None:
        """The run has ended: write the report, unless somebody waits; raises `SinkError`.

        Whoever has interrupted a run, and every live one is, waits for its threads and closes the
        sink next: `close` has the time that a PDF takes.
        """
        with self._lock:
            self._check()
            self._end(summary)
            waits = self._runs[-1].start.source.live or not self._runs[-1].complete
            if not waits or summary.error is not None:
                self._write_if_due()

    def close(self) -> None:
        """Write what is not in the report yet, unless that has failed; raises `SinkError`.

        Waits for a `finish` on another thread. May be called again.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._end(None)
            if not self._failed:
                self._write_if_due()
                if self._written < len(self._runs):
                    self._write()

    def _check(self) -> None:
        if self._closed:
            raise SinkError(f"The report {redact(self._path)} is closed.")

    def _end(self, summary: RunSummary | None) -> None:
        if self._gathering is None:
            return
        self._runs.append(self._gathering.run(summary, None))
        if self._hash is not None:
            self._hashes[len(self._runs) - 1] = self._hash
        self._gathering = self._hash = None

    def _try_out(self) -> None:
        """Find out now, and not after hours, that nothing can be written there."""
        try:
            if self._path.is_dir():
                raise IsADirectoryError(None, "Is a directory")
            # Without touching what is there, which may be the report of yesterday.
            target = self._path.resolve()
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT, self._mode))
            if target.is_file() and target.stat().st_size == 0:
                target.unlink()
        except (OSError, ValueError, RuntimeError) as exc:  # links in a circle, a zero byte
            raise self._told(exc, "name another output file") from None

    def _write_if_due(self) -> None:
        for place, hashing in self._hashes.items():
            self._runs[place] = replace(self._runs[place], file=hashing.facts())
        self._hashes.clear()
        missing = len(self._runs) - self._written
        if missing and missing * _REWRITE_SHARE >= len(self._runs):
            self._write()

    def _write(self) -> None:
        try:
            data = self._rendered()
            if self._path.is_file() or not self._path.exists():
                self._replace(data)
            else:  # a device or a pipe, which cannot be replaced
                self._path.write_bytes(data)
        except OSError as exc:
            self._failed = True
            raise self._told(exc, "free some space or name another output file") from None
        self._written = len(self._runs)

    def _replace(self, data: bytes) -> None:
        target = self._path.resolve()
        beside = target.with_name(f".{target.name[:80]}.{os.getpid()}.part")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, self._mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise

    def _rendered(self) -> bytes:
        if self._path.suffix.lower() == ".pdf":
            from realtime.report.pdf import pdf  # noqa: PLC0415 - slow to import

            return pdf(self._runs)
        from realtime.report.page import page  # noqa: PLC0415

        return page(self._runs).encode("utf-8", "backslashreplace")

    def _told(self, exc: Exception, remedy: str) -> SinkError:
        reason = redact(getattr(exc, "strerror", None) or "not a valid path")
        return SinkError(f"Cannot write {redact(self._path)}: {reason}; {remedy}.")
