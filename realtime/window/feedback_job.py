"""What is done with feedback, on a thread that may wait for the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from realtime.errors import ConfigError
from realtime.feedback.build import on_person, on_span
from realtime.feedback.crops import crop_of
from realtime.feedback.export import Exported, export
from realtime.feedback.records import Consent, Crop, Feedback, Kept, Label
from realtime.feedback.store import FeedbackStore
from realtime.report.model import Run
from realtime.types import FrameResult
from realtime.window.recording import Recording
from realtime.window.translate import tr

BUSY_S: Final = 1.5
"""Closing the window waits for so long, and a little more."""
MAX_ROWS: Final = 2000
MAX_NOTE: Final = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """What the viewer says: of one person, or of everyone where ``track_id`` is None.

    ``span`` in seconds of the source, None for all of the person. ``newest`` is the picture
    that is shown, for a run in which no others were gathered.
    """

    recording: Recording
    label: Label
    track_id: int | None
    span: tuple[float, float] | None = None
    person: str = ""
    note: str = ""
    newest: FrameResult | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the list, ready to be shown."""

    id: int
    when: str
    label: Label
    person: str
    source: str
    track_id: int | None
    start_s: float
    end_s: float
    crops: int
    note: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest entries first, and how many there are."""

    rows: tuple[Row, ...] = ()
    count: int = 0


def keep(
    said: Said,
    path: Path,
    consent: Consent,
    *,
    keep_days: float,
    go_on: Callable[[int, int], bool],
) -> int:
    """Keep it; its number. ``go_on`` may end the reading of a large file, which then has no hash.

    Raises:
        ConfigError, SinkError: as `FeedbackStore`; and if nothing is known of the person any more.
    """
    run = said.recording.run(said.recording.file_facts(go_on))
    if run is None:
        raise ConfigError(tr("Nothing was seen yet; wait for a person and say it then."))
    feedback = _feedback(said, run, consent)
    with FeedbackStore(path, keep_days=keep_days or None, busy_s=BUSY_S) as store:
        return store.add(feedback, consent)


def unknown(track_id: int) -> str:
    """That nothing can be said of a person who was left out for graver ones."""
    return tr("Of person #{number} too little is known by now; choose somebody else.").format(
        number=track_id
    )


def listing(path: Path) -> Listing:
    """What is kept; makes no file where there is none. Raises `ConfigError`, `SinkError`."""
    if not path.exists():
        return Listing()
    with FeedbackStore(path, busy_s=BUSY_S) as store:
        entries = store.entries()
    newest = reversed(entries[-MAX_ROWS:])
    return Listing(tuple(_row(kept) for kept in newest), len(entries))


def delete(path: Path, ids: tuple[int, ...]) -> int:
    """Delete entries; how many there were. Raises `ConfigError`, `SinkError`."""
    return _change(path, lambda store: store.delete(*ids))


def delete_person(path: Path, person: str) -> int:
    """Delete everything of one person; how many entries that were. Raises as `delete`."""
    return _change(path, lambda store: store.delete_person(person))


def purge(path: Path, days: float) -> int:
    """Delete what is older than so many days; how many entries that were. Raises as `delete`."""
    return _change(path, lambda store: store.purge(days))


def export_to(path: Path, folder: Path) -> Exported:
    """As ``fakewatch feedback export`` does; raises `ConfigError`, `SinkError`."""
    if not path.exists():
        raise ConfigError(tr("No feedback is kept, so there is nothing to export."))
    with FeedbackStore(path, busy_s=BUSY_S) as store:
        return export(store, folder)


def _change(path: Path, what: Callable[[FeedbackStore], int]) -> int:
    if not path.exists():
        return 0
    with FeedbackStore(path, busy_s=BUSY_S) as store:
        return what(store)


def _feedback(said: Said, run: Run, consent: Consent) -> Feedback:
    if said.track_id is None:
        span = said.span or (0.0, run.seen_s)
        return on_span(run, said.label, span, person=said.person, note=said.note)
    if all(person.track_id != said.track_id for person in run.people):
        raise ConfigError(unknown(said.track_id))
    crops = _crops(said) if consent.crops else ()
    return on_person(
        run,
        said.track_id,
        said.label,
        span=said.span,
        crops=crops,
        person=said.person,
        note=said.note,
    )


def _crops(said: Said) -> tuple[Crop, ...]:
    assert said.track_id is not None
    gathered = said.recording.crops(said.track_id, said.span)
    if said.newest is None:
        return gathered
    time_s = said.recording.second(said.newest)
    newest = crop_of(said.newest, said.track_id, time_s)
    inside = said.span is None or said.span[0] <= time_s <= said.span[1]
    if newest is None or not inside or any(c.sha256 == newest.sha256 for c in gathered):
        return gathered
    return (*gathered, newest)


def _row(kept: Kept) -> Row:
    said = kept.feedback
    when = datetime.fromtimestamp(kept.created_s).strftime("%Y-%m-%d %H:%M")
    crops = len(said.crops) if kept.consent.crops else 0
    return Row(
        *(kept.id, when, said.label, said.person, said.source, said.track_id),
        *(said.start_s, said.end_s, crops, said.note),
    )
