"""The report as PDF: the same facts and shapes as the page, on A4.

Text is set in DejaVu Sans, as on the pictures, shaped and in the direction of its script; a
character that the font lacks is written as its number, so that two names never look the same.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, WrapMode, XPos, YPos
from fpdf.fonts import FontFace, TTFFont

from realtime.errors import SinkError
from realtime.labels import font_folder
from realtime.report import plots, words
from realtime.report.model import CHUNK, CueFacts, Person, Run, Shown
from realtime.types import VerdictState

_MARGIN: Final = 42
_WIDTH: Final = 595.28 - 2 * _MARGIN
_BODY: Final = 9.0
_SMALL: Final = 7.5
_LINE: Final = 1.35
_SPREAD: Final = {"start": 0.0, "middle": 0.5, "end": 1.0}
_PICTURE: Final = 110.0
_WIDE: Final = 150.0


def pdf(runs: Sequence[Run]) -> bytes:
    """PDF of some runs, in order; raises `SinkError` if the font is missing."""
    page = _Page()
    try:
        page.overview(runs)
        for run in runs:
            page.run(run)
        return bytes(page.output())
    finally:
        page.close_fonts()


class _Page(FPDF):
    """Flows from top to bottom; every method adds below what is there."""

    def __init__(self) -> None:
        super().__init__(unit="pt", format="A4")
        folder = font_folder()
        if folder is None:
            raise SinkError(
                "The report cannot be written as PDF: the font DejaVu Sans is missing; install "
                "matplotlib anew, or name a report that ends in .html."
            )
        self.add_font("sans", "", folder / "DejaVuSans.ttf")
        self.add_font("sans", "B", folder / "DejaVuSans-Bold.ttf")
        self.set_text_shaping(True)
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, _MARGIN)
        self.set_title("fakewatch report")
        self.set_creator("fakewatch")
        self.set_lang("en")
        font = self.fonts["sans"]
        assert isinstance(font, TTFFont)
        self._known = frozenset(font.cmap)
        self.add_page()

    def close_fonts(self) -> None:
        """Give the font files back, which fpdf2 leaves open."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def footer(self) -> None:
        """The number of the page."""
        self.set_y(-_MARGIN + 12)
        self.set_font("sans", size=_SMALL)
        self.set_text_color(plots.PALE)
        self.cell(_WIDTH, 8, f"{self.page_no()}", align="C")
        self.set_text_color(plots.INK)

    def overview(self, runs: Sequence[Run]) -> None:
        """What stands before the first run."""
        one = len(runs) == 1
        name = words.shown_name(runs[0]) if one else f"{len(runs)} sources"
        self._text(f"Report on {name}", size=16, bold=True)
        version = f" {runs[0].start.version}, {runs[0].start.started_at}" if runs else ""
        self._text(
            "How strong the evidence is, face by face, that this is a deepfake. "
            f"Made by fakewatch{version}.",
            colour=plots.PALE,
        )
        if not runs:
            self._text("No source could be analysed, so there is nothing to report.", bold=True)
        if len(runs) > 1:
            rows = [
                (
                    words.shown_name(run),
                    run.people[0].state.words if run.people else "no face found",
                    str(len(run.people)),
                )
                for run in runs
            ]
            self._table(("Source", "Gravest verdict", "People"), rows, (6, 3, 1))
        self._heading("What this report does not say", 10)
        self._list(words.LIMITS)

    def run(self, run: Run) -> None:
        """Everything of one source."""
        self._heading(words.shown_name(run), 13, above=16)
        self._text(words.headline(run), size=10.5, bold=True)
        for line in words.warnings(run):
            self._text(f"Note: {line}", bold=True)
        if run.people:
            self._people(run)
        if run.source_cues:
            self._heading("Noticed of the source as a whole", 10.5)
            self._text("No face is suspected for this.", colour=plots.PALE)
            self._cues(run.source_cues)
        for person in run.people:
            self._person(person, run)
        self._heading("Source", 10.5)
        self._pairs(words.source_facts(run))
        self._heading("Model", 10.5)
        self._pairs(words.model_facts(run))
        self._list(words.held_out(run))
        self._heading("Every picture accounted for", 10.5)
        self._pairs(words.frame_facts(run))
        self._heading("How the numbers were measured", 10.5)
        self._list(words.how_measured(run))
        self._heading("Settings in force", 10.5)
        lines = words.settings(run.start.config)
        half = (len(lines) + 1) // 2
        self._table((), list(zip(lines[:half], [*lines[half:], ""], strict=False)), (1, 1))

    def _people(self, run: Run) -> None:
        self._heading("People", 10.5)
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
        self._table(head, rows, (1.2, 2.8, 1.7, 2.6, 1.8, 4.5))
        for people in plots.chunks(run.people, CHUNK):
            self._draw(plots.overview(run, people))
        self._legend()

    def _legend(self) -> None:
        self._room(16)
        x, y = float(_MARGIN), self.get_y() + 2
        for state in VerdictState:
            self._shapes(plots.key(state), x, y, 0.7)
            self._word(plots.Text(0, 0, state.words), (x + 16, y + 9), _SMALL)
            x += 30 + self.get_string_width(state.words)
        self.set_y(y + 16)

    def _person(self, person: Person, run: Run) -> None:
        title = f"Person #{person.track_id}: {person.state.words} "
        self._heading(title + words.number(person.probability), 10.5)
        self._text(words.STATE_MEANS[person.state])
        self._pairs(words.person_facts(person))
        self._draw(plots.curve(person, run.start.model.thresholds))
        if person.cues:
            self._cues(person.cues)
        if person.shown:
            self._room(_PICTURE + 60)
            self._text(
                "Pictures that led to the verdict. Only this face is shown; all else is blurred. "
                "Beside each, what its score rests on.",
                colour=plots.PALE,
            )
            for shown in person.shown:
                self._shown(shown)

    def _shown(self, shown: Shown) -> None:
        self._room(_PICTURE + 18)
        x, y = float(_MARGIN), self.get_y() + 3
        for data, width in (
            (shown.plain, _PICTURE),
            (shown.heat, _PICTURE),
            (shown.wide, _WIDE),
        ):
            if data is not None:
                self.image(io.BytesIO(data), x, y, width, _PICTURE, keep_aspect_ratio=True)
                x += width + 6
        self.set_y(y + _PICTURE + 2)
        self._text(
            f"{words.clock(shown.time_s)}, {shown.why}: log-odds {shown.log_odds:+.2f}",
            size=_SMALL,
            colour=plots.PALE,
        )

    def _cues(self, facts: Sequence[CueFacts]) -> None:
        rows = [
            (
                words.cue_title(f.cue),
                f"{f.cue.text}\n{words.cue_limits(f.cue)}",
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
        self._table(head, rows, (2.1, 6, 1.3, 1.4, 1.7, 1.8, 1.4))

    def _heading(self, text: str, size: float, above: float = 9) -> None:
        self._room(above + 4 * size)
        self.set_y(self.get_y() + above)
        self._text(text, size=size, bold=True)

    def _list(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._text(f"•  {line}", size=_SMALL + 0.5)

    def _pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        self._table((), rows, (2, 5))

    def _table(
        self, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[float, ...]
    ) -> None:
        self.set_font("sans", size=_SMALL)
        self.set_draw_color(plots.GRID)
        self.set_fill_color(255)
        self.set_line_width(0.5)
        with self.table(
            width=_WIDTH,
            col_widths=widths,
            line_height=_SMALL * _LINE,
            padding=(1.5, 3, 1.5, 0),
            text_align="LEFT",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD"),
            first_row_as_headings=bool(head),
        ) as table:
            for cells in ((head,) if head else ()) + tuple(rows):
                row = table.row()
                for cell in cells:
                    row.cell(self._safe(cell))
        self.set_y(self.get_y() + 3)

    def _text(
        self,
        text: str,
        *,
        size: float = _BODY,
        bold: bool = False,
        colour: str = plots.INK,
    ) -> None:
        self.set_font("sans", "B" if bold else "", size)
        self.set_text_color(colour)
        self.multi_cell(
            *(_WIDTH, size * _LINE, self._safe(text)),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            wrapmode=WrapMode.WORD,
        )
        self.set_y(self.get_y() + 0.25 * size)
        self.set_text_color(plots.INK)

    def _draw(self, drawing: plots.Drawing) -> None:
        scale = _WIDTH / drawing.width
        self._room(drawing.height * scale + 8)
        top = self.get_y() + 4
        self._shapes(drawing, float(_MARGIN), top, scale)
        self.set_y(top + drawing.height * scale + 4)

    def _shapes(self, drawing: plots.Drawing, left: float, top: float, scale: float) -> None:
        def placed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
            return [(left + scale * x, top + scale * y) for x, y in points]

        for shape in drawing.shapes:
            if isinstance(shape, plots.Text):
                at = placed([(shape.x, shape.y)])[0]
                self._word(shape, at, shape.size * scale)
                continue
            line, fill = shape.line, shape.fill
            if line:
                self.set_draw_color(line)
            if fill:
                self.set_fill_color(fill)
            style = ("D" if line else "") + ("F" if fill else "")
            if shape.dashed:
                self.set_dash_pattern(dash=2, gap=1.5)
            if isinstance(shape, plots.Box):
                self.set_line_width(0.7)
                x, y = placed([(shape.x, shape.y)])[0]
                self.rect(x, y, scale * shape.width, scale * shape.height, style=style)
            else:
                self.set_line_width(shape.thick * scale)
                points = placed(shape.points)
                self.polygon(points, style=style) if fill else self.polyline(points, style="D")
            self.set_dash_pattern()

    def _word(self, text: plots.Text, at: tuple[float, float], size: float) -> None:
        self.set_font("sans", size=size)
        self.set_text_color(text.colour)
        safe = self._safe(text.words)
        self.text(at[0] - _SPREAD[text.anchor] * self.get_string_width(safe), at[1], safe)
        self.set_text_color(plots.INK)

    def _room(self, height: float) -> None:
        if self.will_page_break(height):
            self.add_page()

    def _safe(self, text: str) -> str:
        """What the font can show; all else as its number."""
        return "".join(
            c if ord(c) in self._known or c == "\n" else c.encode("unicode_escape").decode()
            for c in text
        )
