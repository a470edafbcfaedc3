"""Pictures of faces while a run goes on, in bounded memory, for feedback that may keep some."""

from __future__ import annotations

from typing import Final

import numpy as np

from realtime.feedback.records import Crop
from realtime.types import FloatArray, FrameResult

MOST: Final = 8
"""Pictures of one person, spread over the time that it was seen."""
MAX_BYTES: Final = 32_000_000
"""Of one source; who was seen last is kept."""
FIRST_STEP_S: Final = 1.0


class _Series:
    """One picture a step of time; of too many every second goes and the step doubles."""

    def __init__(self) -> None:
        self.crops: list[Crop] = []
        self.step_s = FIRST_STEP_S

    def due(self, time_s: float) -> bool:
        return not self.crops or time_s - self.crops[-1].time_s >= self.step_s

    def add(self, crop: Crop) -> None:
        self.crops.append(crop)
        if len(self.crops) > MOST:
            self.crops = self.crops[::2]
            self.step_s *= 2

    @property
    def size(self) -> int:
        return sum(len(crop.png or b"") for crop in self.crops)


class CropGathering:
    """Crops of every person of a run; used by one thread at a time."""

    def __init__(self) -> None:
        self._people: dict[int, _Series] = {}

    def add(self, result: FrameResult, time_s: float) -> None:
        """Keep what is worth it of a result that came ``time_s`` seconds into its source."""
        for track_id, box in zip(result.faces.track_ids.tolist(), result.faces.boxes, strict=True):
            # Taken out and put back: those who are seen now stand at the end.
            series = self._people.pop(track_id, None) or _Series()
            self._people[track_id] = series
            if series.due(time_s):
                crop = crop_of(result, track_id, time_s, box)
                if crop is not None:
                    series.add(crop)
                    self._make_room(track_id)

    def of(self, track_id: int, span: tuple[float, float] | None = None) -> tuple[Crop, ...]:
        """Those of one person, or of that within ``span`` seconds of the source."""
        series = self._people.get(track_id)
        crops = () if series is None else tuple(series.crops)
        if span is None:
            return crops
        return tuple(crop for crop in crops if span[0] <= crop.time_s <= span[1])

    def clear(self) -> None:
        """Forget all."""
        self._people.clear()

    def _make_room(self, spared: int) -> None:
        while sum(series.size for series in self._people.values()) > MAX_BYTES:
            oldest = next(iter(self._people))
            if oldest == spared:
                self._people[oldest].crops = self._people[oldest].crops[-1:]
                return
            del self._people[oldest]


def crop_of(
    result: FrameResult, track_id: int, time_s: float, box: FloatArray | None = None
) -> Crop | None:
    """The face of that person in this result; None if it is not in the picture."""
    if box is None:
        places = np.flatnonzero(result.faces.track_ids == track_id)
        if not len(places):
            return None
        box = result.faces.boxes[places[0]]
    try:
        return Crop.of(time_s, result.frame.image, box)
    except ValueError:
        return None
