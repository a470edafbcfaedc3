"""Whether a window can be shown here. Qt aborts the process where it cannot, so ask first."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from realtime.errors import ConfigError

INSTEAD = "use `fakewatch analyze FILE`, which needs no window"


def has_display() -> bool:
    """Whether a display is named; whether it answers is another question."""
    names = ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


def require_display() -> None:
    """Return if Qt will find a display.

    Raises:
        ConfigError: if there is none, or if it cannot be reached.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not has_display():
        raise ConfigError(f"There is no display to show a window on; {INSTEAD}.")
    if not os.environ.get("WAYLAND_DISPLAY") and not _x_answers():
        name = os.environ["DISPLAY"]
        raise ConfigError(f"The display {name} does not answer; start one, or {INSTEAD}.")


def require_libraries(plugins: Path) -> None:
    """Return if the shared libraries are there that Qt's X11 plugin below ``plugins`` needs.

    Raises:
        ConfigError: naming the library that is missing.
    """
    plugin = plugins / "platforms" / "libqxcb.so"
    if os.environ.get("QT_QPA_PLATFORM") or not plugin.is_file():
        return
    try:
        ctypes.CDLL(str(plugin))
    except OSError as exc:
        raise missing_library(exc) from None


def missing_library(exc: Exception) -> ConfigError:
    """The error for a library that Qt could not load."""
    library = str(exc).split(":", 1)[0]
    return ConfigError(
        f"Qt needs {library}, which this machine lacks; "
        f"`fakewatch doctor` names the command that installs it, or {INSTEAD}."
    )


def forget_foreign_plugins() -> None:
    """Undo what importing cv2 does: it points Qt at the plugins and fonts of its own Qt."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in Path(os.environ.get(name, "")).parts:
            del os.environ[name]


def _x_answers() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # `require_libraries` says which library is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    try:
        return not xcb.xcb_connection_has_error(connection)
    finally:
        xcb.xcb_disconnect(connection)
