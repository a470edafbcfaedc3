"""Pictures without a camera, and detectors without a network that know who is in them.

Every picture carries its source and its time in its first pixels, from which the detectors read
who is where. What they find goes through the real tracker.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple
from unittest import mock

import cv2
import numpy as np
import skimage.data

from realtime.faces import FaceTracker, tracker
from realtime.faces.tracks import box_of, centre, distance
from realtime.types import Clock, FloatArray, Frame, Image

SIZE: Final = (384, 128)
LANES: Final = (64, 320)
"""Where faces come and go, one at a time in each; too far apart for one to be taken for another
that has moved."""
FACE: Final = 64
"""Pixels across a face."""
STAY_S: Final = (2.5, 8.0)
AWAY_S: Final = (3.0, 40.0)
"""Longer than any track outlives its face."""
_MARK: Final = struct.Struct("<id")
_MARGIN: Final = 10


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face cut out of a picture, and its landmarks ``(478, 3)`` in the cut."""

    image: Image
    landmarks: FloatArray


class Person(NamedTuple):
    """Somebody in a picture: which visit it is, of how many, and where the landmarks are."""

    visit: tuple[int, int]
    landmarks: FloatArray


def portrait() -> Portrait:
    """A public-domain face, measured once by the real networks."""
    astronaut: Callable[[], Image] = skimage.data.astronaut
    image = np.ascontiguousarray(astronaut()[:300, 60:380, ::-1])
    image.setflags(write=False)
    with FaceTracker() as real:
        found = real.track(Frame("portrait", 0, 0, 0.0, 0.0, None, Clock.PTS, image))
    x, y, width, height = found.boxes[0].astype(int).tolist()
    left, top = x - _MARGIN, y - _MARGIN
    cut = image[top : y + height + _MARGIN, left : x + width + _MARGIN]
    scale = FACE / width
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    landmarks = (found.landmarks[0] - np.array([left, top, 0], np.float32)) * np.float32(scale)
    return Portrait(np.asarray(small, np.uint8), landmarks)


class Scene:
    """Who is in front of one camera when, over ``seconds``; always the same for one ``number``."""

    def __init__(self, number: int, seconds: float, face: Portrait) -> None:
        self.number = number
        self._face = face
        self._newest: tuple[float, list[Person]] = (-1.0, [])
        random = np.random.default_rng(number)
        self._stays = [list(_stays(random, seconds)) for _ in LANES]
        self._starts = [[begin for begin, _ in stays] for stays in self._stays]
        width, height = SIZE
        self._walls = [
            random.integers(60, 180, (height, width, 3)).astype(np.uint8) for _ in range(8)
        ]
        # Darker to brighter, so that the model says all that it can say.
        self._looks = [
            np.clip(face.image * gain, 0, 255).astype(np.uint8) for gain in np.linspace(0.5, 1.7, 9)
        ]

    def people(self, time_s: float) -> list[Person]:
        """Everybody who is there."""
        if time_s != self._newest[0]:
            self._newest = time_s, self._find(time_s)
        return self._newest[1]

    def _find(self, time_s: float) -> list[Person]:
        there = []
        for lane, x in enumerate(LANES):
            visit = bisect_right(self._starts[lane], time_s) - 1
            if visit >= 0 and time_s < self._stays[lane][visit][1]:
                corner = self._corner(x, time_s)
                move = np.array([*corner, 0], np.float32)
                there.append(Person((lane, visit), self._face.landmarks + move))
        return there

    def picture(self, time_s: float) -> Image:
        """``(128, 384, 3)``, read-only."""
        image = self._walls[int(time_s * 1000) % len(self._walls)].copy()
        height, width = self._face.image.shape[:2]
        for (lane, visit), _ in self.people(time_s):
            left, top = self._corner(LANES[lane], time_s)
            look = self._looks[(7 * visit + lane) % len(self._looks)]
            image[top : top + height, left : left + width] = look
        mark = _MARK.pack(self.number, time_s)
        image[0, : len(mark) // 3].reshape(-1)[:] = np.frombuffer(mark, np.uint8)
        image.setflags(write=False)
        return image

    def _corner(self, x: int, time_s: float) -> tuple[int, int]:
        height, width = self._face.image.shape[:2]
        sway = 6 * math.sin(1.7 * time_s)
        return round(x - width / 2 + sway), round((SIZE[1] - height) / 2 + sway / 2)


def _stays(random: np.random.Generator, seconds: float) -> Iterator[tuple[float, float]]:
    now = 0.0
    while True:
        begin = now + random.uniform(*AWAY_S)
        now = begin + random.uniform(*STAY_S)
        if now >= seconds:
            return
        yield begin, now


_scenes: dict[int, Scene] = {}


def _people(image: Image) -> list[Person]:
    number, time_s = _MARK.unpack(image[0, : _MARK.size // 3].tobytes())
    return _scenes[number].people(time_s)


class KnowingDetector:
    """Finds the faces that the scene has, as `FaceDetector` would."""

    def __init__(self, min_confidence: float = 0.5) -> None:
        self.min_confidence = min_confidence

    def detect_in(
        self, image: Image, region: tuple[int, int, int, int], **_margin: float
    ) -> tuple[FloatArray, FloatArray]:
        """Boxes ``(N, 4)`` and confidences ``(N,)`` of faces whose middle is in the region."""
        left, top, width, height = region
        boxes = []
        for person in _people(image):
            box = box_of(person.landmarks)
            x, y = centre(box)
            if left <= x < left + width and top <= y < top + height:
                boxes.append(box)
        return np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32)

    def close(self) -> None:
        """Nothing to free."""


class KnowingMesher:
    """Finds the landmarks that the scene has, as `FaceMesher` would."""

    def mesh(self, image: Image, box: FloatArray) -> tuple[FloatArray | None, float]:
        """The landmarks of the face in ``box`` and how sure that is, None if there is none."""
        near = [p for p in _people(image) if distance(box_of(p.landmarks), box) < 0.5]
        return (near[0].landmarks.copy(), 0.98) if near else (None, 0.1)

    def follow(self, image: Image, landmarks: FloatArray) -> tuple[FloatArray | None, float]:
        """The same near earlier landmarks."""
        return self.mesh(image, box_of(landmarks))

    def close(self) -> None:
        """Nothing to free."""


@contextmanager
def knowing(scenes: list[Scene]) -> Iterator[None]:
    """Trackers that are built meanwhile know these scenes instead of asking networks."""
    with (
        mock.patch.dict(_scenes, {scene.number: scene for scene in scenes}, clear=True),
        mock.patch.object(tracker, "FaceDetector", KnowingDetector),
        mock.patch.object(tracker, "FaceMesher", KnowingMesher),
    ):
        yield
