"""The real program in a process of its own, and what it has written by now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@contextmanager
def fakewatch(*arguments: object, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """The program at work, which does not outlive the test; ``how`` goes to `Popen`."""
    with subprocess.Popen(
        [sys.executable, "-m", "realtime", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def records(path: Path) -> list[dict[str, Any]]:
    """The whole lines that stand in a file by now; all but the last must be."""
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
