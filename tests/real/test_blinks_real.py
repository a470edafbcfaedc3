"""Blinks counted in real recordings against those seen by eye."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.blinks import Count, blinks_of, compare, labels, sighting_of
from models.footage import frames_of
from realtime.config import FacesConfig
from realtime.cues.blink import BlinkWitness
from realtime.faces import FaceTracker
from realtime.types import FloatArray, Image
from tests.conftest import needs_data

pytestmark = needs_data

CLIPS = [
    "DeepFaceLive_input__Ava_de_Addario_2.mp4",
    "DeepFaceLive_input__David_Kovalniy_0.mp4",
    "alpyksl_lipreading__ofke.mp4",
    "liveportrait__d18.mp4",
    "tpsmm__driving.mp4",
]
"""Short ones with many blinks; `benchmarks.blinks` runs them all."""


@pytest.mark.parametrize(("step", "least"), [(1, 0.9), (2, 0.8)])
def test_blinks_are_those_seen_by_eye(videos: Path, step: int, least: float) -> None:
    seen = labels()
    counts = [compare(blinks_of(videos / "real" / name, step), seen[name]) for name in CLIPS]
    total = sum(counts, Count())
    assert total.found + total.missed == sum(label.clear for name in CLIPS for label in seen[name])
    assert total.f1 >= least, total


def test_labels_are_of_clips_that_exist(videos: Path) -> None:
    seen = labels()
    assert len(seen) >= 12
    assert sum(label.clear for own in seen.values() for label in own) >= 100
    for name, own in seen.items():
        assert (videos / "real" / name).is_file()
        assert all(label.from_s <= label.to_s for label in own)


@pytest.mark.parametrize("covered", ["glasses", "mask"])
def test_dark_glasses_and_a_mask_painted_on_a_face(videos: Path, covered: str) -> None:
    """Behind glasses nothing is said; over a mask the four blinks of this clip are counted."""
    witness, last = BlinkWitness(), 0.0
    with FaceTracker(FacesConfig()) as plain, FaceTracker(FacesConfig()) as tracker:
        for frame in frames_of(videos / "real" / "liveportrait__s20.mp4"):
            if frame.index % 2:
                continue
            bare = plain.track(frame)
            image = painted(frame.image, bare.landmarks[0], covered)
            faces = tracker.track(replace(frame, image=image))
            if len(faces) and faces.has_landmarks(0):
                witness.see(sighting_of(replace(frame, image=image), faces))
                last = frame.time_s
    cue = witness.cue(last)
    if covered == "glasses":
        assert "dark glasses" in cue.text
    else:
        assert cue.details["blinks"] == 4


def painted(image: Image, points: FloatArray, covered: str) -> Image:
    """The frame with black glasses or a pale mask over the face."""
    image = image.copy()
    if covered == "glasses":
        for a, b in ((33, 133), (362, 263)):
            middle = (points[a, :2] + points[b, :2]) / 2
            half = 0.95 * float(np.linalg.norm(points[a, :2] - points[b, :2]))
            axes = (round(half), round(0.8 * half))
            cv2.ellipse(image, np.int32(middle).tolist(), axes, 0, 0, 360, (25, 22, 20), -1)
    else:
        outline = points[[234, 195, 454, 361, 397, 378, 152, 149, 172, 132], :2]
        cv2.fillPoly(image, [outline.astype(np.int32)], (225, 220, 200))
    image.setflags(write=False)
    return image
