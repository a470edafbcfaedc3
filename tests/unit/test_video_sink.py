"""The annotated copy keeps every frame, its time and its colours, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import SinkError
from realtime.sinks.conform import TICKS, Timeline, fit
from realtime.sinks.video import VideoSink
from realtime.types import Clock, FrameResult, Image
from tests.contract.clips import read_index
from tests.contract.results import result, run_start, run_summary


def write(path: Path, results: list[FrameResult], *, heat: bool = False) -> None:
    sink = VideoSink(path, heat=heat)
    try:
        sink.start(run_start())
        for each in results:
            sink.write(each)
        sink.finish(run_summary(len(results)))
    finally:
        sink.close()


def read(path: Path) -> tuple[list[float], list[Image]]:
    """Times and pictures of all frames."""
    with av.open(f"file:{path}") as container:
        frames = list(container.decode(video=0))
        return [float(f.pts * f.time_base) for f in frames], [
            f.to_ndarray(format="bgr24") for f in frames
        ]


def plain(index: int, time_s: float | None = None, **options: object) -> FrameResult:
    return result(index, time_s=time_s, face=False, **options)


def test_frames_keep_their_order_content_and_uneven_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.05, 0.3, 0.3 + 1001 / 30000, 2.0, 2.001, 7.5]
    write(tmp_path / "a.mp4", [plain(i, t) for i, t in enumerate(times)])
    stamps, pictures = read(tmp_path / "a.mp4")
    assert stamps == pytest.approx(times, abs=1 / TICKS)
    assert [read_index(picture) for picture in pictures] == list(range(len(times)))


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mov", "a.M4V"])
def test_other_containers_keep_times_to_the_millisecond(tmp_path: Path, name: str) -> None:
    times = [0.0, 0.04, 0.051, 0.3, 2.0, 2.5]
    write(tmp_path / name, [plain(i, t) for i, t in enumerate(times)])
    stamps, pictures = read(tmp_path / name)
    assert stamps == pytest.approx(times, abs=0.001)
    assert [read_index(picture) for picture in pictures] == list(range(len(times)))


def test_a_later_epoch_follows_on(tmp_path: Path) -> None:
    first = [plain(i, i / 25) for i in range(5)]
    second = [plain(5 + i, i / 25, epoch=1) for i in range(5)]
    write(tmp_path / "a.mp4", first + second)
    stamps, _ = read(tmp_path / "a.mp4")
    assert stamps == pytest.approx([i / 25 for i in range(10)], abs=1 / TICKS)


def test_a_monotonic_clock_starts_at_zero(tmp_path: Path) -> None:
    results = [plain(i, 5000 + i / 10, clock=Clock.MONOTONIC) for i in range(4)]
    write(tmp_path / "a.mp4", results)
    stamps, _ = read(tmp_path / "a.mp4")
    assert stamps == pytest.approx([0, 0.1, 0.2, 0.3], abs=1 / TICKS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 2),
            st.floats(-1e5, 1e6, allow_nan=False),
            st.sampled_from(list(Clock)),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_time_never_goes_back(steps: list[tuple[int, int, float, Clock]]) -> None:
    timeline = Timeline()
    ticks = [
        timeline.ticks(run, plain(i, t, epoch=epoch, clock=clock, size=(4, 4)).frame)
        for i, (run, epoch, t, clock) in enumerate(steps)
    ]
    assert ticks[0] >= 0
    assert all(b > a for a, b in pairwise(ticks))


@pytest.mark.parametrize(
    ("size", "expected"), [((97, 63), (98, 64)), ((1, 1), (16, 16)), ((640, 3), (640, 16))]
)
def test_odd_and_tiny_pictures_become_even(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    grey = np.full((size[1], size[0], 3), 150, np.uint8)
    write(tmp_path / "a.mp4", [plain(0, image=grey, size=size)])
    _, (picture,) = read(tmp_path / "a.mp4")
    assert picture.shape == (expected[1], expected[0], 3)
    assert abs(int(picture[expected[1] // 2, expected[0] // 2, 0]) - 150) < 8


def test_a_new_resolution_is_fitted_into_the_first(tmp_path: Path) -> None:
    tall = np.full((400, 100, 3), 200, np.uint8)
    write(tmp_path / "a.mp4", [plain(0), plain(1, image=tall, size=(100, 400)), plain(2)])
    _, pictures = read(tmp_path / "a.mp4")
    assert [p.shape for p in pictures] == [(128, 192, 3)] * 3
    assert pictures[1][64, 96].min() > 180  # in the middle
    assert pictures[1][:, :70].max() < 30  # black bars
    assert pictures[1][:, 122:].max() < 30
    assert read_index(pictures[2]) == 2


def test_fit_keeps_the_proportions() -> None:
    wide = np.full((50, 200, 3), 255, np.uint8)
    fitted = fit(wide, (100, 100))
    rows = np.flatnonzero(fitted[:, 50, 0] > 128)
    assert len(rows) == 25
    assert rows[0] in (37, 38)
    np.testing.assert_array_equal(fit(wide, (200, 50)), wide)


def test_colours_survive(tmp_path: Path) -> None:
    image = np.zeros((128, 192, 3), np.uint8)
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    for column, colour in enumerate(colours):
        image[:, 64 * column : 64 * column + 64] = colour
    write(tmp_path / "a.mp4", [plain(i, image=image) for i in range(3)])
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        said = (context.colorspace, context.color_range)
    assert said == (Colorspace.ITU601, ColorRange.MPEG)
    _, pictures = read(tmp_path / "a.mp4")
    for column, colour in enumerate(colours):
        seen = pictures[-1][64, 64 * column + 32].astype(int)
        assert np.abs(seen - colour).max() < 12


def test_the_overlay_is_drawn_and_the_heat_map_on_demand(tmp_path: Path) -> None:
    size = (640, 360)
    image = np.full((360, 640, 3), 90, np.uint8)
    inside = np.s_[160:200, 270:370]  # of the face's box, clear of its border
    for name, heat in (("off.mp4", False), ("on.mp4", True)):
        write(tmp_path / name, [result(0, size=size, image=image)], heat=heat)
    _, (off,) = read(tmp_path / "off.mp4")
    _, (on,) = read(tmp_path / "on.mp4")
    assert np.abs(off.astype(int) - 90).max() > 60  # box and label
    assert np.abs(off[inside].astype(int) - 90).max() < 10
    assert np.abs(on[inside].astype(int) - 90).max() > 40


@pytest.mark.parametrize("name", ["a.avi", "a", "mp4", "a.mp4.txt", "a.gif"])
def test_an_unknown_extension_lists_those_that_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match=r"\.mp4, .*\.mkv, \.webm") as caught:
        VideoSink(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    "name",
    ["http:x.mp4", "-o.mp4", "a 'b' \"c\"; d.mp4", "new\nline.mp4", "лицо 顔.mp4", "100%03d.mp4"],
)
def test_any_file_name_is_taken_literally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path(name), [plain(0), plain(1)])
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert len(read(Path(name))[0]) == 2


def test_a_name_that_is_no_text_is_taken(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4"))
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system takes no such names")
    write(path, [plain(0), plain(1)])
    assert len(read(path)[0]) == 2


def test_a_zero_byte_in_the_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="name another file"):
        VideoSink(tmp_path / "a\0.mp4")


def test_without_frames_an_old_file_stays_and_no_new_one_appears(tmp_path: Path) -> None:
    old = tmp_path / "old.mp4"
    old.write_bytes(b"precious")
    for path in (old, tmp_path / "new.mp4"):
        write(path, [])
    assert old.read_bytes() == b"precious"
    assert not (tmp_path / "new.mp4").exists()


def test_an_old_file_is_replaced_by_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 1_000_000)
    write(path, [plain(0)])
    assert len(read(path)[0]) == 1
    assert path.stat().st_size < 100_000


def test_writing_before_the_start_is_refused(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "a.mp4")
    with pytest.raises(SinkError, match="start"):
        sink.write(plain(0))
    sink.close()


def test_a_slow_encoder_holds_the_writer_back(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "a.webm")
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0
    try:
        sink.start(run_start((1280, 720)))
        for index in range(40):
            each = plain(index, size=(1280, 720))
            alive.append(weakref.ref(each.frame.image))
            sink.write(each)
            most = max(most, sum(image() is not None for image in alive))
        del each
        sink.finish(run_summary(40))
    finally:
        sink.close()
    assert most <= 12  # the queue, the one being encoded and the one just written
    assert len(read(tmp_path / "a.webm")[0]) == 40


_KILLED = """
import os, signal, sys, time
from pathlib import Path
from realtime.sinks.video import VideoSink
from tests.contract.results import result, run_start
sink = VideoSink(Path(sys.argv[1]))
sink.start(run_start())
for index in range(100):
    sink.write(result(index, face=False))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_a_killed_run_leaves_a_playable_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    done = run_script(_KILLED, path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    _, pictures = read(path)
    # All but what was still in the queue of eight, in the works and in the newest cluster.
    assert len(pictures) >= 85
    assert [read_index(picture) for picture in pictures] == list(range(len(pictures)))


_FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from realtime.errors import SinkError
from realtime.sinks.video import VideoSink
from tests.contract.results import result, run_start
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
random = np.random.default_rng(0)
sink = VideoSink(Path(sys.argv[1]))
sink.start(run_start())
try:
    for index in range(1000):
        noise = random.integers(0, 255, (128, 192, 3), np.uint8)
        sink.write(result(index, image=noise, face=False))
except SinkError as error:
    print(index, error)
sink.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_what_fits_before_the_disk_is_full_stays_playable(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    done = run_script(_FULL, path)
    assert done.returncode == 0, done.stderr
    index, message = done.stdout.decode().split(" ", 1)
    assert "too large" in message
    pictures = 0
    with av.open(str(path)) as container, suppress(av.InvalidDataError):  # the torn last frame
        for _ in container.decode(video=0):
            pictures += 1
    assert pictures >= int(index) - 12 > 0  # all but the queue and what was in the works


def run_script(script: str, path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
        capture_output=True,
    )


def test_a_live_run_keeps_its_times_over_sizes_gaps_and_reconnects(tmp_path: Path) -> None:
    start = 813_000.0  # seconds since this machine started
    steps = [(0, 0.0, (192, 128)), (0, 0.04, (192, 128)), (0, 0.31, (320, 240))]
    steps += [(0, 4000.0, (192, 128)), (1, 4020.0, (640, 480)), (1, 4020.05, (96, 64))]
    results = [
        plain(i, start + t, epoch=epoch, size=size, clock=Clock.MONOTONIC)
        for i, (epoch, t, size) in enumerate(steps)
    ]
    for name in ("a.mp4", "a.mkv", "a.webm"):
        write(tmp_path / name, results)
        stamps, pictures = read(tmp_path / name)
        # The epoch follows on with the longest interval that is taken for one between frames.
        expected = [0.0, 0.04, 0.31, 4000.0, 4000.2, 4000.25]
        assert stamps == pytest.approx(expected, abs=0.0011)
        assert [read_index(picture[16:112, 24:168]) for picture in pictures[:2]] == [0, 1]
        assert {picture.shape for picture in pictures} == {(128, 192, 3)}


@pytest.mark.parametrize("rate", [None, 0.0, -5.0, 1e-9, 90_000.0, float("inf"), float("nan")])
def test_a_camera_may_claim_any_frame_rate(tmp_path: Path, rate: float | None) -> None:
    sink = VideoSink(tmp_path / "a.mp4")
    sink.start(run_start(rate=rate))
    for index in range(3):
        sink.write(plain(index))
    sink.finish(run_summary(3))
    sink.close()
    assert len(read(tmp_path / "a.mp4")[0]) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_an_output_that_takes_nothing_is_told_and_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("realtime.sinks.video._STUCK_S", 0.5)
    monkeypatch.setattr("realtime.sinks.video._CLOSE_STUCK_S", 0.5)
    path = tmp_path / "a.mkv"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    random = np.random.default_rng(0)
    sink = VideoSink(path)
    sink.start(run_start())
    noise = [random.integers(0, 255, (128, 192, 3), np.uint8) for _ in range(200)]
    with pytest.raises(SinkError, match="has taken no frame for 0 s; what was written is kept"):
        any(sink.write(plain(index, image=image)) for index, image in enumerate(noise))
    sink.close()
    assert "takes nothing any more" in caplog.text
    os.close(reader)  # lets the thread go
