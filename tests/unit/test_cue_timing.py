"""Footage of known speed, and conversions that are innocent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from realtime.config import Config, SourceConfig
from realtime.cues.cadence import Motion, pattern, standard
from realtime.cues.sound import SAMPLE_HZ
from realtime.cues.stretch import CLEAR, Hearing
from realtime.cues.timing import StreamFacts, TimingWatch
from realtime.pipeline import Pipeline
from realtime.scorer import OnnxScorer
from realtime.sinks.console import ConsoleSink
from realtime.sources import FileSource
from realtime.sources.stream_facts import FileInspection
from realtime.types import Clock, Cue, Frame, FrameResult, Image
from tests.unit.timing_files import SOUND_HZ, room, scene, stretched, write


def played(times: Sequence[float], rate_hz: float, epoch: int = 0) -> Iterator[Frame]:
    """The scene as it was at each of ``times``, shown at a constant rate, with a little noise."""
    rng = np.random.default_rng(0)
    pictures: dict[float, Image] = {}
    for index, time_s in enumerate(times):
        if time_s not in pictures:
            noise = rng.integers(-2, 3, (120, 160, 3))
            pictures[time_s] = np.clip(scene(time_s) + noise, 0, 255).astype(np.uint8)
        pts = index / rate_hz
        yield Frame("file", epoch, index, pts, pts, None, Clock.PTS, pictures[time_s])


def said(times: Sequence[float], rate_hz: float) -> Cue:
    watch = TimingWatch()
    for frame in played(times, rate_hz):
        watch.see(frame)
    return watch.cue()


def filmed(rate_hz: float, speed: float, shown_hz: float, seconds: float = 10.0) -> list[float]:
    """When the pictures were filmed that a player shows: the newest at every moment."""
    count = int(seconds * shown_hz)
    return [np.floor(i / shown_hz * speed * rate_hz + 1e-9) / rate_hz for i in range(count)]


@pytest.mark.parametrize("speed", [0.75, 0.9])
def test_slowed_by_repeating(speed: float) -> None:
    cue = said(filmed(30, speed, 30), 30)
    assert cue.value == pytest.approx(speed)
    assert "speed" in cue.text
    assert cue.llr == 0.0  # no face is suspected for it


@pytest.mark.parametrize("speed", [0.75, 0.9])
def test_slowed_by_its_time_stamps(speed: float) -> None:
    cue = said([i / 30 for i in range(250)], 30 * speed)
    assert cue.value == pytest.approx(speed)


@pytest.mark.parametrize(
    ("rate_hz", "shown_hz"), [(24, 30), (25, 30), (15, 30), (30, 60), (24, 60), (25, 50), (30, 30)]
)
def test_usual_conversions_are_innocent(rate_hz: float, shown_hz: float) -> None:
    cue = said(filmed(rate_hz, 1.0, shown_hz), shown_hz)
    assert cue.value == 1.0
    assert "unusual" not in cue.text


def test_half_speed_looks_like_a_slow_camera() -> None:
    """What it cannot see, as its description says."""
    assert said(filmed(30, 0.5, 30), 30).value == 1.0


def test_a_few_lost_pictures_are_no_cadence() -> None:
    rng = np.random.default_rng(4)
    times = [i / 30 for i in range(300)]
    for i in sorted(rng.choice(range(1, 300), 12, replace=False)):
        times[i] = times[i - 1]
    assert said(times, 30).value == 1.0


def test_why_nothing_is_said() -> None:
    assert "needs" in said([i / 30 for i in range(30)], 30).text
    assert "hardly" in said([0.0] * 300, 30).text
    assert "needs" in TimingWatch().cue().text
    watch = TimingWatch()
    rng = np.random.default_rng(1)
    t = np.cumsum(rng.uniform(0.01, 0.12, 300))
    for index, time_s in enumerate(t.tolist()):
        watch.see(Frame("file", 0, index, time_s, time_s, None, Clock.PTS, scene(time_s)))
    assert "no constant rate" in watch.cue().text


def test_a_jump_begins_anew() -> None:
    watch = TimingWatch()
    for frame in played([i / 30 for i in range(200)], 30):
        watch.see(frame)
    assert watch.cue().assessable
    for frame in played([i / 30 for i in range(20)], 30, epoch=1):
        watch.see(frame)
    assert not watch.cue().assessable


def test_television_rates_are_usual() -> None:
    assert all(standard(rate) for rate in (23.976, 24, 29.97, 59.94, 15))
    assert not any(standard(rate) for rate in (22.5, 27, 33.3, 40))


# Files: pictures with the codec's own order, and sound.


def filmed_at(
    rate_hz: float, speed: float, shown_hz: float, seconds: float
) -> list[tuple[float, Image]]:
    return [
        (i / shown_hz, scene(t)) for i, t in enumerate(filmed(rate_hz, speed, shown_hz, seconds))
    ]


def told(path: Path) -> Cue:
    with FileSource(path, SourceConfig()) as source:
        source.open()
        watch = TimingWatch(source.inspection())
        while (frame := source.read()) is not None:
            watch.see(frame)
            watch.cue()
        return watch.finish()


@pytest.fixture(scope="module")
def steady() -> list[tuple[float, Image]]:
    return filmed_at(30, 1.0, 30, 11.0)


def test_slowed_with_its_sound_as_the_famous_one_was(tmp_path: Path) -> None:
    sound = stretched(room(9.0), 0.75)
    cue = told(write(tmp_path / "a.mp4", filmed_at(30, 0.75, 30, 11.0), sound))
    assert cue.value == pytest.approx(0.75)
    assert cue.text.startswith("about 0.75x speed, pitch-corrected")
    assert cue.llr == 0.0
    assert cue.confidence == 1.0
    assert cue.details["sound_line"] > CLEAR


@pytest.mark.parametrize("tempo", [0.5, 0.75, 1.5])
def test_stretched_sound_is_heard_under_an_untouched_picture(
    tempo: float, tmp_path: Path, steady: list[tuple[float, Image]]
) -> None:
    sound = stretched(room(11.0 * tempo), tempo)
    cue = told(write(tmp_path / "a.mp4", steady, sound))
    assert cue.text == "the sound was stretched or squeezed at its own pitch"
    assert cue.value == 1.0


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_sound_as_recorded_is_not_called_stretched(
    codec: str, tmp_path: Path, steady: list[tuple[float, Image]]
) -> None:
    cue = told(write(tmp_path / "a.mkv", steady, room(11.0), codec))
    assert cue.text == "no change of speed seen"
    assert cue.details["sound_line"] < CLEAR


def test_silence_and_no_sound_are_said(tmp_path: Path, steady: list[tuple[float, Image]]) -> None:
    quiet = told(write(tmp_path / "a.mp4", steady, np.zeros(11 * SOUND_HZ, np.float32)))
    assert "silence" in quiet.text
    assert quiet.confidence == 0.5
    none = told(write(tmp_path / "b.mp4", steady))
    assert "no sound" in none.text
    assert none.value == 1.0


def test_music_is_judged_like_speech() -> None:
    t = np.arange(SAMPLE_HZ * 11) / SAMPLE_HZ
    beat = np.exp(-8 * (t % 0.5)) * np.random.default_rng(0).standard_normal(len(t))
    chords = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 1760, 3520))
    hearing = Hearing()
    hearing.add(0.0, 0.05 * (beat + 0.3 * chords))
    heard = hearing.heard()
    assert heard.power is not None
    assert not heard.stretched
    assert heard.rhythm_hz is None  # no speech


def test_a_still_picture_and_a_short_clip_are_not_assessable(tmp_path: Path) -> None:
    still = told(write(tmp_path / "a.mp4", [(i / 30, scene(1.0)) for i in range(150)]))
    assert not still.assessable
    assert "hardly anything moves" in still.text
    short = told(write(tmp_path / "b.mp4", filmed_at(30, 1.0, 30, 1.0), room(1.0)))
    assert not short.assessable
    assert "needs" in short.text


def test_a_varying_rate_is_not_assessable(tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(2).uniform(0.015, 0.09, 200)).tolist()
    cue = told(write(tmp_path / "a.mp4", [(t, scene(t)) for t in times]))
    assert not cue.assessable
    assert "no constant rate" in cue.text


def test_frames_without_time_stamps_are_not_assessable() -> None:
    watch = TimingWatch()
    for i in range(200):
        watch.see(Frame("live", 0, i, None, i / 30, None, Clock.MONOTONIC, scene(i / 30)))
    assert watch.finish() == Cue.silent("timing", "no time stamps", 199 / 30)


def test_the_order_of_packets_gives_each_picture_its_turn(
    tmp_path: Path, steady: list[tuple[float, Image]]
) -> None:
    """As the decoder says it."""
    path = write(tmp_path / "a.mp4", steady)
    with av.open(str(path)) as container:
        kinds = [frame.pict_type for frame in container.decode(video=0)]
    inspection = FileInspection(path, SourceConfig())
    inspection.until(20.0)
    orders = inspection.orders([time_s for time_s, _ in steady])
    inspection.close()
    assert inspection.facts() == StreamFacts()  # closed, it says no more
    between = {order for order, kind in zip(orders, kinds, strict=True) if kind == PictureType.B}
    others = {order for order, kind in zip(orders, kinds, strict=True) if kind != PictureType.B}
    assert len(between) >= 2
    assert not between & others
    assert -1 not in others | between


def test_a_pattern_of_the_codecs_own_order_is_no_cadence() -> None:
    """Every fourth picture differs as those of a slow film do, where the codec's turns do, too."""
    rng = np.random.default_rng(0)
    turn = np.arange(300) % 4
    place = 0.5 + 0.05 * rng.standard_normal(300) + np.where(turn == 1, 0.1, 0.0)
    motion = Motion(place, np.full(300, 3.0) + 0.1 * rng.standard_normal(300), np.full(300, 6.0))
    found = pattern(motion, [0] * 300)
    assert found is not None
    assert found.length == 4
    assert not found.hidden
    explained = pattern(motion, turn.tolist())
    assert explained is not None
    assert explained.hidden


def test_the_whole_program_tells_it(tmp_path: Path, scorer: OnnxScorer) -> None:
    path = write(tmp_path / "a.mp4", filmed_at(30, 0.75, 30, 8.0), stretched(room(6.5), 0.75))
    seen: list[tuple[Cue, ...]] = []
    lines: list[str] = []

    class Sink(ConsoleSink):
        def write(self, result: FrameResult) -> None:
            super().write(result)
            seen.append(result.source_cues)

    source = FileSource(path, SourceConfig())
    pipeline = Pipeline(source, scorer, Config(), [Sink(lines.append)])
    pipeline.start()
    assert pipeline.wait(60)
    summary = pipeline.stop()
    assert [cue.name for cue in summary.cues] == ["timing"]
    assert summary.cues[0].text.startswith("about 0.75x speed, pitch-corrected")
    assert lines[-1] == f"  timing of the whole: {summary.cues[0].text}"
    assert seen[-1][0].value == pytest.approx(0.75)
    assert all(cue.llr == 0 for cues in seen for cue in cues)


def test_a_seek_begins_anew_and_goes_on_with_the_sound(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", filmed_at(30, 0.75, 30, 11.0), stretched(room(9.0), 0.75))
    with FileSource(path, SourceConfig()) as source:
        source.open()
        watch = TimingWatch(source.inspection())
        for _ in range(20):
            frame = source.read()
            assert frame is not None
            watch.see(frame)
        source.seek(2.5)
        while (frame := source.read()) is not None:
            watch.see(frame)
            watch.cue()
        cue = watch.finish()
    assert cue.text.startswith("about 0.75x speed, pitch-corrected")
    assert cue.seconds < 9.0


def test_memory_is_bounded() -> None:
    watch = TimingWatch()
    picture = scene(0.0)
    for i in range(6000):
        watch.see(Frame("file", 0, i, i / 240, 0.0, None, Clock.PTS, picture))
    assert len(watch._motion) <= 2400
