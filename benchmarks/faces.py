"""How many faces of a given size are found, and what following them costs.

    python -m benchmarks.faces ../shared/data [--photos 60] [--json faces.json]

Recall: real photos, scaled so that the landmark box is so many pixels wide, pasted one at a time
into a still 1920 × 1080 clip; a face counts as found if a track sits on it within two seconds.
Cost: processor time of the calling thread in milliseconds a frame, one to eight such faces
moving slowly, and in how many of the frames each was tracked.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from realtime.config import FacesConfig
from realtime.faces import FaceDetector, FaceMesher, FaceTracker
from realtime.faces.tracks import box_of, same_place
from realtime.types import Clock, Faces, FloatArray, Frame, Image

SIZES = (40, 60, 80, 120, 200)
RATE = 30.0


@dataclass(frozen=True, eq=False)
class Photo:
    """A real face, ``(H, W, 3)`` uint8 BGR, with its landmark box in pixels of the photo."""

    image: Image
    box: FloatArray

    def scaled(self, size: float) -> Photo:
        """So that the shorter side of the face's box is ``size`` pixels."""
        scale = size / float(self.box[2:].min())
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(self.image, None, fx=scale, fy=scale, interpolation=how)
        return Photo(np.asarray(image, np.uint8), (self.box * scale).astype(np.float32))


def load_photos(data: Path, count: int, *, min_size: float = 150) -> list[Photo]:
    """The first ``count`` photos, in the order of their names, with exactly one face in them."""
    with (data / "faces.csv").open(newline="") as table:
        names = sorted(
            row["file"] for row in csv.DictReader(table) if float(row["native_face_px"]) >= min_size
        )
    photos: list[Photo] = []
    with FaceDetector() as detector, FaceMesher() as mesher:
        for name in names:
            image = np.asarray(cv2.imread(str(data / "faces" / name)), np.uint8)
            margin = 40  # the detector wants surroundings, which these cuts do not have
            sides = ((margin, margin), (margin, margin), (0, 0))
            wide = np.pad(image, sides, constant_values=110)
            boxes, _ = detector.detect(wide)
            if len(boxes) != 1:
                continue
            landmarks, _ = mesher.mesh(wide, boxes[0])
            if landmarks is not None:
                box = box_of(landmarks) - np.array([margin, margin, 0, 0], np.float32)
                photos.append(Photo(image, box))
            if len(photos) == count:
                break
    return photos


def background(rng: np.random.Generator, *, noisy: bool) -> Image:
    """A plain or a noisy picture of 1920 × 1080."""
    if noisy:
        return rng.integers(70, 150, (1080, 1920, 3), dtype=np.uint8)
    return np.full((1080, 1920, 3), 110, np.uint8)


def paste(canvas: Image, photo: Photo, x: int, y: int) -> FloatArray:
    """Draw a photo with its corner at ``x, y``, clipped to the canvas; returns the face's box."""
    height, width = photo.image.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, canvas.shape[1]), min(y + height, canvas.shape[0])
    if right > left and bottom > top:
        canvas[top:bottom, left:right] = photo.image[top - y : bottom - y, left - x : right - x]
    return photo.box + np.array([x, y, 0, 0], np.float32)


def frame_of(image: Image, index: int, *, rate: float = RATE, epoch: int = 0) -> Frame:
    """A frame of a clip with a constant rate."""
    return Frame("scene", epoch, index, index / rate, 0.0, None, Clock.PTS, image)


def on_face(faces: Faces, box: FloatArray) -> int | None:
    """The id of the track on the face with this box, if there is one."""
    for track_id, found in zip(faces.track_ids, faces.boxes, strict=True):
        if same_place(found, box):
            return int(track_id)
    return None


def found_within(tracker: FaceTracker, image: Image, box: FloatArray, epoch: int) -> float | None:
    """After how many seconds of a still clip the face is tracked; None if not within two."""
    for index in range(int(2 * RATE) + 1):
        frame = frame_of(image, index, epoch=epoch)
        if on_face(tracker.track(frame), box) is not None:
            return frame.time_s
    return None


def recall(photos: Sequence[Photo], sizes: Sequence[int], *, noisy: bool) -> list[dict[str, Any]]:
    """How many of the photos are found at each size."""
    rng = np.random.default_rng(7)
    rows = []
    with FaceTracker(FacesConfig()) as tracker:
        epoch = 0
        for size in sizes:
            delays = []
            for photo in photos:
                scaled = photo.scaled(size)
                height, width = scaled.image.shape[:2]
                canvas = background(rng, noisy=noisy)
                x, y = int(rng.integers(0, 1920 - width)), int(rng.integers(0, 1080 - height))
                epoch += 1
                delays.append(found_within(tracker, canvas, paste(canvas, scaled, x, y), epoch))
            found = [d for d in delays if d is not None]
            rows.append(
                {
                    "size_px": size,
                    "noisy": noisy,
                    "photos": len(delays),
                    "found": len(found),
                    "found_on_first_frame": sum(d == 0 for d in found),
                }
            )
    return rows


def moving(photos: Sequence[Photo], seconds: float) -> Iterator[tuple[Frame, list[FloatArray]]]:
    """Up to eight faces that sway slowly in a 1280 × 720 clip, with their boxes."""
    places = [(40 + 310 * (i % 4), 40 + 340 * (i // 4)) for i in range(len(photos))]
    for index in range(int(seconds * RATE)):
        canvas = np.full((720, 1280, 3), 110, np.uint8)
        shift = round(20 * np.sin(index / RATE * 2))
        boxes = [
            paste(canvas, photo, x + shift, y) for photo, (x, y) in zip(photos, places, strict=True)
        ]
        yield frame_of(canvas, index), boxes


def cost(photos: Sequence[Photo], count: int, seconds: float = 6.0) -> dict[str, Any]:
    """What following ``count`` faces at 1280 × 720 costs."""
    spent: list[float] = []
    tracked = total = 0
    with FaceTracker(FacesConfig()) as tracker:
        for frame, boxes in moving([p.scaled(110) for p in photos[:count]], seconds):
            start = time.thread_time()
            faces = tracker.track(frame)
            spent.append((time.thread_time() - start) * 1e3)
            tracked += sum(on_face(faces, box) is not None for box in boxes)
            total += len(boxes)
    return {
        "faces": count,
        "mean_ms": round(float(np.mean(spent)), 2),
        "median_ms": round(float(np.median(spent)), 2),
        "p99_ms": round(float(np.percentile(spent, 99)), 2),
        "tracked": round(tracked / total, 4),
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = [names, *([str(row[n]) for n in names] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join(
        "  ".join(v.rjust(w) for v, w in zip(line, widths, strict=True)) for line in lines
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both measurements, print tables, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("data", type=Path, help="folder with faces/ and faces.csv")
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    photos = load_photos(options.data, options.photos)
    result = {
        "recall": [row for noisy in (False, True) for row in recall(photos, SIZES, noisy=noisy)],
        "cost": [cost(photos, count) for count in (1, 2, 4, 8)],
    }
    for rows in result.values():
        print(_table(rows), end="\n\n")
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
