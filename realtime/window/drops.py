"""What is dropped on the window: files, addresses, and texts that are one of these."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from qtpy.QtCore import QMimeData, QUrl

from realtime.window.translate import trn

_SCHEMES: Final = ("rtsp", "rtsps", "http", "https")
_ADDRESS: Final = re.compile(rf"(?:{'|'.join(_SCHEMES)})://\S+", re.IGNORECASE)
_PATH: Final = re.compile(r"(?:/|~/|[A-Za-z]:[\\/]).+|.+\.toml", re.IGNORECASE)
_MAX_TEXT: Final = 8192


@dataclass(frozen=True, slots=True)
class Drop:
    """The first thing of what was dropped: ``text`` is a path or a URL, of ``count`` things.

    ``address`` says that it is a URL, which may hold a password.
    """

    text: str = field(repr=False)
    address: bool = False
    count: int = 1

    @property
    def lists_sources(self) -> bool:
        """Whether it is a file of settings."""
        return not self.address and self.text.lower().endswith(".toml")

    @property
    def notice(self) -> str:
        """What is to be said of the others; empty if there are none."""
        if self.count == 1:
            return ""
        return trn(
            "Only the first was opened, and one more was dropped; list them in a cameras.toml to "
            "watch them side by side.",
            "Only the first was opened, and {count} more were dropped; list them in a "
            "cameras.toml to watch them side by side.",
            self.count - 1,
        ).format(count=self.count - 1)


def what(data: QMimeData | None) -> Drop | None:
    """What can be opened of it, None for nothing; looks at no disk."""
    if data is None:
        return None
    found = [drop for drop in map(_of_url, data.urls()) if drop is not None]
    if not found and data.hasText():
        lines = [line.strip() for line in data.text()[:_MAX_TEXT].splitlines()]
        found = [drop for drop in map(_of_text, lines) if drop is not None]
        if len(found) != sum(map(bool, lines)):
            return None  # it is a letter that has an address in it
    if not found:
        return None
    first = found[0]
    return Drop(first.text, first.address, len(found))


def _of_url(url: QUrl) -> Drop | None:
    if url.isLocalFile():
        return Drop(url.toLocalFile())
    if url.scheme().lower() in _SCHEMES and url.host():
        return Drop(bytes(url.toEncoded()).decode("ascii"), address=True)
    return None


def _of_text(line: str) -> Drop | None:
    if line.lower().startswith("file://"):
        return _of_url(QUrl(line))
    if _ADDRESS.fullmatch(line):
        return Drop(line, address=True)
    if _PATH.fullmatch(line):
        return Drop(str(Path(line).expanduser()) if line.startswith("~") else line)
    return None
