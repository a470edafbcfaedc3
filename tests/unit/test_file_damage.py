"""Damage, limits, deadlines and what a file source leaves behind."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import av
import psutil
import pytest

from realtime.config import SourceConfig
from realtime.errors import ConfigError, SourceCode, SourceError
from realtime.sources import FileSource, open_source
from realtime.sources.media import open_file
from tests.contract.clips import join, make_clip, read_index
from tests.unit.test_file_source import drain, numbers


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
        time.sleep(0.001)
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
