"""Small files of known speed, made with PyAV: moving pictures, speech-like sound, both or one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.filter
import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.types import Image

SOUND_HZ = 44_100
_TICKS = 90_000


def scene(time_s: float, size: tuple[int, int] = (160, 120)) -> Image:
    """Something that moves on and on, at no constant speed."""
    width, height = size
    picture = np.full((height, width, 3), 40, np.uint8)
    x = int(width * (0.5 + 0.37 * np.sin(0.9 * time_s) + 0.06 * np.sin(4.1 * time_s)))
    y = int(height * (0.5 + 0.33 * np.cos(1.3 * time_s)))
    cv2.circle(picture, (x, y), height // 6, (220, 180, 90), -1)
    return picture


def room(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Syllables of a voice, four a second, with hiss between them; 44.1 kHz, mono."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SOUND_HZ)) / SOUND_HZ
    swell = np.clip(np.sin(2 * np.pi * (4.0 * t + 0.3 * np.sin(1.7 * t))), 0, 1) ** 2
    swell *= np.sin(2 * np.pi * 0.35 * t) > -0.6
    voice = sum(np.sin(2 * np.pi * k * 130 * t) / k for k in range(1, 20))
    hiss = rng.standard_normal(len(t))
    return np.asarray(0.1 * swell * (voice + 0.5 * hiss) + 0.02 * hiss, np.float32)


def stretched(samples: NDArray[np.float32], tempo: float) -> NDArray[np.float32]:
    """Through the filter atempo of FFmpeg, as editors without a clock of their own do it."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SOUND_HZ, format="flt", layout="mono")
    chain = [source, graph.add("atempo", f"{tempo}"), graph.add("abuffersink")]
    graph.link_nodes(*chain).configure()
    out: list[NDArray[Any]] = []
    for begin in range(0, len(samples), 4096):
        part = np.ascontiguousarray(samples[None, begin : begin + 4096])
        frame = av.AudioFrame.from_ndarray(part, "flt", "mono")
        frame.sample_rate, frame.pts = SOUND_HZ, begin
        graph.push(frame)
        out += _pulled(graph)
    graph.push(None)
    out += _pulled(graph)
    return np.concatenate(out)


def _pulled(graph: av.filter.Graph) -> list[NDArray[Any]]:
    out = []
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return out
        assert isinstance(frame, av.AudioFrame)
        out.append(frame.to_ndarray()[0])


def write(
    path: Path,
    pictures: Sequence[tuple[float, Image]] = (),
    sound: NDArray[np.float32] | None = None,
    codec: str = "aac",
) -> Path:
    """A file of pictures at their times in seconds, with sound if any."""
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=30)
        height, width = pictures[0][1].shape[:2]
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, _TICKS)
        video.options = {"preset": "veryfast", "crf": "23"}
        audio: Any = None
        if sound is not None:
            rate = SOUND_HZ if codec == "aac" else 48_000
            audio = out.add_stream(codec, rate=rate, layout="mono")
        for time_s, picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(time_s * _TICKS), Fraction(1, _TICKS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound is not None:
            _encode(out, audio, sound)
    return path


def _encode(out: Any, audio: Any, sound: NDArray[np.float32]) -> None:
    resampler = av.AudioResampler(audio.format, audio.layout, audio.rate, frame_size=1024)
    whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), "flt", "mono")
    whole.sample_rate, whole.pts = SOUND_HZ, 0
    for part in [*resampler.resample(whole), *resampler.resample(None)]:
        out.mux(audio.encode(part))
    out.mux(audio.encode(None))
