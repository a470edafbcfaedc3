"""Recordings of people, served by a real RTSP server and watched as a camera would be."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.config import Config, LiveConfig, SourceConfig
from realtime.errors import SourceCode, SourceError
from realtime.evidence import EvidenceRing
from realtime.sources.address import Transport
from realtime.sources.file import FileSource
from realtime.sources.parsing import parse
from realtime.sources.stream import StreamSource
from realtime.types import Frame, Image, WallClock
from tests.conftest import DATA, needs_data
from tests.servers.looped import looped
from tests.servers.rtsp import file_pipeline, rtsp_server

pytestmark = needs_data

CONFIG = Config(live=LiveConfig(max_age_s=60.0))
"""However busy the machine is, no frame is too old."""
PACKETS = 40
LOOPS = 2


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for path in sorted((DATA / "videos" / "real").glob("*.mp4")):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.codec_context.name == "h264" and stream.frames >= PACKETS:
                break
    made = tmp_path_factory.mktemp("real") / "clip.mp4"
    return looped(path, made, packets=PACKETS, loops=LOOPS)


@pytest.fixture(scope="module")
def pictures(clip: Path) -> list[Image]:
    return [frame.image for frame in read_all(FileSource(clip, SourceConfig()))]


@pytest.fixture(scope="module")
def port(clip: Path) -> Iterator[int]:
    with rtsp_server({"/cam": file_pipeline(clip)}) as server:
        yield server.port


def read_all(source: FileSource | StreamSource) -> list[Frame]:
    frames = []
    with source:
        source.open()
        while (frame := source.read()) is not None:
            frames.append(frame)
    return frames


@pytest.mark.parametrize("transport", list(Transport))
def test_every_picture_arrives_as_it_is_in_the_file(
    port: int, pictures: list[Image], transport: Transport
) -> None:
    address = parse(f"rtsp://127.0.0.1:{port}/cam", transport=transport)
    begin = time.time()
    source = StreamSource(address, CONFIG)
    frames = read_all(source)
    if transport is Transport.TCP:
        assert source.decode_errors == 0
        assert len(frames) == len(pictures)
    else:
        # A busy machine loses datagrams, and the good-bye may overtake the last of them.
        assert len(frames) > len(pictures) / 2
    places = iter(pictures)
    assert all(any(np.array_equal(f.image, p) for p in places) for f in frames)
    by_camera = [frame for frame in frames if frame.wall_clock is WallClock.RTCP]
    assert by_camera
    assert all(begin - 5 < frame.wall_s < time.time() + 5 for frame in by_camera if frame.wall_s)
    # Each report may correct the one before it by what the server's own clocks disagree.
    assert np.abs(np.diff([frame.wall_s for frame in by_camera])).max() < 1


@pytest.mark.parametrize("digest", [False, True])
def test_only_who_may_watch_does(clip: Path, digest: bool) -> None:
    pipeline = file_pipeline(clip)
    user, password = "us er", "p:w@/%x"
    with rtsp_server({"/cam": pipeline}, users=[(user, password)], digest=digest) as server:
        port = server.port
        good = parse(f"rtsp://us%20er:p%3Aw%40%2F%25x@127.0.0.1:{port}/cam")
        with StreamSource(good, CONFIG) as source:
            assert source.open().width
            assert source.read() is not None
        for wrong in ("", "us%20er:other@", "other:p%3Aw%40%2F%25x@"):
            address = parse(f"rtsp://{wrong}127.0.0.1:{port}/cam")
            with StreamSource(address, CONFIG) as source, pytest.raises(SourceError) as caught:
                source.open()
            assert caught.value.code is SourceCode.AUTH_FAILED
            assert "other" not in str(caught.value)
        address = parse(f"rtsp://us%20er:p%3Aw%40%2F%25x@127.0.0.1:{port}/nothing")
        with StreamSource(address, CONFIG) as source, pytest.raises(SourceError) as caught:
            source.open()
        assert caught.value.code is SourceCode.NOT_FOUND


def test_a_server_that_is_killed_and_comes_back(clip: Path, pictures: list[Image]) -> None:
    with rtsp_server({"/cam": file_pipeline(clip)}) as server:
        port = server.port
        source = StreamSource(parse(f"rtsp://127.0.0.1:{port}/cam"), CONFIG)
        source.open()
        assert source.read() is not None
    begin = time.monotonic()
    with source, pytest.raises(SourceError) as caught:
        list(iter(source.read, None))
    assert caught.value.code is SourceCode.CONNECTION_FAILED
    assert caught.value.transient
    assert time.monotonic() - begin < 4
    with rtsp_server({"/cam": file_pipeline(clip)}, port=port):
        assert len(read_all(StreamSource(parse(f"rtsp://127.0.0.1:{port}/cam"), CONFIG))) == len(
            pictures
        )


@pytest.mark.parametrize("transport", list(Transport))
def test_a_server_that_stops_without_a_word(clip: Path, transport: Transport) -> None:
    with rtsp_server({"/cam": file_pipeline(clip)}) as server:
        address = parse(f"rtsp://127.0.0.1:{server.port}/cam", transport=transport)
        config = Config(live=LiveConfig(read_timeout_s=1.0, max_age_s=60.0))
        with StreamSource(address, config) as source:
            source.open()
            os.kill(server.pid, signal.SIGSTOP)
            begin = time.monotonic()
            with pytest.raises(SourceError) as caught:
                list(iter(source.read, None))
    assert caught.value.code is SourceCode.TIMEOUT
    assert 0.9 < time.monotonic() - begin < 4


def test_a_clip_of_it_holds_the_same_pictures(
    port: int, pictures: list[Image], tmp_path: Path
) -> None:
    ring = EvidenceRing("cam")
    source = StreamSource(parse(f"rtsp://127.0.0.1:{port}/cam"), CONFIG, tap=ring)
    saved = None
    with source:
        source.open()
        while (frame := source.read()) is not None:
            if frame.index == 50:
                saved = ring.save(tmp_path / "clip.mp4", 0.5, 60.0)
    ring.close()
    assert saved is not None
    assert saved.error is None
    kept = [frame.image for frame in read_all(FileSource(saved.path, SourceConfig()))]
    assert len(kept) >= 20
    assert all(np.array_equal(a, b) for a, b in zip(kept, pictures[-len(kept) :], strict=True))


def test_what_is_shown_after_a_pause_is_whole(
    clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Pictures are left out, up to a key frame and in between; the others are as in the file."""
    long = looped(clip, tmp_path_factory.mktemp("long") / "clip.mp4", packets=2 * PACKETS)
    originals = [frame.image for frame in read_all(FileSource(long, SourceConfig()))]
    with rtsp_server({"/cam": file_pipeline(long)}) as server:
        source = StreamSource(parse(f"rtsp://127.0.0.1:{server.port}/cam"), Config())
        frames = []
        with source:
            source.open()
            while (frame := source.read()) is not None:
                frames.append(frame)
                if frame.index == PACKETS // 2:
                    time.sleep(2.0)
    assert source.decode_errors == 0
    assert source.skipped > 0
    assert len(frames) + source.skipped == len(originals)
    assert max(np.diff([frame.time_s for frame in frames])) > 1.0
    place = -1
    for frame in frames:
        # In order, each exactly one of the file.
        place = next(
            i for i in range(place + 1, len(originals)) if np.array_equal(frame.image, originals[i])
        )
