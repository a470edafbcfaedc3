"""Passwords go into the keyring of the system or nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked, PasswordDeleteError

from realtime.errors import ConfigError
from realtime.keyring_store import Credentials, available, forget, host_of, load, save

URL = "rtsp://camera.local/stream"


class Memory(KeyringBackend):
    """A backend as the library asks for it, that keeps everything in a dictionary."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
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


class Forgetful(Memory):
    """One that takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.fixture
def memory() -> Memory:
    ring = Memory()
    keyring.set_keyring(ring)
    return ring


def test_what_was_kept_is_found_by_host_and_user(memory: Memory) -> None:
    assert available()
    assert load(URL, "anna") is None
    save(URL, Credentials("anna", "hunter2"))
    save(URL, Credentials("bert", "other"))
    save("rtsp://camera.local:8554/stream", Credentials("anna", "third"))
    assert load("rtsp://CAMERA.local:554/another?x=1", "anna") == Credentials("anna", "hunter2")
    assert load(URL, "bert") == Credentials("bert", "other")
    save(URL, Credentials("anna", "new"))
    assert load(URL, "anna") == Credentials("anna", "new")
    assert len(memory.kept) == 3


def test_what_is_forgotten_is_gone(memory: Memory) -> None:
    save(URL, Credentials("anna", "hunter2"))
    assert forget(URL, "anna")
    assert not forget(URL, "anna")
    assert load(URL, "anna") is None
    assert memory.kept == {}


@pytest.mark.parametrize("ring", [fail.Keyring(), null.Keyring()], ids=["fail", "null"])
def test_without_a_keyring_one_sentence_says_that_nothing_is_kept(ring: KeyringBackend) -> None:
    keyring.set_keyring(ring)
    assert not available()
    for action in (
        lambda: save(URL, Credentials("anna", "hunter2")),
        lambda: load(URL, "anna"),
        lambda: forget(URL, "anna"),
    ):
        with pytest.raises(ConfigError, match="no password is kept") as caught:
            action()
        assert str(caught.value).endswith(".")
        assert "hunter2" not in str(caught.value)


def test_one_that_writes_plain_text_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "__module__", "keyrings.alt.file")
    ring = Memory()
    keyring.set_keyring(ring)
    with pytest.raises(ConfigError, match="no keyring"):
        save(URL, Credentials("anna", "hunter2"))
    assert ring.kept == {}


def test_a_locked_or_forgetful_one_is_told_without_what_it_says() -> None:
    keyring.set_keyring(Locked())
    for action in (
        lambda: save(URL, Credentials("anna", "hunter2")),
        lambda: load(URL, "anna"),
        lambda: forget(URL, "anna"),
    ):
        with pytest.raises(ConfigError, match="KeyringLocked") as caught:
            action()
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
    keyring.set_keyring(Forgetful())
    with pytest.raises(ConfigError, match="did not keep"):
        save(URL, Credentials("anna", "hunter2"))


def test_a_password_is_in_no_representation() -> None:
    assert "hunter2" not in repr(Credentials("anna", "hunter2"))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("rtsp://u:p@Camera:554/x", "rtsp://camera:554"),
        ("rtsps://camera/x", "rtsps://camera:322"),
        ("rtsp://[fe80::1]:8554/x", "rtsp://[fe80::1]:8554"),
        ("https://camera/", "https://camera:443"),
    ],
)
def test_a_host_is_the_same_however_it_is_written(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("url", ["", "camera", "rtsp://", "rtsp://u:hunter2@h:x/", "rtsp://[::1/"])
def test_an_address_without_a_host_is_one_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="no host") as caught:
        host_of(url)
    assert "hunter2" not in str(caught.value)


def test_a_user_is_needed(memory: Memory) -> None:
    with pytest.raises(ConfigError, match="give the user"):
        save(URL, Credentials("", "hunter2"))
    assert memory.kept == {}
