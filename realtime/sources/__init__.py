"""Where frames come from: one file for each kind of source, one way to choose among them."""

from __future__ import annotations

import os
import re
from typing import Final

from realtime.config import SourceConfig
from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.sources.base import FrameSource
from realtime.sources.file import FileSource

__all__ = ["FileSource", "FrameSource", "open_source"]

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")


def open_source(text: str | os.PathLike[str], config: SourceConfig) -> FrameSource:
    """The source that ``text`` names, not opened yet.

    Everything is the path of a video file, odd names such as ``http:x.mp4`` included, except
    what has the form of a URL.

    Raises:
        ConfigError: if ``text`` is empty or a URL.
    """
    given = os.fspath(text)
    if not given:
        raise ConfigError("The name of the source is empty; give the path of a video file.")
    if _URL.match(given):
        raise ConfigError(f"{redact(given)} is a URL; give the path of a video file.")
    return FileSource(given, config)
