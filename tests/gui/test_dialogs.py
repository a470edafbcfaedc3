"""What asks for sources: no password in sight, nothing that keeps Qt waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from realtime import devices
from realtime.config import Config
from realtime.sources import Address, SourceKind, Transport, parse
from realtime.types import SourceState
from realtime.window.device_dialog import DeviceDialog
from realtime.window.device_list import Choice
from realtime.window.main_window import MainWindow
from realtime.window.stream_dialog import StreamDialog
from realtime.window.user_info import join_user, split_user
from tests.gui.live import camera, items, quick, says_no_secret, wait_for
from tests.servers.scripted import Unit
from tests.x_server import needs_xvfb, x_server

Key = Qt.Key


@pytest.fixture
def stream(qtbot: QtBot) -> Iterator[tuple[StreamDialog, list[Address]]]:
    """The dialog, and where its answer goes."""
    dialog = StreamDialog()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    chosen: list[Address] = []
    dialog.chosen.connect(chosen.append)
    dialog.show()
    yield dialog, chosen
    dialog.close()


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("rtsp://cam/x", ("rtsp://cam/x", "", "")),
        ("rtsp://me@cam/x", ("rtsp://cam/x", "me", "")),
        ("rtsp://me:pw@cam:554/x?a=1", ("rtsp://cam:554/x?a=1", "me", "pw")),
        ("rtsp://me:p%40w@[::1]:554/x", ("rtsp://[::1]:554/x", "me", "p@w")),
        ("rtsp://me:p@w/d:x@cam/x", ("rtsp://cam/x", "me", "p@w/d:x")),
        ("rtsp://:pw@cam", ("rtsp://cam", "", "pw")),
        ("rtsp://cam/mail@home", ("rtsp://cam/mail@home", "", "")),
        ("cam/x@y", ("cam/x@y", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_url_is_taken_apart(url: str, parts: tuple[str, str, str]) -> None:
    assert split_user(url) == parts


_ANY = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(_ANY, _ANY)
def test_user_and_password_survive_the_way_through_a_url(user: str, password: str) -> None:
    whole = join_user("rtsp://cam.example:554/live", user, password)
    assert split_user(whole) == ("rtsp://cam.example:554/live", user, password)
    assert parse(whole).kind is SourceKind.STREAM


def test_what_is_pasted_is_hidden_at_once(
    stream: tuple[StreamDialog, list[Address]], qtbot: QtBot
) -> None:
    dialog, chosen = stream
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.setText("rtsp://me:hunter2/p@ss@cam.example/live")
    dialog.url.paste()
    assert dialog.url.text() == "rtsp://cam.example/live"
    says_no_secret(dialog)
    dialog.udp.setChecked(True)
    qtbot.keyClick(dialog, Key.Key_Return)
    (address,) = chosen
    assert address.kind is SourceKind.STREAM
    assert address.transport is Transport.UDP
    assert address.target == "rtsp://me:hunter2%2Fp%40ss@cam.example/live"
    assert "hunter2" not in repr(address)


def test_what_is_typed_is_hidden_when_it_is_done(
    stream: tuple[StreamDialog, list[Address]], qtbot: QtBot
) -> None:
    dialog, chosen = stream
    qtbot.keyClicks(dialog.url, "rtsp://me:hunter2@cam/live")
    assert dialog.url.text() == "rtsp://me:hunter2@cam/live"  # not under the typist's fingers
    dialog.accept()
    assert [a.target for a in chosen] == ["rtsp://me:hunter2@cam/live"]
    says_no_secret(dialog)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "must begin with rtsp://"),
        ("cam.example/live", "must begin with rtsp://"),
        ("http://cam/live.ts", "tick the box"),
        ("ftp://cam/live.ts", "cannot be watched"),
        ("rtsp://me:hunter2@/live", "names no host"),
    ],
)
def test_a_mistake_is_said_and_the_dialog_stays(
    stream: tuple[StreamDialog, list[Address]], url: str, complaint: str
) -> None:
    dialog, chosen = stream
    dialog.url.setText(url)
    dialog.accept()
    assert chosen == []
    assert dialog.isVisible()
    assert complaint in dialog.complaint.text()
    says_no_secret(dialog)


def test_http_can_be_allowed(stream: tuple[StreamDialog, list[Address]]) -> None:
    dialog, chosen = stream
    dialog.url.setText("http://cam/live.ts")
    dialog.http.setChecked(True)
    dialog.accept()
    assert [a.target for a in chosen] == ["http://cam/live.ts"]


def test_from_the_dialog_to_a_live_picture(qtbot: QtBot, config: Config, units: list[Unit]) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with camera(units) as (url, _):
        window.actions_.open_stream.trigger()
        (dialog,) = window.findChildren(StreamDialog)
        dialog.url.setText(url)
        dialog.accept()
        wait_for(qtbot, lambda: window.state is SourceState.LIVE)
        wait_for(qtbot, lambda: not window.findChildren(StreamDialog))
        says_no_secret(window)
        window.close()


@needs_xvfb
def test_screens_and_windows_are_listed_and_one_is_watched(
    qtbot: QtBot, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = MainWindow(quick(config))
    qtbot.addWidget(window)
    window.show()
    with x_server("640x480") as (display, _):
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
        window.actions_.open_device.trigger()
        (dialog,) = window.findChildren(DeviceDialog)
        assert [item.text(0) for item in items(dialog.tree)] == ["looking …"] * 3
        wait_for(qtbot, lambda: "looking …" not in [i.text(0) for i in items(dialog.tree)])
        found = {item.text(0): item for item in items(dialog.tree)}
        assert not dialog.open_button.isEnabled()
        screen = found["Screen 1"]
        assert screen.text(1) == "640 × 480"
        dialog.tree.setCurrentItem(screen)
        assert dialog.open_button.isEnabled()
        dialog.accept()
        # An empty screen is black, which is a state and not a picture without a face.
        wait_for(qtbot, lambda: window.canvas.result is not None)
        assert window.windowTitle() == "Screen 1 — fakewatch"
        window.close()


def test_what_cannot_be_opened_can_be_read_but_not_chosen(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = Choice(SourceKind.CAMERA, "C920", "/dev/video0", parse("/dev/video0"))
    used = Choice(SourceKind.CAMERA, "BRIO", "It is in use; close that program.", None)
    dialog = DeviceDialog()
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    wait_for(qtbot, lambda: "looking …" not in [i.text(0) for i in items(dialog.tree)])
    dialog._fill(dialog._asked, SourceKind.CAMERA, [free, used])
    rows = {item.text(0): item for item in items(dialog.tree)}
    dialog.tree.setCurrentItem(rows["C920"])
    assert dialog.open_button.isEnabled()
    dialog.tree.setCurrentItem(rows["BRIO"])
    assert not dialog.open_button.isEnabled()
    dialog.accept()
    assert dialog.isVisible()
    dialog.reject()


def test_a_driver_that_does_not_answer_holds_nothing_up(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()

    def hang() -> list[devices.CameraFound]:
        answer.wait(30)
        return []

    monkeypatch.setattr(devices, "list_cameras", hang)
    dialog = DeviceDialog()
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.show()
    with qtbot.waitSignal(dialog.finished, timeout=2000):
        dialog.reject()
    answer.set()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "lists no source"),
        ("[[sources]]\nurl = 'rtsp://me:hunter2@/x'", "names no host"),
        ("[[sources]]\nurl = 3", "sources"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_said(
    qtbot: QtBot,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    text: str,
    complaint: str,
) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text(text)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(path), ""))
    window = MainWindow(config)
    qtbot.addWidget(window)
    window.show()
    window.actions_.open_config.trigger()
    wait_for(qtbot, lambda: complaint in window.banner.text)
    assert window.sources.recents.all == ()
    says_no_secret(window)
    window.close()
