"""Lists the cameras, screens and windows of this machine and lets one be chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime import devices
from realtime.errors import FakewatchError
from realtime.logs import unexpected
from realtime.redact import redact
from realtime.sources import Address, SourceKind

_JOIN_S: Final = 0.3
_NONE: Final = {
    SourceKind.CAMERA: "none is connected",
    SourceKind.SCREEN: "there is none",
    SourceKind.WINDOW: "none is open",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One device. ``address`` is None where it cannot be opened; ``about`` then says why."""

    kind: SourceKind
    name: str
    about: str
    address: Address | None


def cameras() -> list[Choice]:
    """Every camera, also those that cannot be opened; raises `SourceError`."""
    found = []
    for camera in devices.list_cameras():
        name = redact(camera.name)
        address = Address(SourceKind.CAMERA, camera.path or str(camera.index), name)
        if camera.problem is None:
            found.append(Choice(SourceKind.CAMERA, name, redact(camera.path), address))
        else:
            found.append(Choice(SourceKind.CAMERA, name, redact(camera.problem), None))
    return found


def screens() -> list[Choice]:
    """Every screen; raises `SourceError` where there is none."""
    found = []
    for screen in devices.list_screens():
        name = f"Screen {screen.number}" if screen.number else "All screens together"
        address = Address(SourceKind.SCREEN, str(screen.number), name)
        found.append(Choice(SourceKind.SCREEN, name, _size(*screen.area[2:]), address))
    return found


def windows() -> list[Choice]:
    """Every window that can be seen; raises `SourceError` where windows cannot be captured."""
    found = []
    for window in devices.list_windows():
        name = redact(window.title)
        address = Address(SourceKind.WINDOW, f"0x{window.number:x}", name)
        found.append(Choice(SourceKind.WINDOW, name, _size(*window.area[2:]), address))
    return sorted(found, key=lambda choice: choice.name.casefold())


def _size(width: int, height: int) -> str:
    return f"{width} × {height}"


_KINDS: Final[tuple[tuple[SourceKind, str, Callable[[], list[Choice]]], ...]] = (
    (SourceKind.CAMERA, "Cameras", cameras),
    (SourceKind.SCREEN, "Screens", screens),
    (SourceKind.WINDOW, "Windows", windows),
)


class DeviceDialog(QDialog):
    """``chosen`` gives an `Address` once. Drivers may take seconds: they are asked elsewhere."""

    chosen = Signal(object)
    _found = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Watch a camera, a screen or a window")
        self.resize(620, 420)
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderHidden(True)
        self.tree.setAccessibleName("Cameras, screens and windows")
        header = self.tree.header()
        assert header is not None
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.tree.setColumnWidth(0, 360)
        self._groups = {kind: self._group(title) for kind, title, _ in _KINDS}
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox()
        self.open_button = _there(self.buttons.addButton(standard.Open))
        self.buttons.addButton(standard.Cancel)
        again = _there(self.buttons.addButton(standard.Retry))
        again.setText("&Look again")
        again.clicked.connect(self.look)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.tree.itemActivated.connect(lambda *_: self.accept())
        self.tree.itemSelectionChanged.connect(self._enable)
        column = QVBoxLayout(self)
        column.addWidget(self.tree)
        column.addWidget(self.buttons)
        self._found.connect(self._fill)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.finished.connect(lambda _: self._end())
        self.look()

    def look(self) -> None:
        """Ask the system anew."""
        self._end()
        self._stop = threading.Event()
        for group in self._groups.values():
            group.takeChildren()
            group.addChild(_plain("looking …"))
        self._enable()
        self._thread = threading.Thread(
            target=self._look, args=(self._stop,), name="fw-look", daemon=True
        )
        self._thread.start()

    def accept(self) -> None:
        """Give what is selected; nothing happens while that cannot be opened."""
        choice = self._selected()
        if choice is not None and choice.address is not None:
            self.chosen.emit(choice.address)
            super().accept()

    def _look(self, stop: threading.Event) -> None:
        for kind, _, find in _KINDS:
            if stop.is_set():
                return
            found: list[Choice] | FakewatchError
            try:
                found = find()
            except FakewatchError as exc:
                found = exc
            except Exception as exc:  # noqa: BLE001 - a driver may do anything
                found = unexpected(exc)
            if not stop.is_set():
                self._found.emit((stop, kind), found)

    def _fill(
        self, asked: tuple[threading.Event, SourceKind], found: list[Choice] | FakewatchError
    ) -> None:
        stop, kind = asked
        if stop is not self._stop:
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
                item.setToolTip(column, text)
            if choice.address is None:
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)  # to be read, not to be chosen
            group.addChild(item)
        if not found:
            group.addChild(_plain(_NONE[kind]))

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

    def _enable(self) -> None:
        choice = self._selected()
        self.open_button.setEnabled(choice is not None and choice.address is not None)

    def _end(self) -> None:
        """The thread ends after the list that it is at; each of them has a deadline."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
            self._thread = None


def _there(button: QPushButton | None) -> QPushButton:
    assert button is not None
    return button


def _plain(text: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([text])
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    return item
