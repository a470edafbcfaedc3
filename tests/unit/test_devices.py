"""``fakewatch devices``: every line can be given to ``fakewatch watch`` as it is."""

from __future__ import annotations

import io
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime import devices
from realtime.errors import SourceCode, SourceError
from realtime.sources import camera
from realtime.sources.address import Address, SourceKind
from realtime.sources.camera import Camera
from realtime.sources.parsing import parse
from realtime.sources.windows import Window, matching
from tests.x_server import XWindows, needs_xvfb, x_server


def told() -> dict[str, list[str]]:
    """The report by heading."""
    stream = io.StringIO()
    assert devices.report(stream) == 0
    sections: dict[str, list[str]] = {}
    for line in stream.getvalue().splitlines():
        if line and not line.startswith(" "):
            sections[line] = found = []
        elif line:
            found.append(line)
    return sections


def address(text: str) -> Address:
    """What ``fakewatch watch`` makes of a text that was typed into a shell."""
    (word,) = shlex.split(text)
    return parse(word, camera_names=list)


@pytest.fixture
def no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_desktop")
def test_where_nothing_is_there_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "connected", list)
    sections = told()
    assert list(sections)[:3] == ["Cameras", "Screens", "Windows"]
    assert sections["Cameras"] == ["  none is connected"]
    assert "no screen to capture" in sections["Screens"][0]
    assert "no screen to capture" in sections["Windows"][0]


@pytest.mark.usefixtures("no_desktop")
def test_on_wayland_the_way_that_works_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert "virtual camera of OBS" in told()["Screens"][0]


@pytest.mark.usefixtures("no_desktop")
def test_cameras_with_what_can_be_opened_and_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = SourceError("It is in use by zoom; close it.", SourceCode.BUSY, transient=True)

    def try_out(found: Camera) -> None:
        if found.index == 2:
            raise busy

    monkeypatch.setattr(camera, "try_out", try_out)
    monkeypatch.setattr(
        camera,
        "connected",
        lambda: [
            Camera(0, "Logitech C920", "/dev/video0"),
            Camera(2, "Cam", "/dev/video2"),
            Camera(4, "cam", "/dev/video4"),
            Camera(6, "evil\x1b[2J\nname", "/dev/video6"),
        ],
    )
    lines = told()["Cameras"]
    assert lines[0].split("  ")[1] == '0 or camera:"Logitech C920"'
    assert lines[0].endswith("can be opened")
    assert lines[1].startswith("  2  ")
    assert lines[1].endswith("in use by zoom; close it.")
    assert lines[3].startswith("  6  ")
    assert "\x1b" not in "".join(lines)
    assert devices.list_cameras()[1].problem is busy
    for text in ("0", 'camera:"Logitech C920"'):
        assert address(text).kind is SourceKind.CAMERA
    assert address('camera:"Logitech C920"').target == "Logitech C920"


@pytest.mark.usefixtures("no_desktop")
def test_a_driver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release, ended = threading.Event(), threading.Event()

    def hang() -> list[Camera]:
        release.wait(60)
        ended.set()
        return []

    monkeypatch.setattr(devices, "ANSWER_S", 0.2)
    monkeypatch.setattr(camera, "connected", hang)
    assert "do not answer" in told()["Cameras"][0].replace("does not", "do not")
    release.set()
    assert ended.wait(20)


@pytest.mark.parametrize(
    "title",
    [
        "Zoom",
        "Zoom Meeting",
        "it's",
        'say "hi"',
        "$(reboot) `x` \\ !",
        "[Draft] *",
        "é ✓",
        "a;b & c | d > e",
        "-rf",
        "~",
        "#1",
    ],
)
def test_a_title_comes_through_a_shell_and_finds_its_window(title: str) -> None:
    found = address(devices.argument("window:", title))
    assert found.kind is SourceKind.WINDOW
    windows = [Window(1, "other", (0, 0, 9, 9), True), Window(2, title, (0, 0, 9, 9), True)]
    assert [w.number for w in matching(found.target, windows)] == [2]


def test_audio_inputs_as_the_kernel_lists_them(tmp_path: Path) -> None:
    (tmp_path / "pcm").write_text(
        "00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1\n"
        "00-03: HDMI 0 : HDMI 0 : playback 1\n"
        "02-00: USB Audio : : capture 1\n"
        "nonsense\n"
    )
    assert devices.list_audio_inputs(tmp_path) == [
        devices.AudioInput("hw:0,0", "ALC257 Analog"),
        devices.AudioInput("hw:2,0", "USB Audio"),
    ]
    assert devices.list_audio_inputs(tmp_path / "absent") == []


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[XWindows]:
    with x_server("640x480") as (display, _):
        monkeypatch.setenv("DISPLAY", display)
        program = XWindows(display)
        yield program
        program.end()


@needs_xvfb
def test_a_real_desktop(windows: XWindows) -> None:
    titles = ["Zoom Meeting", "twin", "twin", "at@1,2,30,40", '"quoted"', "0x12", "new\nline"]
    made = {windows.new(title).number: title for title in titles}
    windows.new("gone").do("unmap")
    windows.new("tiny", 4, 4)
    sections = told()
    assert [line.split()[0] for line in sections["Screens"]] == ["screen:0", "screen:1"]
    assert "640 x 480" in sections["Screens"][1]
    lines = sections["Windows"]
    assert len(lines) == len(titles)
    there = devices.list_windows()
    for line in lines:
        target = address(line.strip().split("  ")[0]).target
        (found,) = matching(target, there)
        made.pop(found.number)
    assert not made
    assert '  window:"Zoom Meeting"  96 x 64' in lines
