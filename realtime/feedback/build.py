"""Feedback from what was gathered of a run: a person, or everyone in a span of time."""

from __future__ import annotations

from typing import TypedDict

from realtime.feedback.records import Crop, Feedback, Label
from realtime.report.model import Run


def on_person(
    run: Run,
    track_id: int,
    label: Label,
    *,
    span: tuple[float, float] | None = None,
    crops: tuple[Crop, ...] = (),
    person: str = "",
    note: str = "",
) -> Feedback:
    """``label`` said of one track, in all or from ``span[0]`` to ``span[1]`` seconds.

    Scores are those within the span; verdict, reasons and cues are those of the whole track.

    Raises:
        ValueError: if the run has no such track, or the span is none.
    """
    found = next((p for p in run.people if p.track_id == track_id), None)
    if found is None:
        raise ValueError(f"the run has no person {track_id}")
    first, last = span or (found.first_s, found.last_s)
    return Feedback(
        label=label,
        **_source(run),
        start_s=first,
        end_s=last,
        track_id=track_id,
        person=person,
        state=found.state,
        probability=found.probability,
        reasons=found.reasons,
        scores=tuple(pair for pair in found.scores if first <= pair[0] <= last),
        cues=tuple(facts.cue for facts in found.cues),
        crops=crops,
        note=note,
    )


def on_span(
    run: Run, label: Label, span: tuple[float, float], *, person: str = "", note: str = ""
) -> Feedback:
    """``label`` said of everyone who is seen from ``span[0]`` to ``span[1]`` seconds.

    Raises:
        ValueError: if the span is none.
    """
    return Feedback(
        label=label,
        **_source(run),
        start_s=span[0],
        end_s=span[1],
        person=person,
        cues=tuple(facts.cue for facts in run.source_cues),
        note=note,
    )


class _Source(TypedDict):
    source: str
    source_sha256: str
    model_name: str
    model_sha256: str
    version: str


def _source(run: Run) -> _Source:
    model = run.start.model
    return _Source(
        source=run.start.source.name,
        source_sha256="" if run.file is None else run.file.sha256,
        model_name=model.name,
        model_sha256=model.sha256,
        version=run.start.version,
    )
