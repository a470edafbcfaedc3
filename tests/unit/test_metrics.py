"""What Prometheus is told, read back with its own parser."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families

from realtime import __version__
from realtime.metrics import MAX_SOURCES, Metrics
from realtime.types import DropCause, FrameCounts, SourceState, VerdictState
from tests.odd_credentials import ODD, leaks
from tests.unit.engine_views import Engine, View

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "docs" / "grafana" / "fakewatch.json"
DOCUMENT = ROOT / "docs" / "metrics.md"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(metrics: Metrics) -> Samples:
    """Every sample by its name and labels."""
    text = metrics.exposition()[0].decode()
    return {
        (sample.name.removeprefix("fakewatch_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels.items())))


def busy(*names: str) -> Metrics:
    """Metrics with something in every series."""
    metrics = Metrics()
    metrics.watch(Engine(tuple(View(name) for name in names)))
    metrics.observe_batch(3)
    for name in names:
        metrics.observe_age(name, 0.3)
        for stage in ("decode", "track", "analyse", "score"):
            metrics.observe_stage(name, stage, 0.012)
        metrics.count_reconnect(name, "timeout")
        metrics.count_stall(name)
        metrics.count_transition(name, VerdictState.UNCERTAIN, VerdictState.STRONG)
        metrics.count_sink_drop(name, 3)
    return metrics


def test_values() -> None:
    metrics = busy("door")
    assert value(metrics, "frame_age_seconds_bucket", source="door", le="0.2") == 0
    assert value(metrics, "frame_age_seconds_bucket", source="door", le="0.5") == 1
    assert value(metrics, "frame_age_seconds_sum", source="door") == 0.3
    assert value(metrics, "stage_seconds_sum", source="door", stage="track") == 0.012
    assert value(metrics, "reconnects_total", source="door", code="timeout") == 1
    assert value(metrics, "stalls_total", source="door") == 1
    changed = {"source": "door", "before": "uncertain", "after": "strong"}
    assert value(metrics, "verdict_transitions_total", **changed) == 1
    assert value(metrics, "sink_dropped_total", source="door") == 3
    assert value(metrics, "batch_size_bucket", le="2.0") == 0
    assert value(metrics, "batch_size_bucket", le="4.0") == 1
    assert value(metrics, "tracks", source="door") == 2
    assert value(metrics, "score_rate_hz", source="door") == 2
    assert value(metrics, "load_reduced", source="door") == 1
    assert value(metrics, "sources") == 1
    model = {"name": "detector", "provider": "CPU", "sha256": "ab" * 32}
    assert value(metrics, "model_info", **model) == 1
    builds = [dict(labels) for name, labels in read(metrics) if name == "build_info"]
    assert [build["version"] for build in builds] == [__version__]
    resident = value(metrics, "process_resident_memory_bytes")
    assert resident is not None
    assert resident > 1e6


def test_a_source_is_in_exactly_one_state() -> None:
    view = View("door")
    metrics = Metrics()
    metrics.watch(Engine((view,)))
    for now in SourceState:
        view.state = now
        states = {
            dict(labels)["state"]: v
            for (n, labels), v in read(metrics).items()
            if n == "source_state"
        }
        assert states == {state.value: float(state is now) for state in SourceState}


def test_frames_are_read_from_one_snapshot_while_they_change() -> None:
    class Moving(View):
        """Counts that are new each time they are looked at, and right each time."""

        looks = 0

        @property
        def counts(self) -> FrameCounts:
            self.looks += 1
            n = self.looks * 7
            return FrameCounts(10 * n, 6 * n, {DropCause.STALE: n, DropCause.SHUTDOWN: 2 * n})

        @counts.setter
        def counts(self, _: FrameCounts) -> None:
            """Set by the dataclass."""

    metrics = Metrics()
    metrics.watch(Engine((Moving("door"),)))
    captured = []
    for _ in range(3):
        samples = read(metrics)
        total = dict.fromkeys(("captured", "analysed", "dropped"), 0.0)
        for (name, _labels), number in samples.items():
            if (match := re.fullmatch(r"frames_(\w+)_total", name)) is not None:
                total[match[1]] += number
        flying = samples["frames_in_flight", frozenset({("source", "door")})]
        assert total["captured"] == total["analysed"] + total["dropped"] + flying
        captured.append(total["captured"])
    assert captured == sorted(set(captured))


def test_what_is_not_in_a_closed_list_is_other() -> None:
    metrics = Metrics()
    for i in range(100):
        metrics.count_reconnect("door", f"rtsp://u:kvq{i}@h")
        metrics.observe_stage("door", f"stage {i}", 0.1)
    assert value(metrics, "reconnects_total", source="door", code="other") == 100
    assert value(metrics, "stage_seconds_count", source="door", stage="other") == 100
    assert "kvq" not in metrics.exposition()[0].decode()


def test_no_label_is_an_address_or_shows_a_credential() -> None:
    metrics = busy(*(odd.url for odd in ODD))
    text = metrics.exposition()[0].decode()
    for odd in ODD:
        assert not leaks(text, odd)
    assert "rtsp" not in text
    assert metrics.label(ODD[0].url) != metrics.label(ODD[1].url)
    assert metrics.label("x" * 10_000) != metrics.label("x" * 10_001)


def test_there_are_only_so_many_sources() -> None:
    metrics = Metrics()
    for i in range(MAX_SOURCES + 50):
        metrics.count_stall(f"cam{i}")
    assert metrics.label(f"cam{MAX_SOURCES + 1}") is None
    metrics.watch(Engine((View(f"cam{MAX_SOURCES + 1}"),)))
    stalls = [name for name, _ in read(metrics) if name == "stalls_total"]
    assert len(stalls) == MAX_SOURCES
    metrics.forget("cam3")
    assert metrics.label("new") == "new"


def test_a_forgotten_source_leaves_nothing() -> None:
    metrics = busy("door", "hall")
    series = len(read(metrics))
    metrics.watch(Engine((View("hall"),)))
    metrics.forget("door")
    metrics.forget("door")
    metrics.forget("never seen")
    left = read(metrics)
    assert not [labels for _, labels in left if ("source", "door") in labels]
    assert any(("source", "hall") in labels for _, labels in left)
    metrics.watch(Engine((View("door"), View("hall"))))
    metrics.count_stall("door")
    assert value(metrics, "stalls_total", source="door") == 1
    assert len(read(metrics)) < series


def test_coming_and_going_sources_do_not_add_up() -> None:
    metrics = Metrics()
    sizes = set()
    for i in range(200):
        name = f"cam{i}"
        metrics.observe_age(name, 0.1)
        metrics.count_transition(name, VerdictState.UNCERTAIN, VerdictState.STRONG)
        metrics.forget(name)
        sizes.add(len(read(metrics)))
    assert len(sizes) == 1


def test_nothing_is_watched_any_more() -> None:
    metrics = busy("door")
    metrics.watch(None)
    assert value(metrics, "tracks", source="door") is None
    assert value(metrics, "stalls_total", source="door") == 1


def test_many_threads_count_exactly() -> None:
    metrics = Metrics()

    def work(name: str) -> None:
        for i in range(500):
            metrics.count_stall("all")
            metrics.observe_age(name, 0.1)
            if i % 50 == 0:
                metrics.exposition()

    threads = [threading.Thread(target=work, args=(f"cam{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "stalls_total", source="all") == 4000
    for i in range(8):
        assert value(metrics, "frame_age_seconds_count", source=f"cam{i}") == 500


def test_both_formats_of_prometheus_can_be_had() -> None:
    metrics = busy("door")
    accept = "application/openmetrics-text;version=1.0.0"
    body, content_type = metrics.exposition(accept)
    assert content_type.startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(body.decode())}
    assert "fakewatch_frames_captured" in names
    assert metrics.exposition()[1].startswith("text/plain")


def exposed() -> set[str]:
    names = {name for name, _ in read(busy("door"))}
    return {
        name if name.startswith("process_") else f"fakewatch_{name}"
        for name in names
        if not name.endswith("_created")
    }


def test_the_dashboard_asks_for_nothing_that_is_not_there() -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    words = {word for text in asked for word in re.findall(r"\b(?:fakewatch|process)_\w+", text)}
    assert len(asked) > 10
    assert words <= exposed()
    # All but the parts of histograms are on it.
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    shown = {re.sub(r"_(bucket|sum|count)$", "", word) for word in words}
    assert {name for name in families - shown if name.startswith("fakewatch_")} == set()
    panels = [panel["id"] for panel in board["panels"]]
    assert len(panels) == len(set(panels))


def test_the_document_names_every_metric() -> None:
    text = DOCUMENT.read_text("utf-8")
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    ours = {name for name in families if name.startswith("fakewatch_")}
    assert set(re.findall(r"^\| `(fakewatch_\w+)", text, re.MULTILINE)) == ours


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_lost_counts_nothing(amount: int) -> None:
    metrics = Metrics()
    metrics.count_sink_drop("door", amount)
    assert value(metrics, "sink_dropped_total", source="door") == 0
