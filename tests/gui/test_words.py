"""What the window says: every text has its translation, and each language is chosen rightly."""

from __future__ import annotations

import ast
import gettext
import re
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QGroupBox,
    QTabBar,
    QTableWidget,
    QTextBrowser,
    QWidget,
)

from realtime.config import Config, FeedbackConfig
from realtime.window import translate
from realtime.window.actions import plain
from realtime.window.help_page import keys_of
from realtime.window.language import speak
from realtime.window.main_window import MainWindow
from realtime.window.translate import choose, first_spoken, languages, tr, trn
from scripts import words
from tests.gui.conftest import WAIT_MS
from tests.gui.evidence import judged
from tests.gui.live import texts

ROOT = Path(__file__).resolve().parents[2]
CATALOGS = words.catalogs()


@pytest.fixture(autouse=True)
def _english_again(qapp: QApplication) -> Iterator[None]:
    yield
    choose("en")


def said(message: Message) -> list[str]:
    """All forms of the translation."""
    forms = message.string
    return list(forms) if isinstance(forms, tuple) else [str(forms)]


def asked(message: Message) -> list[str]:
    """All forms of the text."""
    return list(message.id) if isinstance(message.id, tuple) else [str(message.id)]


def fields(text: str) -> set[str]:
    """Where values go in."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.fixture(params=CATALOGS, ids=lambda path: path.parents[1].name)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return words.load(request.param)


def test_german_is_there() -> None:
    assert "de" in [path.parents[1].name for path in CATALOGS]


def test_the_catalog_holds_what_the_window_says_and_nothing_else(catalog: Catalog) -> None:
    wanted = {str(message.id) for message in words.template() if message.id}
    there = {str(message.id) for message in catalog if message.id}
    assert wanted - there == set(), "run `make words` and translate"
    assert there - wanted == set(), "run `make words`"


def test_nothing_is_left_untranslated_or_doubtful(catalog: Catalog) -> None:
    assert [message.id for message in words.missing(catalog)] == []


def test_values_go_into_translations_too(catalog: Catalog) -> None:
    for message in catalog:
        wanted = set.union(*(fields(text) for text in asked(message)))
        for text in said(message) if message.id else ():
            assert fields(text) <= wanted, message.id
        if message.id and not isinstance(message.id, tuple):
            assert fields(said(message)[0]) == wanted, message.id


def test_what_was_compiled_is_what_is_written() -> None:
    for path in CATALOGS:
        assert path.with_suffix(".mo").read_bytes() == words.as_mo(words.load(path)), "`make words`"
        assert path.read_bytes() == words.as_po(words.load(path)), "`make words`"


def test_a_text_without_translation_is_found(tmp_path: Path) -> None:
    catalog = Catalog(locale="de")
    catalog.add("One", "Eins")
    catalog.add("Two", "")
    catalog.add(("{n} face", "{n} faces"), ("ein Gesicht", ""))
    catalog.add("Three", "Drei", flags=["fuzzy"])
    assert [m.id for m in words.missing(catalog)] == ["Two", ("{n} face", "{n} faces"), "Three"]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in words.KEYWORDS:
            yield node


def test_texts_are_whole_where_they_are_translated() -> None:
    """An f-string, or a value already put in, would never be found in a catalog."""
    for path in words.WINDOW.rglob("*.py"):
        for call in _calls(ast.parse(path.read_text())):
            for argument in call.args[: len(words.KEYWORDS[call.func.id])]:
                whole = isinstance(argument, ast.Constant)
                # A table's text, marked where it stands.
                looked_up = isinstance(argument, ast.Subscript | ast.Name | ast.Attribute)
                looked_up |= getattr(getattr(argument, "func", None), "attr", "") == "get"
                at = f"{path.name}:{call.lineno}"
                assert whole or (looked_up and call.func.id == "tr"), at


def test_a_language_is_chosen_and_left_again(qapp: QApplication) -> None:
    assert tr("Open") == "Open"
    assert choose("de") == "de"
    assert translate.chosen() == "de"
    assert choose("xx") == "en"
    assert trn("one", "many", 1) == "one"
    assert trn("one", "many", 0) == "many"
    assert tr("") == ""  # gettext would give the header of the catalog


def test_a_broken_catalog_is_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "fakewatch.mo").write_bytes(b"no catalog")
    monkeypatch.setattr(translate, "FOLDER", tmp_path)
    monkeypatch.setattr(gettext, "_translations", {})
    assert languages() == {"en": "English", "de": "Deutsch"}
    assert choose("de") == "en"
    assert tr("Open") == "Open"


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        (["de-AT", "en"], "de"),
        (["fr-FR", "de_CH"], "de"),
        (["en-GB", "de"], "en"),
        (["C"], "en"),
        ([], "en"),
    ],
)
def test_the_system_is_understood(wanted: list[str], spoken: str) -> None:
    assert first_spoken(wanted) == spoken


def test_settings_name_the_language_and_qt_follows(qapp: QApplication, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    settings.setValue("language", "de")
    try:
        assert speak(qapp, settings) == "de"
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        cancel = box.button(QDialogButtonBox.StandardButton.Cancel)
        assert cancel is not None
        assert cancel.text() == "Abbrechen"
        settings.setValue("language", "klingon")
        assert speak(qapp, settings) == "en"
    finally:
        settings.setValue("language", "en")
        speak(qapp, settings)


def test_without_settings_the_system_is_asked(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translate, "_of_system", lambda: "de")
    try:
        assert speak(qapp, None) == "de"
    finally:
        monkeypatch.undo()
        assert speak(qapp, None) == "en"


def test_both_ways_of_finding_texts_agree() -> None:
    """What Babel does not see, inside of an f-string for example, would stay English."""
    known: set[object] = {message.id for message in words.template() if message.id}
    for path in words.WINDOW.rglob("*.py"):
        for call in _calls(ast.parse(path.read_text())):
            count = len(words.KEYWORDS[call.func.id])
            values = [getattr(argument, "value", None) for argument in call.args[:count]]
            if all(isinstance(value, str) and value for value in values):
                assert (tuple(values) if count > 1 else values[0]) in known, path.name


class Marked(gettext.NullTranslations):
    """Puts every text that is asked for between marks."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


OWN = re.compile(
    r"fakewatch|^face\.mp4$|^#\d+$|^[\W\d]*$|^\d+(\.\d+)? (s|ms|min|fps)$|English|Deutsch|rtsp://"
    r"|^(OK|Cancel|Close|Open|&OK|&Cancel|&Close|&Open|Abort|Ignore|&Yes|&No|Toggle |Floats|Closes "
    r"|Undocks|Float$|Export\.\.\.|Clear|&Undo|&Redo|Cu&t|&Copy|&Paste|Delete|Select All|Scroll "
    r"|HTML|PDF|\d)|[/\\]",
)
"""What needs no translation here: names, numbers, and the words of Qt, which has its own."""


def unmarked(root: QWidget) -> list[str]:
    """What ``root`` says without having asked for a translation."""
    said_here = {text.strip() for text in texts(root) if text.strip()}
    tabs = root.findChildren(QTabBar)
    said_here |= {bar.tabText(i) for bar in tabs for i in range(bar.count())}
    boxes = root.findChildren(QGroupBox)
    said_here |= {box.title() for box in boxes if box.title()}
    for table in root.findChildren(QTableWidget):
        titles = (table.horizontalHeaderItem(i) for i in range(table.columnCount()))
        said_here |= {title.text() for title in titles if title is not None}
    for area in root.findChildren(QTextBrowser):
        said_here.add(area.toPlainText())
    return sorted(
        text for text in said_here if "⟦" not in text and not OWN.search(text) and text.strip()
    )


@pytest.fixture
def marked() -> Iterator[None]:
    translate._Chosen.catalog = Marked()
    yield
    choose("en")


@pytest.mark.usefixtures("marked")
def test_nothing_is_said_that_cannot_be_translated(
    qtbot: QtBot, config: Config, tmp_path: Path, face_clip: Path
) -> None:
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    place = FeedbackConfig(place=str(tmp_path / "f.sqlite3"))
    window = MainWindow(replace(config, feedback=place), settings=settings)
    qtbot.addWidget(window)
    window.show()
    bar = window.menuBar()
    assert bar is not None
    assert unmarked(window) == []
    judged(window, face_clip, qtbot)
    assert unmarked(window) == []
    window.desk.mark(1.0, "")
    window.actions_.tour.trigger()
    assert unmarked(window) == []
    window.extras.tour.end()
    opened = (
        "Help", "Watch a stream…", "Watch a camera…", "Settings…", "Commands…",
        "Export a report…", "Feedback that is kept…", "This was fake…", "Challenge…",
    )  # fmt: skip
    keys = {key.keys for key in keys_of(bar)}
    left: dict[str, list[str]] = {}
    for name in opened:
        action = next(one for one in window.actions() if plain(one) == f"⟦{name}⟧")
        action.trigger()

        def shown() -> list[QDialog]:
            return [one for one in window.findChildren(QDialog) if one.isVisible()]

        qtbot.waitUntil(lambda: bool(shown()), timeout=WAIT_MS)
        for dialog in shown():
            left[name] = [text for text in unmarked(dialog) if text not in keys]
            dialog.reject()
        qtbot.waitUntil(lambda: not shown(), timeout=WAIT_MS)
    window.close()
    assert {name: texts_left for name, texts_left in left.items() if texts_left} == {}
