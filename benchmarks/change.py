"""Swaps that are switched on in mid-call: how soon they are noticed, and what is noticed of none.

    python -m benchmarks.change --data DATA --runs RUNS [--minutes N] [--encode NAME] [--json FILE]

Of each pair of DATA (a real clip and the forgery made from it, frame by frame) the real clip is
played forth and back and, at a random second, goes on as the forgery: nothing but the face
changes. Frames go through the engine's analysis with the network of RUNS (`models.recipe`) that
left the pair's fold out. False alarms are counted on all real clips, played forth and back for
N minutes each. The real minutes are few and are seen again and again, so that the interval of
false alarms is that of the *distinct* ones.

Clips are joined after their faces were tracked, so that real and forgery keep the compression that
each came with. With ``--encode crf23`` (any condition of ``fakewatch eval``) the joined pictures go
through one encoder before they are tracked, as those of a call do.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console

from models import catalog
from models.console import exit_code, write_json
from models.crossfit import fold_name
from models.footage import frames_of, tracked
from models.witnesses import FACE_PX
from realtime.analysis import Analysis
from realtime.capture import FrameCounter
from realtime.config import Config, CuesConfig
from realtime.contract import ModelContract
from realtime.evaluation.recode import Condition, conditions, encode
from realtime.scorer import OnnxScorer
from realtime.types import Crop, Faces, Frame, Score

_BEFORE_S: Final = (8.0, 20.0)
"""The forgery begins somewhere in here."""
_AFTER_S: Final = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One frame of a clip and the one face in it."""

    frame: Frame
    faces: Faces


class Remembering:
    """Scores each frame of a clip once, however often it is played."""

    ready = True

    def __init__(self, scorer: OnnxScorer) -> None:
        self._scorer = scorer
        self._known: dict[tuple[str, int], Score | None] = {}
        self._answer: list[Score] = []
        self.at: tuple[str, int] = ("", 0)

    @property
    def contract(self) -> ModelContract:
        """How crops must be cut."""
        return self._scorer.contract

    def submit(self, crops: Sequence[Crop], viewed: Collection[int], time_s: float) -> bool:  # noqa: ARG002
        """Score now, or look it up."""
        for crop in crops:
            if self.at not in self._known:
                self._known[self.at] = self._scorer.score([crop], time_s)[0]
            score = self._known[self.at]
            if score is not None:
                self._answer.append(replace(score, time_s=time_s))
        return True

    def collect(self) -> Sequence[Score]:
        """The scores of the last request, once."""
        answer, self._answer = self._answer, []
        return answer


def look(path: Path) -> list[Seen]:
    """The frames of a clip in which the face is that is seen for longest."""
    found = list(tracked(frames_of(path)))
    seen = [i for _, faces in found for i in faces.track_ids.tolist()]
    if not seen:
        return []
    main = max(set(seen), key=seen.count)
    return [
        Seen(frame, _only(faces, faces.track_ids.tolist().index(main)))
        for frame, faces in found
        if main in faces.track_ids
    ]


def _only(faces: Faces, i: int) -> Faces:
    ids = faces.track_ids[i : i + 1] * 0 + 1
    return Faces(
        ids,
        faces.boxes[i : i + 1],
        faces.confidence[i : i + 1],
        faces.landmarks[i : i + 1],
        (faces.quality[i],),
    )


def played(
    real: Sequence[Seen], fake: Sequence[Seen] | None, at: float, end: float
) -> Iterator[Seen]:
    """A clip forth and back until ``end``, from ``at`` on as the forgery."""
    other = {one.frame.index: one for one in fake or ()}
    step = (real[-1].frame.time_s - real[0].frame.time_s) / max(len(real) - 1, 1)
    now, k, direction = 0.0, 0, 1
    while now < end:
        one = real[k]
        shown = other.get(one.frame.index) if now >= at else one
        if shown is not None:
            yield Seen(replace(shown.frame, pts_s=now, epoch=0), shown.faces)
        if not 0 <= k + direction < len(real):
            direction = -direction
        following = real[k + direction]
        now += max(abs(following.frame.time_s - one.frame.time_s), step / 4)
        k += direction


def encoded(frames: Iterable[Seen], condition: Condition) -> list[Seen]:
    """The same through an encoder, and tracked anew."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "joined.mkv"
        encode((one.frame for one in frames), path, condition, FACE_PX)
        return look(path)


def alarms(
    frames: Iterable[Seen],
    *,
    scoring: Remembering,
    scorer: OnnxScorer,
    names: tuple[str, str],
    condition: Condition | None,
) -> list[tuple[float, float, str]]:
    """When a change was said, when it was said to have been, and the words; once for each."""
    if condition is not None:  # what is remembered of a clip is not true of its copy
        frames, scoring = encoded(frames, condition), Remembering(scorer)
    cues = CuesConfig(
        blink=False, head=False, dynamics=False, pulse=False, lipsync=False, timing=False
    )
    config = replace(Config(), cues=cues)
    analysis = Analysis(scorer, config, FrameCounter(), scoring)
    said: list[tuple[float, float, str]] = []
    for one in frames:
        scoring.at = (names[id(one.faces.boxes) in _FAKES], one.frame.index)
        result = analysis.analyse(one.frame, one.faces)
        for cue in result.cues.get(1, ()):
            at = cue.details.get("changed_at_s")
            if at is not None and (not said or abs(at - said[-1][1]) > 1e-6):
                said.append((one.frame.time_s, at, cue.text))
    return said


_FAKES: set[int] = set()


def measure(
    data: Path,
    runs: Path,
    minutes: float,
    times: int,
    console: Console,
    *,
    condition: Condition | None = None,
) -> dict[str, Any]:
    """Everything this benchmark reports; every playing goes through ``condition``, if any."""
    clips = [clip for clip in catalog.clips(data) if clip.pair or not clip.fake]
    forged = {clip.pair: clip for clip in clips if clip.fake and clip.pair}
    drawn = random.Random(5)
    delays: dict[str, list[float | None]] = {}
    false: list[dict[str, Any]] = []
    watched = distinct = 0.0
    for clip in (c for c in clips if not c.fake):
        real = look(clip.path)
        if len(real) < 20:
            continue
        scorer = OnnxScorer(runs / fold_name(clip.fold) / "detector.onnx", device="cpu")
        scoring = Remembering(scorer)
        names = (clip.path.name, "forged " + clip.path.name)
        distinct += real[-1].frame.time_s - real[0].frame.time_s
        through = partial(alarms, scoring=scoring, scorer=scorer, names=names, condition=condition)
        heard = through(played(real, None, 1e9, 60 * minutes))
        watched += 60 * minutes
        false += [{"clip": clip.path.name, "at_s": a, "text": t} for _, a, t in heard]
        if clip.pair and clip.pair in forged:
            fake = look(forged[clip.pair].path)
            _FAKES.clear()
            _FAKES.update(id(one.faces.boxes) for one in fake)
            own: list[float | None] = []
            for _ in range(times):
                at = drawn.uniform(*_BEFORE_S)
                found = through(played(real, fake, at, at + _AFTER_S))
                after = [when - at for when, since, _ in found if when >= at and since > at - 2]
                own.append(min(after) if after else None)
            delays[clip.pair] = own
        scorer.close()
        console.print(f"{clip.path.name}: {len(heard)} false, {delays.get(clip.pair or '', '')}")
    every = [d for own in delays.values() for d in own]
    return {
        "pairs": len(delays),
        "splices": len(every),
        "caught_within_10_s": sum(d is not None and d <= 10 for d in every) / max(len(every), 1),
        "median_delay_s": median([1e9 if d is None else d for d in every]) if every else None,
        "delays_s": delays,
        "false_alarms": false,
        "hours_watched": watched / 3600,
        "distinct_real_minutes": distinct / 60,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="change", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True, help="folder of models.recipe")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each real clip")
    parser.add_argument("--times", type=int, default=4, help="splices of each pair")
    parser.add_argument("--encode", metavar="NAME", help="a condition, as of fakewatch eval")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def run() -> None:
        console = Console()
        condition = conditions(options.encode)[-1] if options.encode else None
        found = measure(
            options.data,
            options.runs,
            options.minutes,
            options.times,
            console,
            condition=condition,
        )
        console.print({k: v for k, v in found.items() if k != "delays_s"})
        if options.json is not None:
            write_json(options.json, found)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
