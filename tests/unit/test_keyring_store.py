"""Passwords go into the keyring of the system or nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from realtime.errors import ConfigError
from realtime.keyring_store import (
    Credentials,
    forget,
    forget_host,
    host_of,
    load,
    recall,
    remember,
    require,
    save,
)
from tests.rings import Locked, Memory

URL = "rtsp://camera.local/stream"


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
    require()
    assert load(URL, "anna") is None
    save(URL, Credentials("anna", "hunter2"))
    save(URL, Credentials("bert", "other"))
    save("rtsp://camera.local:8554/stream", Credentials("anna", "third"))
    assert load("rtsp://CAMERA.local:554/another?x=1", "anna") == Credentials("anna", "hunter2")
    assert load(URL, "bert") == Credentials("bert", "other")
    save(URL, Credentials("anna", "new"))
    assert load(URL, "anna") == Credentials("anna", "new")
    assert len(memory.kept) == 3


def test_a_host_is_remembered_with_who_was_there_last(memory: Memory) -> None:
    assert recall(URL) is None
    assert not forget_host(URL)
    remember(URL, Credentials("anna", "hunter2"))
    remember("rtsp://camera.local/other", Credentials("bert", "other"))
    remember("rtsp://elsewhere/x", Credentials("carl", "third"))
    assert recall("rtsp://camera.local:554/a?b=1") == Credentials("bert", "other")
    assert forget_host(URL)
    assert recall(URL) is None
    assert load(URL, "anna") is None  # which nobody could find any more
    assert len(memory.kept) == 2
    assert recall("rtsp://elsewhere/y") == Credentials("carl", "third")


def test_what_is_forgotten_is_gone(memory: Memory) -> None:
    save(URL, Credentials("anna", "hunter2"))
    assert forget(URL, "anna")
    assert not forget(URL, "anna")
    assert load(URL, "anna") is None
    assert memory.kept == {}


@pytest.mark.parametrize("ring", [fail.Keyring(), null.Keyring()], ids=["fail", "null"])
def test_without_a_keyring_one_sentence_says_that_nothing_is_kept(ring: KeyringBackend) -> None:
    keyring.set_keyring(ring)
    for action in (
        lambda: save(URL, Credentials("anna", "hunter2")),
        lambda: load(URL, "anna"),
        lambda: forget(URL, "anna"),
        lambda: remember(URL, Credentials("anna", "hunter2")),
        lambda: recall(URL),
        lambda: forget_host(URL),
        require,
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
        lambda: remember(URL, Credentials("anna", "hunter2")),
        lambda: recall(URL),
        lambda: forget_host(URL),
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
