"""The sound of files, on the clock of their pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.config import Config, SourceConfig
from realtime.pipeline import Pipeline
from realtime.scorer import OnnxScorer
from realtime.sources import FileSource
from realtime.sources.audio import FileSound
from tests.contract.clips import make_clip

SECONDS = 20


def clip(path: Path, *, codec: str = "aac", begin_s: float = 0.0) -> Path:
    """Pictures with a click of sound in the middle of every second; everything starts late."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream(codec, rate=48_000)
        audio.layout = "stereo"
        for index in range(10 * SECONDS):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = index + round(10 * begin_s), Fraction(1, 10)
            out.mux(video.encode(frame))
        t = np.arange(SECONDS * 48_000) / 48_000
        click = 0.5 * np.sin(2 * np.pi * 1000 * t) * (np.abs(t % 1 - 0.5) < 0.05)
        for at in range(0, len(t), 1024):
            part = np.tile(click[at : at + 1024].astype(np.float32), (2, 1))
            sound = av.AudioFrame.from_ndarray(part, "fltp", "stereo")
            sound.sample_rate = 48_000
            sound.pts, sound.time_base = at + round(48_000 * begin_s), Fraction(1, 48_000)
            out.mux(audio.encode(sound))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    return path


def clicks(sound: FileSound, begin_s: float, end_s: float) -> list[float]:
    """The middle of each click between two times."""
    heard = sound.sound.between(begin_s, end_s)
    loud = np.flatnonzero(heard.level > -3)
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > 5) + 1)
    return [begin_s + float(part.mean() + 0.5) / 100 for part in parts if len(part)]


@pytest.mark.parametrize("begin_s", [0.0, 3.0])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_sound_lies_where_the_pictures_are(tmp_path: Path, begin_s: float, name: str) -> None:
    sound = FileSound(clip(tmp_path / name, begin_s=begin_s), SourceConfig())
    try:
        assert clicks(sound, 2.0, 6.0) == pytest.approx([2.5, 3.5, 4.5, 5.5], abs=0.03)
        assert clicks(sound, 14.0, 16.0) == pytest.approx([14.5, 15.5], abs=0.03)
        assert clicks(sound, 1.0, 3.0) == pytest.approx([1.5, 2.5], abs=0.03)
    finally:
        sound.close()
        sound.close()


def test_a_file_without_sound_has_none(tmp_path: Path) -> None:
    sound = FileSound(make_clip(tmp_path / "mute.mp4"), SourceConfig())
    assert np.isnan(sound.sound.between(0.0, 1.0).level).all()
    sound.close()


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_what_cannot_be_read_has_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    for where in (path, tmp_path / "missing.mp4"):
        sound = FileSound(where, SourceConfig())
        assert np.isnan(sound.sound.between(0.0, 1.0).level).all()
        sound.close()


def test_damage_gives_no_error_and_keeps_what_came_before_it(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mkv")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(len(data) // 3, len(data), 400):
        data[place] ^= 0xFF
    path.write_bytes(bytes(data))
    sound = FileSound(path, SourceConfig())
    heard = sound.sound.between(0.0, 20.0)
    sound.close()
    assert len(heard.level) == 2000
    assert np.isfinite(heard.level).any()


def test_the_pipeline_hears_its_file_and_lets_go(tmp_path: Path, scorer: OnnxScorer) -> None:
    path = clip(tmp_path / "clip.mp4")
    pipeline = Pipeline(FileSource(path, SourceConfig()), scorer, Config())
    pipeline.start()
    assert pipeline.wait(60)
    summary = pipeline.stop()
    assert summary.error is None
    assert summary.counts.analysed == 10 * SECONDS


def test_a_whole_file_is_heard_without_a_gap(tmp_path: Path) -> None:
    sound = FileSound(clip(tmp_path / "clip.mp4"), SourceConfig())
    heard = sound.sound.between(0.0, 18.0)
    sound.close()
    assert heard.complete
    assert len(heard.level) == 1800
