"""The tracker on clips made of one real portrait that ships inside scikit-image."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import cv2
import numpy as np
import psutil
import pytest
import skimage.data

from realtime.config import FacesConfig
from realtime.faces import FaceTracker
from realtime.types import Clock, Faces, Frame, Image

CONFIG = FacesConfig()


@pytest.fixture(scope="module")
def tracker() -> Iterator[FaceTracker]:
    with FaceTracker(CONFIG) as tracker:
        yield tracker


_epochs = iter(range(1, 1_000_000))


@pytest.fixture
def epoch() -> int:
    """A new one for each test, so that they can share one tracker."""
    return next(_epochs)


def portrait() -> Image:
    return np.ascontiguousarray(skimage.data.astronaut()[:300, 60:380, ::-1])


def scene(x: int, y: int, *, scale: float = 1.0, width: int = 1280, height: int = 720) -> Image:
    """The portrait with its corner at ``x, y`` on grey; its face is about 92 px wide."""
    canvas = np.full((height, width, 3), 110, np.uint8)
    face = np.asarray(cv2.resize(portrait(), None, fx=scale, fy=scale), np.uint8)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + face.shape[1], width), min(y + face.shape[0], height)
    if right > left and bottom > top:
        canvas[top:bottom, left:right] = face[top - y : bottom - y, left - x : right - x]
    return canvas


def frame(image: Image, time_s: float, epoch: int, index: int = 0) -> Frame:
    image.flags.writeable = False
    return Frame("test", epoch, index, time_s, 0.0, None, Clock.PTS, image)


def run(tracker: FaceTracker, images: list[Image], epoch: int, rate: float = 30) -> list[Faces]:
    return [tracker.track(frame(im, i / rate, epoch, i)) for i, im in enumerate(images)]


def hide(image: Image) -> Image:
    covered = image.copy()
    covered[100:420, 400:760] = 90
    return covered


def test_a_face_is_found_on_the_first_frame(tracker: FaceTracker, epoch: int) -> None:
    (faces,) = run(tracker, [scene(400, 100)], epoch)
    assert len(faces) == 1
    x, y, width, height = faces.boxes[0]
    assert 500 < x < 540
    assert 150 < y < 190
    assert 80 < width < 105
    assert 95 < height < 125
    assert faces.landmarks.shape == (1, 478, 3)
    assert np.isfinite(faces.landmarks).all()
    assert faces.confidence[0] > 0.9
    for array in (faces.track_ids, faces.boxes, faces.confidence, faces.landmarks):
        assert not array.flags.writeable
    assert faces.boxes.dtype == faces.landmarks.dtype == np.float32
    quality = faces.quality[0]
    assert quality.size_px == pytest.approx(min(width, height))
    assert abs(quality.yaw) < 15


@pytest.mark.parametrize("scale", [1, 3])
def test_a_face_that_fills_the_frame_is_found(tracker: FaceTracker, epoch: int, scale: int) -> None:
    close = np.asarray(cv2.resize(portrait()[60:185, 105:220], None, fx=scale, fy=scale), np.uint8)
    results = run(tracker, [close] * 5, epoch)
    assert [len(f) for f in results] == [1] * 5
    width, height = results[-1].boxes[0, 2:]
    assert 0.7 * close.shape[1] < width < 1.05 * close.shape[1]
    assert 0.7 * close.shape[0] < height < 1.05 * close.shape[0]


@pytest.mark.parametrize("rate", [10, 30, 60])
def test_a_moving_face_is_seen_on_every_frame(
    tracker: FaceTracker, epoch: int, rate: float
) -> None:
    images = [scene(round(200 + 300 * i / rate), 100) for i in range(int(2 * rate))]
    results = run(tracker, images, epoch, rate)
    assert [len(f) for f in results] == [1] * len(images)
    assert len({int(f.track_ids[0]) for f in results}) == 1
    step = np.diff([f.boxes[0, 0] for f in results])
    np.testing.assert_allclose(step, 300 / rate, atol=4)


def test_landmarks_of_a_still_face_hardly_move(tracker: FaceTracker, epoch: int) -> None:
    rng = np.random.default_rng(0)
    clean = scene(400, 100)
    noisy = [
        np.clip(clean + rng.normal(0, 4, clean.shape), 0, 255).astype(np.uint8) for _ in "x" * 30
    ]
    points = np.array([f.landmarks[0, :468, :2] for f in run(tracker, noisy, epoch)])
    assert points[5:].std(axis=0).mean() < 0.01 * 92


@pytest.mark.parametrize("rate", [12, 30])
def test_one_second_behind_something_keeps_the_id(
    tracker: FaceTracker, epoch: int, rate: int
) -> None:
    visible, hidden = scene(400, 100), hide(scene(400, 100))
    results = run(tracker, [visible] * rate + [hidden] * rate + [visible] * rate, epoch, rate)
    before, behind, after = results[:rate], results[rate : 2 * rate], results[2 * rate :]
    assert all(len(f) == 0 for f in behind)
    assert {i for f in before + after for i in f.track_ids} == {before[0].track_ids[0]}
    assert all(len(f) == 1 for f in after[-rate // 2 :])


def test_longer_behind_something_is_a_new_track(tracker: FaceTracker, epoch: int) -> None:
    visible, hidden = scene(400, 100), hide(scene(400, 100))
    results = run(tracker, [visible] * 15 + [hidden] * 45 + [visible] * 15, epoch)
    assert results[-1].track_ids[0] > results[0].track_ids[0]


def test_a_new_epoch_begins_new_tracks(tracker: FaceTracker, epoch: int) -> None:
    image = scene(400, 100)
    ids = [run(tracker, [image] * 3, e)[-1].track_ids[0] for e in (epoch, next(_epochs))]
    assert ids[0] < ids[1]


def test_time_that_runs_backwards_begins_new_tracks(tracker: FaceTracker, epoch: int) -> None:
    image = scene(400, 100)
    first = tracker.track(frame(image, 5.0, epoch)).track_ids[0]
    assert tracker.track(frame(image, 2.0, epoch)).track_ids[0] > first


def test_a_cut_to_another_place_and_back(tracker: FaceTracker, epoch: int) -> None:
    """A flash of another picture does not cost the identity."""
    image, other = scene(400, 100), np.full((720, 1280, 3), 250, np.uint8)
    results = run(tracker, [image] * 10 + [other] * 3 + [image] * 10, epoch)
    assert [len(f) for f in results] == [1] * 10 + [0] * 3 + [1] * 10
    assert len({int(f.track_ids[0]) for f in results if len(f)}) == 1


def test_several_faces_and_the_limit(epoch: int) -> None:
    canvas = np.full((1080, 1920, 3), 110, np.uint8)
    places = [(40 + 370 * i, 60 + 480 * j) for i in range(5) for j in range(2)]
    for x, y in places:
        canvas[y : y + 300, x : x + 320] = portrait()
    with FaceTracker(FacesConfig(max_faces=8)) as tracker:
        results = run(tracker, [canvas] * 15, epoch)
    assert [len(f) for f in results] == [8] * 15
    assert all((f.track_ids == results[0].track_ids).all() for f in results)


def test_a_face_that_leaves_is_gone(tracker: FaceTracker, epoch: int) -> None:
    images = [scene(900 + 20 * i, 100) for i in range(40)]
    results = run(tracker, images, epoch)
    assert len(results[0]) == 1
    assert len(results[-1]) == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 719), (1081, 5), (97, 641), (2161, 3841)])
def test_any_size_of_frame(tracker: FaceTracker, epoch: int, size: tuple[int, int]) -> None:
    images = [np.full((*size, 3), 60, np.uint8)] * 3
    assert [len(f) for f in run(tracker, images, epoch)] == [0] * 3


def test_nothing_is_found_where_there_is_no_face(tracker: FaceTracker, epoch: int) -> None:
    rng = np.random.default_rng(1)
    pictures = [skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket()]
    images = [np.ascontiguousarray(p[..., ::-1]) for p in pictures for _ in range(20)]
    images += [rng.integers(0, 255, (480, 640, 3), dtype=np.uint8) for _ in range(20)]
    assert sum(len(f) for f in run(tracker, images, epoch)) == 0


def test_the_size_of_the_frame_may_change(tracker: FaceTracker, epoch: int) -> None:
    small = np.asarray(cv2.resize(scene(400, 100), (960, 540)), np.uint8)
    results = run(tracker, [scene(400, 100)] * 3 + [small] * 3, epoch)
    assert [len(f) for f in results] == [1] * 6


def test_closing_twice_and_using_it_afterwards(epoch: int) -> None:
    tracker = FaceTracker(CONFIG)
    tracker.close()
    tracker.close()
    with pytest.raises(ValueError, match="closed"):
        tracker.track(frame(scene(0, 0), 0.0, epoch))


def test_opening_and_closing_does_not_leak(epoch: int) -> None:
    process = psutil.Process()

    def cycle() -> None:
        with FaceTracker(CONFIG) as tracker:
            tracker.track(frame(scene(400, 100, width=800, height=450), 0.0, epoch))

    for _ in range(5):
        cycle()
    before = process.memory_info().rss, process.num_threads(), process.num_fds()
    for _ in range(45):
        cycle()
    assert process.memory_info().rss - before[0] < 60e6
    assert process.num_threads() <= before[1] + 2
    assert process.num_fds() <= before[2] + 2


def test_nothing_is_written_to_stderr() -> None:
    """MediaPipe, absl and TensorFlow Lite chatter by default, past Python's own streams."""
    code = "from realtime.faces import FaceTracker; FaceTracker().close()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
