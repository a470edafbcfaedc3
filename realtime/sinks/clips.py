"""Keeps a clip of what led to an alert, cut from the stream as it came."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from realtime.config import EvidenceConfig
from realtime.errors import SinkError
from realtime.evidence import KEEP_S, Clip, EvidenceRing
from realtime.redact import redact
from realtime.types import FrameResult, RunStart, RunSummary, VerdictState

MAX_SAME_NAME: Final = 100
MEGABYTE: Final = 1_000_000

log = logging.getLogger(__name__)


class ClipSink:
    """Saves a clip when a track of its source first reaches the state that is an alert.

    ``ring`` must be the tap of the same source; it is closed with the sink. A clip begins
    ``before_s`` before the alert and ends ``after_s`` after it; two begin at least ``min_gap_s``
    apart, and a track that waited for that still gets its own if it is an alert then. Files are
    called by source, time (UTC) and track, and none is ever written over.
    """

    needs_pictures = False

    def __init__(
        self,
        ring: EvidenceRing,
        config: EvidenceConfig,
        source_id: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `SinkError` if the folder cannot be made or written."""
        self._ring = ring
        self._config = config
        self._clock = clock
        self._rank = VerdictState(config.on).rank
        self._folder = Path(config.folder)
        self._stem = re.sub(r"[^A-Za-z0-9_.\-]+", "_", redact(source_id)).strip(".") or "source"
        self._clips: list[Clip] = []
        self._saved: set[tuple[int, int]] = set()
        self._last: float | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
            reason = getattr(exc, "strerror", None) or type(exc).__name__
            raise SinkError(
                f"Cannot make the folder {redact(self._folder)} for clips: {reason}; name another"
                " one."
            ) from None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The clips of this run, in order."""
        return tuple(clip.path for clip in self._clips)

    def start(self, start: RunStart) -> None:  # noqa: ARG002 - nothing is written before an alert
        """A run begins."""
        self._clips.clear()
        self._saved.clear()

    def write(self, result: FrameResult) -> None:
        """Look for an alert; raises `SinkError` if a clip could not be written."""
        self._check()
        for track_id, verdict in result.verdicts.items():
            track = (result.frame.epoch, track_id)
            if verdict.state.rank >= self._rank and track not in self._saved and self._may():
                self._saved.add(track)
                self._save(result, track_id)

    def finish(self, summary: RunSummary) -> None:  # noqa: ARG002 - the clips say it all
        """End all clips with what they have; raises `SinkError` if one could not be written."""
        self._ring.finish()
        self._check()

    def close(self) -> None:
        """Complete the clips and close the ring; may be called again."""
        self._ring.close()

    def _may(self) -> bool:
        return self._last is None or self._clock() - self._last >= self._config.min_gap_s

    def _save(self, result: FrameResult, track_id: int) -> None:
        self._last = self._clock()
        frame = result.frame
        wall_s = time.time() if frame.wall_s is None else frame.wall_s
        when = datetime.fromtimestamp(wall_s, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        stem = f"{self._stem}_{when}_track{track_id}"
        for number in range(1, MAX_SAME_NAME):
            name = f"{stem}{'' if number == 1 else f'-{number}'}{self._ring.suffix}"
            path = self._folder / name
            if not path.exists():
                break
        config = self._config
        clip = self._ring.save(path, config.before_s, config.after_s, frame.captured_mono)
        if clip is None:
            log.warning("Of an alert on %s no clip is held.", self._stem)
        else:
            self._clips.append(clip)

    def _check(self) -> None:
        for clip in self._clips:
            if clip.error is not None:
                raise clip.error


def evidence_for(config: EvidenceConfig, source_id: str) -> tuple[EvidenceRing, ClipSink]:
    """The ring (a `PacketTap`) and the sink of one source; raises `SinkError` as `ClipSink`."""
    keep_s = max(KEEP_S, config.before_s)
    ring = EvidenceRing(source_id, keep_s=keep_s, max_bytes=round(config.max_megabytes * MEGABYTE))
    return ring, ClipSink(ring, config, source_id)
