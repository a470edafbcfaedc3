"""What was watched last, without a word about who may watch it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any, Final

from qtpy.QtCore import QObject, QSettings, Signal

from realtime.keyring_store import Credentials
from realtime.redact import redact
from realtime.sources import Address, SourceKind, Transport
from realtime.window.translate import tr
from realtime.window.user_info import join_user, split_user

log = logging.getLogger(__name__)

Region = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

MOST: Final = 10
MANY: Final = "many"
"""The kind of a file of settings that lists sources."""
_KEY: Final = "recent"
_KINDS: Final = (*(kind.value for kind in SourceKind), MANY)
_MAX_TEXT: Final = 4096


class Login(str, Enum):
    """Whether a stream asks who is there, and whether the keyring knows the answer."""

    NONE = "none"
    ASKED = "asked"
    KEPT = "kept"


_LOGINS: Final = tuple(login.value for login in Login)


@dataclass(frozen=True, slots=True)
class Recent:
    """A source that can be opened again; every field may be seen by anybody.

    ``kind`` is that of an `Address`, or `MANY`, whose ``target`` is the path of the file.
    """

    kind: str
    target: str
    name: str
    region: Region | None = None
    transport: str = Transport.TCP.value
    login: str = Login.NONE.value

    @property
    def label(self) -> str:
        """One line for a menu: of a path the end, of a screen its number."""
        if self.kind in (SourceKind.FILE.value, MANY):
            return redact(os.path.basename(self.target) or self.target)
        if self.kind == SourceKind.SCREEN.value and self.target.isdigit():
            return screen_name(int(self.target), self.region)
        return self.name if self.region is None else _with_region(self.name, self.region)

    @property
    def about(self) -> str:
        """All that is known of it, for a tip."""
        path = self.kind in (SourceKind.FILE.value, MANY)
        return redact(self.target) if path else self.label

    @property
    def drawing(self) -> str:
        """The name of the drawing for what kind it is; see `glyphs`."""
        return self.kind if self.region is None else "region"

    def same(self, other: Recent) -> bool:
        """Whether both are one source, whatever its name and the way to it."""
        mine = (self.kind, self.target, self.region)
        return mine == (other.kind, other.target, other.region)

    def address(self, credentials: Credentials | None = None) -> Address:
        """Where it is; raises `ValueError` for `MANY`."""
        target = self.target
        if credentials is not None:
            target = join_user(target, credentials.user, credentials.password)
        kind, transport = SourceKind(self.kind), Transport(self.transport)
        return Address(kind, target, self.name, self.region, transport)


def screen_name(number: int, region: Region | None = None) -> str:
    """What a screen, or a region of it, is called; number 0 is all of them."""
    name = tr("Screen {number}").format(number=number) if number else tr("All screens together")
    return name if region is None else _with_region(name, region)


def _with_region(name: str, region: Region) -> str:
    x, y, width, height = region
    return tr("{name}, {width} × {height} at {x}, {y}").format(
        name=name, width=width, height=height, x=x, y=y
    )


def of_address(address: Address) -> Recent | None:
    """What may be remembered of a source; None where a secret is a part of its address."""
    target, login = address.target, Login.NONE
    if address.kind is SourceKind.STREAM:
        target, user, password = split_user(target)
        login = Login.ASKED if user or password else Login.NONE
        if redact(target) != target:  # a token in its path or query
            return None
    elif address.kind is SourceKind.WINDOW:
        # The number of a window means nothing after it was closed.
        target = address.name if target.startswith("0x") else target
    elif address.kind is SourceKind.FILE:
        target = os.path.abspath(target)
    if len(target) > _MAX_TEXT:
        return None
    name = redact(target) if address.kind is SourceKind.STREAM else redact(address.name)
    return Recent(
        address.kind.value, target, name, address.region, address.transport.value, login.value
    )


def of_config(path: str) -> Recent:
    """A file of settings that lists sources."""
    return Recent(MANY, os.path.abspath(path), redact(os.path.basename(path)))


class Recents(QObject):
    """The newest first, `MOST` at most. ``changed`` says that they are others now.

    They are kept in ``settings``; without, or where these cannot be written, as long as the
    window lives.
    """

    changed = Signal()

    def __init__(self, settings: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._all: list[Recent] = [] if settings is None else _read(settings.value(_KEY))

    @property
    def all(self) -> tuple[Recent, ...]:
        """The newest first."""
        return tuple(self._all)

    def add(self, recent: Recent) -> None:
        """It was watched just now."""
        before = next((one for one in self._all if one.same(recent)), None)
        if before is not None and recent.login == Login.ASKED.value:
            # Opened with what the keyring knows, as far as this list can tell.
            recent = replace(recent, login=max(before.login, recent.login, key=_LOGINS.index))
        self._put([recent, *(one for one in self._all if not one.same(recent))])

    def set_login(self, target: str, login: Login) -> None:
        """What the keyring knows of the stream with this bare URL, if it is in the list."""
        self._put(
            [
                replace(one, login=login.value)
                if (one.kind, one.target) == (SourceKind.STREAM.value, target)
                else one
                for one in self._all
            ]
        )

    def clear(self) -> None:
        """Forget all of them."""
        self._put([])

    def _put(self, those: list[Recent]) -> None:
        if those[:MOST] == self._all:
            return
        self._all = those[:MOST]
        if self._settings is not None:
            self._settings.setValue(_KEY, json.dumps([asdict(one) for one in self._all]))
        self.changed.emit()


def _read(value: object) -> list[Recent]:
    """From settings, which anybody may have written: what makes no sense is left out."""
    if not value:
        return []
    try:
        entries = json.loads(str(value))
        return [one for one in map(_entry, entries) if one is not None][:MOST]
    except (ValueError, TypeError):
        log.warning("the list of recent sources in the settings makes no sense")
        return []


def _entry(entry: Mapping[str, Any]) -> Recent | None:
    try:
        region = entry.get("region")
        found = Recent(
            str(entry["kind"]),
            str(entry["target"])[:_MAX_TEXT],
            redact(entry["name"]),
            None if region is None else _region(region),
            Transport(entry.get("transport", "tcp")).value,
            Login(entry.get("login", "none")).value,
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    if found.kind not in _KINDS or not found.target:
        return None
    # Nobody's password comes out of a settings file, whoever put it there.
    secret = found.kind == SourceKind.STREAM.value and redact(found.target) != found.target
    return None if secret else found


def _region(value: Any) -> Region:
    x, y, width, height = (int(number) for number in value)
    if min(x, y) < 0 or min(width, height) < 1:
        raise ValueError("a region must lie on its screen")
    return x, y, width, height
