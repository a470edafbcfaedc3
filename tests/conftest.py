"""Fixtures shared by all tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real faces and videos; not part of the project, and tests that need them skip without."""

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real media at {DATA}")


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
