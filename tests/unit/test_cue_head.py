"""Pose of a rigid head, its depth in pixels, and what else is told of how it moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.cues import motion, parallax, pose
from realtime.cues.head import HeadWitness, evidence
from realtime.types import Cue, FloatArray, Image
from tests.unit.cue_faces import SIZE, landmarks, sighting, turn

FAR = 3.0


def times(seconds: float, rate_hz: float = 30.0, dropped: int = 0) -> Iterator[float]:
    for i in range(int(seconds * rate_hz)):
        if not dropped or i % dropped:
            yield i / rate_hz


@pytest.mark.parametrize("yaw", [-60.0, -25.0, 0.0, 40.0])
@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (20.0, -30.0), (-15.0, 50.0)])
def test_pose_is_found_again(yaw: float, pitch: float, roll: float) -> None:
    rotation = turn(yaw, pitch, roll)
    found = pose.solve(landmarks(rotation, (0.3, -0.2, 4.0)), SIZE)
    assert found is not None
    assert found.rotation == pytest.approx(rotation, abs=1e-3)
    assert found.translation == pytest.approx((0.3, -0.2, 4.0), abs=1e-2)
    assert found.residual < 1e-3


def test_angles_are_signed_as_in_quality_and_zero_for_who_looks_at_the_camera() -> None:
    for angles in ((30.0, 0.0, 0.0), (0.0, 20.0, 0.0), (0.0, 0.0, 25.0)):
        found = pose.solve(landmarks(turn(*angles)), SIZE)
        assert found is not None
        assert (found.yaw, found.pitch, found.roll) == pytest.approx(angles, abs=0.1)
    beside = math.degrees(math.atan2(1.0, 3.0))
    found = pose.solve(landmarks(turn(-beside), (1.0, 0.0, 3.0)), SIZE)
    assert found is not None
    assert found.yaw == pytest.approx(0.0, abs=0.2)


def test_landmarks_of_no_head_have_no_pose() -> None:
    points = landmarks()
    assert pose.solve(np.full_like(points, np.nan), SIZE) is None
    assert pose.solve(np.zeros_like(points), SIZE) is None
    scattered = np.random.default_rng(0).uniform(0, 400, points.shape).astype(np.float32)
    assert pose.solve(scattered, SIZE) is None


def test_noise_of_a_pixel_moves_the_pose_little() -> None:
    noise = np.random.default_rng(2)
    for _ in range(20):
        points = landmarks(turn(20, 5, 3), noise=noise.normal(0, 1.0, (478, 2)))
        found = pose.solve(points, SIZE)
        assert found is not None
        assert abs(found.yaw - 20) < 3
        assert 0 < found.residual < 0.02


def surface(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth of the mean head's front between its landmarks, smooth."""
    far = (x[..., None] - pose.HEAD[:, 0]) ** 2 + (y[..., None] - pose.HEAD[:, 1]) ** 2
    weight = 1 / (far + 0.003) ** 2
    return np.asarray((weight * pose.HEAD[:, 2]).sum(-1) / weight.sum(-1), np.float64)


_GRID = np.linspace(-0.9, 0.9, 181)
_DEPTH = surface(*np.meshgrid(_GRID, _GRID, indexing="ij")).astype(np.float32)
_RANDOM = np.random.default_rng(5)
_SKIN = cv2.GaussianBlur(_RANDOM.uniform(0, 255, (400, 400, 3)).astype(np.uint8), (0, 0), 3)
_SKIN = cv2.normalize(_SKIN, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)


def rendered(rotation: NDArray[np.float64], deep: bool) -> Image:
    """A head with a rough skin, in depth or painted on the plane of its middle."""
    rows, columns = np.mgrid[0 : SIZE[1] : 2, 0 : SIZE[0] : 2]
    rays = np.stack(
        [(columns - SIZE[0] / 2) / SIZE[0], (rows - SIZE[1] / 2) / SIZE[0], np.ones(rows.shape)],
        -1,
    )
    rays = rays @ rotation  # in head coordinates
    eye = -np.array([0, 0, FAR]) @ rotation
    depth = np.zeros(rows.shape)
    for _ in range(6 if deep else 1):
        at = eye + rays * ((depth - eye[2]) / rays[..., 2])[..., None]
        if deep:
            place = ((at[..., :2] + 0.9) * 100).astype(np.float32)
            depth = cv2.remap(
                _DEPTH,
                place[..., 0],
                place[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ).astype(np.float64)
    place = ((at[..., :2] + 0.9) * 400 / 1.8).astype(np.float32)
    picture = cv2.remap(
        _SKIN, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_LINEAR), np.uint8)


def shaken(
    frames: Iterable[float], deep: bool, angle: Callable[[float], float], *, hidden: bool = False
) -> Cue:
    """What is said of a head that turns; the mesh takes a flat one for a head in depth."""
    witness, t = HeadWitness(), 0.0
    for t in frames:
        rotation = turn(angle(t))
        image = rendered(rotation, deep)
        witness.see(sighting(t, landmarks(rotation, (0, 0, FAR)), image=image, hidden=hidden))
    return witness.cue(t)


def swing(t: float) -> float:
    return 16 * math.sin(2 * math.pi * t / 3)


@pytest.mark.parametrize(("rate_hz", "dropped"), [(30, 0), (25, 4), (8, 0)])
def test_depth_is_told_from_a_flat_picture(rate_hz: float, dropped: int) -> None:
    head = shaken(times(3.2, rate_hz, dropped), True, swing)
    flat = shaken(times(3.2, rate_hz, dropped), False, swing)
    assert head.value is not None
    assert flat.value is not None
    assert head.value > 0.8
    assert head.llr == 0.0
    assert flat.value < 0.5
    assert 0.4 < flat.llr <= 1.0
    assert "flat picture" in flat.text
    assert "flat" not in head.text


def test_a_plane_is_explained_and_a_head_is_not() -> None:
    plane = np.random.default_rng(1).uniform(-0.5, 0.5, (41, 2))
    full = np.column_stack([plane, np.zeros(41)])
    at = full @ turn(25, 10).T + (0.1, 0, 3)
    assert parallax.off_plane(plane, at[:, :2] / at[:, 2:] * 3) < 1e-3
    a, b = (pose.solve(landmarks(turn(y)), SIZE) for y in (0, 12))
    assert a is not None
    assert b is not None
    assert parallax.off_plane(parallax.projected(a), parallax.projected(b)) > 0.01


def test_evidence_is_bounded_and_depth_is_no_proof() -> None:
    assert evidence(0.0, 100) == 1.0
    assert [evidence(r, 100) for r in (0.65, 1.0, 5.0)] == [0.0, 0.0, 0.0]
    assert 0 < evidence(0.4, 2) < evidence(0.4, 4) == evidence(0.4, 50) <= 1.0


def test_a_still_head_is_not_judged_but_shown() -> None:
    cue = shaken(times(3, 15), True, lambda t: 0.5 * math.sin(t))
    assert not cue.assessable
    assert "hardly turned" in cue.text
    assert cue.details["yaw_range"] < 2
    assert "eye_head_correlation" not in cue.details


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ({"hidden": True}, "hidden"),  # a mask over most of the face, a profile, the dark
        ({"angle": lambda t: 60.0}, "turned away"),
    ],
)
def test_faces_that_cannot_be_judged(shown: dict[str, object], why: str) -> None:
    angle = shown.pop("angle", swing)
    cue = shaken(times(3, 15), True, angle, **shown)  # type: ignore[arg-type]
    assert not cue.assessable
    assert why in cue.text
    assert cue.seconds == 0.0


def test_a_clip_of_one_second_and_none_at_all() -> None:
    cue = shaken(times(1), True, swing)
    assert not cue.assessable
    assert "only 1" in cue.text or "only 0.9" in cue.text or "hardly" in cue.text
    assert not HeadWitness().cue(0.0).assessable


def test_turns_are_forgotten_and_memory_is_bounded() -> None:
    witness, t = HeadWitness(), 0.0
    for t in times(90, 12):
        rotation = turn(swing(t))
        witness.see(sighting(t, landmarks(rotation, (0, 0, FAR))))
    assert len(witness._follower.stretches) <= 64
    assert len(witness._samples) <= 10 * 30 + 1
    assert not witness.cue(t + 100).assessable


def test_closed_eyes_are_no_trouble() -> None:
    witness = HeadWitness()
    for t in times(4):
        rotation = turn(swing(t))
        witness.see(sighting(t, landmarks(rotation, (0, 0, FAR), (0.0, 0.0))))
    assert all(math.isfinite(v) for v in witness.cue(4.0).details.values())


@pytest.mark.parametrize("yaw", [-25, 0, 25])
def test_gaze_is_that_of_the_eye_in_the_head(yaw: float) -> None:
    points = landmarks(turn(yaw, 0, 15), gaze=0.12)
    found = pose.solve(points, SIZE)
    assert found is not None
    across, down = motion.gaze(points, found, SIZE[0])
    assert across == pytest.approx(0.12, abs=0.03)
    assert down == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("rate_hz", [8, 15, 30, 60])
def test_movement_is_measured_by_time(rate_hz: float) -> None:
    at = np.arange(0, 10, 1 / rate_hz)
    yaw = 15 * np.sin(2 * np.pi * at / 4)
    still = np.zeros_like(at)
    holding = np.column_stack([yaw, still, still, -0.01 * yaw, still])
    found = motion.movement(at, holding)
    assert found["yaw_range"] == pytest.approx(30, abs=2)
    assert found["pitch_range"] == 0.0
    assert found["speed"] == pytest.approx(15 * 2 * np.pi / 4 * 0.707, rel=0.1)
    assert found["eye_head_correlation"] == pytest.approx(-1.0, abs=0.01)
    leading = holding * (1, 1, 1, -1, 1)
    assert motion.movement(at, leading)["eye_head_correlation"] > 0.99
    assert motion.movement(at[:1], holding[:1]) == {}


def moved(points: FloatArray, scale: float, angle: float, shift: float) -> NDArray[np.float64]:
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    return np.asarray(points[:, :2] @ np.array([[c, s], [-s, c]]) + shift, np.float64)


def test_jitter_is_what_the_motion_of_the_box_does_not_explain() -> None:
    points = landmarks()[pose.RIGID]
    path = [moved(points, 1 + 0.1 * i, 0.2 * i, 7.0 * i) for i in range(3)]
    assert motion.unevenness(path[0], path[1], path[2]) < 1e-3
    noise = np.random.default_rng(4).normal(0, 1, path[1].shape)
    assert motion.unevenness(path[0], path[1] + noise, path[2]) == pytest.approx(1.4, abs=0.35)
