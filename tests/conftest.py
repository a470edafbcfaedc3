"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from realtime.scorer import OnnxScorer

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real faces and videos; not part of the project, and tests that need them skip without."""

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real media at {DATA}")

EXPECTED_SKIPS = (
    "no real media",  # the footage is not part of the project
    "root reads everything",  # permissions mean nothing to root
    "this user may write read-only files",
    "no Xvfb",  # windows and screens are shown on a display that no desktop needs to have
    "no D-Bus daemon",  # notifications go over one, where there is a desktop
    "no sound server",  # what plays is heard from one, and no machine needs to have one
    "no GStreamer RTSP server",  # a real server, and no part of the project
    "no session bus",  # what a desktop says is heard on one, and no machine needs to have one
    "this kind of source cannot",  # a contract asks only for what the source promises
)
"""How the reason of a skip must begin; any other skip fails, so that none goes unnoticed."""


def pytest_configure() -> None:
    """Undo what a shell does to commands in the background: their children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith(EXPECTED_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"skipped for a reason that is not expected: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn an unexpected skip of a test into a failure."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn an unexpected skip of a whole module into an error."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(autouse=True)
def log_levels_as_they_were() -> Iterator[None]:
    """Whoever starts the program in the test's own process sets them for it."""
    loggers = [logging.getLogger(), logging.getLogger("realtime")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    """Fail any test that leaves a thread of ours running."""
    before = set(threading.enumerate())
    yield
    left = []
    for thread in set(threading.enumerate()) - before:
        thread.join(2.0)
        if thread.is_alive() and isinstance(thread.name, str) and thread.name.startswith("fw-"):
            left.append(thread.name)
    assert not left, f"threads left running: {left}"


@pytest.fixture(scope="session")
def videos() -> Path:
    """The folder with ``real`` and ``fake`` clips."""
    if not DATA.is_dir():
        pytest.skip(f"no real media at {DATA}")
    return DATA / "videos"


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxScorer]:
    """A real model of one layer; tests of other models have a fixture of their own."""
    from realtime.scorer import OnnxScorer
    from tests.contract import onnx_models

    graph = onnx_models.linear(onnx_models.contract())
    model = OnnxScorer(onnx_models.save(graph, tmp_path_factory.mktemp("model")), device="cpu")
    yield model
    model.close()
