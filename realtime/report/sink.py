"""Gathers runs and writes the report on them as HTML or PDF."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from realtime.closing import Closing
from realtime.errors import SinkError
from realtime.redact import redact
from realtime.report.gather import MAX_PEOPLE, Gathering, Outline
from realtime.report.hashing import FileHash
from realtime.report.model import FileFacts, Run
from realtime.report.write import try_out, write
from realtime.types import FrameResult, RunStart, RunSummary

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
        try_out(path, private=faces)
        self._path = path
        self._faces = faces
        self._files = dict(files or {})
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        self._written = 0
        self._gathering: Gathering | None = None
        self._hash: FileHash | None = None
        self._hashes: dict[int, FileHash] = {}
        self._closed = self._failed = False
        self.needs_pictures = faces

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

    def _write_if_due(self) -> None:
        for place, hashing in self._hashes.items():
            self._runs[place] = replace(self._runs[place], file=hashing.facts())
        self._hashes.clear()
        missing = len(self._runs) - self._written
        if missing and missing * _REWRITE_SHARE >= len(self._runs):
            self._write()

    def _write(self) -> None:
        try:
            write(self._path, self._runs, private=self._faces)
        except SinkError:
            self._failed = True
            raise
        self._written = len(self._runs)


class RunRecorder(Closing):
    """Keeps what a report on the newest run would say, for a viewer who may ask for one.

    Of more than ``most`` people the gravest stay.
    """

    def __init__(self, *, faces: bool = False, most: int = MAX_PEOPLE) -> None:
        self._lock = threading.Lock()
        self._faces = faces
        self._most = most
        self._gathering: Gathering | None = None
        self._summary: RunSummary | None = None
        self.needs_pictures = faces

    def start(self, start: RunStart) -> None:
        """A run begins; the one before is forgotten."""
        with self._lock:
            self._gathering = Gathering(start, faces=self._faces, most=self._most)
            self._summary = None

    def write(self, result: FrameResult) -> None:
        """Gather one result."""
        with self._lock:
            if self._gathering is not None:
                self._gathering.add(result)

    def finish(self, summary: RunSummary) -> None:
        """The run has ended."""
        self._summary = summary

    def close(self) -> None:
        """Nothing to release: what was gathered may still be asked for."""

    def run(self, file: FileFacts | None = None) -> Run | None:
        """All up to now, None before the first run; from any thread."""
        with self._lock:
            if self._gathering is None:
                return None
            return self._gathering.run(self._summary, file, going_on=True)

    def outline(self) -> list[Outline]:
        """Who is in it, cheap enough for a thread that must not wait."""
        with self._lock:
            return [] if self._gathering is None else self._gathering.outline()

    @property
    def begin_mono(self) -> float | None:
        """``time.monotonic()`` at the second 0 of a live source, None for a file or none yet."""
        with self._lock:
            return None if self._gathering is None else self._gathering.begin_mono
