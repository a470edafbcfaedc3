"""What is said of trouble: log lines on the standard error, all redacted; bugs in a sentence."""

from __future__ import annotations

import logging
import sys

from realtime.errors import FakewatchError
from realtime.redact import redact


class RedactingFormatter(logging.Formatter):
    """Formats as usual, then takes credentials and control characters out of every line."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished text of one record; a message stays on one line, a traceback does not."""
        message = redact(record.getMessage())
        text = f"fakewatch: {record.levelname.lower()}: {message}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            text += "".join(f"\n  {redact(line)}" for line in trace.splitlines())
        return text


def configure(level: str) -> None:
    """Send records of ``level`` (a name such as ``warning``) and above to the standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("realtime").setLevel(level.upper())


def unexpected(error: BaseException) -> FakewatchError:
    """A bug of ours as one redacted sentence; its traceback belongs into the log."""
    return FakewatchError(f"Internal error: {redact(error) or type(error).__name__}.")
