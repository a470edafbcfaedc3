"""The demo clip is the same every time, looks alive to the face tracker, and swaps at 8 s."""

from __future__ import annotations

import hashlib
import math
import stat
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.demo.fields import FACE_BOX, face_field, head_basis, head_field
from realtime.demo.motion import Motion
from realtime.demo.portrait import View
from realtime.demo.render import Renderer
from realtime.errors import ConfigError, SinkError
from realtime.faces import FaceTracker
from realtime.sources import synthetic
from realtime.sources.synthetic import SWAP_AT_S, demo_clip, write_demo_clip
from realtime.types import Clock, FloatArray, Frame, Image

SMALL = (320, 180)
RIGHT_EYE = (33, 160, 158, 133, 153, 144)
LEFT_EYE = (362, 385, 387, 263, 373, 380)


def bgr(planes: np.ndarray) -> Image:
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(16.0, (1280, 720), 30)


def landmarks(renderer: Renderer, times: list[float], swap: bool = False) -> FloatArray:
    """``(N, 478, 3)`` of the one face at these times."""
    found = []
    with FaceTracker() as tracker:
        for index, time_s in enumerate(times):
            image = bgr(renderer.frame(round(time_s * 30), swap=swap))
            faces = tracker.track(Frame("demo", 0, index, time_s, time_s, None, Clock.PTS, image))
            assert faces.track_ids.tolist() == [1]
            found.append(faces.landmarks[0])
    result = np.stack(found)
    assert np.isfinite(result).all()
    return result


def eye_aspect_ratio(face: FloatArray, eye: tuple[int, ...]) -> float:
    """Height over width of an eye (Soukupová and Čech, 2016)."""
    p = face[list(eye), :2]
    height = np.linalg.norm(p[1] - p[5]) + np.linalg.norm(p[2] - p[4])
    return float(height / 2 / np.linalg.norm(p[0] - p[3]))


def test_the_same_arguments_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_demo_clip(tmp_path / name, 1.0, SMALL)
    write_demo_clip(tmp_path / "longer.mp4", 1.1, SMALL)
    assert digest(tmp_path / "a.mp4") == digest(tmp_path / "b.mp4")
    assert digest(tmp_path / "a.mp4") != digest(tmp_path / "longer.mp4")


def test_a_frame_depends_on_nothing_but_its_number() -> None:
    one, other = (Renderer(4.0, SMALL, 30) for _ in range(2))
    for index in (0, 41, 7):
        one.frame(index, swap=True)
    np.testing.assert_array_equal(one.frame(20, swap=True), other.frame(20, swap=True))
    np.testing.assert_array_equal(one.frame(41, swap=False), other.frame(41, swap=False))
    assert (one.frame(20, swap=False) != one.frame(21, swap=False)).mean() > 0.3


def test_the_file_is_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_demo_clip(path, 1.5, (320, 240), 20)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (320, 240)
        times = [Fraction(frame.pts * frame.time_base) for frame in container.decode(stream)]
    assert times == [Fraction(index, 20) for index in range(30)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (480, 640), (1920, 1080), (322, 98)])
def test_every_shape_is_filled(size: tuple[int, int]) -> None:
    picture = bgr(Renderer(1.0, size, 30).frame(3, swap=True))
    assert picture.shape == (size[1], size[0], 3)
    assert picture.std() > 20
    assert np.ptp(picture[:, 0].astype(int), axis=0).max() > 0  # the edges show something
    assert np.ptp(picture[:, -1].astype(int), axis=0).max() > 0


def test_the_swap_comes_at_8_s_and_changes_the_inner_face_only(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_demo_clip(path, SWAP_AT_S + 0.5, SMALL, 20)
    with av.open(str(path)) as container:
        frames = [f.to_ndarray(format="bgr24").astype(float) for f in container.decode(video=0)]
    x0, y0, x1, y1 = View.cover(*SMALL).box(*FACE_BOX)
    steps = [
        np.abs(cv2.GaussianBlur(b - a, (0, 0), 2))[y0:y1, x0:x1].mean() for a, b in pairwise(frames)
    ]
    first = round(SWAP_AT_S * 20)
    assert int(np.argmax(steps)) == first - 1
    assert steps[first - 1] > 3 * np.median(steps)


def test_the_swap_stays_inside_the_face(renderer: Renderer) -> None:
    real, fake = (bgr(renderer.frame(300, swap=swap)).astype(int) for swap in (False, True))
    changed = np.abs(fake - real).max(axis=2)
    x0, y0, x1, y1 = View.cover(1280, 720).box(*FACE_BOX)
    outside = changed.copy()
    outside[y0:y1, x0:x1] = 0
    assert outside.max() == 0
    border = changed[y0:y1, x0:x1].copy()
    border[12:-12, 12:-12] = 0
    assert border.max() <= 2  # the soft mask has faded out before the box ends
    middle = np.s_[280:330, 540:580]  # a cheek
    mismatch = np.abs((fake - real)[middle].mean(axis=(0, 1)))
    assert 6 < mismatch.max() < 30


@pytest.mark.parametrize("swap", [False, True])
def test_the_lids_close_in_a_blink(renderer: Renderer, swap: bool) -> None:
    motion = Motion(16.0)
    closed_at = next(i / 30 for i in range(480) if motion.at(i / 30).blink > 0.99)
    times = [closed_at - 0.3, closed_at - 0.2, closed_at, closed_at + 0.4]
    faces = landmarks(renderer, times, swap)
    for eye in (RIGHT_EYE, LEFT_EYE):
        before, _, closed, after = (eye_aspect_ratio(face, eye) for face in faces)
        assert before > 0.25
        assert after > 0.25
        assert closed < 0.68 * min(before, after)


def test_blinks_come_and_last_as_those_of_a_person() -> None:
    motion = Motion(120.0)
    shut = [motion.at(i / 200).blink > 0 for i in range(24_000)]
    edges = np.flatnonzero(np.diff(np.array(shut).astype(int))) / 200
    starts, ends = edges[::2], edges[1::2]
    assert 8 <= len(starts) / 2 <= 25  # a minute
    lengths = ends - starts[: len(ends)]
    assert lengths.min() >= 0.15
    assert lengths.max() <= 0.305
    assert np.diff(starts).min() > 0.4


def test_the_head_turns_and_the_mouth_moves(renderer: Renderer) -> None:
    faces = landmarks(renderer, [0.5 * i for i in range(20)])
    nose = faces[:, 1, :2]
    assert np.ptp(nose[:, 0]) > 20
    assert np.ptp(nose[:, 1]) > 8
    # Turning moves the tip of the nose against the outline of the face.
    middle = faces[:, [234, 454], 0].mean(axis=1)
    assert np.ptp(nose[:, 0] - middle) > 8
    lips = np.linalg.norm(faces[:, 13, :2] - faces[:, 14, :2], axis=1)
    assert np.ptp(lips) > 3


def test_nothing_jumps_from_frame_to_frame() -> None:
    motion = Motion(60.0)
    poses = [motion.at(i / 30) for i in range(1800)]
    for old, new in pairwise(poses):
        assert math.hypot(new.shift_x - old.shift_x, new.shift_y - old.shift_y) < 0.6
        assert abs(new.yaw - old.yaw) < math.radians(1.5)
        assert abs(new.pitch - old.pitch) < math.radians(1.5)
        assert abs(new.roll - old.roll) < math.radians(0.6)
        assert abs(new.jaw - old.jaw) < 2.5


def test_the_picture_is_never_torn_or_folded() -> None:
    view = View.cover(1280, 720)
    x, y = view.grid((0, 0, 1280, 720), 8)
    basis = head_basis(x, y)
    face_x, face_y = view.grid(view.box(*FACE_BOX), 2)
    motion = Motion(60.0)
    for index in range(0, 600, 3):
        pose = motion.at(index / 10)
        field = head_field(basis, pose)
        assert stretch(field, 8 / view.scale).min() > 0.5
        mimic = face_field(face_x, face_y, pose, 0.5)
        # Lids and lips do cover what lies under them, but never turn it over.
        assert stretch(mimic, 2 / view.scale).min() > -0.05
        for edge in (mimic[0], mimic[-1], mimic[:, 0], mimic[:, -1]):
            assert np.abs(edge).max() < 0.05


def stretch(field: FloatArray, step: float) -> FloatArray:
    """Determinant of the Jacobian of position plus field: 1 at rest, below 0 where it folds."""
    dy, dx = np.gradient(field, step, axis=(0, 1))
    return (1 + dx[..., 0]) * (1 + dy[..., 1]) - dx[..., 1] * dy[..., 0]


def test_the_clip_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    clip = demo_clip(0.2)
    assert clip.parent == tmp_path / "cache" / "fakewatch"
    made = clip.stat()
    assert demo_clip(0.2) == clip
    assert clip.stat().st_mtime_ns == made.st_mtime_ns
    assert demo_clip(0.3) != clip
    assert len(list(clip.parent.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(synthetic.tempfile, "tempdir", str(tmp_path))
    clip = demo_clip(0.2)
    assert clip.is_file()
    assert clip.parent.parent == tmp_path
    assert stat.S_IMODE(clip.parent.stat().st_mode) == 0o700


def test_a_relative_cache_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert demo_clip(0.2).parent == tmp_path / ".cache" / "fakewatch"


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, 1e9])
def test_a_length_that_cannot_be_is_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ConfigError, match="up to 3600 seconds"):
        write_demo_clip(tmp_path / "a.mp4", seconds)
    with pytest.raises(ConfigError, match="up to 3600 seconds"):
        demo_clip(seconds)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "fps"), [((321, 180), 30), ((320, 0), 30), ((320, 180), 0)])
def test_a_size_or_rate_that_cannot_be_is_refused(
    tmp_path: Path, size: tuple[int, int], fps: int
) -> None:
    with pytest.raises(ConfigError):
        write_demo_clip(tmp_path / "a.mp4", 1.0, size, fps)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="Cannot write the demonstration clip") as caught:
        write_demo_clip(tmp_path / "missing" / "a.mp4", 0.1, SMALL)
    assert "\n" not in str(caught.value)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(SinkError):
        write_demo_clip(tmp_path / "folder.mp4", 0.1, SMALL)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.mp4"]
