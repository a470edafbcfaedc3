"""Where feedback is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from realtime.config import FeedbackConfig
from realtime.errors import ConfigError


def path_of(config: FeedbackConfig) -> Path:
    """The file that these settings name, or else `default_path`, whose error it raises."""
    if not config.place:
        return default_path()
    try:
        return Path(config.place).expanduser()
    except RuntimeError:
        raise ConfigError(
            "This user has no home folder; give feedback.place as a whole path."
        ) from None


def default_path(environment: Mapping[str, str] | None = None, home: Path | None = None) -> Path:
    """In the user's folder for data (XDG Base Directory Specification 0.8).

    Raises:
        ConfigError: for a user who has no folder at all.
    """
    values = os.environ if environment is None else environment
    try:
        home = Path.home() if home is None else home
    except RuntimeError:
        raise ConfigError("This user has no home folder; name the file with --store.") from None
    if sys.platform == "win32":
        base = Path(values.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        given = Path(values.get("XDG_DATA_HOME") or "")
        # A relative one is to be ignored.
        base = given if given.is_absolute() else home / ".local" / "share"
    return base / "fakewatch" / "feedback.sqlite3"
