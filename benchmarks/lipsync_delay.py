"""Whether a delay of the voice that changes in mid-view is told, and none where nothing changes.

    python -m benchmarks.lipsync_delay --data DATA [--json FILE]

Every clip that talks for 5 s or more is played four times over, with its own sound, to the
witness that users run. Half way the sound becomes late, or early, by so much as each column says,
as if another program had taken over: silence comes in between, or a piece is missing. The first
column changes nothing, so that whatever is said there is false. The lines of the witness were
fitted on these clips (`benchmarks.lipsync`); when and how often a delay counts as changed was not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.lipsync_talks import seen_and_heard
from models import catalog
from models.console import exit_code, write_json
from realtime.cues.base import Sighting
from realtime.cues.lipsync import LipSyncWitness
from realtime.cues.sound import SAMPLE_HZ, Samples, Sound, why_not_speech
from realtime.errors import ConfigError

SHIFTS_S: Final = (0.0, 0.2, 0.3, -0.3, 0.4)
_TIMES: Final = 4
_SHORTEST_S: Final = 5.0
_EVERY_S: Final = 0.5
_PIECE: Final = SAMPLE_HZ // 10
_AHEAD_S: Final = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Sightings of the face that is seen longest, from 0, and ``samples`` for as long."""

    name: str
    fake: bool
    seen: tuple[Sighting, ...]
    samples: Samples


def talking(data: Path) -> list[Clip]:
    """Every clip of ``data`` in which somebody talks."""
    found = [talk(clip.path, fake=clip.fake) for clip in catalog.clips(data)]
    return [clip for clip in found if clip is not None]


def talk(path: Path, *, fake: bool) -> Clip | None:
    """That clip, None if nobody talks in it for long enough."""
    seen, ears, heard = seen_and_heard(path)
    if not seen or seen[-1].time_s - seen[0].time_s < _SHORTEST_S or why_not_speech(heard.known):
        return None
    samples = ears.samples(seen[0].time_s, seen[-1].time_s - seen[0].time_s)
    return Clip(path.stem, fake, tuple(seen), samples)


def told(clip: Clip, shift_s: float) -> float | None:
    """Seconds from the change to when it is told; None if it never is."""
    length = len(clip.samples) / SAMPLE_HZ
    whole = np.tile(clip.samples, _TIMES)
    half, gap = len(whole) // 2, round(abs(shift_s) * SAMPLE_HZ)
    between = np.zeros(gap if shift_s > 0 else 0)
    whole = np.concatenate((whole[:half], between, whole[half + (gap if shift_s < 0 else 0) :]))
    sound = Sound()
    witness = LipSyncWitness(lambda: sound)
    fed, asked = 0, -_EVERY_S
    for number in range(_TIMES):
        for one in clip.seen:
            now = one.time_s - clip.seen[0].time_s + number * length
            while fed < min(len(whole), (now + _AHEAD_S) * SAMPLE_HZ):
                sound.add(fed / SAMPLE_HZ, whole[fed : fed + _PIECE])
                fed += _PIECE
            witness.see(replace(one, time_s=now))
            if now - asked >= _EVERY_S:
                asked = now
                if witness.cue(now).llr > 0:
                    return now - half / SAMPLE_HZ
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.lipsync_delay", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data folder with clips")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        clips = talking(options.data)
        if not clips:
            raise ConfigError(f"No clip of {options.data} talks for {_SHORTEST_S:.0f} s.")
        rows = [
            {"clip": clip.name, "fake": clip.fake, **{f"{s:+g}": told(clip, s) for s in SHIFTS_S}}
            for clip in clips
        ]
        table = Table("clip", *(f"{shift:+g} s" for shift in SHIFTS_S), caption="told after s")
        for row in rows:
            delays = [row[f"{shift:+g}"] for shift in SHIFTS_S]
            words = ("-" if d is None else f"{d:.1f}" for d in delays)
            table.add_row(f"{row['clip']}{' (forged)' if row['fake'] else ''}", *words)
        Console().print(table)
        if options.json:
            write_json(options.json, rows)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
