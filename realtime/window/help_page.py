"""The page behind F1: how to read what the window says, and every key, grouped by menu."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAction,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QMenu,
    QMenuBar,
    QTabWidget,
    QTextBrowser,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime.types import VerdictState
from realtime.window.actions import plain
from realtime.window.people import SIGNS
from realtime.window.states import verdict_name
from realtime.window.translate import later, tr

MEANINGS: Final = {
    VerdictState.NOT_ASSESSABLE: later(
        "Nothing can be said: the face is too small, too blurred, turned away or covered, or was"
        " seen too briefly. The reason stands behind it."
    ),
    VerdictState.LITTLE_EVIDENCE: later(
        "Nothing was found that speaks for a forgery. That is no proof that the face is real."
    ),
    VerdictState.UNCERTAIN: later(
        "Something speaks for a forgery and something against it. Watch longer, or ask for a"
        " better picture."
    ),
    VerdictState.STRONG: later("Much speaks for a forgery. Check in another way before you act."),
    VerdictState.VERY_STRONG: later(
        "Nearly everything that was measured speaks for a forgery. Check in another way all the"
        " same."
    ),
}
WARNINGS: Final = (
    later(
        "Absence of evidence is no proof. Good forgeries, poor pictures and methods that are new"
        " can leave no trace that this program finds."
    ),
    later(
        "Strong evidence is no proof either: real faces are suspected too, most often where the"
        " picture is compressed, filtered or badly lit. Look into Why, and check in another way:"
        " call back, ask for something that only that person knows, look for the original."
    ),
)
NOTES: Final = (
    later(
        "The number behind the words goes from 0 to 1: how probable a forgery is by what was"
        " measured on the clips that the detector was tested with. Your recordings may be unlike"
        " them, and the number further off."
    ),
    later(
        "Why lists the witnesses one by one: what each says, how much it weighs, and for how long"
        " it has seen the person. A bar to the right speaks for a forgery, one to the left against."
    ),
    later(
        "The heat map shows where in the face the classifier found what it judged by, not where"
        " the face was forged."
    ),
    later(
        "Reasons and messages of the analysis itself are in English in every language, so that"
        " they can be searched for."
    ),
)


@dataclass(frozen=True, slots=True)
class Key:
    """An action with its keys as they are written here; ``group`` is the menu it is in."""

    group: str
    text: str
    keys: str


def keys_of(bar: QMenuBar) -> list[Key]:
    """Every action that has a key, in the order of the menus, each once."""
    found: dict[str, Key] = {}
    for action in bar.actions():
        menu = action.menu()
        if isinstance(menu, QMenu):
            for key in _in_menu(menu, plain(action)):
                found.setdefault(key.keys, key)
    return list(found.values())


def _in_menu(menu: QMenu, group: str) -> Iterator[Key]:
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            yield from _in_menu(below, f"{group} ▸ {plain(action)}")
        elif not action.shortcut().isEmpty():
            yield Key(group, plain(action), _written(action))


def _written(action: QAction) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return " / ".join(one.toString(native) for one in action.shortcuts())


def reading() -> str:
    """How to read what is shown, as HTML of our own words alone."""
    states = "".join(
        f"<p><b>{SIGNS[state]} {escape(verdict_name(state))}</b><br>{escape(tr(meaning))}</p>"
        for state, meaning in MEANINGS.items()
    )
    warnings = "".join(f"<p><b>{escape(tr(text))}</b></p>" for text in WARNINGS)
    notes = "".join(f"<li>{escape(tr(text))}</li>" for text in NOTES)
    parts = (
        (tr("What it cannot say"), warnings),
        (tr("How strong the evidence is"), states),
        (tr("How it is shown"), f"<ul>{notes}</ul>"),
    )
    return "".join(f"<h3>{escape(heading)}</h3>{text}" for heading, text in parts)


class HelpPage(QDialog):
    """Two pages: how to read it, and the keys of ``bar``, which can be searched."""

    def __init__(self, bar: QMenuBar, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Help"))
        self.resize(640, 560)
        self.text = QTextBrowser()
        self.text.setAccessibleName(tr("How to read it"))
        self.text.setHtml(reading())
        self.text.setTabChangesFocus(True)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Type a part of a command or a key"))
        self.search.setAccessibleName(tr("Search for a key"))
        self.search.setClearButtonEnabled(True)
        self.keys = QTreeWidget()
        self.keys.setAccessibleName(tr("Keys"))
        self.keys.setHeaderLabels([tr("Command"), tr("Key")])
        header = self.keys.header()
        assert header is not None
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(self.search)
        column.addWidget(self.keys, 1)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.text, tr("How to read it"))
        self.tabs.addTab(page, tr("Keys"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.tabs, 1)
        column.addWidget(buttons)
        self._fill(keys_of(bar))
        self.search.textChanged.connect(self._look)

    def _fill(self, keys: list[Key]) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        for key in keys:
            if key.group not in groups:
                groups[key.group] = QTreeWidgetItem(self.keys, [key.group])
            QTreeWidgetItem(groups[key.group], [key.text, key.keys])
        self.keys.expandAll()

    def _look(self, text: str) -> None:
        parts = text.casefold().split()
        for i in range(self.keys.topLevelItemCount()):
            group = self.keys.topLevelItem(i)
            if group is None:
                continue
            rows = [row for k in range(group.childCount()) if (row := group.child(k)) is not None]
            for row in rows:
                line = f"{group.text(0)} {row.text(0)} {row.text(1)}".casefold()
                row.setHidden(not all(part in line for part in parts))
            group.setHidden(all(row.isHidden() for row in rows))
