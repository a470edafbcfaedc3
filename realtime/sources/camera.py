"""Webcams and capture cards, through OpenCV."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import cv2
import numpy as np

from realtime.config import CameraConfig, Config
from realtime.errors import SourceCode, SourceError
from realtime.redact import redact
from realtime.sources.address import Address
from realtime.sources.device import DeviceSource
from realtime.types import Image, SourceInfo

if sys.platform != "win32":
    from realtime.sources import camera_nodes

# On Windows, Media Foundation needs many seconds to open some cameras; DirectShow does not.
_BACKENDS: Final = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
_UNKNOWN_FORMAT: Final = "unknown"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that is connected. ``path`` is empty where the system names none."""

    index: int
    name: str
    path: str


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...
    def get(self, prop: int, /) -> float: ...
    def set(self, prop: int, value: float, /) -> bool: ...
    def release(self) -> None: ...


class Claim(Protocol):
    """Something held while a camera is in use."""

    def close(self) -> None: ...


def connected() -> list[Camera]:
    """Every camera there is, by index. Opens each for a moment to ask for what it can."""
    from cv2_enumerate_cameras import enumerate_cameras  # noqa: PLC0415 - rarely needed

    try:
        found = enumerate_cameras(_BACKENDS.get(sys.platform, cv2.CAP_ANY))
    except (NotImplementedError, OSError):
        return []
    cameras = {c.index: Camera(c.index, c.name or f"camera {c.index}", c.path or "") for c in found}
    return [cameras[index] for index in sorted(cameras)]


def resolve(target: str, cameras: Callable[[], Sequence[Camera]]) -> str | int:
    """What OpenCV is to open: the path of a node on Linux, an index elsewhere.

    ``target`` is an index, a path, or a name: one that fits exactly goes first, then one that
    fits but for upper and lower case, then one that holds it. ``cameras`` is asked for names
    only.

    Raises:
        SourceError: NOT_FOUND if no name fits or more than one does.
    """
    if target.isascii() and target.isdigit():
        return f"/dev/video{int(target)}" if sys.platform == "linux" else int(target)
    if os.path.isabs(target):
        return target
    there = list(cameras())
    low = target.casefold()
    for fits in (
        [camera for camera in there if camera.name == target],
        [camera for camera in there if camera.name.casefold() == low],
        [camera for camera in there if low in camera.name.casefold()],
    ):
        if len(fits) == 1:
            return fits[0].path or fits[0].index
        if fits:
            raise SourceError(
                f"More than one camera is called {redact(target)}: {_listed(fits)}; give the path "
                "or number of one.",
                SourceCode.NOT_FOUND,
            )
    hint = f"there are {_listed(there)}" if there else "none is connected"
    raise SourceError(
        f"There is no camera called {redact(target)}: {hint}; give the name, path or number of "
        "one.",
        SourceCode.NOT_FOUND,
        transient=True,
    )


def try_out(camera: Camera) -> None:
    """Find out whether a camera can be opened, without starting it.

    Raises:
        SourceError: as `CameraSource.open`, where the system can tell.
    """
    claim = _claim(camera.path, redact(camera.name)) if camera.path else None
    if claim is not None:
        claim.close()


def silence_opencv() -> None:
    """Keep OpenCV's own reports of cameras off the standard error.

    They repeat what our errors say, on every attempt. Whoever sets ``OPENCV_LOG_LEVEL`` (to
    ``INFO``, say) gets them all the same.
    """
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.setLogLevel(0)


class CameraSource(DeviceSource):
    """A live `FrameSource` on one camera; ``address.target`` as in `resolve`.

    MJPEG, the size and the rate of `CameraConfig` are asked for. `SourceInfo` says what was
    obtained, from the camera's own answers and its first picture.

    `open` raises `SourceError`: NOT_FOUND, NOT_MEDIA (no camera), PERMISSION, BUSY, TIMEOUT,
    CODEC_UNSUPPORTED (pictures with neither one nor three 8-bit channels), CONNECTION_FAILED.
    """

    def __init__(self, address: Address, config: Config, source_id: str) -> None:
        device = CameraDevice(address.target, address.name, config)
        name = f"The camera {address.name}"
        super().__init__(device, source_id, name, config.live, hear=config.cues.hear)


class CameraDevice:
    """The `Device` behind a `CameraSource`. ``opener`` and ``claim`` stand for OpenCV and Linux."""

    def __init__(
        self,
        target: str,
        name: str,
        config: Config,
        *,
        opener: Callable[[str | int], Capture] | None = None,
        claim: Callable[[str, str], Claim | None] | None = None,
    ) -> None:
        self._target = target
        self._name = name
        self._wanted = config.camera
        self._read_timeout_s = config.live.read_timeout_s
        self._opener = opener or _open_capture
        self._claim_node = claim or _claim
        self._place: str | int = target
        self._claim: Claim | None = None
        self._capture: Capture | None = None
        self._lost = 0

    @property
    def lost(self) -> int:
        """How many pictures could not be decoded so far."""
        return self._lost

    def open(self) -> None:
        """Claim it, start it and ask it for format, size and rate."""
        silence_opencv()
        self._place = resolve(self._target, connected)
        if isinstance(self._place, str):
            self._claim = self._claim_node(self._place, self._name)
        self._capture = self._opener(self._place)
        if not self._capture.isOpened():
            raise self._not_started()
        _ask_for(self._capture, self._wanted, self._read_timeout_s)

    def grab(self) -> Image | None:
        """The next picture; None if it is damaged or none came."""
        assert self._capture is not None
        if not self._capture.grab():
            if isinstance(self._place, str) and not os.path.exists(self._place):
                raise SourceError(
                    f"The camera {self._name} is gone; connect it again.",
                    SourceCode.NOT_FOUND,
                    transient=True,
                )
            return None
        decoded, picture = self._capture.retrieve()
        if not decoded or picture is None:
            self._lost += 1
            return None
        return self._as_bgr(picture)

    def info(self, image: Image) -> SourceInfo:
        """What was obtained; a difference from what was asked for is logged once."""
        assert self._capture is not None
        height, width = image.shape[:2]
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        codec = _fourcc(self._capture.get(cv2.CAP_PROP_FOURCC))
        wanted = self._wanted
        info = SourceInfo(
            name=self._name,
            width=width,
            height=height,
            duration_s=None,
            frame_rate=rate if 0 < rate < 1000 else None,
            seekable=False,
            live=True,
            codec=codec,
        )
        if (width, height, codec) != (wanted.width, wanted.height, "mjpg") or (
            info.frame_rate is not None and abs(info.frame_rate - wanted.rate_hz) > 0.5
        ):
            _tell_once(
                f"The camera {self._name} gives {_described(width, height, rate, codec)}, not "
                f"{_described(wanted.width, wanted.height, wanted.rate_hz, 'mjpg')}"
            )
        return info

    def nothing(self) -> SourceError:
        """It is there and gives no pictures."""
        return SourceError(
            f"The camera {self._name} delivers no pictures; check its shutter, cable and USB port.",
            SourceCode.TIMEOUT,
            transient=True,
        )

    def close(self) -> None:
        """Stop it and give it up."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _as_bgr(self, picture: Any) -> Image:
        image = np.asarray(picture)
        if image.dtype == np.uint8 and image.ndim == 2:  # an infrared camera
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise SourceError(
                f"The camera {self._name} gives pictures of a kind that cannot be used; choose "
                "its colour camera (see `fakewatch devices`).",
                SourceCode.CODEC_UNSUPPORTED,
            )
        return np.ascontiguousarray(image)

    def _not_started(self) -> SourceError:
        if sys.platform != "win32" and isinstance(self._place, str):
            if not os.path.exists(self._place):
                return camera_nodes.cannot_open(FileNotFoundError(2, ""), self._place, self._name)
            others = [n for n, _ in camera_nodes.holders(self._place) if n != os.getpid()]
            if others:
                return camera_nodes.busy(self._place, self._name)
        return SourceError(
            f"The camera {self._name} cannot be started; connect it again, close other programs "
            "that use it and see `fakewatch devices`.",
            SourceCode.CONNECTION_FAILED,
            transient=True,
        )


def _claim(path: str, name: str) -> Claim | None:
    return camera_nodes.claim(path, name) if sys.platform != "win32" else None


def _open_capture(place: str | int) -> Capture:
    backend = _BACKENDS.get(sys.platform, cv2.CAP_ANY)
    capture: Capture = cv2.VideoCapture(place, backend)
    return capture


def _ask_for(capture: Capture, wanted: CameraConfig, read_timeout_s: float) -> None:
    """The format goes first: which sizes and rates there are depends on it."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)
    capture.set(cv2.CAP_PROP_FPS, wanted.rate_hz)
    # Back ends that know no such deadline say no; the worker has its own.
    capture.set(cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_timeout_s * 1000)


def _fourcc(value: float) -> str:
    number = int(value) if value > 0 else 0
    text = "".join(chr(number >> shift & 0xFF) for shift in (0, 8, 16, 24)).strip()
    return text.lower() if text.isascii() and text.isprintable() and text else _UNKNOWN_FORMAT


def _described(width: int, height: int, rate: float, codec: str) -> str:
    return f"{width}x{height} at {rate:g} pictures a second in {codec.upper()}"


def _listed(cameras: Sequence[Camera]) -> str:
    return ", ".join(f"{redact(c.name)} ({redact(c.path or c.index)})" for c in cameras)


@lru_cache(maxsize=64)
def _tell_once(text: str) -> None:
    """A camera that comes back again and again says the same each time."""
    logger.warning("%s", text)
