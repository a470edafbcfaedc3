"""Whether a sound that was shifted or exchanged is told from the one that belongs to a mouth.

    python -m benchmarks.lipsync --data DATA [--sound telephone] [--json FILE]

Of every clip that talks, windows of 8 s are compared with their own sound, with it shifted by
200 and 500 ms either way, and with the sound of every other clip that talks. The lines through
mouth and sound are fitted without the clips of the same recording. Single words of one speaker,
too short for a window, are joined. Forgeries that a voice drives talk as well as people do, so
they serve as material here and are told apart in the table. ``--sound`` sends what is heard
through a telephone, white noise or a codec; the lines are fitted to what it was before.

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

from benchmarks.lipsync_talks import SOUNDS, Talk, talks
from models.console import exit_code, write_json
from realtime.cues import mouth
from realtime.cues.mouth import MAX_LAG_S, Sync
from realtime.cues.sound import FEATURE_HZ, at_the_pace_of_syllables
from realtime.errors import ConfigError
from realtime.evaluation.metrics import auc, bootstrap_groups, estimate

FloatArray = NDArray[np.float64]

WINDOW_S: Final = 8.0
_HOP_S: Final = 2.0
_RIDGE: Final = 0.1
_FITS: Final = 0.35
_PAD: Final = round(MAX_LAG_S * FEATURE_HZ)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """``mouth`` ``(8,)`` through its motion and ``sound`` ``(8,)`` through its bands."""

    mouth: FloatArray
    sound: FloatArray


def fit(own: Sequence[Talk]) -> Lines:
    """The first canonical pair of motion and bands, each clip one vote, both held back a little."""
    motion, spread, both = np.zeros((8, 8)), np.zeros((8, 8)), np.zeros((8, 8))
    for talk in own:
        heard = at_the_pace_of_syllables(talk.clean)
        heard = np.roll(heard - heard.mean(0), -round(talk.own_lag_s * FEATURE_HZ), 0)
        motion += talk.features.T @ talk.features / len(heard)
        spread += heard.T @ heard / len(heard)
        both += talk.features.T @ heard / len(heard)
    left, right = _whitening(motion), _whitening(spread)
    one, _, two = np.linalg.svd(left @ both @ right)
    lines = Lines(left @ one[:, 0], right @ two[0])
    # Signed so that a mouth that opens counts as more.
    sign = np.sign(lines.mouth[0]) or 1.0
    return Lines(lines.mouth * sign, lines.sound * sign)


def _whitening(moments: FloatArray) -> FloatArray:
    values, axes = np.linalg.eigh(moments + _RIDGE * np.trace(moments) / 8 * np.eye(8))
    return np.asarray(axes / np.sqrt(values) @ axes.T)


def windows(talk: Talk) -> list[tuple[int, int]]:
    """Begin and end of each window, the whole of a clip that is shorter than one."""
    length = round(WINDOW_S * FEATURE_HZ)
    if len(talk.bands) <= length:
        return [(0, len(talk.bands))]
    return [
        (i, i + length) for i in range(0, len(talk.bands) - length + 1, round(_HOP_S * FEATURE_HZ))
    ]


def syncs(talk: Talk, lines: Lines, sound: Talk, shift_s: float = 0.0) -> list[Sync]:
    """Each window of a mouth against a sound that is late by ``shift_s``."""
    shift = round((shift_s - sound.own_lag_s) * FEATURE_HZ)
    found = []
    for begin, end in windows(talk):
        line = mouth.standard(talk.features[begin:end]) @ lines.mouth
        heard = sound.heard(lines.sound, begin - _PAD - shift, end - begin + 2 * _PAD)
        found.append(mouth.compare(line, heard))
    return found


def fitting(found: Sequence[Talk]) -> list[Talk]:
    """The clips with how their whole length fits their sound, by lines of the others."""
    out = []
    for talk in found:
        lines = fit([t for t in found if t.recording != talk.recording])
        line = talk.features @ lines.mouth
        sync = mouth.compare(line, talk.heard(lines.sound, -_PAD, len(line) + 2 * _PAD))
        clear = sync.peak >= _FITS
        out.append(replace(talk, own_lag_s=sync.lag_s if clear else 0.0, own_peak=sync.peak))
    return out


def measure(found: Sequence[Talk]) -> dict[str, Any]:
    """Every condition over the clips of ``found``, and the lines of all of them."""
    rows: dict[str, list[tuple[Talk, list[Sync]]]] = defaultdict(list)
    for talk in found:
        lines = fit([t for t in found if t.recording != talk.recording])
        rows["own"].append((talk, syncs(talk, lines, talk)))
        for shift in (0.2, 0.5):
            late = syncs(talk, lines, talk, shift) + syncs(talk, lines, talk, -shift)
            rows[f"shifted {1000 * shift:.0f} ms"].append((talk, late))
        others = [t for t in found if t.recording != talk.recording]
        swapped = [s for other in others for s in syncs(talk, lines, other)]
        rows["another clip's"].append((talk, swapped))
    every = fit(found)
    return {
        "talking": [
            {
                "clip": t.name,
                "fake": t.fake,
                "seconds": len(t.bands) / FEATURE_HZ,
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
        "mouth": every.mouth.round(3).tolist(),
        "sound": every.sound.round(3).tolist(),
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
    parser.add_argument(
        "--sound", choices=sorted(SOUNDS), default="plain", help="what it went through"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        found = talks(options.data, SOUNDS[options.sound])
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
