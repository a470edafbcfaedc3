"""Opens the outputs that were asked for: one set for files, one for each live source."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.config import EvidenceConfig
from realtime.errors import ConfigError, FakewatchError, OutputClosed, SinkError
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.sinks.console import ConsoleSink
from realtime.sinks.jsonl import JsonlFile, JsonlSink

if TYPE_CHECKING:
    from realtime.evidence import EvidenceRing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. ``jsonl`` may be - for the standard output; ``say`` prints a line."""

    jsonl: str | None = None
    video: Path | None = None
    heat: bool = False
    say: Callable[[str], None] | None = None
    evidence: EvidenceConfig | None = None
    report: Path | None = None
    report_faces: bool = False
    challenge: Callable[[str], None] | None = None
    """Gets the prompts of a challenge, line by line; None asks for nothing."""
    guided: bool = False
    """There is a window from which challenges can be asked for."""

    def refuse_overwriting(self, sources: Sequence[str]) -> None:
        """Raises `ConfigError` if an output is one of the sources."""
        paths = (self.jsonl, self.video, self.report)
        outputs = [path for path in paths if path is not None and path != "-"]
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
    lines = None
    if wanted.jsonl is not None:
        target = sys.stdout if wanted.jsonl == "-" else Path(wanted.jsonl)
        lines = stack.enter_context(closing(JsonlFile(target)))
        sinks.append(stack.enter_context(closing(JsonlSink(lines))))
    if wanted.challenge is not None or (wanted.guided and lines is not None):
        sinks.append(stack.enter_context(closing(_challenge(wanted, lines))))
    if wanted.video is not None:
        sinks.append(stack.enter_context(closing(_video(wanted.video, heat=wanted.heat))))
    if wanted.report is not None:
        sinks.append(stack.enter_context(closing(_report(wanted, wanted.report, sources))))
    if wanted.say is not None:
        sinks.append(ConsoleSink(wanted.say))
    return sinks


class LiveOutputs:
    """Sinks for sources that run side by side; the JSON Lines of all go into one output.

    Of several sources, each has its name in the files of its annotated copy and its report:
    ``out-door.mp4``.

    Raises:
        SinkError: if the JSON Lines cannot be written.
    """

    def __init__(self, wanted: Wanted, *, several: bool) -> None:
        self._wanted = wanted
        self._several = several
        self._opened: set[Path] = set()
        self._sinks: dict[str, list[list[Sink]]] = {}
        self._rings: dict[str, EvidenceRing] = {}
        self._lines: _Lines | None = None
        if wanted.jsonl is not None:
            self._lines = _Lines(sys.stdout if wanted.jsonl == "-" else Path(wanted.jsonl))

    def open(self, source_id: str, *, clips: bool = False) -> tuple[Sink, ...]:
        """The sinks of one more source; raises `SinkError` if one cannot be written.

        With ``clips`` there is one that keeps clips of alerts, if that is wanted at all, and
        `tap` gives what has to receive the packets for it. A source that goes on under another
        address gets new sinks before the old ones are closed.
        """
        sinks: list[Sink] = []
        self._sinks.setdefault(source_id, []).append(sinks)
        if self._lines is not None:
            sinks.append(JsonlSink(self._lines))
        guided = self._wanted.guided and self._lines is not None
        if self._wanted.challenge is not None or guided:
            sinks.append(_challenge(self._wanted, self._lines))
        if self._wanted.video is not None:
            path = self._path_for(self._wanted.video, source_id)
            sinks.append(_video(path, heat=self._wanted.heat))
        if self._wanted.report is not None:
            path = self._path_for(self._wanted.report, source_id)
            sinks.append(_report(self._wanted, path))
        if self._wanted.say is not None:
            sinks.append(ConsoleSink(self._prefixed(self._wanted.say, source_id)))
        self._rings.pop(source_id, None)
        evidence = self._wanted.evidence
        if clips and evidence is not None and evidence.folder:
            from realtime.sinks.clips import evidence_for  # noqa: PLC0415 - needs FFmpeg

            self._rings[source_id], sink = evidence_for(evidence, source_id)
            sinks.append(sink)
        return tuple(sinks)

    def tap(self, source_id: str) -> EvidenceRing | None:
        """Where the packets of a source go, None for nowhere."""
        return self._rings.get(source_id)

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
        if self._lines is not None:
            self._lines.close()

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


class _Lines(JsonlFile):
    """JSON Lines of several sources, which remembers why no more can be written.

    A reader that goes away is no error: the rest is thrown away until somebody looks.
    """

    error: FakewatchError | None = None

    def write(self, lines: Iterable[str]) -> None:
        """Write whole lines, given without their ends; raises `SinkError`."""
        if self.error is not None:
            return
        try:
            super().write(lines)
        except OutputClosed as exc:
            self.error = exc
        except SinkError as exc:
            self.error = exc
            raise


def _challenge(wanted: Wanted, lines: JsonlFile | None) -> Sink:
    from realtime.sinks.challenge import ChallengeSink, silent  # noqa: PLC0415 - the rigid head

    say, asks = wanted.challenge or silent, wanted.challenge is not None
    return ChallengeSink(say, lines, asks=asks, colours=wanted.guided)


def _video(path: Path, *, heat: bool) -> Sink:
    from realtime.sinks.video import VideoSink  # noqa: PLC0415 - needs FFmpeg

    return VideoSink(path, heat=heat)


def _report(wanted: Wanted, path: Path, sources: Sequence[str] = ()) -> Sink:
    from realtime.report.sink import ReportSink  # noqa: PLC0415 - needs pictures and fonts

    files = {redact(source): Path(source) for source in sources}
    return ReportSink(path, faces=wanted.report_faces, files=files)


def _same(output: Path, source: str) -> bool:
    try:
        return output.samefile(source)
    except (OSError, ValueError):
        return False
