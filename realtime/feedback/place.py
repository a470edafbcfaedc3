"""Where feedback is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from realtime.errors import ConfigError


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
