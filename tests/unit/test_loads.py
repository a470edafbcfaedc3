"""How a source is given less to do by a machine that cannot keep up, and more again."""

from __future__ import annotations

from realtime.loads import RISE_AFTER_MAX_S, LoadControl, Window
from realtime.types import Load

MAX_AGE_S = 0.5


def window(
    analysed: int, age_s: float = 0.03, *, arrived: int = 30, answer_s: float = 0.02
) -> Window:
    return Window(1.0, arrived, analysed, [age_s] * analysed, answer_s)


GOOD = window(28)
LATE = window(28, 0.4)
FEW = window(1)


def fallen(control: LoadControl, windows: int) -> list[Load]:
    return [control.update(LATE) for _ in range(windows)]


def test_an_idle_machine_changes_nothing() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    assert {control.update(GOOD) for _ in range(600)} == {Load(4.0, None, reduced=False)}


def test_scores_become_rarer_before_tracking_does() -> None:
    loads = fallen(LoadControl(4.0, MAX_AGE_S), 20)
    assert [load.score_rate_hz for load in loads[:3]] == [2.0, 1.0, 1.0]
    assert [load.track_rate_hz for load in loads[:4]] == [None, None, 15.0, 10.0]
    assert loads[-1] == Load(1.0, 3.0, reduced=True)
    assert all(load.reduced for load in loads)


def test_too_few_tracked_frames_are_answered_by_fewer_scores_alone() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    loads = [control.update(FEW) for _ in range(20)]
    assert [load.score_rate_hz for load in loads[:3]] == [2.0, 1.0, 1.0]
    assert loads[-1] == Load(1.0, None, reduced=True)


def test_a_fast_camera_of_which_enough_is_tracked_is_no_trouble() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    for _ in range(100):
        assert not control.update(window(25, arrived=120)).reduced


def test_a_slow_camera_is_no_trouble() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    for _ in range(100):
        assert not control.update(window(2, arrived=2)).reduced


def test_a_rate_that_was_lowered_is_met_by_design() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    lowest = fallen(control, 20)[-1]
    assert control.update(window(3)) == lowest


def test_it_rises_slowly_one_step_at_a_time() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    fallen(control, 3)
    loads = [control.update(window(14)) for _ in range(40)]
    # Ten good seconds a step.
    assert [loads[i].track_rate_hz for i in (8, 9)] == [15.0, None]
    assert [loads[i].score_rate_hz for i in (18, 19, 28, 29)] == [1.0, 2.0, 2.0, 4.0]
    assert loads[-1] == Load(4.0, None, reduced=False)


def test_neither_late_nor_easy_stays_where_it_is() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    fallen(control, 1)
    for _ in range(100):
        assert control.update(window(28, 0.25)).score_rate_hz == 2.0


def test_a_rise_that_was_too_much_is_tried_again_later_and_later() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    fallen(control, 1)
    waits = []
    for _ in range(8):
        seconds = 0
        while control.update(GOOD).score_rate_hz < 4.0:
            seconds += 1
        waits.append(seconds + 1)
        fallen(control, 1)
    assert waits[:5] == [10, 20, 40, 80, 160]
    assert set(waits[5:]) == {RISE_AFTER_MAX_S}


def test_a_slow_model_is_told_but_does_not_change_what_is_asked_for() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    load = control.update(window(28, answer_s=0.5))
    assert load == Load(2.0, None, reduced=True)
    assert control.asked_hz == 4.0
    assert not control.update(GOOD).reduced


def test_a_source_that_is_silent_says_nothing_of_the_machine() -> None:
    control = LoadControl(4.0, MAX_AGE_S)
    fallen(control, 2)
    for _ in range(100):
        assert control.update(Window(1.0, 0, 0, [])).score_rate_hz == 1.0


def test_a_rate_below_the_floors_is_kept() -> None:
    control = LoadControl(0.5, MAX_AGE_S)
    assert fallen(control, 1) == [Load(0.5, 15.0, reduced=True)]
