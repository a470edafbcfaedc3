"""Alerts come once, sources are lost and found, marks stay, and the log is bounded."""

from __future__ import annotations

import dataclasses

from realtime.events import Event, EventKind, EventLog, EventWatch, StatusWatch
from realtime.types import Cue, SourceState, SourceStatus, TrackSummary, VerdictState
from tests.unit.test_history import seen

LITTLE, STRONG, VERY = (
    VerdictState.LITTLE_EVIDENCE,
    VerdictState.STRONG,
    VerdictState.VERY_STRONG,
)


def wall() -> float:
    return 1000.0


def alert(time_s: float, source_id: str = "s") -> Event:
    return Event(EventKind.ALERT, time_s, 0.0, source_id, 1, "Strong evidence 0.80")


def test_an_alert_comes_when_it_is_entered_raised_and_left() -> None:
    watch = EventWatch("s", wall)
    states = [LITTLE, STRONG, STRONG, VERY, STRONG, LITTLE, LITTLE]
    found = [e for i, s in enumerate(states) for e in watch.see(seen(i, {1: (s, 0.8)}), float(i))]
    assert [(e.kind, e.time_s) for e in found] == [
        (EventKind.ALERT, 1.0),
        (EventKind.ALERT, 3.0),
        (EventKind.ALERT_OVER, 5.0),
    ]
    assert found[0].text == "Strong evidence 0.80: why"
    assert found[0].wall_s == 1000.0


def test_who_disappears_under_suspicion_is_told() -> None:
    watch = EventWatch("s", wall)
    watch.see(seen(0, {1: (STRONG, 0.8)}), 0.0)
    gone = TrackSummary(1, 0, 0.0, 1.0, STRONG, 0.8, 1.0, {})
    (over,) = watch.see(dataclasses.replace(seen(1, {}), ended=(gone,)), 1.0)
    assert over.kind is EventKind.ALERT_OVER
    assert watch.see(dataclasses.replace(seen(2, {}), ended=(gone,)), 2.0) == []


def test_a_change_is_told_once_while_it_lasts() -> None:
    watch = EventWatch("s", wall)
    cue = Cue("change", 3.0, 1.2, 1.0, 5.0, "the face changed at 4 s")
    kinds = [
        [e.kind for e in watch.see(seen(i, {1: (LITTLE, 0.2)}, cues={1: (c,)}), float(i))]
        for i, c in enumerate([Cue.silent("change", "too short"), cue, cue])
    ]
    assert kinds == [[], [EventKind.CHANGE], []]


def test_a_source_is_lost_once_and_back_once_and_says_no_password() -> None:
    watch = StatusWatch(wall)
    lost = SourceStatus("s", SourceState.RECONNECTING, 0.0, text="rtsp://me:secret@host failed")
    steps = [SourceStatus("s", SourceState.LIVE, 0.0), lost, lost]
    steps += [
        SourceStatus("s", SourceState.CONNECTING, 0.0),
        SourceStatus("s", SourceState.LIVE, 0),
    ]
    found = [event for i, status in enumerate(steps) for event in watch.see(status, float(i))]
    assert [(e.kind, e.time_s) for e in found] == [
        (EventKind.SOURCE_LOST, 1.0),
        (EventKind.SOURCE_BACK, 4.0),
    ]
    assert "secret" not in found[0].text


def test_what_nobody_acknowledged_outlives_what_somebody_did() -> None:
    log = EventLog(limit=10)
    first = log.add([alert(0.0)])[0]
    for i in range(50):
        log.mark(float(i), "s", None, f"note {i}")
    assert len(log.events) == 10
    assert log.open == (first,)
    assert log.acknowledge(first.number)
    assert not log.acknowledge(first.number)
    assert log.open == ()
    log.mark(99.0, "s", None, "last")
    assert first.number not in {event.number for event in log.events}


def test_notes_are_one_short_line() -> None:
    log = EventLog()
    event = log.mark(1.0, "s", 3, "a\nb\u202e " + "x" * 5000, names={"s": "rtsp://me:secret@h/"})
    assert "\n" not in event.text
    assert len(event.text) <= 510
    assert "secret" not in event.source
    assert log.mark(1.0, "s", None, "  ").text == "Mark"


def test_next_and_previous_stay_within_run_and_source() -> None:
    log = EventLog()
    log.add([alert(5.0)])
    log.begin()
    log.add([alert(1.0), alert(3.0), alert(2.0, "other")])
    following = log.beside(1.0, "s", forward=True)
    assert following is not None
    assert following.time_s == 3.0
    before = log.beside(3.0, "s", forward=False)
    assert before is not None
    assert before.time_s == 1.0
    assert log.beside(3.0, "s", forward=True) is None
