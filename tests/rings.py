"""Keyrings for the tests of the window: one that keeps, one that is locked, one that waits."""

from __future__ import annotations

import threading

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class Memory(KeyringBackend):
    """A backend as the library asks for it, that keeps everything in a dictionary."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.asked_on: set[str] = set()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked_on.add(threading.current_thread().name)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.asked_on.add(threading.current_thread().name)
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("hunter2")


class Locked(Memory):
    """One whose owner does not unlock it; what it says must not get out."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("hunter2 is locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"{password} is locked")


class Waiting(Memory):
    """One that waits for its owner to unlock it until ``answer`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.answer.wait(20.0)
        return super().get_password(service, username)
