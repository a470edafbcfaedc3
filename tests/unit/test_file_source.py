"""What is special about files: their stamps, shapes, pixels, damage and names."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from realtime.config import SourceConfig
from realtime.errors import ConfigError, SourceCode, SourceError
from realtime.sources import FileSource, open_source
from realtime.sources.media import open_file
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


def test_what_a_cut_off_file_still_holds(tmp_path: Path) -> None:
    for suffix in (".mkv", ".ts", ".flv"):
        path = make_clip(tmp_path / f"clip{suffix}", 60)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
        with FileSource(path, SourceConfig()) as source:
            source.open()
            seen = numbers(drain(source))
            assert len(seen) >= 20
            assert seen[:-3] == list(range(len(seen) - 3))
            assert seen == sorted(set(seen))
            assert source.decode_errors <= 2


# Every fifth picture stands alone and the four behind it depend on nothing else.
PLAIN_GOPS = {"bf": "0", "x264-params": "scenecut=0"}


def _spoil(path: Path, first: int, last: int) -> None:
    """Overwrite the packets from ``first`` to ``last`` of an MP4, whose index stays whole."""
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for position, size in places[first:last]:
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)


def test_damaged_pictures_are_skipped_and_counted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 40, gop=5, options=PLAIN_GOPS)
    _spoil(path, 10, 15)
    with FileSource(path, SourceConfig()) as source:
        source.open()
        frames = drain(source)
        assert numbers(frames) == [*range(10), *range(15, 40)]
        assert [f.time_s for f in frames][9:11] == pytest.approx([0.36, 0.6])
        assert source.decode_errors == 5
        assert [frame.index for frame in frames] == list(range(35))
        source.seek(0.48)
        frame = source.read()
        assert frame is not None
        assert read_index(frame.image) == 9


def test_too_much_damage_in_a_row_ends_it(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 40, gop=5, options=PLAIN_GOPS)
    _spoil(path, 10, 40)
    with FileSource(path, SourceConfig(max_decode_errors=20)) as source:
        source.open()
        for _ in range(10):
            assert source.read() is not None
        with pytest.raises(SourceError, match="20 pictures in a row") as caught:
            drain(source)
        assert caught.value.code is SourceCode.CORRUPT
        assert source.read() is None
        assert source.decode_errors == 20
        source.seek(0.0)
        assert source.read() is not None


def test_growth_beyond_the_limit_in_mid_stream(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.ts", 10)
    large = make_clip(tmp_path / "large.ts", 10, size=(320, 240))
    path = join(tmp_path / "both.ts", [small, large])
    with FileSource(path, SourceConfig(max_pixels=20_000)) as source:
        source.open()
        with pytest.raises(SourceError, match="320 x 240") as caught:
            drain(source)
        assert caught.value.code is SourceCode.TOO_LARGE


def test_the_open_deadline_holds(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    source = FileSource(path, SourceConfig(open_timeout_s=1e-9))
    with pytest.raises(SourceError) as caught:
        source.open()
    assert caught.value.code is SourceCode.TIMEOUT
    assert caught.value.transient


def test_the_read_deadline_holds(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    with FileSource(path, SourceConfig(read_timeout_s=1e-9)) as source:
        source.open()
        with pytest.raises(SourceError) as caught:
            drain(source)
        assert caught.value.code is SourceCode.TIMEOUT
        assert source.read() is None


def test_bytes_stop_at_the_deadline_and_when_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    file = open_file(path)
    assert file.read(4) == b"0123"
    file.extend(0)
    assert file.read(4) == b""
    assert isinstance(file.failure, TimeoutError)
    file.extend(60)
    assert file.read(4) == b"4567"
    file.cancel()
    assert file.read(4) == b""
    file.close()
    file.close()


def test_close_ends_a_read_that_waits_for_a_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_clip(tmp_path / "clip.ts", 2000)
    source = FileSource(path, SourceConfig(read_timeout_s=60))
    source.open()
    waiting, go_on = threading.Event(), threading.Event()
    read = os.read

    def slow(descriptor: int, size: int) -> bytes:
        if threading.current_thread().name == "fw-test-play":
            waiting.set()
            assert go_on.wait(20)
        return read(descriptor, size)

    monkeypatch.setattr("realtime.sources.media.os.read", slow)
    ends: list[int] = []
    player = threading.Thread(target=lambda: ends.append(len(drain(source))), name="fw-test-play")
    player.start()
    assert waiting.wait(20)
    closer = threading.Thread(target=source.close, name="fw-test-close")
    closer.start()
    while source._file is not None and not source._file.cancelled:
        pass
    go_on.set()
    player.join(20)
    closer.join(20)
    assert not player.is_alive()
    assert ends
    assert ends[0] < 2000
    assert source._file is None


def test_nothing_stays_behind(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 12, size=(640, 480))
    process = psutil.Process()

    def use() -> None:
        with FileSource(path, SourceConfig()) as source:
            source.open()
            source.read()
            source.seek(0.4)
            source.read()

    for _ in range(20):
        use()
    files, memory = process.num_fds(), process.memory_info().rss
    for _ in range(100):
        use()
    assert process.num_fds() == files
    assert process.memory_info().rss - memory < 20_000_000


def test_a_refused_file_is_not_kept_open(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video at all")
    process = psutil.Process()
    files = process.num_fds()
    for _ in range(10):
        with pytest.raises(SourceError):
            FileSource(path, SourceConfig()).open()
    assert process.num_fds() == files


@pytest.mark.parametrize(
    "url", ["rtsp://user:hunter2@camera/1", "http://host/x.mp4", "file:///x.mp4", "RTSPS://a"]
)
def test_a_url_is_no_file(url: str) -> None:
    with pytest.raises(ConfigError, match="is a URL; give the path of a video file") as caught:
        open_source(url, SourceConfig())
    assert "hunter2" not in str(caught.value)


def test_an_empty_name_is_no_file() -> None:
    with pytest.raises(ConfigError, match="empty"):
        open_source("", SourceConfig())


def test_a_path_is_a_file(tmp_path: Path) -> None:
    with open_source(make_clip(tmp_path / "clip.mp4", 2), SourceConfig()) as source:
        assert source.open().name == str(tmp_path / "clip.mp4")
        assert source.source_id == "file"
