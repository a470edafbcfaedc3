"""A program with windows, for tests; run by `x_server.XWindows`. Light, as it starts often."""

from __future__ import annotations

import sys
from collections.abc import Callable

import xcffib
from xcffib import xproto

FOREIGN_PID = 4_000_000_000


def main() -> None:
    """Show windows and obey the lines of the standard input."""
    connection = xcffib.connect()
    core = connection.core
    screen = connection.get_setup().roots[0]
    sizes: dict[int, tuple[int, int]] = {}
    gc = connection.generate_id()
    core.CreateGC(gc, screen.root, 0, [])

    def atom(name: str) -> int:
        return core.InternAtom(False, len(name), name).reply().atom

    def put(window: int, name: str, kind: str, bits: int, value: bytes) -> None:
        size = len(value) * 8 // bits
        replace = xproto.PropMode.Replace
        core.ChangeProperty(replace, window, atom(name), atom(kind), bits, size, value)

    def new(title: str, width: str, height: str) -> int:
        window = connection.generate_id()
        sizes[window] = (int(width), int(height))
        core.CreateWindow(
            *(screen.root_depth, window, screen.root, 0, 0, *sizes[window], 0),
            *(xproto.WindowClass.InputOutput, screen.root_visual, xproto.CW.BackPixel, [0x808080]),
        )
        put(window, "_NET_WM_NAME", "UTF8_STRING", 8, bytes.fromhex(title))
        core.MapWindow(window)
        return window

    def show(window: int, pixels: str) -> None:
        data = bytes.fromhex(pixels)
        kind = xproto.ImageFormat.ZPixmap
        core.PutImage(
            *(kind, window, gc, *sizes[window], 0, 0, 0, screen.root_depth, len(data), data)
        )

    where = xproto.ConfigWindow
    iconic = (3).to_bytes(4, sys.byteorder) + bytes(4)
    orders: dict[str, Callable[..., object]] = {
        "move": lambda w, x, y: core.ConfigureWindow(w, where.X | where.Y, [x, y]),
        "size": lambda w, *wh: core.ConfigureWindow(w, where.Width | where.Height, list(wh)),
        "raise": lambda w: core.ConfigureWindow(w, where.StackMode, [xproto.StackMode.Above]),
        "unmap": core.UnmapWindow,
        "map": core.MapWindow,
        "icon": lambda w: put(w, "WM_STATE", "WM_STATE", 32, iconic),
        "pid": lambda w: put(w, "_NET_WM_PID", "CARDINAL", 32, FOREIGN_PID.to_bytes(4, "little")),
        "close": core.DestroyWindow,
    }
    for line in sys.stdin:
        name, *words = line.split()
        answer: object = "done"
        if name == "new":
            answer = new(*words)
        elif name == "show":
            show(int(words[0]), words[1])
        else:
            orders[name](*map(int, words))
        core.GetInputFocus().reply()  # the server has done it
        print(answer, flush=True)


if __name__ == "__main__":
    main()
