"""One request to play something, carried out on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from realtime.challenge_run import ChallengeRun
from realtime.config import Config, ScorerConfig
from realtime.errors import FakewatchError
from realtime.live import LiveEngine
from realtime.logs import unexpected
from realtime.pipeline import Pipeline
from realtime.scorer import Scorer, load_scorer
from realtime.sinks.base import Sink
from realtime.sinks.challenge import ChallengeSink
from realtime.sources.address import Address
from realtime.types import SourceStatus
from realtime.window.bridge import Bridge

log = logging.getLogger(__name__)

STOP_WAIT_S = 1.1
"""How long closing waits for a run to end; sinks get half a second more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source to be played: an address, or a text that is still to be taken apart.

    ``name`` is free of credentials and the only part to be shown.
    """

    source_id: str
    name: str
    source: str | Address = field(repr=False)


class Model:
    """Loads the model once, for all runs after each other that want the same one."""

    def __init__(self) -> None:
        self._config: ScorerConfig | None = None
        self._scorer: Scorer | None = None

    def load(self, config: ScorerConfig) -> Scorer:
        """The scorer for these settings; no run may use an earlier one any more."""
        if self._scorer is None or config != self._config:
            self.close()
            self._scorer, self._config = load_scorer(config), config
        return self._scorer

    def close(self) -> None:
        """Let go of it."""
        scorer, self._scorer = self._scorer, None
        if scorer is not None:
            scorer.close()


class Job:
    """One request and the run that comes of it.

    The thread first ends the job before it, so that two never run at the same time.
    """

    def __init__(
        self,
        wanted: tuple[Wanted, ...],
        config: Config,
        before: Job | None,
        start: Callable[[Job], None],
        done: Callable[[Job], None],
    ) -> None:
        self.wanted = wanted
        self.config = config
        self.bridges = {one.source_id: Bridge(one.source_id) for one in wanted}
        self.challenges: dict[str, ChallengeRun] = {}
        self.runner: Pipeline | LiveEngine | None = None
        self.error: FakewatchError | None = None
        self.settled = False
        self.before = before
        self._start = start
        self._done = done
        self._lock = threading.Lock()
        self._abandoned = threading.Event()
        self._at_end: list[Callable[[], None]] = []
        self.thread = threading.Thread(target=self._open, name="fw-open", daemon=True)

    def abandon(self) -> None:
        """Nobody waits for it any more; returns at once."""
        with self._lock:
            self._abandoned.set()
        for bridge in self.bridges.values():
            bridge.close()

    def end(self) -> None:
        """Stop the run if there is one, an opening source included."""
        with self._lock:
            runner = self.runner
        if runner is not None:
            # What broke the run off was told when it happened.
            with suppress(FakewatchError):
                runner.stop(STOP_WAIT_S)
        with self._lock:
            todo, self._at_end = self._at_end, []
        for action in todo:
            action()

    def prepare_challenge(self, source_id: str, sinks: Sequence[Sink]) -> None:
        """Challenges of that source are carried out by one of its sinks, or by its bridge."""
        asking = next((sink for sink in sinks if isinstance(sink, ChallengeSink)), None)
        if asking is not None:
            self.challenges[source_id] = asking.run
        else:
            self.challenges[source_id] = ChallengeRun()
            self.bridges[source_id].challenge = self.challenges[source_id]

    def at_end(self, action: Callable[[], None]) -> None:
        """Call ``action`` when the run is over, or never came to be."""
        with self._lock:
            self._at_end.append(action)

    def run(self, runner: Pipeline | LiveEngine) -> None:
        """Start ``runner`` unless the job was abandoned, which may happen at any moment."""
        with self._lock:
            if self._abandoned.is_set():
                return
            self.runner = runner
        runner.start()
        if self._abandoned.is_set():
            self.end()

    def tell(self, status: SourceStatus) -> None:
        """A live source does something else now; called from the engine's threads."""
        bridge = self.bridges.get(status.source_id)
        if bridge is not None:
            bridge.set_state(status.state)

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
