"""Screens and regions of a real X server, and what is said where there is none."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator

import numpy as np
import pytest
import xcffib
import xcffib.randr

from realtime.config import Config, LiveConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources import screen
from realtime.sources.address import Address, SourceKind
from realtime.sources.screen import (
    Region,
    ScreenSource,
    clip,
    list_screens,
    require_display,
)
from realtime.types import Clock, WallClock
from tests.contract.clips import draw, read_index
from tests.x_server import XWindow, XWindows, needs_xvfb, x_server

PATIENT = Config(live=LiveConfig(read_timeout_s=20.0, open_timeout_s=20.0))
PLACE = (200, 100)
SIZE = (96, 64)


def source(region: Region | None = None, number: int = 1, config: Config = PATIENT) -> ScreenSource:
    address = Address(SourceKind.SCREEN, str(number), f"screen:{number}", region)
    return ScreenSource(address, config, "cam")


@pytest.mark.parametrize(
    ("region", "inside"),
    [
        (None, (0, 0, 640, 480)),
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        ((600, 400, 200, 200), (600, 400, 40, 80)),
        ((-10, -10, 50, 50), (0, 0, 40, 40)),
        ((630, 0, 100, 100), None),
        ((700, 0, 100, 100), None),
        ((0, 0, 15, 100), None),
    ],
)
def test_a_region_is_cut_to_its_screen(region: Region | None, inside: Region | None) -> None:
    assert clip(region, 640, 480) == inside


@pytest.mark.parametrize(
    ("environment", "code", "text"),
    [
        ({}, SourceCode.NOT_FOUND, "DISPLAY is not set"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, SourceCode.PERMISSION, "virtual camera of OBS"),
        ({"XDG_SESSION_TYPE": "wayland"}, SourceCode.PERMISSION, "virtual camera of OBS"),
    ],
)
def test_a_desktop_that_cannot_be_captured_is_told(
    environment: dict[str, str], code: SourceCode, text: str
) -> None:
    with pytest.raises(SourceError, match=text) as caught:
        require_display(environment, "linux")
    assert (caught.value.code, caught.value.transient) == (code, False)
    require_display(environment, "win32")


def test_a_server_that_is_not_there_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPLAY", ":4242")
    with source() as live, pytest.raises(SourceError, match="no screen to capture") as caught:
        live.open()
    assert caught.value.code is SourceCode.NOT_FOUND
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, XWindow]]:
    with x_server("640x480") as (display, _):
        windows = XWindows(display)
        window = windows.new("picture", *SIZE)
        window.do("move {} {}".format(*PLACE))
        yield display, window
        windows.end()


@pytest.fixture
def window(server: tuple[str, XWindow], monkeypatch: pytest.MonkeyPatch) -> XWindow:
    monkeypatch.setenv("DISPLAY", server[0])
    return server[1]


@needs_xvfb
@pytest.mark.parametrize("number", [0, 1])
def test_a_whole_screen(window: XWindow, number: int) -> None:
    window.do("show 7")
    with source(number=number) as live:
        info = live.open()
        frame = live.read()
    assert (info.width, info.height, info.live, info.seekable) == (640, 480, True, False)
    assert info.frame_rate == 15.0
    assert frame is not None
    assert np.array_equal(frame.image[100:164, 200:296], draw(7))
    assert not frame.image[:100].any()


@needs_xvfb
def test_a_region_shows_what_is_there_when_it_is_read(window: XWindow) -> None:
    with source((*PLACE, *SIZE)) as live:
        live.open()
        live.read()
        frames = []
        for index in range(20, 26):
            window.do(f"show {index}")
            frames.append(live.read())
    assert [read_index(f.image) for f in frames if f] == list(range(20, 26))
    for f in frames:
        assert f is not None
        assert (f.clock, f.wall_clock, f.pts_s) == (Clock.MONOTONIC, WallClock.SYSTEM, None)
        assert f.image.flags.c_contiguous
        assert not f.image.flags.writeable


@needs_xvfb
def test_pictures_come_at_the_rate_that_is_set(window: XWindow) -> None:
    from realtime.config import ScreenConfig

    config = Config(live=PATIENT.live, screen=ScreenConfig(rate_hz=50.0))
    with source(config=config) as live:
        live.open()
        frames = [live.read() for _ in range(26)]
    first, last = frames[0], frames[-1]
    assert first is not None
    assert last is not None
    assert last.time_s - first.time_s >= 24 / 50  # more slowly on a busy machine, never faster


@needs_xvfb
def test_a_region_that_sticks_out_is_cut_and_told(
    window: XWindow, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), source((600, 400, 200, 200)) as live:
        info = live.open()
    assert (info.width, info.height) == (40, 80)
    assert "640 x 480" in caplog.text
    assert "600,400,40,80" in caplog.text


@needs_xvfb
def test_a_region_outside_is_refused_with_the_size_of_the_screen(window: XWindow) -> None:
    with source((900, 0, 100, 100)) as live, pytest.raises(SourceError, match="640 x 480") as it:
        live.open()
    assert (it.value.code, it.value.transient) == (SourceCode.NOT_FOUND, False)


@needs_xvfb
def test_a_screen_that_is_not_there_is_told_with_those_that_are(window: XWindow) -> None:
    with source(number=3) as live, pytest.raises(SourceError, match="screen:0, screen:1"):
        live.open()
    assert [(s.number, s.area) for s in list_screens()] == [
        (0, (0, 0, 640, 480)),
        (1, (0, 0, 640, 480)),
    ]


@needs_xvfb
def test_nothing_is_left_behind(window: XWindow) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        with source() as live:
            live.open()
            assert live.read() is not None
    assert len(os.listdir("/proc/self/fd")) == before


@needs_xvfb
def test_a_screen_that_changes_its_size_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "RELOOK_S", 0.0)
    with x_server("640x480") as (display, _):
        monkeypatch.setenv("DISPLAY", display)
        with source() as live:
            live.open()
            assert live.read() is not None
            resize(display, 320, 240)
            end = time.monotonic() + 20
            with pytest.raises(SourceError) as caught:  # noqa: PT012 - a frame may come first
                while live.read() and time.monotonic() < end:
                    pass
        assert (caught.value.code, caught.value.transient) == (SourceCode.CONNECTION_FAILED, True)
        with source() as live:
            info = live.open()
        assert (info.width, info.height) == (320, 240)


def resize(display: str, width: int, height: int) -> None:
    """Give the only screen of a server another size, as ``xrandr --size`` does."""
    connection = xcffib.connect(display)
    randr = connection(xcffib.randr.key)
    root = connection.get_setup().roots[0].root
    found = randr.GetScreenResources(root).reply()
    crtc, output, now = found.crtcs[0], found.outputs[0], xcffib.xproto.Time.CurrentTime
    upright = xcffib.randr.Rotation.Rotate_0
    mode = xcffib.randr.ModeInfo.synthetic(
        *(0, width, height, 60 * width * height, width, width, width, 0),
        *(height, height, height, len("test"), 0),
    )
    number = randr.CreateMode(root, mode, len("test"), "test").reply().mode
    randr.AddOutputMode(output, number, is_checked=True).check()
    randr.SetCrtcConfig(crtc, now, found.config_timestamp, 0, 0, 0, upright, 0, []).reply()
    randr.SetScreenSize(root, width, height, width, height, is_checked=True).check()
    stamp = randr.GetScreenResources(root).reply().config_timestamp
    randr.SetCrtcConfig(crtc, now, stamp, 0, 0, number, upright, 1, [output]).reply()
    connection.disconnect()
