"""Asks what the viewer knows of a person; and before that, once, whether it may be kept at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from realtime.feedback.records import Label
from realtime.redact import redact
from realtime.window.controls import clock
from realtime.window.feedback_job import MAX_NOTE
from realtime.window.forms import Complaint, button, elided, fit, short, text
from realtime.window.translate import later, tr

_LONGEST_S: Final = 1e7
_TITLES: Final = {Label.REAL: later("This was real"), Label.FAKE: later("This was fake")}


def label_title(label: Label) -> str:
    """What the viewer says with it."""
    return tr(_TITLES[label])


@dataclass(frozen=True, slots=True)
class Subject:
    """Of whom something is said: ``track_id`` in the source called ``source``.

    ``seen`` and ``visible`` in seconds of the source: when the person was in view, and what of
    the time line is shown. ``can_crop`` says whether a picture of the face is at hand.
    """

    source: str
    track_id: int
    seen: tuple[float, float]
    visible: tuple[float, float]
    can_crop: bool = True

    @property
    def shown(self) -> tuple[float, float]:
        """What of the person is on the time line as it is shown, else all."""
        first, last = max(self.seen[0], self.visible[0]), min(self.seen[1], self.visible[1])
        return (first, last) if first < last else self.seen


@dataclass(frozen=True, slots=True)
class Answer:
    """What was entered; fields as in `realtime.window.feedback_job.Said`."""

    label: Label
    track_id: int | None
    span: tuple[float, float] | None
    person: str
    note: str
    crops: bool


class ConsentDialog(QDialog):
    """Says what is kept, where, and how it goes again; ``accepted`` means that it may be."""

    def __init__(self, place: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("May feedback be kept?"))
        column = QVBoxLayout(self)
        column.addWidget(text("\n\n".join(consent_words(place))))
        buttons = QDialogButtonBox()
        roles = QDialogButtonBox.ButtonRole
        self.agree = button(buttons, tr("I &agree"), roles.AcceptRole)
        self.refuse = button(buttons, tr("&No, keep nothing"), roles.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        # Enter alone is no consent.
        self.agree.setAutoDefault(False)
        self.refuse.setDefault(True)
        self.refuse.setFocus()
        fit(self, 72, 10)


def consent_words(place: Path | None) -> list[str]:
    """What whoever consents must know, a paragraph each."""
    where = (
        tr("It lies in your folder for data and is readable by you alone.")
        if place is None
        else tr("It lies in {path} and is readable by you alone.").format(path=redact(place))
    )
    return [
        tr(
            "What you say about a person is kept in one file on this machine, to measure and to "
            "train the detector with. Nothing is sent anywhere."
        ),
        tr(
            "Kept are: what you said and your note, the name of the source and the SHA-256 of its "
            "file, when the person was seen, the verdict, scores and what each witness said, and "
            "which model it was."
        ),
        tr(
            "Pictures of the face are kept only where you tick that as well. They are data about "
            "a human being: ask whoever it is, where you can."
        ),
        where,
        tr(
            "To delete it: Evidence, Feedback that is kept; or `fakewatch feedback delete`. You "
            "can take this back in the settings under Privacy; what is kept by then stays until "
            "you delete it."
        ),
    ]


class FeedbackDialog(QDialog):
    """``said`` gives an `Answer` once."""

    said = Signal(object)

    def __init__(
        self, label: Label, subject: Subject, *, crops: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(label_title(label))
        self._label = label
        self._subject = subject
        self._build_choice(subject)
        self.person = QLineEdit()
        self.person.setMaxLength(200)
        self.person.setPlaceholderText(tr("A name, if you like"))
        self.person.setToolTip(
            tr("Groups what is kept of one human being, so that all of it can be deleted at once")
        )
        self.note = QLineEdit()
        self.note.setMaxLength(MAX_NOTE)
        self.note.setPlaceholderText(tr("How you know"))
        self.crops = QCheckBox(tr("Keep &pictures of the face with it"))
        self.crops.setChecked(crops and subject.can_crop)
        self.crops.setEnabled(subject.can_crop)
        self.complaint = Complaint()
        self._lay_out(subject)
        self._enable()

    def _build_choice(self, subject: Subject) -> None:
        first, last = subject.seen
        self.whole = QRadioButton(
            tr("&All of this person, {first} to {last}").format(
                first=clock(first), last=clock(last)
            )
        )
        self.part = QRadioButton(tr("This person, in &these seconds alone:"))
        self.everyone = QRadioButton(tr("&Everyone who is seen in these seconds:"))
        self.whole.setChecked(True)
        self.start = _seconds(tr("From second"), math.floor(10 * subject.shown[0]) / 10)
        self.end = _seconds(tr("To second"), math.ceil(10 * subject.shown[1]) / 10)
        for choice in (self.whole, self.part, self.everyone):
            choice.toggled.connect(self._enable)

    def _lay_out(self, subject: Subject) -> None:
        span = QHBoxLayout()
        span.setContentsMargins(24, 0, 0, 0)
        for words, field in ((tr("&From"), self.start), (tr("t&o"), self.end)):
            label = QLabel(words)
            label.setBuddy(field)
            span.addWidget(label)
            span.addWidget(field)
        span.addStretch(1)
        form = QFormLayout()
        form.addRow(tr("&Who it is"), self.person)
        form.addRow(tr("&Note"), self.note)
        buttons = QDialogButtonBox()
        roles = QDialogButtonBox.ButtonRole
        self.keep = button(buttons, tr("&Keep"), roles.AcceptRole)
        button(buttons, tr("Cancel"), roles.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        heading = tr("Person #{number} of:").format(number=subject.track_id)
        column = QVBoxLayout(self)
        column.addWidget(text(heading))
        column.addWidget(elided(short(subject.source), tr("Source")))
        for choice in (self.whole, self.part, self.everyone):
            column.addWidget(choice)
        column.addLayout(span)
        column.addLayout(form)
        column.addWidget(self.crops)
        column.addWidget(text(tr("The label is what you believe; say it only where you know it.")))
        column.addWidget(self.complaint)
        column.addWidget(buttons)
        fit(self, 62, 10)

    def accept(self) -> None:
        """Give the answer, or say in one sentence what is wrong with it."""
        span = (self.start.value(), self.end.value())
        if not self.whole.isChecked() and span[0] >= span[1]:
            self.complaint.say(tr("The span must end after it begins; correct its seconds."))
            return
        everyone = self.everyone.isChecked()
        self.said.emit(
            Answer(
                self._label,
                None if everyone else self._subject.track_id,
                None if self.whole.isChecked() else span,
                self.person.text().strip(),
                self.note.text().strip(),
                self.crops.isEnabled() and self.crops.isChecked(),
            )
        )
        super().accept()

    def _enable(self) -> None:
        for field in (self.start, self.end):
            field.setEnabled(not self.whole.isChecked())
        if hasattr(self, "crops"):
            self.crops.setEnabled(self._subject.can_crop and not self.everyone.isChecked())


def _seconds(name: str, value: float) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setAccessibleName(name)
    field.setRange(0.0, _LONGEST_S)
    field.setDecimals(1)
    field.setSingleStep(0.5)
    field.setSuffix(tr(" s"))
    field.setValue(value)
    return field
