"""Screens and regions of them, through mss."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import mss
import numpy as np

from realtime.config import Config
from realtime.errors import SourceCode, SourceError
from realtime.redact import redact
from realtime.sources.address import Address
from realtime.sources.device import DeviceSource
from realtime.types import Image, SourceInfo

Region = tuple[int, int, int, int]
"""x, y, width and height in pixels."""

RELOOK_S: Final = 2.0
"""How often the sizes of the screens are asked for again."""
MIN_SIDE: Final = 16
UNGRABBED: Final = (mss.ScreenShotError, AssertionError)
"""What mss raises; the second where the display server has died."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen: its number as in ``screen:1`` (0 is all of them together) and where it lies."""

    number: int
    area: Region
    name: str = ""


class Grabber:
    """Takes pictures of this machine's screens; for the thread that made it alone.

    Raises:
        SourceError: from the constructor if there is no screen that may be captured.
    """

    def __init__(self) -> None:
        require_display(os.environ)
        try:
            self._mss = mss.MSS()
            found = self._mss.monitors
        except UNGRABBED as exc:
            raise no_display(f"({redact(exc)})") from None
        if any(str(m.get("output", "")).upper().startswith("XWAYLAND") for m in found):
            self._mss.close()
            raise wayland()
        self.screens = [
            Screen(
                number,
                (int(m["left"]), int(m["top"]), int(m["width"]), int(m["height"])),
                str(m.get("name") or m.get("output") or ""),
            )
            for number, m in enumerate(found)
        ]

    def take(self, area: Region) -> Image:
        """The pixels of ``area``, in the coordinates of screen 0, without the mouse pointer.

        Raises:
            SourceError: CONNECTION_FAILED, also if it does not lie on the screens any more.
        """
        x, y, width, height = area
        try:
            shot = self._mss.grab({"left": x, "top": y, "width": width, "height": height})
        except UNGRABBED as exc:
            raise SourceError(
                "The screen cannot be captured any more "
                f"({redact(exc) or 'no answer'}); it is tried again.",
                SourceCode.CONNECTION_FAILED,
                transient=True,
            ) from None
        # On macOS the picture has more pixels than the area has points.
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), np.uint8)

    def close(self) -> None:
        """Let go of the display."""
        try:
            self._mss.close()
        except UNGRABBED:
            logger.debug("the display was gone before it was closed")


def list_screens() -> list[Screen]:
    """Every screen, number 0 first; raises `SourceError` as `Grabber` does."""
    grabber = Grabber()
    grabber.close()
    return grabber.screens


def require_display(environment: Mapping[str, str], platform: str = sys.platform) -> None:
    """Raises `SourceError` where ``environment`` shows that nothing can be captured."""
    if platform != "linux" or environment.get("DISPLAY"):
        return
    if environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland":
        raise wayland()
    raise no_display("(DISPLAY is not set)")


def wayland() -> SourceError:
    """The error for a desktop that does not let programs see each other."""
    return SourceError(
        "This desktop runs on Wayland, which forbids one program to see another; start the virtual "
        "camera of OBS with a capture of the screen or window in it and give that camera's name, "
        "or log in to an X11 session.",
        SourceCode.PERMISSION,
    )


def no_display(why: str) -> SourceError:
    """The error for a program that runs outside a desktop; ``why`` in brackets."""
    return SourceError(
        f"There is no screen to capture {why}; run it inside a desktop session, or set DISPLAY to "
        "the one that is meant.",
        SourceCode.NOT_FOUND,
    )


def clip(region: Region | None, width: int, height: int) -> Region | None:
    """The part of ``region`` inside an area of that size, None if too little of it is left.

    ``region`` None is the whole.
    """
    if region is None:
        region = (0, 0, width, height)
    left, top = max(region[0], 0), max(region[1], 0)
    right = min(region[0] + region[2], width)
    bottom = min(region[1] + region[3], height)
    if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
        return None
    return left, top, right - left, bottom - top


class ScreenSource(DeviceSource):
    """A live `FrameSource` on one screen or a region of it, ``screen.rate_hz`` times a second.

    A region that sticks out of its screen is cut to it, which is logged. A screen that changes
    its size or place ends the connection with a transient CONNECTION_FAILED: opened again, it is
    what it has become, and whatever was tracked on it starts anew.

    `open` raises `SourceError`: NOT_FOUND (no display, no such screen, a region outside),
    PERMISSION (Wayland), TIMEOUT.
    """

    def __init__(self, address: Address, config: Config, source_id: str) -> None:
        device = ScreenDevice(address, config.screen.rate_hz)
        rate = config.screen.rate_hz
        super().__init__(
            device, source_id, address.name, config.live, rate_hz=rate, hear=config.cues.hear
        )


class ScreenDevice:
    """The `Device` behind a `ScreenSource`."""

    lost = 0

    def __init__(self, address: Address, rate_hz: float) -> None:
        self._number = int(address.target or 1)
        self._region = address.region
        self._name = address.name
        self._rate_hz = rate_hz
        self._grabber: Grabber | None = None
        self._screen: Screen | None = None
        self._area: Region = (0, 0, 0, 0)
        self._looked_at = 0.0

    def open(self) -> None:
        """Find the screen and the region on it."""
        self._grabber = Grabber()
        self._looked_at = time.monotonic()
        screens = self._grabber.screens
        if self._number >= len(screens):
            there = ", ".join(f"screen:{screen.number}" for screen in screens)
            raise SourceError(
                f"There is no screen {self._number}; there are {there}.", SourceCode.NOT_FOUND
            )
        self._screen = screens[self._number]
        x, y, width, height = self._screen.area
        inside = clip(self._region, width, height)
        if inside is None:
            raise SourceError(
                f"The region of {self._name} lies outside the screen or is smaller than "
                f"{MIN_SIDE} pixels; the screen is {width} x {height} pixels.",
                SourceCode.NOT_FOUND,
            )
        if self._region not in (None, inside):
            logger.warning(
                "%s sticks out of its screen of %d x %d pixels; it is cut to %s",
                *(self._name, width, height, ",".join(map(str, inside))),
            )
        self._area = (x + inside[0], y + inside[1], inside[2], inside[3])

    def grab(self) -> Image:
        """What the region shows now."""
        assert self._grabber is not None
        if time.monotonic() - self._looked_at > RELOOK_S:
            self._look_again()
        return self._grabber.take(self._area)

    def info(self, image: Image) -> SourceInfo:
        """The size of the picture; the rate is what is aimed at."""
        height, width = image.shape[:2]
        return SourceInfo(
            name=self._name,
            width=width,
            height=height,
            duration_s=None,
            frame_rate=self._rate_hz,
            seekable=False,
            live=True,
            codec="screen",
        )

    def nothing(self) -> SourceError:
        """Cannot happen: a screen always shows something."""
        return no_display("")

    def close(self) -> None:
        """Let go of the display."""
        if self._grabber is not None:
            self._grabber.close()
            self._grabber = None

    def _look_again(self) -> None:
        """mss keeps the sizes that it found at first, so a new one is asked."""
        screens = list_screens()
        self._looked_at = time.monotonic()
        if self._number >= len(screens) or screens[self._number] != self._screen:
            raise SourceError(
                f"The screen of {self._name} has changed its size or place; it is opened again.",
                SourceCode.CONNECTION_FAILED,
                transient=True,
            )
