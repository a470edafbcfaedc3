"""Keeps a window of ours out of what others record or share of the screen, where that is possible.

Windows 10 2004 and later and macOS have a call for it; X11 and Wayland have none. From macOS 15 on
programs that capture with ScreenCaptureKit may show the window all the same. Only the way up to the
calls is tested: neither system was at hand.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

log = logging.getLogger(__name__)

_EXCLUDE_FROM_CAPTURE: Final = 0x11
"""WDA_EXCLUDEFROMCAPTURE of SetWindowDisplayAffinity."""
_SHARING_NONE: Final = 0
"""NSWindowSharingNone."""


class Exclusion(str, Enum):
    """What became of the wish."""

    DONE = "done"
    REFUSED = "refused"
    """The system has a call for it, and it did not work."""
    IMPOSSIBLE = "impossible"
    """The system has none."""


def exclude(
    handle: int, platform: str = sys.platform, load: Callable[[str], Any] | None = None
) -> Exclusion:
    """Keep the window out of captures.

    ``handle`` is what Qt calls ``winId``: an HWND on Windows, an NSView on macOS. ``load`` opens
    a library of the system by its name.
    """
    ways = {"win32": _on_windows, "darwin": _on_macos}
    way = ways.get(platform)
    if way is None:
        return Exclusion.IMPOSSIBLE
    try:
        done = way(handle, load or _load)
    except (OSError, AttributeError, TypeError) as exc:
        log.warning("a window could not be kept out of captures: %s", exc)
        done = False
    return Exclusion.DONE if done else Exclusion.REFUSED


def _load(name: str) -> Any:
    if name == "user32":
        # There on Windows only.
        return getattr(ctypes, "WinDLL")(name)  # noqa: B009
    return ctypes.CDLL(ctypes.util.find_library(name) or name)


def _on_windows(handle: int, load: Callable[[str], Any]) -> bool:
    call = load("user32").SetWindowDisplayAffinity
    call.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    call.restype = ctypes.c_int
    return bool(call(handle, _EXCLUDE_FROM_CAPTURE))


def _on_macos(view: int, load: Callable[[str], Any]) -> bool:
    """``[[view window] setSharingType: NSWindowSharingNone]``"""
    objc = load("objc")
    selector = objc.sel_registerName
    selector.argtypes, selector.restype = [ctypes.c_char_p], ctypes.c_void_p
    send = objc.objc_msgSend
    send.argtypes, send.restype = [ctypes.c_void_p, ctypes.c_void_p], ctypes.c_void_p
    window = send(view, selector(b"window"))
    if not window:
        return False
    send.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong]
    send.restype = None
    send(window, selector(b"setSharingType:"), _SHARING_NONE)
    send.argtypes, send.restype = [ctypes.c_void_p, ctypes.c_void_p], ctypes.c_ulong
    return bool(send(window, selector(b"sharingType")) == _SHARING_NONE)
