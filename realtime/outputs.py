"""Opens the outputs that were asked for: one set for files, one for each live source."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from realtime.errors import ConfigError, FakewatchError, OutputClosed, SinkError
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.sinks.console import ConsoleSink
from realtime.sinks.jsonl import JsonlSink


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. ``jsonl`` may be - for the standard output; ``say`` prints a line."""

    jsonl: str | None = None
    video: Path | None = None
    heat: bool = False
    say: Callable[[str], None] | None = None

    def refuse_overwriting(self, sources: Sequence[str]) -> None:
        """Raises `ConfigError` if an output is one of the sources."""
        outputs = [path for path in (self.jsonl, self.video) if path is not None and path != "-"]
        for output in map(Path, outputs):
            for source in sources:
                if _same(output, source):
                    raise ConfigError(
                        f"The output {output} is the source itself; name another file."
                    )


def for_files(wanted: Wanted, sources: Sequence[str], stack: ExitStack) -> list[Sink]:
    """Sinks that take every source in turn; ``stack`` closes them.

    Raises:
        ConfigError, SinkError: if an output is a source or cannot be written.
    """
    wanted.refuse_overwriting(sources)
    sinks: list[Sink] = []
    if wanted.jsonl is not None:
        target = sys.stdout if wanted.jsonl == "-" else Path(wanted.jsonl)
        sinks.append(stack.enter_context(closing(JsonlSink(target))))
    if wanted.video is not None:
        sinks.append(stack.enter_context(closing(_video(wanted.video, heat=wanted.heat))))
    if wanted.say is not None:
        sinks.append(ConsoleSink(wanted.say))
    return sinks


class LiveOutputs:
    """Sinks for sources that run side by side; the JSON Lines of all go into one output.

    Of several sources, each has its name in the file of its annotated copy: ``out-door.mp4``.

    Raises:
        SinkError: if the JSON Lines cannot be written.
    """

    def __init__(self, wanted: Wanted, *, several: bool) -> None:
        self._wanted = wanted
        self._several = several
        self._opened: set[Path] = set()
        self._sinks: dict[str, list[list[Sink]]] = {}
        self._file: TextIO | None = None
        self._lines: _Lines | None = None
        if wanted.jsonl is not None:
            name = "the standard output" if wanted.jsonl == "-" else redact(wanted.jsonl)
            self._file = None if wanted.jsonl == "-" else _create(Path(wanted.jsonl))
            self._lines = _Lines(self._file or sys.stdout, name)

    def open(self, source_id: str) -> tuple[Sink, ...]:
        """The sinks of one more source; raises `SinkError` if one cannot be written.

        A source that goes on under another address gets new ones before the old are closed.
        """
        sinks: list[Sink] = []
        self._sinks.setdefault(source_id, []).append(sinks)
        if self._lines is not None:
            sinks.append(JsonlSink(cast("TextIO", self._lines)))
        if self._wanted.video is not None:
            path = self._path_for(self._wanted.video, source_id)
            sinks.append(_video(path, heat=self._wanted.heat))
        if self._wanted.say is not None:
            sinks.append(ConsoleSink(self._prefixed(self._wanted.say, source_id)))
        return tuple(sinks)

    @property
    def broken(self) -> FakewatchError | None:
        """Why no more JSON Lines can be written, `OutputClosed` if their reader has gone away."""
        return None if self._lines is None else self._lines.error

    def close_source(self, source_id: str, *, newest: bool = False) -> None:
        """Close what only this source wrote into: its oldest sinks, or those opened last."""
        opened = self._sinks.get(source_id, [])
        for sink in opened.pop(-1 if newest else 0) if opened else ():
            sink.close()

    def close(self) -> None:
        """Close everything."""
        for source_id, opened in self._sinks.items():
            for _ in tuple(opened):
                self.close_source(source_id)
        if self._file is not None:
            self._file.close()

    def _prefixed(self, say: Callable[[str], None], source_id: str) -> Callable[[str], None]:
        return (lambda line: say(f"{source_id}: {line}")) if self._several else say

    def _path_for(self, path: Path, source_id: str) -> Path:
        """A name of its own, also for a source that comes back under another address."""
        stem = f"{path.stem}-{source_id}" if self._several else path.stem
        chosen = path.with_name(f"{stem}{path.suffix}")
        number = 1
        while chosen in self._opened:
            number += 1
            chosen = path.with_name(f"{stem}-{number}{path.suffix}")
        self._opened.add(chosen)
        return chosen


class _Lines:
    """A text stream for several threads, each of which writes whole lines.

    A reader that goes away is no error: the rest is thrown away until somebody looks.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lock = threading.Lock()
        self.error: FakewatchError | None = None

    def write(self, text: str) -> int:
        with self._lock:
            self._guarded(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        with self._lock:
            self._guarded(self._stream.flush)

    def _guarded(self, action: Callable[[], object]) -> None:
        if isinstance(self.error, OutputClosed):
            return
        try:
            action()
        except BrokenPipeError:
            self.error = OutputClosed("The reader of the output has gone away.")
        except OSError as exc:
            self.error = SinkError(
                f"Cannot write {self._name} any more: {exc.strerror}; what was written is kept."
            )
            raise self.error from None


def _create(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="\n")
    except OSError as exc:
        raise SinkError(
            f"Cannot write {redact(path)}: {exc.strerror}; name another output file."
        ) from None


def _video(path: Path, *, heat: bool) -> Sink:
    from realtime.sinks.video import VideoSink  # noqa: PLC0415 - needs FFmpeg

    return VideoSink(path, heat=heat)


def _same(output: Path, source: str) -> bool:
    try:
        return output.samefile(source)
    except (OSError, ValueError):
        return False
