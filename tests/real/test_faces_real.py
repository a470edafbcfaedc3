"""Recall, identity and occlusion on real photos and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.faces import (
    Photo,
    background,
    found_within,
    frame_of,
    load_photos,
    on_face,
    paste,
    recall,
)
from realtime.config import FacesConfig, SourceConfig
from realtime.faces import FaceTracker
from realtime.sources.file import FileSource
from realtime.types import FloatArray, Frame
from tests.conftest import DATA, needs_data

pytestmark = needs_data


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    return load_photos(DATA, 24)


@pytest.mark.parametrize("noisy", [False, True])
def test_small_and_large_faces_are_found_in_a_large_frame(photos: list[Photo], noisy: bool) -> None:
    for row in recall(photos[:20], (60, 80, 120, 200), noisy=noisy):
        assert row["found"] >= 0.9 * row["photos"], row


def test_eight_faces_at_once(photos: list[Photo]) -> None:
    canvas = background(np.random.default_rng(0), noisy=False)
    boxes = [
        paste(canvas, photo.scaled(70 + 12 * i), 40 + 460 * (i % 4), 80 + 500 * (i // 4))
        for i, photo in enumerate(photos[:8])
    ]
    with FaceTracker(FacesConfig()) as tracker:
        results = [tracker.track(frame_of(canvas, i)) for i in range(60)]
    for faces in results[40:]:
        ids = [on_face(faces, box) for box in boxes]
        assert None not in ids
        assert len(set(ids)) == 8


def crossing(
    front: Photo, back: Photo, speed: float, drop: int
) -> Iterator[tuple[Frame, FloatArray, FloatArray]]:
    """Two faces that pass each other, one hiding the other, with the boxes of both."""
    for i in range(int(1000 / speed * 30)):
        canvas = np.full((720, 1280, 3), 110, np.uint8)
        x = round(i / 30 * speed)
        behind = paste(canvas, back, 1280 - back.image.shape[1] - x, 200 + drop)
        yield frame_of(canvas, i), paste(canvas, front, x, 200), behind


def test_crossing_faces_keep_their_ids(photos: list[Photo]) -> None:
    swapped = kept = 0
    pairs = list(zip(photos[:16:2], photos[1:16:2], strict=True))
    for i, (front, back) in enumerate(pairs):
        scene = crossing(front.scaled(110), back.scaled(110), (250, 450)[i % 2], 30 * (i % 2))
        with FaceTracker(FacesConfig()) as tracker:
            ids = []
            for frame, *boxes in scene:
                faces = tracker.track(frame)
                ids.append([on_face(faces, box) for box in boxes])
        before = next(pair for pair in ids if None not in pair)
        after = next(pair for pair in reversed(ids) if None not in pair)
        kept += before == after
        swapped += before[0] == after[1] or before[1] == after[0]
    assert swapped == 0
    assert kept >= len(pairs) - 1, f"{kept} of {len(pairs)} pairs kept both ids"


@pytest.mark.parametrize(("seconds", "same"), [(1.0, True), (1.5, False)])
def test_a_block_hides_a_face(photos: list[Photo], seconds: float, same: bool) -> None:
    wrong = []
    with FaceTracker(FacesConfig()) as tracker:
        for epoch, photo in enumerate(photos[:10]):
            canvas = np.full((720, 1280, 3), 110, np.uint8)
            box = paste(canvas, photo.scaled(120), 500, 200)
            hidden = np.full_like(canvas, 110)
            hidden[150:600, 450:900] = 70
            last = 20 + round(seconds * 30)
            ids = [
                on_face(
                    tracker.track(frame_of(hidden if 20 <= i < last else canvas, i, epoch=epoch)),
                    box,
                )
                for i in range(last + 20)
            ]
            assert set(ids[20:last]) == {None}
            assert None not in ids[:20] + ids[-10:]
            if (ids[0] == ids[-1]) is not same:
                wrong.append(epoch)
    assert not wrong


ONE_PERSON = [
    "AniPortrait_driver__num18_driver.mp4",
    "DeepFaceLive_input__Dean_Wiesel_0.mp4",
    "HyperLips_input__video2.mp4",
    "alpyksl_lipreading__ortak.mp4",
    "kirichovka_signs__bye.mp4",
    "kirichovka_signs__yes.mp4",
    "liveportrait__d12.mp4",
    "liveportrait__s29.mp4",
    "tpsmm__driving.mp4",
]


@pytest.mark.parametrize("name", ONE_PERSON)
def test_one_person_is_one_track(videos: Path, name: str) -> None:
    seen = total = 0
    ids: set[int] = set()
    path = videos / "real" / name
    with FaceTracker(FacesConfig()) as tracker, FileSource(path, SourceConfig()) as source:
        source.open()
        while total < 150 and (frame := source.read()) is not None:
            faces = tracker.track(frame)
            total += 1
            seen += len(faces) > 0
            ids.update(faces.track_ids.tolist())
    assert len(ids) == 1
    assert seen >= 0.95 * total


def test_small_faces_in_a_4k_frame(photos: list[Photo]) -> None:
    found = 0
    with FaceTracker(FacesConfig()) as tracker:
        for epoch, photo in enumerate(photos[:8]):
            canvas = np.full((2160, 3840, 3), 110, np.uint8)
            box = paste(canvas, photo.scaled(120), 300 + 400 * epoch, 200 * epoch)
            found += found_within(tracker, canvas, box, epoch) is not None
    assert found >= 6
