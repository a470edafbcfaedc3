"""Whether a sound that was shifted or exchanged is told from the one that belongs to a mouth.

    python -m benchmarks.lipsync --data DATA [--json FILE]

Of every clip that talks, windows of 8 s are compared with their own sound, with it shifted by
200 and 500 ms either way, and with the sound of every other clip that talks. The projection of
the mouth is fitted without the clips of the same recording. Single words of one speaker, too
short for a window, are joined. Forgeries that a voice drives talk as well as people do, so they
serve as material here and are told apart in the table.

Three tables. *As recorded* takes every clip as it is; only that one says what a shift is worth on
a clip that nobody looked at. *Aligned* first takes off the constant delay of clips whose whole
length goes with its own sound at 0.35 or better. *Fitting* holds those clips alone; they were
chosen by the very measure that is then reported, with their right sound, so it says how well a
relation that is there is lost again and is no estimate for other clips.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models import catalog
from models.catalog import Clip
from models.console import exit_code, write_json
from models.footage import frames_of, tracked
from realtime.config import SourceConfig
from realtime.cues import mouth
from realtime.cues.mouth import MAX_LAG_S, Sync
from realtime.cues.sound import FEATURE_HZ, Heard, syllables, why_not_speech
from realtime.errors import ConfigError
from realtime.evaluation.metrics import auc, bootstrap_groups, estimate
from realtime.sources.audio import FileSound

FloatArray = NDArray[np.float64]

WINDOW_S: Final = 8.0
_HOP_S: Final = 2.0
_SHORTEST_S: Final = 5.0
_JOINED: Final = "alpyksl_lipreading"
_RIDGE: Final = 0.1
_FITS: Final = 0.35
_STILL: Final = 0.01
_PAD: Final = round(MAX_LAG_S * FEATURE_HZ)


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A mouth and its sound: ``features`` ``(N, 8)``, ``level`` and ``voicing`` ``(N,)``."""

    name: str
    recording: str
    fake: bool
    features: FloatArray
    level: FloatArray
    voicing: FloatArray
    own_lag_s: float = 0.0
    own_peak: float = 0.0

    def heard(self, begin: int, count: int) -> Heard:
        """A stretch of its sound, going round at the ends."""
        places = np.arange(begin, begin + count) % len(self.level)
        return Heard(0.0, self.level[places], self.voicing[places])


def talks(data: Path) -> list[Talk]:
    """Every clip that talks for at least 5 s, words of one speaker joined."""
    single: list[Talk] = []
    words: list[Talk] = []
    for clip in catalog.clips(data):
        found = _talk(clip)
        if found is None:
            continue
        (words if clip.kind == _JOINED else single).append(found)
    if words:
        single.append(
            replace(
                words[0],
                name=f"{_JOINED}, {len(words)} words joined",
                features=np.concatenate([w.features for w in words]),
                level=np.concatenate([w.level for w in words]),
                voicing=np.concatenate([w.voicing for w in words]),
            )
        )
    return [talk for talk in single if len(talk.level) >= _SHORTEST_S * FEATURE_HZ]


def _talk(clip: Clip) -> Talk | None:
    sound = FileSound(str(clip.path), SourceConfig())
    try:
        times, shapes = _mouth(clip.path)
        if len(times) < 10 or times[-1] - times[0] < 2.0:
            return None
        begin, end = float(times[0]), float(times[-1])
        heard = sound.sound.between(begin, end)
    finally:
        sound.close()
    good = int(np.isfinite(heard.level).sum())
    if good < len(heard.level) - FEATURE_HZ:
        return None
    heard = Heard(begin, heard.level[:good], heard.voicing[:good])
    if why_not_speech(heard):
        return None
    features = mouth.motion(times, shapes, begin, begin + good / FEATURE_HZ)
    if shapes[:, 0].std() < _STILL:
        return None
    return Talk(clip.path.stem, clip.group, clip.fake, features, heard.level, heard.voicing)


def _mouth(path: Path) -> tuple[FloatArray, FloatArray]:
    """Times ``(K,)`` and shapes ``(K, 4)`` of the face that is seen longest."""
    found: defaultdict[int, list[tuple[float, tuple[float, ...]]]] = defaultdict(list)
    for frame, faces in tracked(frames_of(path)):
        for i, track in enumerate(faces.track_ids.tolist()):
            if faces.has_landmarks(i):
                found[track].append((frame.time_s, mouth.shape(faces.landmarks[i])))
    longest = max(found.values(), key=len, default=[])
    return np.array([t for t, _ in longest]), np.array([s for _, s in longest]).reshape(-1, 4)


def projection(own: Sequence[Talk]) -> FloatArray:
    """Ridge regression of the swell of speech on the motion of the mouth, a clip one vote."""
    gram, aim = np.zeros((8, 8)), np.zeros(8)
    for talk in own:
        swell = syllables(talk.level)
        swell = mouth.standard(np.roll(swell, -round(talk.own_lag_s * FEATURE_HZ)))
        gram += talk.features.T @ talk.features / len(swell)
        aim += talk.features.T @ swell / len(swell)
    return np.asarray(np.linalg.solve(gram + _RIDGE * len(own) * np.eye(8), aim))


def windows(talk: Talk) -> list[tuple[int, int]]:
    """Begin and end of each window, the whole of a clip that is shorter than one."""
    length = round(WINDOW_S * FEATURE_HZ)
    if len(talk.level) <= length:
        return [(0, len(talk.level))]
    return [
        (i, i + length) for i in range(0, len(talk.level) - length + 1, round(_HOP_S * FEATURE_HZ))
    ]


def syncs(talk: Talk, weights: FloatArray, sound: Talk, shift_s: float = 0.0) -> list[Sync]:
    """Each window of a mouth against a sound that is late by ``shift_s``."""
    shift = round((shift_s - sound.own_lag_s) * FEATURE_HZ)
    found = []
    for begin, end in windows(talk):
        line = mouth.standard(talk.features[begin:end]) @ weights
        heard = sound.heard(begin - _PAD - shift, end - begin + 2 * _PAD)
        found.append(mouth.compare(line, heard))
    return found


def fitting(found: Sequence[Talk]) -> list[Talk]:
    """The clips with how their whole length fits their sound, by a projection of the others."""
    out = []
    for talk in found:
        line = talk.features @ projection([t for t in found if t.recording != talk.recording])
        sync = mouth.compare(line, talk.heard(-_PAD, len(line) + 2 * _PAD))
        clear = sync.peak >= _FITS
        out.append(replace(talk, own_lag_s=sync.lag_s if clear else 0.0, own_peak=sync.peak))
    return out


def measure(found: Sequence[Talk]) -> dict[str, Any]:
    """Every condition over the clips of ``found``, and the projection of all of them."""
    rows: dict[str, list[tuple[Talk, list[Sync]]]] = defaultdict(list)
    for talk in found:
        weights = projection([t for t in found if t.recording != talk.recording])
        rows["own"].append((talk, syncs(talk, weights, talk)))
        for shift in (0.2, 0.5):
            late = syncs(talk, weights, talk, shift) + syncs(talk, weights, talk, -shift)
            rows[f"shifted {1000 * shift:.0f} ms"].append((talk, late))
        others = [t for t in found if t.recording != talk.recording]
        swapped = [s for other in others for s in syncs(talk, weights, other)]
        rows["another clip's"].append((talk, swapped))
    return {
        "talking": [
            {
                "clip": t.name,
                "fake": t.fake,
                "seconds": len(t.level) / FEATURE_HZ,
                "whole_peak": round(t.own_peak, 3),
                "own_lag_ms": round(1000 * t.own_lag_s),
                **_mean(own),
            }
            for t, own in rows["own"]
        ],
        "conditions": {
            name: {
                "out_of_time": _areas(rows["own"], changed, _out_of_time),
                "unrelated": _areas(rows["own"], changed, _unrelated),
            }
            for name, changed in rows.items()
            if name != "own"
        },
        "projection": projection(found).round(3).tolist(),
        "peaks": {
            name: _quantiles([s.peak for _, own in each for s in own])
            for name, each in rows.items()
        },
    }


def _out_of_time(sync: Sync) -> float:
    return sync.away - sync.near


def _unrelated(sync: Sync) -> float:
    return -sync.peak


def _areas(own: Any, changed: Any, measure: Any) -> dict[str, Any]:
    return {
        "all": _area(own, changed, measure),
        "people": _area(
            [o for o in own if not o[0].fake], [c for c in changed if not c[0].fake], measure
        ),
    }


def _area(own: Any, changed: Any, measure: Any) -> dict[str, Any] | None:
    groups = [
        (np.array([measure(s) for s in a]), np.array([measure(s) for s in b]))
        for (_, a), (_, b) in zip(own, changed, strict=True)
    ]
    if not groups:
        return None
    real, fake = (np.concatenate([g[i] for g in groups]) for i in (0, 1))
    found = estimate(auc(real, fake), bootstrap_groups(groups, auc))
    return None if found is None else {**found, "windows": len(real), "clips": len(groups)}


def _mean(own: Sequence[Sync]) -> Mapping[str, float]:
    return {
        "peak": round(float(np.mean([s.peak for s in own])), 3),
        "lag_ms": round(1000 * float(np.median([s.lag_s for s in own]))),
    }


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(q), 3) for q in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95, 1))]


def _words(area: Mapping[str, Any] | None) -> str:
    if area is None:
        return "none"
    return f"{area['value']:.2f} {area['interval_95']}, {area['windows']} windows"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.lipsync", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a data folder with clips")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        found = talks(options.data)
        if len(found) < 3:
            raise ConfigError(f"{options.data} holds fewer than three clips that talk.")
        aligned = fitting(found)
        clear = fitting([talk for talk in aligned if talk.own_peak >= _FITS])
        result = {
            "as recorded": measure(found),
            "aligned": measure(aligned),
            "fitting, chosen by their own sound": measure(clear),
        }
        for which, part in result.items():
            table = Table("sound", "measure", "AUC", "people alone", title=which)
            for name, areas in part["conditions"].items():
                for kind, area in areas.items():
                    table.add_row(name, kind, _words(area["all"]), _words(area["people"]))
            Console().print(table)
        if options.json:
            write_json(options.json, result)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
