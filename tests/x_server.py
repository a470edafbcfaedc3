"""A real X server without a screen, and real windows on it, each in a process of its own."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.contract.clips import draw

needs_xvfb = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no Xvfb to show windows on")

ANSWER_S = 20.0
FOREIGN_PID = 4_000_000_000
"""As ``x_windows.py`` claims on demand."""


@contextmanager
def x_server(size: str = "640x480", *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server on a display number of its own choice; gives the display and the process."""
    reader, writer = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        f"{size}x24",
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    try:
        process = subprocess.Popen(
            [*command, *options], pass_fds=[writer], stderr=subprocess.DEVNULL
        )
    finally:
        os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], ANSWER_S)
        number = os.read(reader, 16).decode().strip() if ready else ""
        assert number, "Xvfb did not start"
        yield f":{number}", process
    finally:
        os.close(reader)
        process.kill()
        process.wait(ANSWER_S)


class XWindows:
    """A program with windows that show `clips.draw` pictures; see ``x_windows.py``."""

    def __init__(self, display: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("x_windows.py")],
            env={**os.environ, "DISPLAY": display},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def new(self, title: str, width: int = 96, height: int = 64) -> XWindow:
        """Open a window at the top left corner of the screen."""
        number = int(self.ask(f"new {title.encode().hex()} {width} {height}"))
        return XWindow(self, number, (width, height))

    def ask(self, line: str) -> str:
        """Have a command done; the answer of the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_S)
        assert ready, "the windows do not answer"
        return self._process.stdout.readline().strip()

    def end(self) -> None:
        """End the program, and with it its windows."""
        self._process.kill()
        self._process.communicate(timeout=ANSWER_S)


class XWindow:
    """One window of an `XWindows`."""

    def __init__(self, owner: XWindows, number: int, size: tuple[int, int]) -> None:
        self._owner = owner
        self._size = size
        self.number = number

    def do(self, command: str) -> None:
        """``show N``, ``move X Y``, ``size W H``, ``unmap``, ``map``, ``raise``, ``icon``,
        ``pid``, ``close``."""
        name, *numbers = command.split()
        if name == "show":
            picture = draw(int(numbers[0]), *self._size)
            numbers = [np.dstack([picture, np.zeros_like(picture[..., :1])]).tobytes().hex()]
        assert self._owner.ask(" ".join([name, str(self.number), *numbers])) == "done"


def eventually(holds: Callable[[], bool], seconds: float = ANSWER_S) -> bool:
    """Whether it holds before the time is over."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
