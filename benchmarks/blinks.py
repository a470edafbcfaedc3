"""Blinks that are counted against blinks that were seen by eye.

``python -m benchmarks.blinks --data DATA`` runs the tracker and the witness over the clips of
``tests/real/blinks.csv``, at their own rate and with every second frame. Labels are from contact
sheets of the eyes, one tile every 33 to 80 ms: when the lids were down by more than half. What
could not be told, such as a lowered gaze or a wink, is "unclear" and counts neither way.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.catalog import clips
from models.footage import frames_of, tracked
from realtime.config import Config
from realtime.cues.base import Sighting
from realtime.cues.blink import BlinkWitness
from realtime.cues.eyes import Blink
from realtime.cues.watch import sighting
from realtime.types import Faces, Frame

LABELS: Final = Path(__file__).resolve().parents[1] / "tests" / "real" / "blinks.csv"
TOLERANCE_S: Final = 0.1
"""A blink is found if it overlaps the closure that was seen, widened by this on both sides."""
CHOSEN_ON: Final = (0, 1)
"""The folds (`models.folds`) whose clips were looked at when constants were chosen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A closure that was seen by eye, from and to in seconds; ``clear`` if it is a blink."""

    from_s: float
    to_s: float
    clear: bool


@dataclass(frozen=True, slots=True)
class Count:
    """Blinks found, invented and missed."""

    found: int = 0
    invented: int = 0
    missed: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.found + other.found,
            self.invented + other.invented,
            self.missed + other.missed,
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing to find or invent."""
        total = 2 * self.found + self.invented + self.missed
        return 2 * self.found / total if total else 1.0


def labels(path: Path = LABELS) -> dict[str, list[Seen]]:
    """What was seen, by the name of the clip; also clips without a blink."""
    seen: dict[str, list[Seen]] = {}
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            own = seen.setdefault(row["file"], [])
            if row["what"] != "none":
                own.append(Seen(float(row["from_s"]), float(row["to_s"]), row["what"] == "blink"))
    return seen


def blinks_of(path: Path, step: int = 1) -> tuple[Blink, ...]:
    """What is counted in the clip's first face if the program sees every ``step``-th frame.

    Raises `SourceError` for a clip that cannot be read.
    """
    witness = BlinkWitness()
    for frame, faces in tracked(f for f in frames_of(path) if f.index % step == 0):
        if len(faces) and faces.has_landmarks(0):
            witness.see(sighting_of(frame, faces))
    return witness.blinks


def sighting_of(frame: Frame, faces: Faces) -> Sighting:
    """What a witness is shown of the first face, which has landmarks, as the program does."""
    return sighting(frame, faces, 0, None, Config().verdict)


def compare(found: Iterable[Blink], seen: Sequence[Seen]) -> Count:
    """Each clear closure may be found once; what overlaps an unclear one is not counted."""
    open_labels = [label for label in seen if label.clear]
    hits = invented = 0
    for blink in found:
        hit = next((label for label in open_labels if _overlap(blink, label)), None)
        if hit is not None:
            open_labels.remove(hit)
            hits += 1
        elif not any(_overlap(blink, label) for label in seen if not label.clear):
            invented += 1
    return Count(hits, invented, len(open_labels))


def _overlap(blink: Blink, label: Seen) -> bool:
    return blink.start_s <= label.to_s + TOLERANCE_S and blink.end_s >= label.from_s - TOLERANCE_S


def main() -> None:
    """Print a row for each clip and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/real")
    arguments = parser.parse_args()
    fold = {clip.path.name: clip.fold for clip in clips(arguments.data)}
    steps = (1, 2)
    sums = {(step, chosen): Count() for step in steps for chosen in (True, False)}
    print(f"{'clip':44} fold  all frames (found, invented, missed)  every second")
    for name, seen in labels().items():
        path = arguments.data / "videos" / "real" / name
        counts = [compare(blinks_of(path, step), seen) for step in steps]
        for step, count in zip(steps, counts, strict=True):
            sums[step, fold[name] in CHOSEN_ON] += count
        cells = "  ".join(f"{c.found:3} {c.invented:3} {c.missed:3}" for c in counts)
        print(f"{name:44} {fold[name]:4}  {cells}", flush=True)
    for (step, chosen), count in sums.items():
        which = "constants chosen on" if chosen else "the other clips"
        print(f"every {step}. frame, {which}: {count}, F1 {count.f1:.3f}")


if __name__ == "__main__":
    main()
