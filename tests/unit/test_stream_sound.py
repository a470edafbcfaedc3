"""What is heard of a live stream, against the pictures that were recorded with it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from realtime.config import Config, CuesConfig, LiveConfig
from realtime.cues.sound import FEATURE_HZ
from realtime.errors import SourceCode, SourceError
from realtime.sources.parsing import parse
from realtime.sources.stream import StreamSource
from realtime.sources.stream_sound import StreamSound
from tests.servers.rtsp import rtsp_server
from tests.servers.sockets import http, serving

RATE = 48_000
FLASHES = (1.0, 2.0, 3.2)
FLASH_S = 0.2
SECONDS = 4.5
CONFIG = Config(live=LiveConfig(max_age_s=60.0))


def lit(time_s: float) -> bool:
    return any(begin <= time_s < begin + FLASH_S for begin in FLASHES)


def flashes(path: Path, *, audio: str | None = "aac") -> Path:
    """A clip that is white and sounds at `FLASHES`, and is dark and silent in between."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "25"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        voice = None if audio is None else out.add_stream(audio, rate=RATE, layout="mono")
        for i in range(round(SECONDS * 25)):
            shade = 235 if lit(i / 25) else 20
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8), "bgr24")
            frame.pts = i
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if voice is None:
            return path
        resampler = AudioResampler("fltp", "mono", RATE, frame_size=1024)
        times = np.arange(round(SECONDS * RATE)) / RATE
        loud = np.array([lit(t) for t in times])
        tone = np.where(loud, 0.5 * np.sin(2 * np.pi * 700 * times), 0.0).astype(np.float32)
        given = AudioFrame.from_ndarray(tone[None], "fltp", "mono")
        given.sample_rate, given.pts = RATE, 0
        for part in [*resampler.resample(given), *resampler.resample(None)]:
            out.mux(voice.encode(part))
        out.mux(voice.encode(None))
    return path


@contextmanager
def over_http(tmp_path: Path) -> Iterator[str]:
    body = flashes(tmp_path / "clip.ts").read_bytes()
    with serving(http({"/cam": ("video/mp2t", body)}, length=True)) as server:
        yield f"http://127.0.0.1:{server.port}/cam"


@contextmanager
def over_rtsp(tmp_path: Path) -> Iterator[str]:
    path = flashes(tmp_path / "clip.mp4")
    pictures = "d.video_0 ! queue ! h264parse config-interval=-1 ! rtph264pay pt=96 name=pay0"
    voice = "d.audio_0 ! queue ! aacparse ! rtpmp4gpay pt=97 name=pay1"
    pipeline = f"filesrc location={path} ! qtdemux name=d {pictures} {voice}"
    with rtsp_server({"/cam": pipeline}) as server:
        yield f"rtsp://127.0.0.1:{server.port}/cam"


def read_all(source: StreamSource) -> None:
    while source.read() is not None:
        pass


def onsets(times: list[float], on: list[bool]) -> list[float]:
    return [
        t for t, now, before in zip(times, on, [False, *on[:-1]], strict=True) if now and not before
    ]


@pytest.mark.parametrize("served", [over_http, over_rtsp])
def test_sound_is_heard_on_the_clock_of_the_pictures(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path: Path
) -> None:
    with served(tmp_path) as url:
        source = StreamSource(parse(url, allow_http=True), CONFIG, "cam")
        times, bright = [], []
        with source:
            source.open()
            listener = source.listener()
            assert listener is not None
            # That an RTSP server has played to its end looks like a camera that is gone.
            with suppress(SourceError):
                while (frame := source.read()) is not None:
                    times.append(frame.time_s)
                    bright.append(bool(frame.image.mean() > 128))
        span = listener.sound.span(99.0)
        assert span is not None
        heard = listener.sound.between(0.0, span[1])
    seen = onsets(times, bright)
    grid = [i / FEATURE_HZ for i in range(len(heard.level))]
    sounded = onsets(grid, [bool(level > -4.0) for level in heard.level])
    assert len(seen) == len(FLASHES)
    assert sounded == pytest.approx(seen, abs=0.06)


def test_no_sound_is_asked_for_where_nobody_listens(tmp_path: Path) -> None:
    config = Config(cues=CuesConfig(lipsync=False))
    with (
        over_http(tmp_path) as url,
        StreamSource(parse(url, allow_http=True), config, "cam") as source,
    ):
        source.open()
        assert source.read() is not None
        assert source.listener() is None


def test_a_stream_without_sound_is_watched_in_silence(tmp_path: Path) -> None:
    body = flashes(tmp_path / "clip.ts", audio=None).read_bytes()
    with serving(http({"/cam": ("video/mp2t", body)}, length=True)) as server:
        url = f"http://127.0.0.1:{server.port}/cam"
        with StreamSource(parse(url, allow_http=True), CONFIG, "cam") as source:
            source.open()
            read_all(source)
            listener = source.listener()
            assert listener is not None
            assert listener.sound.span(99.0) is None


def sound_alone(path: Path, after_s: float) -> bytes:
    """The packets of a transport stream, those of pictures only up to ``after_s``."""
    out = path.with_name("alone.ts")
    with av.open(str(path)) as given, av.open(str(out), "w") as made:
        streams = {s.index: made.add_stream_from_template(s) for s in given.streams}
        for packet in given.demux():
            if packet.size and packet.pts is not None:
                late = float(packet.pts * packet.time_base) > 1.4 + after_s
                if packet.stream.type == "video" and late:
                    continue
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    return out.read_bytes()


def test_sound_does_not_stand_for_pictures_that_stay_away(tmp_path: Path) -> None:
    whole = flashes(tmp_path / "clip.ts")
    body = sound_alone(whole, 0.5)
    config = Config(live=LiveConfig(read_timeout_s=0.4, max_age_s=60.0))
    cut = len(body) // 3

    def trickle(connection: socket.socket) -> None:
        send = connection.sendall
        send(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + body[:cut])
        for at in range(cut, len(body), 188 * 2):
            send(body[at : at + 188 * 2])
            time.sleep(0.05)

    with serving(trickle) as server:
        url = f"http://127.0.0.1:{server.port}/cam"
        with StreamSource(parse(url, allow_http=True), config, "cam") as source:
            source.open()
            with pytest.raises(SourceError) as error:
                read_all(source)
    assert error.value.code is SourceCode.TIMEOUT


class Broken:
    """A packet that no decoder takes."""

    size = 10

    def decode(self) -> list[AudioFrame]:
        raise ValueError("broken")


def test_sound_that_cannot_be_decoded_is_given_up_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ears = StreamSound("a camera")
    with caplog.at_level("INFO"):
        for _ in range(200):
            ears.take(Broken(), lambda t: t)
    assert ears.sound.span(9.0) is None
    assert [r.getMessage() for r in caplog.records] == [
        "The sound of a camera cannot be used (ValueError)."
    ]
