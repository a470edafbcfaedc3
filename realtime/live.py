"""Many live sources in one process: one scorer, a few workers, and a life of its own for each.

Threads: ``fw-capture-<id>`` for each source, ``fw-work-<n>`` that track and analyse for all of
them, ``fw-score``, ``fw-watch`` that turns silence into a state and tells what is new, and one for
each sink. None of them outlives `LiveEngine.stop`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from realtime.batching import BatchScorer
from realtime.config import Config
from realtime.errors import ConfigError, FakewatchError
from realtime.live_input import LiveInput, Surroundings
from realtime.logs import unexpected
from realtime.redact import redact
from realtime.runner import SourceRunner
from realtime.scorer import Scorer
from realtime.sources import FrameSource, open_source
from realtime.stage import Tools
from realtime.types import ModelInfo, RunSummary, SourceStatus
from realtime.workers import WorkerPool

if TYPE_CHECKING:
    from realtime.metrics import Metrics

__all__ = ["LiveEngine", "LiveInput"]

log = logging.getLogger(__name__)

TICK_S: Final = 0.1
GRACE_S: Final = 0.15
"""How long reads may end by themselves before they are ended from outside."""
SINKS_S: Final = 0.5
"""What sinks get to finish in any case, however long the rest of a stop took."""


def open_input(item: LiveInput, config: Config) -> FrameSource:
    """A new connection to an input, not opened yet; raises `ConfigError` or `SourceError`."""
    return open_source(item.address, config, item.source_id, item.tap)


class LiveEngine:
    """Runs sources until they end, fail or are stopped; all methods are thread-safe.

    Args:
        inputs: may be empty, as for an engine that gets its sources by `reload`.
        scorer: shared by all sources; belongs to the caller, who closes it after `stop`.
        on_status: hears every state of every source in order, on one thread; must return soon.
        on_error: hears, with the name of the source, that a sink of it can no longer be written.
            The source goes on.
        opener: makes the connections.
        clock: monotonic seconds, the clock of ``Frame.captured_mono``.

    Raises:
        ConfigError: if two inputs have one name, or there are more than ``live.decoders``.
    """

    def __init__(
        self,
        inputs: Sequence[LiveInput],
        scorer: Scorer,
        config: Config,
        *,
        metrics: Metrics | None = None,
        on_status: Callable[[SourceStatus], None] | None = None,
        on_error: Callable[[str, FakewatchError], None] | None = None,
        opener: Callable[[LiveInput, Config], FrameSource] = open_input,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._scorer = scorer
        self._metrics = metrics
        self._on_status = on_status
        self._on_error = on_error
        self._error: FakewatchError | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._started = False
        self._ticked = clock()
        # Held while sources are started or stopped; the tuple itself is replaced, never changed.
        self._changing = threading.RLock()
        self._batches = BatchScorer(scorer, metrics, on_error=self._model_failed)
        self._pool = WorkerPool(config.live.workers or _processors())
        self._around = Surroundings(
            tools=Tools(config, self._batches, metrics, clock),
            pool=self._pool,
            opener=opener,
            wake=self._wake.set,
            on_error=self._sink_failed,
        )
        self._ticker = threading.Thread(target=self._tick, name="fw-watch", daemon=True)
        self._check(inputs)
        self._runners = tuple(SourceRunner(item, self._around) for item in inputs)
        self._summaries: dict[str, RunSummary] = {}

    @property
    def sources(self) -> tuple[SourceRunner, ...]:
        """Every source, those that are over too, to be looked at."""
        return self._runners

    @property
    def model(self) -> ModelInfo:
        """Which model really runs, and where."""
        return self._scorer.info

    @property
    def error(self) -> FakewatchError | None:
        """What made every source fail, if anything did: an error of the model."""
        return self._error

    @property
    def heartbeats(self) -> dict[str, float]:
        """When the threads that serve all sources were last seen alive, by what they do."""
        return {"watch": self._ticked, "scorer": self._batches.heartbeat_mono}

    def start(self) -> None:
        """Start; returns at once, and sources that cannot be had yet keep being tried."""
        with self._changing:
            if self._metrics is not None:
                self._metrics.watch(self)
            self._batches.start()
            self._pool.start()
            self._ticker.start()
            self._started = True
            for runner in self._runners:
                runner.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every source has ended or failed, and its sinks have it all."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            runners = self._runners
            for runner in runners:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not runner.wait(left):
                    return False
            if runners is self._runners:
                return True

    def reload(self, inputs: Sequence[LiveInput]) -> dict[str, RunSummary]:
        """Start what is new, stop what is gone, leave the unchanged alone.

        An input is unchanged if its name, address and pace are; its sinks and tap are then not
        looked at, the earlier ones go on. Gives the summaries of what was stopped, whose sinks
        may be closed now.

        Raises:
            ConfigError: as the constructor; nothing has changed then.
        """
        self._check(inputs)
        with self._changing:
            if self._stopping.is_set():
                return {}
            by_id = {runner.source_id: runner for runner in self._runners}
            kept = {
                item.source_id
                for item in inputs
                if item.source_id in by_id and by_id[item.source_id].input.same_source(item)
            }
            gone = [runner for runner in self._runners if runner.source_id not in kept]
            self._runners = tuple(r for r in self._runners if r.source_id in kept)
            summaries = self._end(gone, 2.0)
            fresh = [SourceRunner(i, self._around) for i in inputs if i.source_id not in kept]
            order = {item.source_id: at for at, item in enumerate(inputs)}
            self._runners = tuple(
                sorted((*self._runners, *fresh), key=lambda runner: order[runner.source_id])
            )
            for runner in fresh:
                if self._started:
                    runner.start()
        if self._metrics is not None:
            for source_id in summaries.keys() - order.keys():
                self._metrics.forget(source_id)
        return summaries

    def pause(self, *, on: bool) -> None:
        """Analyse nothing until told to go on; returns at once.

        Connections are closed, so that a camera is switched off, and made anew afterwards: that
        is another epoch, in which every face begins anew. Each source says PAUSED meanwhile.
        Sources that a `reload` brings are not paused.
        """
        for runner in self._runners:
            runner.pause(on=on)

    def stop(self, timeout_s: float = 2.0) -> dict[str, RunSummary]:
        """Stop from any state, account for every frame, finish every sink, join every thread.

        Returns how each source went, by its name. May be called again.
        """
        with self._changing:
            if self._stopping.is_set():
                return self._summaries
            deadline = time.monotonic() + timeout_s
            self._stopping.set()
            for runner in self._runners:
                runner.halt()
            self._wake.set()
            if self._started:
                self._ticker.join(timeout_s / 4)
            _end_captures(self._runners, deadline)
            self._pool.stop(max(0.1, deadline - time.monotonic()))
            self._batches.stop(max(0.1, deadline - time.monotonic()))
            self._summaries = self._finish(self._runners, deadline)
            return self._summaries

    def _end(self, runners: Sequence[SourceRunner], timeout_s: float) -> dict[str, RunSummary]:
        """End some sources while the others go on."""
        deadline = time.monotonic() + timeout_s
        for runner in runners:
            runner.halt()
        _end_captures(runners, deadline)
        return self._finish(runners, deadline)

    def _finish(self, runners: Sequence[SourceRunner], deadline: float) -> dict[str, RunSummary]:
        summaries = {}
        for runner in runners:
            left = max(0.05, deadline - time.monotonic())
            summaries[runner.source_id] = runner.finish(left)
            runner.deliver(self._on_status)
        sinks_until = max(deadline, time.monotonic() + SINKS_S)
        for runner in runners:
            runner.close_sinks(sinks_until)
        return summaries

    def _check(self, inputs: Sequence[LiveInput]) -> None:
        names = [item.source_id for item in inputs]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(
                    f"Two sources are called {redact(name)!r}; give each a name of its own."
                )
        most = self._config.live.decoders
        if len(inputs) > most:
            raise ConfigError(
                f"{len(inputs)} sources are more than the {most} that one process may decode; "
                "raise live.decoders, or share them between processes."
            )

    def _tick(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(TICK_S)
            self._wake.clear()
            self._ticked = self._around.tools.clock()
            for runner in self._runners:
                try:
                    runner.tick()
                    runner.deliver(self._on_status)
                except Exception as exc:
                    log.exception("unexpected error")
                    runner.fail(unexpected(exc))

    def _model_failed(self, error: FakewatchError) -> None:
        self._error = error
        for runner in self._runners:
            runner.fail(error)

    def _sink_failed(self, source_id: str, error: FakewatchError) -> None:
        log.warning("%s: %s", redact(source_id), redact(error))
        if self._on_error is not None:
            self._on_error(source_id, error)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _end_captures(runners: Sequence[SourceRunner], deadline: float) -> None:
    """End the capture threads; those that are stuck in the outside world by closing under them."""
    grace = min(time.monotonic() + GRACE_S, deadline)
    stuck = [runner for runner in runners if not runner.ended(grace - time.monotonic())]
    # Each in its own thread: one device that hangs must not keep the others from being closed.
    closers = [
        threading.Thread(target=runner.close_under, name="fw-close", daemon=True)
        for runner in stuck
    ]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(max(0.0, deadline - time.monotonic()))
    for runner in stuck:
        if not runner.ended(max(0.05, deadline - time.monotonic())):
            log.error("%s did not stop in time and is left behind", redact(runner.source_id))
