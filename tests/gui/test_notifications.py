"""When something is notified, what is said, and which way it goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from realtime.events import Event, EventKind
from realtime.sources import Address, SourceKind
from realtime.types import VerdictState
from realtime.window.job import Wanted
from realtime.window.notification_policy import (
    LEAST_GAP_S,
    NotificationPolicy,
    notification,
    place_of,
)
from realtime.window.notification_settings import NotificationSettings
from realtime.window.notifications import Notification, Notifier, session_bus

ALERT = Event(
    EventKind.ALERT, 5.0, 0.0, "a", 2, "Strong evidence 0.83: Alice s3cr3t in /home/alice", number=1
)
LOST = Event(EventKind.SOURCE_LOST, 6.0, 0.0, "a", None, "No answer of rtsp://me:s3cr3t@x/")
BACK = replace(LOST, kind=EventKind.SOURCE_BACK, text="Live again")
WANTED = (
    Wanted("a", "Call with Alice", Address(SourceKind.WINDOW, "Call*", "window Call with Alice")),
    Wanted("b", "door", Address(SourceKind.STREAM, "rtsp://u:p@x/1", "rtsp://x/1")),
)


class Clock:
    """Seconds and a time of day, as they are set."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.day = time(12)

    def policy(self, settings: NotificationSettings | None = None) -> NotificationPolicy:
        return NotificationPolicy(
            settings or NotificationSettings(), lambda: self.now, lambda: self.day
        )


def test_an_alert_is_told_once_in_its_cool_down_and_by_person_and_source() -> None:
    clock = Clock()
    policy = clock.policy()
    assert policy.take(ALERT)
    assert policy.due() == [ALERT]
    clock.now += 59.9
    assert not policy.take(ALERT)
    assert policy.take(replace(ALERT, track_id=3))
    assert policy.take(replace(ALERT, source_id="b"))
    assert policy.take(replace(ALERT, run=1))
    clock.now += 0.2
    assert policy.take(ALERT)
    assert len(policy.due()) == 4
    assert policy.due() == []


@pytest.mark.parametrize(
    "kind", [EventKind.ALERT_OVER, EventKind.CHANGE, EventKind.MARK, EventKind.CHALLENGE]
)
def test_nothing_else_is_worth_a_notification(kind: EventKind) -> None:
    assert not Clock().policy().take(replace(ALERT, kind=kind))


def test_quiet_hours_and_switched_off_mean_nothing_and_nothing_is_made_up_for() -> None:
    clock = Clock()
    policy = clock.policy(NotificationSettings(quiet_from=time(22), quiet_to=time(6)))
    clock.day = time(23)
    assert not policy.take(ALERT)
    clock.day = time(6)
    assert policy.due() == []
    assert policy.take(ALERT), "what was not told has no cool-down"
    policy.settings = NotificationSettings(enabled=False)
    assert not policy.take(replace(ALERT, track_id=9))


def test_a_source_that_is_back_is_told_if_its_loss_was() -> None:
    clock = Clock()
    policy = clock.policy()
    assert not policy.take(BACK)
    assert policy.take(LOST)
    assert policy.take(BACK)
    assert not policy.take(LOST), "in its cool-down"
    assert not policy.take(BACK)


def test_what_comes_at_once_goes_together() -> None:
    clock = Clock()
    policy = clock.policy()
    policy.take(ALERT)
    assert policy.due()
    for track_id in range(10, 16):
        policy.take(replace(ALERT, track_id=track_id))
    assert policy.due() == []
    clock.now += LEAST_GAP_S
    assert len(policy.due()) == 6


def test_memory_is_bounded() -> None:
    clock = Clock()
    policy = clock.policy()
    for track_id in range(5000):
        clock.now += 1.0
        policy.take(replace(ALERT, track_id=track_id))
        policy.due()
    assert len(policy._told) <= 1001


def test_a_notification_names_nobody_and_no_address() -> None:
    events = [LOST, ALERT, replace(BACK, source_id="b"), replace(ALERT, track_id=7), ALERT]
    said = notification(events, WANTED)
    assert said.title == "fakewatch: strong evidence"
    assert said.text.splitlines()[0] == "Strong evidence 0.83: person 2, source 1 of 2 (window)"
    assert said.text.endswith("+2 more")
    for word in ("Alice", "s3cr3t", "rtsp", "home", "door", "<"):
        assert word not in said.title + said.text


def test_words_of_each_kind() -> None:
    grave = replace(ALERT, text=f"{VerdictState.VERY_STRONG.words} 0.97")
    assert notification([grave, ALERT], WANTED[:1]) == Notification(
        "fakewatch: very strong evidence",
        "Very strong evidence 0.97: person 2, window\nStrong evidence 0.83: person 2, window",
    )
    assert notification([LOST], WANTED).text == "Lost: source 1 of 2 (window)"
    assert notification([BACK], WANTED).text == "Back: source 1 of 2 (window)"
    assert place_of("gone", WANTED) == "a source that is no longer watched"
    assert place_of("x", (Wanted("x", "n", "text"),)) == "source"


def test_without_a_bus_it_goes_beside_the_tray_and_without_a_tray_nowhere(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert not session_bus()
    told: list[tuple[str, str]] = []

    def beside(title: str, text: str) -> bool:
        told.append((title, text))
        return len(told) == 1

    notifier = Notifier(beside)
    ways: list[str] = []
    notifier.sent.connect(ways.append)
    notifier.send(Notification("a", "b"))
    notifier.send(Notification("a", "b"))
    assert ways == ["tray", "none"]


def test_a_bus_that_is_not_there_is_no_way(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    notifier = Notifier(lambda _title, _text: True)
    with qtbot.waitSignal(notifier.sent, timeout=10_000) as sent:
        notifier.send(Notification("a", "b"))
    assert sent.args == ["tray"]


def on_a_bus(tmp_path: Path, *arguments: str) -> str:
    """What the probe prints on a session bus of its own, on which nobody else is."""
    runner = shutil.which("dbus-run-session")
    if runner is None:
        pytest.skip("no D-Bus daemon on this machine")
    plain = tmp_path / "bus.conf"
    plain.write_text(
        "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>"
        '<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/>'
        '<allow own="*"/></policy></busconfig>'
    )
    command = [
        runner,
        "--config-file",
        str(plain),
        "--",
        sys.executable,
        "-m",
        "tests.gui.bus_probe",
    ]
    known = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, check=False, env=known
    )
    return done.stdout + done.stderr


def test_a_desktop_takes_it_by_the_signature_of_its_interface(tmp_path: Path) -> None:
    said = on_a_bus(tmp_path, "service")
    assert "signature susssasa{sv}i" in said
    assert "arrived ['Title', 'Text <b>']" in said
    assert "way dbus" in said


def test_a_bus_on_which_nobody_takes_notifications_is_no_way(tmp_path: Path) -> None:
    assert "way tray" in on_a_bus(tmp_path)
