"""What is said of trouble: log lines on the standard error, all redacted; bugs in a sentence.

Everything that Python itself would print goes the same way: warnings, errors that end the program
or a thread, errors in finalizers, and log calls that fail. `faulthandler` is not among them: on a
crash of native code it prints names of files and functions with line numbers, but no values.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from realtime.errors import FakewatchError
from realtime.redact import UNPARSEABLE, redact, redact_lines

log = logging.getLogger(__name__)

_DONE: Final = "_fakewatch_redacted"


class RedactingFilter(logging.Filter):
    """Takes credentials out of a record itself, so that no formatter behind it can show them.

    Message, arguments, traceback and stack are replaced by finished, redacted text.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through."""
        if getattr(record, _DONE, False):
            return True
        setattr(record, _DONE, True)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit; the template holds none
            message = f"{record.msg} (its arguments do not fit)"
        record.msg, record.args = redact(message), None
        lines = redact_lines(record.exc_text) if record.exc_text else []
        if isinstance(record.exc_info, tuple):
            lines = list(_trace(record.exc_info[1], record.exc_info[2]))
        record.exc_text, record.exc_info = "\n".join(lines) or None, None
        if record.stack_info:
            record.stack_info = "\n".join(redact_lines(record.stack_info))
        return True


def _trace(error: BaseException | None, trace: TracebackType | None) -> Iterator[str]:
    """The lines of a traceback, each error redacted by itself, the first cause first."""
    chain: list[tuple[BaseException, TracebackType | None]] = []
    while error is not None and all(error is not known for known, _ in chain):
        chain.append((error, trace))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        trace = None if error is None else error.__traceback__
    for i, (each, where) in enumerate(reversed(chain)):
        yield "Traceback, the innermost call last:" if i == 0 else "which led to:"
        for entry in traceback.format_tb(where):
            yield from (redact(line) for line in entry.splitlines())
        said = redact(f"{type(each).__name__}: {_text(each)}")
        notes = getattr(each, "__notes__", ())
        yield from (said, *(redact(note) for note in notes))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - redact would hide the name of the class with it
        return UNPARSEABLE


class RedactingFormatter(logging.Formatter):
    """One line for the message; the lines of a traceback are set in below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished text of one record, redacted whether or not it went through the filter."""
        RedactingFilter().filter(record)
        lines = [f"fakewatch: {record.levelname.lower()}: {record.msg}"]
        for trace in (record.exc_text, record.stack_info):
            lines += (trace or "").splitlines()
        return "\n  ".join(lines)


class StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to whatever the standard error is now; a record that fails is named, not shown."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Python would print the record with its arguments here."""
        try:
            sys.stderr.write(f"fakewatch: error: a log line of {record.module} was lost\n")
        except (OSError, ValueError, AttributeError):
            return


def configure(level: str) -> None:
    """Send records of ``level`` (a name such as ``warning``) and above to the standard error.

    Warnings and uncaught errors go there as well, unless somebody else looks after them already.
    """
    handler = StderrHandler(sys.stderr)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("realtime").setLevel(level.upper())
    logging.captureWarnings(True)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = report_crash
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = report_thread_crash
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = report_unraisable


def report_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """For ``sys.excepthook``: an uncaught error with its traceback, redacted."""
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("uncaught error", exc_info=(kind, error, trace))


def report_thread_crash(arguments: threading.ExceptHookArgs) -> None:
    """For ``threading.excepthook``."""
    if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
        name = "" if arguments.thread is None else arguments.thread.name
        caught = (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
        log.critical("uncaught error in the thread %s", name, exc_info=caught)


def report_unraisable(arguments: sys.UnraisableHookArgs) -> None:
    """For ``sys.unraisablehook``: an error in a finalizer, whose object is not shown."""
    if arguments.exc_value is not None:
        caught = (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
        log.error("error that could not be raised", exc_info=caught)


def unexpected(error: BaseException) -> FakewatchError:
    """A bug of ours as one redacted sentence; its traceback belongs into the log."""
    return FakewatchError(f"Internal error: {redact(error) or type(error).__name__}.")
