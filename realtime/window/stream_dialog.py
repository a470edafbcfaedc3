"""Asks for the address of a stream. What a password consists of is never on the screen."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.sources import SourceKind, Transport, parse

_EXAMPLE: Final = "rtsp://camera.example/stream"
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]+\]|[\w.\-]+)(?::[0-9]{1,5})?")


def split_user(url: str) -> tuple[str, str, str]:
    """A URL without its user info, the user, and the password, both as they are meant.

    Where it can be read in two ways, all before the last @ is user info, lest a part of a
    password stays to be read.
    """
    scheme, found, rest = url.partition("://")
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    if not found or "@" not in rest or _HOST.fullmatch(rest[:end]):
        return url, "", ""  # an @ behind a host belongs to the path
    user_info, _, after = rest.rpartition("@")
    user, _, password = user_info.partition(":")
    return f"{scheme}://{after}", unquote(user), unquote(password)


def join_user(url: str, user: str, password: str) -> str:
    """The whole URL again; signs that it cannot hold are encoded."""
    scheme, found, rest = url.partition("://")
    if not found or not (user or password):
        return url
    both = (
        f"{quote(user, safe='')}:{quote(password, safe='')}" if password else quote(user, safe="")
    )
    return f"{scheme}://{both}@{rest}"


class StreamDialog(QDialog):
    """``chosen`` gives an `Address` once; the dialog is gone then, and what was typed with it."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Watch a stream")
        self.url = QLineEdit()
        self.url.setPlaceholderText(_EXAMPLE)
        self.url.setMinimumWidth(360)
        self.user = QLineEdit()
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.udp = QCheckBox("&UDP instead of TCP")
        self.http = QCheckBox("Allow &HTTP, which anybody on the way can read and change")
        self.complaint = QLabel()
        self.complaint.setTextFormat(Qt.TextFormat.PlainText)
        self.complaint.setWordWrap(True)
        self.complaint.hide()
        form = QFormLayout()
        form.addRow("&Address", self.url)
        form.addRow("&User", self.user)
        form.addRow("&Password", self.password)
        form.addRow("", self.udp)
        form.addRow("", self.http)
        buttons = QDialogButtonBox()
        for standard in ("Open", "Cancel"):
            buttons.addButton(getattr(QDialogButtonBox.StandardButton, standard))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.complaint)
        column.addWidget(buttons)
        self._length = 0
        self.url.textChanged.connect(self._on_changed)
        self.url.editingFinished.connect(self._hide_user_info)

    def accept(self) -> None:
        """Give the address, or say in one sentence what is wrong with it."""
        self._hide_user_info()
        url = self.url.text().strip()
        whole = join_user(url, self.user.text(), self.password.text())
        transport = Transport.UDP if self.udp.isChecked() else Transport.TCP
        try:
            if "://" not in url:
                raise ConfigError(f"The address must begin with rtsp://, as in {_EXAMPLE}.")
            if url.lower().startswith("http") and not self.http.isChecked():
                raise ConfigError("HTTP has to be allowed; tick the box, or use rtsps://.")
            address = parse(whole, transport=transport, allow_http=self.http.isChecked())
        except ConfigError as exc:
            self.complaint.setText(redact(exc))
            self.complaint.show()
            return
        if address.kind is SourceKind.STREAM:
            self.chosen.emit(address)
            super().accept()

    def _on_changed(self, text: str) -> None:
        # Whatever comes in one piece was pasted: its password would stand there to be read.
        pasted = len(text) > self._length + 1
        self._length = len(text)
        if pasted:
            self._hide_user_info()

    def _hide_user_info(self) -> None:
        url, user, password = split_user(self.url.text())
        if user or password:
            self.user.setText(user)
            self.password.setText(password)
            self.url.setText(url)
