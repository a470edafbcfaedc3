"""Cameras by number, path and name; what they are asked for and what they then give."""

from __future__ import annotations

import errno
import logging
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from realtime.config import CameraConfig, Config, LiveConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources import camera, camera_nodes
from realtime.sources.camera import Camera, CameraDevice, connected, resolve, silence_opencv
from realtime.sources.device import DeviceSource

CAMERAS = [
    Camera(0, "Logitech C920", "/dev/video0"),
    Camera(2, "logitech c920", "/dev/video2"),
    Camera(4, "Integrated Camera: Integrated C", "/dev/video4"),
    Camera(6, "Integrated Camera: Integrated I", "/dev/video6"),
    Camera(8, "HDMI \x1b[31mcapture", "/dev/video8"),
]


class Scripted:
    """Stands for ``cv2.VideoCapture`` of a camera that gives what it wants."""

    def __init__(
        self,
        size: tuple[int, int] = (640, 480),
        rate: float = 30.0,
        fourcc: str = "YUYV",
        pictures: Any = None,
        opened: bool = True,
    ) -> None:
        self.size, self.rate, self.fourcc = size, rate, fourcc
        self.pictures = pictures
        self.opened = opened
        self.asked: list[tuple[int, float]] = []
        self.released = False

    def isOpened(self) -> bool:
        return self.opened

    def grab(self) -> bool:
        return self.pictures is None or len(self.pictures) > 0

    def retrieve(self) -> tuple[bool, Any]:
        if self.pictures is None:
            return True, np.zeros((self.size[1], self.size[0], 3), np.uint8)
        picture = self.pictures.pop(0)
        return picture is not None, picture

    def get(self, prop: int, /) -> float:
        code = cv2.VideoWriter.fourcc(*self.fourcc) if self.fourcc else -1
        return {cv2.CAP_PROP_FPS: self.rate, cv2.CAP_PROP_FOURCC: float(code)}[prop]

    def set(self, prop: int, value: float, /) -> bool:
        self.asked.append((prop, value))
        return False

    def release(self) -> None:
        self.released = True


class Claimed:
    closed = False

    def close(self) -> None:
        self.closed = True


def device(capture: Scripted, claim: Claimed | None = None, target: str = "0") -> CameraDevice:
    config = Config(
        live=LiveConfig(read_timeout_s=0.3), camera=CameraConfig(1920, 1080, rate_hz=25.0)
    )
    return CameraDevice(
        target, target, config, opener=lambda place: capture, claim=lambda path, name: claim
    )


def source(capture: Scripted) -> DeviceSource:
    live = LiveConfig(open_timeout_s=20, read_timeout_s=20)
    return DeviceSource(device(capture), "cam", "The camera 0", live)


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("/dev/video7", "/dev/video7"),
        ("/dev/v4l/by-id/usb-x", "/dev/v4l/by-id/usb-x"),
        ("Logitech C920", "/dev/video0"),
        ("logitech c920", "/dev/video2"),
        ("hdmi", "/dev/video8"),
        ("INTEGRATED C", None),
        ("Logitech", None),
        ("LOGITECH C920", None),
        ("integrated camera: integrated i", "/dev/video6"),
    ],
)
def test_a_name_fits_exactly_then_in_any_case_then_in_part(target: str, place: str | None) -> None:
    if place is not None:
        assert resolve(target, lambda: CAMERAS) == place
        return
    with pytest.raises(SourceError, match="More than one camera") as caught:
        resolve(target, lambda: CAMERAS)
    assert caught.value.code is SourceCode.NOT_FOUND
    assert "/dev/video" in str(caught.value)


def test_a_number_is_a_node_on_linux_and_nobody_is_asked() -> None:
    def asked() -> list[Camera]:
        raise AssertionError

    assert resolve("3", asked) == ("/dev/video3" if sys.platform == "linux" else 3)


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(SourceError, match="Logitech C920") as caught:
        resolve("Nikon", lambda: CAMERAS)
    assert caught.value.code is SourceCode.NOT_FOUND
    assert caught.value.transient
    assert "\x1b" not in str(caught.value)
    with pytest.raises(SourceError, match="none is connected"):
        resolve("Nikon", list)


def test_a_camera_without_a_path_goes_by_its_number() -> None:
    assert resolve("FaceTime", lambda: [Camera(1, "FaceTime HD", "")]) == 1


def test_the_cameras_of_this_machine_are_as_many_as_its_nodes() -> None:
    found = connected()
    assert [c.index for c in found] == sorted(c.index for c in found)
    assert len(found) <= len(list(Path("/dev").glob("video*")))


def test_the_format_is_asked_for_first_then_size_and_rate() -> None:
    capture = Scripted()
    device(capture).open()
    assert capture.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1920),
        (cv2.CAP_PROP_FRAME_HEIGHT, 1080),
        (cv2.CAP_PROP_FPS, 25.0),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, 300.0),
    ]


def test_what_was_obtained_is_read_back_and_a_difference_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera._tell_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with source(Scripted()) as live:
                info = live.open()
    assert (info.width, info.height, info.frame_rate, info.codec) == (640, 480, 30.0, "yuyv")
    assert (info.live, info.seekable, info.duration_s) == (True, False, None)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "The camera 0 gives 640x480 at 30 pictures a second in YUYV, not "
        "1920x1080 at 25 pictures a second in MJPG"
    ]


def test_nothing_is_told_of_a_camera_that_gives_what_was_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera._tell_once.cache_clear()
    with source(Scripted((1920, 1080), 25.0, "MJPG")) as live:
        assert live.open().codec == "mjpg"
    assert not caplog.records


@pytest.mark.parametrize(("rate", "fourcc"), [(0.0, ""), (-1.0, "\0\0\0\0"), (1e9, "\x01\x02ab")])
def test_nonsense_that_a_driver_says_is_not_repeated(rate: float, fourcc: str) -> None:
    with source(Scripted(rate=rate, fourcc=fourcc)) as live:
        info = live.open()
    assert info.frame_rate is None
    assert info.codec == "unknown"


def test_a_damaged_picture_is_counted_and_left_out() -> None:
    good = [np.full((4, 4, 3), value, np.uint8) for value in (1, 2, 3)]
    with source(Scripted(pictures=[good[0], None, None, good[1], None, good[2]])) as live:
        live.open()
        frames = [live.read() for _ in range(3)]
        assert [int(f.image[0, 0, 0]) for f in frames if f] == [1, 2, 3]
        assert live.decode_errors == 3


def test_an_infrared_picture_gets_three_channels() -> None:
    with source(Scripted(pictures=[np.full((4, 4), 9, np.uint8)] * 2)) as live:
        live.open()
        frame = live.read()
    assert frame is not None
    assert frame.image.shape == (4, 4, 3)
    assert (frame.image == 9).all()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.uint16), np.zeros((4, 4, 2), np.uint8), np.zeros((1, 64), np.float32)],
    ids=["16 bits", "two channels", "floats"],
)
def test_pictures_of_another_kind_are_refused(picture: Any) -> None:
    with source(Scripted(pictures=[picture])) as live, pytest.raises(SourceError) as caught:
        live.open()
    assert caught.value.code is SourceCode.CODEC_UNSUPPORTED
    assert not caught.value.transient


def test_everything_is_given_back() -> None:
    capture, claim = Scripted(), Claimed()
    it = device(capture, claim)
    it.open()
    it.close()
    it.close()
    assert capture.released
    assert claim.closed


def test_a_camera_that_does_not_start_is_given_back() -> None:
    capture, claim = Scripted(opened=False), Claimed()
    it = device(capture, claim, target=os.devnull)
    with pytest.raises(SourceError, match=r"cannot be started|in use") as caught:
        it.open()
    assert caught.value.transient
    it.close()
    assert capture.released
    assert claim.closed


def test_a_camera_that_was_pulled_out_is_told() -> None:
    it = device(Scripted(pictures=[]), Claimed(), target="/dev/video987")
    it.open()
    with pytest.raises(SourceError, match="is gone") as caught:
        it.grab()
    assert (caught.value.code, caught.value.transient) == (SourceCode.NOT_FOUND, True)


def test_a_camera_that_is_there_and_gives_nothing_is_waited_for() -> None:
    it = device(Scripted(pictures=[]), Claimed(), target=os.devnull)
    it.open()
    assert it.grab() is None
    assert "shutter" in str(it.nothing())


@pytest.mark.parametrize(
    ("number", "code", "text", "transient"),
    [
        (errno.ENOENT, SourceCode.NOT_FOUND, "There is no camera", True),
        (errno.ENODEV, SourceCode.NOT_FOUND, "There is no camera", True),
        (errno.EACCES, SourceCode.PERMISSION, "sudo usermod -aG", False),
        (errno.EPERM, SourceCode.PERMISSION, "--device", False),
        (errno.EBUSY, SourceCode.BUSY, "in use", True),
        (errno.EIO, SourceCode.CONNECTION_FAILED, "Input/output error", True),
    ],
)
def test_each_refusal_of_the_system_is_a_sentence(
    number: int, code: SourceCode, text: str, transient: bool
) -> None:
    error = camera_nodes.cannot_open(OSError(number, ""), "/dev/video987", "0")
    assert (error.code, error.transient) == (code, transient)
    assert text in str(error)


def test_the_group_of_the_node_is_the_one_to_join(tmp_path: Path) -> None:
    import grp

    name = grp.getgrgid(tmp_path.stat().st_gid).gr_name
    error = camera_nodes.cannot_open(OSError(errno.EACCES, ""), str(tmp_path), "0")
    assert f"usermod -aG {name} $USER" in str(error)
    error = camera_nodes.cannot_open(OSError(errno.EACCES, ""), "/dev/video987", "0")
    assert "usermod -aG video $USER" in str(error)


def test_opencv_is_silent_unless_asked_to_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cv2.getLogLevel()
    try:
        cv2.setLogLevel(3)
        monkeypatch.setenv("OPENCV_LOG_LEVEL", "INFO")
        silence_opencv()
        assert cv2.getLogLevel() == 3
        monkeypatch.delenv("OPENCV_LOG_LEVEL")
        silence_opencv()
        assert cv2.getLogLevel() == 0
    finally:
        cv2.setLogLevel(before)
