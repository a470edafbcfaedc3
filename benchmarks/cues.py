"""What the witnesses beside the classifier cost, each and all together, and what they keep.

    python -m benchmarks.cues [--clip FILE] [--rounds N] [--json FILE]

The faces and scores of a clip are found once. Then the witnesses alone see them again and again,
as if the clip went on and on, on one core. Reported are milliseconds a frame with one face,
the median over rounds, with each witness alone and with all of them, beside what tracking costs
in the same run; and the memory that the witnesses of one track hold after one minute and after
ten. Sound is not among it: a face sees none of its cost.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import decode, track
from models.console import count, exit_code, write_json
from realtime.analysis import Analysis
from realtime.capture import FrameCounter
from realtime.config import Config, CuesConfig
from realtime.cues.watch import SourceCues
from realtime.scorer import load_scorer
from realtime.sources.synthetic import demo_clip
from realtime.types import Faces, Frame, Score

_NOT_OF_A_FACE: Final = ("fuse", "timing")

_PERIOD_S: Final = 0.05
"""Between the end of the clip and its next beginning."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One frame with what was found in it."""

    frame: Frame
    faces: Faces
    scores: Mapping[int, Score]


def look(clip: str, config: Config) -> tuple[list[Seen], float]:
    """The frames in which one face was tracked, and seconds a frame that tracking took."""
    frames, _ = decode(clip, config)
    faces, seconds = track(frames, config)
    found = []
    plain = replace(config, cues=_only(()))
    analysis = Analysis(load_scorer(config.scorer), plain, FrameCounter())
    for frame, seen in zip(frames, faces, strict=True):
        result = analysis.analyse(frame, seen)
        if len(seen) == 1:
            found.append(Seen(frame, seen, result.scores))
    return found, seconds / len(frames)


def cost(seen: Sequence[Seen], config: Config, seconds: float) -> float:
    """Seconds a frame that the witnesses take while ``seconds`` of the clip go by."""
    cues = SourceCues(config)
    frames = 0
    begin = time.perf_counter()
    for one in _endless(seen, seconds):
        cues.see(one.frame, one.faces, one.scores)
        frames += 1
    return (time.perf_counter() - begin) / frames


def held(seen: Sequence[Seen], config: Config, minutes: Sequence[float]) -> list[int]:
    """Bytes that the witnesses of one track hold after so many minutes each."""
    tracemalloc.start()
    try:
        cues = SourceCues(config)
        before, _ = tracemalloc.get_traced_memory()
        sizes: list[int] = []
        wanted = list(minutes)
        start = seen[0].frame.time_s
        for one in _endless(seen, 60.0 * wanted[-1] + 1):
            cues.see(one.frame, one.faces, one.scores)
            if one.frame.time_s - start >= 60.0 * wanted[len(sizes)]:
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0] - before)
                if len(sizes) == len(wanted):
                    break
        return sizes
    finally:
        tracemalloc.stop()


def measure(clip: str, rounds: int, seconds: float, minutes: Sequence[float]) -> dict[str, Any]:
    """Everything this benchmark reports."""
    config = Config()
    seen, track_s = look(clip, config)
    names = [
        f.name for f in fields(CuesConfig) if f.type == "bool" and f.name not in _NOT_OF_A_FACE
    ]
    chosen = {"none": (), **{name: (name,) for name in names}, "all": tuple(names)}
    settings = {name: replace(config, cues=_only(who)) for name, who in chosen.items()}
    taken: dict[str, list[float]] = {name: [] for name in settings}
    for _ in range(rounds):
        for name, own in settings.items():
            taken[name].append(cost(seen, own, seconds))
    sizes = held(seen, config, minutes)
    return {
        "frames": len(seen),
        "tracking_ms": round(1000 * track_s, 3),
        "ms_a_frame": {name: round(1000 * median(each), 3) for name, each in taken.items()},
        "bytes_held": {f"{m:g} min": size for m, size in zip(minutes, sizes, strict=True)},
    }


def _only(names: Sequence[str]) -> CuesConfig:
    every = [
        f.name for f in fields(CuesConfig) if f.type == "bool" and f.name not in _NOT_OF_A_FACE
    ]
    chosen: dict[str, Any] = {name: name in names for name in every}
    return replace(CuesConfig(), **chosen)


def _endless(seen: Sequence[Seen], seconds: float) -> Iterator[Seen]:
    """The same frames over and over, at ever later times, until ``seconds`` have gone by."""
    first, last = seen[0].frame.time_s, seen[-1].frame.time_s
    length, turn = last - first + _PERIOD_S, 0
    while True:
        for one in seen:
            shift = turn * length
            at = one.frame.time_s + shift
            if at - first > seconds:
                return
            scores = {i: replace(s, time_s=s.time_s + shift) for i, s in one.scores.items()}
            yield Seen(replace(one.frame, pts_s=at), one.faces, scores)
        turn += 1


def _print(found: Mapping[str, Any]) -> None:
    table = Table("witness", "ms a frame", title="What the witnesses cost, one face, one core")
    for name, value in found["ms_a_frame"].items():
        table.add_row(name, f"{value:.3f}")
    table.add_row("(tracking)", f"{found['tracking_ms']:.3f}")
    console = Console()
    console.print(table)
    for when, size in found["bytes_held"].items():
        console.print(f"held after {when}: {size / 1024:.0f} KiB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.cues", description=__doc__)
    parser.add_argument("--clip", type=Path, help="a video with one face; default: built in")
    parser.add_argument("--rounds", type=count, default=5)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the clip a round")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        clip = str(options.clip or demo_clip())
        found = measure(clip, options.rounds, options.seconds, (1.0, 10.0))
        _print(found)
        if options.json:
            write_json(options.json, found)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
