"""A short tour on the first start: what is where, and which keys are worth knowing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QWidget

from realtime.window.bubble import Bubble, Step
from realtime.window.translate import tr

if TYPE_CHECKING:
    from realtime.window.main_window import MainWindow

KEY: Final = "tour_seen"


def steps(window: MainWindow) -> list[Step]:
    """The tour through ``window``."""
    desk = window.desk

    def beginnings() -> Sequence[QWidget]:
        page = window.start_page
        return page.findChildren(QAbstractButton) if page.isVisible() else (window.canvas,)

    return [
        Step(
            tr("Begin here"),
            tr(
                "Choose a call, a camera or a file, or drop a file on the window. Everything else"
                " is in the menus; Ctrl+Shift+P finds every command by its name."
            ),
            beginnings,
        ),
        Step(
            tr("Who is seen"),
            tr(
                "Each person has a line: a sign and words for how strong the evidence is, a number"
                " and a curve. Little evidence is no proof that a face is real."
            ),
            lambda: (desk.people,),
        ),
        Step(
            tr("Why it says so"),
            tr(
                "Every witness on the person that is selected: what it says, how much it weighs,"
                " and for how long it has watched."
            ),
            lambda: (desk.why,),
        ),
        Step(
            tr("When it was so"),
            tr(
                "A lane for each person. A click goes to that moment, in a file as in what is held"
                " of a live source."
            ),
            lambda: (desk.timeline,),
        ),
        Step(
            tr("What happened"),
            tr(
                "Alerts, lost sources and your marks: A acknowledges, the brackets go from alert"
                " to alert. F1 has every key, and the menu Help has this tour."
            ),
            lambda: (desk.events,),
        ),
    ]


class Tour:
    """Shows the tour over ``window``: once by itself, and whenever it is asked for."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._before: QWidget | None = None
        self.bubble: Bubble | None = None
        window.actions_.tour.triggered.connect(self.begin)
        window.actions_.leave_full_screen.triggered.connect(self.end)

    def first_time(self, settings: QSettings) -> None:
        """Begin, unless it was shown before; it will not come by itself again."""
        if str(settings.value(KEY, "")).lower() != "true":
            settings.setValue(KEY, True)
            self.begin()

    def begin(self) -> None:
        """From the first step."""
        self.end()
        self._before = QApplication.focusWidget()
        self.bubble = Bubble(self._window, steps(self._window), self._on_ended)

    def end(self) -> None:
        """Take it away; nothing if it is not shown."""
        if self.bubble is not None:
            self.bubble.end()

    def _on_ended(self) -> None:
        self.bubble = None
        before, self._before = self._before, None
        # What had it may be gone by now.
        there = before is not None and before in self._window.findChildren(QWidget)
        target = before if there and before is not None else self._window
        target.setFocus(Qt.FocusReason.OtherFocusReason)
