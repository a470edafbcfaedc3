"""Asks for the address of a stream. What a password consists of is never on the screen."""

from __future__ import annotations

import threading
from typing import Final

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

from realtime import keyring_store
from realtime.errors import ConfigError
from realtime.keyring_store import Credentials
from realtime.redact import redact
from realtime.sources import SourceKind, Transport, parse
from realtime.window.errands import Errands
from realtime.window.translate import tr
from realtime.window.user_info import join_user, split_user

_EXAMPLE: Final = "rtsp://camera.example/stream"


class StreamDialog(QDialog):
    """``chosen`` gives an `Address` once; the dialog is gone then, and what was typed with it.

    ``remembered`` comes before it with the bare URL and the `Credentials` if they are to be kept.
    Whether this system can keep them is asked elsewhere, as its keyring may take its time.
    """

    chosen = Signal(object)
    remembered = Signal(str, object)

    def __init__(self, parent: QWidget | None = None, url: str = "", complaint: str = "") -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Watch a stream"))
        self.url = QLineEdit()
        self.url.setPlaceholderText(_EXAMPLE)
        self.url.setMinimumWidth(360)
        self.user = QLineEdit()
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.remember = QCheckBox(tr("&Remember both in the keyring of this system"))
        self.remember.setEnabled(False)
        self.keyring = _sentence(tr("Looking for a keyring …"))
        self.udp = QCheckBox(tr("&UDP instead of TCP"))
        self.http = QCheckBox(tr("Allow &HTTP, which anybody on the way can read and change"))
        self.complaint = _sentence("")
        self.complaint.hide()
        self._length = 0
        self._lay_out()
        self.url.textChanged.connect(self._on_changed)
        self.url.editingFinished.connect(self._hide_user_info)
        self._errands = Errands(self)
        self.finished.connect(lambda _: self._errands.stop())
        self._errands.run(keyring_store.require, self._on_keyring)
        self.url.setText(url)
        if complaint:
            self._complain(complaint)
        if url:
            (self.http if url.lower().startswith("http") else self.user).setFocus()

    @property
    def threads(self) -> list[threading.Thread]:
        """What is still under way after the dialog was closed."""
        return self._errands.threads

    def accept(self) -> None:
        """Give the address, or say in one sentence what is wrong with it."""
        self._hide_user_info()
        url = self.url.text().strip()
        user, password = self.user.text(), self.password.text()
        transport = Transport.UDP if self.udp.isChecked() else Transport.TCP
        keep = self.remember.isChecked() and bool(user or password)
        try:
            if "://" not in url:
                raise ConfigError(
                    tr("The address must begin with rtsp://, as in {example}.").format(
                        example=_EXAMPLE
                    )
                )
            if url.lower().startswith("http") and not self.http.isChecked():
                raise ConfigError(tr("HTTP has to be allowed; tick the box, or use rtsps://."))
            if keep and not user:
                raise ConfigError(tr("A password is kept by its user; give the user too."))
            whole = join_user(url, user, password)
            address = parse(whole, transport=transport, allow_http=self.http.isChecked())
        except ConfigError as exc:
            self._complain(redact(exc))
            return
        if address.kind is SourceKind.STREAM:
            if keep:
                self.remembered.emit(split_user(address.target)[0], Credentials(user, password))
            self.chosen.emit(address)
            super().accept()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(tr("&Address"), self.url)
        form.addRow(tr("U&ser"), self.user)
        form.addRow(tr("&Password"), self.password)
        for field, name in (
            (self.url, tr("Address of the stream")),
            (self.user, tr("User")),
            (self.password, tr("Password")),
        ):
            field.setAccessibleName(name)
        for box in (self.remember, self.keyring, self.udp, self.http):
            form.addRow("", box)
        buttons = QDialogButtonBox()
        for standard in ("Open", "Cancel"):
            buttons.addButton(getattr(QDialogButtonBox.StandardButton, standard))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.complaint)
        column.addWidget(buttons)

    def _on_keyring(self, problem: object) -> None:
        self.keyring.setVisible(problem is not None)
        self.keyring.setText("" if problem is None else redact(problem))
        self.remember.setEnabled(problem is None)
        self._make_room()

    def _complain(self, sentence: str) -> None:
        self.complaint.setText(sentence)
        self.complaint.show()
        self._make_room()

    def _make_room(self) -> None:
        """A sentence that wraps needs more height than a layout asks for by itself."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), max(self.height(), layout.heightForWidth(self.width())))

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


def _sentence(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
