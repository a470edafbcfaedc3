"""An engine as metrics and health see it, whose parts a test can move."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from realtime.types import (
    DropCause,
    FrameCounts,
    Load,
    ModelInfo,
    SourceState,
    SourceStatus,
)

MODEL = ModelInfo("detector", "ab" * 32, "CPU")


@dataclass
class View:
    """One source."""

    source_id: str
    state: SourceState = SourceState.LIVE
    counts: FrameCounts = field(
        default_factory=lambda: FrameCounts(10, 6, {DropCause.STALE: 2, DropCause.SUPERSEDED: 1})
    )
    tracks: int = 2
    load: Load = field(default_factory=lambda: Load(2.0, None, reduced=True))
    heartbeat_mono: float = field(default_factory=time.monotonic)

    @property
    def status(self) -> SourceStatus:
        return SourceStatus(self.source_id, self.state, 0.0)


@dataclass
class Engine:
    """Sources and a model."""

    sources: tuple[View, ...]
    model: ModelInfo = MODEL
    heartbeats: dict[str, float] = field(default_factory=dict)
