"""What can be wrong with cameras and displays, up to where a real camera would be needed.

Device nodes, OpenCV, locks and display servers are real. A node of ``/dev`` that is no camera
stands for the kernel's side of one where any character device will do.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import pty
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from realtime.config import Config, LiveConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources import camera_nodes
from realtime.sources.address import Address, SourceKind
from realtime.sources.camera import Camera, CameraSource, try_out
from realtime.sources.device import DeviceSource
from realtime.sources.screen import ScreenSource
from realtime.sources.window import WindowSource
from tests.x_server import XWindows, needs_xvfb, x_server

CONFIG = Config(live=LiveConfig(open_timeout_s=20.0, read_timeout_s=20.0))
HASTY = Config(live=LiveConfig(open_timeout_s=20.0, read_timeout_s=1.0))


def failure(target: str) -> SourceError:
    """What the source says of a camera that cannot be opened."""
    with CameraSource(Address(SourceKind.CAMERA, target, target), CONFIG, "cam") as source:
        with pytest.raises(SourceError) as caught:
            source.open()
        assert source.read() is None
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("target", ["97", "/dev/video97", "/dev/v4l/by-id/none", "/etc/passwd/x"])
def test_a_camera_that_is_not_there(target: str, capfd: pytest.CaptureFixture[str]) -> None:
    error = failure(target)
    assert (error.code, error.transient) == (SourceCode.NOT_FOUND, True)
    assert "fakewatch devices" in str(error)
    assert capfd.readouterr() == ("", ""), "OpenCV must not talk"


def test_a_camera_of_a_name_that_nothing_has() -> None:
    error = failure("No Such Camera 4711")
    assert error.code is SourceCode.NOT_FOUND
    assert "No Such Camera 4711" in str(error)


def test_a_file_a_folder_and_a_pipe_are_no_cameras(tmp_path: Path) -> None:
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"x" * 5000)
    os.mkfifo(pipe)  # opening it would wait for a writer for ever
    for path in (file, pipe, tmp_path):
        error = failure(str(path))
        assert (error.code, error.transient) == (SourceCode.NOT_MEDIA, False)
        assert "is no camera" in str(error)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_another_device_is_no_camera(path: str) -> None:
    assert failure(path).code is SourceCode.NOT_MEDIA


def test_a_node_without_its_driver_is_no_camera(tmp_path: Path) -> None:
    node = tmp_path / "video0"
    try:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(81, 0))
    except PermissionError:
        pytest.skip("this user may write read-only files but make no device nodes")
    assert failure(str(node)).code in (SourceCode.NOT_FOUND, SourceCode.PERMISSION)


def test_a_camera_of_others_says_which_group_to_join(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    error = failure("/dev/mem")
    assert error.code is SourceCode.PERMISSION
    assert "usermod -aG" in str(error)


@pytest.fixture
def terminal() -> Iterator[str]:
    """A character device of our own."""
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def as_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any character device for a camera; locks and opening stay as they are."""
    monkeypatch.setattr(camera_nodes, "_require_pictures", lambda descriptor, name: None)


@pytest.mark.usefixtures("as_camera")
def test_of_two_in_one_program_the_second_is_told_that_it_is_busy(terminal: str) -> None:
    first = camera_nodes.claim(terminal, "0")
    with pytest.raises(SourceError, match="in use") as caught:
        camera_nodes.claim(terminal, "0")
    assert (caught.value.code, caught.value.transient) == (SourceCode.BUSY, True)
    first.close()
    first.close()
    camera_nodes.claim(terminal, "0").close()


def _hold(path: str, channel: Connection) -> None:
    camera_nodes._require_pictures = lambda descriptor, name: None  # type: ignore[assignment]
    node = camera_nodes.claim(path, "0")
    channel.send("held")
    channel.poll(60)
    node.close()


@pytest.mark.usefixtures("as_camera")
def test_of_two_programs_the_second_is_told_which_one_has_it(terminal: str) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    other = context.Process(target=_hold, args=(terminal, theirs))
    other.start()
    try:
        assert ours.poll(60)
        assert (other.pid, True) in [(n, bool(name)) for n, name in camera_nodes.holders(terminal)]
        with pytest.raises(SourceError, match=r"in use by \w+") as caught:
            try_out(Camera(0, "Cam", terminal))
        assert caught.value.code is SourceCode.BUSY
    finally:
        assert other.pid is not None
        os.kill(other.pid, signal.SIGKILL)  # the lock goes with whoever held it
        other.join(20)
    camera_nodes.claim(terminal, "0").close()


@pytest.mark.usefixtures("as_camera")
def test_a_camera_that_opencv_cannot_start_is_given_back(
    terminal: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    error = failure(terminal)  # the real OpenCV on a device that is no camera
    assert error.code in (SourceCode.CONNECTION_FAILED, SourceCode.BUSY)
    # Others may go meanwhile, with garbage of tests before.
    assert len(os.listdir("/proc/self/fd")) <= before
    camera_nodes.claim(terminal, "0").close()
    assert capfd.readouterr() == ("", "")


def test_a_camera_that_streams_for_another_program_refuses_a_buffer(
    terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the driver answers (Linux, ``vidioc_reqbufs``): EBUSY while another has buffers."""

    def ioctl(descriptor: int, request: int, data: bytearray) -> int:
        if request == camera_nodes._QUERYCAP:
            data[84:92] = (0x85200001).to_bytes(4, "little") + (0x04200001).to_bytes(4, "little")
            return 0
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(camera_nodes.fcntl, "ioctl", ioctl)
    with pytest.raises(SourceError) as caught:
        camera_nodes.claim(terminal, "0")
    assert caught.value.code is SourceCode.BUSY


def test_the_part_of_a_camera_with_metadata_is_told(
    terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ioctl(descriptor: int, request: int, data: bytearray) -> int:
        data[84:92] = (0x85A00001).to_bytes(4, "little") + (0x04A00000).to_bytes(4, "little")
        return 0

    monkeypatch.setattr(camera_nodes.fcntl, "ioctl", ioctl)
    with pytest.raises(SourceError, match="gives no pictures") as caught:
        camera_nodes.claim(terminal, "0")
    assert caught.value.code is SourceCode.NOT_MEDIA


def screen() -> DeviceSource:
    return ScreenSource(Address(SourceKind.SCREEN, "1", "screen:1"), HASTY, "cam")


def window() -> DeviceSource:
    return WindowSource(Address(SourceKind.WINDOW, "call", "window:call"), HASTY, "cam")


@needs_xvfb
@pytest.mark.parametrize("make", [screen, window])
@pytest.mark.parametrize("fault", ["hangs", "dies"])
def test_a_display_server_that_goes_is_told_within_the_deadline(
    make: type[DeviceSource], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with x_server("320x240") as (display, process):
        monkeypatch.setenv("DISPLAY", display)
        windows = XWindows(display)
        try:
            windows.new("call")
            caught = lost(make(), process, fault)
        finally:
            windows.end()
    expected = SourceCode.TIMEOUT if fault == "hangs" else SourceCode.CONNECTION_FAILED
    assert (caught.code, caught.transient) == (expected, True)


def lost(source: DeviceSource, server: subprocess.Popen[bytes], fault: str) -> SourceError:
    """What a source says once its server hangs or dies; it must not take long."""
    try:
        source.open()
        assert source.read() is not None
        if fault == "hangs":
            server.send_signal(signal.SIGSTOP)
        else:
            server.kill()
            server.wait(20)
        began = time.monotonic()
        with pytest.raises(SourceError) as caught:  # noqa: PT012 - a frame may come first
            while source.read():
                pass
        assert time.monotonic() - began < 15
        return caught.value
    finally:
        server.kill()  # or whoever waits for it would not get away
        source.close()
