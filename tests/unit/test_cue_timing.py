"""Footage of known speed, and conversions that are innocent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from realtime.cues.timing import TimingWatch, usual_rate
from realtime.types import Clock, Cue, Frame, Image


def scene(time_s: float) -> Image:
    """Something that moves smoothly."""
    picture = np.full((120, 160, 3), 40, np.uint8)
    x = int(80 + 60 * np.sin(0.9 * time_s) + 10 * np.sin(4.1 * time_s))
    y = int(60 + 40 * np.cos(1.3 * time_s))
    cv2.circle(picture, (x, y), 22, (220, 180, 90), -1)
    return picture


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
    assert all(usual_rate(rate) for rate in (23.976, 24, 29.97, 59.94, 15))
    assert not any(usual_rate(rate) for rate in (22.5, 27, 33.3, 40))
