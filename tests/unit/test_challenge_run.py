"""Challenges while a source runs: begun, repeated, left out, of a person, with voice and light."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.active_light import pictures
from benchmarks.pulse import PortraitFace
from realtime.challenge import Act, Challenge, ChallengeReport, Observed, Outcome, StepReport
from realtime.challenge_run import ChallengeRun
from realtime.challenge_types import Phase
from realtime.challenge_view import View
from realtime.cues.active_light import FlashSequence, flash_sequence
from realtime.sinks.challenge import ChallengeSink, silent
from realtime.sinks.lines import JsonlFile
from realtime.types import (
    Clock,
    Cue,
    Faces,
    FloatArray,
    Frame,
    FrameCounts,
    FrameResult,
    Image,
    Score,
)
from tests.contract.results import TRACK, run_start, run_summary
from tests.unit import cue_faces
from tests.unit.cue_faces import landmarks, turn

RATE = 15
REST = Observed(0.0, True, 0.0, 200.0, 0.0, 0.0, 0.1, 0.01, log_odds=0.0)


def result(
    time_s: float,
    people: dict[int, FloatArray],
    *,
    epoch: int = 0,
    ended: Sequence[int] = (),
    image: Image = cue_faces.GREY,
    log_odds: float = 0.0,
) -> FrameResult:
    """A frame with people by their track ids; each is scored."""
    points = np.array(list(people.values()), np.float32).reshape(-1, 478, 3)
    corners = points[:, :, :2]
    boxes = np.concatenate((corners.min(1), np.ptp(corners, axis=1)), 1) if len(points) else None
    quality = tuple(replace(cue_faces.GOOD, size_px=float(np.ptp(p[:, 0]))) for p in points)
    faces = Faces(
        np.array(list(people), np.int64),
        np.empty((0, 4), np.float32) if boxes is None else boxes.astype(np.float32),
        np.ones(len(people), np.float32),
        points,
        quality,
    )
    frame = Frame("cam", epoch, 0, time_s, 1000.0 + time_s, None, Clock.PTS, image)
    eye = np.eye(2, 3, dtype=np.float32)
    scores = {i: Score(i, time_s, log_odds, log_odds, 0.5, None, eye, (64, 64)) for i in people}
    over = tuple(replace(TRACK, track_id=i) for i in ended)
    return FrameResult(frame, faces, scores, {}, {}, {}, over, FrameCounts(), 0.0)


def head(yaw: float = 0.0, x: float = 0.0) -> FloatArray:
    """A head that looks ``yaw`` degrees to the viewer's right, ``x`` widths beside the middle."""
    return landmarks(turn(yaw), (x, 0.0, 3.0))


def play(
    run: ChallengeRun, seconds: float, start: float = 0.0, yaw: float = 0.0
) -> list[StepReport]:
    """So many seconds of one person, track 1, who looks that way."""
    times = (start + k / RATE for k in range(round(seconds * RATE)))
    steps = (run.see(result(t, {1: head(yaw)})) for t in times)
    return [step for step in steps if step is not None]


def test_an_act_is_asked_seen_and_passed_and_the_phases_say_so() -> None:
    run = ChallengeRun()
    assert run.see(result(0.0, {1: head()})) is None
    assert not run.snapshot().running
    run.begin([Act.LEFT], wait_s=20.0)
    play(run, 1.0, 0.1)
    progress = run.snapshot().progress
    assert (progress.phase, progress.act, progress.prompt) == (Phase.REST, Act.LEFT, None)
    assert progress.left_s == pytest.approx(1.0, abs=0.2)
    play(run, 2.0, 1.1)
    progress = run.snapshot().progress
    assert progress.phase is Phase.ASKED
    assert progress.prompt == run.prompt
    assert "left" in str(progress.prompt)
    assert progress.left_s == pytest.approx(19.0, abs=0.2)
    assert abs(progress.gauges[0].value or 99) < 5
    assert progress.gauges[0].needed == 35.0
    play(run, 0.5, 3.1, yaw=50.0)
    progress = run.snapshot().progress
    assert progress.phase is Phase.SEEN
    assert progress.gauges[0].value == pytest.approx(50, abs=8)
    (step,) = play(run, 2.0, 3.6, yaw=50.0)
    assert step.outcome is Outcome.PASS
    snapshot = run.snapshot()
    assert not snapshot.running
    assert snapshot.progress.phase is Phase.OVER
    assert snapshot.report.outcome is Outcome.PASS


def test_a_failure_is_not_undone_by_asking_again() -> None:
    def step(outcome: Outcome, attempt: int) -> StepReport:
        return StepReport(Act.LEFT, "", outcome, "", 0.0, 1.0, {}, attempt)

    failed, passed = step(Outcome.FAIL, 1), step(Outcome.PASS, 2)
    assert ChallengeReport((failed,)).outcome is Outcome.FAIL
    assert ChallengeReport((failed, passed)).outcome is Outcome.UNCLEAR
    assert ChallengeReport((passed, failed)).outcome is Outcome.FAIL
    unclear = step(Outcome.UNCLEAR, 1)
    assert ChallengeReport((unclear, passed)).outcome is Outcome.PASS
    assert ChallengeReport(()).outcome is Outcome.UNCLEAR


def test_a_step_is_repeated_now_and_after_the_end_and_every_attempt_is_told() -> None:
    run = ChallengeRun()
    run.begin([Act.LEFT, Act.RIGHT], wait_s=1.0)
    (first,) = play(run, 3.5)
    assert (first.act, first.attempt, first.outcome) == (Act.LEFT, 1, Outcome.UNCLEAR)
    run.repeat(Act.LEFT)
    (again,) = play(run, 3.5, 4.0)
    assert (again.act, again.attempt) == (Act.LEFT, 2)
    (right,) = play(run, 3.5, 8.0)
    assert right.act is Act.RIGHT
    assert not run.snapshot().running
    assert run.outcome() is not None
    assert run.outcome() is None
    run.repeat(Act.RIGHT)
    assert run.snapshot().running
    (last,) = play(run, 3.5, 12.0)
    assert (last.act, last.attempt) == (Act.RIGHT, 2)
    report, frames = run.outcome() or (None, 0)
    assert report is not None
    assert len(report.steps) == 4
    assert frames == round(3.5 * RATE)
    run.repeat(Act.HAND)
    assert not run.snapshot().running, "it was not among the acts"


def test_what_is_left_out_is_unclear_and_stopping_tells_what_there_is() -> None:
    run = ChallengeRun()
    run.begin([Act.LEFT, Act.HAND])
    play(run, 1.0)
    run.skip()
    assert run.snapshot().progress.act is Act.HAND
    run.stop()
    assert not run.snapshot().running
    assert run.prompt is None
    report = (run.outcome() or (None,))[0]
    assert report is not None
    assert [(s.act, s.text) for s in report.steps] == [
        (Act.LEFT, "left out"),
        (Act.HAND, "not asked to the end"),
    ]
    run.skip()
    assert len(run.snapshot().report.steps) == 2


def test_the_chosen_person_is_asked_not_the_largest() -> None:
    view = View(2)
    near, far = landmarks(at=(-0.5, 0, 2.0)), landmarks(turn(40), (1.0, 0, 4.0))
    seen = view.see(result(0.0, {1: near, 2: far}))
    assert seen.yaw > 35, "seen from the side, too"
    assert abs(View().see(result(0.0, {1: near, 2: far})).yaw) < 20
    gone = view.see(result(0.1, {1: near}))
    assert not gone.found
    assert not view.lost


def test_who_comes_back_where_the_person_was_is_the_person_once_their_track_ended() -> None:
    view = View(1)
    view.see(result(0.0, {1: head()}))
    assert not view.see(result(0.1, {5: head(x=0.02)})).found, "the track may come back"
    assert view.see(result(0.2, {}, ended=[1])).found is False
    assert view.lost
    assert not view.see(result(0.3, {6: head(x=2.0)})).found, "somebody else, elsewhere"
    assert view.see(result(0.4, {6: head(x=2.0), 7: head(x=0.1)})).found
    assert (view.person, view.lost) == (7, False)


def test_a_reconnect_asks_once_more_and_another_person_can_be_chosen() -> None:
    run = ChallengeRun()
    run.begin([Act.LEFT], person=1)
    play(run, 3.0)
    assert run.snapshot().progress.phase is Phase.ASKED
    run.see(result(0.0, {9: head(x=2.0)}, epoch=1))
    assert run.snapshot().lost
    assert run.snapshot().progress.phase is Phase.REST
    run.ask_person(9)
    run.see(result(0.1, {9: head(x=2.0)}, epoch=1))
    assert (run.snapshot().lost, run.snapshot().person) == (False, 9)


def test_one_can_be_begun_in_any_connection() -> None:
    run = ChallengeRun()
    run.see(result(0.0, {1: head()}, epoch=3))
    run.begin([Act.LEFT], person=1)
    run.see(result(0.1, {1: head()}, epoch=3))
    assert not run.snapshot().lost


# The voice


def lips(text: str, value: float | None = None) -> Cue:
    return Cue("lipsync", value, 0.0, 1.0 if value else 0.0, 6.0, text, {"lag_ms": 40.0})


def say_it(cue: Cue | None) -> StepReport:
    """A mouth that moves three seconds after the prompt, with what the witness says."""
    challenge, asked = Challenge((Act.PHRASE,)), None
    for k in range(40 * RATE):
        now = k / RATE
        seen = replace(REST, time_s=now, lips=cue)
        if challenge.prompt is not None:
            asked = now if asked is None else asked
            moves = now - asked > 3
            seen = replace(seen, mouth=0.1 + 0.1 * (moves and int(now * 6) % 2))
        step = challenge.take(seen)
        if step is not None:
            return step
    raise AssertionError


@pytest.mark.parametrize(
    ("cue", "outcome", "said"),
    [
        (None, Outcome.PASS, "without sound, by the mouth alone"),
        (lips("not assessable: no sound"), Outcome.PASS, "by the mouth alone"),
        (lips("not assessable: silence"), Outcome.UNCLEAR, "no voice was heard (silence)"),
        (lips("not assessable: noise, no voice"), Outcome.UNCLEAR, "no voice was heard"),
        (lips("not assessable: the sound has gaps"), Outcome.PASS, "could not be judged"),
        (lips("the voice goes with the mouth (0.61)", 0.61), Outcome.PASS, "(0.61)"),
        (lips("the voice hardly goes with the mouth (0.21)", 0.21), Outcome.UNCLEAR, "hardly"),
    ],
)
def test_a_phrase_is_heard_where_there_is_sound(
    cue: Cue | None, outcome: Outcome, said: str
) -> None:
    step = say_it(cue)
    assert step.outcome is outcome
    assert said in step.text
    if cue is not None and cue.assessable:
        assert step.numbers["voice"] == cue.value
        assert step.numbers["voice_lag_ms"] == 40.0


def test_the_words_that_are_looked_for_are_those_of_the_witness() -> None:
    """They are told apart by their text: it must be the one that `why_not_speech` gives."""
    from realtime.challenge_measures import NO_SOUND, NO_VOICE
    from realtime.cues.sound import Heard, why_not_speech

    rng = np.random.default_rng(0)
    loud = np.full(800, -2.0)
    found = {
        why_not_speech(Heard(0.0, level, voicing, level))
        for level, voicing in (
            (np.full(800, np.nan), np.zeros(800)),
            (np.full(800, -11.0), np.zeros(800)),
            (loud + rng.normal(0, 1, 800), np.zeros(800)),
            (loud, np.ones(800)),
        )
    }
    assert found == {NO_SOUND, *NO_VOICE}


# Active light


@pytest.fixture(scope="module")
def face() -> PortraitFace:
    return PortraitFace.find()


def shine(
    face: PortraitFace, on_the_face: FlashSequence | None, shown: FlashSequence | None
) -> StepReport:
    """A portrait before a screen; the window says ``shown``, and this is on the face."""
    run = ChallengeRun()
    run.begin([Act.LIGHT], person=1)
    times = [k / RATE for k in range(3 * RATE)]
    for t in times:
        run.see(result(t, {1: face.landmarks}, image=face.image))
    assert run.snapshot().progress.phase is Phase.ASKED
    assert run.snapshot().progress.left_s is None
    begin, later = 1000.0 + 3.0, [k / RATE for k in range(round(14 * RATE))]
    run.light_begins(begin)
    assert run.snapshot().progress.phase is Phase.SEEN
    for k, image in enumerate(pictures(face, on_the_face, 0.04, 0.4, later)):
        if k == 8 * RATE:
            run.light_ends(shown)
        step = run.see(result(3.0 + later[k], {1: face.landmarks}, image=image))
        if step is not None:
            return step
    raise AssertionError


def test_a_face_that_the_colours_light_passes(face: PortraitFace) -> None:
    sequence = flash_sequence(3, 8.0)
    step = shine(face, sequence, sequence)
    assert step.outcome is Outcome.PASS, step.text
    assert step.numbers["light_delay_s"] == pytest.approx(0.4, abs=0.12)
    assert (step.numbers["light_p"] or 1) <= 0.01


def test_colours_that_were_painted_late_are_compared_with_when_they_were(
    face: PortraitFace,
) -> None:
    plan = flash_sequence(3, 8.0)
    late = np.cumsum(np.where(np.arange(len(plan.starts_s)) == 4, 0.9, 0.0))
    painted = FlashSequence(plan.starts_s + late, plan.colours, plan.seconds + late[-1])
    step = shine(face, painted, painted)
    assert step.outcome is Outcome.PASS
    as_planned = shine(face, painted, plan).numbers["light_correlation"]
    assert (step.numbers["light_correlation"] or 0) > (as_planned or 0) + 0.1


def test_no_answer_is_unclear_and_never_a_failure(face: PortraitFace) -> None:
    step = shine(face, None, flash_sequence(3, 8.0))
    assert step.outcome is Outcome.UNCLEAR
    assert "no answer" in step.text


def test_colours_that_were_broken_off_say_nothing(face: PortraitFace) -> None:
    step = shine(face, flash_sequence(3, 8.0), None)
    assert (step.outcome, step.text) == (
        Outcome.UNCLEAR,
        "the colours were not shown to the end",
    )


def test_waiting_for_the_operator_keeps_only_seconds() -> None:
    challenge = Challenge((Act.LIGHT,))
    for k in range(600 * RATE):
        assert challenge.take(replace(REST, time_s=k / RATE)) is None
    assert len(challenge._during) <= 6 * RATE
    challenge.light_ends(None)
    assert challenge.take(replace(REST, time_s=601.0)) is None, "nothing was shown yet"
    assert challenge.skip() is not None
    assert challenge.over


# What leaves


def records(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_guided_sink_asks_nothing_until_it_is_told_and_writes_when_it_is_over() -> None:
    stream, said = io.StringIO(), []
    sink = ChallengeSink(said.append, JsonlFile(stream), asks=False)
    sink.start(run_start())
    for k in range(4 * RATE):
        sink.write(result(k / RATE, {1: head()}))
    assert said == []
    sink.run.begin([Act.LEFT], person=1, wait_s=1.0)
    for k in range(4 * RATE, 8 * RATE):
        sink.write(result(k / RATE, {1: head()}))
    (record,) = records(stream)
    assert record["outcome"] == "unclear"
    assert said[-1] == "challenge: unclear"
    sink.finish(run_summary(1))
    sink.close()
    assert len(records(stream)) == 1, "it was told when it was over"


def test_another_run_knows_nothing_of_the_one_before() -> None:
    stream = io.StringIO()
    sink = ChallengeSink(silent, JsonlFile(stream), asks=False)
    sink.start(run_start())
    sink.run.begin([Act.LEFT])
    sink.write(result(0.0, {1: head()}))
    sink.start(run_start())
    assert len(records(stream)) == 1
    assert sink.run.snapshot().number == 0
    sink.finish(run_summary(1))
    sink.close()
    assert len(records(stream)) == 1


def test_numbers_of_a_face_that_is_not_there_are_no_numbers() -> None:
    seen = View().see(result(0.0, {}))
    assert not seen.found
    assert math.isnan(seen.yaw)
    assert seen.skin is None
