"""What is special about files: their stamps, shapes and pixels."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.config import SourceConfig
from realtime.sources import FileSource
from realtime.types import Frame
from tests.contract.clips import draw, join, make_clip, read_index


def play(path: Path, config: SourceConfig | None = None) -> list[Frame]:
    with FileSource(path, config or SourceConfig()) as source:
        source.open()
        return drain(source)


def drain(source: FileSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def numbers(frames: list[Frame]) -> list[int]:
    return [read_index(frame.image) for frame in frames]


def test_times_are_the_stamps_of_a_variable_frame_rate(tmp_path: Path) -> None:
    stamps = [0, 40, 50, 51, 400, 401, 2000, 2033, 2034]
    frames = play(make_clip(tmp_path / "clip.mp4", 9, stamps_ms=stamps))
    assert [frame.time_s for frame in frames] == [stamp / 1000 for stamp in stamps]
    assert numbers(frames) == list(range(9))


def test_frames_left_out_of_an_avi_leave_a_gap(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.avi", 4, stamps_ms=[0, 40, 400, 440])
    frames = play(path)
    assert numbers(frames) == [0, 1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.04, 0.4, 0.44])


def test_a_long_still_picture_is_found_by_seeking_into_it(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", 4, stamps_ms=[0, 40, 90_000, 90_040])
    with FileSource(path, SourceConfig()) as source:
        source.open()
        source.seek(60.0)
        assert numbers(drain(source)) == [1, 2, 3]


@pytest.mark.parametrize("suffix", [".ts", ".flv", ".mkv"])
def test_time_starts_at_zero_wherever_the_stamps_start(tmp_path: Path, suffix: str) -> None:
    stamps = [5_000 + 40 * i for i in range(10)]
    frames = play(make_clip(tmp_path / f"clip{suffix}", 10, stamps_ms=stamps))
    assert [frame.time_s for frame in frames] == pytest.approx([0.04 * i for i in range(10)])


def test_a_clock_that_restarts_inside_the_file(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.ts", 50)
    with FileSource(join(tmp_path / "whole.ts", [part, part]), SourceConfig()) as source:
        source.open()
        frames = drain(source)
        times = [frame.time_s for frame in frames]
        assert numbers(frames) == [*range(50), *range(50)]
        assert times == pytest.approx([0.04 * i for i in range(100)])
        for index in (75, 20, 99, 49):
            source.seek(times[index])
            frame = source.read()
            assert frame is not None
            assert (frame.time_s, read_index(frame.image)) == (times[index], index % 50)


def test_frames_change_size_in_mid_stream(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.ts", 10)
    large = make_clip(tmp_path / "large.ts", range(10, 20), size=(200, 120))
    frames = play(join(tmp_path / "both.ts", [small, large]))
    assert numbers(frames) == list(range(20))
    assert [frame.image.shape[:2] for frame in frames] == [(64, 96)] * 10 + [(120, 200)] * 10


# Rows of a transformation matrix as a container states it: (x, y) of the stored picture goes to
# (a x + c y, b x + d y) of the shown one, with y pointing down.
MATRICES = {
    "clockwise": ((0, 1, -1, 0), -1),
    "half": ((-1, 0, 0, -1), 2),
    "counterclockwise": ((0, -1, 1, 0), 1),
}


@pytest.mark.parametrize("turn", MATRICES)
def test_a_phone_held_upright_or_upside_down(tmp_path: Path, turn: str) -> None:
    (a, b, c, d), quarter_turns = MATRICES[turn]
    upright = draw(9, 64, 96)
    stored = np.ascontiguousarray(np.rot90(upright, -quarter_turns))
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = stored.shape[:2]
        stream.pix_fmt = "yuv420p"
        for packet in (
            *stream.encode(av.VideoFrame.from_ndarray(stored, format="bgr24")),
            *stream.encode(),
        ):
            container.mux(packet)
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 4 + 20 + 16
    assert data[matrix : matrix + 36] == struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    one = 65536
    data[matrix : matrix + 36] = struct.pack(
        ">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30
    )
    path.write_bytes(data)
    with FileSource(path, SourceConfig()) as source:
        info = source.open()
        (frame,) = drain(source)
    assert read_index(frame.image) == 9
    assert frame.image.shape == (info.height, info.width, 3) == (96, 64, 3)


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [
        ("libx264", "yuv420p10le"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv444p"),
        ("ffv1", "yuv444p16le"),
        ("ffv1", "gbrp16le"),
        ("ffv1", "bgra"),
        ("png", "rgba"),
        ("png", "rgb48be"),
        ("png", "rgba64be"),
        ("prores_ks", "yuva444p10le"),
        ("mjpeg", "yuvj420p"),
        ("libvpx-vp9", "yuva420p"),
    ],
)
def test_every_pixel_format_becomes_eight_bit_bgr(tmp_path: Path, codec: str, pixels: str) -> None:
    suffix = ".mov" if codec in ("png", "prores_ks") else ".mkv"
    frames = play(make_clip(tmp_path / f"clip{suffix}", 3, codec=codec, pixels=pixels))
    assert numbers(frames) == [0, 1, 2]
    assert {frame.image.dtype for frame in frames} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("pixels", ["gray", "gray16le"])
def test_grey_video_has_three_equal_channels(tmp_path: Path, pixels: str) -> None:
    (*_, frame) = play(make_clip(tmp_path / "clip.mkv", 4, codec="ffv1", pixels=pixels))
    white = frame.image[8, 36]  # the first cell beside the corner holds the lowest bit
    assert white.min() > 200
    assert np.ptp(frame.image, axis=2).max() == 0


@pytest.mark.parametrize("matrix", ["ITU601", "ITU709"])
def test_colours_follow_the_matrix_that_the_stream_states(tmp_path: Path, matrix: str) -> None:
    colour = (40, 200, 90)
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv444p"
        stream.codec_context.colorspace = {"ITU601": 6, "ITU709": 1}[matrix]
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), colour, np.uint8), format="bgr24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=matrix)
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    (frame,) = play(path)
    assert np.abs(frame.image.astype(int) - colour).max() <= 3


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c", "ICtCp", "chroma-derived-nc", "fcc"])
def test_an_uncommon_matrix_does_not_cost_the_picture(tmp_path: Path, matrix: str) -> None:
    options = {"x264-params": f"colormatrix={matrix}"}
    assert numbers(play(make_clip(tmp_path / "clip.mkv", 3, options=options))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("size", "codec", "pixels"),
    [
        ((1, 1), "ffv1", "bgra"),
        ((97, 65), "libx264", "yuv444p"),
        ((33, 17), "libvpx-vp9", "yuv420p"),
        ((4096, 2), "ffv1", "yuv420p"),
    ],
)
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], codec: str, pixels: str) -> None:
    path = make_clip(tmp_path / "clip.mkv", 2, size=size, codec=codec, pixels=pixels)
    assert [f.image.shape for f in play(path)] == [(size[1], size[0], 3)] * 2


def test_a_single_frame(tmp_path: Path) -> None:
    with FileSource(make_clip(tmp_path / "clip.mp4", 1), SourceConfig()) as source:
        source.open()
        assert numbers(drain(source)) == [0]
        source.seek(7.0)
        assert numbers(drain(source)) == [0]


def test_sound_and_pictures_together(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 30, audio=True)
    assert numbers(play(path)) == list(range(30))
