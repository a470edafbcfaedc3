"""What a live source is said to do, and how long it waits before it tries again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.config import LiveConfig
from realtime.errors import ConfigError, FakewatchError, SourceCode, SourceError
from realtime.lifecycle import LifeCycle, is_hopeless, patience
from realtime.sources.address import SourceKind
from realtime.types import SourceState

CONFIG = LiveConfig()
GONE = SourceError("The camera does not answer.", SourceCode.TIMEOUT, transient=True)
WRONG = SourceError("The password is wrong.", SourceCode.AUTH_FAILED)


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def life(time: Time, *, share: float = 1.0, finite: bool = False) -> LifeCycle:
    return LifeCycle("cam", CONFIG, finite=finite, clock=time, random=lambda: share)


def live(time: Time, rate_hz: float = 25.0, frames: int = 50) -> LifeCycle:
    it = life(time)
    it.trying()
    it.connected(0)
    for _ in range(frames):
        it.frame()
        time.now += 1 / rate_hz
    return it


def test_nothing_is_live_before_it_has_delivered_a_frame(time: Time) -> None:
    it = life(time)
    it.trying()
    it.connected(0)
    time.now += 100
    it.tick()
    assert it.status.state is SourceState.CONNECTING
    it.frame()
    assert it.status.state is SourceState.LIVE
    assert it.status.since_mono == time.now


def test_silence_is_a_stall_and_a_frame_ends_it(time: Time) -> None:
    it = live(time)
    time.now += CONFIG.stall_s - 0.1
    it.tick()
    assert it.status.state is SourceState.LIVE
    time.now += 0.2
    it.tick()
    assert it.status.state is SourceState.STALLED
    since = it.status.since_mono
    time.now += 5
    it.tick()
    assert it.status.since_mono == since
    it.frame()
    assert it.status.state is SourceState.LIVE


def test_a_slow_camera_has_five_frame_times(time: Time) -> None:
    it = live(time, rate_hz=1.0)
    assert it.stall_after_s == pytest.approx(5.0)
    time.now += 3.5
    it.tick()
    assert it.status.state is SourceState.LIVE
    time.now += 0.6
    it.tick()
    assert it.status.state is SourceState.STALLED
    # The silence itself says nothing of the rate.
    it.frame()
    assert it.stall_after_s == pytest.approx(5.0)


def test_a_file_is_waited_for(time: Time) -> None:
    it = life(time, finite=True)
    it.frame()
    time.now += 1000
    it.tick()
    assert it.status.state is SourceState.LIVE


def test_waits_double_up_to_the_longest_and_are_drawn_from_the_whole(time: Time) -> None:
    def waits(share: float) -> list[float | None]:
        it = life(time, share=share)
        found = []
        for _ in range(8):
            it.trying()
            found.append(it.lost(GONE))
        return found

    assert waits(1.0) == [1, 2, 4, 8, 16, 30, 30, 30]
    assert waits(0.5) == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert waits(0.0) == [0.0] * 8


def test_a_new_attempt_says_which_it_is_and_when(time: Time) -> None:
    it = life(time)
    it.trying()
    assert it.status.attempt == 1
    it.lost(GONE)
    status = it.status
    assert (status.state, status.attempt) == (SourceState.RECONNECTING, 1)
    assert status.retry_at_mono == time.now + 1
    assert (status.code, status.text) == ("timeout", "The camera does not answer.")
    since = status.since_mono
    time.now += 1
    it.trying()
    assert (it.status.attempt, it.status.retry_at_mono) == (2, None)
    it.lost(WRONG)
    assert it.status.code == "auth_failed"
    assert it.status.since_mono == since


@pytest.mark.parametrize(("healthy_s", "expected"), [(59.0, 8.0), (60.0, 1.0)])
def test_only_after_a_healthy_minute_it_starts_from_the_first_wait(
    time: Time, healthy_s: float, expected: float
) -> None:
    it = life(time)
    for _ in range(3):
        it.trying()
        it.lost(GONE)
    it.trying()
    it.connected(1)
    it.frame()
    time.now += healthy_s
    it.frame()
    # A stall on the way does not make it unhealthy: the connection stood.
    assert it.lost(GONE) == expected


def test_a_wrong_password_waits_for_the_longest_at_once(time: Time) -> None:
    it = life(time, share=0.0)
    it.trying()
    assert it.lost(WRONG) == CONFIG.retry_max_s
    it = life(time, share=1.0)
    it.trying()
    assert it.lost(WRONG) == pytest.approx(0.9 * CONFIG.retry_max_s)


@pytest.mark.parametrize(
    "error",
    [
        SourceError("No such codec.", SourceCode.CODEC_UNSUPPORTED),
        SourceError("Not allowed.", SourceCode.PERMISSION),
        SourceError("Not this format.", SourceCode.FORMAT_REFUSED),
        ConfigError("The name is empty."),
    ],
)
def test_what_needs_somebodys_help_is_not_tried_again(time: Time, error: FakewatchError) -> None:
    it = life(time)
    it.trying()
    assert it.lost(error) is None
    assert it.status.state is SourceState.FAILED
    assert it.status.text == str(error)
    it.frame()
    it.ended()
    assert it.status.state is SourceState.FAILED


@pytest.mark.parametrize("code", [SourceCode.NOT_FOUND, SourceCode.TLS, SourceCode.PERMISSION])
def test_what_may_mend_itself_is_tried_again(time: Time, code: SourceCode) -> None:
    it = life(time)
    it.trying()
    transient = code is not SourceCode.TLS
    assert it.lost(SourceError("It is gone.", code, transient=transient)) == 1.0


def test_a_file_that_breaks_has_failed(time: Time) -> None:
    it = life(time, finite=True)
    it.trying()
    assert it.lost(GONE) is None
    assert it.status.state is SourceState.FAILED


def test_a_black_picture_is_told_as_such_and_not_taken_over(time: Time) -> None:
    it = live(time)
    it.picture(SourceState.BLACK)
    assert it.status.state is SourceState.BLACK
    assert it.status.text is not None
    it.frame()
    assert it.status.state is SourceState.BLACK
    time.now += 10
    it.tick()
    assert it.status.state is SourceState.STALLED
    it.frame()
    assert it.status.state is SourceState.BLACK
    it.lost(GONE)
    it.picture(SourceState.BLACK)  # of a frame that was still on its way
    assert it.status.state is SourceState.RECONNECTING
    it.trying()
    it.connected(1)
    it.frame()
    assert (it.status.state, it.status.text) == (SourceState.LIVE, None)
    assert it.status.epoch == 1


def test_no_credential_is_in_a_text(time: Time) -> None:
    it = life(time)
    it.trying()
    it.lost(SourceError("Cannot open rtsp://u:secret@cam/1.", SourceCode.CONNECTION_FAILED))
    assert it.status.text is not None
    assert "secret" not in it.status.text


EVENTS = ("trying", "connected", "frame", "black", "lively", "tick", "lost", "wrong")


@given(
    st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0, 100)), max_size=60), st.floats(0, 1)
)
def test_whatever_happens_waits_are_bounded_and_states_make_sense(
    events: list[tuple[str, float]], share: float
) -> None:
    time = Time()
    it = life(time, share=share)
    for event, seconds in events:
        time.now += seconds
        wait: float | None = 0.0
        if event == "connected":
            it.connected(it.status.epoch + 1)
        elif event in ("black", "lively"):
            it.picture(SourceState.BLACK if event == "black" else None)
        elif event in ("lost", "wrong"):
            wait = it.lost(WRONG if event == "wrong" else GONE)
            assert it.status.retry_at_mono == time.now + (wait or 0.0)
        else:
            getattr(it, event)()
        assert wait is not None
        assert 0 <= wait <= CONFIG.retry_max_s
        status = it.status
        assert status.since_mono <= time.now
        assert (status.code is not None) == (status.state is SourceState.RECONNECTING)
        if event == "frame":
            assert status.state in (SourceState.LIVE, SourceState.BLACK)
        assert it.delivering or it.silent_s == 0


@pytest.mark.parametrize("kind", [SourceKind.CAMERA, SourceKind.SCREEN, SourceKind.WINDOW])
def test_what_is_on_this_machine_is_asked_again_soon(kind: SourceKind) -> None:
    assert patience(LiveConfig(), kind).retry_max_s == 2.0
    assert patience(LiveConfig(retry_first_s=5.0), kind).retry_max_s == 5.0
    assert patience(LiveConfig(), SourceKind.STREAM) == LiveConfig()


@pytest.mark.parametrize("code", [SourceCode.NOT_FOUND, SourceCode.NOT_MEDIA])
def test_what_will_never_be_there_fails_at_once(code: SourceCode) -> None:
    assert is_hopeless(SourceError("There is no such screen.", code))
    assert not is_hopeless(SourceError("It may come.", code, transient=True))
