"""What every source must do, whatever is behind it.

A new kind of source joins by one entry in `KINDS`: a function that makes a source which is not
open yet and delivers the pictures 0, 1, 2 ... of `clips.draw`. What is live says so in its
`SourceInfo`, cannot be sought in, and may break off where a file ends.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from realtime.config import Config, LiveConfig, SourceConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources.base import FrameSource
from realtime.sources.file import FileSource
from realtime.sources.parsing import parse
from realtime.sources.stream import StreamSource
from realtime.types import Clock, Frame
from tests.contract.clips import CODECS, make_clip, read_index
from tests.servers.scripted import Script, sets_of, units_of
from tests.servers.sockets import http, serving

FRAMES = 45
WALL = {"size": (96, 64), "gop": 12}


@dataclass(frozen=True)
class Kind:
    """``make(folder, servers, silence_s)`` gives a source of `FRAMES` frames, not open yet.

    What it needs to run meanwhile is entered into ``servers``. A live one says nothing for
    ``silence_s`` after the last frame, and then ends or breaks off.
    """

    name: str
    make: Callable[[Path, ExitStack, float], FrameSource]
    size: tuple[int, int] = (96, 64)


def _file(suffix: str, **options: object) -> Kind:
    def make(folder: Path, servers: ExitStack, silence_s: float) -> FrameSource:
        path = make_clip(folder / f"clip{suffix}", FRAMES, **(WALL | options))  # type: ignore[arg-type]
        return FileSource(path, SourceConfig(), "cam")

    name = "-".join([suffix[1:], *(f"{key}={value}" for key, value in options.items())])
    return Kind(name, make, options.get("size", (96, 64)))  # type: ignore[arg-type]


def _stream(url: str) -> FrameSource:
    # However busy the machine is: no frame is too old.
    config = Config(live=LiveConfig(max_age_s=60.0))
    return StreamSource(parse(url, allow_http=True), config, "cam")


def _rtsp(folder: Path, servers: ExitStack, silence_s: float) -> FrameSource:
    clip = make_clip(folder / "clip.mp4", FRAMES, size=(96, 64), gop=12, options=NO_DELAY)
    units = units_of(clip)
    script = Script(units, sets_of(units), silence_s)
    server = servers.enter_context(serving(script.serve))
    servers.callback(script.stopping.set)
    return _stream(f"rtsp://127.0.0.1:{server.port}/cam")


def _over_http(name: str, kind: str, suffix: str, **options: object) -> Kind:
    def make(folder: Path, servers: ExitStack, silence_s: float) -> FrameSource:
        clip = make_clip(folder / f"clip{suffix}", FRAMES, **(WALL | options))  # type: ignore[arg-type]
        files = {"/cam": (kind, clip.read_bytes())}
        if name == "hls":
            files = {"/cam": (kind, HLS), "/clip.ts": ("video/mp2t", clip.read_bytes())}
        lengthless = name == "mjpeg"
        serve = http(files, length=not lengthless, silence_s=silence_s)
        server = servers.enter_context(serving(serve))
        return _stream(f"http://127.0.0.1:{server.port}/cam")

    return Kind(name, make)


NO_DELAY = {"tune": "zerolatency"}
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:1.8,\nclip.ts\n#EXT-X-ENDLIST\n"
KINDS = [
    *(_file(suffix) for suffix in CODECS),
    _file(".mp4", rotation=90),
    _file(".mkv", options={"bf": "3", "x264-params": "open-gop=1"}),
    _file(".mp4", stamps_ms=tuple(i * 40 + (i % 3) * 10 for i in range(FRAMES))),
    _file(".mkv", size=(97, 65), pixels="yuv444p"),
    Kind("rtsp", _rtsp),
    _over_http("mpegts", "video/mp2t", ".ts"),
    _over_http("hls", "application/vnd.apple.mpegurl", ".ts"),
    _over_http(
        "mjpeg",
        "multipart/x-mixed-replace;boundary=ffmpeg",
        ".mjpeg",
        format="mpjpeg",
        codec="mjpeg",
        pixels="yuvj420p",
    ),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def source(kind: Kind, tmp_path: Path) -> Iterator[FrameSource]:
    with ExitStack() as servers, kind.make(tmp_path, servers, 0.0) as source:
        yield source


def read_all(source: FrameSource) -> list[Frame]:
    """Every frame up to the end, or to where a live source breaks off."""
    frames = []
    try:
        while (frame := source.read()) is not None:
            frames.append(frame)
    except SourceError as exc:
        broken_off = exc.code is SourceCode.CONNECTION_FAILED and exc.transient
        if not broken_off or not isinstance(source, StreamSource):
            raise
    return frames


def test_open_says_what_it_is(source: FrameSource, kind: Kind) -> None:
    info = source.open()
    assert (info.width, info.height) == kind.size
    assert info.name
    assert info.codec
    assert info.duration_s is None or info.duration_s > 0
    assert info.frame_rate is None or info.frame_rate > 0


def test_every_frame_comes_once_and_in_order(source: FrameSource) -> None:
    source.open()
    frames = read_all(source)
    assert [read_index(frame.image) for frame in frames] == list(range(FRAMES))
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert source.decode_errors == 0


def test_time_starts_at_zero_or_later_and_grows_strictly(source: FrameSource) -> None:
    source.open()
    frames = read_all(source)
    times = [frame.time_s for frame in frames]
    assert times[0] >= 0
    assert all(a < b for a, b in itertools.pairwise(times))
    arrivals = [frame.captured_mono for frame in frames]
    assert arrivals == sorted(arrivals)
    assert {frame.clock for frame in frames} <= {Clock.PTS, Clock.MONOTONIC}
    assert {frame.epoch for frame in frames} == {0}
    assert {frame.source_id for frame in frames} == {source.source_id}


def test_images_are_read_only_contiguous_bgr(source: FrameSource, kind: Kind) -> None:
    info = source.open()
    for frame in read_all(source):
        image = frame.image
        assert image.shape == (info.height, info.width, 3)
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        assert not image.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            image[0, 0, 0] = 1


def test_frames_stay_as_they_were(source: FrameSource) -> None:
    source.open()
    first = source.read()
    assert first is not None
    before = first.image.copy()
    read_all(source)
    assert np.array_equal(first.image, before)


def test_the_end_stays_the_end(source: FrameSource) -> None:
    source.open()
    read_all(source)
    assert [source.read() for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("index", [0, 1, 11, 12, 13, 30, FRAMES - 2, FRAMES - 1])
def test_seek_is_exact(source: FrameSource, index: int) -> None:
    if not source.open().seekable:
        pytest.skip("this kind of source cannot seek")
    frames = read_all(source)
    time_s = frames[index].time_s
    behind = frames[index + 1].time_s if index + 1 < FRAMES else time_s + 1
    for wanted in (time_s, (time_s + behind) / 2, math.nextafter(behind, 0)):
        source.seek(wanted)
        after = read_all(source)
        assert [read_index(frame.image) for frame in after] == list(range(index, FRAMES))
        assert [frame.time_s for frame in after] == [f.time_s for f in frames[index:]]


@pytest.mark.parametrize("time_s", [1e6, math.inf])
def test_seek_beyond_the_end_gives_the_last_frame(source: FrameSource, time_s: float) -> None:
    if not source.open().seekable:
        pytest.skip("this kind of source cannot seek")
    source.seek(time_s)
    assert [read_index(frame.image) for frame in read_all(source)] == [FRAMES - 1]


@pytest.mark.parametrize("time_s", [-1.0, -math.inf, 0.0])
def test_seek_before_the_start_gives_the_first_frame(source: FrameSource, time_s: float) -> None:
    if not source.open().seekable:
        pytest.skip("this kind of source cannot seek")
    read_all(source)
    source.seek(time_s)
    frame = source.read()
    assert frame is not None
    assert read_index(frame.image) == 0


def test_step_back_by_seeking_to_just_before_this_frame(source: FrameSource) -> None:
    if not source.open().seekable:
        pytest.skip("this kind of source cannot seek")
    source.seek(math.inf)
    frame = source.read()
    seen = []
    while frame is not None and frame.time_s > 0 and len(seen) < 20:
        seen.append(read_index(frame.image))
        source.seek(math.nextafter(frame.time_s, -1))
        frame = source.read()
    assert seen == [FRAMES - 1 - i for i in range(20)]


def test_seek_starts_an_epoch_and_indices_stay_unique(source: FrameSource) -> None:
    if not source.open().seekable:
        pytest.skip("this kind of source cannot seek")
    frames = [source.read(), source.read()]
    source.seek(0.5)
    frames += [source.read(), source.read()]
    source.seek(0.1)
    source.seek(0.2)
    frames += [source.read(), source.read()]
    assert all(frame is not None for frame in frames)
    epochs = [frame.epoch for frame in frames if frame]
    assert epochs[0] == epochs[1] < epochs[2] == epochs[3] < epochs[4] == epochs[5]
    assert [frame.index for frame in frames if frame] == list(range(6))


def test_seek_needs_a_number(source: FrameSource) -> None:
    if not source.open().seekable:
        with pytest.raises(SourceError) as caught:
            source.seek(1.0)
        assert caught.value.code is SourceCode.NOT_SEEKABLE
        return
    with pytest.raises(ValueError, match="not a number"):
        source.seek(math.nan)
    frame = source.read()
    assert frame is not None
    assert (frame.epoch, read_index(frame.image)) == (0, 0)


def test_close_may_come_twice_and_ends_reading(source: FrameSource) -> None:
    seekable = source.open().seekable
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None
    if seekable:
        source.seek(0.0)
    assert source.read() is None


def test_close_without_open(source: FrameSource) -> None:
    source.close()
    with pytest.raises(RuntimeError, match="once"):
        source.open()


def test_opens_once_only(source: FrameSource) -> None:
    source.open()
    with pytest.raises(RuntimeError, match="once"):
        source.open()
    assert source.read() is not None
    source.close()
    with pytest.raises(RuntimeError, match="once"):
        source.open()


def test_read_needs_open(source: FrameSource) -> None:
    with pytest.raises(RuntimeError, match="open"):
        source.read()


def test_what_is_live_cannot_be_sought_in_and_says_when_frames_were(source: FrameSource) -> None:
    info = source.open()
    assert info.live is not info.seekable
    if not info.live:
        pytest.skip("this kind of source cannot say when its frames were exposed")
    frames = read_all(source)
    assert all(frame.wall_s is not None and frame.wall_clock is not None for frame in frames)
    assert all(abs(frame.wall_s - time.time()) < 60 for frame in frames if frame.wall_s)


def test_close_from_another_thread_while_it_is_read(kind: Kind, tmp_path: Path) -> None:
    with ExitStack() as servers:
        source = kind.make(tmp_path, servers, 60.0)
        seekable = source.open().seekable
        started = threading.Event()
        errors: list[BaseException] = []

        def play() -> None:
            try:
                while (frame := source.read()) is not None:
                    started.set()
                    if seekable:
                        source.seek(frame.time_s if frame.index % 5 else 0.0)
            except Exception as exc:  # noqa: BLE001 - shown by the assertion below
                errors.append(exc)
            started.set()

        thread = threading.Thread(target=play, name="fw-test-play")
        thread.start()
        assert started.wait(20)
        source.close()
        thread.join(20)
        assert not thread.is_alive()
        assert not errors
        assert source.read() is None
