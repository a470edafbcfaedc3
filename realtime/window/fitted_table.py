"""A table that is never so narrow that a title of its columns is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QStyle, QTableWidget, QWidget

_AIR = 8


class FittedTable(QTableWidget):
    """``samples`` are the widest texts that columns are to hold without a break, ``fixed`` the
    pixels of columns that do not follow their contents, unless their titles need more.
    """

    def __init__(self, columns: int, parent: QWidget | None = None) -> None:
        super().__init__(0, columns, parent)
        header = self.horizontalHeader()
        assert header is not None
        header.setHighlightSections(False)  # bold titles would need more room
        self.samples: Mapping[int, Sequence[str]] = {}
        self.fixed: Mapping[int, int] = {}

    def fit(self) -> None:
        """Ask for as much room as titles and samples need in the font of now."""
        header, style = self.horizontalHeader(), self.style()
        assert header is not None
        assert style is not None
        metrics = self.fontMetrics()
        margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, self)
        wide = 2 * self.frameWidth()
        wide += style.pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent, None, self)
        for column in range(self.columnCount()):
            texts = self.samples.get(column, ())
            need = max((metrics.horizontalAdvance(text) for text in texts), default=0)
            title = header.sectionSizeHint(column)
            wide += max(title, need + 2 * margin + _AIR)
            if column in self.fixed:
                self.setColumnWidth(column, max(title, self.fixed[column]))
        self.setMinimumWidth(wide)

    def changeEvent(self, event: QEvent | None) -> None:
        """Larger text needs more room."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self.fit()
