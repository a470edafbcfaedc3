"""Machine-readable results: JSON Lines, one object a line, each with ``type`` and ``schema``.

The format is described in ``docs/jsonl.md`` and kept stable: fields are added, never changed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from realtime.agreement import logistic
from realtime.errors import SinkError
from realtime.redact import MASK, redact
from realtime.sinks.lines import JsonlFile
from realtime.types import (
    VIEWS,
    Cue,
    Frame,
    FrameCounts,
    FrameResult,
    RunStart,
    RunSummary,
    Score,
    SourceStatus,
    TrackSummary,
)

__all__ = ["SCHEMA", "JsonlFile", "JsonlSink", "track_record"]

SCHEMA = "fakewatch/1"


class TrackNumbers:
    """A set of track ids that takes one bit for each: a run may last for months."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, track_id: int) -> None:
        """Note an id, from 0."""
        at, bit = divmod(track_id, 8)
        self._bits.extend(bytes(max(0, at + 1 - len(self._bits))))
        self._bits[at] |= 1 << bit

    def __contains__(self, track_id: int) -> bool:
        at, bit = divmod(track_id, 8)
        return at < len(self._bits) and bool(self._bits[at] >> bit & 1)

    def clear(self) -> None:
        """Forget all."""
        self._bits.clear()


class JsonlSink:
    """Writes the runs of one source to a file, a text stream or an output shared with others.

    Several sources that run at the same time have a sink each and one `JsonlFile` between them.
    The records of a frame are written at once. Existing files are replaced. ``clock`` is that of
    ``SourceStatus`` and ``wall`` the Unix time, both in seconds.

    Raises:
        SinkError: if the file cannot be opened or written.
        OutputClosed: if the reader of a pipe has gone away.
    """

    needs_pictures = False

    def __init__(
        self,
        target: Path | TextIO | JsonlFile,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._owned = not isinstance(target, JsonlFile)
        self._file = target if isinstance(target, JsonlFile) else JsonlFile(target)
        self._clock = clock
        self._wall = wall
        self._reported = TrackNumbers()
        self._source_id: str | None = None
        self._size: tuple[int, int] | None = None
        self._closed = False

    def start(self, start: RunStart) -> None:
        """Write ``run_start``."""
        self._reported.clear()
        self._source_id = redact(start.source_id)
        self._size = start.source.width, start.source.height
        self._write([self._start_record(start)])

    def write(self, result: FrameResult) -> None:
        """Write the tracks that ended, a new size, then one ``face`` for each face of the frame."""
        if self._source_id is None:
            self._source_id = redact(result.frame.source_id)
        records = self._track_records(result.ended)
        height, width = result.frame.image.shape[:2]
        before, self._size = self._size, (width, height)
        if before not in (None, self._size):
            place = _place(result.frame)
            records.append({"type": "picture", **place, "width": width, "height": height})
        records += [self._face_record(result, i) for i in range(len(result.faces))]
        self._write(records)

    def status(self, status: SourceStatus) -> None:
        """Write ``source_state``."""
        now = self._clock()
        retry_at = status.retry_at_mono
        self._write(
            [
                {
                    "type": "source_state",
                    "state": status.state.value,
                    "since": _iso(self._wall() - (now - status.since_mono)),
                    "epoch": status.epoch,
                    "attempt": status.attempt,
                    "retry_in_s": None if retry_at is None else _number(max(retry_at - now, 0), 3),
                    "code": None if status.code is None else redact(status.code),
                    "text": None if status.text is None else redact(status.text),
                }
            ]
        )

    def finish(self, summary: RunSummary) -> None:
        """Write what has not ended before, then ``run_end``."""
        records = self._track_records(t for t in summary.tracks if t.track_id not in self._reported)
        worst = summary.worst
        end = {
            "type": "run_end",
            "frames": _counts(summary.counts),
            "tracks": [track_record(track) for track in summary.tracks],
            "summary": None
            if worst is None
            else {"state": worst.state.value, "probability": _number(worst.probability)},
            "wall_s": _number(summary.wall_s, 3),
            "media_s": _number(summary.media_s, 3),
            "cues": [_cue(cue) for cue in summary.cues],
            "error": None if summary.error is None else redact(summary.error),
        }
        self._write([*records, end])

    def close(self) -> None:
        """Close the file; a stream or an output that was given is left open."""
        self._closed = True
        if self._owned:
            self._file.close()

    def _start_record(self, start: RunStart) -> dict[str, Any]:
        return {
            "type": "run_start",
            "source": redact(start.source.name),
            "live": start.source.live,
            "started_at": start.started_at,
            "version": start.version,
            "model": {
                "name": redact(start.model.name),
                "sha256": start.model.sha256,
                "provider": start.model.provider,
            },
            "config": _clean(start.config),
            "video": {
                "width": start.source.width,
                "height": start.source.height,
                "duration_s": _number(start.source.duration_s),
                "frame_rate": _number(start.source.frame_rate),
                "codec": redact(start.source.codec),
            },
        }

    def _face_record(self, result: FrameResult, i: int) -> dict[str, Any]:
        frame, faces = result.frame, result.faces
        track_id = int(faces.track_ids[i])
        verdict, score = result.verdicts[track_id], result.scores.get(track_id)
        return {
            "type": "face",
            **_place(frame),
            "wall": None if frame.wall_s is None else _iso(frame.wall_s),
            "wall_clock": None if frame.wall_clock is None else frame.wall_clock.value,
            "track": track_id,
            "box": [round(float(value), 1) for value in faces.boxes[i]],
            "score": None if score is None else _number(score.probability),
            "score_t": None if score is None else _number(score.time_s, 6),
            "views": None if score is None else _views(score),
            "probability": _number(verdict.probability),
            "evidence": _number(verdict.evidence),
            "state": verdict.state.value,
            "reasons": [redact(reason) for reason in verdict.reasons],
            "cues": [_cue(cue) for cue in result.cues.get(track_id, ())],
            "quality": faces.quality[i].as_dict(),
        }

    def _track_records(self, tracks: Iterable[TrackSummary]) -> list[dict[str, Any]]:
        records = []
        for track in tracks:
            self._reported.add(track.track_id)
            records.append({"type": "track_end", **track_record(track)})
        return records

    def _write(self, records: Sequence[Mapping[str, Any]]) -> None:
        if self._closed:
            raise SinkError("The output for JSON Lines is closed.")
        head = {"schema": SCHEMA, "source_id": self._source_id}
        self._file.write(
            json.dumps({**head, **record}, ensure_ascii=False, allow_nan=False)
            for record in records
        )


def _place(frame: Frame) -> dict[str, Any]:
    return {"t": _number(frame.time_s, 6), "epoch": frame.epoch, "frame": frame.index}


def _iso(unix_s: float) -> str:
    """A moment as ISO 8601 in UTC, to the millisecond."""
    try:
        moment = datetime.fromtimestamp(unix_s, timezone.utc)
    except (ValueError, OverflowError, OSError):  # a camera whose clock makes no sense
        moment = datetime.fromtimestamp(0, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def track_record(track: TrackSummary) -> dict[str, Any]:
    """A track as it stands in ``track_end`` and in ``run_end``."""
    return {
        "track": track.track_id,
        "epoch": track.epoch,
        "first_t": _number(track.first_s, 6),
        "last_t": _number(track.last_s, 6),
        "state": track.state.value,
        "probability": _number(track.probability),
        "assessable_s": _number(track.assessable_s, 3),
        "not_assessable": {o.value: _number(s, 3) for o, s in track.not_assessable.items()},
        "cues": [_cue(cue) for cue in track.cues],
    }


def _counts(counts: FrameCounts) -> dict[str, Any]:
    return {
        "captured": counts.captured,
        "analysed": counts.analysed,
        "dropped": {cause.value: count for cause, count in counts.dropped.items()},
    }


def _views(score: Score) -> dict[str, Any] | None:
    if not score.views:
        return None
    return {
        name: _number(logistic(log_odds)) for name, log_odds in zip(VIEWS, score.views, strict=True)
    }


def _cue(cue: Cue) -> dict[str, Any]:
    return {
        "name": cue.name,
        "value": _number(cue.value),
        "llr": _number(cue.llr),
        "confidence": _number(cue.confidence),
        "seconds": _number(cue.seconds, 3),
        "text": redact(cue.text),
        "details": {name: _number(value) for name, value in cue.details.items()},
    }


def _number(value: float | None, digits: int = 4) -> float | None:
    """Rounded; null for what JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _clean(value: object) -> object:
    """Settings without anything that looks like a credential."""
    if isinstance(value, Mapping):
        return {
            redact(key): MASK if item and _is_secret(key) else _clean(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else redact(value)


def _is_secret(key: object) -> bool:
    return MASK in redact(f"{key}=x")
