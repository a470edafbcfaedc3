"""What stamps say of how far a stream is behind, by clocks that are made up."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.sources.lag import HOLD_S, LEAST_S, LagWatch

FRAME_S = 0.04
LIMIT_S = 0.5


class Camera:
    """Sends a packet every `FRAME_S` of its own clock, which runs ``rate`` times as fast as ours;
    the way takes ``delay_s``. Read one by one, at once or later."""

    def __init__(self, rate: float = 1.0, delay_s: float = 0.02) -> None:
        self.watch = LagWatch(LIMIT_S)
        self.rate = rate
        self.delay_s = delay_s
        self.now = 1000.0
        self.sent = 0
        self.stamp_s = 77.0
        self.lags: list[float] = []
        self.ages: list[float] = []
        self.behind: list[bool] = []

    def read(self, seconds: float = 0.0) -> float:
        """Wait for the next packet, decode it in ``seconds`` unless behind; its lag."""
        came = 1000.0 + self.sent * FRAME_S / self.rate + self.delay_s
        self.now = max(self.now + 0.0005, came)
        lag = self.watch.note(self.stamp_s, self.now)
        self.sent += 1
        self.stamp_s += FRAME_S
        self.ages.append(self.now - came)
        self.now += 0.0 if self.watch.behind else seconds
        self.lags.append(lag)
        self.behind.append(self.watch.behind)
        return lag

    def run(self, packets: int, seconds: float = 0.0) -> None:
        for _ in range(packets):
            self.read(seconds)


def test_a_reader_that_keeps_up_is_never_behind() -> None:
    camera = Camera()
    camera.run(500, 0.03)
    assert max(camera.lags) < 0.001


def test_a_reader_that_slept_is_behind_until_it_has_read_what_waits() -> None:
    camera = Camera()
    camera.run(100)
    camera.now += 3.0
    assert camera.read() == pytest.approx(3.0 - FRAME_S, abs=0.01)
    assert camera.watch.behind
    begin = camera.now
    camera.run(200)
    caught_up = camera.behind.index(False, 100)
    # A packet takes 0.5 ms to read here, and there are 75 of them.
    assert 170 <= caught_up <= 180
    assert camera.now - begin < 200 * FRAME_S
    assert camera.lags[caught_up] <= 0.2 * LIMIT_S
    assert not any(camera.behind[caught_up:])


def test_a_decoder_that_is_a_little_too_slow_is_noticed() -> None:
    camera = Camera()
    camera.run(250, FRAME_S * 1.1)
    first = camera.behind.index(True)
    assert camera.lags[first] == pytest.approx(LIMIT_S, abs=0.05)
    # 0.0045 s are lost on each packet.
    assert 100 < first < 140


def test_however_little_a_reader_is_too_slow_it_is_noticed() -> None:
    camera = Camera()
    camera.run(12_000, FRAME_S * 1.002)
    # 0.00058 s are lost on each packet.
    assert 800 < camera.behind.index(True) < 1000
    assert max(camera.ages) < LIMIT_S + 0.05
    assert camera.behind.count(True) > 50


def test_a_clock_that_drifts_is_asked_for_a_proof_and_then_left_alone() -> None:
    camera = Camera(0.999)
    camera.run(40_000)
    asked = [i for i, behind in enumerate(camera.behind) if behind]
    assert 12_000 < asked[0] < 13_000
    assert len(asked) < 20
    assert max(camera.lags) < 0.07


@pytest.mark.parametrize("rate", [0.999, 1.001, 0.9995])
def test_a_clock_that_drifts_is_not_late(rate: float) -> None:
    camera = Camera(rate)
    camera.run(6_000)
    assert not any(camera.behind)
    assert max(camera.lags) < 0.07


def test_a_way_that_has_become_longer_is_tried_once_and_then_the_measure() -> None:
    camera = Camera()
    camera.run(100)
    camera.delay_s += 0.8
    camera.run(300)
    tried = [i for i, behind in enumerate(camera.behind) if behind]
    assert tried[0] == 100
    assert len(tried) < 10
    assert max(camera.lags[110:]) < 0.01
    camera.delay_s -= 0.8
    camera.run(100)
    assert max(camera.lags[400:]) < 0.01


def test_a_camera_that_stood_still_is_not_late_afterwards() -> None:
    camera = Camera()
    camera.run(100)
    camera.sent += 50  # two seconds of which its stamps know nothing
    camera.run(200)
    assert not any(camera.behind[110:])
    assert max(camera.lags[110:]) < 0.01


@pytest.mark.parametrize("jump_s", [-3600.0, -5.0, -0.7, 0.7, 4.0, 60.0, 1e6])
def test_stamps_that_jump_are_measured_from_there(jump_s: float) -> None:
    camera = Camera()
    camera.run(100)
    camera.stamp_s += jump_s
    camera.run(200)
    assert not any(camera.behind[100 if abs(jump_s) > 1 else 130 :])
    assert max(camera.lags[130:]) < 0.01
    camera.now += 2.0
    assert camera.read() == pytest.approx(2.0 - FRAME_S, abs=0.01)


def test_pictures_out_of_order_are_not_late() -> None:
    watch = LagWatch(LIMIT_S)
    order = [4 * i + k for i in range(200) for k in (3, 1, 0, 2)]
    lags = [watch.note(k * FRAME_S, 5 + i * FRAME_S) for i, k in enumerate(order)]
    assert max(lags) <= 3 * FRAME_S + 1e-9


def test_what_waits_for_ever_is_decoded_now_and_then() -> None:
    """A camera that sends a recording at twice its speed is never caught up with by waiting."""
    watch = LagWatch(LIMIT_S)
    watch.note(0.0, 0.0)
    behind = []
    for i in range(1, 600):
        watch.note(i * FRAME_S, 20 + i * FRAME_S / 2)
        behind.append(watch.behind)
    longest = max(len(list(run)) for held, run in itertools.groupby(behind) if held)
    assert longest * FRAME_S / 2 <= HOLD_S + FRAME_S


def test_no_limit_is_below_the_unevenness_of_networks() -> None:
    assert LagWatch(0.01).limit_s == LEAST_S
    assert LagWatch(2.0).limit_s == 2.0


@given(
    st.lists(st.floats(0, 0.2, exclude_max=True), min_size=2, max_size=300),
    st.floats(0.999, 1.001),
    st.floats(0.01, 0.2),
)
def test_jitter_below_a_fifth_of_a_second_is_no_backlog(
    jitter: list[float], rate: float, frame_s: float
) -> None:
    watch = LagWatch(LEAST_S)
    arrival = 0.0
    for i, late in enumerate(jitter):
        # What is sent later comes no earlier.
        arrival = max(arrival, 9 + i * frame_s + late)
        lag = watch.note(i * frame_s * rate, arrival)
        assert 0 <= lag < 0.2 + 60 * 0.001
        assert not watch.behind


@given(
    st.lists(
        st.tuples(st.floats(-1e7, 1e7) | st.floats(-0.1, 0.5), st.floats(0, 30)),
        min_size=1,
        max_size=100,
    )
)
def test_whatever_comes_the_lag_is_never_negative_and_captured_never_goes_back(
    packets: list[tuple[float, float]],
) -> None:
    watch = LagWatch(LIMIT_S)
    stamps = np.cumsum([step for step, _ in packets])
    arrivals = np.cumsum([wait for _, wait in packets])
    captured = []
    for stamp_s, arrival in zip(stamps.tolist(), arrivals.tolist(), strict=True):
        lag = watch.note(stamp_s, arrival)
        assert lag >= 0
        captured.append(arrival - lag)
    # Floats of large stamps resolve no less than this.
    assert all(b - a > -1e-6 for a, b in itertools.pairwise(captured))
