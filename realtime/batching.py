"""One scorer for many live sources: whatever waits is scored together, on one thread.

A source has at most one request outstanding, so that none can crowd out another, and a slow model
makes scores rarer but never lets them pile up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from realtime.contract import ModelContract
from realtime.errors import FakewatchError
from realtime.logs import unexpected
from realtime.scorer import Scorer
from realtime.types import Crop, Score
from realtime.views import score_crops

if TYPE_CHECKING:
    from realtime.metrics import Metrics

log = logging.getLogger(__name__)

GATHER_S: Final = 0.01
"""How long a request may wait for those of other sources; alone it waits for nobody."""
MAX_CROPS: Final = 32
"""Crops, their changed copies not counted, that are scored in one go."""


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    client: ScoringClient
    crops: Sequence[Crop]
    viewed: Collection[int]
    time_s: float
    asked_mono: float


class ScoringClient:
    """What one source asks the shared scorer through; for one thread at a time."""

    def __init__(self, owner: BatchScorer, source_id: str) -> None:
        self._owner = owner
        self.source_id = source_id
        self._free = threading.Event()
        self._free.set()
        self._answer: list[Score] | None = None
        self._answer_s = 0.0

    @property
    def contract(self) -> ModelContract:
        """How crops must be cut."""
        return self._owner.scorer.contract

    @property
    def ready(self) -> bool:
        """Whether a request would be taken now."""
        return self._free.is_set() and self._owner.error is None

    def settled(self, timeout_s: float) -> bool:
        """Whether nothing is outstanding, waiting at most ``timeout_s``; for any thread."""
        return self._free.wait(timeout_s)

    @property
    def answer_s(self) -> float:
        """How long the newest answer took, in seconds; 0 before the first."""
        return self._answer_s

    def submit(self, crops: Sequence[Crop], viewed: Collection[int], time_s: float) -> bool:
        """Ask for scores of crops cut at ``time_s``, with views of those in ``viewed``.

        Returns at once: False, with nothing asked, while the earlier request is outstanding.
        """
        if not self.ready:
            return False
        if crops:
            self._free.clear()
            self._owner.ask(_Request(self, crops, viewed, time_s, time.monotonic()))
        return True

    def collect(self) -> list[Score] | None:
        """The answer, each score with the ``time_s`` it was asked for; None if none has come.

        Raises:
            ModelError: if the model has failed.
        """
        if self._owner.error is not None:
            raise self._owner.error
        answer, self._answer = self._answer, None
        return answer

    def deliver(self, scores: list[Score], seconds: float) -> None:
        """Called by the owner's thread with the answer to the outstanding request."""
        self._answer = scores
        self._answer_s = seconds
        # Last: from here on the client's thread may ask again.
        self._free.set()


class BatchScorer:
    """Scores for all sources on one thread, ``fw-score``.

    ``on_error`` is called once, on that thread, with the first error of the model; after that
    every client raises it. The scorer itself belongs to whoever made it.
    """

    def __init__(
        self,
        scorer: Scorer,
        metrics: Metrics | None = None,
        *,
        on_error: Callable[[FakewatchError], None] | None = None,
    ) -> None:
        self.scorer = scorer
        self.error: FakewatchError | None = None
        self._metrics = metrics
        self._on_error = on_error
        self._clients: dict[str, ScoringClient] = {}
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="fw-score", daemon=True)

    @property
    def heartbeat_mono(self) -> float:
        """``time.monotonic()`` when the model was last known not to be stuck."""
        busy = self._busy_since
        return time.monotonic() if busy is None else busy

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def client(self, source_id: str) -> ScoringClient:
        """A new client for a source, in the place of an earlier one of the same name."""
        with self._changed:
            self._clients[source_id] = client = ScoringClient(self, source_id)
        return client

    def release(self, client: ScoringClient) -> None:
        """This client asks no more: nobody waits for it from now on."""
        with self._changed:
            if self._clients.get(client.source_id) is client:
                del self._clients[client.source_id]

    def ask(self, request: _Request) -> None:
        """Queue a request; for `ScoringClient`."""
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """End the thread after the batch it is at; False if it did not end in time."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                log.error("the model did not answer in time; its thread is left behind")
                return False
        return True

    def _work(self) -> None:
        try:
            while batch := self._next_batch():
                self._busy_since = time.monotonic()
                self._score(batch)
                self._busy_since = None
        except FakewatchError as exc:
            self._fail(exc)
        except Exception as exc:
            log.exception("unexpected error")
            self._fail(unexpected(exc))

    def _fail(self, error: FakewatchError) -> None:
        self.error, self._busy_since = error, None
        if self._on_error is not None:
            self._on_error(error)

    def _next_batch(self) -> list[_Request]:
        """The oldest requests, empty once stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            if self._stopped:
                return []
            # Every source that has not asked yet may do so in a moment.
            until = self._waiting[0].asked_mono + GATHER_S
            self._changed.wait_for(
                lambda: self._stopped or len(self._waiting) >= len(self._clients),
                max(0.0, until - time.monotonic()),
            )
            batch: list[_Request] = []
            crops = 0
            while self._waiting and not (batch and crops + len(self._waiting[0].crops) > MAX_CROPS):
                batch.append(self._waiting.popleft())
                crops += len(batch[-1].crops)
            return batch

    def _score(self, batch: Sequence[_Request]) -> None:
        # Track ids are unique in one source only, so crops are numbered anew for the batch.
        crops: list[Crop] = []
        viewed: list[int] = []
        for request in batch:
            for crop in request.crops:
                if crop.track_id in request.viewed:
                    viewed.append(len(crops))
                crops.append(replace(crop, track_id=len(crops)))
        begin = time.monotonic()
        scores = score_crops(self.scorer, crops, viewed, batch[0].time_s)
        end = time.monotonic()
        if self._metrics is not None:
            self._metrics.observe_batch(len(crops))
        at = 0
        for request in batch:
            own = scores[at : at + len(request.crops)]
            at += len(own)
            answer = [
                replace(score, track_id=crop.track_id, time_s=request.time_s)
                for crop, score in zip(request.crops, own, strict=True)
                if score is not None
            ]
            if self._metrics is not None:
                self._metrics.observe_stage(request.client.source_id, "score", end - begin)
            request.client.deliver(answer, end - request.asked_mono)
