"""Small clips whose pixels say which frame they are, made by PyAV when a test needs them.

A picture is a grid of 4 x 4 cells. The top left corner is blue, the other three are black, the
twelve cells between them hold the frame's number in binary. So it survives lossy codecs and
scaling, and cannot be read from a picture that is turned, mirrored or has red and blue swapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from realtime.types import Image

GRID = 4
CORNERS = ((0, 0), (0, 3), (3, 0), (3, 3))
CELLS = tuple(
    (row, column) for row in range(GRID) for column in range(GRID) if (row, column) not in CORNERS
)
CODECS = {
    ".mp4": "libx264",
    ".mkv": "libx264",
    ".ts": "libx264",
    ".flv": "libx264",
    ".mov": "libx264",
    ".webm": "libvpx-vp9",
    ".avi": "mpeg4",
    ".mpg": "mpeg2video",
    ".wmv": "wmv2",
}


def draw(index: int, width: int = 96, height: int = 64) -> Image:
    """The picture of frame ``index`` (0 to 4095), ``(height, width, 3)`` uint8 BGR."""
    grid = np.zeros((GRID, GRID, 3), np.uint8)
    grid[0, 0] = (255, 0, 0)
    for bit, cell in enumerate(CELLS):
        grid[cell] = 255 * (index >> bit & 1)
    rows = np.arange(height) * GRID // height
    columns = np.arange(width) * GRID // width
    return np.ascontiguousarray(grid[rows][:, columns])


def read_index(image: NDArray[np.uint8]) -> int:
    """Which frame the picture is; fails if it is turned, mirrored or in the wrong colours."""
    height, width = image.shape[:2]
    centres = [(2 * i + 1) * height // (2 * GRID) for i in range(GRID)]
    across = [(2 * i + 1) * width // (2 * GRID) for i in range(GRID)]
    cells = image[centres][:, across].astype(int)
    blue, green, red = cells[0, 0]
    assert blue > 150, f"top left corner is not blue: {cells[0, 0]}"
    assert max(green, red) < 100, f"top left corner is not blue: {cells[0, 0]}"
    for corner in CORNERS[1:]:
        assert cells[corner].max() < 100, f"corner {corner} is not black: {cells[corner]}"
    return sum(int(cells[cell].mean() > 128) << bit for bit, cell in enumerate(CELLS))


def make_clip(
    path: Path,
    frames: int | Sequence[int] = 30,
    *,
    size: tuple[int, int] = (96, 64),
    rate: int = 25,
    stamps_ms: Sequence[int] | None = None,
    codec: str | None = None,
    pixels: str = "yuv420p",
    rotation: int = 0,
    gop: int = 10,
    format: str | None = None,
    options: dict[str, str] | None = None,
    audio: bool = False,
) -> Path:
    """Write a clip whose n-th picture says ``frames[n]`` (or n), and give back its path.

    ``stamps_ms`` are presentation times in milliseconds, instead of a constant ``rate``.
    ``size`` is width and height of the upright picture; with a ``rotation``, in degrees
    counter-clockwise as stated in the container, it is stored turned the other way. The codec is
    chosen by the suffix if not given; ``audio`` adds a silent track.
    """
    numbers = range(frames) if isinstance(frames, int) else frames
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec or CODECS[path.suffix], rate=rate)
        stream.width, stream.height = size if rotation % 180 == 0 else size[::-1]
        stream.pix_fmt = pixels
        stream.gop_size = gop
        stream.options = options or {}
        if stamps_ms is not None:
            stream.time_base = Fraction(1, 1000)
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=8000) if audio else None
        if sound is not None:
            for packet in (*_silence(sound, len(numbers) / rate), *sound.encode()):
                container.mux(packet)
        for position, number in enumerate(numbers):
            stored = np.rot90(draw(number, *size), -rotation // 90)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), format="bgr24")
            frame = frame.reformat(format=pixels)
            if stamps_ms is not None:
                frame.pts, frame.time_base = stamps_ms[position], Fraction(1, 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def make_audio(path: Path, seconds: float = 1.0) -> Path:
    """Write a file with a silent track and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        for packet in (*_silence(stream, seconds), *stream.encode()):
            container.mux(packet)
    return path


def join(path: Path, parts: Iterable[Path]) -> Path:
    """Write the bytes of several clips end to end, which MPEG-TS allows."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def _silence(stream: av.AudioStream, seconds: float) -> list[av.Packet]:
    packets = []
    for _ in range(max(1, round(seconds * 8000 / 1024))):
        frame = av.AudioFrame(format="fltp", layout=stream.layout.name, samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 8000
        packets += stream.encode(frame)
    return packets
