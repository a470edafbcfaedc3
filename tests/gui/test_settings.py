"""The settings dialog: what it changes, from when on, where it is kept, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings, Qt, QTime
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QWidget

from realtime.config import Config, CuesConfig, FeedbackConfig, VerdictConfig
from realtime.errors import ConfigError
from realtime.window import overrides
from realtime.window.feedback_list import FeedbackList
from realtime.window.main_window import MainWindow
from realtime.window.overrides import Origin
from realtime.window.preferences import Preferences
from realtime.window.settings_dialog import SettingsDialog
from realtime.window.settings_pages import (
    AnalysisPage,
    GeneralPage,
    NotificationsPage,
    PrivacyPage,
)
from tests.gui.conftest import opened
from tests.gui.evidence import dialog, evidence, wait

Key, Modifier = Qt.Key, Qt.KeyboardModifier


def kept_in(path: Path) -> QSettings:
    return QSettings(str(path), QSettings.Format.IniFormat)


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    return tmp_path / "window.ini"


@pytest.fixture
def base(config: Config, tmp_path: Path) -> Config:
    """What the program was started with: one setting comes from a file."""
    return replace(
        config,
        verdict=VerdictConfig(half_life_s=3.125),
        feedback=FeedbackConfig(place=str(tmp_path / "f.sqlite3"), keep_days=0.5),
    )


@pytest.fixture
def window(qtbot: QtBot, base: Config, ini: Path) -> Iterator[MainWindow]:
    window = MainWindow(base, settings=kept_in(ini))
    yield from opened(window, qtbot)
    window.extras.look.set_scale(1.0)
    window.extras.look.choose("system")


@pytest.fixture
def shown(window: MainWindow, qtbot: QtBot) -> SettingsDialog:
    qtbot.keyClick(window, Key.Key_Comma, Modifier.ControlModifier)
    return dialog(SettingsDialog, qtbot)


def pages(
    shown: SettingsDialog,
) -> tuple[GeneralPage, AnalysisPage, NotificationsPage, PrivacyPage]:
    general, analysis, notifications, privacy = shown.pages
    assert isinstance(general, GeneralPage)
    assert isinstance(analysis, AnalysisPage)
    assert isinstance(notifications, NotificationsPage)
    assert isinstance(privacy, PrivacyPage)
    return general, analysis, notifications, privacy


def check(field: QWidget, on: bool) -> None:
    assert isinstance(field, QCheckBox)
    field.setChecked(on)


def number(field: QWidget, value: float) -> None:
    assert isinstance(field, QDoubleSpinBox)
    field.setValue(value)


def test_what_is_changed_holds_for_the_next_source_and_the_next_time(
    window: MainWindow, shown: SettingsDialog, base: Config, clip: Path, qtbot: QtBot
) -> None:
    fields = pages(shown)[1].fields
    assert fields.origins["verdict.half_life_s"].text() == "given at the start"
    assert fields.origins["cues.blink"].text() == "default"
    check(fields.fields["cues.blink"], on=False)
    number(fields.fields["verdict.min_dwell_s"], 3.0)
    shown.ok.click()
    preferences = evidence(window).preferences
    # What nobody touched is no change, however many digits are shown of it.
    assert preferences.changes == {"cues.blink": False, "verdict.min_dwell_s": 3.0}
    window.open(str(clip))
    wait(qtbot, lambda: window.canvas.result is not None)
    run = window.desk.bridges["source"].recording.run()
    assert run is not None
    assert run.start.config["cues"]["blink"] is False  # type: ignore[index]
    assert run.start.config["verdict"]["half_life_s"] == 3.125  # type: ignore[index]
    window.close()
    settings = preferences.settings
    assert settings is not None
    second = Preferences(base, kept_in(Path(settings.fileName())), print)
    assert second.config.cues == CuesConfig(blink=False)
    assert second.origin("cues.blink") is Origin.HERE
    assert second.config.feedback == base.feedback


def test_settings_of_a_file_of_sources_are_changed_as_well(
    window: MainWindow, base: Config
) -> None:
    evidence(window).preferences.change({"cues.pulse": False})
    other = replace(base, cues=CuesConfig(head=False))
    assert window.player.adjust(other).cues == CuesConfig(head=False, pulse=False)


def test_what_cannot_be_is_told_in_the_words_of_the_settings_and_nothing_is_changed(
    window: MainWindow, shown: SettingsDialog, base: Config
) -> None:
    general, analysis, _, _ = pages(shown)
    before = window.extras.look.choice
    general.theme.setCurrentIndex(general.theme.findData("dark"))
    number(analysis.fields.fields["verdict.half_life_s"], 0.0)
    shown.ok.click()
    assert shown.isVisible()
    with pytest.raises(ConfigError) as caught:
        overrides.changed(base, {"verdict.half_life_s": 0.0})
    assert shown.complaint.text() == str(caught.value)
    assert shown.tabs.currentIndex() == 1
    assert window.extras.look.choice == before
    assert evidence(window).preferences.changes == {}
    shown.reject()


def test_defaults_are_what_the_program_was_started_with(
    window: MainWindow, shown: SettingsDialog, base: Config, ini: Path
) -> None:
    evidence(window).preferences.change({"cues.blink": False, "verdict.half_life_s": 9.0})
    evidence(window).preferences.sync()
    assert "cues.blink" in ini.read_text("utf-8")
    shown.reject()
    again = SettingsDialog([AnalysisPage(evidence(window).preferences)], window)
    page = again.pages[0]
    assert isinstance(page, AnalysisPage)
    assert page.fields.origins["cues.blink"].text() == "changed here"
    again.restore.click()
    again.accept()
    assert evidence(window).preferences.config == base
    evidence(window).preferences.sync()
    assert "cues.blink" not in ini.read_text("utf-8")


def test_presets_fill_in_values_and_own_values_are_called_so(shown: SettingsDialog) -> None:
    fields = pages(shown)[1].fields
    assert fields.preset.currentData() == "own"
    for name in ("steady", "quick", "standard"):
        fields.preset.setCurrentIndex(fields.preset.findData(name))
        fields.preset.activated.emit(fields.preset.currentIndex())
        assert tuple(fields.values[n] for n in overrides.VERDICT) == overrides.PRESETS[name]
        assert fields.preset.currentData() == name
    number(fields.fields["verdict.hysteresis"], 0.2)
    assert fields.preset.currentData() == "own"
    shown.reject()


def test_every_witness_can_be_switched(shown: SettingsDialog) -> None:
    fields = pages(shown)[1].fields
    names = {f"cues.{n}" for n, v in vars_of(CuesConfig()).items() if isinstance(v, bool)}
    assert names
    assert names <= set(fields.fields)
    assert all(fields.fields[name].accessibleName() for name in fields.fields)
    assert all(fields.fields[name].accessibleDescription() for name in fields.fields)
    shown.reject()


def vars_of(config: CuesConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in config.__slots__}


def test_general_settings_hold_at_once_and_are_kept(
    window: MainWindow, shown: SettingsDialog, ini: Path
) -> None:
    general = pages(shown)[0]
    for box, data in ((general.theme, "dark"), (general.size_, "1.3"), (general.language, "en")):
        assert isinstance(box, QComboBox)
        box.setCurrentIndex(box.findData(data))
        assert box.currentData() == data
    assert window.extras.look.choice == "system"
    shown.ok.click()
    assert window.extras.look.choice == "dark"
    assert window.extras.look.scale == pytest.approx(1.3)
    kept = kept_in(ini)
    assert kept.value("language") == "en"
    assert kept.value("theme") == "dark"


def test_notifications_are_set_and_kept(
    window: MainWindow, shown: SettingsDialog, ini: Path
) -> None:
    page = pages(shown)[2]
    page.enabled.setChecked(False)
    page.quiet_from.setTime(QTime(22, 0))
    page.quiet_to.setTime(QTime(7, 30))
    page.cooldown.setValue(120)
    shown.ok.click()
    wanted = evidence(window).notifications
    assert not wanted.enabled
    assert (wanted.quiet_from, wanted.quiet_to) == (time(22, 0), time(7, 30))
    assert wanted.cooldown_s == 120
    assert window.call.policy.settings == wanted
    assert str(kept_in(ini).value("notify/quiet_from")) == "22:00"


def test_privacy_consent_pictures_and_days(
    window: MainWindow, shown: SettingsDialog, base: Config, ini: Path, qtbot: QtBot
) -> None:
    page = pages(shown)[3]
    assert not page.consent.isChecked()
    assert page.days.value() == 1
    page.consent.setChecked(True)
    page.crops.setChecked(True)
    shown.ok.click()
    preferences = evidence(window).preferences
    assert preferences.consent is not None
    assert preferences.consent.crops
    # Half a day is shown as one, and stays half a day.
    assert preferences.config.feedback.keep_days == 0.5
    again = Preferences(base, kept_in(ini), print)
    assert again.consent == preferences.consent
    preferences.give_consent(False)
    preferences.sync()
    assert Preferences(base, kept_in(ini), print).consent is None
    assert os.path.exists(ini)


def test_the_list_of_what_is_kept_opens_over_the_settings(
    shown: SettingsDialog, qtbot: QtBot
) -> None:
    pages(shown)[3].listing.emit()
    dialog(FeedbackList, qtbot).reject()
    shown.reject()


def test_recent_sources_are_forgotten(
    window: MainWindow, shown: SettingsDialog, qtbot: QtBot
) -> None:
    page = pages(shown)[3]
    with qtbot.waitSignal(window.actions_.clear_recent.triggered):
        page.forget_button.setEnabled(True)
        page.forget_button.click()
    assert not page.forget_button.isEnabled()
    shown.reject()


def test_tabs_and_fields_are_reached_with_the_keyboard(shown: SettingsDialog, qtbot: QtBot) -> None:
    bar = shown.tabs.tabBar()
    assert bar is not None
    bar.setFocus()
    qtbot.keyClick(bar, Key.Key_Right)
    assert shown.tabs.currentIndex() == 1
    seen: set[QWidget | None] = set()
    for _ in range(60):
        qtbot.keyClick(shown.focusWidget() or shown, Key.Key_Tab)
        seen.add(shown.focusWidget())
    fields = pages(shown)[1].fields
    assert {*fields.fields.values(), fields.preset, shown.ok, shown.restore} <= seen
    qtbot.keyClick(shown, Key.Key_Escape)
    assert not shown.isVisible()


# Where they are kept


@pytest.mark.parametrize("text", ["banana", '{"a": 1}', "[[[[", "9e999", "null", '"true"'])
def test_nonsense_in_the_settings_is_ignored_and_told_in_one_sentence(
    base: Config, ini: Path, text: str
) -> None:
    settings = kept_in(ini)
    settings.setValue("config/cues.blink", text)
    settings.setValue("config/cues.head", "false")
    settings.setValue("config/scorer.model", '"/tmp/evil.onnx"')
    settings.setValue("feedback/consent", "yes")
    settings.setValue("feedback/consent_s", "soon")
    said: list[object] = []
    preferences = Preferences(base, settings, said.append)
    assert preferences.changes == {"cues.head": False}
    assert [str(one) for one in said] == [
        "The kept setting cues.blink makes no sense and is ignored; set it anew."
    ]
    assert preferences.config.scorer.model == base.scorer.model
    assert preferences.consent is not None


def test_settings_that_cannot_be_written_hold_for_this_session(
    base: Config, tmp_path: Path, qtbot: QtBot
) -> None:
    # A folder in the place of the file: nobody can write there, root neither.
    place = tmp_path / "window.ini"
    place.mkdir()
    window = MainWindow(base, settings=kept_in(place))
    qtbot.addWidget(window)
    window.show()
    window.actions_.settings.trigger()
    shown = dialog(SettingsDialog, qtbot)
    check(pages(shown)[1].fields.fields["cues.blink"], on=False)
    shown.ok.click()
    assert "cannot be written to" in window.banner.text
    assert "until the window is closed" in window.banner.text
    assert not window.player.adjust(base).cues.blink
    window.banner.hide()
    evidence(window).preferences.sync()
    assert not window.banner.isVisible()
    window.close()


def test_a_corrupt_file_of_settings_is_told_and_the_window_works(
    base: Config, ini: Path, qtbot: QtBot
) -> None:
    ini.write_bytes(b"\xff\xfe[[[ \x00 not = an ini \n]]]" * 20)
    window = MainWindow(base, settings=kept_in(ini))
    qtbot.addWidget(window)
    window.show()
    assert "are damaged" in window.banner.text
    evidence(window).preferences.change({"cues.blink": False})
    evidence(window).preferences.sync()
    assert "cannot be written" not in window.banner.text
    assert not evidence(window).preferences.config.cues.blink
    window.close()
    assert not Preferences(base, kept_in(ini), print).config.cues.blink


def test_without_a_place_everything_holds_until_the_window_closes(base: Config) -> None:
    preferences = Preferences(base, None, print)
    preferences.change({"cues.blink": False, "feedback.crops": True})
    preferences.give_consent(True)
    preferences.sync()
    assert preferences.config.cues == CuesConfig(blink=False)
    assert preferences.consent is not None
    assert preferences.consent.crops
    preferences.change({"cues.blink": True})
    assert preferences.origin("cues.blink") is Origin.DEFAULT
    assert preferences.origin("verdict.half_life_s") is Origin.START
