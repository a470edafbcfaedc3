"""Live sources without a window: status lines, signals, metrics, and an exit code."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from realtime.config import Config
from realtime.errors import ExitCode, FakewatchError
from realtime.headless import complain
from realtime.health import HealthServer
from realtime.live import LiveEngine, LiveInput
from realtime.metrics import Metrics
from realtime.outputs import LiveOutputs
from realtime.redact import redact
from realtime.scorer import CUDA, Scorer
from realtime.signals import Wishes
from realtime.sources.address import Address, SourceKind
from realtime.status_lines import Observed, line, state_words
from realtime.types import SourceState, SourceStatus, VerdictState

Reread = Callable[[], tuple[Config, Mapping[str, Address]]]

_POLL_S: Final = 0.1
_REDRAW_S: Final = 0.5
STOP_S: Final = 1.5
"""Within three seconds of a SIGTERM everything is over."""


@dataclass(slots=True)
class HeadlessLive:
    """One live run. ``console`` is for states and complaints, ``progress`` whether states are told.

    Made once for each run; `run` does everything.
    """

    scorer: Scorer
    config: Config
    outputs: LiveOutputs
    console: Console
    progress: bool = True
    _inputs: dict[str, LiveInput] = field(default_factory=dict)
    _observed: dict[str, Observed] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)
    _trouble: dict[str, str] = field(default_factory=dict)
    _sink_error: FakewatchError | None = None

    def run(
        self,
        addresses: Mapping[str, Address],
        wishes: Wishes,
        *,
        fail_on: VerdictState | None = None,
        max_seconds: float | None = None,
        reread: Reread | None = None,
    ) -> ExitCode:
        """Run until every source has ended, the time is up or somebody wishes the end.

        Of several outcomes over all sources the gravest is returned: FAIL_ON if any face reached
        ``fail_on``, SOURCE if any source failed or never delivered a picture, USAGE if an output
        of one source could not be written, then NOTHING_ASSESSABLE. ``reread`` gives the settings
        anew when ``wishes`` ask for it.

        Raises:
            ConfigError, ModelError, SinkError: what strikes all sources at once.
            KeyboardInterrupt: after the run was ended in good order.
        """
        metrics = Metrics()
        for name, address in addresses.items():
            self._inputs[name] = self._input(self.config, name, address)
        engine = LiveEngine(
            tuple(self._inputs.values()),
            self.scorer,
            self.config,
            metrics=metrics,
            on_status=self._tell,
            on_error=self._sink_failed,
        )
        with self._health(metrics, engine):
            try:
                engine.start()
                self._watch(engine, wishes, max_seconds, reread)
            finally:
                engine.stop(STOP_S)
        return self._judge(engine, wishes, fail_on)

    def _input(self, config: Config, name: str, address: Address) -> LiveInput:
        observed = self._observed.setdefault(name, Observed())
        # Only streams come in packets that can be kept as they are.
        clips = address.kind is SourceKind.STREAM and name not in _without_clips(config)
        sinks = self.outputs.open(name, clips=clips)
        return LiveInput(name, address, (observed, *sinks), self.outputs.tap(name))

    @contextmanager
    def _health(self, metrics: Metrics, engine: LiveEngine) -> Iterator[None]:
        if not self.config.metrics.address:
            yield
            return
        wanted = CUDA if self.config.scorer.device == "cuda" else None
        server = HealthServer(self.config.metrics.address, metrics, engine, provider=wanted)
        try:
            server.start()
            yield
        finally:
            server.stop(0.5)

    def _watch(
        self,
        engine: LiveEngine,
        wishes: Wishes,
        max_seconds: float | None,
        reread: Reread | None,
    ) -> None:
        end = time.monotonic() + (math.inf if max_seconds is None else max_seconds)
        with self._display(engine) as redraw:
            while not engine.wait(_POLL_S):
                over = wishes.stop.is_set() or time.monotonic() >= end
                if over or self.outputs.broken or engine.error:
                    return
                if wishes.reload.is_set():
                    wishes.reload.clear()
                    if reread is None or self._hung_up():
                        wishes.stop.set()
                        return
                    self._reload(engine, reread)
                redraw()

    @contextmanager
    def _display(self, engine: LiveEngine) -> Iterator[Callable[[], None]]:
        """Gives what draws the status lines, if it is time to."""
        if not self._on_terminal:
            yield lambda: None
            return
        due = 0.0

        def redraw() -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due:
                due = now + _REDRAW_S
                lines = (line(view, self._observed[view.source_id], now) for view in engine.sources)
                texts = [Text(words, no_wrap=True, overflow="ellipsis") for words in lines]
                live.update(Group(*texts), refresh=True)

        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            yield redraw

    @property
    def _on_terminal(self) -> bool:
        return self.progress and self.console.is_terminal

    def _hung_up(self) -> bool:
        """Whether the terminal is gone, which is told by the same signal."""
        return self.console.is_terminal and not self.console.file.isatty()

    def _reload(self, engine: LiveEngine, reread: Reread) -> None:
        """Take over what the settings list now; told and left alone if it cannot be used."""
        opened: dict[str, LiveInput] = {}
        try:
            config, addresses = reread()
            for name, address in addresses.items():
                before = self._inputs.get(name)
                if before is None or before.address != address:
                    opened[name] = self._input(config, name, address)
            inputs = {name: opened.get(name) or self._inputs[name] for name in addresses}
            stopped = engine.reload(tuple(inputs.values()))
        except FakewatchError as exc:
            for name in opened:
                self.outputs.close_source(name, newest=True)
            complain(self.console, f"the settings were not read anew: {redact(exc)}")
            return
        self._inputs = inputs
        for name in stopped:
            self.outputs.close_source(name)
        words = f"the settings were read anew: {len(opened)} new of {len(inputs)} in all"
        if without_sources(config) != without_sources(self.config):
            words += "; what else has changed in them takes a restart"
        complain(self.console, words)

    def _tell(self, status: SourceStatus) -> None:
        """Runs on a thread of the engine."""
        words = state_words(status, time.monotonic())
        if status.text:
            self._trouble[status.source_id] = words
        failed = status.state is SourceState.FAILED
        if words != self._told.get(status.source_id) and (
            failed or (self.progress and not self._on_terminal)
        ):
            complain(self.console, f"{status.source_id}: {words}")
        self._told[status.source_id] = words

    def _sink_failed(self, _source_id: str, error: FakewatchError) -> None:
        """Runs on the thread of the sink; the engine has told it."""
        self._sink_error = self._sink_error or error

    def _judge(self, engine: LiveEngine, wishes: Wishes, fail_on: VerdictState | None) -> ExitCode:
        for error in (self.outputs.broken, engine.error):
            if error is not None:
                raise error
        failed = False
        for view in engine.sources:
            if view.status.state is SourceState.FAILED:
                failed = True
            elif not view.counts.captured:
                failed = True
                last = self._trouble.get(view.source_id, "it was stopped before it could")
                complain(self.console, f"{view.source_id}: not one picture came ({last})")
        if wishes.stop.is_set():
            raise KeyboardInterrupt
        tracks = [track for seen in self._observed.values() for track in seen.tracks]
        assessable = [track for track in tracks if track.probability is not None]
        if fail_on is not None and any(t.state.rank >= fail_on.rank for t in assessable):
            return ExitCode.FAIL_ON
        if failed:
            return ExitCode.SOURCE
        if self._sink_error is not None:
            return self._sink_error.exit_code
        return ExitCode.OK if assessable else ExitCode.NOTHING_ASSESSABLE


def _without_clips(config: Config) -> set[str]:
    return {
        name
        for name, entry in zip(config.names(), config.sources, strict=True)
        if not entry.evidence
    }


def without_sources(config: Config) -> Config:
    """All that a running engine cannot take over."""
    return replace(config, sources=(), secrets=())
