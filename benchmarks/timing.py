"""What the timing of pictures tells of real clips, and of the same clips at other speeds.

    python -m benchmarks.timing --data DATA

Each clip of at least 5 s is seen as it is, then slowed down or sped up in two ways: by repeating
and leaving out pictures at its own rate, and by its time stamps alone. The pictures are not
compressed again.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from models import catalog
from models.console import exit_code
from realtime.config import SourceConfig
from realtime.cues.timing import TimingWatch
from realtime.sources import FileSource
from realtime.types import Cue, Frame

_SPEEDS: Final = (0.5, 0.75, 0.9, 1.25, 1.5)
_LONGEST: Final = 400
"""Pictures of a clip that are looked at, so that they fit in memory."""


def read(path: Path) -> list[Frame]:
    """The first pictures of a clip."""
    frames: list[Frame] = []
    with FileSource(path, SourceConfig()) as source:
        source.open()
        while len(frames) < _LONGEST and (frame := source.read()) is not None:
            frames.append(frame)
    return frames


def said(frames: Iterator[Frame]) -> Cue:
    """What is told at the end."""
    watch = TimingWatch()
    for frame in frames:
        watch.see(frame)
    return watch.cue()


def repeated(frames: Sequence[Frame], speed: float) -> Iterator[Frame]:
    """The clip at another speed and its own rate: the newest picture at every moment."""
    step = (frames[-1].time_s - frames[0].time_s) / (len(frames) - 1)
    for index in range(int(len(frames) / speed)):
        chosen = frames[min(len(frames) - 1, int(index * speed + 1e-9))]
        yield replace(chosen, pts_s=index * step, index=index)


def stamped(frames: Sequence[Frame], speed: float) -> Iterator[Frame]:
    """The clip at another speed by its time stamps."""
    for frame in frames:
        yield replace(frame, pts_s=frame.time_s / speed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.timing", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data folder with clips")
    options = parser.parse_args(arguments)

    def work() -> None:
        counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for clip in catalog.clips(options.data):
            frames = read(clip.path)
            if len(frames) < 2 or frames[-1].time_s - frames[0].time_s < 5.0:
                continue
            cases = {f"as it is, {'fake' if clip.fake else 'real'}": iter(frames)}
            if not clip.fake:
                for speed in _SPEEDS:
                    cases[f"{speed}, repeated or left out"] = repeated(frames, speed)
                    cases[f"{speed}, time stamps"] = stamped(frames, speed)
            for name, case in cases.items():
                cue = said(case)
                counts[name][0] += 1
                counts[name][1] += cue.assessable
                counts[name][2] += cue.assessable and cue.value != 1.0
        table = Table("clips", "seen", "could be judged", "called slowed or sped up")
        for name, row in counts.items():
            table.add_row(name, *(str(value) for value in row))
        Console().print(table)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
