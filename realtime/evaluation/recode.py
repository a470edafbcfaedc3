"""Clips as they come out of another life: compressed, blurred, shrunk, mirrored.

The frames are read by the same source as any clip, changed, and written as H.264 into a new
file, which the engine then analyses like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from realtime.config import SourceConfig
from realtime.errors import ConfigError, SinkError, SourceCode, SourceError
from realtime.redact import redact
from realtime.sources import FileSource
from realtime.types import Frame, Image

_TICKS: Final = 90_000
_FACE_PX: Final = 160.0
"""Size of face that the widths of blurs are given for."""
_CALL_SIDE: Final = 640
"""Longer side of the picture in a call of few bits; at these rates no program sends more."""
_MIN_SIDE: Final = 16
_LOSSLESS: Final[Mapping[str, str]] = {"preset": "ultrafast", "qp": "0"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One way to change a clip.

    ``level`` is in the unit of the ``kind``: for "crf" the rate factor of x264 (veryfast), for
    "bitrate" bits a second (x264 for a call: zero latency, the longer side at most 640 px), for
    "jpeg" the quality of each picture, for "blur" the Gaussian's standard deviation in pixels of
    a face of 160 px, for "noise" that of the noise in grey levels, for "face" the shorter side
    of the face in pixels, for "brightness" a factor; "flip" mirrors; "original" changes nothing.
    """

    name: str
    kind: str
    level: float = 0.0

    @property
    def key(self) -> str:
        """Names everything that decides the result, for keeping it."""
        return f"{self.kind} {self.level:g}"


CONDITIONS: Final[Mapping[str, Condition]] = {
    condition.name: condition
    for condition in (
        Condition("original", "original"),
        *(Condition(f"crf{level}", "crf", level) for level in (18, 23, 28, 33, 40)),
        *(Condition(f"{level}k", "bitrate", level * 1000) for level in (800, 400, 200, 100)),
        *(Condition(f"jpeg{level}", "jpeg", level) for level in (90, 70, 50, 30)),
        *(Condition(f"blur{level:g}", "blur", level) for level in (0.5, 1, 1.5, 2)),
        *(Condition(f"noise{level}", "noise", level) for level in (4, 8, 16)),
        *(Condition(f"face{level}", "face", level) for level in (160, 96, 64, 48)),
        Condition("dark", "brightness", 0.6),
        Condition("bright", "brightness", 1.4),
        Condition("flip", "flip"),
    )
}
"""Every condition by name, the reference first."""


@dataclass(slots=True)
class Alteration:
    """A condition applied to the pictures of one clip whose face measures ``face_px``."""

    condition: Condition
    face_px: float
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def apply(self, image: Image) -> Image:
        """``(H, W, 3)`` uint8 BGR in, the same out; sides may shrink."""
        change = _CHANGES.get(self.condition.kind)
        return image if change is None else change(image, self)

    def rescaled(self, image: Image, scale: float) -> Image:
        """Shrunk by ``scale``, never enlarged."""
        if scale >= 1:
            return image
        size = [max(_MIN_SIDE, round(side * scale)) for side in image.shape[1::-1]]
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

    def noisy(self, image: Image) -> Image:
        """With Gaussian noise, independent for each value."""
        noise = self._random.standard_normal(image.shape, np.float32) * self.condition.level
        return np.asarray(np.clip(image + np.rint(noise), 0, 255), np.uint8)


def conditions(names: str) -> list[Condition]:
    """The conditions that a text names, apart by commas; all for an empty text. The reference
    comes first in any case.

    Raises:
        ConfigError: naming what is not known.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(CONDITIONS)
    for name in wanted:
        if name not in CONDITIONS:
            raise ConfigError(
                f"There is no condition {redact(name)!r}; known are {', '.join(CONDITIONS)}."
            )
    return [CONDITIONS[name] for name in CONDITIONS if name == "original" or name in wanted]


def recode(clip: Path, output: Path, condition: Condition, seconds: float, face_px: float) -> None:
    """Write the first ``seconds`` of ``clip`` under a condition to ``output``, an ``.mkv``.

    Raises:
        SourceError: if the clip cannot be read or holds no frame.
        SinkError: if the output cannot be written.
    """
    with closing(_frames(clip, seconds)) as frames:
        if not encode(frames, output, condition, face_px):
            raise SourceError(f"{redact(clip)} holds no frame.", SourceCode.NO_FRAMES)


def encode(frames: Iterable[Frame], output: Path, condition: Condition, face_px: float) -> int:
    """Write frames under a condition to ``output``, an ``.mkv``; returns how many.

    Raises:
        SourceError: as the frames do.
        SinkError: if the output cannot be written.
    """
    alteration = Alteration(condition, face_px)
    writer: _Writer | None = None
    count = 0
    try:
        for frame in frames:
            image = alteration.apply(frame.image)
            if writer is None:
                writer = _Writer(output, condition, image)
            writer.write(image, frame.time_s)
            count += 1
        if writer is not None:
            writer.finish()
    except (OSError, av.FFmpegError) as exc:
        reason = exc.strerror or type(exc).__name__
        raise SinkError(
            f"Cannot write the temporary clip {redact(output)}: {reason}; free some space or set "
            "TMPDIR to another folder."
        ) from None
    finally:
        if writer is not None:
            writer.close()
    return count


def _frames(clip: Path, seconds: float) -> Generator[Frame, None, None]:
    with FileSource(clip, SourceConfig()) as source:
        source.open()
        while (frame := source.read()) is not None and frame.time_s < seconds:
            yield frame


class _Writer:
    """H.264 in Matroska; without loss, in RGB, where compression is not what is asked for."""

    def __init__(self, path: Path, condition: Condition, picture: Image) -> None:
        lossy = condition.kind in ("crf", "bitrate")
        # 4:2:0 needs even sides.
        height, width = (
            (side - side % 2 for side in picture.shape[:2]) if lossy else (picture.shape[:2])
        )
        self._size = (width, height)
        self._container = av.open(f"file:{path}", "w", format="matroska")
        try:
            stream = self._container.add_stream("libx264" if lossy else "libx264rgb", rate=30)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = self._size
            stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
            stream.options = dict(_options(condition))
            if lossy:
                stream.pix_fmt = "yuv420p"
                stream.codec_context.colorspace = Colorspace.ITU601
                stream.codec_context.color_range = ColorRange.MPEG
            else:
                stream.pix_fmt = "bgr24"
            if condition.kind == "bitrate":
                stream.bit_rate = int(condition.level)
            self._stream = stream
        except BaseException:
            self._container.close()
            raise

    def write(self, picture: Image, time_s: float) -> None:
        width, height = self._size
        if picture.shape[:2] != (height, width):
            cut = picture[:height, :width]
            if cut.shape[:2] != (height, width):  # the clip changes its size in mid-stream
                cut = np.asarray(cv2.resize(picture, self._size), np.uint8)
            picture = cut
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
        image.time_base = Fraction(1, _TICKS)
        image.pts = round(time_s * _TICKS)
        self._container.mux(self._stream.encode(image))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        self._container.close()


def _options(condition: Condition) -> Mapping[str, str]:
    if condition.kind == "crf":
        return {"preset": "veryfast", "crf": f"{condition.level:g}"}
    if condition.kind == "bitrate":
        rate = f"{condition.level:g}"
        return {"preset": "veryfast", "tune": "zerolatency", "maxrate": rate, "bufsize": rate}
    return _LOSSLESS


def _jpeg(image: Image, alteration: Alteration) -> Image:
    quality = int(alteration.condition.level)
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _blur(image: Image, alteration: Alteration) -> Image:
    sigma = alteration.condition.level * alteration.face_px / _FACE_PX
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.1, sigma)), np.uint8)


_CHANGES: Final[Mapping[str, Callable[[Image, Alteration], Image]]] = {
    "bitrate": lambda image, a: a.rescaled(image, _CALL_SIDE / max(image.shape[:2])),
    "jpeg": _jpeg,
    "blur": _blur,
    "noise": lambda image, a: a.noisy(image),
    "face": lambda image, a: a.rescaled(image, a.condition.level / a.face_px),
    "brightness": lambda image, a: np.asarray(
        np.clip(np.rint(image * np.float32(a.condition.level)), 0, 255), np.uint8
    ),
    "flip": lambda image, _a: np.ascontiguousarray(image[:, ::-1]),
}
