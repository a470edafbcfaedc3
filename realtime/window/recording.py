"""What a report or feedback on one source will need, gathered while it is shown.

It is fed by the source's bridge and lives as long as the people of that source are shown, after
the source was stopped as well. All in bounded memory; nothing is written to the disk.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from realtime.feedback.crops import CropGathering
from realtime.feedback.records import Crop
from realtime.report.gather import Outline
from realtime.report.hashing import PIECE_BYTES, FileHash
from realtime.report.model import FileFacts, Run
from realtime.report.sink import RunRecorder
from realtime.types import FrameResult, RunStart, RunSummary, SourceInfo

MAX_PEOPLE: Final = 60
"""Each may have four moments of about 50 kB."""
_CHANGED: Final = "the file has changed since it was analysed"

Marks = tuple[int, int, int]


class Recording:
    """One source; ``start``, ``write`` and ``finish`` as of a `Sink`, the rest for any thread.

    ``path`` is that of a file, None for what is live. ``keep_crops`` says whether pictures are
    gathered for feedback too; it may be switched at any time.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.keep_crops = False
        self._recorder = RunRecorder(faces=True, most=MAX_PEOPLE)
        self._lock = threading.Lock()
        self._crops = CropGathering()
        self._start: RunStart | None = None
        self._marks: Marks | None = None
        self._facts: FileFacts | None = None

    @property
    def info(self) -> SourceInfo | None:
        """What the source is, None as long as nothing came of it."""
        return None if self._start is None else self._start.source

    def start(self, start: RunStart) -> None:
        """A run begins."""
        self._start, self._facts = start, None
        self._marks = None if self.path is None else _marks(self.path)
        with self._lock:
            self._crops.clear()
        self._recorder.start(start)

    def write(self, result: FrameResult) -> None:
        """Gather one result."""
        self._recorder.write(result)
        if self.keep_crops:
            with self._lock:
                self._crops.add(result, self.second(result))

    def finish(self, summary: RunSummary) -> None:
        """The run has ended."""
        self._recorder.finish(summary)

    def outline(self) -> list[Outline]:
        """Who was seen, in brief."""
        return self._recorder.outline()

    def second_of(self, desk_s: float) -> float:
        """Seconds from the beginning of the source, for a time on the time line."""
        return max(0.0, desk_s - (self._recorder.begin_mono or 0.0))

    def second(self, result: FrameResult) -> float:
        """Seconds from the beginning of the source, for a result of it."""
        return self.second_of(self._time(result))

    def crops(self, track_id: int, span: tuple[float, float] | None) -> tuple[Crop, ...]:
        """Pictures of one person that were gathered, within ``span`` seconds of the source; for a
        thread that may take its time."""
        with self._lock:
            found = self._crops.of(track_id, span)
        return tuple(Crop.whole(time_s, part) for time_s, part in found)

    def forget_crops(self) -> None:
        """Let go of all pictures for feedback."""
        with self._lock:
            self._crops.clear()

    def run(self, file: FileFacts | None = None) -> Run | None:
        """All that a report says, None if nothing came of the source."""
        return self._recorder.run(file)

    def file_facts(self, go_on: Callable[[int, int], bool]) -> FileFacts | None:
        """What identifies the file, None for what is none; reads all of it, once.

        ``go_on`` hears how many of how many bytes were read, and may say no.
        """
        if self.path is None or self._facts is not None:
            return self._facts
        size = 0 if self._marks is None else self._marks[0]
        with FileHash(self.path) as digest:
            done = 0
            while digest.step():
                done += PIECE_BYTES
                if not go_on(min(done, size), size):
                    return FileFacts(trouble="there was no time to take it")
            facts = digest.facts()
        if not facts.trouble and _marks(self.path) != self._marks:
            return FileFacts(trouble=_CHANGED)
        self._facts = facts
        return facts

    def _time(self, result: FrameResult) -> float:
        live = self._start is not None and self._start.source.live
        return result.frame.captured_mono if live else result.frame.time_s


def _marks(path: Path) -> Marks | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
