"""Which window is meant, and what a real X server says of real windows."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from realtime.config import Config, LiveConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources.address import Address, SourceKind
from realtime.sources.screen import Region
from realtime.sources.window import WindowSource, choose, list_windows
from realtime.sources.windows import Window, listed, matching
from realtime.types import Clock
from tests.contract.clips import draw, read_index
from tests.x_server import FOREIGN_PID, XWindow, XWindows, needs_xvfb, x_server

PATIENT = LiveConfig(read_timeout_s=20.0, open_timeout_s=20.0)
HASTY = LiveConfig(read_timeout_s=1.0, open_timeout_s=1.0)
SERVERS = {"alone": (), "screen": ("-extension", "Composite")}
"""With the second, only the pixels of the screen are to be had."""


def window(
    number: int, title: str, size: tuple[int, int] = (100, 100), visible: bool = True
) -> Window:
    return Window(number, title, (0, 0, *size), visible)


def source(title: str, region: Region | None = None, live: LiveConfig = PATIENT) -> WindowSource:
    address = Address(SourceKind.WINDOW, title, "window:it", region)
    return WindowSource(address, Config(live=live), "cam")


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("zoom*", [2, 1]),
        ("Zoom Meeting", [1]),
        ("*MEETING*", [2, 1, 3]),
        ("Zoom", []),
        ("[draft] mail", [4]),
        ("[ab]*", [3]),
        ("0x3", [3]),
        ("0X3", []),
        ("0x99", []),
        ("?oom meeting 2", [2]),
    ],
)
def test_a_pattern_finds_its_windows(pattern: str, numbers: list[int]) -> None:
    windows = [
        window(1, "Zoom Meeting"),
        window(2, "Zoom Meeting 2", (300, 100)),
        window(3, "another meeting", (900, 900), visible=False),
        window(4, "[Draft] Mail"),
    ]
    assert [w.number for w in matching(pattern, windows)] == numbers


def test_of_several_windows_the_largest_visible_one_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    windows = [
        window(1, "call", (10, 10)),
        window(2, "call", (50, 50), visible=False),
        window(3, "call", (20, 20)),
    ]
    with caplog.at_level(logging.INFO, logger="realtime.sources.window"):
        assert choose("call", windows).number == 3
    assert "3 windows" in caplog.text
    assert choose("call", windows[1:2]).number == 2


def test_a_window_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SourceError, match='called "Zoom": there are "one", "two"') as caught:
        choose("Zoom", [window(1, "one"), window(2, "two")])
    assert caught.value.code is SourceCode.NOT_FOUND
    assert caught.value.transient
    with pytest.raises(SourceError, match="none at all"):
        choose("Zoom", [])


def test_a_long_list_is_cut_and_control_signs_are_escaped() -> None:
    text = listed([window(i, f"w\n{i}") for i in range(7)])
    assert text.endswith("and 2 more")
    assert "\n" not in text


@pytest.fixture(scope="module", params=list(SERVERS))
def windows(request: pytest.FixtureRequest) -> Iterator[tuple[str, XWindows]]:
    with x_server("640x480", *SERVERS[request.param]) as (display, _):
        program = XWindows(display)
        yield display, program
        program.end()


@pytest.fixture
def show(
    windows: tuple[str, XWindows], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., XWindow]]:
    display, program = windows
    monkeypatch.setenv("DISPLAY", display)
    made: list[XWindow] = []

    def make(title: str, width: int = 96, height: int = 64) -> XWindow:
        made.append(program.new(title, width, height))
        return made[-1]

    yield make
    for each in made:
        each.do("close")


def until_error(live: WindowSource) -> SourceError:
    """The error that ends it."""
    with pytest.raises(SourceError) as caught:  # noqa: PT012 - some frames may come first
        while live.read():
            pass
    return caught.value


Show = Callable[..., XWindow]


@needs_xvfb
def test_windows_are_listed_with_place_size_and_title(show: Show) -> None:
    shown, hidden = show("Zoom é \u2713"), show("hidden")
    shown.do("move 30 40")
    hidden.do("unmap")
    found = {w.number: w for w in list_windows()}
    assert found[shown.number] == Window(shown.number, "Zoom é \u2713", (30, 40, 96, 64), True)
    assert not found[hidden.number].visible


def test_a_machine_without_the_library_of_x11_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "xcffib":
                raise OSError("libxcb.so.1: cannot open shared object file")

    for name in ("xcffib", "realtime.sources.window_x11"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    monkeypatch.setenv("DISPLAY", ":4242")
    with pytest.raises(SourceError, match=r"libxcb\.so\.1"):
        list_windows()


@needs_xvfb
def test_the_window_is_followed(show: Show) -> None:
    it = show("Zoom Meeting")
    with source("zoom*") as live:
        it.do("show 5")
        info = live.open()
        assert (info.width, info.height, info.live, info.seekable) == (96, 64, True, False)
        assert "Zoom Meeting" in info.name
        frames = []
        for index, order in enumerate(["move 200 100", "move 0 0", "move 544 416"], 6):
            it.do(order)
            it.do(f"show {index}")
            live.read()  # was taken before, by `open` or while the window went
            frames.append(live.read())
        assert [read_index(f.image) for f in frames if f] == [6, 7, 8]
        assert all(f and f.image.shape == (64, 96, 3) for f in frames)
        times = [f.time_s for f in frames if f]
        assert times == sorted(set(times))
        assert {(f.clock, f.epoch, f.image.flags.writeable) for f in frames if f} == {
            (Clock.MONOTONIC, 0, False)
        }


@needs_xvfb
def test_colours_and_pixels_are_exact(show: Show) -> None:
    it = show("exact")
    it.do("show 1234")
    with source("exact") as live:
        live.open()
        frame = live.read()
    assert frame is not None
    assert np.array_equal(frame.image, draw(1234))


@needs_xvfb
def test_a_resized_window_changes_the_size_of_frames(show: Show) -> None:
    it = show("resized")
    with source("resized") as live:
        live.open()
        live.read()
        it.do("size 120 50")
        frame = live.read()
        assert frame is not None
        assert frame.image.shape == (50, 120, 3)
        assert frame.epoch == 0


@needs_xvfb
def test_a_region_of_the_window(show: Show) -> None:
    it = show("part")
    it.do("move 100 100")
    it.do("show 3")
    with source("part", (24, 16, 48, 32)) as live:
        live.open()
        frame = live.read()
        assert frame is not None
        assert np.array_equal(frame.image, draw(3)[16:48, 24:72])


@needs_xvfb
@pytest.mark.parametrize("windows", ["alone"], indirect=True)
def test_a_window_that_became_smaller_than_the_region_is_told(show: Show) -> None:
    it = show("small")
    with source("small", (24, 16, 48, 32), HASTY) as live:
        live.open()
        it.do("size 30 64")
        assert "has only 30 x 64 pixels" in str(until_error(live))


@needs_xvfb
@pytest.mark.parametrize("windows", ["alone"], indirect=True)
@pytest.mark.parametrize("order", ["unmap", "icon"])
def test_a_minimised_window_is_told_and_comes_back(show: Show, order: str) -> None:
    it = show("mini")
    with source("mini", live=HASTY) as live:
        live.open()
        live.read()
        it.do(order)
        error = until_error(live)
        assert '"mini" is minimised' in str(error)
        assert (error.code, error.transient) == (SourceCode.TIMEOUT, True)
        assert live.read() is None
    with source("mini", live=HASTY) as still, pytest.raises(SourceError, match="minimised"):
        still.open()


@needs_xvfb
def test_a_short_absence_does_not_end_the_connection(show: Show) -> None:
    it = show("short")
    with source("short") as live:
        live.open()
        live.read()
        it.do("unmap")
        it.do("map")
        it.do("show 9")
        live.read()
        frame = live.read()
        assert frame is not None
        assert read_index(frame.image) == 9


@needs_xvfb
def test_a_closed_window_is_told(show: Show) -> None:
    it = show("closed")
    with source("closed") as live:
        live.open()
        live.read()
        it.do("close")
        error = until_error(live)
    assert '"closed" was closed' in str(error)
    assert (error.code, error.transient) == (SourceCode.NOT_FOUND, True)


@needs_xvfb
def test_what_lies_in_front_is_not_taken_for_the_window(
    show: Show, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    below = show("below")
    below.do("show 77")
    above = show("above")
    above.do("show 99")
    with source("below") as live:
        live.open()
        live.read()
        # As soon as the window has a memory of its own, it has to paint itself once.
        below.do("show 77")
        above.do("show 99")
        frame = live.read()
        assert frame is not None
        alone = "alone" in request.node.callspec.id
        assert alone is not ("what lies in front of it is seen too" in caplog.text)
        assert read_index(frame.image) == (77 if alone else 99)


@needs_xvfb
def test_our_own_windows_are_no_source(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    it = show("ours")
    assert it.number in {w.number for w in list_windows()}
    monkeypatch.setattr(os, "getpid", lambda: FOREIGN_PID)
    it.do("pid")
    assert it.number not in {w.number for w in list_windows()}


@needs_xvfb
def test_one_of_many_opened_and_closed_leaves_nothing_behind(show: Show) -> None:
    show("many")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with source("many") as live:
            live.open()
            assert live.read() is not None
    assert len(os.listdir("/proc/self/fd")) == before
