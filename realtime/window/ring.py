"""The last minutes of live pictures, small and compressed, in bounded memory; nothing on disk.

A thread of its own compresses them. A `FrameResult` that was kept comes back at the reduced size
with everything that was drawn on it; what the witnesses said in detail is in the history.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from realtime.history import DETAIL_S
from realtime.types import Faces, FloatArray, FrameResult, Image, Score
from realtime.window.scaling import scale_into
from realtime.window.viewport import fit

log = logging.getLogger(__name__)

MAX_BYTES: Final = 64 * 2**20
"""Of all sources together."""
KEEP_S: Final = DETAIL_S
STEP_S: Final = 0.25
"""One source is kept so often, several more seldom: `MOST_HZ` pictures a second in all."""
MOST_HZ: Final = 16.0
GAP_S: Final = 1.5
"""Pictures that are further apart have a gap between them."""
_LARGEST: Final = (960, 960)
_QUALITY: Final = 85
_RESULT_BYTES: Final = 1000
_FACE_BYTES: Final = 1500
"""About what the objects of a result and of each of its faces take beside their arrays."""
_STOP_WAIT_S: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """One picture at ``time_s`` of ``time.monotonic()``; ``result`` has no pixels."""

    time_s: float
    jpeg: bytes
    result: FrameResult
    size: int

    def restore(self) -> FrameResult:
        """As it was, at the reduced size."""
        image = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        pixels: Image = np.asarray(image, np.uint8)
        pixels.setflags(write=False)
        return replace(self.result, frame=replace(self.result.frame, image=pixels))


class Ring:
    """The pictures of one source, the oldest first; safe to be used by several threads."""

    def __init__(self, keep_s: float, max_bytes: int) -> None:
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: deque[Held] = deque()
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes the pictures take."""
        return self._bytes

    @property
    def held(self) -> tuple[Held, ...]:
        """All of them."""
        with self._lock:
            return tuple(self._held)

    def add(self, held: Held) -> None:
        """Keep it, and let go of what is too old or too much."""
        with self._lock:
            self._held.append(held)
            self._bytes += held.size
            while self._held and (
                self._bytes > self._max_bytes or self._held[0].time_s < held.time_s - self._keep_s
            ):
                self._bytes -= self._held.popleft().size

    def nearest(self, time_s: float) -> Held | None:
        """The picture next to that moment, None without any."""
        return min(self.held, key=lambda held: abs(held.time_s - time_s), default=None)

    def beside(self, time_s: float, *, forward: bool) -> Held | None:
        """The next or the previous picture, None if there is none."""
        if forward:
            return next((held for held in self.held if held.time_s > time_s), None)
        return next((held for held in reversed(self.held) if held.time_s < time_s), None)

    def spans(self, gap_s: float = GAP_S) -> list[tuple[float, float]]:
        """From when to when there are pictures, without the gaps."""
        found: list[tuple[float, float]] = []
        for held in self.held:
            if found and held.time_s - found[-1][1] <= gap_s:
                found[-1] = (found[-1][0], held.time_s)
            else:
                found.append((held.time_s, held.time_s))
        return found


class Rings:
    """The pictures of all sources that are shown. `offer` returns at once, on any thread."""

    def __init__(
        self,
        max_bytes: int = MAX_BYTES,
        keep_s: float = KEEP_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._clock = clock
        self._changed = threading.Condition()
        self._rings: dict[str, Ring] = {}
        self._due: dict[str, float] = {}
        self._waiting: dict[str, FrameResult] = {}
        self._step_s = STEP_S
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def size(self) -> int:
        """How many bytes all pictures take."""
        return sum(ring.size for ring in self._rings.values())

    @property
    def step_s(self) -> float:
        """How far apart the pictures of a source are at least."""
        return self._step_s

    def start(self, source_ids: Iterable[str]) -> None:
        """Keep the pictures of these sources from now on, and none of others."""
        self.stop()
        ids = list(source_ids)
        each = self._max_bytes // max(1, len(ids))
        with self._changed:
            self._step_s = max(STEP_S, len(ids) / MOST_HZ)
            self._rings = {one: Ring(self._keep_s, each) for one in ids}
            self._stopping = threading.Event()

    def ring(self, source_id: str) -> Ring | None:
        """What is held of that source, None if it is not one of those."""
        return self._rings.get(source_id)

    def offer(self, source_id: str, result: FrameResult) -> None:
        """Keep this result if it is time for another."""
        now = self._clock()
        with self._changed:
            if source_id not in self._rings or now < self._due.get(source_id, now):
                return
            self._due[source_id] = now + self._step_s
            self._waiting[source_id] = result
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, args=(self._stopping,), name="fw-ring", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """Let go of everything; may be called again."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._stopping.set()
            self._waiting.clear()
            self._due.clear()
            self._rings = {}
            self._changed.notify_all()
        if thread is not None:
            thread.join(_STOP_WAIT_S)

    def _work(self, stopping: threading.Event) -> None:
        while True:
            with self._changed:
                while not self._waiting and not stopping.is_set():
                    self._changed.wait()
                if stopping.is_set():
                    return
                source_id = next(iter(self._waiting))
                result = self._waiting.pop(source_id)
                ring = self._rings.get(source_id)
            if ring is not None:
                self._keep(ring, result)
            del result  # or its picture would live on until the next one comes

    def _keep(self, ring: Ring, result: FrameResult) -> None:
        try:
            ring.add(hold(result))
        except (cv2.error, ValueError, np.linalg.LinAlgError) as exc:
            log.warning("a live picture was not kept: %s", type(exc).__name__)


def hold(result: FrameResult, largest: tuple[int, int] = _LARGEST) -> Held:
    """``result`` at a size of at most ``largest`` (width, height), compressed."""
    high, wide = result.frame.image.shape[:2]
    size = (wide, high)
    if wide > largest[0] or high > largest[1]:
        size = fit(wide, high, *largest)
    small: Image = np.empty((size[1], size[0], 3), np.uint8)
    scale_into(small, result.frame.image)
    done, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be compressed")
    data = jpeg.tobytes()
    kept = reduced(result, (size[0] / wide, size[1] / high))
    return Held(result.frame.captured_mono, data, kept, len(data) + _bytes_of(kept))


def reduced(result: FrameResult, scale: tuple[float, float]) -> FrameResult:
    """``result`` for a picture whose sides are so many times (x, y) those of its own, with the
    picture, the scores of this very frame and the words of the witnesses left out."""
    sx, sy = scale
    faces: Faces = result.faces
    four = np.array([sx, sy, sx, sy], np.float32)
    faces = replace(
        faces, boxes=faces.boxes * four, landmarks=faces.landmarks * np.array([sx, sy, sx], "f4")
    )
    heat = {i: _rescaled(score, scale) for i, score in result.heat.items()}
    frame = replace(result.frame, image=np.empty((0, 0, 3), np.uint8))
    return replace(
        result,
        frame=frame,
        faces=faces,
        scores={},
        heat=heat,
        cues={},
        ended=(),
        source_cues=(),
    )


def _rescaled(score: Score, scale: tuple[float, float]) -> Score:
    sx, sy = scale
    to_frame = np.array([[1 / sx, 0, 0.5 / sx - 0.5], [0, 1 / sy, 0.5 / sy - 0.5], [0, 0, 1]])
    to_crop: FloatArray = np.asarray(score.to_crop @ to_frame, np.float32)
    return replace(score, to_crop=to_crop)


def _bytes_of(result: FrameResult) -> int:
    faces = result.faces
    flat = _RESULT_BYTES + _FACE_BYTES * max(len(faces), len(result.verdicts))
    of_faces = faces.track_ids.nbytes + faces.boxes.nbytes + faces.confidence.nbytes
    maps = sum(score.cam.nbytes for score in result.heat.values() if score.cam is not None)
    return flat + of_faces + faces.landmarks.nbytes + maps
