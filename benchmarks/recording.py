"""What it costs to gather, while a source is shown, what a report and feedback may need.

    python -m benchmarks.recording

Two minutes of results at 30 a second, each face scored four times a second, without the pipeline
that makes them: milliseconds a result, and how much memory is held at the end.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np

from realtime.types import VerdictState
from realtime.window.recording import Recording
from tests.unit.report_runs import frame_result, start

SECONDS: Final = 120
RATE: Final = 30
CASES: Final = (((1920, 1080), 1), ((1920, 1080), 8), ((3840, 2160), 2))


def main() -> None:
    """Print a line for each case."""
    print("size        people  crops  mean ms  p99 ms   max ms  report ms  held MB")
    for size, people in CASES:
        for crops in (False, True):
            print(_line(size, people, crops=crops))


def _line(size: tuple[int, int], people: int, *, crops: bool) -> str:
    recording = Recording()
    recording.keep_crops = crops
    recording.start(start(live=True, size=size))
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (size[1], size[0], 3), np.uint8)
    states = dict.fromkeys(range(1, people + 1), VerdictState.UNCERTAIN)
    taken = []
    before = _resident_mb()
    for index in range(SECONDS * RATE):
        result = frame_result(
            *(index, index / RATE, states),
            size=size,
            scored=index % 8 == 0,
            image=image,
            log_odds=float(random.normal()),
        )
        begun = time.perf_counter()
        recording.write(result)
        taken.append(1000 * (time.perf_counter() - begun))
    held = _resident_mb() - before
    begun = time.perf_counter()
    recording.run()
    run = 1000 * (time.perf_counter() - begun)
    mean, high, most = np.mean(taken), np.percentile(taken, 99), max(taken)
    return (
        f"{size[0]} × {size[1]}  {people:4}  {'yes' if crops else 'no':>6}  {mean:7.3f}  "
        f"{high:6.2f}  {most:7.1f}  {run:9.1f}  {held:7.1f}"
    )


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
