"""Pictures that wait in the buffers of sockets: they are too old, and are known to be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from realtime.config import Config, LiveConfig
from realtime.errors import SourceError
from realtime.live import LiveEngine, LiveInput
from realtime.scorer import OnnxScorer
from realtime.sources.parsing import parse
from realtime.sources.stream import StreamSource
from realtime.types import DropCause, Frame
from tests.contract import onnx_models
from tests.contract.clips import make_clip, read_index
from tests.servers.scripted import Script, Unit, sets_of, units_of
from tests.servers.sockets import serving
from tests.unit.live_sources import Remembering

FRAME_S = 0.04
UNITS, GOP = 150, 20
BEFORE, SLEEP_S = 25, 3.0
CONFIG = Config(live=LiveConfig(read_timeout_s=10.0))


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    """Six seconds of a camera, at the pace of a camera."""
    path = tmp_path_factory.mktemp("camera") / "clip.mp4"
    options = {"tune": "zerolatency", "sc_threshold": "0"}
    return units_of(make_clip(path, UNITS, gop=GOP, options=options), wait_s=FRAME_S)


class Tap:
    """Remembers the stamps of packets."""

    def __init__(self) -> None:
        self.packets = 0

    def opened(self, stream: VideoStream) -> None:
        pass

    def packet(self, packet: Packet[VideoStream], captured_mono: float) -> None:
        self.packets += 1


def to_the_end(source: StreamSource) -> Iterator[Frame]:
    try:
        while (frame := source.read()) is not None:
            yield frame
    except SourceError:
        pass


def test_a_reader_that_slept_is_soon_back_at_the_newest_picture(units: list[Unit]) -> None:
    script, tap = Script(units, sets_of(units)), Tap()
    before: list[Frame] = []
    after: list[Frame] = []
    with serving(script.serve) as server:
        address = parse(f"rtsp://127.0.0.1:{server.port}/cam")
        with StreamSource(address, CONFIG, tap=tap) as source:
            source.open()
            for frame in to_the_end(source):
                (before if len(before) < BEFORE else after).append(frame)
                if len(before) == BEFORE and not after:
                    time.sleep(SLEEP_S)
            skipped, errors = source.skipped, source.decode_errors
        script.stopping.set()
    seen = [read_index(frame.image) for frame in before + after]
    assert errors == 0
    assert len(seen) + skipped == tap.packets == UNITS
    assert seen == sorted(set(seen))
    # What is left out takes no time away: each picture is when it was.
    times = [frame.time_s for frame in before + after]
    assert np.subtract(times, np.multiply(seen, FRAME_S)) == pytest.approx(times[0], abs=0.005)
    assert after[0].time_s - before[-1].time_s > SLEEP_S - 1.0
    # Nor does any picture look newer than it is.
    captured = np.array([frame.captured_mono for frame in before + after])
    assert np.ptp(captured - times) < 0.5
    assert (np.diff(captured) > 0).all()


def test_a_reader_that_is_too_slow_for_its_camera_falls_behind_no_further(
    units: list[Unit],
) -> None:
    """25 pictures a second come and ten can be dealt with: it ends with the camera all the same."""
    script = Script(units, sets_of(units))
    with serving(script.serve) as server:
        address = parse(f"rtsp://127.0.0.1:{server.port}/cam")
        with StreamSource(address, CONFIG) as source:
            source.open()
            frames = []
            for frame in to_the_end(source):
                frames.append(frame)
                time.sleep(0.1)
            ended = time.monotonic()
            assert len(frames) + source.skipped == UNITS
            assert source.decode_errors == 0
        sent = script.silent_since
        script.stopping.set()
    # All pictures in turn would take it 15 s, of which the camera sends for 6.
    assert source.skipped > UNITS / 4
    assert ended - sent < 4.0


class Sleepy(StreamSource):
    """Sleeps once, after `BEFORE` frames."""

    slept = False

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is not None and frame.index == BEFORE and not self.slept:
            self.slept = True
            threading.Event().wait(SLEEP_S)
        return frame


def test_what_was_left_out_is_counted_as_stale(units: list[Unit], tmp_path: Path) -> None:
    graph = onnx_models.linear(onnx_models.contract())
    scorer = OnnxScorer(onnx_models.save(graph, tmp_path), device="cpu")
    script, sink = Script(units, sets_of(units), silence_s=60.0), Remembering()
    with serving(script.serve) as server:
        item = LiveInput("cam", parse(f"rtsp://127.0.0.1:{server.port}/cam"), (sink,))
        config = replace(CONFIG, live=replace(CONFIG.live, workers=1))
        engine = LiveEngine(
            [item], scorer, config, opener=lambda item, config: Sleepy(item.address, config)
        )
        engine.start()
        try:
            deadline = time.monotonic() + 60
            # FFmpeg hands out the last packet with the next one.
            while engine.sources[0].counts.captured < UNITS - 1:
                assert time.monotonic() < deadline
                counts = engine.sources[0].counts
                assert 0 <= counts.in_flight <= 3  # with a worker, in the slot, on its way there
                time.sleep(0.01)
        finally:
            script.stopping.set()
            summary = engine.stop(15.0)["cam"]
    scorer.close()
    counts = summary.counts
    assert counts.captured in (UNITS - 1, UNITS)
    assert counts.captured == counts.analysed + sum(counts.dropped.values())
    assert counts.dropped[DropCause.STALE] > (SLEEP_S - 1.0) / FRAME_S
    assert DropCause.DECODE_ERROR not in counts.dropped
