"""Clips of what led to an alert: bounded, complete, and picture for picture what was judged."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.config import Config, EvidenceConfig, LiveConfig
from realtime.errors import ConfigError, SinkError, SourceError
from realtime.evidence import EvidenceRing
from realtime.packets import ClipTimes, Encoded, PacketBuffer, parameter_sets
from realtime.sinks.clips import ClipSink, evidence_for
from realtime.sources.parsing import parse
from realtime.sources.stream import StreamSource
from realtime.types import Image, VerdictState
from tests.contract.clips import make_clip, read_index
from tests.contract.results import result, run_start, run_summary
from tests.servers.scripted import Script, sets_of, units_of
from tests.servers.sockets import http, serving

TICKS = Fraction(1, 90_000)
LIKE_A_CAMERA = {"tune": "zerolatency", "sc_threshold": "0"}


def packet(i: int, *, gop: int = 10, size: int = 100, rate: float = 10.0) -> Encoded:
    return Encoded(bytes(size), i * 9000, i * 9000, i % gop == 0, i / rate)


def test_whole_groups_of_the_last_seconds_are_held() -> None:
    buffer = PacketBuffer(3.0, 10**9)
    for i in range(5, 200):
        buffer.add(packet(i))
        held = buffer.since(-1.0)
        assert not held or held[0].key
    assert [each.arrival for each in held] == [i / 10 for i in range(160, 200)]
    assert buffer.size == 100 * len(buffer)


def test_what_comes_before_the_first_key_frame_is_not_held() -> None:
    buffer = PacketBuffer(3.0, 10**9)
    for i in range(1, 10):
        buffer.add(packet(i))
    assert len(buffer) == 0
    assert buffer.since(0.0) == []


def test_memory_is_bounded_whatever_comes() -> None:
    buffer = PacketBuffer(1000.0, 5000)
    for i in range(1000):
        buffer.add(packet(i, size=137))
        assert buffer.size <= 5000
    assert len(buffer) > 10
    for i in range(1, 1000):  # a stream without another key frame
        buffer.add(packet(i, gop=10**6, size=137))
        assert buffer.size <= 5000


@pytest.mark.parametrize(("moment", "first"), [(-5, 0), (0, 0), (0.95, 0), (1.0, 10), (9, 30)])
def test_a_clip_begins_with_the_key_frame_before(moment: float, first: int) -> None:
    buffer = PacketBuffer(100.0, 10**9)
    for i in range(40):
        buffer.add(packet(i))
    assert buffer.since(moment)[0].pts == first * 9000


def stamped(*stamps: tuple[int | None, int | None]) -> list[Encoded]:
    return [Encoded(b"x", pts, dts, i == 0, i * 0.04) for i, (pts, dts) in enumerate(stamps)]


def placed(packets: list[Encoded], head: int) -> list[tuple[int, int]]:
    times = ClipTimes(TICKS, packets[:head])
    return [times.place(each) for each in packets]


def test_stamps_begin_at_zero_and_keep_their_distances() -> None:
    packets = stamped(*((7200 + i * 3600, i * 3600) for i in range(5, 20)))
    assert placed(packets, 4) == [(7200 + i * 3600, i * 3600) for i in range(15)]


def test_stamps_that_rtsp_leaves_out_at_the_beginning() -> None:
    packets = stamped(
        (None, None), (3600, None), (10800, None), (7200, 3600), (18000, 7200), (14400, 10800)
    )
    got = placed(packets, 6)
    assert [dts for _, dts in got] == [i * 3600 for i in range(6)]
    assert [pts - got[0][0] for pts, _ in got] == [0, 3600, 10800, 7200, 18000, 14400]


@pytest.mark.parametrize(
    "stamps",
    [
        [(i * 3600 - (720_000 if i >= 9 else 0),) * 2 for i in range(20)],
        [(i * 3600 + (90_000_000 if i >= 9 else 0),) * 2 for i in range(20)],
        [(0, 0)] * 20,
        [(None, None)] * 20,
        [(i * 3600 if i % 3 else None, None) for i in range(20)],
        [(5, 10**9)] * 20,
    ],
)
def test_stamps_always_suit_a_muxer(stamps: list[tuple[int | None, int | None]]) -> None:
    for head in (1, 10, 20):
        got = placed(stamped(*stamps), head)
        decoding = [dts for _, dts in got]
        assert decoding[0] == 0
        assert all(a < b for a, b in pairwise(decoding))
        assert all(pts >= dts for pts, dts in got)
        assert decoding[-1] < 90_000 * 2


def test_parameter_sets_are_found() -> None:
    data = b"\0\0\0\1\x09\x10" + b"\0\0\1\x67abc" + b"\0\0\0\1\x68de\0" + b"\0\0\1\x65picture"
    assert parameter_sets(data, "h264") == b"\0\0\0\1\x67abc\0\0\0\1\x68de"
    assert parameter_sets(data, "mjpeg") == b""
    assert parameter_sets(b"\0\0\0\x05\x67abcd", "h264") == b""
    hevc = b"\0\0\1\x40\x01v\0\0\1\x42\x01s\0\0\1\x26\x01p"
    assert parameter_sets(hevc, "hevc") == b"\0\0\0\1\x40\x01v\0\0\0\1\x42\x01s"


class Clock:
    """Goes as far as it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Player:
    """Hands the packets of a clip to a ring, at 25 a second of its own clock."""

    def __init__(self, path: Path, ring: EvidenceRing, clock: Clock) -> None:
        self.ring = ring
        self.clock = clock
        self.container = av.open(str(path))
        self.stream = self.container.streams.video[0]
        self.packets = self.container.demux(self.stream)
        ring.opened(self.stream)

    def play(self, count: int = 10**6) -> None:
        for _, each in zip(range(count), self.packets, strict=False):
            if each.size:
                self.clock.now += 0.04
                self.ring.packet(each, self.clock.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> Iterator[EvidenceRing]:
    ring = EvidenceRing("cam", clock=clock)
    yield ring
    ring.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("fw-evidence")]


def pictures(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def indices(path: Path) -> list[int]:
    return [read_index(picture) for picture in pictures(path)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("options", [LIKE_A_CAMERA, {"bf": "3"}])
def test_a_clip_is_cut_around_the_moment(
    tmp_path: Path, ring: EvidenceRing, clock: Clock, suffix: str, options: dict[str, str]
) -> None:
    source = make_clip(tmp_path / "source.mkv", 130, gop=25, options=options)
    player = Player(source, ring, clock)
    player.play(90)
    clip = ring.save(tmp_path / f"clip{suffix}", 2.0, 1.0)
    assert clip is not None
    player.play()
    assert clip.wait(10)
    assert clip.error is None
    got = indices(clip.path)
    whole = indices(source)
    begin = whole.index(got[0])
    assert got == whole[begin : begin + len(got)]
    assert begin <= 90 - 50
    assert begin >= 90 - 50 - 25 - 4
    assert 90 + 25 - 4 <= begin + len(got) <= 90 + 25 + 4
    assert all(map(np.array_equal, pictures(clip.path), pictures(source)[begin:]))


@pytest.mark.parametrize("kind", ["rtsp", "http"])
def test_a_clip_of_a_stream_shows_the_pictures_that_were_judged(tmp_path: Path, kind: str) -> None:
    suffix, options = (".mp4", LIKE_A_CAMERA) if kind == "rtsp" else (".ts", {"bf": "3"})
    source = make_clip(tmp_path / f"source{suffix}", 100, options=options)
    script = Script([])
    if kind == "rtsp":
        units = [replace(unit, wait_s=0.01) for unit in units_of(source)]
        script = Script(units, sets_of(units))
    serve = script.serve if kind == "rtsp" else http({"/c": ("video/mp2t", source.read_bytes())})
    ring = EvidenceRing("cam")
    shown: list[Image] = []
    clip = None
    with serving(serve) as server:
        url = f"{kind}://127.0.0.1:{server.port}/c"
        config = Config(live=LiveConfig(max_age_s=60.0))  # however busy the machine is
        with StreamSource(parse(url, allow_http=True), config, tap=ring) as stream:
            stream.open()
            try:
                while (frame := stream.read()) is not None:
                    shown.append(frame.image)
                    if len(shown) == 60:
                        clip = ring.save(tmp_path / f"clip{ring.suffix}", 5.0, 30.0)
            except SourceError:
                pass
    ring.close()
    assert clip is not None
    assert clip.error is None
    assert clip.path.suffix == ".mp4"
    kept = pictures(clip.path)
    assert len(shown) == len(kept) == 100
    assert all(map(np.array_equal, kept, shown))


def test_a_clip_ends_where_the_connection_does(
    tmp_path: Path, ring: EvidenceRing, clock: Clock
) -> None:
    source = make_clip(tmp_path / "source.mp4", 50)
    Player(source, ring, clock).play()
    clip = ring.save(tmp_path / "clip.mp4", 5.0, 60.0)
    assert clip is not None
    Player(source, ring, clock).play(5)
    assert clip.wait(10)
    assert indices(clip.path) == list(range(50))
    again = ring.save(tmp_path / "again.mp4", 5.0, 0.0)
    assert again is not None
    assert ring.finish()
    assert again.packets == 5


def test_a_clip_ends_where_the_picture_changes_its_size(
    tmp_path: Path, ring: EvidenceRing, clock: Clock
) -> None:
    small = make_clip(tmp_path / "a.ts", 30, options=LIKE_A_CAMERA)
    large = make_clip(tmp_path / "b.ts", range(30, 60), size=(192, 128), options=LIKE_A_CAMERA)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    player = Player(both, ring, clock)
    clips = []
    for each in player.packets:
        if each.size:
            each.decode()
            clock.now += 0.04
            ring.packet(each, clock.now)
            if each.is_keyframe and len(clips) < 4:
                clips.append(ring.save(tmp_path / f"{len(clips)}.mp4", 5.0, 60.0))
    assert ring.finish()
    assert clips[0] is not None
    assert indices(clips[0].path) == list(range(30))
    assert clips[3] is not None
    assert indices(clips[3].path) == list(range(30, 60))
    with av.open(str(clips[3].path)) as container:
        assert container.streams.video[0].width == 192


def test_a_clip_whose_stream_stalls_ends_by_the_clock(
    tmp_path: Path, ring: EvidenceRing, clock: Clock
) -> None:
    Player(make_clip(tmp_path / "source.mp4", 50), ring, clock).play()
    clip = ring.save(tmp_path / "clip.mp4", 5.0, 5.0)
    assert clip is not None
    assert not clip.wait(0.05)
    clock.now += 7.0
    assert clip.wait(10)
    assert len(indices(clip.path)) == 50


def test_a_clip_is_complete_after_close(tmp_path: Path, ring: EvidenceRing, clock: Clock) -> None:
    player = Player(make_clip(tmp_path / "source.mp4", 50), ring, clock)
    player.play(40)
    clip = ring.save(tmp_path / "clip.mkv", 5.0, 60.0)
    ring.close()
    ring.close()
    player.play()
    assert clip is not None
    assert clip.wait(0)
    assert len(indices(clip.path)) == 40
    assert ring.held_bytes == 0
    assert ring.save(tmp_path / "late.mkv") is None
    assert not (tmp_path / "late.mkv").exists()


def test_a_file_is_never_written_over(tmp_path: Path, ring: EvidenceRing, clock: Clock) -> None:
    Player(make_clip(tmp_path / "source.mp4", 20), ring, clock).play()
    (tmp_path / "clip.mp4").write_text("mine")
    with pytest.raises(SinkError, match="exists"):
        ring.save(tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_text() == "mine"
    with pytest.raises(SinkError, match="must end in"):
        ring.save(tmp_path / "clip.avi")
    with pytest.raises(SinkError, match="No such file"):
        ring.save(tmp_path / "nowhere" / "clip.mp4")


def test_so_many_clips_at_a_time_and_no_more(
    tmp_path: Path, ring: EvidenceRing, clock: Clock
) -> None:
    assert ring.save(tmp_path / "early.mp4") is None
    Player(make_clip(tmp_path / "source.mp4", 20), ring, clock).play()
    clips = [ring.save(tmp_path / f"{i}.mp4", 5.0, 60.0) for i in range(6)]
    assert [clip is not None for clip in clips] == [True] * 4 + [False] * 2
    assert ring.finish()
    assert sorted(path.name for path in tmp_path.glob("[0-9].mp4")) == [
        f"{i}.mp4" for i in range(4)
    ]


def test_a_disk_that_is_full_is_told_and_harms_nothing_else(
    tmp_path: Path, ring: EvidenceRing, clock: Clock
) -> None:
    player = Player(make_clip(tmp_path / "source.mp4", 200), ring, clock)
    player.play(100)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        clip = ring.save(tmp_path / "clip.mp4", 5.0, 1.0)
        assert clip is not None
        player.play(50)
        assert clip.wait(10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(clip.error, SinkError)
    assert "make room" in str(clip.error)
    player.play(10)
    after = ring.save(tmp_path / "after.mp4", 1.0, 0.0)
    assert after is not None
    assert ring.finish()
    assert after.error is None
    assert indices(after.path)


def alert(index: int, state: VerdictState, track: int = 1, epoch: int = 0):
    made = result(index, epoch=epoch)
    verdict = replace(made.verdicts[1], state=state, track_id=track)
    return replace(made, verdicts={track: verdict})


@pytest.fixture
def sink(tmp_path: Path, ring: EvidenceRing, clock: Clock) -> Iterator[ClipSink]:
    Player(make_clip(tmp_path / "source.mp4", 50), ring, clock).play()
    config = EvidenceConfig(folder=str(tmp_path / "clips"), min_gap_s=10.0)
    sink = ClipSink(ring, config, "front door/../x", clock=clock)
    sink.start(run_start())
    yield sink
    sink.close()


def test_an_alert_saves_a_clip_once(sink: ClipSink, tmp_path: Path, clock: Clock) -> None:
    for index in range(5):
        sink.write(alert(index, VerdictState.UNCERTAIN))
    assert sink.paths == ()
    for index in range(5, 20):
        sink.write(alert(index, VerdictState.STRONG))
    (path,) = sink.paths
    assert path.parent == tmp_path / "clips"
    assert path.name.startswith("front_door_.._x_")
    assert path.name.endswith("_track1.mp4")
    assert path.parent.stat().st_mode & 0o077 == 0
    sink.finish(run_summary(20))
    assert len(indices(path)) == 50


def test_clips_keep_their_distance_and_their_names(sink: ClipSink, clock: Clock) -> None:
    sink.write(alert(0, VerdictState.STRONG))
    sink.write(alert(0, VerdictState.VERY_STRONG, track=2))
    assert len(sink.paths) == 1
    clock.now += 10.0
    sink.write(alert(1, VerdictState.VERY_STRONG, track=2))
    clock.now += 10.0
    sink.write(alert(2, VerdictState.STRONG, epoch=1))
    assert len(sink.paths) == len(set(sink.paths)) == 3
    sink.finish(run_summary(3))
    assert all(path.stat().st_size > 0 for path in sink.paths)


def test_a_folder_that_cannot_be_written_is_told(
    sink: ClipSink, tmp_path: Path, ring: EvidenceRing
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="Cannot make the folder"):
        ClipSink(ring, EvidenceConfig(folder=str(tmp_path / "file" / "x")), "cam")
    (tmp_path / "clips").rmdir()
    with pytest.raises(SinkError, match="No such file"):
        sink.write(alert(0, VerdictState.STRONG))


def test_a_folder_that_may_not_be_written_is_told(sink: ClipSink, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (tmp_path / "clips").chmod(0o500)
    with pytest.raises(SinkError, match="Cannot write the clip"):
        sink.write(alert(0, VerdictState.STRONG))


def test_settings_become_a_ring_and_a_sink(tmp_path: Path) -> None:
    ring, sink = evidence_for(EvidenceConfig(folder=str(tmp_path), max_megabytes=0.5), "cam")
    sink.start(run_start())
    sink.write(alert(0, VerdictState.STRONG))
    assert sink.paths == ()
    sink.close()
    assert ring.held_bytes == 0
    with pytest.raises(ConfigError, match="on must be"):
        EvidenceConfig(on="maybe")


def test_names_carry_the_time_of_the_frame(sink: ClipSink) -> None:
    made = alert(0, VerdictState.STRONG)
    sink.write(replace(made, frame=replace(made.frame, wall_s=1_900_000_000.0)))
    assert "_20300317T174640Z_" in sink.paths[0].name
