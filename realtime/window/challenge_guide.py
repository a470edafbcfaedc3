"""A challenge step by step: what to say to the person, what is measured, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from realtime.challenge import PROMPTS, REST_S
from realtime.challenge_run import IDLE, Snapshot
from realtime.challenge_types import SPOKEN, Act, Phase
from realtime.window import challenge_words as words
from realtime.window.prominent import Prominent
from realtime.window.translate import tr

ACTS: Final = tuple(PROMPTS)
GAUGES: Final = 3
_ACT: Final = Qt.ItemDataRole.UserRole
_STEPS: Final = 100
WAIT_S: Final = 20.0
"""How long an act is waited for: an operator has to say it first, and a call delays it."""


class ChallengeGuide(QDialog):
    """Shows `Snapshot`s of one challenge; what is asked for leaves as signals.

    ``begun`` gives the ticked acts and the chosen person (a track id, None for the largest
    face), ``source_picked`` the number of a source. `show_run` is to be called often.
    """

    begun = Signal(object, object)
    stopped = Signal()
    repeated = Signal(object)
    skipped = Signal()
    light_asked = Signal()
    source_picked = Signal(int)
    person_picked = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Challenge"))
        self.setModal(False)
        self.resize(820, 600)
        self.sources, self.people = QComboBox(), QComboBox()
        self.steps = QListWidget()
        self.say, self.now, self.left_label = _text(1.5), _text(), _text()
        self.countdown, self.meter = QProgressBar(), QProgressBar()
        self.gauges = [_text() for _ in range(GAUGES)]
        self.found, self.whole = QPlainTextEdit(), _text(1.15, bold=True)
        self.start = QPushButton(tr("&Start"))
        self.repeat = QPushButton(tr("&Repeat this step"))
        self.skip = QPushButton(tr("S&kip this step"))
        self.light = QPushButton(tr("Show the co&lours…"))
        self.copy = QPushButton(tr("&Copy the result"))
        self._snapshot = IDLE
        self._who: tuple[int | None, ...] = ()
        self._build()
        self._connect()
        self.show_run(IDLE)

    # What it shows

    def offer_sources(self, names: Sequence[str], chosen: int) -> None:
        """Let one of these be chosen; a single one needs no choice."""
        before = [self.sources.itemText(i) for i in range(self.sources.count())]
        if before != list(names):
            self.sources.blockSignals(True)
            self.sources.clear()
            self.sources.addItems(list(names))
            self.sources.blockSignals(False)
        if self.sources.currentIndex() != chosen:
            self.sources.blockSignals(True)
            self.sources.setCurrentIndex(chosen)
            self.sources.blockSignals(False)
        _show_row(self._form, self.sources, len(names) > 1)

    def offer_people(self, people: Sequence[tuple[int, str]]) -> None:
        """Let one of these, (track id, words), or the largest face be chosen."""
        chosen = self.person
        if chosen is not None and chosen not in [i for i, _ in people]:
            people = [*people, (chosen, tr("#{number} (not in view)").format(number=chosen))]
        found = [(None, tr("The largest face")), *people]
        view = self.people.view()
        if view is not None and view.isVisible():
            return  # it is being chosen from
        self.people.blockSignals(True)
        if tuple(i for i, _ in found) != self._who:
            self._who = tuple(i for i, _ in found)
            self.people.clear()
            self.people.addItems([text for _, text in found])
            self.people.setCurrentIndex(self._who.index(chosen))
        for row, (_, text) in enumerate(found):
            if self.people.itemText(row) != text:
                self.people.setItemText(row, text)
        self.people.blockSignals(False)

    @property
    def person(self) -> int | None:
        """Whose track was chosen, None for the largest face."""
        row = self.people.currentIndex()
        return self._who[row] if 0 <= row < len(self._who) else None

    def choose(self, person: int | None) -> None:
        """Choose that person, if they are offered."""
        if person in self._who:
            self.people.setCurrentIndex(self._who.index(person))

    def follow(self, person: int | None) -> None:
        """Show who is asked, whom nobody chose here: it asks for nothing."""
        if person in self._who and person != self.person:
            self.people.blockSignals(True)
            self.choose(person)
            self.people.blockSignals(False)

    @property
    def ticked(self) -> tuple[Act, ...]:
        """The acts to be asked for, in their order."""
        return tuple(
            Act(item.data(_ACT))
            for item in self._items()
            if item.checkState() == Qt.CheckState.Checked
        )

    @property
    def chosen_act(self) -> Act | None:
        """The step whose line is selected."""
        item = self.steps.currentItem()
        return None if item is None else Act(item.data(_ACT))

    def allow_light(self, *, possible: bool) -> None:
        """Whether a person can be lit: not in a file."""
        item = next(i for i in self._items() if i.data(_ACT) == Act.LIGHT.value)
        enabled = bool(item.flags() & Qt.ItemFlag.ItemIsEnabled)
        if enabled is not possible:
            item.setFlags(item.flags() ^ Qt.ItemFlag.ItemIsEnabled)
        if not possible:
            item.setCheckState(Qt.CheckState.Unchecked)
        tip = tr("Only where the person sees our screen now")
        item.setToolTip(tip if possible else tr("A file cannot see our screen"))

    def show_run(self, snapshot: Snapshot, *, watching: bool = True) -> None:
        """Show this from now on; ``watching`` says whether there is a source at all."""
        moved = snapshot.running and snapshot.progress.act is not self._snapshot.progress.act
        self._snapshot = snapshot
        progress, running = snapshot.progress, snapshot.running
        self._show_steps(moved=moved)
        _put(self.say, f"“{words.say(progress)}”" if running and progress.act else "")
        _put(self.now, self._advice(watching=watching))
        left = progress.left_s if running else None
        _put(self.left_label, words.left_text(left))
        self._show_countdown(left)
        lines = [words.gauge_text(g) for g in progress.gauges] if running else []
        for i, label in enumerate(self.gauges):
            _put(label, lines[i] if i < len(lines) else "")
        self._show_meter()
        self._show_result()
        done = bool(snapshot.report.steps)
        whole = words.summary(snapshot.report, running=running) if done else ""
        _put(self.whole, whole)
        self.start.setText(tr("&Stop") if running else tr("&Start"))
        self.start.setEnabled(watching)
        self.repeat.setEnabled(watching and self.chosen_act in snapshot.acts)
        self.skip.setEnabled(running and progress.act is not None)
        waits = running and progress.act is Act.LIGHT and progress.phase is Phase.ASKED
        self.light.setEnabled(waits)
        self.copy.setEnabled(done and not running)

    def _advice(self, *, watching: bool) -> str:
        snapshot = self._snapshot
        if not watching:
            return tr("Watch a source first: a call, a camera, or a file to rehearse.")
        if snapshot.running and snapshot.lost:
            return tr("The person is no longer followed: choose them once more above.")
        if snapshot.running:
            return words.what_now(snapshot.progress)
        if snapshot.report.steps:
            return tr("It is over.")
        return tr("Tick what you want to ask for, choose the person, and start.")

    def _show_steps(self, *, moved: bool) -> None:
        snapshot = self._snapshot
        for row, item in enumerate(self._items()):
            act = Act(item.data(_ACT))
            current = snapshot.running and act is snapshot.progress.act
            text = words.step_line(act, snapshot.report, current=current)
            if item.text() != text:
                item.setText(text)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, text.lstrip("▶✓✕? "))
            if current and moved:
                self.steps.setCurrentRow(row)

    def _show_countdown(self, left: float | None) -> None:
        whole = self._whole_s()
        share = 0.0 if left is None or not whole else min(1.0, left / whole)
        self.countdown.setVisible(left is not None)
        self.countdown.setValue(round(_STEPS * share))
        self.countdown.setAccessibleDescription(words.left_text(left))

    def _whole_s(self) -> float:
        phase = self._snapshot.progress.phase
        return {Phase.REST: REST_S, Phase.ASKED: WAIT_S}.get(phase, 6.0)

    def _show_meter(self) -> None:
        gauges = self._snapshot.progress.gauges if self._snapshot.running else ()
        main = gauges[0] if gauges else None
        known = main is not None and main.value is not None and bool(main.needed)
        self.meter.setVisible(known)
        if main is not None and main.value is not None and main.needed:
            share = max(0.0, min(1.0, main.value / main.needed))
            self.meter.setValue(round(_STEPS * share))
            self.meter.setAccessibleDescription(words.gauge_text(main))

    def _show_result(self) -> None:
        act, report = self.chosen_act, self._snapshot.report
        asked = act is not None and words.outcome_of(act, report) is not None
        text = words.step_text(act, report) if act is not None and asked else ""
        if self.found.toPlainText() != text:
            self.found.setPlainText(text)

    # Building

    def _build(self) -> None:
        for act in ACTS:
            item = QListWidgetItem(tr(words.NAMES[act]))
            item.setData(_ACT, act.value)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if act in SPOKEN else Qt.CheckState.Unchecked)
            self.steps.addItem(item)
        self.steps.setCurrentRow(0)
        names = (
            (self.sources, tr("Source")),
            (self.people, tr("Person")),
            (self.steps, tr("Steps")),
            (self.say, tr("What to say")),
            (self.now, tr("What to do")),
            (self.countdown, tr("Time left")),
            (self.meter, tr("How far the act is seen")),
            (self.found, tr("What came of the step")),
            (self.whole, tr("Result")),
        )
        for widget, name in names:
            widget.setAccessibleName(name)
        for bar in (self.countdown, self.meter):
            bar.setRange(0, _STEPS)
            bar.setTextVisible(False)
            bar.setFixedHeight(10)
        self.people.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.sources.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.found.setReadOnly(True)
        for tall in (self.found, self.steps):
            tall.setMinimumHeight(60)  # they scroll, and large text needs the room
        self.found.setTabChangesFocus(True)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow(tr("S&ource:"), self.sources)
        self._form.addRow(tr("&Person:"), self.people)
        body = QHBoxLayout()
        body.addLayout(self._left(), 2)
        body.addLayout(self._right(), 3)
        row = QHBoxLayout()
        for button in (self.start, self.skip, self.repeat, self.light, self.copy):
            button.setAutoDefault(False)
            row.addWidget(button)
        limits = _text()
        limits.setText(words.limits())
        column = QVBoxLayout(self)
        column.addLayout(body, 1)
        column.addWidget(self.whole)
        column.addLayout(row)
        column.addWidget(limits)

    def _left(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.addLayout(self._form)
        column.addWidget(self.steps, 1)
        return column

    def _right(self) -> QVBoxLayout:
        card = QFrame()
        card.setFrameShape(QFrame.Shape.StyledPanel)
        inside = QVBoxLayout(card)
        inside.addWidget(self.now)
        inside.addWidget(self.say)
        inside.addWidget(self.left_label)
        inside.addWidget(self.countdown)
        inside.addSpacing(8)
        inside.addWidget(self.gauges[0])
        inside.addWidget(self.meter)
        for label in self.gauges[1:]:
            inside.addWidget(label)
        inside.addStretch(1)
        column = QVBoxLayout()
        column.addWidget(card, 3)
        column.addWidget(self.found, 2)
        return column

    def _connect(self) -> None:
        self.start.clicked.connect(self._on_start)
        self.skip.clicked.connect(self.skipped)
        self.repeat.clicked.connect(lambda: self.repeated.emit(self.chosen_act))
        self.light.clicked.connect(self.light_asked)
        self.copy.clicked.connect(self._on_copy)
        self.steps.currentRowChanged.connect(lambda _row: self._on_row())
        self.sources.currentIndexChanged.connect(self.source_picked)
        self.people.currentIndexChanged.connect(lambda _row: self.person_picked.emit(self.person))

    def _on_row(self) -> None:
        self._show_result()
        self.repeat.setEnabled(self.chosen_act in self._snapshot.acts)

    def _on_start(self) -> None:
        if self._snapshot.running:
            self.stopped.emit()
        elif self.ticked:
            self.begun.emit(self.ticked, self.person)
        else:
            _put(self.now, tr("Tick at least one step."))

    def _on_copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            person = self._snapshot.person
            who = tr("the largest face") if person is None else f"#{person}"
            when = time.strftime("%Y-%m-%d %H:%M:%S")
            clipboard.setText(words.whole_text(self._snapshot.report, who, when))

    def _items(self) -> list[QListWidgetItem]:
        found = (self.steps.item(row) for row in range(self.steps.count()))
        return [item for item in found if item is not None]


def _text(scale: float = 1.0, *, bold: bool = False) -> QLabel:
    label = Prominent(scale, bold=bold)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def _put(label: QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)


def _show_row(form: QFormLayout, field: QWidget, shown: bool) -> None:
    label = form.labelForField(field)
    field.setVisible(shown)
    if label is not None:
        label.setVisible(shown)
