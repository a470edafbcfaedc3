"""Machine-readable results: JSON Lines, one object a line, each with ``type`` and ``schema``.

The format is described in ``docs/jsonl.md`` and kept stable: fields are added, never changed.
"""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from realtime.agreement import logistic
from realtime.errors import OutputClosed, SinkError
from realtime.redact import redact
from realtime.types import (
    VIEWS,
    Cue,
    FrameCounts,
    FrameResult,
    RunStart,
    RunSummary,
    Score,
    TrackSummary,
)

SCHEMA = "fakewatch/1"


class JsonlSink:
    """Writes runs to a text stream or to a file, flushing after every frame.

    A file is opened at once, so that an output that cannot be written is known before the work
    begins. Existing files are replaced.

    Raises:
        SinkError: if the file cannot be opened or written.
        OutputClosed: if the reader of a pipe has gone away.
    """

    def __init__(self, target: Path | TextIO) -> None:
        self._owned = isinstance(target, Path)
        self._name = redact(target) if isinstance(target, Path) else "the standard output"
        self._reported: set[int] = set()
        self._stream: TextIO | None
        if isinstance(target, Path):
            try:
                self._stream = target.open("w", encoding="utf-8", newline="\n")
            except OSError as exc:
                raise SinkError(
                    f"Cannot write {self._name}: {exc.strerror}; name another output file."
                ) from None
        else:
            self._stream = target

    def start(self, start: RunStart) -> None:
        """Write ``run_start``."""
        self._reported.clear()
        self._write(
            {
                "type": "run_start",
                "source": redact(start.source.name),
                "started_at": start.started_at,
                "version": start.version,
                "model": {
                    "name": start.model.name,
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
        )
        self._flush()

    def write(self, result: FrameResult) -> None:
        """Write the tracks that ended, then one ``face`` for each face of the frame."""
        self._write_tracks(result.ended)
        faces = result.faces
        for i, track_id in enumerate(faces.track_ids.tolist()):
            verdict = result.verdicts[track_id]
            score = result.scores.get(track_id)
            self._write(
                {
                    "type": "face",
                    "t": _number(result.frame.time_s, 6),
                    "epoch": result.frame.epoch,
                    "frame": result.frame.index,
                    "track": track_id,
                    "box": [round(float(value), 1) for value in faces.boxes[i]],
                    "score": None if score is None else _number(score.probability),
                    "views": None if score is None else _views(score),
                    "probability": _number(verdict.probability),
                    "state": verdict.state.value,
                    "reasons": list(verdict.reasons),
                    "cues": [_cue(cue) for cue in result.cues.get(track_id, ())],
                    "quality": faces.quality[i].as_dict(),
                }
            )
        self._flush()

    def finish(self, summary: RunSummary) -> None:
        """Write what has not ended before, then ``run_end``."""
        self._write_tracks(t for t in summary.tracks if t.track_id not in self._reported)
        worst = summary.worst
        self._write(
            {
                "type": "run_end",
                "frames": _counts(summary.counts),
                "tracks": [track_record(track) for track in summary.tracks],
                "summary": None
                if worst is None
                else {"state": worst.state.value, "probability": _number(worst.probability)},
                "wall_s": _number(summary.wall_s, 3),
                "media_s": _number(summary.media_s, 3),
                "error": None if summary.error is None else redact(summary.error),
            }
        )
        self._flush()

    def close(self) -> None:
        """Close the file; a stream that was given is left open."""
        stream, self._stream = self._stream, None
        if stream is not None and self._owned:
            # Everything was flushed with its frame: what fails again here was told already.
            with suppress(OSError):
                stream.close()

    def _write_tracks(self, tracks: Iterable[TrackSummary]) -> None:
        for track in tracks:
            self._reported.add(track.track_id)
            self._write({"type": "track_end", **track_record(track)})

    def _write(self, record: Mapping[str, Any]) -> None:
        line = json.dumps({"schema": SCHEMA, **record}, ensure_ascii=False, allow_nan=False)
        self._guarded(lambda stream: stream.write(line + "\n"))

    def _flush(self) -> None:
        self._guarded(lambda stream: stream.flush())

    def _guarded(self, action: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            raise SinkError(f"The output {self._name} is closed.")
        try:
            action(self._stream)
        except OSError as exc:
            if isinstance(exc, BrokenPipeError) or exc.errno == errno.EPIPE:
                raise OutputClosed("The reader of the output has gone away.") from None
            raise SinkError(
                f"Cannot write {self._name} any more: {exc.strerror}; what was written is kept."
            ) from None


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
        "text": redact(cue.text),
    }


def _number(value: float | None, digits: int = 4) -> float | None:
    """Rounded; null for what JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _clean(value: object) -> object:
    """Settings without anything that looks like a credential."""
    if isinstance(value, Mapping):
        return {redact(key): _clean(item) for key, item in value.items()}
    return redact(value) if isinstance(value, str) else value
