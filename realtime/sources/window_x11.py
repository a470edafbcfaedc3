"""Which windows an X server shows, where they are, whether they can be seen, and their pixels.

By the Extended Window Manager Hints (freedesktop.org, 1.5: ``_NET_CLIENT_LIST``,
``_NET_WM_NAME``, ``_NET_WM_PID``, ``_NET_WM_STATE_HIDDEN``) where a window manager keeps them,
else by the tree of windows itself and the older ``WM_NAME`` and ``WM_STATE`` (ICCCM, 4.1).

Pixels come from the window's own memory, which it has once it is redirected (Composite extension,
0.4, ``RedirectWindow``): what lies in front of it is not in them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import cv2
import numpy as np
import xcffib
from xcffib import composite, xproto
from xcffib.ffi import ffi

from realtime.errors import SourceCode, SourceError
from realtime.redact import redact
from realtime.sources.screen import Region, no_display, wayland
from realtime.sources.windows import Window
from realtime.types import Image

_ICONIC: Final = 3
_MAX_TITLE: Final = 4096
_DEPTH: Final = 3
"""How far below the root a window is looked for: managers wrap each in frames of their own."""
_HEADER_BYTES: Final = 32
"""Of each reply of the X protocol, before its data."""
_ALL_PLANES: Final = 0xFFFFFFFF
_DEPTHS: Final = (24, 32)
_REFUSED: Final = (xcffib.Error, xcffib.ProtocolException)
"""What the server answers to a request about a window that it does not have any more."""


class X11Windows:
    """A connection to the X server of ``DISPLAY``; for one thread at a time.

    Raises:
        SourceError: from the constructor without a server or with one that runs on Wayland.
    """

    def __init__(self) -> None:
        connect: Any = xcffib.connect  # has no types
        try:
            self._connection: Any = connect()
        except xcffib.ConnectionException as exc:
            raise no_display(f"({redact(exc)})") from None
        self._core: Any = self._connection.core
        self._atoms: dict[str, int] = {}
        setup = self._connection.get_setup()
        self.root: int = setup.roots[self._connection.pref_screen].root
        if self._is_xwayland():
            self.close()
            raise wayland()
        self._composite: Any = self._find_composite()

    def windows(self) -> list[Window]:
        """Every window with a title but our own, those on top last where that is known."""
        with _connected():
            found = (self._look(number) for number in self._numbers())
            return [window for window in found if window is not None and window.title]

    def look(self, number: int) -> Window | None:
        """The window now, or None if it is no more; raises `SourceError` without a server."""
        with _connected():
            return self._look(number)

    def redirect(self, number: int) -> bool:
        """Give the window a memory of its own, until we hang up; whether the server can.

        Which pixels `take` sees does not depend on other windows any more.
        """
        if self._composite is None:
            return False
        automatic = composite.Redirect.Automatic
        try:
            with _connected():
                self._composite.RedirectWindow(number, automatic, is_checked=True).check()
        except _REFUSED:
            return False
        return True

    def take(self, number: int, area: Region) -> Image | None:
        """The pixels of ``area`` of a redirected window, in its own coordinates.

        None if they cannot be had right now: the window was closed, hidden or resized meanwhile.

        Raises:
            SourceError: CONNECTION_FAILED, or FORMAT_REFUSED if it has less than 8 bits a colour.
        """
        kind = xproto.ImageFormat.ZPixmap
        try:
            with _connected():
                asked = self._core.GetImage(kind, number, *area, _ALL_PLANES)
                # Not `reply`, which makes a Python number of every byte.
                answer = self._connection.wait_for_reply(asked.sequence)
        except _REFUSED:
            return None
        data = np.frombuffer(ffi.buffer(answer.cdata, answer.known_max), np.uint8)
        width, height = area[2:]
        if data[1] not in _DEPTHS or data.size < _HEADER_BYTES + 4 * width * height:
            raise SourceError(
                "This window's colours cannot be read; set the desktop to 24 bits a pixel.",
                SourceCode.FORMAT_REFUSED,
            )
        pixels = data[_HEADER_BYTES:][: 4 * width * height].reshape(height, width, 4)
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), np.uint8)

    def screen_area(self) -> Region:
        """Where anything can be captured at all."""
        with _connected():
            shape = self._core.GetGeometry(self.root).reply()
            return 0, 0, shape.width, shape.height

    def close(self) -> None:
        """Hang up."""
        try:
            self._connection.disconnect()
        except xcffib.ConnectionException:
            return

    def _is_xwayland(self) -> bool:
        name = "XWAYLAND"
        with _connected():
            return bool(self._core.QueryExtension(len(name), name).reply().present)

    def _find_composite(self) -> Any:
        name = composite.key.name
        with _connected():
            if not self._core.QueryExtension(len(name), name).reply().present:
                return None
            extension = self._connection(composite.key)
            extension.QueryVersion(0, 4).reply()
            return extension

    def _look(self, number: int) -> Window | None:
        try:
            attributes = self._core.GetWindowAttributes(number).reply()
            shape = self._core.GetGeometry(number).reply()
            corner = self._core.TranslateCoordinates(number, self.root, 0, 0).reply()
            if self._pid(number) == os.getpid():
                return None
            return Window(
                number=number,
                title=self._title(number),
                area=(corner.dst_x, corner.dst_y, shape.width, shape.height),
                visible=attributes.map_state == xproto.MapState.Viewable
                and not self._is_hidden(number),
            )
        except _REFUSED:  # it was closed
            return None

    def _numbers(self) -> list[int]:
        listed = self._numbers_in(self.root, "_NET_CLIENT_LIST_STACKING")
        listed = listed or self._numbers_in(self.root, "_NET_CLIENT_LIST")
        return listed or self._walk(self.root, _DEPTH)

    def _walk(self, number: int, depth: int) -> list[int]:
        try:
            children = list(self._core.QueryTree(number).reply().children)
        except _REFUSED:
            return []
        found: list[int] = []
        for child in children:
            found.append(child)
            if depth > 1:
                found += self._walk(child, depth - 1)
        return found

    def _title(self, number: int) -> str:
        for name in ("_NET_WM_NAME", "WM_NAME"):
            value = self._property(number, name)
            if value:
                try:
                    return value.decode("utf-8")
                except UnicodeDecodeError:
                    return value.decode("latin-1")
        return ""

    def _is_hidden(self, number: int) -> bool:
        state = self._numbers_in(number, "WM_STATE")
        hidden = self._atom("_NET_WM_STATE_HIDDEN")
        return state[:1] == [_ICONIC] or hidden in self._numbers_in(number, "_NET_WM_STATE")

    def _pid(self, number: int) -> int | None:
        pid = self._numbers_in(number, "_NET_WM_PID")
        return pid[0] if pid else None

    def _numbers_in(self, number: int, name: str) -> list[int]:
        value = self._property(number, name)
        return [n for (n,) in struct.iter_unpack("=I", value[: len(value) // 4 * 4])]

    def _property(self, number: int, name: str) -> bytes:
        reply = self._core.GetProperty(
            False, number, self._atom(name), xproto.GetPropertyType.Any, 0, _MAX_TITLE
        ).reply()
        return bytes(reply.value.buf())

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            self._atoms[name] = self._core.InternAtom(False, len(name), name).reply().atom
        return self._atoms[name]


@contextmanager
def _connected() -> Iterator[None]:
    """Turns a lost connection into the error to tell."""
    try:
        yield
    except xcffib.ConnectionException:
        raise SourceError(
            "The connection to the X server is lost; it is tried again.",
            SourceCode.CONNECTION_FAILED,
            transient=True,
        ) from None
