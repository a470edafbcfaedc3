"""The report as PDF: the same facts and shapes as the page, on A4.

Text is set in DejaVu Sans, as on the pictures, shaped and in the direction of its script; a
character that the font lacks is written as its number, so that two names never look the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final

from realtime.report import plots, words
from realtime.report.flow import MARGIN, SMALL, Flow
from realtime.report.model import CHUNK, CueFacts, Person, Run, Shown
from realtime.types import VerdictState

_PICTURE: Final = 110.0
_WIDE: Final = 150.0


def pdf(runs: Sequence[Run], step: Callable[[float], None] | None = None) -> bytes:
    """PDF of some runs, in order; raises `SinkError` if the font is missing.

    ``step`` hears with each person which share is done, and may raise to break it off.
    """
    page = _Page()
    page.count(step, sum(len(run.people) + 1 for run in runs))
    try:
        page.overview(runs)
        for run in runs:
            page.run(run)
        return bytes(page.output())
    finally:
        page.close_fonts()


class _Page(Flow):
    """What stands in a report."""

    def count(self, step: Callable[[float], None] | None, whole: int) -> None:
        """Tell ``step`` of each of so many parts."""
        self._tell, self._whole, self._done = step, whole, 0

    def _step(self) -> None:
        if self._tell is not None:
            # The font is embedded at the end, which takes its time.
            self._tell(0.8 * self._done / self._whole)
        self._done += 1

    def overview(self, runs: Sequence[Run]) -> None:
        """What stands before the first run."""
        one = len(runs) == 1
        name = words.shown_name(runs[0]) if one else f"{len(runs)} sources"
        self.say(f"Report on {name}", size=16, bold=True)
        version = f" {runs[0].start.version}, {runs[0].start.started_at}" if runs else ""
        self.say(
            "How strong the evidence is, face by face, that this is a deepfake. "
            f"Made by fakewatch{version}.",
            colour=plots.PALE,
        )
        if not runs:
            self.say("No source could be analysed, so there is nothing to report.", bold=True)
        if len(runs) > 1:
            rows = [
                (
                    words.shown_name(run),
                    run.people[0].state.words if run.people else "no face found",
                    str(len(run.people)),
                )
                for run in runs
            ]
            self.rows(("Source", "Gravest verdict", "People"), rows, (6, 3, 1))
        self.heading("What this report does not say", 10)
        self.items(words.LIMITS)

    def run(self, run: Run) -> None:
        """Everything of one source."""
        self._step()
        self.heading(words.shown_name(run), 13, above=16)
        self.say(words.headline(run), size=10.5, bold=True)
        for line in words.warnings(run):
            self.say(f"Note: {line}", bold=True)
        if run.people:
            self._people(run)
        if run.source_cues:
            self.heading("Noticed of the source as a whole", 10.5)
            self.say("No face is suspected for this.", colour=plots.PALE)
            self._cues(run.source_cues)
        for person in run.people:
            self._person(person, run)
        self.heading("Source", 10.5)
        self.pairs(words.source_facts(run))
        self.heading("Model", 10.5)
        self.pairs(words.model_facts(run))
        self.items(words.held_out(run))
        self.heading("Every picture accounted for", 10.5)
        self.pairs(words.frame_facts(run))
        self.heading("How the numbers were measured", 10.5)
        self.items(words.how_measured(run))
        self.heading("Settings in force", 10.5)
        lines = words.settings(run.start.config)
        half = (len(lines) + 1) // 2
        self.rows((), list(zip(lines[:half], [*lines[half:], ""], strict=False)), (1, 1))

    def _people(self, run: Run) -> None:
        self.heading("People", 10.5)
        rows = [
            (
                f"#{p.track_id}",
                p.state.words,
                words.number(p.probability),
                f"{words.clock(p.first_s)}–{words.clock(p.last_s)}",
                f"{p.assessable_s:.1f} s",
                p.reasons[0] if p.reasons else "–",
            )
            for p in run.people
        ]
        head = ("Person", "Gravest verdict", "probability", "in view", "assessable", "First reason")
        self.rows(head, rows, (1.2, 2.8, 1.7, 2.6, 1.8, 4.5))
        for people in plots.chunks(run.people, CHUNK):
            self.picture(plots.overview(run, people))
        self._legend()

    def _legend(self) -> None:
        self.room(16)
        x, y = float(MARGIN), self.get_y() + 2
        for state in VerdictState:
            self.shapes(plots.key(state), x, y, 0.7)
            self.word(plots.Text(0, 0, state.words), (x + 16, y + 9), SMALL)
            x += 30 + self.get_string_width(state.words)
        self.set_y(y + 16)

    def _person(self, person: Person, run: Run) -> None:
        self._step()
        title = f"Person #{person.track_id}: {person.state.words} "
        self.heading(title + words.number(person.probability), 10.5)
        self.say(words.STATE_MEANS[person.state])
        self.pairs(words.person_facts(person))
        self.picture(plots.curve(person, run.start.model.thresholds))
        if person.cues:
            self._cues(person.cues)
        if person.shown:
            self.room(_PICTURE + 60)
            self.say(
                "Pictures that led to the verdict. Only this face is shown; all else is blurred."
                + (" Beside each, what its score rests on." if _heated(person) else ""),
                colour=plots.PALE,
            )
            for shown in person.shown:
                self._shown(shown)

    def _shown(self, shown: Shown) -> None:
        self.room(_PICTURE + 18)
        x, y = float(MARGIN), self.get_y() + 3
        for data, width in (
            (shown.plain, _PICTURE),
            (shown.heat, _PICTURE),
            (shown.wide, _WIDE),
        ):
            if data is not None:
                self.image(io.BytesIO(data), x, y, width, _PICTURE, keep_aspect_ratio=True)
                x += width + 6
        self.set_y(y + _PICTURE + 2)
        self.say(
            f"{words.clock(shown.time_s)}, {shown.why}: log-odds {shown.log_odds:+.2f}",
            size=SMALL,
            colour=plots.PALE,
        )

    def _cues(self, facts: Sequence[CueFacts]) -> None:
        rows = [
            (
                words.cue_title(f.cue),
                f"{words.cue_text(f.cue)}\n{words.cue_limits(f.cue)}",
                words.number(f.cue.value, 3),
                f"{f.cue.llr:+.2f}" if f.cue.assessable else "–",
                "–" if f.low is None or f.high is None else f"{f.low:+.2f} to {f.high:+.2f}",
                words.number(f.cue.confidence),
                f"{words.number(f.cue.seconds, 1)} s",
            )
            for f in facts
        ]
        first = ("Witness", "What it says, and what it cannot tell", "value", "for fake, nats")
        head = (*first, "least to most", "confidence", "watched")
        self.rows(head, rows, (2.1, 6, 1.3, 1.4, 1.7, 1.8, 1.4))


def _heated(person: Person) -> bool:
    return any(shown.heat is not None for shown in person.shown)
