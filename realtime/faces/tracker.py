"""Finds faces now and then, follows each of them on every frame, and keeps their identity."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from realtime.closing import Closing
from realtime.config import FacesConfig
from realtime.faces.mediapipe_backend import (
    CLOSE_UP_MARGIN,
    FaceDetector,
    FaceMesher,
    merge_overlapping,
    same_detection,
    tile_regions,
)
from realtime.faces.quality import measure
from realtime.faces.tracks import (
    Track,
    assign,
    box_of,
    centre,
    distance,
    looks_distance,
    looks_of,
    overlap,
    same_place,
    side,
    within_reach,
)
from realtime.types import LANDMARK_COUNT, Faces, FloatArray, Frame, Image

Region = tuple[int, int, int, int]
"""``x, y, width, height`` in pixels."""

SEARCH_INTERVAL_S = 0.1
"""How often a track that has lost its face is looked for near where the face should be."""
CHECK_INTERVAL_S = 1.5
"""A followed face that the detector has not seen for longer is looked at by itself: the mesh can
stick to what is no longer a face."""
MAX_DOUBTS = 3
"""After so many such looks in vain it counts as no face."""
SHOW_WITHOUT_LANDMARKS = 3
"""A find without landmarks is only shown when the detector has seen it this often, so that
drawings and hands do not flicker."""
SURE_OF_NEW = 0.6
"""A new face is shown at once above this detector confidence, else when seen a second time."""
LOOKS_INTERVAL_S = 0.15
CROWDED = 1.6
"""Faces whose centres are nearer, in units of their side, may cover one another in part."""
OFF_CENTRE = 0.15
"""The mesh is inexact for a face that is farther from where it was expected, in units of its
side; then it runs once more."""
SURROUNDINGS = 3.0
"""Side of the square that is searched for a lost face, in units of the face."""
CUT_STEP = 25.0
"""Mean absolute change in grey levels between two thumbnails that makes a cut."""


class _Find(NamedTuple):
    """A face in this frame that no track follows yet."""

    box: FloatArray
    landmarks: FloatArray | None
    confidence: float


class FaceTracker(Closing):
    """Turns frames into `Faces`; for one thread at a time, frames in the order of their time.

    All intervals are media time (``Frame.time_s``), never frame counts. Every followed face
    costs one run of the mesh a frame; searching is spread so that a frame pays for at most one
    tile and one search for a lost face beside the whole-frame detection.
    """

    def __init__(self, config: FacesConfig | None = None) -> None:
        self._config = config or FacesConfig()
        self._detector = FaceDetector(self._config.min_confidence)
        self._mesher = FaceMesher()
        self._next_id = 1
        self._epoch: tuple[str, int] | None = None
        self._start_anew()

    def _start_anew(self) -> None:
        self._tracks: list[Track] = []
        self._now = -math.inf
        self._detected_s = -math.inf
        self._tiled_s = -math.inf
        self._tiles: list[Region] = []
        self._thumbnail: FloatArray | None = None

    def close(self) -> None:
        """Free the networks; may be called again."""
        self._detector.close()
        self._mesher.close()

    def track(self, frame: Frame) -> Faces:
        """The faces seen in this frame, at most ``max_faces``, oldest track first.

        A face without landmarks keeps the detector's last box until the detector looks again,
        at most 1.5 detection intervals. A face that is not seen is missing from the result; if
        it comes back within ``lost_after_s`` it keeps its id. A new epoch ends all tracks.
        """
        image, now = frame.image, frame.time_s
        if (frame.source_id, frame.epoch) != self._epoch or now < self._now:
            self._start_anew()
            self._epoch = (frame.source_id, frame.epoch)
        self._now = now
        cut = self._is_cut(image)
        self._tracks = [
            t
            for t in self._tracks
            if now - t.seen_s <= self._config.lost_after_s and t.doubts <= MAX_DOUBTS
        ]
        for track in self._tracks:
            track.cut_off = track.cut_off or cut
            track.visible = track.visible and not cut and self._follow(track, image)
        self._leave_doubles(image)
        self._search(image, cut)
        return _as_faces(image, [t for t in self._tracks if t.visible and t.shown])

    def _is_cut(self, image: Image) -> bool:
        rows, columns = (max(n // 24, 1) for n in image.shape[:2])
        thumbnail = image[rows // 2 :: rows, columns // 2 :: columns].mean(axis=2, dtype=np.float32)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is None or before.shape != thumbnail.shape:
            return True
        return float(np.abs(thumbnail - before).mean()) > CUT_STEP

    # Following

    def _follow(self, track: Track, image: Image) -> bool:
        """Find a face that the frame before has shown; False if it is not there any more."""
        if track.landmarks is None:
            if self._now - track.detected_s > 1.5 * self._config.detect_interval_s:
                return False
            track.seen_s = self._now
            return True
        expected = track.landmarks.copy()
        expected[:, :2] += track.shift(self._now)
        landmarks, presence = self._mesher.follow(image, expected)
        if landmarks is not None and distance(box_of(landmarks), box_of(expected)) > OFF_CENTRE:
            landmarks, presence = self._mesher.follow(image, landmarks)
        if landmarks is None:
            return False
        box = box_of(landmarks)
        ratio = side(box) / side(track.box)
        if not 0.6 < ratio < 1.6 or distance(box, track.predicted_box(self._now)) > 0.7:
            return False  # the mesh has jumped to something else
        self._accept(track, image, _Find(box, landmarks, presence))
        return True

    def _accept(self, track: Track, image: Image, find: _Find) -> None:
        """Let a track go on with what was found of it in this frame."""
        # Near another face the mesh may slide over to it: learn nothing lasting then.
        alone = not self._is_crowded(find.box, track)
        track.move_to(find.box, self._now, steady=alone)
        track.landmarks, track.confidence = find.landmarks, find.confidence
        if find.landmarks is None:
            return
        if track.looks is None or (alone and self._now - track.looked_s >= LOOKS_INTERVAL_S):
            track.remember(looks_of(image, find.landmarks), self._now)

    def _is_crowded(self, box: FloatArray, owner: Track | None = None) -> bool:
        """Whether another track's face is so near that it may cover this one."""
        return any(
            t is not owner and distance(box, t.predicted_box(self._now)) < CROWDED
            for t in self._tracks
            if t.visible or owner is not None
        )

    def _leave_doubles(self, image: Image) -> None:
        """Where two tracks have ended up on one face, leave it to the one that it belongs to."""
        seen = [t for t in self._tracks if t.visible]
        for i, a in enumerate(seen):
            for b in seen[i + 1 :]:
                if a.visible and b.visible and same_place(a.box, b.box):
                    _impostor(a, b, image).visible = False

    # Searching

    def _search(self, image: Image, cut: bool) -> None:
        """Run the detector where it is due, and sort what it finds into the tracks."""
        regions = self._regions(image, cut)
        if not regions:
            return
        found = [self._detector.detect_in(image, region) for region in regions]
        idle = not any(t.visible for t in self._tracks) and not any(len(b) for b, _ in found)
        if idle and self._detected_s == self._now:
            whole = (0, 0, image.shape[1], image.shape[0])
            found = [self._detector.detect_in(image, whole, margin=CLOSE_UP_MARGIN)]
        boxes = np.concatenate([b for b, _ in found])
        confidence = np.concatenate([c for _, c in found])
        finds: list[_Find] = []
        sure: list[float] = []
        meshed: list[FloatArray] = []
        bare: list[int] = []
        for i in np.argsort(-confidence, kind="stable"):
            if any(same_detection(boxes[i], box) for box in meshed):
                continue
            find = self._new_to_tracks(image, boxes[i], float(confidence[i]))
            if find is not None and find.landmarks is None:
                bare.append(i)  # a worse box of the same face may fit the mesh better
                continue
            meshed.append(boxes[i])
            if find is not None and not any(same_place(find.box, f.box) for f in finds):
                finds.append(find)
                sure.append(float(confidence[i]))
        for i in merge_overlapping(boxes[bare], confidence[bare]):
            if not any(same_detection(boxes[bare[i]], box) for box in meshed):
                sure.append(float(confidence[bare[i]]))
                finds.append(_Find(boxes[bare[i]], None, sure[-1]))
        self._sort_in(image, finds, sure)

    def _regions(self, image: Image, cut: bool) -> list[Region]:
        """What to search on this frame."""
        height, width = image.shape[:2]
        regions: list[Region] = []
        if cut or self._now - self._detected_s >= self._config.detect_interval_s:
            self._detected_s = self._now
            regions.append((0, 0, width, height))
        if cut or self._now - self._tiled_s >= self._config.tile_interval_s:
            self._tiled_s = self._now
            self._tiles = tile_regions(width, height)
        count = len(self._tiles) if cut else 1
        regions += self._tiles[:count]
        del self._tiles[:count]
        wanted = self._wanted()
        if wanted is not None:
            wanted.searched_s = self._now
            wanted.doubts += wanted.visible
            regions.append(_around(wanted.predicted_box(self._now), width, height))
        return regions

    def _wanted(self) -> Track | None:
        """The track whose face is most worth a search of its own now: lost ones first."""
        lost = [
            t
            for t in self._tracks
            if not t.visible and t.shown and self._now - t.searched_s >= SEARCH_INTERVAL_S
        ]
        unconfirmed = [
            t
            for t in self._tracks
            if t.visible and self._now - max(t.searched_s, t.detected_s) >= CHECK_INTERVAL_S
        ]
        return min(lost or unconfirmed, key=lambda t: t.searched_s, default=None)

    def _new_to_tracks(self, image: Image, box: FloatArray, sure: float) -> _Find | None:
        """What the detector has found, with landmarks; None if a track follows it already."""
        followed = [t for t in self._tracks if t.visible and t.landmarks is not None]
        near = [t for t in followed if distance(box, t.box) < 0.5 or overlap(box, t.box) > 0.4]
        if near:
            self._confirm(min(near, key=lambda t: distance(box, t.box)), sure)
            return None
        landmarks, presence = self._mesher.mesh(image, box)
        if landmarks is None:
            return _Find(box, None, sure)
        find = _Find(box_of(landmarks), landmarks, presence)
        for track in followed:
            if same_place(find.box, track.box):
                return None
        return find

    def _sort_in(self, image: Image, finds: list[_Find], sure: list[float]) -> None:
        """Continue lost tracks with finds, and begin tracks with the others."""
        free = [t for t in self._tracks if not t.visible or t.landmarks is None]
        looks = [None if f.landmarks is None else looks_of(image, f.landmarks) for f in finds]
        pairs = assign(free, [f.box for f in finds], looks, self._now)
        for i, find in enumerate(finds):
            if i in pairs:
                track = free[pairs[i]]
            elif self._may_begin(find, free):
                track = Track(self._next_id, find.box, None, 0.0, self._now)
                self._next_id += 1
                self._tracks.append(track)
            else:
                continue
            self._accept(track, image, find)
            self._confirm(track, sure[i])

    def _may_begin(self, find: _Find, free: list[Track]) -> bool:
        """Whether a find that continues no track should begin one.

        Not while it can be a lost face that comes out from behind another one: half covered,
        it does not look like itself yet.
        """
        if sum(t.visible for t in self._tracks) >= self._config.max_faces:
            return False
        lost = any(not t.visible and within_reach(t, find.box, self._now) for t in free)
        return not (lost and self._is_crowded(find.box))

    def _confirm(self, track: Track, sure: float) -> None:
        track.sight(self._now)
        if track.landmarks is None:
            track.shown = track.shown or track.sightings >= SHOW_WITHOUT_LANDMARKS
        else:
            track.shown = track.shown or track.sightings >= 2 or sure >= SURE_OF_NEW


def _impostor(a: Track, b: Track, image: Image) -> Track:
    """Which of two tracks on one face should give it up: the one that looks different."""
    if a.landmarks is None or b.landmarks is None:
        return a if a.landmarks is None else b
    if a.looks is None or b.looks is None or a.shown != b.shown:
        return b if a.shown or a.looks is not None else a
    looks = looks_of(image, a.landmarks)
    return b if looks_distance(looks, a.looks) <= looks_distance(looks, b.looks) else a


def _around(box: FloatArray, width: int, height: int) -> Region:
    """The square in which to search for a face of this size near this place."""
    reach = max(SURROUNDINGS * side(box), 96.0) / 2
    x, y = (float(v) for v in centre(box))
    left, top = (int(np.clip(v - reach, 0, n - 1)) for v, n in ((x, width), (y, height)))
    right, bottom = (int(np.clip(v + reach, 0, n)) for v, n in ((x, width), (y, height)))
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _as_faces(image: Image, tracks: list[Track]) -> Faces:
    if not tracks:
        return Faces.none()
    unknown = np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
    arrays = (
        np.array([t.id for t in tracks], np.int64),
        np.array([t.box for t in tracks], np.float32),
        np.array([t.confidence for t in tracks], np.float32),
        np.array([unknown if t.landmarks is None else t.landmarks for t in tracks], np.float32),
    )
    for array in arrays:
        array.flags.writeable = False
    quality = tuple(measure(image, t.box, t.landmarks, t.confidence) for t in tracks)
    return Faces(*arrays, quality)
