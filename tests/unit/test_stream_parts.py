"""The parts of a stream that need no server: clocks, deadlines, causes and lost pictures."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.config import Config
from realtime.errors import SourceCode
from realtime.sources import stream_errors, stream_options
from realtime.sources.address import Address, SourceKind, Transport
from realtime.sources.h264 import GapWatch
from realtime.sources.interrupt import Interrupt
from realtime.sources.stream_clock import LiveTimeline, Wall
from realtime.types import WallClock
from tests.contract.clips import make_clip
from tests.servers.scripted import units_of
from tests.servers.sockets import serving, silent

TICKS = Fraction(1, 90_000)


def times(stamps: list[int | None], arrivals: list[float], rate: float | None = 25.0):
    timeline = LiveTimeline(TICKS, rate)
    return [timeline.place(*each) for each in zip(stamps, arrivals, strict=True)]


def test_good_stamps_are_kept_whatever_the_network_does() -> None:
    stamps: list[int | None] = [500 + i * 3600 for i in range(100)]
    arrivals = [0.5 * (i // 12) for i in range(100)]
    assert times(stamps, arrivals) == pytest.approx([i * 0.04 for i in range(100)])


def test_missing_stamps_are_mended_by_arrival() -> None:
    got = times([0, 3600, None, None, 14400], [0, 0.04, 0.09, 0.13, 0.16])
    assert got == pytest.approx([0, 0.04, 0.09, 0.13, 0.16])
    assert times([None] * 4, [3.0, 3.1, 3.3, 3.6]) == pytest.approx([0, 0.1, 0.3, 0.6])


def test_the_first_stamp_that_rtsp_leaves_out() -> None:
    assert times([None, 0, 3600], [5.0, 5.0001, 5.0002]) == pytest.approx([0, 0.04, 0.08])
    assert times([None, 0, 3600], [5.0, 5.05, 5.09], None) == pytest.approx([0, 0.05, 0.09])


@pytest.mark.parametrize("jump", [-900_000, 90_000 * 60, 2**31])
def test_a_clock_that_was_set_is_followed_from_there(jump: int) -> None:
    stamps: list[int | None] = [i * 3600 + (jump if i >= 5 else 0) for i in range(10)]
    got = times(stamps, [i * 0.04 for i in range(10)])
    assert got == pytest.approx([i * 0.04 for i in range(10)])


def test_a_small_step_back_costs_no_later_frame_its_time() -> None:
    got = times([0, 3600, 1800, 7200, 10800], [0, 0.04, 0.05, 0.08, 0.12])
    assert got == pytest.approx([0, 0.04, 0.041, 0.08, 0.12])


@given(
    st.lists(
        st.tuples(st.none() | st.integers(-(2**40), 2**40), st.floats(0, 30)),
        min_size=2,
        max_size=60,
    )
)
def test_time_grows_strictly_and_stays_near_the_time_that_passes(
    frames: list[tuple[int | None, float]],
) -> None:
    arrivals = list(itertools.accumulate(wait for _, wait in frames))
    got = times([stamp for stamp, _ in frames], arrivals)
    assert got[0] == 0
    assert all(a < b for a, b in itertools.pairwise(got))
    assert got[-1] - (arrivals[-1] - arrivals[0]) < 6.0 * len(frames)


def test_wall_time_before_any_report_is_that_of_arrival() -> None:
    wall = Wall(TICKS)
    assert wall.when(3600, 123.0) == (123.0, WallClock.SYSTEM)
    wall.note_start(None)
    wall.note_start(500_000_000)  # 1970
    assert wall.when(3600, 123.0) == (123.0, WallClock.SYSTEM)
    wall.note_start(1_900_000_000_000_000)
    assert wall.when(9000, 123.0) == (pytest.approx(1_900_000_000.1), WallClock.RTCP)
    assert wall.when(None, 123.0) == (123.0, WallClock.SYSTEM)


def test_an_interrupt_ends_waits_of_its_own_thread_only() -> None:
    with serving(silent) as server:
        url = f"rtsp://127.0.0.1:{server.port}/x"
        other = Interrupt()
        other.cancel()
        begin = time.monotonic()
        with pytest.raises(av.FFmpegError):
            av.open(url, timeout=(0.5, 0.5))
        assert 0.4 < time.monotonic() - begin < 3
        begin = time.monotonic()
        with other.watch(60), pytest.raises(av.FFmpegError):
            av.open(url, timeout=(60, 60))
        assert time.monotonic() - begin < 2
        mine = Interrupt()
        with mine.watch(0.3), pytest.raises(av.FFmpegError):
            av.open(url, timeout=(60, 60))
        assert mine.expired
        assert not mine.cancelled


def test_time_for_ffmpeg_never_goes_back() -> None:
    now = [10.0]
    interrupt = Interrupt(lambda: now[0])
    seen = []
    with interrupt.watch(1.0):
        seen.append(interrupt.now())
        now[0] = 12.0
        seen += [interrupt.now(), interrupt.now()]
    with interrupt.watch(5.0):
        seen += [interrupt.now(), interrupt.now()]
    interrupt.cancel()
    seen += [interrupt.now(), interrupt.now()]
    assert seen == sorted(seen)
    assert seen[0] == 10.0
    assert seen[4] == seen[3]
    assert seen[6] - seen[5] > 1e5


def error(kind: type[av.FFmpegError], number: int) -> av.FFmpegError:
    return kind(number, "text", "rtsp://user:secret@host/x")


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        (av.error.HTTPUnauthorizedError, 1, SourceCode.AUTH_FAILED),
        (av.error.HTTPForbiddenError, 1, SourceCode.PERMISSION),
        (av.error.HTTPNotFoundError, 1, SourceCode.NOT_FOUND),
        (av.error.HTTPTooManyRequestsError, 1, SourceCode.BUSY),
        (av.error.HTTPServerError, 1, SourceCode.BUSY),
        (av.error.ConnectionRefusedError, errno.ECONNREFUSED, SourceCode.CONNECTION_FAILED),
        (av.error.OSError, errno.EHOSTUNREACH, SourceCode.CONNECTION_FAILED),
        (av.error.TimeoutError, errno.ETIMEDOUT, SourceCode.TIMEOUT),
        (av.error.ProtocolNotFoundError, 1, SourceCode.FORMAT_REFUSED),
        (av.error.DecoderNotFoundError, 1, SourceCode.CODEC_UNSUPPORTED),
        (av.error.OSError, errno.EIO, SourceCode.CONNECTION_FAILED),
        (av.error.EOFError, 1, SourceCode.CONNECTION_FAILED),
    ],
)
def test_what_ffmpegs_errors_mean(
    kind: type[av.FFmpegError], number: int, code: SourceCode
) -> None:
    told = stream_errors.opening(error(kind, number), encrypted=False).error("rtsp://***@host/x")
    assert told.code is code
    assert "secret" not in str(told)
    assert "rtsp://***@host/x" in str(told)


def test_a_handshake_that_fails_is_told_from_a_broken_wire() -> None:
    broken = error(av.error.OSError, errno.EIO)
    assert stream_errors.opening(broken, encrypted=True).code is SourceCode.TLS
    assert stream_errors.reading(broken).code is SourceCode.CONNECTION_FAILED


def test_every_sentence_names_the_source_and_what_to_do() -> None:
    troubles = [
        each for each in vars(stream_errors).values() if isinstance(each, stream_errors.Trouble)
    ]
    assert len(troubles) > 15
    for trouble in troubles:
        assert trouble.sentence.count("{name}") == 1
        assert ";" in trouble.sentence
        assert trouble.sentence.endswith(".")


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
def test_what_ffmpeg_may_speak(scheme: str, transport: Transport) -> None:
    address = Address(SourceKind.STREAM, f"{scheme}://host/x", "x", transport=transport)
    way = stream_options.route(address)
    asked = stream_options.options(way, address, Config())
    allowed = asked["protocol_whitelist"].split(",")
    assert not {"file", "concat", "subfile", "data", "pipe", "fd", "unix"} & set(allowed)
    assert ("udp" in allowed) is (scheme.startswith("rtsp") and transport is Transport.UDP)
    assert way.encrypted is ("tls_verify" in asked)
    if way.encrypted:
        assert "http" not in allowed
    formats = asked["format_whitelist"].split(",")
    assert not {"concat", "dash", "sdp", "lavfi", "image2"} & set(formats)


@pytest.mark.parametrize("options", [{"tune": "zerolatency"}, {"bf": "3"}, {"profile": "high444"}])
def test_no_picture_is_missed_where_none_is_missing(
    tmp_path: Path, options: dict[str, str]
) -> None:
    pixels = "yuv444p" if "profile" in options else "yuv420p"
    clip = make_clip(tmp_path / "a.mp4", 120, options=options, pixels=pixels, gop=30)
    watch = GapWatch()
    assert not any(watch.missed(joined(unit.nals)) for unit in units_of(clip))


def joined(nals: tuple[bytes, ...]) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for nal in nals)


def test_every_reference_picture_that_is_missing_is_missed(tmp_path: Path) -> None:
    options = {"tune": "zerolatency", "sc_threshold": "0"}
    units = units_of(make_clip(tmp_path / "a.mp4", 60, options=options, gop=30))
    for lost in range(1, 59):
        watch = GapWatch()
        seen = [watch.missed(joined(unit.nals)) for i, unit in enumerate(units) if i != lost]
        # Nothing refers over a key frame to what was before it.
        assert seen.index(True) == lost if lost != 29 else not any(seen)


@given(st.binary(max_size=200))
def test_noise_is_no_gap_and_no_error(data: bytes) -> None:
    watch = GapWatch()
    for prefix in (b"\0\0\1\x67", b"\0\0\1\x65", b"\0\0\1\x41", b""):
        assert watch.missed(prefix + data) in (True, False)


def test_threads_are_left_alone_by_an_interrupt() -> None:
    interrupt = Interrupt()
    interrupt.cancel()
    clock = av.container.core.time.monotonic  # type: ignore[attr-defined]
    seen: list[float] = []
    with interrupt.watch(1):
        thread = threading.Thread(target=lambda: seen.append(clock()))
        thread.start()
        thread.join()
        assert clock() > time.monotonic() + 1e5
    assert abs(seen[0] - time.monotonic()) < 60
    assert np.isclose(clock(), time.monotonic(), atol=1.0)
