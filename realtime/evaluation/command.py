"""What ``fakewatch eval`` does, and what ``models.evaluate`` shares with it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from realtime.config import Config
from realtime.errors import ConfigError, ExitCode, OutputClosed
from realtime.evaluation.layouts import LabelledClip, labelled_clips
from realtime.evaluation.page import Section, in_words, page
from realtime.evaluation.recode import Condition, conditions
from realtime.evaluation.run import (
    Bench,
    Gathered,
    chosen,
    report,
    watch_clips,
    watch_conditions,
)
from realtime.evaluation.store import Store, default_folder
from realtime.headless import complain
from realtime.redact import redact
from realtime.scorer import Scorer, load_scorer

_STDOUT: Final = "-"
_EVERY: Final = 20
"""Without a terminal one line is said for so many pieces of work."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate and where the results go; ``json`` may be ``-``."""

    conditions: tuple[Condition, ...]
    seconds: float
    limit: int | None
    cache: Path
    json: str | None
    html: Path | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Plan:
        """From the options of `realtime.evaluation.options.add_options`.

        Raises:
            ConfigError: for an unknown condition or an output that cannot be written.
        """
        asked = options.robustness or bool(options.conditions)
        found = cls(
            conditions=tuple(conditions(options.conditions)) if asked else (),
            seconds=options.seconds,
            limit=options.limit,
            cache=options.cache or default_folder(),
            json=options.json,
            html=options.html,
        )
        for path in (None if found.json == _STDOUT else found.json, found.html):
            if path is not None:
                _write(Path(path), None)
        return found


def evaluate_folder(options: argparse.Namespace, config: Config, console: Console) -> ExitCode:
    """``fakewatch eval``: the clips of a folder, their numbers in words, JSON and HTML.

    Raises:
        ConfigError: if the folder or an output cannot be used.
        ModelError: if the model cannot be used.
        KeyboardInterrupt: after what was gathered is written.
    """
    plan = Plan.of(options)
    clips = labelled_clips(options.folder)
    gathered = Gathered()
    with closing(load_scorer(config.scorer)) as scorer:
        bench = bench_of(options, plan, scorer, config, console)
        try:
            gather(bench, clips, plan, gathered)
        finally:
            if gathered.judged or gathered.complete:
                found = report(gathered, bench, plan.seconds)
                deliver(found, plan)
                tell(in_words(found), console, plan)
    return outcome(gathered)


def bench_of(
    options: argparse.Namespace, plan: Plan, scorer: Scorer, config: Config, console: Console
) -> Bench:
    """What the clips go through; raises `ConfigError` if results cannot be kept."""
    store = Store(plan.cache, scorer.info.sha256, scorer.contract, config)
    return Bench(scorer, config, store, ConsoleProgress(console, quiet=options.no_progress))


def gather(bench: Bench, clips: Sequence[LabelledClip], plan: Plan, gathered: Gathered) -> None:
    """Fill ``gathered``; errors as `watch_clips` and `watch_conditions`."""
    with bench.progress.running():
        watch_clips(bench, chosen(clips, plan.limit), gathered)
        watch_conditions(bench, plan.conditions, plan.seconds, gathered)
    gathered.complete = True


def deliver(found: Mapping[str, Any], plan: Plan, sections: Sequence[Section] = ()) -> None:
    """Write JSON and HTML as planned.

    Raises:
        ConfigError: if a file cannot be written.
        OutputClosed: if the reader of a pipe has gone away.
    """
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if plan.html is not None:
        _write(plan.html, page(found, sections))
    if plan.json == _STDOUT:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise OutputClosed("The reader of the output has gone away.") from None
    elif plan.json is not None:
        _write(Path(plan.json), text)


def outcome(gathered: Gathered) -> ExitCode:
    """The gravest of what happened to the clips."""
    if gathered.failed:
        return ExitCode.SOURCE
    scored = any(j.seen.log_odds is not None for j in gathered.judged)
    return ExitCode.OK if scored else ExitCode.NOTHING_ASSESSABLE


@dataclass(slots=True)
class ConsoleProgress:
    """Tells a person how far the work is and which clips could not be used."""

    console: Console
    quiet: bool = False
    _bar: Progress | None = field(default=None, init=False)
    _task: TaskID = field(default=TaskID(0), init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show it meanwhile."""
        if self.quiet or not self.console.is_terminal:
            yield
            return
        columns = (TextColumn("{task.description}", markup=False), BarColumn())
        with Progress(
            *columns, TimeRemainingColumn(), console=self.console, transient=True
        ) as self._bar:
            self._task = self._bar.add_task("")
            yield
        self._bar = None

    def step(self, done: int, total: int, name: str) -> None:
        """As in `realtime.evaluation.run.Progress`."""
        text = f"{done + 1} of {total}: {redact(name)}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=text[:60])
        elif not self.quiet and done % _EVERY == 0:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def failed(self, sentence: str) -> None:
        """One sentence, at once."""
        complain(self.console, sentence)


def tell(lines: Sequence[str], console: Console, plan: Plan) -> None:
    """Words go to the standard output, unless data does."""
    target = console if plan.json == _STDOUT else Console()
    for line in lines:
        target.print(line, markup=False, highlight=False, soft_wrap=True)


def _write(path: Path, text: str | None) -> None:
    """Write a file whole or not at all; None only tries whether that is possible."""
    part = path.parent / f"{path.name}.{os.getpid()}.part"
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        part.write_text(text or "", "utf-8")
        if text is not None:
            part.replace(path)
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        raise ConfigError(f"Cannot write {redact(path)}: {reason}; name another file.") from None
    finally:
        with suppress(OSError, ValueError):
            part.unlink(missing_ok=True)
