"""Reports from the window: what is in them, that they are whole, and that they can be stopped."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from realtime.config import Config, SourceEntry
from realtime.file_hash import sha256_of
from realtime.report.gather import Outline
from realtime.types import SourceState, VerdictState
from realtime.window import export_job
from realtime.window.export_dialog import ExportDialog, Offer
from realtime.window.export_job import Export, suggested
from realtime.window.main_window import MainWindow
from realtime.window.recording import Recording
from tests.gui.conftest import WAIT_MS
from tests.gui.evidence import dialog, evidence, judged, wait
from tests.gui.live import camera, quick, says_no_secret
from tests.servers.scripted import Unit

NAME = "<script>alert(1)</script> אבג & clip.mp4".replace("/", "_")
Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def person(window: MainWindow, face_clip: Path, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    clip = tmp_path / NAME
    clip.write_bytes(face_clip.read_bytes())
    return judged(window, clip, qtbot)


def asked(window: MainWindow, qtbot: QtBot, path: Path) -> ExportDialog:
    window.extras.refresh()
    evidence(window).export.trigger()
    found = dialog(ExportDialog, qtbot)
    found.view.setChecked(False)
    found.path.setText(str(path))
    return found


def written(window: MainWindow, qtbot: QtBot, shown: ExportDialog) -> str:
    with qtbot.waitSignal(evidence(window).exports.written, timeout=WAIT_MS) as signal:
        shown.save.click()
    path = Path(signal.args[0])
    return path.read_bytes().decode("utf-8", "replace")


def test_a_report_says_what_it_covers_and_shows_no_face_unasked(
    person: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    qtbot.keyClick(person, Key.Key_E, Modifier.ControlModifier)
    shown = dialog(ExportDialog, qtbot)
    assert not shown.faces.isChecked()
    assert not shown.heat.isEnabled()
    source = shown.tree.topLevelItem(0)
    assert source is not None
    assert source.text(0) == NAME
    assert "<script>" not in source.toolTip(0)
    assert source.childCount() == 1
    path = tmp_path / "out.html"
    shown.path.setText(str(path))
    shown.view.setChecked(False)
    text = written(person, qtbot, shown)
    assert "Only a part of this file was analysed: 0:00.0 to" in text
    assert sha256_of(tmp_path / NAME) in text
    assert "data:image" not in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    status = person.statusBar()
    assert status is not None
    assert status.currentMessage().startswith("Saved ")
    # The same with pictures, and for its owner alone.
    again = asked(person, qtbot, tmp_path / "faces.html")
    again.faces.setChecked(True)
    again.heat.setChecked(True)
    assert "The same with the heat map" in written(person, qtbot, again)
    assert (tmp_path / "faces.html").stat().st_mode & 0o077 == 0


def test_a_pdf_and_nobody_is_chosen(person: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    shown = asked(person, qtbot, tmp_path / "out.html")
    shown.pdf.setChecked(True)
    assert shown.path.text().endswith("out.pdf")
    assert written(person, qtbot, shown).startswith("%PDF")
    shown = asked(person, qtbot, tmp_path / "nobody.html")
    source = shown.tree.topLevelItem(0)
    assert source is not None
    person_item = source.child(0)
    assert person_item is not None
    person_item.setCheckState(0, Qt.CheckState.Unchecked)
    assert source.checkState(0) == Qt.CheckState.Unchecked
    assert not shown.save.isEnabled()
    shown.reject()


def test_a_file_that_was_seen_whole_is_not_called_a_part(
    window: MainWindow, face_clip: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    window.open(str(face_clip))
    wait(qtbot, lambda: window.state is SourceState.ENDED)
    text = written(window, qtbot, asked(window, qtbot, tmp_path / "out.html"))
    assert "Only a part" not in text
    assert "was ended before" not in text
    # Stopped is not forgotten.
    window.start_or_stop()
    wait(qtbot, lambda: window.player.pipeline is None)
    assert "Person #1" in written(window, qtbot, asked(window, qtbot, tmp_path / "b.html"))


def test_nothing_to_report_is_said(window: MainWindow) -> None:
    window.extras.refresh()
    assert not evidence(window).export.isEnabled()
    evidence(window).exports.ask()
    status = window.statusBar()
    assert status is not None
    assert "nothing to report" in status.currentMessage()


def test_what_is_there_is_replaced_only_when_asked_twice(
    person: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "out.html"
    path.write_text("yesterday", "utf-8")
    shown = asked(person, qtbot, path)
    shown.save.click()
    wait(qtbot, lambda: "once more to replace it" in shown.complaint.text())
    assert path.read_text("utf-8") == "yesterday"
    assert shown.save.isEnabled()
    assert written(person, qtbot, shown).startswith("<!doctype html>")


def test_what_cannot_be_written_is_one_sentence_in_the_dialog(
    person: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    clip = tmp_path / NAME
    before = clip.read_bytes()
    shown = asked(person, qtbot, clip)
    for name, words in (
        (str(clip), "would replace the source itself"),
        (str(tmp_path / "out.txt"), "must end in .html or .pdf"),
        (str(tmp_path / "no folder" / "out.html"), "No such file or directory"),
        ("", "Name the file"),
    ):
        shown.path.setText(name)
        shown.replace = True
        shown.save.click()
        wait(qtbot, lambda w=words: w in shown.complaint.text().replace("\u200b", ""))
    assert clip.read_bytes() == before
    shown.reject()


class Held:
    """Holds the export where its file would be written until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        plain = export_job.write

        def slow(path: Path, runs: object, **more: object) -> None:
            self.begun.set()
            assert self.go_on.wait(20)
            plain(path, runs, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(export_job, "write", slow)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(monkeypatch)
    yield held
    held.go_on.set()


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_stopping_leaves_no_half_file(
    person: MainWindow, qtbot: QtBot, tmp_path: Path, held: Held, how: str
) -> None:
    path = tmp_path / "out" / "report.html"
    path.parent.mkdir()
    path.write_text("yesterday", "utf-8")
    shown = asked(person, qtbot, path)
    shown.replace = True
    shown.save.click()
    wait(qtbot, held.begun.is_set)
    assert shown.bar.isVisible()
    assert not shown.save.isEnabled()
    if how == "cancel":
        shown.cancel.click()
        held.go_on.set()
        status = person.statusBar()
        assert status is not None
        wait(qtbot, lambda: "was not written" in status.currentMessage())
    else:
        threading.Timer(0.2, held.go_on.set).start()
        person.close()
    assert path.read_text("utf-8") == "yesterday"
    assert list(path.parent.iterdir()) == [path]
    assert not [t.name for t in threading.enumerate() if t.name.startswith("fw-export")]


def test_it_is_opened_afterwards_if_that_is_ticked(
    person: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    seen: list[Path] = []
    evidence(person).exports.view = seen.append
    for tick in (False, True):
        shown = asked(person, qtbot, tmp_path / f"{tick}.html")
        shown.view.setChecked(tick)
        written(person, qtbot, shown)
    assert seen == [tmp_path / "True.html"]


def test_a_live_source_is_reported_while_it_runs(
    config: Config, units: list[Unit], qtbot: QtBot, tmp_path: Path
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with camera(units) as (url, _server):
        window.open(url)
        wait(qtbot, lambda: bool(window.desk.bridges["source"].recording.outline()))
        shown = asked(window, qtbot, tmp_path / "live.html")
        says_no_secret(shown)
        text = written(window, qtbot, shown)
        assert "still watched when this was made" in text
        assert not re.search(r"s3cr3t|p@ss|p%40ss", text)
        # Its time begins with it, not with this machine.
        first = window.desk.bridges["source"].recording.outline()[0].first_s
        assert 0 <= first < 60
        window.close()


def test_of_several_sources_one_report_has_those_that_are_ticked(
    config: Config, units: list[Unit], face_clip: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    with camera(units) as (url, _server):
        entries = (
            SourceEntry(name="door", url=url),
            SourceEntry(name="tape", source=str(face_clip)),
        )
        window = MainWindow(quick(config))
        qtbot.addWidget(window)
        window.show()
        window.open_many(replace(quick(config), sources=entries))
        bridges = window.desk.bridges
        wait(qtbot, lambda: all(one.recording.outline() for one in bridges.values()))
        both = written(window, qtbot, asked(window, qtbot, tmp_path / "both.html"))
        assert "Report on 2 sources" in both
        shown = asked(window, qtbot, tmp_path / "one.html")
        first = shown.tree.topLevelItem(0)
        assert first is not None
        assert first.text(0) == "door"
        first.setCheckState(0, Qt.CheckState.Unchecked)
        one = written(window, qtbot, shown)
        assert "Report on 2 sources" not in one
        assert "/live" not in one
        assert sha256_of(face_clip) in one
        window.close()


# The dialog by itself


def offers(count: int, people: int) -> list[Offer]:
    def person(number: int) -> Outline:
        return Outline(number, 0.0, 1.0, VerdictState.UNCERTAIN, 0.7)

    return [
        Offer(f"camera {i}", Recording(), tuple(person(n) for n in range(1, people + 1)))
        for i in range(count)
    ]


def test_of_several_sources_those_are_in_it_that_are_ticked(qtbot: QtBot) -> None:
    shown = ExportDialog(offers(3, 20))
    qtbot.addWidget(shown)
    got: list[Export] = []
    shown.wanted.connect(got.append)
    first, second = shown.tree.topLevelItem(0), shown.tree.topLevelItem(1)
    assert first is not None
    assert second is not None
    first.setCheckState(0, Qt.CheckState.Unchecked)
    child = second.child(4)
    assert child is not None
    child.setCheckState(0, Qt.CheckState.Unchecked)
    shown.accept_wish()
    one, other = got[0].parts
    assert one.people == frozenset(range(1, 21)) - {5}
    assert other.people is None
    assert not got[0].faces


def test_the_file_dialog_has_asked_already(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ExportDialog(offers(1, 0))
    qtbot.addWidget(shown)
    path = str(tmp_path / "a.pdf")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (path, ""))
    shown.browse.click()
    assert shown.path.text() == path
    assert shown.pdf.isChecked()
    assert shown.replace
    shown.path.setText(str(tmp_path / "b.html"))
    assert shown.html.isChecked()
    assert not shown.replace


@pytest.mark.parametrize(
    "name", [NAME, "a" * 300, "..", "rtsp://h/x?token=1", "שלום", "a\u202eb.mp4", "???"]
)
def test_a_name_is_suggested_that_every_disk_takes(name: str, tmp_path: Path) -> None:
    path = suggested([name], tmp_path, ".html")
    assert path.parent == tmp_path
    assert len(path.name) < 120
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\u202e]', path.name)
    path.write_text("", "utf-8")


def test_every_control_has_a_name_and_can_be_reached(qtbot: QtBot) -> None:
    shown = ExportDialog(offers(1, 2))
    qtbot.addWidget(shown)
    shown.show()
    fields: list[Callable[[], str]] = [
        shown.tree.accessibleName,
        shown.path.accessibleName,
        shown.bar.accessibleName,
        shown.html.text,
        shown.browse.text,
    ]
    assert all(name() for name in fields)
    for widget in (shown.tree, shown.html, shown.faces, shown.path, shown.browse, shown.save):
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
