"""What the viewer has chosen in the window, kept for the next time where that is possible."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from qtpy.QtCore import QSettings

from realtime.config import Config
from realtime.errors import ConfigError
from realtime.feedback.records import Consent
from realtime.redact import redact
from realtime.window import overrides
from realtime.window.translate import tr

log = logging.getLogger(__name__)

_GROUP: Final = "config"
_CONSENT: Final = "feedback/consent"
_CONSENT_S: Final = "feedback/consent_s"


class Preferences:
    """For Qt's thread. ``base`` are the settings that the program was started with; what is
    changed here comes over them. ``say`` hears, in one sentence, what cannot be read or kept."""

    def __init__(
        self, base: Config, settings: QSettings | None, say: Callable[[object], None]
    ) -> None:
        self.base = base
        self._settings = settings
        self._say = say
        self._told = False
        self._changes: dict[str, Any] = {}
        self._given_s: float | None = None
        if settings is not None:
            self._read(settings)

    @property
    def settings(self) -> QSettings | None:
        """Where they are kept; None for nowhere."""
        return self._settings

    @property
    def changes(self) -> Mapping[str, Any]:
        """What differs here from what the program was started with, by name."""
        return dict(self._changes)

    @property
    def config(self) -> Config:
        """The settings in force for what is opened next."""
        return self.adjusted(self.base)

    @property
    def consent(self) -> Consent | None:
        """To feedback being kept, None without."""
        if self._given_s is None:
            return None
        return Consent(scores=True, crops=self.config.feedback.crops, given_s=self._given_s)

    def adjusted(self, config: Config) -> Config:
        """``config`` with what was changed here."""
        return overrides.changed(config, self._changes)

    def origin(self, name: str) -> overrides.Origin:
        """Where the value of a setting comes from."""
        return overrides.origin(name, self.base, self._changes)

    def change(self, values: Mapping[str, Any]) -> None:
        """Keep these values; those that are as at the start are no change.

        Raises:
            ConfigError: naming the first that cannot be; nothing is kept then.
        """
        overrides.changed(self.base, values)
        for name, value in values.items():
            if value == overrides.value_of(self.base, name):
                self._changes.pop(name, None)
                self._remove(f"{_GROUP}/{name}")
            else:
                self._changes[name] = value
                self.put(f"{_GROUP}/{name}", overrides.written(value))

    def give_consent(self, given: bool) -> None:
        """To feedback being kept; the choice is kept as well."""
        self._given_s = time.time() if given else None
        self.put(_CONSENT, "yes" if given else "no")
        self.put(_CONSENT_S, self._given_s or 0.0)

    def put(self, key: str, value: object) -> None:
        """Keep something else of the window."""
        if self._settings is not None:
            self._settings.setValue(key, value)

    def get(self, key: str, otherwise: object) -> object:
        """What was kept under ``key``."""
        return otherwise if self._settings is None else self._settings.value(key, otherwise)

    def sync(self) -> None:
        """Write what was changed; whoever cannot is told once in the life of the window."""
        if self._settings is None:
            return
        self._settings.sync()
        if self._settings.status() == QSettings.Status.AccessError and not self._told:
            self._told = True
            name = redact(self._settings.fileName())
            log.warning("the settings were not saved: %s", name)
            self._say(
                tr(
                    "The settings cannot be written to {path}; what was changed holds until the "
                    "window is closed."
                ).format(path=name)
            )

    def _read(self, settings: QSettings) -> None:
        if settings.status() == QSettings.Status.FormatError:
            name = redact(settings.fileName())
            log.warning("the settings are damaged: %s", name)
            self._say(
                tr(
                    "The settings in {path} are damaged; what cannot be read there is as at first."
                ).format(path=name)
            )
        settings.beginGroup(_GROUP)
        kept = {name: settings.value(name) for name in settings.childKeys()}
        settings.endGroup()
        for name in overrides.NAMES:
            if name in kept:
                try:
                    self._changes[name] = overrides.read(name, kept[name])
                except ConfigError as exc:
                    log.warning("%s", exc)
                    self._say(exc)
        if str(settings.value(_CONSENT, "no")) == "yes":
            try:
                self._given_s = float(str(settings.value(_CONSENT_S, 0.0)))
            except ValueError:
                self._given_s = 0.0

    def _remove(self, key: str) -> None:
        if self._settings is not None:
            self._settings.remove(key)
