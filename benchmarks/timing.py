"""What the timing of files tells of clips whose speed was changed, and of harmless conversions.

    python -m benchmarks.timing --data DATA [--chosen] [--folder FOLDER] [--json FILE]

Three tables. *Pictures*: six clips at five speeds, changed in four ways, at three rate factors of
x264, and harmless conversions of the same clips. *Sound*: seven sounds, stretched in three ways,
through four codecs. Neither kind of file holds the other stream, and each stream is judged by
itself, so that every combination of the two follows from both. *As they are*: every clip of DATA
of at least 3 s. The clips of the first two are not those that the constants were chosen on;
``--chosen`` takes the latter. Needs the command ffmpeg, and espeak-ng for one of the sounds; takes
some half an hour.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import timing_clips as clips
from models import catalog
from models.console import exit_code, write_json
from realtime.config import SourceConfig
from realtime.cues.sound import SAMPLE_HZ
from realtime.cues.stretch import CLEAR, Hearing
from realtime.cues.timing import SHORTEST_S, TimingWatch
from realtime.sources import FileSource
from realtime.types import Cue

Counts = dict[str, dict[str, list[int]]]


def said(path: Path) -> tuple[Cue, float]:
    """What is told of a file at its end, and its length in seconds."""
    with FileSource(path, SourceConfig()) as source:
        source.open()
        watch = TimingWatch(source.inspection())
        last = 0.0
        while (frame := source.read()) is not None:
            watch.see(frame)
            watch.cue()
            last = frame.time_s
        return watch.finish(), last


def heard(path: Path) -> tuple[bool, bool]:
    """Whether the sound of a file can be judged, and whether it is called stretched."""
    hearing = Hearing()
    resampler = av.AudioResampler("flt", "mono", SAMPLE_HZ)
    with closing(av.open(str(path))) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                if part.time is not None:
                    hearing.add(part.time, np.nan_to_num(part.to_ndarray()[0]))
    found = hearing.heard()
    return found.power is not None, found.stretched


def pictures(data: Path, names: Sequence[str], folder: Path) -> Counts:
    """For each change and rate factor: seen, could be judged, called, called with its speed."""
    counts: Counts = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    for copy in _copies(data, names, folder):
        changed = copy.method in clips.METHODS
        row = f"{copy.method}, {copy.speed:g}" if changed else copy.method
        cue, _ = said(copy.path)
        called = cue.value is not None and cue.value != 1.0
        right = called and any(
            f"{copy.speed:.3g}x" == word for word in cue.text.replace(",", "").split()
        )
        _add(counts[row][f"CRF {copy.factor}"], cue.assessable, called, right)
    return {row: dict(columns) for row, columns in counts.items()}


def sounds(data: Path, names: Sequence[str], folder: Path) -> Counts:
    """For each way, speed and codec: seen, could be judged, called stretched."""
    counts: Counts = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    for name in names:
        spoken = name in clips.SPEECH
        source = clips.spoken(name, folder) if spoken else clips.reduced(_path(data, name), folder)
        if source is None:
            continue
        for codec in clips.SOUNDS:
            cases = {"as it was": ("atempo", 1.0)}
            for how in clips.STRETCHES:
                cases.update({f"{how}, {speed:g}": (how, speed) for speed in clips.SPEEDS})
            for row, (how, speed) in cases.items():
                judged, called = heard(clips.stretched(source, speed, how, codec, folder))
                _add(counts[row][codec], judged, called, called)
    return {row: dict(columns) for row, columns in counts.items()}


def as_they_are(data: Path) -> tuple[Counts, list[dict[str, Any]]]:
    """Every clip that is long enough, and what was told of those where anything was found."""
    counts: Counts = {"as they are": {"real": [0, 0, 0, 0], "fake": [0, 0, 0, 0]}}
    told = []
    for clip in catalog.clips(data):
        cue, seconds = said(clip.path)
        if seconds < SHORTEST_S:
            continue
        called = cue.value != 1.0 or cue.details.get("sound_line", 0.0) >= CLEAR
        called = called and cue.assessable
        kind = "fake" if clip.fake else "real"
        _add(counts["as they are"][kind], cue.assessable, called, called)
        if cue.text != "no change of speed seen":
            told.append({"clip": clip.path.stem, "fake": clip.fake, "text": cue.text})
    return counts, told


def _copies(data: Path, names: Sequence[str], folder: Path) -> Iterator[clips.Copy]:
    for name in names:
        source = clips.reduced(_path(data, name), folder)
        for kind in clips.INNOCENT:
            yield from clips.innocent(source, kind, clips.RATE_FACTORS, folder)
        for method in clips.METHODS:
            for speed in clips.SPEEDS:
                yield from clips.slowed(source, speed, method, clips.RATE_FACTORS, folder)


def _path(data: Path, name: str) -> Path:
    return data / "videos" / "real" / f"{name}.mp4"


def _add(row: list[int], judged: bool, called: bool, right: bool) -> None:
    for i, value in enumerate((True, judged, called, right)):
        row[i] += value


def _show(title: str, counts: Mapping[str, Mapping[str, Sequence[int]]], console: Console) -> None:
    columns = list(dict.fromkeys(column for row in counts.values() for column in row))
    table = Table("", *columns, title=f"{title}: called changed (with its speed) of judged of all")
    for name, row in counts.items():
        cells = []
        for column in columns:
            seen, judged, called, right = row.get(column, (0, 0, 0, 0))
            cells.append(f"{called} ({right}) of {judged} of {seen}")
        table.add_row(name, *cells)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.timing", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data folder with clips")
    parser.add_argument("--chosen", action="store_true", help="the clips constants were chosen on")
    parser.add_argument("--folder", type=Path, help="keep the copies here, and take those there")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        clips.require_ffmpeg()
        seen = clips.CHOSEN_ON if options.chosen else clips.REPORTED_ON
        audible = clips.HEARD_TO_CHOOSE if options.chosen else clips.HEARD_TO_REPORT
        console = Console(width=120)
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            found = {
                "pictures": pictures(options.data, seen, folder),
                "sound": sounds(options.data, audible, folder),
            }
        found["as they are"], told = as_they_are(options.data)
        for title, counts in found.items():
            _show(title, counts, console)
        for clip in told:
            console.print(f"{clip['clip']}: {clip['text']}", markup=False)
        if options.json:
            write_json(options.json, {**found, "told": told})

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
