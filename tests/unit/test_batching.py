"""One model for many sources: what is scored together, what comes back, and what if it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from realtime.batching import MAX_CROPS, BatchScorer, ScoringClient
from realtime.errors import FakewatchError, ModelError
from realtime.metrics import Metrics
from realtime.scorer import OnnxScorer
from realtime.types import Crop, Score
from realtime.views import score_crops
from tests.contract import onnx_models

SIZE = onnx_models.contract().input.size


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxScorer]:
    graph = onnx_models.linear(onnx_models.contract())
    scorer = OnnxScorer(onnx_models.save(graph, tmp_path_factory.mktemp("model")), device="cpu")
    yield scorer
    scorer.close()


class Held:
    """A real model that answers only while it is let; keeps the sizes of its batches."""

    def __init__(self, model: OnnxScorer) -> None:
        self.model = model
        self.contract = model.contract
        self.info = model.info
        self.go = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []
        self.error: Exception | None = None

    def score(self, crops: Sequence[Crop], time_s: float) -> list[Score | None]:
        self.batches.append(len(crops))
        self.entered.set()
        assert self.go.wait(20)
        if self.error is not None:
            raise self.error
        return self.model.score(crops, time_s)

    def close(self) -> None:
        pass


@contextmanager
def running(scorer: OnnxScorer | Held, metrics: Metrics | None = None) -> Iterator[BatchScorer]:
    batches = BatchScorer(scorer, metrics)
    batches.start()
    try:
        yield batches
    finally:
        assert batches.stop(5)


def crop(track_id: int, seed: int) -> Crop:
    pixels = np.random.default_rng(seed).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    pixels.setflags(write=False)
    return Crop(track_id, pixels, np.eye(2, 3, dtype=np.float32))


def answer_of(client: ScoringClient) -> list[Score]:
    assert client.settled(20)
    scores = client.collect()
    assert scores is not None
    assert client.collect() is None
    return scores


def test_scores_are_those_of_the_model_with_the_ids_and_the_time_they_were_asked_for(
    model: OnnxScorer,
) -> None:
    crops = [crop(7, 1), crop(3, 2), crop(9, 3)]
    expected = score_crops(model, crops, [3, 9], 12.5)
    with running(model) as batches:
        client = batches.client("a")
        assert client.collect() is None
        assert client.submit(crops, [3, 9], 12.5)
        scores = answer_of(client)
    assert [score.track_id for score in scores] == [7, 3, 9]
    for score, one in zip(scores, expected, strict=True):
        assert one is not None
        assert score.time_s == 12.5
        assert score.logit == pytest.approx(one.logit, abs=1e-5)
        assert score.views == pytest.approx(one.views, abs=1e-5)
        assert np.allclose(score.to_crop, one.to_crop)


def test_sources_share_a_batch_and_each_gets_its_own(model: OnnxScorer) -> None:
    held = Held(model)
    metrics = Metrics()
    with running(held, metrics) as batches:
        clients = [batches.client(f"s{i}") for i in range(5)]
        assert clients[0].submit([crop(1, 0)], [], 0.0)
        assert held.entered.wait(20)
        # While the model is at the first, all others come to wait, with the same track ids.
        for i, client in enumerate(clients[1:], start=1):
            assert client.submit([crop(1, i), crop(2, 10 + i)], [2], float(i))
        held.go.set()
        answers = [answer_of(client) for client in clients]
    assert held.batches == [1, 4 * (2 + 3)]
    for i, scores in enumerate(answers[1:], start=1):
        assert [(s.track_id, s.time_s, len(s.views)) for s in scores] == [
            (1, float(i), 0),
            (2, float(i), 3),
        ]
        expected = model.score([crop(1, i), crop(2, 10 + i)], 0.0)
        assert [s.logit for s in scores] == pytest.approx([e.logit for e in expected if e])
    assert metrics.registry.get_sample_value("fakewatch_batch_size_count") == 2
    assert metrics.registry.get_sample_value("fakewatch_batch_size_sum") == 9
    took = metrics.registry.get_sample_value(
        "fakewatch_stage_seconds_count", {"source": "s3", "stage": "score"}
    )
    assert took == 1


def test_a_source_has_one_request_outstanding(model: OnnxScorer) -> None:
    held = Held(model)
    with running(held) as batches:
        client = batches.client("a")
        assert client.submit([crop(1, 1)], [], 1.0)
        assert not client.ready
        assert not client.submit([crop(1, 2)], [], 2.0)
        assert not client.settled(0.0)
        assert client.collect() is None
        held.go.set()
        assert [score.time_s for score in answer_of(client)] == [1.0]
        assert client.ready
        assert client.answer_s > 0
        assert client.submit([], [], 3.0)
        assert client.ready
    assert held.batches == [1]


def test_a_batch_is_bounded_and_the_oldest_go_first(model: OnnxScorer) -> None:
    held = Held(model)
    with running(held) as batches:
        clients = [batches.client(f"s{i}") for i in range(7)]
        clients[0].submit([crop(1, 0)], [], 0.0)
        assert held.entered.wait(20)
        for client in clients[1:]:
            client.submit([crop(j, j) for j in range(12)], [], 0.0)
        held.go.set()
        for client in clients:
            answer_of(client)
    assert held.batches == [1, 24, 24, 24]
    assert max(held.batches) <= MAX_CROPS


def test_more_crops_than_a_batch_holds_are_scored_all_the_same(model: OnnxScorer) -> None:
    with running(model) as batches:
        client = batches.client("a")
        client.submit([crop(j, j) for j in range(MAX_CROPS + 5)], [], 0.0)
        assert len(answer_of(client)) == MAX_CROPS + 5


@pytest.mark.parametrize("bug", [False, True])
def test_a_model_that_breaks_is_told_once_and_to_everybody(model: OnnxScorer, bug: bool) -> None:
    held = Held(model)
    held.error = ZeroDivisionError("rtsp://u:secret@h") if bug else ModelError("The model broke.")
    held.go.set()
    told: list[FakewatchError] = []
    batches = BatchScorer(held, on_error=told.append)
    batches.start()
    client, other = batches.client("a"), batches.client("b")
    client.submit([crop(1, 1)], [], 0.0)
    deadline = time.monotonic() + 20
    while not told and time.monotonic() < deadline:
        time.sleep(0.001)
    for each in (client, other):
        assert not each.ready
        assert not each.submit([crop(1, 1)], [], 1.0)
        with pytest.raises(FakewatchError) as caught:
            each.collect()
        assert caught.value is told[0]
        assert "secret" not in str(caught.value)
    assert len(told) == 1
    assert batches.stop(5)


def test_it_stops_beside_a_model_that_hangs(
    model: OnnxScorer, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held(model)
    batches = BatchScorer(held)
    batches.start()
    client = batches.client("a")
    client.submit([crop(1, 1)], [], 0.0)
    assert held.entered.wait(20)
    begin = batches.heartbeat_mono
    time.sleep(0.02)
    assert batches.heartbeat_mono == begin
    assert not batches.stop(0.05)
    assert "left behind" in caplog.text
    held.go.set()
    assert batches.stop(5)


def test_a_model_that_gives_no_number_gives_no_score(tmp_path: Path) -> None:
    contract = onnx_models.contract()
    weights = np.full((1, contract.input.channels), np.nan, np.float32)
    graph = onnx_models.linear(contract, weights=weights)
    scorer = OnnxScorer(onnx_models.save(graph, tmp_path), device="cpu")
    with running(scorer) as batches:
        client = batches.client("a")
        client.submit([crop(1, 1)], [1], 0.0)
        assert answer_of(client) == []
    scorer.close()
