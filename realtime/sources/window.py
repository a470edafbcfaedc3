"""A single window, wherever it is moved.

On X11 its own pixels, or those of the screen through mss where the server has no Composite
extension; on Windows through windows-capture.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Protocol

from realtime.config import Config
from realtime.errors import SourceCode, SourceError
from realtime.redact import redact
from realtime.sources.address import Address
from realtime.sources.device import Device, DeviceSource
from realtime.sources.screen import Grabber, Region, clip, no_display, require_display
from realtime.sources.windows import Window, listed, matching
from realtime.types import Image, SourceInfo

logger = logging.getLogger(__name__)


class Desktop(Protocol):
    """What is asked of a desktop about its windows."""

    def windows(self) -> list[Window]:
        """Every window with a title."""
        ...

    def look(self, number: int) -> Window | None:
        """That window now, None if it is no more."""
        ...

    def redirect(self, number: int) -> bool:
        """Make its pixels independent of other windows; whether that can be done."""
        ...

    def take(self, number: int, area: Region) -> Image | None:
        """Pixels of a redirected window, None if they cannot be had now."""
        ...

    def screen_area(self) -> Region:
        """Where anything can be captured at all."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def list_windows() -> list[Window]:
    """Every window with a title but our own.

    Raises:
        SourceError: where windows cannot be captured.
    """
    if sys.platform == "win32":
        from realtime.sources.window_windows import list_windows as of_windows  # noqa: PLC0415

        return of_windows()
    desktop = _desktop()
    try:
        return desktop.windows()
    finally:
        desktop.close()


def choose(pattern: str, windows: list[Window]) -> Window:
    """The window that ``pattern`` means; says so if there are more.

    Raises:
        SourceError: NOT_FOUND, transient, as a window may be opened later.
    """
    found = matching(pattern, windows)
    if not found:
        there = f"there are {listed(windows)}" if windows else "there is none at all"
        raise SourceError(
            f'No window is called "{redact(pattern)}": {there}; * stands for anything.',
            SourceCode.NOT_FOUND,
            transient=True,
        )
    if len(found) > 1:
        logger.info(
            '%d windows are called "%s": "%s" is taken, the largest; the others are %s',
            *(len(found), pattern, found[0].title, listed(found[1:])),
        )
    return found[0]


class WindowSource(DeviceSource):
    """A live `FrameSource` on one window, ``screen.rate_hz`` times a second.

    ``address.target`` as `realtime.sources.windows.matching` takes it; of several windows the
    largest visible one. The window is followed when it is moved; when it is resized, frames
    change their size within the epoch. A minimised window stops the frames, and after
    ``read_timeout_s`` ends the connection with a transient TIMEOUT that says so; `open` waits for
    it for up to ``open_timeout_s``. A closed window is a transient NOT_FOUND.

    What lies in front of the window is not captured. An X server without the Composite extension
    has only the pixels of the screen: there it is, which is logged, and what lies outside the
    screen is cut off.

    `open` raises `SourceError`: NOT_FOUND (no such window, no display), PERMISSION (Wayland and
    macOS), TIMEOUT.
    """

    def __init__(self, address: Address, config: Config, source_id: str) -> None:
        rate = config.screen.rate_hz
        device = _device(address, rate)
        super().__init__(
            device, source_id, address.name, config.live, rate_hz=rate, hear=config.cues.hear
        )


class WindowDevice:
    """The `Device` behind a `WindowSource` on X11."""

    lost = 0

    def __init__(self, address: Address, rate_hz: float) -> None:
        self._pattern = address.target
        self._region = address.region
        self._name = address.name
        self._rate_hz = rate_hz
        self._grabber: Grabber | None = None
        self._desktop: Desktop | None = None
        self._number = 0
        self._title = ""
        self._why = ""

    def open(self) -> None:
        """Find the window."""
        self._desktop = _desktop()
        window = choose(self._pattern, self._desktop.windows())
        self._number, self._title = window.number, redact(window.title)
        if not self._desktop.redirect(self._number):
            self._grabber = Grabber()
            logger.warning(
                'the X server cannot give "%s" alone: what lies in front of it is seen too',
                self._title,
            )

    def grab(self) -> Image | None:
        """What the window shows now, None while it is minimised or out of sight."""
        assert self._desktop is not None
        window = self._desktop.look(self._number)
        if window is None:
            raise gone(self._title)
        inside = self._inside(window)
        if inside is None:
            return None
        if self._grabber is None:
            image = self._desktop.take(self._number, inside)
        else:
            image = self._from_screen(self._grabber, window, inside)
        return image

    def info(self, image: Image) -> SourceInfo:
        """The size of the picture and the title of the window; the rate is what is aimed at."""
        return window_info(self._name, self._title, image, self._rate_hz)

    def nothing(self) -> SourceError:
        """Minimised, moved out of sight or made smaller than the region."""
        return out_of_sight(self._title, self._why)

    def close(self) -> None:
        """Let go of the display."""
        for part in (self._grabber, self._desktop):
            if part is not None:
                part.close()
        self._grabber = self._desktop = None

    def _inside(self, window: Window) -> Region | None:
        """Which part of the window is wanted, None if it cannot be seen."""
        _, _, width, height = window.area
        self._why = "cannot be captured"
        if not window.visible:
            self._why = "is minimised or on another desktop"
            return None
        inside = clip(self._region, width, height)
        if inside is None:
            self._why = f"has only {width} x {height} pixels"
        return inside

    def _from_screen(self, grabber: Grabber, window: Window, inside: Region) -> Image | None:
        assert self._desktop is not None
        _, _, screen_width, screen_height = self._desktop.screen_area()
        x, y, width, height = inside
        area = (window.area[0] + x, window.area[1] + y, width, height)
        shown = clip(area, screen_width, screen_height)
        if shown is None:
            self._why = "lies outside the screen"
            return None
        try:
            return grabber.take(shown)
        except SourceError:
            # The screen was resized in between, which mss does not notice.
            grabber.close()
            self._grabber = Grabber()
            return None


def window_info(name: str, title: str, image: Image, rate_hz: float) -> SourceInfo:
    """What is known of a window once its first picture is there."""
    height, width = image.shape[:2]
    return SourceInfo(
        name=name if title in name else f'{name} ("{title}")',
        width=width,
        height=height,
        duration_s=None,
        frame_rate=rate_hz,
        seekable=False,
        live=True,
        codec="window",
    )


def gone(title: str) -> SourceError:
    """The error for a window that was closed."""
    return SourceError(
        f'The window "{title}" was closed; open it again.', SourceCode.NOT_FOUND, transient=True
    )


def out_of_sight(title: str, why: str) -> SourceError:
    """The error for a window that is there and shows nothing."""
    return SourceError(
        f'The window "{title}" {why}; bring it back to go on.', SourceCode.TIMEOUT, transient=True
    )


def _device(address: Address, rate_hz: float) -> Device:
    if sys.platform == "win32":
        from realtime.sources.window_windows import WindowsDevice  # noqa: PLC0415

        return WindowsDevice(address, rate_hz)
    return WindowDevice(address, rate_hz)


def _desktop() -> Desktop:
    if sys.platform != "linux":
        raise SourceError(
            "Single windows cannot be captured on this system; give a region of the screen, as in "
            "screen:1@100,100,1280,720.",
            SourceCode.PERMISSION,
        )
    require_display(os.environ)
    try:
        from realtime.sources.window_x11 import X11Windows  # noqa: PLC0415 - X11 only
    except OSError as exc:  # it loads libxcb
        raise no_display(f"({redact(exc)})") from None
    return X11Windows()
