"""Opens sources and plays them, one at a time, without ever making Qt's thread wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from qtpy.QtCore import QObject, Signal

from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.logs import unexpected
from realtime.pipeline import Pipeline
from realtime.scorer import Scorer, load_scorer
from realtime.sinks.base import Sink
from realtime.sources import open_source
from realtime.window.bridge import Bridge

log = logging.getLogger(__name__)

STOP_WAIT_S = 1.2
JOIN_WAIT_S = 0.7
"""Together: closing must not take longer than two seconds, whatever a source is doing."""


class Player(QObject):
    """The pipeline behind the window. All methods are for Qt's thread and return at once,
    `close` excepted.

    ``opened``: the source that was asked for last is running, and ``pipeline`` and ``bridge``
    are its own. ``failed``: it could not be opened; a `FakewatchError` says why.
    """

    opened = Signal()
    failed = Signal(object)
    _done = Signal(object)

    def __init__(self, config: Config, extra_sinks: Sequence[Sink] = ()) -> None:
        super().__init__()
        self._config = config
        self._extra_sinks = tuple(extra_sinks)
        self._model = _Model(config)
        self._job: _Job | None = None
        self._done.connect(self._finish_opening)

    @property
    def opening(self) -> bool:
        """Whether a source was asked for and neither runs nor failed yet."""
        return self._job is not None and not self._job.settled

    @property
    def pipeline(self) -> Pipeline | None:
        """What runs now; None while idle, opening, or after a failure to open."""
        job = self._job
        return job.pipeline if job is not None and job.settled and job.error is None else None

    @property
    def bridge(self) -> Bridge | None:
        """Where the results of the pipeline arrive."""
        return self._job.bridge if self._job is not None else None

    def open(self, text: str) -> None:
        """Stop what runs and play ``text`` instead; the newest request wins."""
        before = self._job
        if before is not None:
            before.abandon()
        self._job = _Job(text, before, self._start, self._done.emit)
        self._job.thread.start()

    def close(self) -> None:
        """Stop everything and wait for it, for two seconds at most."""
        job, self._job = self._job, None
        if job is not None:
            job.abandon()
            job.end()
            job.thread.join(JOIN_WAIT_S)
            if job.thread.is_alive():
                log.error("opening a source did not stop in time")
                return
        self._model.close()

    def _start(self, job: _Job) -> None:
        """Runs on the thread of ``job``."""
        scorer = self._model.load()
        pipeline = Pipeline(
            open_source(job.text, self._config.source),
            scorer,
            self._config,
            (job.bridge, *self._extra_sinks),
            paced=True,
            on_state=job.bridge.set_state,
        )
        job.run(pipeline)

    def _finish_opening(self, job: _Job) -> None:
        # Let go of here, because Qt objects must be deleted on Qt's thread.
        job.before = None
        if job is not self._job:
            return
        job.settled = True
        if job.error is None:
            self.opened.emit()
        else:
            self.failed.emit(job.error)


class _Model:
    """Loads the model once, for all sources after each other."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._scorer: Scorer | None = None

    def load(self) -> Scorer:
        if self._scorer is None:
            self._scorer = load_scorer(self._config.scorer)
        return self._scorer

    def close(self) -> None:
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None


class _Job:
    """One request to open a source, on a thread of its own, and the pipeline that comes of it.

    The thread first ends the job before it, so that two never run at the same time.
    """

    def __init__(
        self,
        text: str,
        before: _Job | None,
        start: Callable[[_Job], None],
        done: Callable[[_Job], None],
    ) -> None:
        self.text = text
        self.bridge = Bridge()
        self.pipeline: Pipeline | None = None
        self.error: FakewatchError | None = None
        self.settled = False
        self.before = before
        self._start = start
        self._done = done
        self._lock = threading.Lock()
        self._abandoned = threading.Event()
        self.thread = threading.Thread(target=self._open, name="fw-open", daemon=True)

    def abandon(self) -> None:
        """Nobody waits for it any more; returns at once."""
        with self._lock:
            self._abandoned.set()
        self.bridge.close()

    def end(self) -> None:
        """Stop the pipeline if there is one, an opening source included."""
        with self._lock:
            pipeline = self.pipeline
        if pipeline is not None:
            # What broke the run off was told when it happened.
            with suppress(FakewatchError):
                pipeline.stop(STOP_WAIT_S)

    def run(self, pipeline: Pipeline) -> None:
        """Start ``pipeline`` unless the job was abandoned, which may happen at any moment."""
        with self._lock:
            if self._abandoned.is_set():
                return
            self.pipeline = pipeline
        pipeline.start()
        if self._abandoned.is_set():
            self.end()

    def _open(self) -> None:
        try:
            if self.before is not None:
                self.before.end()
                self.before.thread.join()
            if not self._abandoned.is_set():
                self._start(self)
        except FakewatchError as exc:
            self.error = exc
        except Exception as exc:
            log.exception("unexpected error while opening")
            self.error = unexpected(exc)
        self._done(self)
