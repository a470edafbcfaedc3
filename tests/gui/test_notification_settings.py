"""What is kept of the viewer's wish to be notified."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from qtpy.QtCore import QSettings

from realtime.window.notification_settings import NotificationSettings, load, save


def kept(path: Path) -> QSettings:
    return QSettings(str(path / "s.ini"), QSettings.Format.IniFormat)


def test_settings_survive(tmp_path: Path) -> None:
    wanted = NotificationSettings(False, 90.0, time(22, 30), time(6, 15))
    settings = kept(tmp_path)
    save(settings, wanted)
    settings.sync()
    assert load(kept(tmp_path)) == wanted
    save(settings, NotificationSettings())
    settings.sync()
    assert load(kept(tmp_path)) == NotificationSettings()


def test_nonsense_is_as_nothing(tmp_path: Path) -> None:
    settings = kept(tmp_path)
    for key, value in (("cooldown_s", "-3"), ("quiet_from", "25:99"), ("quiet_to", "soon")):
        settings.setValue(f"notify/{key}", value)
    assert load(settings) == load(None) == NotificationSettings()
    settings.setValue("notify/cooldown_s", "nan")
    assert load(settings).cooldown_s == 60.0


@pytest.mark.parametrize(
    ("begin", "end", "now", "quiet"),
    [
        (time(0), time(0), time(12), False),
        (time(13), time(13), time(13), False),
        (time(12), time(14), time(11, 59), False),
        (time(12), time(14), time(12), True),
        (time(12), time(14), time(14), False),
        (time(22), time(6), time(23, 59), True),
        (time(22), time(6), time(5, 59), True),
        (time(22), time(6), time(6), False),
        (time(22), time(0), time(0), False),
    ],
)
def test_quiet_hours_may_cross_midnight(begin: time, end: time, now: time, quiet: bool) -> None:
    assert NotificationSettings(quiet_from=begin, quiet_to=end).quiet(now) is quiet
