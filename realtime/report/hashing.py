"""The SHA-256 of a file, taken a piece at a time beside other work."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from realtime.closing import Closing
from realtime.report.model import FileFacts

PIECE_BYTES: Final = 1 << 20
"""Takes about a millisecond, and is more than a frame of any usual video has."""


class FileHash(Closing):
    """Hashes ``path``; whatever is wrong with it stands in the result and is never raised."""

    def __init__(self, path: Path) -> None:
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._size = 0
        self._facts: FileFacts | None = None
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                self._facts = FileFacts(trouble="it is no regular file")
                return
            self._file = path.open("rb")
            self._before = self._marks()
        except (OSError, ValueError) as exc:
            self._fail(exc)

    def step(self) -> bool:
        """Read one more piece; False once there is nothing left to read."""
        if self._file is None or self._facts is not None:
            return False
        try:
            piece = self._file.read(PIECE_BYTES)
            if piece:
                self._hash.update(piece)
                self._size += len(piece)
                return True
            changed = self._marks() != self._before
        except (OSError, ValueError) as exc:
            self._fail(exc)
            return False
        trouble = "the file changed while it was read" if changed else ""
        self._facts = FileFacts("" if changed else self._hash.hexdigest(), self._size, trouble)
        self.close()
        return False

    def facts(self) -> FileFacts:
        """Read what is left and say what was found."""
        while self.step():
            pass
        return self._facts or FileFacts(trouble="it was closed before it was read")

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _marks(self) -> tuple[int, int, int, int]:
        assert self._file is not None
        found = os.fstat(self._file.fileno())
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _fail(self, exc: Exception) -> None:
        reason = getattr(exc, "strerror", None) or "not a valid path"
        self._facts = FileFacts(trouble=f"it cannot be read: {reason}")
        self.close()
