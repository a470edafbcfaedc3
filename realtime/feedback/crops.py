"""Pictures of faces while a run goes on, in bounded memory, for feedback that may keep some."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from realtime.feedback.records import Crop, around
from realtime.types import FrameResult, Image

MOST: Final = 8
"""Pictures of one person, spread over the time that it was seen."""
MAX_BYTES: Final = 24_000_000
"""Of one source, as pixels: to compress them takes longer than a frame may. Who was seen last is
kept."""
FIRST_STEP_S: Final = 1.0


@dataclass(slots=True)
class _Series:
    """One picture a step of time; of too many every second goes and the step doubles."""

    taken: list[tuple[float, Image]] = field(default_factory=list)
    step_s: float = FIRST_STEP_S

    def due(self, time_s: float) -> bool:
        return not self.taken or time_s - self.taken[-1][0] >= self.step_s

    def add(self, time_s: float, part: Image) -> None:
        self.taken.append((time_s, part))
        if len(self.taken) > MOST:
            self.thin()

    def thin(self) -> None:
        self.taken = self.taken[::2]
        self.step_s *= 2

    @property
    def size(self) -> int:
        return sum(part.nbytes for _, part in self.taken)


class CropGathering:
    """Faces of every person of a run; used by one thread at a time."""

    def __init__(self) -> None:
        self._people: dict[int, _Series] = {}

    def add(self, result: FrameResult, time_s: float) -> None:
        """Keep what is worth it of a result that came ``time_s`` seconds into its source."""
        for track_id, box in zip(result.faces.track_ids.tolist(), result.faces.boxes, strict=True):
            # Taken out and put back: those who are seen now stand at the end.
            series = self._people.pop(track_id, None) or _Series()
            self._people[track_id] = series
            if series.due(time_s):
                try:
                    part = around(result.frame.image, box)
                except ValueError:
                    continue
                series.add(time_s, part.copy())
                self._make_room(track_id)

    def of(
        self, track_id: int, span: tuple[float, float] | None = None
    ) -> tuple[tuple[float, Image], ...]:
        """Times and pictures of one person, or those of them within ``span``, in seconds of the
        source; `Crop.whole` takes each."""
        series = self._people.get(track_id)
        taken = () if series is None else tuple(series.taken)
        if span is None:
            return taken
        return tuple(one for one in taken if span[0] <= one[0] <= span[1])

    def clear(self) -> None:
        """Forget all."""
        self._people.clear()

    def _make_room(self, spared: int) -> None:
        while sum(series.size for series in self._people.values()) > MAX_BYTES:
            oldest = next(iter(self._people))
            if oldest != spared:
                del self._people[oldest]
            elif len(self._people[oldest].taken) > 1:
                self._people[oldest].thin()
            else:
                return


def crop_of(result: FrameResult, track_id: int, time_s: float) -> Crop | None:
    """The face of that person in this result; None if it is not in the picture."""
    places = np.flatnonzero(result.faces.track_ids == track_id)
    if not len(places):
        return None
    try:
        return Crop.of(time_s, result.frame.image, result.faces.boxes[places[0]])
    except ValueError:
        return None
