"""Feedback on whoever is selected: consent first, then the question, then the file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from qtpy.QtWidgets import QFileDialog, QMainWindow, QWidget

from realtime.errors import ConfigError, FakewatchError
from realtime.feedback.export import Exported
from realtime.feedback.place import path_of
from realtime.feedback.records import Label
from realtime.types import FrameResult
from realtime.window import feedback_job as job
from realtime.window.desk import Desk
from realtime.window.feedback_dialog import (
    Answer,
    ConsentDialog,
    FeedbackDialog,
    Subject,
    label_title,
)
from realtime.window.feedback_list import FeedbackList
from realtime.window.preferences import Preferences
from realtime.window.recording import Recording
from realtime.window.translate import tr, trn
from realtime.window.worker import Worker

CLOSE_S: Final = 2.0
_HASH_AT_END_S: Final = 0.5


class FeedbackDesk:
    """``shown`` gives what the canvas shows. ``tell`` hears a line in passing, ``say`` what went
    wrong."""

    def __init__(
        self,
        window: QMainWindow,
        desk: Desk,
        preferences: Preferences,
        *,
        shown: Callable[[], FrameResult | None],
        tell: Callable[[str], None],
        say: Callable[[object], None],
    ) -> None:
        self._window = window
        self._desk = desk
        self._preferences = preferences
        self._shown = shown
        self._tell = tell
        self._say = say
        self._worker = Worker("fw-feedback")
        self._until: float | None = None
        self._list: FeedbackList | None = None

    @property
    def path(self) -> Path:
        """The file that feedback is kept in; raises `ConfigError` if there is no place for it."""
        return path_of(self._preferences.config.feedback)

    @property
    def place(self) -> Path | None:
        """The same, None if there is no place for it."""
        try:
            return self.path
        except ConfigError:
            return None

    def purge(self) -> None:
        """Delete what is older than the settings say, in the background."""
        days = self._preferences.config.feedback.keep_days
        if days > 0:
            self._do(partial(job.purge, days=days), lambda _gone: None)

    def ask(self, label: Label) -> None:
        """Ask what is to be kept of the person that is selected, after consent."""
        found = self._subject()
        number = self._desk.selected
        if found is None and number is not None:
            self._tell(job.unknown(number))
        elif found is None:
            self._tell(tr("Select a person first."))
        elif self._preferences.consent is not None:
            self._ask(label, *found)
        else:
            dialog = ConsentDialog(self.place, self._window)
            dialog.accepted.connect(lambda: self._consented(label, *found))
            dialog.rejected.connect(self._refused)
            dialog.open()

    def show_list(self, over: QWidget | None = None) -> None:
        """Show what is kept, over the window or another dialog of it."""
        days = self._preferences.config.feedback.keep_days
        dialog = FeedbackList(days, over or self._window)
        self._list = dialog
        dialog.finished.connect(self._forget_list)
        dialog.delete.connect(lambda ids: self._change(partial(job.delete, ids=ids)))
        dialog.delete_person.connect(
            lambda key: self._change(partial(job.delete_person, person=key))
        )
        dialog.purge.connect(lambda days: self._change(partial(job.purge, days=float(days))))
        dialog.export.connect(self._export)
        dialog.open()
        self._reload()

    def close(self) -> bool:
        """Keep what was said, and wait for that a little; whether all of it is kept."""
        self._until = time.monotonic() + _HASH_AT_END_S
        return self._worker.close(CLOSE_S)

    # Saying something

    def _subject(self) -> tuple[Subject, Recording] | None:
        desk = self._desk
        bridge = desk.bridges.get(desk.source_id)
        if desk.selected is None or bridge is None:
            return None
        recording = bridge.recording
        person = next((p for p in recording.outline() if p.track_id == desk.selected), None)
        if person is None:
            return None
        left, right = desk.timeline.getViewBox().viewRange()[0]
        subject = Subject(
            desk.names.get(desk.source_id, ""),
            person.track_id,
            (person.first_s, person.last_s),
            (recording.second_of(left), recording.second_of(right)),
        )
        return subject, recording

    def _consented(self, label: Label, subject: Subject, recording: Recording) -> None:
        self._preferences.give_consent(True)
        self._preferences.sync()
        self._ask(label, subject, recording)

    def _refused(self) -> None:
        self._preferences.give_consent(False)
        self._preferences.sync()
        self._tell(tr("Nothing is kept."))

    def _ask(self, label: Label, subject: Subject, recording: Recording) -> None:
        crops = self._preferences.config.feedback.crops
        shown = self._shown()
        dialog = FeedbackDialog(label, subject, crops=crops, parent=self._window)
        dialog.said.connect(lambda answer: self._keep(answer, recording, shown))
        dialog.open()

    def _keep(self, answer: Answer, recording: Recording, shown: FrameResult | None) -> None:
        consent = self._preferences.consent
        if consent is None:  # taken back while the question stood there
            self._tell(tr("Nothing is kept."))
            return
        said = job.Said(
            *(recording, answer.label, answer.track_id, answer.span),
            *(answer.person, answer.note, shown if answer.crops else None),
        )
        work = partial(
            job.keep,
            said,
            consent=replace(consent, crops=answer.crops),
            keep_days=self._preferences.config.feedback.keep_days,
            go_on=self._go_on,
        )
        told = tr("Kept: {what}.").format(what=label_title(answer.label).lower())
        self._do(work, lambda _number: self._tell(told))

    def _go_on(self, _done: int, _size: int) -> bool:
        """On the worker's thread: once the window closes there is no time for large files."""
        return self._until is None or time.monotonic() < self._until

    # What is kept

    def _reload(self) -> None:
        self._do(job.listing, self._show_listing)

    def _show_listing(self, listing: job.Listing) -> None:
        if self._list is not None:
            self._list.show_listing(listing)

    def _change(self, work: Callable[[Path], int]) -> None:
        self._do(work, self._deleted)

    def _deleted(self, gone: int) -> None:
        told = trn("{count} entry was deleted.", "{count} entries were deleted.", gone)
        self._tell(told.format(count=gone))
        self._reload()

    def _export(self) -> None:
        title = tr("A new or empty folder for the feedback")
        folder = QFileDialog.getExistingDirectory(self._list, title)
        if folder:
            self._do(partial(job.export_to, folder=Path(folder)), self._exported)

    def _exported(self, done: Exported) -> None:
        told = tr("Exported: {entries} entries, {crops} pictures; {out} left out as contradicted.")
        crops = done.real_crops + done.fake_crops
        self._tell(told.format(entries=done.entries, crops=crops, out=done.contradicted))

    def _forget_list(self) -> None:
        self._list = None

    # The worker

    def _do(self, work: Callable[..., object], then: Callable[[Any], None]) -> None:
        """Do ``work`` with the path of the file, elsewhere; what goes wrong is told here."""

        def finish(result: object) -> None:
            if not isinstance(result, FakewatchError):
                then(result)
            elif self._list is not None:
                self._list.complain(result)
            else:
                self._say(result)

        config = self._preferences.config.feedback
        self._worker.run(lambda: work(path=path_of(config)), finish)
