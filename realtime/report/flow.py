"""What flows down the pages of a PDF: text, tables and drawings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, WrapMode, XPos, YPos
from fpdf.fonts import FontFace, TTFFont

from realtime.errors import SinkError
from realtime.labels import font_folder
from realtime.report import plots

MARGIN: Final = 42
WIDTH: Final = 595.28 - 2 * MARGIN
SMALL: Final = 7.5
_BODY: Final = 9.0
_LINE: Final = 1.35
_SPREAD: Final = {"start": 0.0, "middle": 0.5, "end": 1.0}


class Flow(FPDF):
    """A4 from top to bottom; every method adds below what is there.

    Raises:
        SinkError: if the font is missing.
    """

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
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN)
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
        self.set_y(-MARGIN + 12)
        self.set_font("sans", size=SMALL)
        self.set_text_color(plots.PALE)
        self.cell(WIDTH, 8, f"{self.page_no()}", align="C")
        self.set_text_color(plots.INK)

    def heading(self, text: str, size: float, above: float = 9) -> None:
        """A heading that is not left alone at the foot of a page."""
        self.room(above + 4 * size)
        self.set_y(self.get_y() + above)
        self.say(text, size=size, bold=True)

    def items(self, lines: Sequence[str]) -> None:
        """A list."""
        for line in lines:
            self.say(f"•  {line}", size=SMALL + 0.5)

    def pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and what belongs to them."""
        self.rows((), rows, (2, 5))

    def rows(
        self, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[float, ...]
    ) -> None:
        """A table whose heads come again on each page; ``widths`` are shares."""
        self.set_font("sans", size=SMALL)
        self.set_draw_color(plots.GRID)
        self.set_fill_color(255)
        self.set_line_width(0.5)
        with self.table(
            width=WIDTH,
            col_widths=widths,
            line_height=SMALL * _LINE,
            padding=(1.5, 3, 1.5, 0),
            text_align="LEFT",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD"),
            first_row_as_headings=bool(head),
        ) as table:
            for cells in ((head,) if head else ()) + tuple(rows):
                row = table.row()
                for cell in cells:
                    row.cell(self.safe(cell))
        self.set_y(self.get_y() + 3)

    def say(
        self,
        text: str,
        *,
        size: float = _BODY,
        bold: bool = False,
        colour: str = plots.INK,
    ) -> None:
        """A paragraph."""
        self.set_font("sans", "B" if bold else "", size)
        self.set_text_color(colour)
        self.multi_cell(
            *(WIDTH, size * _LINE, self.safe(text)),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            wrapmode=WrapMode.WORD,
        )
        self.set_y(self.get_y() + 0.25 * size)
        self.set_text_color(plots.INK)

    def picture(self, drawing: plots.Drawing) -> None:
        """A drawing as wide as the page."""
        scale = WIDTH / drawing.width
        self.room(drawing.height * scale + 8)
        top = self.get_y() + 4
        self.shapes(drawing, float(MARGIN), top, scale)
        self.set_y(top + drawing.height * scale + 4)

    def shapes(self, drawing: plots.Drawing, left: float, top: float, scale: float) -> None:
        """A drawing in its place."""

        def placed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
            return [(left + scale * x, top + scale * y) for x, y in points]

        for shape in drawing.shapes:
            if isinstance(shape, plots.Text):
                at = placed([(shape.x, shape.y)])[0]
                self.word(shape, at, shape.size * scale)
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

    def word(self, text: plots.Text, at: tuple[float, float], size: float) -> None:
        """Words in their place."""
        self.set_font("sans", size=size)
        self.set_text_color(text.colour)
        safe = self.safe(text.words)
        self.text(at[0] - _SPREAD[text.anchor] * self.get_string_width(safe), at[1], safe)
        self.set_text_color(plots.INK)

    def room(self, height: float) -> None:
        """Go on to the next page unless so much fits on this one."""
        if self.will_page_break(height):
            self.add_page()

    def safe(self, text: str) -> str:
        """What the font can show; all else as its number."""
        return "".join(
            c if ord(c) in self._known or c == "\n" else c.encode("unicode_escape").decode()
            for c in text
        )
