"""What of a run a viewer wants in a report."""

from __future__ import annotations

from dataclasses import dataclass, replace

from realtime.report.model import Person, Run


@dataclass(frozen=True, slots=True)
class Choice:
    """``people``: the track ids that are wanted, None for everyone. ``faces``: pictures of them,
    with ``heat`` maps beside."""

    people: frozenset[int] | None = None
    faces: bool = False
    heat: bool = False


def narrowed(run: Run, choice: Choice) -> Run:
    """``run`` with nothing in it that was not chosen; it says how many people are not in it.

    Nor are the addresses of the other sources that were watched beside it.
    """
    settings = {name: value for name, value in run.start.config.items() if name != "sources"}
    chosen = [p for p in run.people if choice.people is None or p.track_id in choice.people]
    return replace(
        run,
        start=replace(run.start, config=settings),
        people=tuple(_without(person, choice) for person in chosen),
        faces_allowed=run.faces_allowed and choice.faces,
        not_chosen=run.not_chosen + len(run.people) - len(chosen),
    )


def _without(person: Person, choice: Choice) -> Person:
    if not choice.faces:
        return replace(person, shown=())
    if choice.heat:
        return person
    return replace(person, shown=tuple(replace(shown, heat=None) for shown in person.shown))
