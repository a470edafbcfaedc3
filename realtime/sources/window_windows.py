"""Windows of Microsoft Windows, through its Graphics Capture (windows-capture).

Windows pushes a picture only when the window has changed, on a thread of its own. The newest is
kept, and is given again while nothing changes, so that a still window is not one that stalls.
"""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any, Final

import numpy as np

from realtime.errors import SourceCode, SourceError
from realtime.redact import redact
from realtime.sources.address import Address
from realtime.sources.screen import clip
from realtime.sources.window import choose, gone, out_of_sight, window_info
from realtime.sources.windows import Window
from realtime.types import Image, SourceInfo

_WINDOWS: Final[Any] = ctypes
"""With the parts that it has on Windows only."""


def list_windows() -> list[Window]:
    """Every top-level window with a title but our own."""
    found: list[Window] = []
    user = _WINDOWS.windll.user32

    def see(number: int, _: object) -> bool:
        window = _look(user, number)
        if window is not None and window.title:
            found.append(window)
        return True

    kind = _WINDOWS.WINFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
    user.EnumWindows(kind(see), None)
    return found


class WindowsDevice:
    """The `Device` behind a `WindowSource` on Windows."""

    lost = 0

    def __init__(self, address: Address, rate_hz: float) -> None:
        self._pattern = address.target
        self._region = address.region
        self._name = address.name
        self._rate_hz = rate_hz
        self._number = 0
        self._title = ""
        self._why = "shows no picture"
        self._lock = threading.Lock()
        self._newest: Image | None = None
        self._closed = False
        self._control: Any = None

    def open(self) -> None:
        """Find the window and begin."""
        try:
            from windows_capture import WindowsCapture  # noqa: PLC0415 - Windows only
        except ImportError:
            # Its other requirement is an OpenCV that would overwrite ours.
            raise SourceError(
                "To capture a window, run: pip install --no-deps windows-capture.",
                SourceCode.PERMISSION,
            ) from None
        window = choose(self._pattern, list_windows())
        self._number, self._title = window.number, redact(window.title)
        try:
            capture = WindowsCapture(
                cursor_capture=False,
                minimum_update_interval=max(1, int(1000 / self._rate_hz)),
                window_hwnd=window.number,
            )
            capture.event(self.on_frame_arrived)
            capture.event(self.on_closed)
            self._control = capture.start_free_threaded()
        except Exception as exc:  # noqa: BLE001 - it raises nothing more exact
            raise SourceError(
                f'The window "{self._title}" cannot be captured ({redact(exc)}); capture the '
                "screen it is on instead.",
                SourceCode.CONNECTION_FAILED,
                transient=True,
            ) from None

    def on_frame_arrived(self, frame: Any, control: Any) -> None:
        """Called by Windows: the pixels are only lent, so the part that is wanted is copied."""
        del control
        height, width = frame.frame_buffer.shape[:2]
        inside = clip(self._region, width, height)
        with self._lock:
            self._newest = None
            if inside is None:
                self._why = f"has only {width} x {height} pixels"
                return
            x, y, width, height = inside
            part = frame.frame_buffer[y : y + height, x : x + width, :3]
            self._newest = np.ascontiguousarray(part)

    def on_closed(self) -> None:
        """Called by Windows at the end of the window."""
        self._closed = True

    def grab(self) -> Image | None:
        """What the window showed last, None while it is minimised."""
        if self._closed:
            raise gone(self._title)
        if is_minimised(self._number):
            self._why = "is minimised"
            return None
        with self._lock:
            return None if self._newest is None else self._newest.copy()

    def info(self, image: Image) -> SourceInfo:
        """The size of the picture and the title of the window; the rate is what is aimed at."""
        return window_info(self._name, self._title, image, self._rate_hz)

    def nothing(self) -> SourceError:
        """Minimised, or made smaller than the region."""
        return out_of_sight(self._title, self._why)

    def close(self) -> None:
        """End the capture; `DeviceSource` bounds how long that may take."""
        if self._control is not None:
            self._control.stop()
            self._control = None


def is_minimised(number: int) -> bool:
    """Whether the window is an icon now."""
    return bool(_WINDOWS.windll.user32.IsIconic(number))


def _look(user: Any, number: int) -> Window | None:
    process = ctypes.c_ulong()
    user.GetWindowThreadProcessId(number, ctypes.byref(process))
    if process.value == os.getpid():
        return None
    size = user.GetWindowTextLengthW(number)
    title = ctypes.create_unicode_buffer(size + 1)
    user.GetWindowTextW(number, title, size + 1)
    corners = (ctypes.c_long * 4)()
    user.GetWindowRect(number, ctypes.byref(corners))
    left, top, right, bottom = corners
    visible = bool(user.IsWindowVisible(number)) and not user.IsIconic(number)
    return Window(number, title.value, (left, top, right - left, bottom - top), visible)
