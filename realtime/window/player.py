"""Opens sources and plays them, without ever making Qt's thread wait.

A file runs through a `Pipeline` that can be paused and searched. Whatever is live, and many
sources together, run through a `LiveEngine`.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from qtpy.QtCore import QObject, Signal

from realtime.challenge_run import ChallengeRun
from realtime.config import Config
from realtime.errors import ConfigError, FakewatchError
from realtime.health import HealthServer
from realtime.live import LiveEngine, LiveInput
from realtime.metrics import Metrics
from realtime.pipeline import Pipeline
from realtime.redact import redact
from realtime.runner import SourceRunner
from realtime.scorer import CUDA
from realtime.sinks.base import Sink
from realtime.sources import Address, FileSource, SourceKind, parse
from realtime.sources.tap import PacketTap
from realtime.window.bridge import Bridge
from realtime.window.collector import leave_alone
from realtime.window.job import Job, Model, Wanted
from realtime.window.translate import tr

log = logging.getLogger(__name__)

CLOSE_S = 1.9
"""Closing must not take longer than two seconds, whatever a source is doing."""
HEALTH_WAIT_S = 0.2


class LiveSinks(Protocol):
    """Makes the sinks of sources that run side by side: one set for each."""

    def open(self, source_id: str, *, clips: bool = False) -> Sequence[Sink]:
        """The sinks of one more source; raises `SinkError` if one cannot be written.

        ``clips``: it is a stream, of whose packets clips can be kept.
        """
        ...

    def tap(self, source_id: str) -> PacketTap | None:
        """What receives the packets of that source, None for nothing."""
        ...

    def close_source(self, source_id: str) -> None:
        """The run of that source is over."""
        ...


class Player(QObject):
    """What runs behind the window. All methods are for Qt's thread and return at once, `close`
    excepted.

    ``extra_sinks`` take every file in turn, and a source that runs alone; with ``live_sinks``
    each live source has its own instead. ``trouble`` hears, on any thread, that a sink of a live
    source can no longer be written.

    ``opened``: what was asked for last is running, which for a live source only means that the
    engine takes care of it. ``failed``: it could not be opened; a `FakewatchError` says why.
    """

    opened = Signal()
    failed = Signal(object)
    _done = Signal(object)

    def __init__(
        self,
        config: Config,
        extra_sinks: Sequence[Sink] = (),
        live_sinks: LiveSinks | None = None,
        trouble: Callable[[str], None] = log.error,
    ) -> None:
        super().__init__()
        self._config = config
        self._extra_sinks = tuple(extra_sinks)
        self._live_sinks = live_sinks
        self._trouble = trouble
        self.adjust: Callable[[Config], Config] = _as_it_is
        """Is asked for the settings of every request, on Qt's thread."""
        self._model = Model()
        self._job: Job | None = None
        self._loaded = False
        self.paused = False
        self._done.connect(self._finish_opening)

    @property
    def opening(self) -> bool:
        """Whether something was asked for and neither runs nor failed yet."""
        job = self._job
        return job is not None and bool(job.wanted) and not job.settled

    @property
    def pipeline(self) -> Pipeline | None:
        """The file that runs now; None while idle, opening, or after a failure to open."""
        runner = self._runner
        return runner if isinstance(runner, Pipeline) else None

    @property
    def engine(self) -> LiveEngine | None:
        """What cares for the live sources that run now; None as for `pipeline`."""
        runner = self._runner
        return None if isinstance(runner, Pipeline) else runner

    @property
    def error(self) -> FakewatchError | None:
        """What the run of the only source broke off with, None if nothing did."""
        if self.pipeline is not None:
            return self.pipeline.error
        engine = self.engine
        sources = () if engine is None else engine.sources
        return sources[0].error if len(sources) == 1 else None

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """What was asked for last, in order; names are complete once it was opened."""
        return () if self._job is None else self._job.wanted

    @property
    def bridge(self) -> Bridge | None:
        """Where the results of the only, or of the first, source arrive."""
        return next(iter(self.bridges.values()), None)

    @property
    def bridges(self) -> dict[str, Bridge]:
        """Where results arrive, by source id."""
        return {} if self._job is None else self._job.bridges

    def view(self, source_id: str) -> SourceRunner | None:
        """What the engine knows of a live source; None as long as it knows nothing."""
        engine = self.engine
        sources = () if engine is None else engine.sources
        return next((view for view in sources if view.source_id == source_id), None)

    def open(self, wanted: Sequence[Wanted], config: Config | None = None) -> None:
        """Stop what runs and play this instead; the newest request wins.

        ``config`` replaces the settings for this request alone.
        """
        self._launch(tuple(wanted), self.adjust(config or self._config), self._start)

    def pause(self, *, on: bool) -> None:
        """Analyse nothing until told to go on, or until something else is opened.

        Live sources are let go and connected anew afterwards; see `LiveEngine.pause`.
        """
        self.paused = on
        runner = self._runner
        if isinstance(runner, LiveEngine):
            runner.pause(on=on)
        elif runner is not None and on:
            runner.pause()
        elif runner is not None:
            runner.resume()

    def challenge(self, source_id: str) -> ChallengeRun | None:
        """The challenge of that source, None if it is not opened."""
        return None if self._job is None else self._job.challenges.get(source_id)

    def stop(self) -> None:
        """Stop what runs; the model stays loaded. Returns at once."""
        self._launch((), self._config, lambda _job: None)

    def close(self) -> None:
        """Stop everything and wait for it, for two seconds at most."""
        job, self._job = self._job, None
        if job is not None:
            deadline = time.monotonic() + CLOSE_S
            job.abandon()
            job.end()
            job.thread.join(max(0.1, deadline - time.monotonic()))
            if job.thread.is_alive():
                log.error("opening a source did not stop in time")
                return
        self._model.close()

    @property
    def _runner(self) -> Pipeline | LiveEngine | None:
        job = self._job
        return job.runner if job is not None and job.settled and job.error is None else None

    def _launch(
        self, wanted: tuple[Wanted, ...], config: Config, start: Callable[[Job], None]
    ) -> None:
        before = self._job
        if before is not None:
            before.abandon()
        self.paused = False
        self._job = Job(wanted, config, before, start, self._done.emit)
        self._job.thread.start()

    def _start(self, job: Job) -> None:
        """Runs on the thread of ``job``."""
        job.wanted = tuple(_taken_apart(one) for one in job.wanted)
        scorer = self._model.load(job.config.scorer)
        only = job.wanted[0].source if len(job.wanted) == 1 else None
        if isinstance(only, Address) and only.kind is SourceKind.FILE:
            bridge = job.bridges[job.wanted[0].source_id]
            bridge.recording.path = Path(only.target)
            job.prepare_challenge(job.wanted[0].source_id, self._extra_sinks)
            pipeline = Pipeline(
                FileSource(only.target, job.config.source),
                scorer,
                job.config,
                (bridge, *self._extra_sinks),
                paced=True,
                on_state=bridge.set_state,
            )
            job.run(pipeline)
            return
        metrics = Metrics() if job.config.metrics.address else None
        engine = LiveEngine(
            self._inputs(job),
            scorer,
            job.config,
            metrics=metrics,
            on_status=job.tell,
            on_error=lambda _source_id, error: self._trouble(redact(error)),
        )
        if metrics is not None:
            wanted = CUDA if job.config.scorer.device == "cuda" else None
            server = HealthServer(job.config.metrics.address, metrics, engine, provider=wanted)
            job.at_end(partial(server.stop, HEALTH_WAIT_S))
            server.start()
        job.run(engine)

    def _inputs(self, job: Job) -> list[LiveInput]:
        if self._live_sinks is None and self._extra_sinks and len(job.wanted) > 1:
            raise ConfigError(
                tr(
                    "Several sources cannot write into one output side by side; watch one of them,"
                    " or use `fakewatch analyze --config`."
                )
            )
        inputs = []
        for one in job.wanted:
            assert isinstance(one.source, Address)
            sinks, tap = self._extra_sinks, None
            if self._live_sinks is not None:
                clips = one.source.kind is SourceKind.STREAM
                sinks = tuple(self._live_sinks.open(one.source_id, clips=clips))
                tap = self._live_sinks.tap(one.source_id)
                job.at_end(partial(self._live_sinks.close_source, one.source_id))
            job.prepare_challenge(one.source_id, sinks)
            bridge = job.bridges[one.source_id]
            if one.source.kind is SourceKind.FILE:
                bridge.recording.path = Path(one.source.target)
            inputs.append(LiveInput(one.source_id, one.source, (bridge, *sinks), tap, paced=True))
        return inputs

    def _finish_opening(self, job: Job) -> None:
        # Let go of here, because Qt objects must be deleted on Qt's thread.
        job.before = None
        if job is not self._job:
            return
        job.settled = True
        if job.error is None and job.wanted:
            if not self._loaded:  # the libraries of the engine and the model
                leave_alone()
                self._loaded = True
            if self.paused:  # while it was being opened
                self.pause(on=True)
            self.opened.emit()
        elif job.error is not None:
            self.failed.emit(job.error)


def _as_it_is(config: Config) -> Config:
    return config


def _taken_apart(wanted: Wanted) -> Wanted:
    """With an address in place of a text; raises `ConfigError` if it makes no sense."""
    if isinstance(wanted.source, Address):
        return wanted
    address = parse(wanted.source)
    return dataclasses.replace(wanted, name=address.name, source=address)
