"""A tilted photograph and a head that turns, both from real recordings, and the rigid head."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from benchmarks.flat import photograph, said, tilted
from models.footage import frames_of
from realtime.config import FacesConfig
from realtime.cues import pose
from realtime.faces import FaceTracker
from tests.conftest import needs_data

pytestmark = needs_data


def test_a_tilted_photograph_is_flat(videos: Path) -> None:
    path = videos / "real" / "AniPortrait_driver__num18_driver.mp4"
    head, _ = said(tilted(photograph(path), 4, seconds=3.5))
    assert head.value is not None
    assert head.value < 0.65
    assert head.llr > 0


def test_a_head_that_turns_is_deep(videos: Path) -> None:
    path = videos / "real" / "DeepFaceLive_input__Ava_de_Addario_1.mp4"
    head, _ = said(islice(frames_of(path), 220))
    assert head.value is not None
    assert head.value > 1.0
    assert head.llr == 0


def test_faces_fit_the_rigid_head_and_turn_as_the_mesh_says(videos: Path) -> None:
    path = videos / "real" / "DeepFaceLive_input__Dean_Wiesel_1.mp4"
    with FaceTracker(FacesConfig()) as tracker:
        for frame in islice(frames_of(path), 90):
            faces = tracker.track(frame)
            size = (frame.image.shape[1], frame.image.shape[0])
            found = pose.solve(faces.landmarks[0], size)
            assert found is not None
            assert found.residual < 0.03
            assert found.yaw == pytest.approx(faces.quality[0].yaw, abs=12)
