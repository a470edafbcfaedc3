"""What is given to each source of a live run: by whoever asks for it, and by the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.sinks.base import Sink
from realtime.sources.address import Address
from realtime.sources.base import FrameSource
from realtime.stage import Tools
from realtime.workers import WorkerPool

if TYPE_CHECKING:
    from realtime.sources.tap import PacketTap


@dataclass(frozen=True, slots=True, eq=False)
class LiveInput:
    """A source of a live run and where its results go.

    The sinks belong to this source alone and are closed by whoever made them, after the run.
    ``tap`` receives the encoded packets where the kind of source has any. ``paced`` plays a file
    at the pace of its time stamps.
    """

    source_id: str
    address: Address
    sinks: tuple[Sink, ...] = ()
    tap: PacketTap | None = None
    paced: bool = False

    def same_source(self, other: LiveInput) -> bool:
        """Whether both are the same source, whatever becomes of its results."""
        return (self.source_id, self.address, self.paced) == (
            other.source_id,
            other.address,
            other.paced,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What an engine gives to each of its sources.

    ``on_error`` hears, with the name of the source, that a sink of it can no longer be written.
    """

    tools: Tools
    pool: WorkerPool
    opener: Callable[[LiveInput, Config], FrameSource]
    wake: Callable[[], None]
    on_error: Callable[[str, FakewatchError], None]
