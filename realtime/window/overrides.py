"""Settings of the analysis that a viewer changes in the window, over those given at the start."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from realtime import config as settings
from realtime.config import Config, CuesConfig, VerdictConfig
from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.toml_tables import settings_of
from realtime.window.translate import tr

WITNESSES: Final = tuple(f"cues.{n}" for n, kind in settings_of(CuesConfig).items() if kind is bool)
VERDICT: Final = ("verdict.half_life_s", "verdict.min_dwell_s", "verdict.hysteresis")
ANALYSIS: Final = (
    *("scorer.device", "scorer.rate_hz", "scorer.views", "faces.max_faces", "verdict.min_size_px"),
    *VERDICT,
    *WITNESSES,
)
FEEDBACK: Final = ("feedback.crops", "feedback.keep_days")
NAMES: Final = (*ANALYSIS, *FEEDBACK)
"""Everything that can be changed; the rest is for files."""

_PLAIN: Final = VerdictConfig()
PRESETS: Final[Mapping[str, tuple[float, float, float]]] = {
    "standard": (_PLAIN.half_life_s, _PLAIN.min_dwell_s, _PLAIN.hysteresis),
    "quick": (2.5, 1.0, 0.08),
    "steady": (10.0, 4.0, 0.08),
}
"""Values of `VERDICT`; only the first was measured."""


class Origin(Enum):
    """Where a value comes from."""

    DEFAULT = "default"
    START = "start"
    HERE = "here"


def value_of(config: Config, name: str) -> Any:
    """The value of a setting such as ``cues.blink``."""
    section, _, key = name.partition(".")
    return getattr(getattr(config, section), key)


def changed(config: Config, changes: Mapping[str, Any]) -> Config:
    """``config`` with these values.

    Raises:
        ConfigError: naming the first that cannot be.
    """
    tables: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        tables.setdefault(section, {})[key] = value
    settings.from_table(tables)  # says what is wrong with a type
    parts = {
        section: dataclasses.replace(getattr(config, section), **values)
        for section, values in tables.items()
    }
    return dataclasses.replace(config, **parts)


def read(name: str, text: object) -> Any:
    """The value that was kept as ``text``.

    Raises:
        ConfigError: if it is none, or not one for the setting ``name``.
    """
    try:
        value = json.loads(str(text))
        changed(Config(), {name: value})
    except (ValueError, ConfigError, TypeError, RecursionError):
        raise ConfigError(
            tr("The kept setting {name} makes no sense and is ignored; set it anew.").format(
                name=redact(name)
            )
        ) from None
    return value


def written(value: object) -> str:
    """``value`` as `read` takes it."""
    return json.dumps(value)


def origin(name: str, base: Config, changes: Mapping[str, Any]) -> Origin:
    """Where the value of ``name`` comes from: the program, what it was started with, or here."""
    if name in changes:
        return Origin.HERE
    same = value_of(base, name) == value_of(Config(), name)
    return Origin.DEFAULT if same else Origin.START
