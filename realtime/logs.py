"""Logging to the standard error, with every line redacted."""

from __future__ import annotations

import logging
import sys

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
