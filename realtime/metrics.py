"""What a live run tells Prometheus: counts, durations and states, each with its source.

Frames are not counted here: captured, analysed and dropped are read from the one `FrameCounts` of
a source whenever somebody asks, so that the drop identity holds in every answer. Labels carry the
short name of a source and words from closed lists, never an address.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from realtime import __version__
from realtime.errors import SourceCode
from realtime.redact import redact
from realtime.types import (
    DropCause,
    FrameCounts,
    Load,
    ModelInfo,
    SourceState,
    SourceStatus,
    VerdictState,
)

AGE_BUCKETS: Final = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0)
"""Seconds; 0.5 is the bound on frame age."""
STAGE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32)
STAGES: Final = ("decode", "track", "analyse", "score")
OTHER: Final = "other"
"""Stands for every word that is not in its closed list."""
MAX_SOURCES: Final = 1024
"""Sources beyond so many have no metrics of their own."""
_LABEL_LENGTH: Final = 80


class SourceView(Protocol):
    """One source as the engine shows it; every attribute is read in one go and never waits."""

    @property
    def source_id(self) -> str:
        """A short name, unique in the run."""
        ...

    @property
    def status(self) -> SourceStatus:
        """What it is doing."""
        ...

    @property
    def counts(self) -> FrameCounts:
        """Its drop identity at this moment."""
        ...

    @property
    def tracks(self) -> int:
        """How many faces are followed now."""
        ...

    @property
    def load(self) -> Load:
        """How hard it is worked on."""
        ...

    @property
    def heartbeat_mono(self) -> float:
        """``time.monotonic()`` when its threads were last seen alive."""
        ...


class EngineView(Protocol):
    """What metrics and health need to see of an engine."""

    @property
    def sources(self) -> Sequence[SourceView]:
        """Every source of the run, those that have ended too."""
        ...

    @property
    def model(self) -> ModelInfo:
        """Which model really runs, and where."""
        ...


class Metrics:
    """The counters and histograms of one process, in a registry of their own.

    Every method may be called from any thread, takes microseconds and never raises for a value.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._engine: EngineView | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._series: dict[str, set[tuple[MetricWrapperBase, tuple[str, ...]]]] = {}
        self._unnamed = 0
        self._age = self._histogram(
            "frame_age_seconds", "From the capture of a frame to its result.", (), AGE_BUCKETS
        )
        self._stage = self._histogram(
            "stage_seconds", "Work on one frame in one stage.", ("stage",), STAGE_BUCKETS
        )
        self._reconnects = self._counter(
            "reconnects", "Connections that were lost or refused, by reason.", ("code",)
        )
        self._stalls = self._counter("stalls", "Times a connected source delivered nothing.")
        self._transitions = self._counter(
            "verdict_transitions", "Changes of the verdict on a face.", ("before", "after")
        )
        self._sink_drops = self._counter(
            "sink_dropped", "Results that an output was too slow to take."
        )
        self._batch = Histogram(
            "fakewatch_batch_size",
            "Faces scored at once.",
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Views(self))
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"fakewatch_{name}", text, ("source", *labels), registry=self.registry)

    def _histogram(
        self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]
    ) -> Histogram:
        names = ("source", *labels)
        return Histogram(f"fakewatch_{name}", text, names, buckets=buckets, registry=self.registry)

    def watch(self, engine: EngineView | None) -> None:
        """Read states and counts from this engine from now on; None lets go of it."""
        self._engine = engine

    def now(self) -> float:
        """The clock that heartbeats are compared with."""
        return self._clock()

    @property
    def engine(self) -> EngineView | None:
        """The engine that is watched."""
        return self._engine

    def observe_age(self, source_id: str, seconds: float) -> None:
        """One result came this long after its frame was captured."""
        labels = self._labels(self._age, source_id)
        if labels:
            self._age.labels(*labels).observe(seconds)

    def observe_stage(self, source_id: str, stage: str, seconds: float) -> None:
        """A stage (one of `STAGES`) has worked this long on one frame."""
        labels = self._labels(self._stage, source_id, stage if stage in STAGES else OTHER)
        if labels:
            self._stage.labels(*labels).observe(seconds)

    def observe_batch(self, faces: int) -> None:
        """So many faces were scored at once."""
        self._batch.observe(faces)

    def count_reconnect(self, source_id: str, code: str) -> None:
        """A connection was lost or refused; ``code`` is a `SourceCode` value."""
        known = code if code in _CODES else OTHER
        self._count(self._reconnects, source_id, (known,))

    def count_stall(self, source_id: str) -> None:
        """The watchdog found that no frame came for too long."""
        self._count(self._stalls, source_id)

    def count_transition(self, source_id: str, before: VerdictState, after: VerdictState) -> None:
        """The verdict on one face went from ``before`` to ``after``."""
        self._count(self._transitions, source_id, (before.value, after.value))

    def count_sink_drop(self, source_id: str, results: int = 1) -> None:
        """An output did not take ``results`` results in time."""
        self._count(self._sink_drops, source_id, amount=results)

    def forget(self, source_id: str) -> None:
        """Remove every series of a source that is no longer part of the run."""
        with self._lock:
            self._names.pop(source_id, None)
            series = self._series.pop(source_id, set())
        for metric, labels in series:
            # Another thread may have removed it in the meantime, which some versions refuse.
            try:
                metric.remove(*labels)
            except KeyError:
                continue

    def label(self, source_id: str) -> str | None:
        """What stands for a source in labels: free of credentials, short, the same each time.

        None if there are too many sources already.
        """
        with self._lock:
            name = self._names.get(source_id)
            if name is not None or len(self._names) >= MAX_SOURCES:
                return name
            name = self._names[source_id] = self._name(source_id)
        # From the beginning, so that the first stall is seen as an increase.
        for metric in (self._stalls, self._sink_drops):
            metric.labels(*self._labels(metric, source_id) or (name,))
        return name

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Everything for one scrape and its content type; ``accept`` as in the HTTP header."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _name(self, source_id: str) -> str:
        name = redact(source_id)
        taken = set(self._names.values())
        if "//" not in name and len(name) <= _LABEL_LENGTH and name and name not in taken:
            return name
        self._unnamed += 1
        return f"source {self._unnamed}"

    def _labels(
        self, metric: MetricWrapperBase, source_id: str, *others: str
    ) -> tuple[str, ...] | None:
        name = self.label(source_id)
        if name is None:
            return None
        labels = (name, *others)
        key = (metric, labels)
        # Looked up without the lock, as nearly always it is there.
        if key not in self._series.get(source_id, ()):
            with self._lock:
                self._series.setdefault(source_id, set()).add(key)
        return labels

    def _count(
        self, metric: Counter, source_id: str, others: tuple[str, ...] = (), amount: float = 1
    ) -> None:
        labels = self._labels(metric, source_id, *others)
        if labels and amount > 0:
            metric.labels(*labels).inc(amount)


_CODES: Final = frozenset(code.value for code in SourceCode)


class _Views(Collector):
    """Reads the engine when somebody asks, one source after another."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: without an engine there is nothing to name."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment; those of one source are from one snapshot of its counts."""
        build = GaugeMetricFamily(
            "fakewatch_build_info", "What runs.", labels=("version", "python")
        )
        build.add_metric((__version__, platform.python_version()), 1)
        yield build
        engine = self._metrics.engine
        if engine is None:
            return
        yield _model(engine.model)
        yield from self._sources(engine.sources)

    def _sources(self, sources: Sequence[SourceView]) -> Iterator[Metric]:
        total = GaugeMetricFamily("fakewatch_sources", "Sources of the run.", value=len(sources))
        captured, analysed = (
            CounterMetricFamily(f"fakewatch_frames_{name}", text, labels=("source",))
            for name, text in (
                ("captured", "Frames that left the source."),
                ("analysed", "Frames that became a result."),
            )
        )
        dropped = CounterMetricFamily(
            "fakewatch_frames_dropped", "Frames never analysed.", labels=("source", "cause")
        )
        flying = _gauge("frames_in_flight", "Frames between capture and result.")
        state = _gauge("source_state", "1 for what the source does, else 0.", "state")
        tracks = _gauge("tracks", "Faces followed now.")
        rate = _gauge("score_rate_hz", "Scores a second for each face.")
        reduced = _gauge("load_reduced", "1 if rates were lowered because the machine is too slow.")
        beat = _gauge("heartbeat_age_seconds", "Since the threads of the source were seen alive.")
        for source in sources:
            name = self._metrics.label(source.source_id)
            if name is None:
                continue
            counts, load, now = source.counts, source.load, source.status.state
            captured.add_metric((name,), counts.captured)
            analysed.add_metric((name,), counts.analysed)
            for cause in DropCause:
                dropped.add_metric((name, cause.value), counts.dropped.get(cause, 0))
            flying.add_metric((name,), counts.in_flight)
            for each in SourceState:
                state.add_metric((name, each.value), float(each is now))
            tracks.add_metric((name,), source.tracks)
            rate.add_metric((name,), load.score_rate_hz)
            reduced.add_metric((name,), float(load.reduced))
            beat.add_metric((name,), max(self._metrics.now() - source.heartbeat_mono, 0.0))
        yield from (total, captured, analysed, dropped, flying, state, tracks, rate, reduced, beat)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"fakewatch_{name}", text, labels=("source", *labels))


def _model(model: ModelInfo) -> Metric:
    info = GaugeMetricFamily(
        "fakewatch_model_info", "The model.", labels=("name", "provider", "sha256")
    )
    info.add_metric((redact(model.name), redact(model.provider), model.sha256), 1)
    return info
