"""The pages of the settings: what is shown, how people are judged, notifications, privacy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from qtpy.QtCore import QTime, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from realtime.window import overrides, translate
from realtime.window.feedback_dialog import consent_words
from realtime.window.forms import quiet_button, text
from realtime.window.language import KEY as LANGUAGE
from realtime.window.notification_settings import (
    MAX_COOLDOWN_S,
    NotificationSettings,
)
from realtime.window.preferences import Preferences
from realtime.window.setting_fields import AnalysisFields
from realtime.window.themes import SCALES, SYSTEM, THEMES, Look, theme_name
from realtime.window.translate import tr

MAX_DAYS: Final = 100_000


class Page(Protocol):
    """One page. Nothing is changed before `save`."""

    @property
    def title(self) -> str:
        """On its tab."""
        ...

    def defaults(self) -> None:
        """Show what holds where nobody has chosen anything."""
        ...

    def check(self) -> None:
        """Raises `ConfigError` if what is shown cannot hold."""
        ...

    def save(self) -> None:
        """Let what is shown hold; after `check`."""
        ...


class GeneralPage(QWidget):
    """Theme, size of the text, language, the tour. ``tour`` asks for the last."""

    tour = Signal()

    def __init__(
        self, preferences: Preferences, look: Look, choose_theme: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.title = tr("General")
        self._preferences = preferences
        self._look = look
        self._choose_theme = choose_theme
        self.theme = _choice({name: theme_name(name) for name in (SYSTEM, *THEMES)}, look.choice)
        sizes = {str(scale): f"{round(100 * scale)} %" for scale in SCALES}
        self.size_ = _choice(sizes, str(_nearest(look.scale)))
        spoken = {translate.SYSTEM: tr("That of the system"), **translate.languages()}
        kept = str(preferences.get(LANGUAGE, translate.SYSTEM))
        self.language = _choice(spoken, kept)
        again = quiet_button(tr("Show the &tour again"))
        again.clicked.connect(self.tour.emit)
        form = QFormLayout(self)
        form.addRow(tr("Th&eme"), self.theme)
        form.addRow(tr("&Size of the text"), self.size_)
        form.addRow(tr("&Language"), self.language)
        form.addRow("", text(tr("The language changes when the window is opened again.")))
        form.addRow("", again)

    def defaults(self) -> None:
        """Theme and language of the system, text as large as there."""
        _choose(self.theme, SYSTEM)
        _choose(self.size_, "1.0")
        _choose(self.language, translate.SYSTEM)

    def check(self) -> None:
        """Everything can be chosen that is offered."""

    def save(self) -> None:
        """Theme and size at once, the language next time."""
        self._choose_theme(str(self.theme.currentData()))
        self._look.set_scale(float(self.size_.currentData()))
        for key, value in (("theme", self._look.choice), ("text", self._look.scale)):
            self._preferences.put(key, value)
        self._preferences.put(LANGUAGE, self.language.currentData())


class AnalysisPage(QWidget):
    """Settings of the engine that a viewer may want to change, in the words of the settings."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.title = tr("Analysis")
        self._preferences = preferences
        self.fields = AnalysisFields(preferences.config, preferences.origin)
        column = QVBoxLayout(self)
        column.addWidget(text(tr("What is changed here holds from the next source on.")))
        column.addWidget(self.fields)

    def defaults(self) -> None:
        """What the program was started with."""
        self.fields.show_config(self._preferences.base)

    def check(self) -> None:
        """Raises `ConfigError`, in the words of the settings."""
        overrides.changed(self._preferences.base, self.fields.values)

    def save(self) -> None:
        """For the next source."""
        self._preferences.change(self.fields.values)


class NotificationsPage(QWidget):
    """When there is a notification. ``changed`` gets what holds from now on."""

    def __init__(
        self, wanted: NotificationSettings, changed: Callable[[NotificationSettings], None]
    ) -> None:
        super().__init__()
        self.title = tr("Notifications")
        self._changed = changed
        self.enabled = QCheckBox(tr("&Notify me of alerts"))
        self.cooldown = QDoubleSpinBox()
        self.cooldown.setRange(0.0, MAX_COOLDOWN_S)
        self.cooldown.setDecimals(0)
        self.cooldown.setSuffix(tr(" s"))
        self.quiet_from, self.quiet_to = QTimeEdit(), QTimeEdit()
        for field in (self.quiet_from, self.quiet_to):
            field.setDisplayFormat("HH:mm")
        form = QFormLayout(self)
        form.addRow("", self.enabled)
        form.addRow(tr("At &most once in"), self.cooldown)
        form.addRow(tr("Be &quiet from"), self.quiet_from)
        form.addRow(tr("&until"), self.quiet_to)
        form.addRow("", text(tr("Two equal times are no quiet hours.")))
        self._show(wanted)

    def defaults(self) -> None:
        """As at first."""
        self._show(NotificationSettings())

    def check(self) -> None:
        """Every time is one."""

    def save(self) -> None:
        """From now on."""
        self._changed(
            NotificationSettings(
                self.enabled.isChecked(),
                self.cooldown.value(),
                self.quiet_from.time().toPyTime().replace(second=0, microsecond=0),
                self.quiet_to.time().toPyTime().replace(second=0, microsecond=0),
            )
        )

    def _show(self, wanted: NotificationSettings) -> None:
        self.enabled.setChecked(wanted.enabled)
        self.cooldown.setValue(wanted.cooldown_s)
        for field, at in ((self.quiet_from, wanted.quiet_from), (self.quiet_to, wanted.quiet_to)):
            field.setTime(QTime(at.hour, at.minute))


class PrivacyPage(QWidget):
    """Feedback and what is remembered. ``listing`` and ``forget`` ask for what is done at once."""

    listing = Signal()
    forget = Signal()

    def __init__(self, preferences: Preferences, place: Path | None) -> None:
        super().__init__()
        self.title = tr("Privacy")
        self._preferences = preferences
        feedback = preferences.config.feedback
        self.consent = QCheckBox(tr("&Feedback may be kept on this machine"))
        self.consent.setChecked(preferences.consent is not None)
        self.crops = QCheckBox(tr("Offer to keep &pictures of the face with it"))
        self.crops.setChecked(feedback.crops)
        self.days = QSpinBox()
        self.days.setRange(0, MAX_DAYS)
        self.days.setSpecialValueText(tr("never"))
        self.days.setSuffix(tr(" days"))
        self._show_days(feedback.keep_days)
        listing = quiet_button(tr("Feedback that is &kept…"))
        listing.clicked.connect(self.listing.emit)
        self.forget_button = quiet_button(tr("Forget recent &sources"))
        self.forget_button.clicked.connect(self._forget)
        column = QVBoxLayout(self)
        column.addWidget(self.consent)
        column.addWidget(text("\n\n".join(consent_words(place))))
        column.addWidget(self.crops)
        form = QFormLayout()
        form.addRow(tr("&Delete feedback after"), self.days)
        form.addRow("", QLabel(_origins(preferences)))
        form.addRow("", listing)
        form.addRow("", self.forget_button)
        column.addLayout(form)
        column.addStretch(1)

    def defaults(self) -> None:
        """No consent, and what the program was started with."""
        base = self._preferences.base.feedback
        self.consent.setChecked(False)
        self.crops.setChecked(base.crops)
        self._show_days(base.keep_days)

    @property
    def _values(self) -> Mapping[str, Any]:
        return {
            "feedback.crops": self.crops.isChecked(),
            "feedback.keep_days": self._days,
        }

    def check(self) -> None:
        """Raises `ConfigError`, in the words of the settings."""
        overrides.changed(self._preferences.base, self._values)

    def save(self) -> None:
        """From now on."""
        self._preferences.change(self._values)
        given = self.consent.isChecked()
        if given is not (self._preferences.consent is not None):
            self._preferences.give_consent(given)

    def _show_days(self, days: float) -> None:
        """Whole days, and never none for a part of one."""
        self._exact = (math.ceil(days), days)
        self.days.setValue(self._exact[0])

    @property
    def _days(self) -> float:
        shown, exact = self._exact
        return exact if self.days.value() == shown else float(self.days.value())

    def _forget(self) -> None:
        self.forget.emit()
        self.forget_button.setEnabled(False)


def _origins(preferences: Preferences) -> str:
    """Where the values of this page come from, if not from the program itself."""
    origins = {preferences.origin(name) for name in overrides.FEEDBACK}
    if overrides.Origin.HERE in origins:
        return tr("Changed here.")
    return tr("As at the start.") if overrides.Origin.START in origins else ""


def _choice(choices: Mapping[str, str], chosen: str) -> QComboBox:
    box = QComboBox()
    for data, words in choices.items():
        box.addItem(words, data)
    _choose(box, chosen)
    return box


def _choose(box: QComboBox, data: str) -> None:
    box.setCurrentIndex(max(0, box.findData(data)))


def _nearest(scale: float) -> float:
    return min(SCALES, key=lambda one: abs(one - scale))
