"""Feedback in the window: consent first, then one file, and ways to look into it and to be rid."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from realtime.config import Config, FeedbackConfig
from realtime.feedback.records import Consent, Feedback, Kept, Label
from realtime.feedback.store import FeedbackStore
from realtime.file_hash import sha256_of
from realtime.window import feedback_job
from realtime.window.feedback_dialog import ConsentDialog, FeedbackDialog, Subject
from realtime.window.feedback_list import FeedbackList
from realtime.window.main_window import MainWindow
from tests.gui.conftest import opened
from tests.gui.evidence import dialog, evidence, judged, wait

RTL = "שלום <script>alert(1)</script>"
Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "feedback.sqlite3"


@pytest.fixture
def window(qtbot: QtBot, config: Config, place: Path, tmp_path: Path) -> Iterator[MainWindow]:
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    config = replace(config, feedback=FeedbackConfig(place=str(place)))
    yield from opened(MainWindow(config, settings=settings), qtbot)


@pytest.fixture
def person(window: MainWindow, face_clip: Path, qtbot: QtBot) -> MainWindow:
    return judged(window, face_clip, qtbot)


def entries(place: Path) -> list[Kept]:
    with FeedbackStore(place) as store:
        return store.entries(pictures=True)


def said(label: Label, person: str = "", **more: object) -> Feedback:
    return Feedback(label, "clip.mp4", 0.0, 1.0, "ab" * 32, 1, person, **more)  # type: ignore[arg-type]


def kept(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until what was said is in the file."""
    wait(qtbot, lambda: not evidence(window).feedback._worker.busy)
    qtbot.wait(10)


def test_consent_comes_first_and_what_was_said_is_kept_with_it(
    person: MainWindow, qtbot: QtBot, place: Path, face_clip: Path
) -> None:
    qtbot.keyClick(person, Key.Key_F, Modifier.ControlModifier | Modifier.ShiftModifier)
    asked = dialog(ConsentDialog, qtbot)
    assert not place.exists()
    asked.agree.click()
    question = dialog(FeedbackDialog, qtbot)
    question.note.setText(RTL)
    question.person.setText("Ann")
    question.keep.click()
    kept(person, qtbot)
    (entry,) = entries(place)
    told = entry.feedback
    assert told.label is Label.FAKE
    assert (told.note, told.person) == (RTL, "Ann")
    assert told.source_sha256 == sha256_of(face_clip)
    assert told.track_id == 1
    assert told.scores
    assert told.cues
    assert told.crops == ()
    assert entry.consent.scores
    assert not entry.consent.crops
    assert entry.consent.given_s > 0
    assert place.stat().st_mode & 0o077 == 0
    # The second time nobody asks for consent any more.
    evidence(person).was_real.trigger()
    dialog(FeedbackDialog, qtbot).reject()
    assert len(entries(place)) == 1


def test_without_consent_nothing_is_stored(
    person: MainWindow, qtbot: QtBot, place: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        evidence(person).was_fake.trigger()
        asked = dialog(ConsentDialog, qtbot)
        # Enter is no consent.
        qtbot.keyClick(asked, Key.Key_Return)
        kept(person, qtbot)
    assert evidence(person).preferences.consent is None
    person.close()
    assert not place.exists()
    assert not place.parent.exists()
    assert "consent=no" in (tmp_path / "w.ini").read_text("utf-8")


def test_consent_taken_back_while_the_question_stands_keeps_nothing(
    person: MainWindow, qtbot: QtBot, place: Path
) -> None:
    evidence(person).preferences.give_consent(True)
    evidence(person).was_fake.trigger()
    question = dialog(FeedbackDialog, qtbot)
    evidence(person).preferences.give_consent(False)
    question.keep.click()
    kept(person, qtbot)
    assert not place.exists()


def test_pictures_are_gathered_only_while_that_is_wanted(
    window: MainWindow, face_clip: Path, qtbot: QtBot
) -> None:
    preferences = evidence(window).preferences
    preferences.give_consent(True)
    preferences.change({"feedback.crops": True})
    judged(window, face_clip, qtbot)
    recording = window.desk.bridges["source"].recording
    window.toggle_play()
    wait(qtbot, lambda: bool(recording.crops(1, None)))
    preferences.give_consent(False)
    window.extras.refresh()
    assert recording.crops(1, None) == ()
    assert not recording.keep_crops


def test_pictures_are_kept_only_where_they_are_ticked_and_a_span_where_it_is_given(
    person: MainWindow, qtbot: QtBot, place: Path
) -> None:
    evidence(person).preferences.give_consent(True)
    for ticked in (False, True):
        evidence(person).was_real.trigger()
        question = dialog(FeedbackDialog, qtbot)
        assert not question.crops.isChecked()
        question.crops.setChecked(ticked)
        question.keep.click()
        kept(person, qtbot)
    for everyone in (False, True):
        evidence(person).was_fake.trigger()
        question = dialog(FeedbackDialog, qtbot)
        assert not question.start.isEnabled()
        (question.everyone if everyone else question.part).setChecked(True)
        assert question.start.isEnabled()
        assert question.crops.isEnabled() is not everyone
        question.start.setValue(0.5)
        question.end.setValue(0.2)
        question.keep.click()
        assert question.isVisible()
        assert "must end after it begins" in question.complaint.text()
        question.end.setValue(0.9)
        question.keep.click()
        kept(person, qtbot)
    without, with_, one, all_ = entries(place)
    assert without.feedback.crops == ()
    assert not without.consent.crops
    assert with_.consent.crops
    assert with_.feedback.crops[0].png is not None
    assert (one.feedback.start_s, one.feedback.end_s) == (0.5, 0.9)
    assert all(0.5 <= time_s <= 0.9 for time_s, _ in one.feedback.scores)
    assert (one.feedback.track_id, all_.feedback.track_id) == (1, None)


def test_the_span_is_that_of_the_time_line_where_the_person_is_in_it() -> None:
    assert Subject("a", 1, (2.0, 8.0), (0.0, 5.0)).shown == (2.0, 5.0)
    assert Subject("a", 1, (2.0, 8.0), (9.0, 12.0)).shown == (2.0, 8.0)


def test_a_person_can_be_spoken_of_from_the_list_and_below_the_reasons(
    person: MainWindow, qtbot: QtBot
) -> None:
    actions = evidence(person)
    assert set(person.desk.people.actions()) >= {actions.was_real, actions.was_fake}
    assert actions.was_real.isEnabled()
    person.desk.selected = None
    actions.refresh()
    assert not actions.was_real.isEnabled()
    actions.feedback.ask(Label.REAL)
    status = person.statusBar()
    assert status is not None
    assert "Select a person" in status.currentMessage()
    # Somebody who is shown, and was left out of what is gathered for graver people.
    person.desk.selected = 77
    actions.feedback.ask(Label.REAL)
    assert "Of person #77 too little is known" in status.currentMessage()


def test_a_file_that_has_changed_since_has_no_hash(
    window: MainWindow, face_clip: Path, qtbot: QtBot, place: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip <b>.mp4"
    clip.write_bytes(face_clip.read_bytes())
    judged(window, clip, qtbot)
    with clip.open("ab") as file:
        file.write(b"more")
    evidence(window).preferences.give_consent(True)
    evidence(window).was_fake.trigger()
    dialog(FeedbackDialog, qtbot).keep.click()
    kept(window, qtbot)
    (entry,) = entries(place)
    assert entry.feedback.source_sha256 == ""


# Looking and deleting


@pytest.fixture
def stored(place: Path) -> Path:
    """Three entries of two people, one of them old and with a name that is a trap."""
    consent = Consent(scores=True, given_s=1.0)
    with FeedbackStore(place, wall=lambda: 1_000_000.0) as store:
        store.add(said(Label.FAKE, RTL, note="<b>old</b>"), consent)
    with FeedbackStore(place) as store:
        store.add(said(Label.REAL, RTL), consent)
        store.add(said(Label.REAL, "Ben"), consent)
    return place


def listed(window: MainWindow, qtbot: QtBot, count: int) -> FeedbackList:
    evidence(window).kept.trigger()
    found = dialog(FeedbackList, qtbot)
    wait(qtbot, lambda: found.table.rowCount() == count)
    return found


def confirm(window: MainWindow, qtbot: QtBot, *, yes: bool = True) -> None:
    box = dialog(QMessageBox, qtbot)
    assert box.textFormat() == Qt.TextFormat.PlainText
    role = QMessageBox.ButtonRole.AcceptRole if yes else QMessageBox.ButtonRole.RejectRole
    next(b for b in box.buttons() if box.buttonRole(b) == role).click()


def cells(table: FeedbackList, row: int) -> list[str]:
    return [table.table.item(row, c).text() for c in range(table.table.columnCount())]  # type: ignore[union-attr]


def test_what_is_kept_is_listed_and_entries_are_deleted(
    window: MainWindow, qtbot: QtBot, stored: Path
) -> None:
    table = listed(window, qtbot, 3)
    assert cells(table, 0)[1:4] == ["This was real", "Ben", "clip.mp4"]
    assert RTL in cells(table, 2)
    assert "<b>old</b>" in cells(table, 2)
    assert "<script>" not in table.table.item(2, 2).toolTip()  # type: ignore[union-attr]
    assert not table.delete_button.isEnabled()
    table.table.selectRow(0)
    table.delete_button.click()
    confirm(window, qtbot, yes=False)
    kept(window, qtbot)
    assert len(entries(stored)) == 3
    table.delete_button.click()
    confirm(window, qtbot)
    wait(qtbot, lambda: table.table.rowCount() == 2)
    assert [entry.feedback.person for entry in entries(stored)] == [RTL, RTL]


def test_a_person_is_deleted_whole_and_from_the_bytes_of_the_file(
    window: MainWindow, qtbot: QtBot, stored: Path
) -> None:
    table = listed(window, qtbot, 3)
    table.table.selectRow(2)
    table.person_button.click()
    confirm(window, qtbot)
    wait(qtbot, lambda: table.table.rowCount() == 1)
    assert [entry.feedback.person for entry in entries(stored)] == ["Ben"]
    raw = b"".join(path.read_bytes() for path in stored.parent.iterdir())
    assert RTL.encode() not in raw


def test_what_is_old_is_deleted_when_asked_and_at_the_start(
    window: MainWindow, qtbot: QtBot, stored: Path, config: Config
) -> None:
    table = listed(window, qtbot, 3)
    table.days.setValue(30)
    table.purge_button.click()
    confirm(window, qtbot)
    wait(qtbot, lambda: table.table.rowCount() == 2)
    table.reject()
    with FeedbackStore(stored, wall=lambda: 1_000_000.0) as store:
        store.add(said(Label.FAKE), Consent(scores=True))
    assert len(entries(stored)) == 3
    config = replace(config, feedback=FeedbackConfig(place=str(stored), keep_days=7.0))
    second = MainWindow(config)
    qtbot.addWidget(second)
    kept(second, qtbot)
    second.close()
    assert len(entries(stored)) == 2


def test_it_is_exported_as_the_verb_does(
    window: MainWindow,
    qtbot: QtBot,
    stored: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "out"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    table = listed(window, qtbot, 3)
    table.export_button.click()
    wait(qtbot, (folder / "feedback.jsonl").exists)
    kept(window, qtbot)
    lines = (folder / "feedback.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["person"] for line in lines] == [RTL, RTL, "Ben"]
    table.export_button.click()
    wait(qtbot, lambda: "is not empty" in table.complaint.text())


def test_nothing_kept_makes_no_file(window: MainWindow, qtbot: QtBot, place: Path) -> None:
    table = listed(window, qtbot, 0)
    wait(qtbot, lambda: table.about.text() == "No feedback is kept.")
    assert not place.parent.exists()
    assert not table.export_button.isEnabled()


# What can go wrong


def keep_one(window: MainWindow, qtbot: QtBot) -> None:
    evidence(window).preferences.give_consent(True)
    evidence(window).was_fake.trigger()
    dialog(FeedbackDialog, qtbot).keep.click()


def test_a_file_that_cannot_be_used_is_one_sentence_and_stays_as_it_is(
    person: MainWindow, qtbot: QtBot, stored: Path
) -> None:
    other = sqlite3.connect(stored, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    keep_one(person, qtbot)
    wait(qtbot, lambda: "another program holds the file" in person.banner.text)
    other.close()
    assert len(entries(stored)) == 3
    for path in stored.parent.iterdir():
        path.unlink()
    other = sqlite3.connect(stored)
    other.execute("CREATE TABLE notes (text TEXT)")
    other.commit()
    other.close()
    before = stored.read_bytes()
    keep_one(person, qtbot)
    wait(qtbot, lambda: "database of another program" in person.banner.text)
    assert stored.read_bytes() == before
    evidence(person).kept.trigger()
    table = dialog(FeedbackList, qtbot)
    wait(qtbot, lambda: "database of another program" in table.complaint.text())
    table.reject()
    stored.unlink()
    stored.mkdir()
    keep_one(person, qtbot)
    wait(qtbot, lambda: "Cannot keep feedback in" in person.banner.text)


def test_what_was_said_just_before_closing_is_kept(
    person: MainWindow, qtbot: QtBot, place: Path
) -> None:
    keep_one(person, qtbot)
    person.close()
    (entry,) = entries(place)
    assert entry.feedback.label is Label.FAKE
    assert entry.feedback.source_sha256
    assert not [t.name for t in threading.enumerate() if t.name.startswith("fw-feedback")]


def test_a_large_file_is_not_read_to_its_end_when_the_window_closes(
    person: MainWindow, qtbot: QtBot, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.window.feedback_desk._HASH_AT_END_S", -1.0)
    begun, closing = threading.Event(), threading.Event()
    plain = feedback_job.keep

    def slow(*args: object, **more: object) -> int:
        begun.set()
        assert closing.wait(20)
        return plain(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(feedback_job, "keep", slow)
    keep_one(person, qtbot)
    assert begun.wait(20)
    threading.Timer(0.2, closing.set).start()
    person.close()
    (entry,) = entries(place)
    assert entry.feedback.source_sha256 == ""


def test_an_error_while_closing_is_logged(
    person: MainWindow, qtbot: QtBot, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place.parent.write_text("in the way", "utf-8")
    keep_one(person, qtbot)
    with caplog.at_level(logging.ERROR):
        person.close()
    assert "Cannot keep feedback" in caplog.text
