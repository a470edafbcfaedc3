"""Lists the cameras, screens and windows of this machine, shows one, and lets it be chosen."""

from __future__ import annotations

import threading
from functools import partial
from typing import Final

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.redact import redact
from realtime.sources import Address, SourceKind
from realtime.window.device_list import KINDS, Choice
from realtime.window.errands import Errands
from realtime.window.preview import Preview
from realtime.window.tips import tip
from realtime.window.translate import later, tr

_LET_GO_MS: Final = 1500
"""How long a source that is previewed may take to be let go of, before it is opened anyway."""
_NONE: Final = {
    SourceKind.CAMERA: later("none is connected"),
    SourceKind.SCREEN: later("there is none"),
    SourceKind.WINDOW: later("none is open"),
}


class DeviceDialog(QDialog):
    """``chosen`` gives an `Address` once, ``region_wanted`` that a part of a screen is meant.

    What is selected is shown beside the list; it was let go of before ``chosen`` is told, as two
    cannot have one camera. Drivers may take seconds: they are asked elsewhere. ``first`` is the
    kind of which the first is selected to begin with.
    """

    chosen = Signal(object)
    region_wanted = Signal()

    def __init__(
        self,
        parent: QWidget | None = None,
        config: Config | None = None,
        first: SourceKind | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Watch a camera, a screen or a window"))
        self.resize(820, 440)
        self._first = first
        self._answer: Address | None = None
        self.tree = _tree()
        self._groups = {kind: self._group(tr(title)) for kind, title, _ in KINDS}
        self.preview = Preview(config or Config())
        self._add_buttons()
        self.tree.itemActivated.connect(lambda *_: self.accept())
        self.tree.itemSelectionChanged.connect(self._on_selected)
        both = QSplitter()
        both.setChildrenCollapsible(False)
        for part, share in ((self.tree, 3), (self.preview, 2)):
            both.addWidget(part)
            both.setStretchFactor(both.count() - 1, share)
        both.setSizes([480, 320])
        column = QVBoxLayout(self)
        column.addWidget(both, 1)
        column.addWidget(self.buttons)
        self._let_go = QTimer(self)
        self._let_go.setSingleShot(True)
        self._let_go.timeout.connect(self._give)
        self.preview.ended.connect(self._give)
        self._errands = Errands(self)
        self._asked = 0
        self.finished.connect(lambda _: self._errands.stop())
        self.finished.connect(lambda _: self.preview.stop())
        self.look()

    @property
    def threads(self) -> list[threading.Thread]:
        """What is still under way after the dialog was closed; each has a deadline."""
        return self._errands.threads + self.preview.threads

    def look(self) -> None:
        """Ask the system anew."""
        self._asked += 1
        for kind, _, find in KINDS:
            group = self._groups[kind]
            group.takeChildren()
            group.addChild(_plain(tr("looking …")))
            self._errands.run(find, partial(self._fill, self._asked, kind))
        self._on_selected()

    def accept(self) -> None:
        """Give what is selected; nothing happens while that cannot be opened."""
        choice = self._selected()
        if choice is None or choice.address is None or self._answer is not None:
            return
        self._answer = choice.address
        self.tree.setEnabled(False)
        self.buttons.setEnabled(False)
        self.preview.say(tr("Opening …"))
        self._let_go.start(_LET_GO_MS)
        self.preview.end()

    def _give(self) -> None:
        address, self._answer = self._answer, None
        self._let_go.stop()
        if address is not None and self.isVisible():
            self.chosen.emit(address)
            super().accept()

    def _ask_for_region(self) -> None:
        self.reject()
        self.region_wanted.emit()

    def _fill(self, asked: int, kind: SourceKind, found: list[Choice] | FakewatchError) -> None:
        if asked != self._asked:
            return
        group = self._groups[kind]
        group.takeChildren()
        if isinstance(found, FakewatchError):
            item = _plain(redact(found))
            group.addChild(item)
            item.setFirstColumnSpanned(True)
            return
        for choice in found:
            item = QTreeWidgetItem([choice.name, choice.about])
            item.setData(0, Qt.ItemDataRole.UserRole, choice)
            for column, text in enumerate((choice.name, choice.about)):
                item.setToolTip(column, tip(text))
            if choice.address is None:
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)  # to be read, not to be chosen
            group.addChild(item)
        if not found:
            group.addChild(_plain(tr(_NONE[kind])))
        self._select_first(kind, group)

    def _select_first(self, kind: SourceKind, group: QTreeWidgetItem) -> None:
        if kind is not self._first or self._selected() is not None:
            return
        children = [group.child(i) for i in range(group.childCount())]
        there = [c for c in children if c is not None and c.flags() & Qt.ItemFlag.ItemIsSelectable]
        if kind is SourceKind.SCREEN and len(there) > 1:
            there = there[1:]  # rarely all of them together
        self.tree.scrollToItem(there[0] if there else group)
        if there:
            self.tree.setCurrentItem(there[0])

    def _group(self, title: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem([title])
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self.tree.addTopLevelItem(group)
        group.setExpanded(True)
        return group

    def _selected(self) -> Choice | None:
        item = self.tree.currentItem()
        choice = None if item is None else item.data(0, Qt.ItemDataRole.UserRole)
        return choice if isinstance(choice, Choice) else None

    def _on_selected(self) -> None:
        choice = self._selected()
        address = None if choice is None else choice.address
        self.open_button.setEnabled(address is not None)
        self.preview.show_address(address, "" if choice is None else choice.about)

    def _add_buttons(self) -> None:
        standard, roles = QDialogButtonBox.StandardButton, QDialogButtonBox.ButtonRole
        self.buttons = QDialogButtonBox()
        self.open_button = _there(self.buttons.addButton(standard.Open))
        self.buttons.addButton(standard.Cancel)
        region = _there(self.buttons.addButton(tr("A screen &region…"), roles.ActionRole))
        region.clicked.connect(self._ask_for_region)
        again = _there(self.buttons.addButton(standard.Retry))
        again.setText(tr("&Look again"))
        again.clicked.connect(self.look)
        for button in (region, again):
            button.setAutoDefault(False)  # Enter opens what is selected
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)


def _tree() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setColumnCount(2)
    tree.setHeaderHidden(True)
    tree.setAccessibleName(tr("Cameras, screens and windows"))
    tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    header = tree.header()
    assert header is not None
    header.setStretchLastSection(True)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
    tree.setColumnWidth(0, 320)
    return tree


def _there(button: QPushButton | None) -> QPushButton:
    assert button is not None
    return button


def _plain(text: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([text])
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    return item
