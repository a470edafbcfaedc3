"""Feedback as training can read it: a data folder as of `models.catalog`, and JSON Lines."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from realtime.errors import ConfigError, SinkError
from realtime.feedback.records import Kept, Label, cue_table, to_json
from realtime.feedback.store import FeedbackStore
from realtime.file_hash import sha256_of
from realtime.redact import redact

SCHEMA: Final = "fakewatch-feedback/1"


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was written, and what was left out because people contradict each other."""

    entries: int
    real_crops: int
    fake_crops: int
    clips: int
    contradicted: int


def export(store: FeedbackStore, folder: Path, media: Path | None = None) -> Exported:
    """Write everything into ``folder``, which must be new or empty.

    ``feedback.jsonl`` has every entry. Crops said to be real go to ``faces/PERSON/``, as the
    catalogue takes real faces; those said to be fake to ``forged/PERSON/``, since it takes
    forgeries as clips alone. Clips in ``media`` whose SHA-256 an entry names go to
    ``videos/real/feedback/`` or ``videos/fake/feedback/``. What was called both is left out of
    all of them.

    Raises:
        ConfigError: if ``folder`` is not empty, or ``media`` is no folder.
        SinkError: if something cannot be written.
    """
    if media is not None and not media.is_dir():
        raise ConfigError(f"There is no folder {redact(media)}; give one that holds the clips.")
    entries = store.entries(pictures=True)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{redact(folder)} is not empty; name a new folder.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = folder / "feedback.jsonl"
        lines.write_text("".join(f"{to_json(record(kept))}\n" for kept in entries), "utf-8")
        crops, lost = _crops(entries, folder)
        clips, lost_clips = _clips(entries, folder, media) if media is not None else (0, 0)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "no file can be called so"
        raise SinkError(
            f"Cannot export to {redact(folder)}: {redact(reason)}; name another folder."
        ) from None
    return Exported(len(entries), crops[Label.REAL], crops[Label.FAKE], clips, lost + lost_clips)


def record(kept: Kept) -> dict[str, Any]:
    """One entry as in ``feedback.jsonl``."""
    said = kept.feedback
    return {
        "schema": SCHEMA,
        "id": kept.id,
        "created": kept.created_s,
        "consent": {
            "scores": kept.consent.scores,
            "crops": kept.consent.crops,
            "given": kept.consent.given_s,
        },
        "label": said.label.value,
        "person": said.person,
        "folder": _folder(said.person),
        "source": said.source,
        "source_sha256": said.source_sha256,
        "track": said.track_id,
        "start_t": said.start_s,
        "end_t": said.end_s,
        "model": {"name": said.model_name, "sha256": said.model_sha256},
        "version": said.version,
        "state": None if said.state is None else said.state.value,
        "probability": said.probability,
        "reasons": list(said.reasons),
        "scores": [list(pair) for pair in said.scores],
        "cues": [cue_table(cue) for cue in said.cues],
        "crops": [
            {"t": c.time_s, "sha256": c.sha256, "width": c.width, "height": c.height}
            for c in said.crops
        ],
        "note": said.note,
    }


def _crops(entries: Iterable[Kept], folder: Path) -> tuple[dict[Label, int], int]:
    """Crops written by label, and how many were called both."""
    labels = _labels(
        (crop.sha256, kept.feedback.label)
        for kept in entries
        for crop in kept.feedback.crops
        if crop.png is not None
    )
    written = dict.fromkeys(Label, 0)
    done: set[str] = set()
    for kept in entries:
        said = kept.feedback
        where = folder / ("faces" if said.label is Label.REAL else "forged")
        for crop in said.crops:
            if crop.png is None or crop.sha256 in done or len(labels[crop.sha256]) > 1:
                continue
            done.add(crop.sha256)
            place = where / _folder(said.person)
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Hashed anew: what comes out of a database names no file.
            name = hashlib.sha256(crop.png).hexdigest()[:32]
            (place / f"{name}.png").write_bytes(crop.png)
            written[said.label] += 1
    return written, sum(len(found) > 1 for found in labels.values())


def _clips(entries: Iterable[Kept], folder: Path, media: Path) -> tuple[int, int]:
    """Clips copied, and how many were called both."""
    labels = _labels(
        (kept.feedback.source_sha256, kept.feedback.label)
        for kept in entries
        if kept.feedback.source_sha256
    )
    copied: set[str] = set()
    for path in _files(media, folder) if labels else ():
        sha256 = sha256_of(path)
        found = labels.get(sha256, set())
        if len(found) != 1 or sha256 in copied:
            continue
        copied.add(sha256)
        place = folder / "videos" / next(iter(found)).value / "feedback"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, place / f"{sha256[:32]}{path.suffix.lower()}")
    return len(copied), sum(len(found) > 1 for found in labels.values())


def _files(media: Path, folder: Path) -> Iterator[Path]:
    """Every regular file, those of the export itself excepted; links are not followed."""
    own = folder.resolve()
    for root, _, names in os.walk(media):
        if own in (Path(root).resolve(), *Path(root).resolve().parents):
            continue
        for path in sorted(Path(root) / name for name in names):
            if path.is_file() and not path.is_symlink():
                yield path


def _labels(pairs: Iterable[tuple[str, Label]]) -> Mapping[str, set[Label]]:
    found: dict[str, set[Label]] = {}
    for key, label in pairs:
        found.setdefault(key, set()).add(label)
    return found


def _folder(person: str) -> str:
    """A name that is safe whatever people call each other."""
    return hashlib.sha256(person.encode("utf-8", "backslashreplace")).hexdigest()[:16]
