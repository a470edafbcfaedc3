"""Nothing that is logged, warned of or crashed with shows a credential."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime import logs
from tests.odd_credentials import ODD, Odd, leaks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stream(capsys: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    """The root logger as the program sets it up; what it has written can be had from the text."""
    root = logging.getLogger()
    before, level, ours = root.handlers[:], root.level, logging.getLogger("realtime").level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    logs.configure("debug")
    handler, text = root.handlers[0], io.StringIO()
    assert isinstance(handler, logs.StderrHandler)
    handler.setStream(text)
    yield text
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("realtime").setLevel(ours)
    logging.captureWarnings(False)


def fail(url: str) -> None:
    """Two errors, one because of the other, both with the whole address."""
    try:
        raise OSError(5, "I/O error", url)
    except OSError as exc:
        raise RuntimeError(f"cannot read {url}") from exc


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_no_odd_credential_is_logged(odd: Odd, stream: io.StringIO) -> None:
    log = logging.getLogger("realtime.test")
    log.warning("cannot open %s", odd.url)
    log.warning(odd.url)
    log.error({"url": odd.url})
    log.error("%(url)s", {"url": odd.url})
    logging.getLogger("av").error("tcp: %s: %r", odd.url, [odd.url])
    try:
        fail(odd.url)
    except RuntimeError as exc:
        log.exception("failed with %s", exc, stack_info=True)
        logs.report_crash(type(exc), exc, exc.__traceback__)
        logs.report_thread_crash(
            threading.ExceptHookArgs((type(exc), exc, exc.__traceback__, threading.main_thread()))
        )
        logs.report_unraisable(
            types.SimpleNamespace(
                exc_type=type(exc), exc_value=exc, exc_traceback=exc.__traceback__, object=odd.url
            )
        )
    log.error("%d of them", odd.url)
    text = stream.getvalue()
    assert not leaks(text, odd)
    assert text.count("RuntimeError: cannot read") == 4
    assert text.count("in fail") == 8
    assert "%d of them (its arguments do not fit)" in text


def test_another_formatter_gets_no_more_to_see(stream: io.StringIO) -> None:
    handler = logging.getLogger().handlers[0]
    handler.setFormatter(logging.Formatter("%(message)s %(args)s %(msg)s"))
    try:
        fail(ODD[0].url)
    except RuntimeError:
        logging.getLogger("realtime").exception("it was %s", ODD[0].url)
    assert "in fail" in stream.getvalue()
    assert not leaks(stream.getvalue(), ODD[0])


def test_the_formatter_alone_redacts_too() -> None:
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "to %s", (ODD[0].url,), None)
    text = logs.RedactingFormatter().format(record)
    assert text == "fakewatch: error: to rtsp://***@127.0.0.1:9/live"


def test_a_message_stays_on_its_line(stream: io.StringIO) -> None:
    logging.getLogger("realtime").warning("a\nfakewatch: error: forged")
    assert stream.getvalue() == "fakewatch: warning: a\\nfakewatch: error: forged\n"


def test_a_record_that_cannot_be_written_is_named_but_not_shown(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, f"No space left for {text}")

    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logs.StderrHandler)
    handler.setStream(Broken())
    logging.getLogger("realtime").error("to %s", ODD[0].url)
    assert capsys.readouterr().err == "fakewatch: error: a log line of test_logs was lost\n"


def test_a_bug_is_one_redacted_sentence() -> None:
    assert str(logs.unexpected(ValueError(ODD[0].url))) == (
        "Internal error: rtsp://***@127.0.0.1:9/live."
    )
    assert str(logs.unexpected(ValueError())) == "Internal error: ValueError."


_CRASH = """
import gc, logging, sys, threading, warnings
from realtime import logs
logs.configure("warning")
url = sys.argv[1]
warnings.warn("deprecated: " + url)
thread = threading.Thread(target=lambda: [][0], name="worker")
thread.run = lambda: exec("raise OSError(url)", {"url": url})
thread.start()
thread.join()
class Bad:
    def __del__(self):
        raise OSError(url)
Bad()
gc.collect()
raise SystemExit(url) if sys.argv[2] == "exit" else ValueError(url)
"""


def test_what_python_prints_by_itself_goes_the_same_way() -> None:
    odd = ODD[6]
    done = subprocess.run(
        [sys.executable, "-c", _CRASH, odd.url, "raise"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert not leaks(done.stderr, odd)
    for said in (
        "UserWarning: deprecated: rtsp://***@127.0.0.1:9/live",
        "uncaught error in the thread worker",
        "error that could not be raised",
        "critical: uncaught error\n",
        "ValueError: rtsp://***@127.0.0.1:9/live",
    ):
        assert said in done.stderr
