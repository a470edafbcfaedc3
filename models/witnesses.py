"""What classifier and witnesses say of every clip, through the engine, kept line by line.

Each clip is judged by the network that left its fold out (`models.recipe`), with the witnesses
shown and moving nothing. A record holds the series of the face that was seen longest, twice a
second: the time, the classifier's smoothed log-odds, and the log-likelihood ratio of each
witness. Whatever is recorded already is not analysed again.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from models.catalog import Clip
from models.crossfit import never_seen
from realtime.config import Config
from realtime.cues.base import SAY_EVERY_S
from realtime.errors import ConfigError, SourceError
from realtime.evaluation.observe import show
from realtime.evaluation.recode import Condition, recode
from realtime.redact import redact
from realtime.scorer import OnnxScorer
from realtime.types import Cue, FrameResult, RunStart, RunSummary

FACE_PX: Final = 160.0
"""Stands for the size of the face where a condition asks for it; none used here does."""


@dataclass(frozen=True, slots=True)
class Record:
    """One clip under one condition, as its main face was seen.

    ``times`` in seconds and ``log_odds``, NaN (in files null) where the classifier said nothing,
    are parallel; so is each list of ``cues``, NaN where that witness could not judge. ``values``
    and ``texts`` are what each said last.
    """

    clip: str
    kind: str
    fake: bool
    pair: str
    group: str
    fold: int
    seen: bool
    condition: str
    times: tuple[float, ...]
    log_odds: tuple[float, ...]
    cues: dict[str, tuple[float, ...]]
    values: dict[str, float | None]
    texts: dict[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """Which clip, and what was done to it."""
        return self.clip, self.condition


class RecordingSink:
    """Gathers the series of every track; a `Sink`."""

    def __init__(self) -> None:
        self._series: defaultdict[int, list[tuple[float, float, tuple[Cue, ...]]]] = defaultdict(
            list
        )

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Note every face, twice a second."""
        time_s = result.frame.time_s
        for track_id, verdict in result.verdicts.items():
            series = self._series[track_id]
            if series and time_s - series[-1][0] < SAY_EVERY_S - 1e-3:
                continue
            p = verdict.probability
            log_odds = math.nan if p is None else math.log(max(p, 1e-9) / max(1 - p, 1e-9))
            series.append((time_s, log_odds, result.cues.get(track_id, ())))

    def finish(self, summary: RunSummary) -> None:
        """Nothing to put together."""

    def close(self) -> None:
        """Nothing to release."""

    def main(self) -> list[tuple[float, float, tuple[Cue, ...]]]:
        """The series of the track that was seen longest, empty if there was no face."""
        return max(self._series.values(), key=len, default=[])


def read(path: Path) -> list[Record]:
    """What was recorded so far; a last line that was cut off is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8").splitlines():
        try:
            table = json.loads(line)
        except ValueError:
            break
        found.append(_from_table(table))
    return found


@dataclass(frozen=True, slots=True)
class Folds:
    """The detector, and the settings, that know nothing of a fold."""

    model: Callable[[int], Path]
    settings: Callable[[int], Config]


def record(
    clips: Sequence[Clip],
    folds: Folds,
    conditions: Sequence[Condition],
    output: Path,
    report: Callable[[str], None],
) -> list[Record]:
    """Analyse what is not in ``output`` yet and append it there.

    Raises:
        ConfigError: if the file cannot be written.
        ModelError: if a model is missing or fails.
    """
    done = read(output)
    known = {one.key for one in done}
    for fold in sorted({clip.fold for clip in clips}):
        own = [clip for clip in clips if clip.fold == fold]
        wanted = [(c, k) for k in conditions for c in own if (c.path.name, k.name) not in known]
        if not wanted:
            continue
        config = folds.settings(fold)
        config = replace(config, cues=replace(config.cues, fuse=False))
        with closing(OnnxScorer(folds.model(fold), device="cpu")) as scorer:
            for clip, condition in wanted:
                try:
                    one = _record(clip, condition, scorer, config)
                except SourceError as error:
                    report(redact(f"{clip.path.name}: {error}"))
                    continue
                done.append(one)
                _append(output, one)
                report(f"{condition.name} {clip.path.name}: {len(one.times)} moments")
    return done


def _record(clip: Clip, condition: Condition, scorer: OnnxScorer, config: Config) -> Record:
    sink = RecordingSink()
    with _changed(clip.path, condition) as path:
        show(path, scorer, config, sink)
    series = sink.main()
    last = series[-1][2] if series else ()
    return Record(
        clip=clip.path.name,
        kind=clip.kind,
        fake=clip.fake,
        pair=clip.pair,
        group=clip.group,
        fold=clip.fold,
        seen=not never_seen(clip),
        condition=condition.name,
        times=tuple(round(t, 3) for t, _, _ in series),
        log_odds=tuple(round(x, 4) for _, x, _ in series),
        cues={cue.name: tuple(_llr(c, cue.name) for _, _, c in series) for cue in last},
        values={cue.name: cue.value for cue in last},
        texts={cue.name: cue.text for cue in last},
    )


def _llr(cues: Sequence[Cue], name: str) -> float:
    found = next((cue for cue in cues if cue.name == name and cue.assessable), None)
    return math.nan if found is None else round(found.llr, 4)


@contextmanager
def _changed(clip: Path, condition: Condition) -> Iterator[Path]:
    """The clip itself, or a changed copy of the whole of it, without sound."""
    if condition.kind == "original":
        yield clip
        return
    with tempfile.TemporaryDirectory(prefix="fakewatch-") as folder:
        path = Path(folder) / "clip.mkv"
        recode(clip, path, condition, math.inf, FACE_PX)
        yield path


def _append(path: Path, one: Record) -> None:
    table = asdict(one)
    table["log_odds"] = [_plain(x) for x in one.log_odds]
    table["cues"] = {name: [_plain(x) for x in series] for name, series in one.cues.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(table, allow_nan=False) + "\n")
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}.") from None


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _from_table(table: dict[str, Any]) -> Record:
    return Record(
        **{
            **table,
            "times": tuple(table["times"]),
            "log_odds": tuple(_number(x) for x in table["log_odds"]),
            "cues": {name: tuple(map(_number, s)) for name, s in table["cues"].items()},
        }
    )
