"""The words for every state of a live source, on an injected clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from realtime.errors import SourceCode
from realtime.types import Clock, Frame, Load, SourceState, SourceStatus
from realtime.window.states import (
    SILENCE,
    duration,
    gravity,
    live_notice,
    load_words,
    short_words,
    verdict_words,
    worst,
)
from tests.contract import results

NOW = 1000.0


def status(state: SourceState, **changes: object) -> SourceStatus:
    return replace(SourceStatus("door", state, NOW - 7.5), **changes)  # type: ignore[arg-type]


def frame(age_s: float, epoch: int = 0) -> Frame:
    return replace(
        results.result(0, epoch=epoch, clock=Clock.MONOTONIC).frame, captured_mono=NOW - age_s
    )


def test_a_live_picture_needs_no_words() -> None:
    assert live_notice(status(SourceState.LIVE), NOW, frame(0.1)) == SILENCE


@pytest.mark.parametrize("state", [s for s in SourceState if s is not SourceState.LIVE])
@pytest.mark.parametrize("shown", [None, frame(9.0)])
def test_in_every_other_state_the_picture_is_not_shown_as_live(
    state: SourceState, shown: Frame | None
) -> None:
    for held in (False, True):
        notice = live_notice(status(state), NOW, shown, held=held)
        assert notice.old
        assert notice.headline


@pytest.mark.parametrize(
    ("age_s", "epoch", "headline"),
    [(0.4, 1, ""), (2.5, 1, "Late"), (0.4, 0, "Connected")],
)
def test_a_picture_that_is_late_or_of_an_earlier_connection_is_not_live(
    age_s: float, epoch: int, headline: str
) -> None:
    notice = live_notice(status(SourceState.LIVE, epoch=1), NOW, frame(age_s, epoch))
    assert notice.headline == headline
    assert notice.old == bool(headline)


def test_before_the_first_picture() -> None:
    assert live_notice(status(SourceState.LIVE), NOW, None).headline == "Connected"


def test_a_held_picture_says_its_age() -> None:
    notice = live_notice(status(SourceState.LIVE), NOW, frame(12.0), held=True)
    assert not notice.old
    assert notice.strip
    assert notice.detail.startswith("12 s old")


def test_a_stall_is_as_old_as_its_picture() -> None:
    stalled = status(SourceState.STALLED)
    assert "For 9 s." in live_notice(stalled, NOW, frame(9.7)).detail
    assert "For 7 s." in live_notice(stalled, NOW, None).detail
    assert short_words(stalled, NOW, frame(9.7)) == "No picture for 9 s"


@pytest.mark.parametrize(
    ("retry_in", "words"),
    [(4.2, "attempt 4 in 5 s"), (0.0, "attempt 4 now"), (None, "attempt 3 now")],
)
def test_the_next_attempt_is_counted_down(retry_in: float | None, words: str) -> None:
    at = None if retry_in is None else NOW + retry_in
    lost = status(SourceState.RECONNECTING, attempt=3, retry_at_mono=at)
    assert words.capitalize() in live_notice(lost, NOW, None).detail
    assert short_words(lost, NOW, None) == f"Reconnecting, {words}"


@pytest.mark.parametrize("code", list(SourceCode))
def test_every_code_has_words(code: SourceCode) -> None:
    failed = status(SourceState.FAILED, code=code.value)
    text = short_words(failed, NOW, None)
    assert text.startswith("Failed (")
    assert "_" not in text


@pytest.mark.parametrize(
    "code",
    [
        SourceCode.AUTH_FAILED,
        SourceCode.TIMEOUT,
        SourceCode.NOT_FOUND,
        SourceCode.TLS,
        SourceCode.CODEC_UNSUPPORTED,
        SourceCode.CONNECTION_FAILED,
        SourceCode.BUSY,
        SourceCode.PERMISSION,
    ],
)
def test_without_a_sentence_the_code_says_what_to_do(code: SourceCode) -> None:
    detail = live_notice(status(SourceState.FAILED, code=code.value), NOW, None).detail
    assert detail.endswith(".")
    assert len(detail) > 30


def test_the_sentence_of_the_source_comes_first_and_is_redacted() -> None:
    failed = status(SourceState.FAILED, code="tls", text="No way to rtsp://me:hunter2@cam/x.")
    detail = live_notice(failed, NOW, None).detail
    assert detail.startswith("No way to rtsp://")
    assert "hunter2" not in detail


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (0.9, "0 s"), (119, "119 s"), (121, "2 min"), (7260, "2 h 1 min")],
)
def test_durations_tick(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_gravest_face_is_told_with_its_number() -> None:
    result = results.result(3)
    verdict = worst(result)
    assert verdict is not None
    assert verdict.probability is not None
    assert f"{verdict.state.words} {verdict.probability:.2f}" in verdict_words(result)
    assert gravity(verdict) > gravity(None)
    assert verdict_words(results.result(3, face=False)) == "No face"
    assert verdict_words(None) == ""


def test_a_slow_machine_is_told_only_if_it_is_one() -> None:
    assert load_words(None) == ""
    assert load_words(Load(4.0, None, reduced=False)) == ""
    assert load_words(Load(2.0, None, reduced=True)) == "machine is slow: 2 scores/s"
    assert load_words(Load(1.0, 10.0, reduced=True)).endswith("1 scores/s, 10 frames/s")
