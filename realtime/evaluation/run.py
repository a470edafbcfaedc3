"""An evaluation from a folder of clips to a report, as plain values for JSON and HTML."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from realtime import __version__
from realtime.config import Config
from realtime.errors import SourceError
from realtime.evaluation.layouts import LabelledClip
from realtime.evaluation.observe import Observation, observe
from realtime.evaluation.options import DEFAULT_SECONDS
from realtime.evaluation.recode import Condition, recode
from realtime.evaluation.store import Store, settings
from realtime.evaluation.summary import Judged, compare, mean, scores, summarise
from realtime.redact import redact
from realtime.scorer import Scorer

FORMAT: Final = "fakewatch-evaluation/1"


class Progress(Protocol):
    """Told what is going on."""

    def running(self) -> AbstractContextManager[None]:
        """Around all of the work."""
        ...

    def step(self, done: int, total: int, name: str) -> None:
        """``done`` of ``total`` pieces of work are over; the next is ``name``."""
        ...

    def failed(self, sentence: str) -> None:
        """A clip could not be used."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What every clip of an evaluation goes through."""

    scorer: Scorer
    config: Config
    store: Store
    progress: Progress


@dataclass(slots=True)
class Gathered:
    """What was found so far; whole at any moment.

    ``failed`` maps clips that could not be read to a sentence. ``changed`` maps the names of
    conditions to clips as judged under them.
    """

    judged: list[Judged] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    changed: dict[str, list[Judged]] = field(default_factory=dict)
    complete: bool = False


def chosen(clips: Sequence[LabelledClip], limit: int | None) -> list[LabelledClip]:
    """All clips, or at most ``limit`` of each class, spread evenly over their order."""
    if limit is None:
        return list(clips)
    found: list[LabelledClip] = []
    for fake in (False, True):
        own = [clip for clip in clips if clip.fake is fake]
        places = np.linspace(0, len(own) - 1, min(limit, len(own))).round().astype(int)
        found += [own[int(i)] for i in places]
    return found


def watch_clips(bench: Bench, clips: Sequence[LabelledClip], gathered: Gathered) -> None:
    """Analyse every clip; one that cannot be read is named and left out.

    Raises:
        ModelError: if the model fails.
        KeyboardInterrupt: when interrupted; ``gathered`` then holds what was found.
    """
    for done, clip in enumerate(clips):
        bench.progress.step(done, len(clips), clip.path.name)
        with _named(bench, clip, gathered):
            found = bench.store.get(clip.path, "")
            if found is None:
                found = observe(clip.path, bench.scorer, bench.config)
                bench.store.put(clip.path, "", found)
            own = replace(clip, kind=redact(clip.kind), pair=redact(clip.pair))
            gathered.judged.append(Judged(own, found))


def watch_conditions(
    bench: Bench, conditions: Sequence[Condition], seconds: float, gathered: Gathered
) -> None:
    """Analyse the first seconds of every judged clip that has a score, under each condition.

    One condition after the other, so that an interrupted run has whole ones.

    Raises:
        ModelError: if the model fails.
        SinkError: if temporary clips cannot be written.
        KeyboardInterrupt: when interrupted.
    """
    base = [j for j in gathered.judged if j.seen.log_odds is not None]
    for number, condition in enumerate(conditions):
        found = gathered.changed.setdefault(condition.name, [])
        for done, judged in enumerate(base):
            name = f"{condition.name} {judged.clip.path.name}"
            bench.progress.step(number * len(base) + done, len(conditions) * len(base), name)
            face_px = judged.seen.face_px or 1.0
            if condition.kind == "face" and face_px <= condition.level:
                continue  # it is no larger than that already
            with _named(bench, judged.clip, gathered):
                seen = _observe_changed(bench, judged.clip.path, condition, seconds, face_px)
                found.append(Judged(judged.clip, seen))


def report(gathered: Gathered, bench: Bench, seconds: float = DEFAULT_SECONDS) -> dict[str, Any]:
    """Everything as plain values, in the format that ``docs/evaluation.md`` describes."""
    scorer, contract = bench.scorer, bench.scorer.contract
    thresholds = contract.thresholds
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "complete": gathered.complete,
        "model": {
            "name": redact(contract.name),
            "sha256": scorer.info.sha256,
            "provider": scorer.info.provider,
            "trained_on": redact(contract.trained_on),
            "thresholds": {
                "uncertain": thresholds.uncertain,
                "strong": thresholds.strong,
                "very_strong": thresholds.very_strong,
            },
            "calibration": {
                "temperature": contract.calibration.temperature,
                "bias": contract.calibration.bias,
            },
        },
        "config": settings(bench.config),
        **summarise(gathered.judged),
        "failed": dict(gathered.failed),
        "results": [_line(j) for j in gathered.judged],
    }
    if gathered.changed:
        found["robustness"] = {"seconds": seconds, "conditions": robustness(gathered.changed)}
    return found


def robustness(changed: Mapping[str, Sequence[Judged]]) -> list[dict[str, Any]]:
    """What each condition does to clips that have a score both before and after.

    ``shift`` is the mean change of a clip's log-odds against the reference, ``auc_before`` the
    AUC of the reference on the very same clips.
    """
    before = {j.clip.path: j for j in changed.get("original", ())}
    return [_condition(name, judged, before) for name, judged in changed.items()]


def _condition(
    name: str, judged: Sequence[Judged], before: Mapping[Path, Judged]
) -> dict[str, Any]:
    after = [
        j
        for j in judged
        if j.seen.log_odds is not None
        and j.clip.path in before
        and before[j.clip.path].seen.log_odds is not None
    ]
    real, fake = [j for j in after if not j.clip.fake], [j for j in after if j.clip.fake]
    old_real, old_fake = ([before[j.clip.path] for j in part] for part in (real, fake))
    reals = [j for j in judged if not j.clip.fake and j.clip.path in before]
    return {
        "name": name,
        "tried": len(judged),
        "real": len(real),
        "fake": len(fake),
        "auc": compare(scores(real), scores(fake)),
        "auc_before": compare(scores(old_real), scores(old_fake)),
        "shift_real": mean((scores(real) - scores(old_real)).tolist()),
        "shift_fake": mean((scores(fake) - scores(old_fake)).tolist()),
        "real_became_strong": sum(
            j.seen.strong and not before[j.clip.path].seen.strong for j in reals
        ),
        "real_strong": sum(j.seen.strong for j in reals),
    }


def _observe_changed(
    bench: Bench, clip: Path, condition: Condition, seconds: float, face_px: float
) -> Observation:
    key = f"{condition.key} {seconds:g} s"
    found = bench.store.get(clip, key)
    if found is None:
        with tempfile.TemporaryDirectory(prefix="fakewatch-") as folder:
            changed = Path(folder) / "clip.mkv"
            recode(clip, changed, condition, seconds, face_px)
            found = observe(changed, bench.scorer, bench.config)
        bench.store.put(clip, key, found)
    return found


@contextmanager
def _named(bench: Bench, clip: LabelledClip, gathered: Gathered) -> Iterator[None]:
    """A clip that cannot be read costs itself only."""
    try:
        yield
    except (SourceError, OSError) as exc:
        sentence = redact(exc)
        gathered.failed[_name(clip)] = sentence
        bench.progress.failed(sentence)


def _name(clip: LabelledClip) -> str:
    return redact(f"{clip.path.parent.name}/{clip.path.name}")


def _line(judged: Judged) -> dict[str, Any]:
    seen, clip = judged.seen, judged.clip

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return {
        "clip": _name(clip),
        "kind": clip.kind,
        "fake": clip.fake,
        "pair": clip.pair,
        "seconds": round(seen.media_s, 2),
        "log_odds": rounded(seen.log_odds),
        "scores": seen.scores,
        "probability": rounded(seen.probability),
        "peak": rounded(seen.peak),
        "reached": seen.reached,
        "alarms_s": [round(value, 2) for value in seen.alarms],
        "face_px": rounded(seen.face_px),
    }
