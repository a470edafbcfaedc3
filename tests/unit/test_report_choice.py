"""A report on a part of a file or of the people, and one that is broken off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from realtime.report import page, words, write
from realtime.report.choice import Choice, narrowed
from realtime.report.gather import Gathering
from realtime.report.model import Run
from realtime.report.parts import MAX_PARTS, Parts
from realtime.types import FrameCounts, FrameResult, VerdictState
from tests.unit.report_runs import frame_result, start, summary, track

STRONG = VerdictState.STRONG


def frame(time_s: float, epoch: int = 0, index: int = 0) -> FrameResult:
    result = frame_result(index, time_s, {1: STRONG, 2: VerdictState.LITTLE_EVIDENCE})
    return replace(result, frame=replace(result.frame, epoch=epoch))


def gathered(*stretches: tuple[float, float], length_s: float = 10.0) -> Gathering:
    """A run in which a viewer jumped from one stretch to the next."""
    gathering = Gathering(start(duration_s=length_s), faces=True)
    for epoch, (first, last) in enumerate(stretches):
        count = round((last - first) * 5)
        for i in range(count + 1):
            gathering.add(frame(first + i / 5, epoch, i))
    return gathering


def going_on(*stretches: tuple[float, float]) -> Run:
    return gathered(*stretches).run(None, None, going_on=True)


def test_parts_are_joined_where_they_touch_and_apart_where_they_do_not() -> None:
    parts = Parts()
    for epoch, (first, last) in enumerate(((5.0, 7.0), (0.0, 1.0), (6.5, 8.0), (1.2, 2.0))):
        parts.add(epoch, first)
        parts.add(epoch, last)
    assert parts.found == ((0.0, 2.0), (5.0, 8.0))
    assert parts.jumped


def test_of_very_many_parts_no_more_is_claimed_than_was_seen() -> None:
    parts = Parts()
    for epoch in range(3 * MAX_PARTS):
        parts.add(epoch, 10.0 * epoch)
        parts.add(epoch, 10.0 * epoch + 1 + epoch % 7)
    assert len(parts.found) <= MAX_PARTS + 1
    assert all(last - first <= 7 for first, last in parts.found)


def test_a_file_that_was_seen_in_part_says_which_parts() -> None:
    run = going_on((0.0, 2.0), (6.0, 8.0))
    assert not run.complete
    (line,) = words.warnings(run)
    assert line.startswith(
        "Only a part of this file was analysed: 0:00.0 to 0:02.0, 0:06.0 to 0:08.0."
    )
    assert dict(words.frame_facts(run))["Analysed"].endswith("so far")
    stopped = gathered((0.0, 2.0), (6.0, 8.0)).run(summary((track(1, STRONG),), 22), None)
    assert "0:06.0 to 0:08.0" in words.warnings(stopped)[0]


def test_a_file_that_was_seen_to_its_end_is_whole_also_without_its_summary() -> None:
    for run in (going_on((0.0, 9.8)), going_on((0.0, 5.0), (4.0, 10.0))):
        assert run.complete
        assert words.warnings(run) == []
    assert not gathered((0.0, 9.8)).run(None, None).complete
    # From the middle to the end is not all.
    late = gathered((0.0, 0.0), (6.0, 10.0)).run(summary((), 1), None)
    assert not late.complete


def test_a_live_source_that_is_still_watched_is_not_called_broken_off() -> None:
    gathering = Gathering(start(live=True))
    gathering.add(frame(0.0))
    run = gathering.run(None, None, going_on=True)
    assert words.warnings(run) == [
        "The source was still watched when this was made; it ends at 0:00.0."
    ]


def test_only_who_was_chosen_is_in_it_and_the_rest_is_counted() -> None:
    run = going_on((0.0, 9.8))
    chosen = narrowed(run, Choice(people=frozenset({2})))
    assert [p.track_id for p in chosen.people] == [2]
    assert words.warnings(chosen)[0].startswith("1 of the people")
    text = page.page([chosen])
    assert "#2" in text
    assert "#1" not in text
    nobody = narrowed(run, Choice(people=frozenset()))
    assert words.headline(nobody) == "Nobody of those who were seen was chosen for this report."
    assert "No face was found" not in page.page([nobody])


def test_pictures_and_heat_maps_are_there_only_if_chosen() -> None:
    run = going_on((0.0, 9.8))
    assert run.people[0].shown
    plain = narrowed(run, Choice())
    assert "data:image" not in page.page([plain])
    assert not plain.faces_allowed
    faces = page.page([narrowed(run, Choice(faces=True))])
    assert "data:image" in faces
    assert "heat map" not in faces.split("Person #1")[1].split("Source")[0]
    assert "yellow little" not in faces
    heat = page.page([narrowed(run, Choice(faces=True, heat=True))])
    assert "The same with the heat map" in heat
    assert heat.count("data:image") > faces.count("data:image")


@pytest.mark.parametrize("suffix", [".html", ".pdf"])
def test_one_that_is_broken_off_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    run = going_on((0.0, 9.8))
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"yesterday")
    heard: list[float] = []

    class Enough(Exception):
        pass

    def enough(share: float) -> None:
        heard.append(share)
        if len(heard) == 2:
            raise Enough

    with pytest.raises(Enough):
        write.write(path, [run], step=enough)
    assert path.read_bytes() == b"yesterday"
    assert list(tmp_path.iterdir()) == [path]
    heard.clear()
    write.write(path, [run], step=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) > 2
    assert path.stat().st_size > 1000


def test_everybody_in_brief_is_as_in_the_report() -> None:
    gathering = gathered((0.0, 9.8))
    brief = {one.track_id: one for one in gathering.outline()}
    for person in gathering.run(None, None).people:
        one = brief[person.track_id]
        assert (one.first_s, one.last_s) == (person.first_s, person.last_s)
        assert (one.state, one.probability) == (person.state, person.probability)


def test_of_more_people_than_wanted_the_gravest_stay() -> None:
    gathering = Gathering(start(), most=3)
    for i in range(10):
        state = STRONG if i == 4 else VerdictState.LITTLE_EVIDENCE
        gathering.add(frame_result(i, i / 25, {i: state}))
    run = gathering.run(None, None)
    assert len(run.people) == 3
    assert run.people[0].track_id == 4
    assert run.left_out == 7


def test_counts_of_a_run_that_was_sought_in_do_not_make_it_whole() -> None:
    run = gathered((0.0, 1.0), (3.0, 4.0)).run(summary((), 12), None)
    assert run.summary is not None
    assert run.summary.counts == FrameCounts(14, 12, run.summary.counts.dropped)
    assert not run.complete
