"""The last minutes of live pictures: bounded, honest about gaps, and in memory alone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from realtime.heatmap import paint_heat
from realtime.overlay import mapping
from realtime.types import FrameResult, SourceState, SourceStatus
from realtime.window import ring as rings
from realtime.window.bridge import Bridge
from realtime.window.canvas import Canvas
from realtime.window.layers import Layers
from realtime.window.live_picture import LivePicture
from realtime.window.look_back import LookBack
from realtime.window.ring import MOST_HZ, STEP_S, Held, Ring, Rings, hold
from tests.contract import results
from tests.gui.test_canvas import pixels

WAIT_S = 30.0


def noisy(time_s: float, size: tuple[int, int] = (640, 360), seed: int = 0) -> FrameResult:
    """A result whose picture hardly can be compressed."""
    image = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return results.result(round(25 * time_s), time_s=time_s, image=image, size=size)


def wait_until(ready: object) -> None:
    deadline = time.monotonic() + WAIT_S
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def kept() -> Iterator[Rings]:
    kept = Rings()
    yield kept
    kept.stop()
    assert not any(thread.name == "fw-ring" for thread in threading.enumerate())


def test_what_is_held_never_grows_beyond_its_bound() -> None:
    one = hold(noisy(0.0)).size
    ring = Ring(1e9, 5 * one)
    for i in range(40):
        ring.add(hold(noisy(i / 4, seed=i)))
        assert ring.size == sum(held.size for held in ring.held) <= 5 * one
    times = [held.time_s for held in ring.held]
    assert len(times) >= 4
    assert times == [9.75 - i / 4 for i in range(len(times))][::-1]
    # The account covers what is really kept.
    held = ring.held[0]
    assert held.size >= len(held.jpeg) + held.result.faces.landmarks.nbytes
    assert held.result.frame.image.size == 0
    ring.add(replace(held, size=6 * one))
    assert ring.held == ()


def test_what_is_too_old_is_let_go() -> None:
    ring = Ring(2.0, 10**9)
    for i in range(20):
        ring.add(hold(results.result(i, time_s=i / 4)))
    assert ring.held[0].time_s == pytest.approx(19 / 4 - 2.0)
    assert ring.size == sum(held.size for held in ring.held)


def test_gaps_are_gaps() -> None:
    ring = Ring(1e9, 10**9)
    times = [0.0, 0.25, 0.5, 4.0, 4.25, 9.0]
    for time_s in times:
        ring.add(hold(results.result(0, time_s=time_s)))
    assert ring.spans() == [(0.0, 0.5), (4.0, 4.25), (9.0, 9.0)]
    assert near(ring.nearest(1.7)) == 0.5
    assert near(ring.nearest(99.0)) == 9.0
    assert near(ring.beside(0.5, forward=True)) == 4.0
    assert near(ring.beside(0.5, forward=False)) == 0.25
    assert ring.beside(9.0, forward=True) is None
    assert ring.beside(0.0, forward=False) is None
    assert Ring(1.0, 1).nearest(0.0) is None


def near(held: Held | None) -> float:
    assert held is not None
    return held.time_s


@pytest.mark.parametrize("size", [(1920, 1080), (7680, 4320), (1080, 1920), (32, 32), (961, 7)])
def test_a_held_picture_looks_the_same_only_smaller(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    image[: size[1] // 2] = (30, 60, 200)
    before = results.result(3, image=image, size=size)
    after = hold(before).restore()
    high, wide = after.frame.image.shape[:2]
    assert max(high, wide) <= 960
    assert min(1.0, 960 / max(size)) == pytest.approx(wide / size[0], abs=0.51 / size[0])
    assert not after.frame.image.flags.writeable
    assert after.frame.captured_mono == before.frame.captured_mono
    assert after.verdicts == before.verdicts
    relative = after.faces.boxes[0] / [wide, high, wide, high]
    assert relative == pytest.approx(before.faces.boxes[0] / [*size, *size], abs=1e-5)
    if min(size) >= 32:
        assert np.abs(after.frame.image[0, 0].astype(int) - (30, 60, 200)).max() < 6


def test_the_heat_of_a_held_picture_lies_where_it_lay() -> None:
    image = np.full((1080, 1920, 3), 60, np.uint8)
    before = results.result(3, image=image, size=(1920, 1080))
    cam = np.zeros((4, 4), np.float32)
    cam[1, 2] = 4.0
    before = replace(before, heat={1: replace(before.heat[1], cam=cam)})
    after = hold(before).restore()
    spots = []
    for result in (before, after):
        painted = np.full((540, 960, 3), 60, np.uint8)
        scale = mapping(painted.shape, result.frame.image.shape).scale
        paint_heat(painted, result.heat[1], result.faces.boxes[0], scale)
        ys, xs = np.nonzero((painted != 60).any(axis=2))
        spots.append((xs.min(), xs.max(), ys.min(), ys.max()))
    assert np.abs(np.subtract(*spots)).max() <= 1


def test_pictures_are_kept_at_their_rate_by_a_thread_of_their_own(
    kept: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    real = rings.hold
    monkeypatch.setattr(
        rings, "hold", lambda r: names.append(threading.current_thread().name) or real(r)
    )
    now = [0.0]
    kept._clock = lambda: now[0]
    kept.start(["a"])
    ring = kept.ring("a")
    assert ring is not None
    for i in range(100):  # ten seconds at ten a second
        now[0] = i / 10
        kept.offer("a", results.result(i, time_s=i / 10))
        if now[0] % 0.5 == 0:
            count = len(ring.held)
            wait_until(lambda: not kept._waiting)
            wait_until(lambda count=count: len(ring.held) >= count)
    wait_until(lambda: len(names) == len(ring.held) > 0)
    assert 10 / STEP_S / 2 < len(ring.held) <= 10 / STEP_S
    assert set(names) == {"fw-ring"}
    kept.offer("b", results.result(0))
    assert kept.ring("b") is None


def test_many_sources_share_time_and_memory(kept: Rings) -> None:
    kept.start(str(i) for i in range(32))
    assert kept.step_s == pytest.approx(32 / MOST_HZ)
    each = kept.ring("7")
    assert each is not None
    assert each._max_bytes == rings.MAX_BYTES // 32


def test_nothing_of_it_is_written_anywhere(kept: Rings) -> None:
    kept.start(["a"])
    _Audit.opened = []
    _Audit.on = True
    try:
        kept.offer("a", noisy(1.0))
        ring = kept.ring("a")
        assert ring is not None
        wait_until(lambda: len(ring.held) == 1)
        ring.held[0].restore()
    finally:
        _Audit.on = False
    assert _Audit.opened == []


class _Audit:
    """Hears of every file that is opened while it is on; a hook can never be taken away."""

    on = False
    opened: list[str] = []  # noqa: RUF012 - shared on purpose

    @classmethod
    def hear(cls, event: str, args: tuple[object, ...]) -> None:
        if cls.on and event == "open":
            cls.opened.append(str(args))


sys.addaudithook(_Audit.hear)


def test_a_picture_that_cannot_be_kept_harms_nothing(
    kept: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *_: (False, None))
    kept.start(["a"])
    kept.offer("a", results.result(0))
    wait_until(lambda: not kept._waiting)
    monkeypatch.setattr(cv2, "imencode", real)
    kept._due.clear()
    kept.offer("a", results.result(1))
    ring = kept.ring("a")
    assert ring is not None
    wait_until(lambda: len(ring.held) == 1)
    kept.stop()
    assert kept.size == 0


@pytest.fixture
def past(qtbot: QtBot, kept: Rings) -> tuple[LivePicture, LookBack, Ring]:
    """A live picture with a past of 20 seconds, four of which were lost."""
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 360)
    canvas.show()
    picture = LivePicture(canvas)
    kept.start(["cam"])
    bridge = Bridge("cam")
    now = time.monotonic()
    picture.start("cam", bridge, now, kept.offer)
    picture.refresh(SourceStatus("cam", SourceState.LIVE, now - 60), now)
    ring = kept.ring("cam")
    assert ring is not None
    for i in range(79):
        ago = 20 - i / 4
        if not 13 < ago < 17:
            ring.add(hold(noisy(now - ago, seed=i)))
    bridge.write(noisy(now, seed=99))
    assert picture.pull()
    wait_until(lambda: ring.held[-1].time_s == now)
    return picture, LookBack(kept, lambda: picture, lambda _: None), ring


def ago(picture: LivePicture) -> float:
    """How old what is shown is."""
    result = picture.canvas.result
    assert result is not None
    return time.monotonic() - result.frame.captured_mono


def test_looking_back_says_how_far_and_leads_back(
    past: tuple[LivePicture, LookBack, Ring],
) -> None:
    picture, back, _ = past
    live = picture.canvas.result
    assert back.seek(time.monotonic() - 12) == ""
    assert ago(picture) == pytest.approx(12, abs=0.5)
    assert picture.canvas.notice.headline in {"11 s ago", "12 s ago"}
    assert picture.canvas.notice.strip
    assert not picture.canvas.notice.old
    assert "very moment" not in picture.canvas.notice.detail
    assert picture.held
    # The present goes on, and is what is spoken of elsewhere.
    assert picture.newest(time.monotonic()) is live
    assert picture.shown is live.frame
    picture.refresh(replace(picture.status, state=SourceState.RECONNECTING), time.monotonic())
    assert picture.canvas.notice.detail.startswith("Reconnecting. ")
    picture.toggle_hold(time.monotonic())
    assert picture.canvas.result is live
    assert not picture.held


def test_what_is_lost_is_said_to_be_lost(past: tuple[LivePicture, LookBack, Ring]) -> None:
    picture, back, ring = past
    assert len(back.spans()) == 2
    assert back.seek(time.monotonic() - 14.9) == ""
    assert "No picture was kept of the very moment" in picture.canvas.notice.detail
    assert ago(picture) in (pytest.approx(13, abs=0.6), pytest.approx(17, abs=0.6))
    back.follow()
    sentence = back.seek(time.monotonic() - 60)
    assert sentence.startswith("Of that moment no picture is held any more")
    assert not picture.back
    assert back.seek(time.monotonic() - 0.1) == ""
    assert not picture.back
    for held in ring.held:
        ring._bytes -= held.size
    ring._held.clear()
    assert back.seek(time.monotonic() - 5) == "No earlier picture is held yet."


def test_steps_jumps_and_shares_stay_within_what_is_held(
    past: tuple[LivePicture, LookBack, Ring],
) -> None:
    picture, back, ring = past
    back.step(forward=True)
    assert not picture.back
    back.step(forward=False)
    assert back.here == ring.held[-2].time_s
    back.step(forward=False)
    assert back.here == ring.held[-3].time_s
    back.step(forward=True)
    back.step(forward=True)
    assert back.here == ring.held[-1].time_s
    back.step(forward=True)
    assert not picture.back
    for _ in range(9):
        back.seek_by(-5.0)
    assert back.here == ring.held[0].time_s
    back.seek_by(5.0)
    assert back.here == pytest.approx(ring.held[0].time_s + 5, abs=2.1)
    back.seek_share(0.0)
    assert back.here == ring.held[0].time_s
    back.seek_share(1.0)
    assert not picture.back


def test_privacy_holds_for_the_past(past: tuple[LivePicture, LookBack, Ring]) -> None:
    picture, back, ring = past
    back.seek_share(0.0)
    canvas = picture.canvas
    layers = Layers(boxes=False, labels=False)
    canvas.set_layers(layers)
    plain = pixels(canvas)
    canvas.set_layers(replace(layers, blur=True))
    hidden = pixels(canvas)
    x, y, w, h = np.rint(ring.held[0].result.faces.boxes[0]).astype(int)
    face = (slice(y, y + h), slice(x, x + w))
    assert np.abs(np.diff(plain[face].astype(int), axis=1)).max() > 60
    assert np.abs(np.diff(hidden[face].astype(int), axis=1)).max() < 30


def test_the_present_is_not_missed_while_looking_back(
    past: tuple[LivePicture, LookBack, Ring],
) -> None:
    picture, back, _ = past
    back.seek_share(0.0)
    shown = picture.canvas.result
    assert picture._bridge is not None
    picture._bridge.write(newer := noisy(time.monotonic(), seed=7))
    assert picture.pull()
    assert picture.canvas.result is shown
    back.follow()
    assert picture.canvas.result is newer
