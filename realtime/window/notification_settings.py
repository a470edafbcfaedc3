"""When the viewer wants to be notified: whether at all, how often, and not in which hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Final

from qtpy.QtCore import QSettings

MAX_COOLDOWN_S: Final = 3600.0
_ENABLED: Final = "notify/enabled"
_COOLDOWN: Final = "notify/cooldown_s"
_FROM: Final = "notify/quiet_from"
_TO: Final = "notify/quiet_to"


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """``cooldown_s`` 0 to `MAX_COOLDOWN_S` between two notifications of one person or source.

    From ``quiet_from`` until ``quiet_to``, local time, nothing is notified; equal times, as at
    first, are no quiet hours at all. They may cross midnight.
    """

    enabled: bool = True
    cooldown_s: float = 60.0
    quiet_from: time = time(0, 0)
    quiet_to: time = time(0, 0)

    def quiet(self, now: time) -> bool:
        """Whether ``now``, local time of day, is in the quiet hours."""
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= now < self.quiet_to
        return now >= self.quiet_from or now < self.quiet_to


def load(settings: QSettings | None) -> NotificationSettings:
    """What is kept; the default for what is missing or makes no sense."""
    plain = NotificationSettings()
    if settings is None:
        return plain
    return NotificationSettings(
        enabled=str(settings.value(_ENABLED, plain.enabled)).lower() not in ("false", "0"),
        cooldown_s=_seconds(settings.value(_COOLDOWN), plain.cooldown_s),
        quiet_from=_hour(settings.value(_FROM), plain.quiet_from),
        quiet_to=_hour(settings.value(_TO), plain.quiet_to),
    )


def save(settings: QSettings, wanted: NotificationSettings) -> None:
    """Keep ``wanted``; the caller syncs."""
    settings.setValue(_ENABLED, wanted.enabled)
    settings.setValue(_COOLDOWN, min(max(wanted.cooldown_s, 0.0), MAX_COOLDOWN_S))
    settings.setValue(_FROM, wanted.quiet_from.strftime("%H:%M"))
    settings.setValue(_TO, wanted.quiet_to.strftime("%H:%M"))


def _seconds(value: object, otherwise: float) -> float:
    try:
        found = float(str(value))
    except ValueError:
        return otherwise
    return found if 0.0 <= found <= MAX_COOLDOWN_S else otherwise


def _hour(value: object, otherwise: time) -> time:
    try:
        return time.fromisoformat(str(value)).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        return otherwise
