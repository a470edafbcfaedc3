"""Streams: who may watch them is in the keyring, or in nobody's memory but the viewer's."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QLineEdit

from realtime import keyring_store
from realtime.config import Config
from realtime.keyring_store import Credentials
from realtime.sources import Address, Transport, parse
from realtime.types import SourceState
from realtime.window.main_window import MainWindow
from realtime.window.recents import Login, of_address
from realtime.window.stream_dialog import StreamDialog
from tests.gui.live import SECRET, USER, camera, quick, says_no_secret, wait_for
from tests.rings import Locked, Memory, Waiting
from tests.servers.scripted import Unit

URL = "rtsp://127.0.0.1:9/live"
"""Where nobody answers."""


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


@pytest.fixture
def live(qtbot: QtBot, config: Config, tmp_path: Path) -> Iterator[MainWindow]:
    """A window with short deadlines and settings."""
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    window = MainWindow(quick(config), settings=settings)
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def asked(window: MainWindow, qtbot: QtBot) -> StreamDialog:
    """The dialog, once it knows whether there is a keyring."""
    (dialog,) = window.findChildren(StreamDialog)
    wait_for(qtbot, lambda: not dialog.keyring.text().startswith("Looking"))
    return dialog


def target(window: MainWindow) -> str:
    """What was asked for last, password and all."""
    assert window.asked is not None
    source = window.asked.wanted[0].source
    assert isinstance(source, Address)
    return source.target


def test_what_is_remembered_opens_the_stream_again_and_is_written_nowhere(
    live: MainWindow,
    qtbot: QtBot,
    memory: Memory,
    units: list[Unit],
    *,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with camera(units) as (url, server):
        live.actions_.open_stream.trigger()
        dialog = asked(live, qtbot)
        assert dialog.remember.isEnabled()
        assert not dialog.remember.isChecked()
        assert not dialog.keyring.isVisible()
        dialog.url.setText(url)
        dialog.remember.setChecked(True)
        dialog.accept()
        wait_for(qtbot, lambda: live.state is SourceState.LIVE)
        bare = f"rtsp://127.0.0.1:{server.port}/live"
        recents = live.sources.recents
        wait_for(qtbot, lambda: [r.login for r in recents.all] == ["kept"])
        assert recents.all[0].label == bare
        assert keyring_store.recall(bare) == Credentials(USER, SECRET)
        live.actions_.start_stop.trigger()
        wait_for(qtbot, lambda: live.player.engine is None)
        (button,) = live.start_page.recents
        button.click()
        wait_for(qtbot, lambda: live.state is SourceState.LIVE)
        assert target(live) == url.replace(SECRET, "s3cr3t%2Fp%40ss")
        assert [r.login for r in recents.all] == ["kept"]
        says_no_secret(live)
        live.close()
    kept = (tmp_path / "w.ini").read_text("utf-8")
    assert bare in kept
    for secret in ("s3cr3t", "p@ss", "p%40ss", f"{USER}:", f'"{USER}"'):
        assert secret not in kept
        assert secret not in caplog.text


def test_the_keyring_is_never_asked_on_the_thread_of_the_window(
    live: MainWindow, qtbot: QtBot, memory: Memory
) -> None:
    live.sources.remember(URL, Credentials("anna", "hunter2"))
    wait_for(qtbot, lambda: URL in live.sources._kept)
    live.actions_.open_stream.trigger()
    dialog = asked(live, qtbot)
    dialog.url.setText(URL)
    dialog.accept()
    wait_for(qtbot, lambda: live.sources.recents.all != ())
    assert live.sources.recents.all[0].login == "kept"
    live.sources.open_recent(live.sources.recents.all[0])
    wait_for(qtbot, lambda: "anna" in target(live))
    live.actions_.clear_recent.trigger()
    wait_for(qtbot, lambda: memory.kept == {})
    assert memory.asked_on == {"fw-errand"}


def test_without_a_keyring_it_is_said_and_streams_work(
    live: MainWindow, qtbot: QtBot, units: list[Unit]
) -> None:
    keyring.set_keyring(fail.Keyring())
    with camera(units) as (url, _):
        live.actions_.open_stream.trigger()
        dialog = asked(live, qtbot)
        assert not dialog.remember.isEnabled()
        assert dialog.keyring.isVisible()
        assert dialog.keyring.text().startswith("This system has no keyring, so no password is")
        label = dialog.keyring
        assert label.height() >= label.heightForWidth(label.width())  # all of it can be read
        dialog.url.setText(url)
        dialog.accept()
        wait_for(qtbot, lambda: live.state is SourceState.LIVE)
        assert not live.banner.isVisible()
        assert [r.login for r in live.sources.recents.all] == ["asked"]
        # Next time user and password are asked for again.
        live.sources.open_recent(live.sources.recents.all[0])
        again = asked(live, qtbot)
        assert again.url.text() == live.sources.recents.all[0].target
        assert (again.user.text(), again.password.text()) == ("", "")
        assert again.password.echoMode() == QLineEdit.EchoMode.Password
        again.reject()
        live.close()


def test_a_keyring_that_stays_locked_is_said_and_the_stream_is_opened(
    live: MainWindow, qtbot: QtBot
) -> None:
    keyring.set_keyring(Locked())
    live.actions_.open_stream.trigger()
    dialog = asked(live, qtbot)
    dialog.url.setText(URL)
    dialog.user.setText("anna")
    dialog.password.setText("hunter2")
    dialog.remember.setChecked(True)
    dialog.accept()
    wait_for(qtbot, lambda: "The keyring of the system refused" in live.banner.text)
    wait_for(qtbot, lambda: live.player.engine is not None)
    assert [r.login for r in live.sources.recents.all] == ["asked"]
    says_no_secret(live)
    live.sources.recents.set_login(URL, Login.KEPT)
    live.sources.open_recent(live.sources.recents.all[0])
    wait_for(qtbot, lambda: live.findChildren(StreamDialog) != [])
    again = asked(live, qtbot)
    assert "The keyring of the system refused" in again.complaint.text()
    says_no_secret(live)
    again.reject()


def test_what_the_keyring_has_forgotten_is_asked_for(
    live: MainWindow, qtbot: QtBot, memory: Memory
) -> None:
    found = of_address(parse(URL, transport=Transport.UDP))
    assert found is not None
    live.sources.recents.add(found)
    live.sources.recents.set_login(URL, Login.KEPT)
    live.sources.open_recent(live.sources.recents.all[0])
    wait_for(qtbot, lambda: live.findChildren(StreamDialog) != [])
    dialog = asked(live, qtbot)
    assert dialog.url.text() == URL
    assert dialog.udp.isChecked()
    assert "knows no password for it any more" in dialog.complaint.text()
    assert live.sources.recents.all[0].login == "asked"
    assert dialog.isVisible()
    dialog.reject()
    assert live.asked is None


def test_a_keyring_that_waits_for_its_owner_holds_nothing_up(
    live: MainWindow, qtbot: QtBot, clip: Path
) -> None:
    ring = Waiting()
    keyring.set_keyring(ring)
    found = of_address(parse(URL))
    assert found is not None
    live.sources.recents.add(found)
    live.sources.recents.set_login(URL, Login.KEPT)
    live.sources.open_recent(live.sources.recents.all[0])
    live.sources.open_address(str(clip))  # meanwhile something else
    wait_for(qtbot, lambda: live.canvas.result is not None)
    ring.kept["fakewatch", "rtsp://127.0.0.1:9"] = "anna"
    live.sources.open_recent(live.sources.recents.all[-1])
    before = time.monotonic()
    live.close()
    assert time.monotonic() - before < 2.5
    ring.answer.set()
    assert live.windowTitle().startswith(clip.name)


def test_a_password_needs_its_user_to_be_kept(
    live: MainWindow, qtbot: QtBot, memory: Memory
) -> None:
    live.actions_.open_stream.trigger()
    dialog = asked(live, qtbot)
    dialog.url.setText(URL)
    dialog.password.setText("hunter2")
    dialog.remember.setChecked(True)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.complaint.text() == "A password is kept by its user; give the user too."
    assert dialog.isVisible()
    assert memory.kept == {}
    dialog.password.clear()
    dialog.accept()  # nothing to be kept
    wait_for(qtbot, lambda: live.player.engine is not None)
    assert memory.kept == {}


def test_the_dialog_can_be_closed_while_a_keyring_is_looked_for(
    live: MainWindow, qtbot: QtBot
) -> None:
    live.actions_.open_stream.trigger()
    (dialog,) = live.findChildren(StreamDialog)
    dialog.reject()
    wait_for(qtbot, lambda: live.findChildren(StreamDialog) == [])
