"""Drives a challenge with what the engine sees: prompts go to a person, the outcome to a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from realtime.challenge_run import ChallengeRun
from realtime.errors import SinkError
from realtime.redact import redact
from realtime.sinks.jsonl import SCHEMA
from realtime.sinks.lines import JsonlFile
from realtime.types import FrameResult, RunStart, RunSummary


def silent(_line: str) -> None:
    """For a challenge that is shown elsewhere."""


class ChallengeSink:
    """Carries out the challenges of one source, of which ``run`` is given orders.

    With ``asks`` each run begins with one, of the largest face. ``say`` gets each prompt and each
    outcome as a line, ``target`` one record ``challenge`` for each challenge that is over or was
    stopped, or that the end of the run or of the program cut short. ``colours``: active light may
    be asked for, which needs the pictures.

    Raises:
        SinkError: if the file cannot be opened or written.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        target: Path | TextIO | JsonlFile | None = None,
        *,
        asks: bool = True,
        colours: bool = False,
    ) -> None:
        self.needs_pictures = colours
        self.run = ChallengeRun()
        self._say = say
        self._asks = asks
        self._owned = not isinstance(target, JsonlFile)
        self._lines: JsonlFile | None
        if target is None or isinstance(target, JsonlFile):
            self._lines = target
        else:
            self._lines = JsonlFile(target)
        self._prompt: str | None = None
        self._source_id = "file"
        self._open = self._failed = self._closed = False
        if asks:
            self.run.begin()

    def start(self, start: RunStart) -> None:
        """Another run: what was under way is over, and the first act comes next."""
        self._check()
        if self._open:
            self._tell(at_end=True)
        self._open = True
        self._source_id = redact(start.source_id)
        self._prompt = None
        self.run.forget()
        if self._asks:
            self.run.begin()

    def write(self, result: FrameResult) -> None:
        """Show the frame to the challenge, say what it asks, and write what came of it."""
        self._check()
        self._open = True
        step = self.run.see(result)
        if step is not None:
            self._say(f"challenge: {step.act.value}: {step.outcome.value} ({step.text})")
        prompt = self.run.prompt
        if prompt is not None and prompt != self._prompt:
            self._say(f"challenge: {prompt}")
        self._prompt = prompt
        self._tell(at_end=False)

    def finish(self, summary: RunSummary) -> None:  # noqa: ARG002 - as every sink
        """Say and write what there is of an outcome; ``summary`` adds nothing."""
        self._check()
        self._open = False
        self._tell(at_end=True)

    def close(self) -> None:
        """Write what an abort has left; a file that was given is left open."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._open and not self._failed:
                self._tell(at_end=True)
        finally:
            if self._owned and self._lines is not None:
                self._lines.close()

    def _tell(self, *, at_end: bool) -> None:
        found = self.run.outcome(at_end=at_end)
        if found is None:
            return
        report, frames = found
        self._say(f"challenge: {report.outcome.value}")
        if self._lines is None:
            return
        record = {
            "type": "challenge",
            "schema": SCHEMA,
            "source_id": self._source_id,
            "frames": frames,
            **report.as_dict(),
        }
        try:
            self._lines.write([json.dumps(record, allow_nan=False)])
        except SinkError:
            self._failed = True
            raise

    def _check(self) -> None:
        if self._closed:
            raise SinkError("The output of the challenge is closed.")
