"""Cameras, screens and windows do what every source must: the same suite, other sources.

They never end by themselves, so each is closed after the last picture of the sequence. Screens and
windows are those of a real X server; the camera behind OpenCV is scripted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from realtime.closing import Closing
from realtime.config import Config, LiveConfig, ScreenConfig
from realtime.sources.address import Address, SourceKind
from realtime.sources.camera import CameraDevice
from realtime.sources.device import DeviceSource
from realtime.sources.screen import ScreenSource
from realtime.sources.window import WindowSource
from realtime.types import Frame, SourceInfo
from tests.contract.clips import draw
from tests.contract.test_source_contract import (  # noqa: F401 - pytest collects them here
    FRAMES,
    Kind,
    test_close_from_another_thread_while_it_is_read,
    test_close_may_come_twice_and_ends_reading,
    test_close_without_open,
    test_every_frame_comes_once_and_in_order,
    test_frames_stay_as_they_were,
    test_images_are_read_only_contiguous_bgr,
    test_open_says_what_it_is,
    test_opens_once_only,
    test_read_needs_open,
    test_seek_needs_a_number,
    test_the_end_stays_the_end,
    test_time_starts_at_zero_or_later_and_grows_strictly,
    test_what_is_live_cannot_be_sought_in_and_says_when_frames_were,
)
from tests.unit.test_camera import Claimed, Scripted
from tests.x_server import XWindow, XWindows, needs_xvfb, x_server

CONFIG = Config(live=LiveConfig(20.0, 20.0), screen=ScreenConfig(rate_hz=200.0))
TITLE = "contract"


class Ending(Closing):
    """A live source that is shown each picture just before it is read, and then closed."""

    def __init__(self, inner: DeviceSource, show: Callable[[int], None]) -> None:
        self._inner = inner
        self._show = show
        self._read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open(self) -> SourceInfo:
        self._show(0)
        return self._inner.open()

    def read(self) -> Frame | None:
        if self._read == FRAMES:
            self._inner.close()
        elif self._read:  # the first was taken by `open`
            self._show(self._read)
        frame = self._inner.read()
        self._read += frame is not None
        return frame

    def close(self) -> None:
        self._inner.close()


_window: list[XWindow] = []


def _of_window(folder: Path, servers: ExitStack, silence_s: float) -> Any:
    address = Address(SourceKind.WINDOW, TITLE, "window:contract")
    return Ending(WindowSource(address, CONFIG, "cam"), _show)


def _of_screen(folder: Path, servers: ExitStack, silence_s: float) -> Any:
    address = Address(SourceKind.SCREEN, "1", "screen:1", (0, 0, 96, 64))
    return Ending(ScreenSource(address, CONFIG, "cam"), _show)


def _of_camera(folder: Path, servers: ExitStack, silence_s: float) -> Any:
    capture = Scripted((96, 64), pictures=[draw(index) for index in range(FRAMES + 1)])
    device = CameraDevice(
        *("/dev/null", "0", CONFIG),
        opener=lambda place: capture,
        claim=lambda path, name: Claimed(),
    )
    return Ending(DeviceSource(device, "cam", "The camera 0", CONFIG.live), lambda index: None)


def _show(index: int) -> None:
    _window[0].do(f"show {index}")


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with x_server("320x240") as (name, _):
        program = XWindows(name)
        _window.append(program.new(TITLE))
        yield name
        _window.clear()
        program.end()


@pytest.fixture(
    params=[
        Kind("camera", _of_camera),
        pytest.param(Kind("screen", _of_screen), marks=needs_xvfb),
        pytest.param(Kind("window", _of_window), marks=needs_xvfb),
    ],
    ids=["camera", "screen", "window"],
)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    if request.param.name != "camera":
        monkeypatch.setenv("DISPLAY", request.getfixturevalue("display"))
    return request.param


@pytest.fixture
def source(kind: Kind, tmp_path: Path) -> Iterator[Any]:
    with kind.make(tmp_path, ExitStack(), 0.0) as source:
        yield source
