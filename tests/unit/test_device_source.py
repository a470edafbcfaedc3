"""The thread that may hang in a driver, the pace of pictures, and the source that has both."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from realtime.config import LiveConfig
from realtime.errors import SourceCode, SourceError
from realtime.sources.device import DeviceSource
from realtime.sources.pace import Pace
from realtime.sources.worker import Closed, Worker
from realtime.types import Clock, Image, SourceInfo, WallClock

HASTY = LiveConfig(open_timeout_s=0.5, read_timeout_s=0.5)
PATIENT = LiveConfig(open_timeout_s=20.0, read_timeout_s=20.0)


@dataclass
class Script:
    """A device that does what it is told; ``hold`` makes a call hang until it is set."""

    pictures: int = 1_000_000
    nothing_before: int = 0
    open_error: SourceError | None = None
    hold: threading.Event | None = None
    hold_open: bool = False
    lost: int = 0
    calls: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    closed: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        self._called("open")
        if self.open_error is not None:
            raise self.open_error
        if self.hold_open:
            self._wait()

    def grab(self) -> Image | None:
        self._called("grab")
        if self.nothing_before > 0:
            self.nothing_before -= 1
            return None
        if self.pictures == 0:
            if self.hold is None:
                return None
            self._wait()
        self.pictures -= 1
        return np.full((4, 6, 3), len(self.calls) % 256, np.uint8)

    def info(self, image: Image) -> SourceInfo:
        self._called("info")
        height, width = image.shape[:2]
        return SourceInfo("it", width, height, None, None, False, True, "script")

    def nothing(self) -> SourceError:
        return SourceError("It shows nothing.", SourceCode.TIMEOUT, transient=True)

    def close(self) -> None:
        self._called("close")
        self.closed.set()

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.threads.add(threading.get_ident())

    def _wait(self) -> None:
        assert self.hold is not None
        self.held.set()
        self.hold.wait(60)


def source(device: Script, live: LiveConfig = PATIENT, rate: float | None = None) -> DeviceSource:
    return DeviceSource(device, "cam", "The thing", live, rate_hz=rate)


def test_frames_carry_the_clocks_of_this_machine() -> None:
    before = time.monotonic(), time.time()
    with source(Script()) as live:
        info = live.open()
        frames = [live.read() for _ in range(50)]
    assert (info.width, info.height, info.live, info.seekable) == (6, 4, True, False)
    assert [f.index for f in frames if f] == list(range(50))
    times = [f.time_s for f in frames if f]
    assert times[0] >= before[0]
    assert all(a < b for a, b in itertools.pairwise(times))
    for f in frames:
        assert f is not None
        assert (f.pts_s, f.clock, f.wall_clock) == (None, Clock.MONOTONIC, WallClock.SYSTEM)
        assert (f.epoch, f.source_id, f.image.flags.writeable) == (0, "cam", False)
        assert f.wall_s is not None
        assert before[1] - 1 < f.wall_s < time.time() + 1


def test_the_picture_that_was_taken_to_open_is_the_first_frame() -> None:
    device = Script()
    with source(device) as live:
        live.open()
        frame = live.read()
    assert frame is not None
    assert device.calls.count("grab") == 1


def test_nothing_is_taken_that_nobody_asked_for() -> None:
    device = Script()
    with source(device) as live:
        live.open()
        for _ in range(5):
            live.read()
    assert device.calls.count("grab") == 5


def test_one_thread_calls_the_device_and_it_is_not_the_reader() -> None:
    device = Script()
    with source(device) as live:
        live.open()
        live.read()
        live.read()
    assert device.calls[-1] == "close"
    assert device.calls.count("close") == 1
    assert len(device.threads) == 1
    assert threading.get_ident() not in device.threads


def test_a_device_that_has_nothing_yet_is_asked_again() -> None:
    with source(Script(nothing_before=3)) as live:
        live.open()
        assert live.read() is not None


def test_a_device_that_has_nothing_for_too_long_says_why() -> None:
    with source(Script(pictures=1), HASTY) as live:
        live.open()
        live.read()
        with pytest.raises(SourceError, match="shows nothing"):
            live.read()
        assert live.read() is None
    with source(Script(pictures=0), HASTY) as live, pytest.raises(SourceError, match="nothing"):
        live.open()


def test_a_read_that_hangs_ends_with_a_timeout_and_close_does_not_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    device = Script(pictures=1, hold=threading.Event())
    live = source(device, HASTY)
    live.open()
    live.read()
    with pytest.raises(SourceError, match="does not answer") as caught:
        live.read()
    assert (caught.value.code, caught.value.transient) == (SourceCode.TIMEOUT, True)
    assert live.read() is None
    began = time.monotonic()
    live.close()
    assert time.monotonic() - began < 10
    assert not device.closed.is_set(), "a device must not be closed under a call"
    assert "does not answer" in caplog.text
    assert device.hold is not None
    device.hold.set()  # the driver returns after all
    assert device.closed.wait(20)


def test_an_open_that_hangs_ends_with_a_timeout_and_is_undone_later() -> None:
    device = Script(hold=threading.Event(), hold_open=True)
    live = source(device, HASTY)
    with pytest.raises(SourceError) as caught:
        live.open()
    assert caught.value.code is SourceCode.TIMEOUT
    assert device.hold is not None
    device.hold.set()
    live.close()
    assert device.closed.wait(20)
    assert device.calls == ["open", "close"]


def test_close_ends_a_read_in_another_thread() -> None:
    device = Script(pictures=1, hold=threading.Event())
    live = source(device)
    live.open()
    live.read()
    got: list[object] = []
    reader = threading.Thread(target=lambda: got.append(live.read()), name="fw-test-reader")
    reader.start()
    assert device.held.wait(20)
    live.close()
    reader.join(20)
    assert got == [None]
    assert device.hold is not None
    device.hold.set()
    assert device.closed.wait(20)


def test_close_ends_an_open_in_another_thread() -> None:
    device = Script(hold=threading.Event(), hold_open=True)
    live = source(device)
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            live.open()
        except SourceError as exc:
            errors.append(exc)

    opener = threading.Thread(target=attempt, name="fw-test-opener")
    opener.start()
    assert device.held.wait(20)
    live.close()
    opener.join(20)
    assert device.hold is not None
    device.hold.set()
    assert device.closed.wait(20)
    assert "closed while it was being opened" in str(errors[0])


def test_an_error_of_the_device_reaches_the_reader_and_lets_go_of_it() -> None:
    device = Script(open_error=SourceError("It is in use.", SourceCode.BUSY, transient=True))
    live = source(device)
    with pytest.raises(SourceError, match="in use"):
        live.open()
    assert device.closed.wait(20)
    assert live.read() is None
    live.close()


def test_a_bug_in_a_device_is_not_swallowed() -> None:
    class Broken(Script):
        def grab(self) -> Image | None:
            raise ZeroDivisionError

    with source(Broken()) as live, pytest.raises(ZeroDivisionError):
        live.open()


def test_life_of_a_source() -> None:
    live = source(Script(lost=3))
    assert live.decode_errors == 3
    with pytest.raises(RuntimeError, match="open"):
        live.read()
    live.open()
    with pytest.raises(RuntimeError, match="once"):
        live.open()
    with pytest.raises(SourceError) as caught:
        live.seek(1.0)
    assert caught.value.code is SourceCode.NOT_SEEKABLE
    live.close()
    live.close()
    live.seek(0.0)
    assert live.read() is None
    with pytest.raises(RuntimeError, match="once"):
        live.open()
    never = source(Script())
    never.close()
    with pytest.raises(RuntimeError, match="once"):
        never.open()


def test_the_pace_keeps_to_its_grid_however_late_the_reader_is() -> None:
    now = [100.0]
    pace = Pace(10.0, lambda: now[0])
    moments = []
    for work_s in [0.01, 0.03, 0.0, 0.09, 0.12, 0.01, 0.57, 0.0, 0.02]:
        now[0] += pace.delay_s()
        moments.append(round(now[0] - 100, 6))
        now[0] += work_s
    #                           late by 0.02: at once  | late by 0.4 and more: those are left out
    assert moments == [0.0, 0.1, 0.2, 0.3, 0.4, 0.52, 0.6, 1.17, 1.2]


def test_the_pace_does_not_drift() -> None:
    now = [0.0]
    pace = Pace(15.0, lambda: now[0])
    for _ in range(15 * 600 + 1):
        now[0] += pace.delay_s()
        now[0] += 0.0137
    assert now[0] == pytest.approx(600 + 0.0137, abs=1e-6)


def test_a_paced_source_takes_no_more_than_its_rate() -> None:
    with source(Script(), rate=100.0) as live:
        live.open()
        frames = [live.read() for _ in range(31)]
    first, last = frames[0], frames[-1]
    assert first is not None
    assert last is not None
    assert last.time_s - first.time_s > 0.27


def test_calls_after_the_end_and_what_comes_last() -> None:
    worker, last = Worker("fw-test-worker"), threading.Event()
    worker.start(last.set)
    assert worker.call(lambda: 42, 20) == 42
    worker.stop()
    worker.stop()
    assert worker.join(20)
    assert last.is_set()
    with pytest.raises(Closed):
        worker.call(lambda: 1, 20)
    assert Worker("fw-test-idle").join(1)
