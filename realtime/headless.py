"""Analysis without a window: one source after another, a progress bar, and an exit code."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from realtime.config import Config
from realtime.errors import ExitCode, FakewatchError, SourceError
from realtime.pipeline import Pipeline
from realtime.redact import redact
from realtime.scorer import Scorer
from realtime.sinks.base import Sink
from realtime.sources import open_source
from realtime.types import RunSummary, SourceInfo, VerdictState

_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Headless:
    """Everything that runs of several sources share. ``console`` is for progress and complaints."""

    scorer: Scorer
    config: Config
    sinks: Sequence[Sink]
    console: Console
    progress: bool = True
    max_seconds: float | None = None
    """For how long each source is analysed, by this machine's clock."""

    def run(self, sources: Sequence[str], fail_on: VerdictState | None = None) -> ExitCode:
        """Analyse every source in turn; one that fails does not cost the others their turn.

        Of several outcomes the gravest is returned: FAIL_ON if any face reached ``fail_on``,
        then SOURCE if any source failed, then NOTHING_ASSESSABLE if no face in any source could
        be judged.

        Raises:
            ModelError, SinkError: at once, since they would strike every other source too.
            KeyboardInterrupt: after the run at hand was ended in good order.
        """
        failed = assessable = reached = False
        for text in sources:
            try:
                worst = self._analyse(text).worst
            except SourceError as exc:
                complain(self.console, exc)
                failed = True
                continue
            if worst is not None:
                assessable = True
                reached = reached or (fail_on is not None and worst.state.rank >= fail_on.rank)
        if reached:
            return ExitCode.FAIL_ON
        if failed:
            return ExitCode.SOURCE
        return ExitCode.OK if assessable else ExitCode.NOTHING_ASSESSABLE

    def _analyse(self, text: str) -> RunSummary:
        source = open_source(text, self.config.source)
        pipeline = Pipeline(source, self.scorer, self.config, self.sinks)
        info = pipeline.start()
        try:
            self._watch(pipeline, info)
        except BaseException:
            # End the run so that its results are complete; the interrupt matters more.
            with suppress(FakewatchError):
                pipeline.stop()
            raise
        return pipeline.stop()

    def _watch(self, pipeline: Pipeline, info: SourceInfo) -> None:
        end = time.monotonic() + (math.inf if self.max_seconds is None else self.max_seconds)

        def over(pipeline: Pipeline) -> bool:
            return pipeline.wait(_POLL_S) or time.monotonic() >= end

        if not (self.progress and self.console.is_terminal):
            while not over(pipeline):
                pass
            return
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        with bar:
            task = bar.add_task(info.name, total=info.duration_s, note="")
            while not over(pipeline):
                _advance(bar, task, pipeline)


def complain(console: Console, error: object) -> None:
    """One redacted sentence, as every error is told."""
    console.print(f"fakewatch: {redact(error)}", markup=False, highlight=False, soft_wrap=True)


def _advance(bar: Progress, task: TaskID, pipeline: Pipeline) -> None:
    position = pipeline.position_s
    if position is not None:
        counts = pipeline.counts
        bar.update(task, completed=position, note=f"{position:.1f} s, {counts.analysed} frames")
