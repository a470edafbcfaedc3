"""A program that has a region chosen with the pointer of a real X server; see the test of it.

    region_program.py LEFT TOP RIGHT BOTTOM     (pixels of the screen)

prints the region that came of it. The pointer is moved by the server's own test extension.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import xcffib
from qtpy.QtWidgets import QWidget
from xcffib import xtest

from realtime.sources import Address
from realtime.window.app import make_app
from realtime.window.region_picker import RegionPicker

_PRESS, _RELEASE, _MOVE = 4, 5, 6
"""As the X protocol numbers what a pointer does."""


def main() -> None:
    """Drag from one corner to the other."""
    left, top, right, bottom = map(int, sys.argv[1:])
    app = make_app()
    window = QWidget()
    window.resize(80, 60)
    window.show()

    def wait(ready: Callable[[], object]) -> None:
        until = time.monotonic() + 15.0
        while not ready():
            app.processEvents()
            time.sleep(0.005)
            assert time.monotonic() < until, "nothing came of it"

    picker = RegionPicker(window)
    chosen: list[Address] = []
    picker.chosen.connect(chosen.append)
    picker.failed.connect(print)
    picker.start()
    wait(lambda: picker.veils and picker.veils[0].isVisible())
    (veil,) = picker.veils
    veil.clear()
    connection = xcffib.connect()
    pointer = connection(xtest.key)
    root = connection.get_setup().roots[0].root

    def act(kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        pointer.FakeInput(kind, detail, 0, root, x, y, 0)
        connection.flush()

    # The server maps the window when it likes: pressed again until it is taken.
    def pressed() -> bool:
        act(_MOVE, 0, left, top)
        act(_PRESS, 1)
        for _ in range(10):
            app.processEvents()
            time.sleep(0.01)
        if veil.begun:
            return True
        act(_RELEASE, 1)
        return False

    wait(pressed)
    act(_MOVE, 0, (left + right) // 2, (top + bottom) // 2)
    act(_MOVE, 0, right, bottom)
    wait(lambda: not veil.region.isEmpty() and veil.pixels[2] > (right - left) * 0.9)
    act(_RELEASE, 1)
    wait(lambda: chosen)
    print(*(chosen[0].region or ()), flush=True)
    connection.disconnect()


if __name__ == "__main__":
    main()
