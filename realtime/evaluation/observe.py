"""One clip through the engine that everybody uses, and what of it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

from realtime.config import Config
from realtime.errors import FakewatchError
from realtime.pipeline import Pipeline
from realtime.scorer import Scorer
from realtime.sinks.base import Sink
from realtime.sources import open_source
from realtime.types import FrameResult, RunStart, RunSummary, VerdictState

_POLL_S: Final = 0.1
_MAX_GAP_S: Final = 0.5
"""Time without a frame beyond this is no time without a face."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the engine said of one clip.

    The main face is the track that was seen longest, from its first sight to its last, among
    those that were scored. ``log_odds`` is the mean of the calibrated log-odds of its crops: the
    clip's score. ``probability`` is the smoothed probability that was shown of it last,
    ``face_px`` the median of its shorter side. These are None where no face was assessed.

    ``peak`` is the highest smoothed probability shown of any face, ``reached`` the gravest
    state, ``alarms`` the times in seconds at which a face entered STRONG from below. Seconds of
    all faces together: ``assessable_s`` and, by obstacle, ``not_assessable``; ``no_face_s`` is
    the time without any face. ``media_s`` is the length of the clip.
    """

    media_s: float
    scores: int
    log_odds: float | None
    probability: float | None
    face_px: float | None
    peak: float | None
    reached: str
    alarms: tuple[float, ...]
    assessable_s: float
    not_assessable: Mapping[str, float]
    no_face_s: float

    @property
    def strong(self) -> bool:
        """Whether the evidence was ever called strong or more."""
        return VerdictState(self.reached).rank >= VerdictState.STRONG.rank

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Observation:
        """From what `as_dict` gave; raises TypeError, KeyError or ValueError for another table."""
        found = cls(**{**table, "alarms": tuple(table["alarms"])})
        VerdictState(found.reached)
        return found


@dataclass(slots=True)
class _Track:
    log_odds: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    probability: float | None = None
    state: VerdictState = VerdictState.NOT_ASSESSABLE


class ObservingSink:
    """Gathers an `Observation` of one run; a `Sink`."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._alarms: list[float] = []
        self._peak: float | None = None
        self._reached = VerdictState.NOT_ASSESSABLE
        self._no_face_s = 0.0
        self._last_s: float | None = None
        self.observation: Observation | None = None

    def start(self, start: RunStart) -> None:
        """Nothing to prepare."""

    def write(self, result: FrameResult) -> None:
        """Take in the scores and verdicts of one frame."""
        time_s = result.frame.time_s
        if not len(result.faces) and self._last_s is not None:
            self._no_face_s += min(_MAX_GAP_S, time_s - self._last_s)
        self._last_s = time_s
        for i, track_id in enumerate(result.faces.track_ids.tolist()):
            track = self._tracks.setdefault(track_id, _Track())
            track.sizes.append(result.faces.quality[i].size_px)
            score, verdict = result.scores.get(track_id), result.verdicts[track_id]
            if score is not None:
                track.log_odds.append(score.log_odds)
            if verdict.probability is not None:
                track.probability = verdict.probability
                self._peak = max(self._peak or 0.0, verdict.probability)
            if verdict.state.rank >= VerdictState.STRONG.rank > track.state.rank:
                self._alarms.append(time_s)
            track.state = verdict.state
            self._reached = max(self._reached, verdict.state, key=lambda state: state.rank)

    def finish(self, summary: RunSummary) -> None:
        """Put everything together."""
        seen = {track.track_id: track.last_s - track.first_s for track in summary.tracks}
        scored = [i for i in seen if i in self._tracks and self._tracks[i].log_odds]
        main = max(scored, key=lambda i: (seen[i], len(self._tracks[i].log_odds)), default=None)
        track = _Track() if main is None else self._tracks[main]
        obstacles: dict[str, float] = {}
        for ended in summary.tracks:
            for obstacle, seconds in ended.not_assessable.items():
                obstacles[obstacle.value] = obstacles.get(obstacle.value, 0.0) + seconds
        self.observation = Observation(
            media_s=summary.media_s,
            scores=len(track.log_odds),
            log_odds=fmean(track.log_odds) if track.log_odds else None,
            probability=track.probability,
            face_px=float(median(track.sizes)) if track.sizes else None,
            peak=self._peak,
            reached=self._reached.value,
            alarms=tuple(self._alarms),
            assessable_s=sum(ended.assessable_s for ended in summary.tracks),
            not_assessable=obstacles,
            no_face_s=self._no_face_s,
        )

    def close(self) -> None:
        """Nothing to release."""


def observe(path: Path, scorer: Scorer, config: Config) -> Observation:
    """Analyse one clip to its end.

    Raises:
        SourceError: if it cannot be opened or breaks off.
        ModelError: if the model fails.
    """
    sink = ObservingSink()
    show(path, scorer, config, sink)
    if sink.observation is None:
        raise FakewatchError(f"The analysis of {path.name} gave no result.")
    return sink.observation


def show(path: Path, scorer: Scorer, config: Config, sink: Sink) -> None:
    """Let a sink see one clip to its end; raises as `observe` does."""
    pipeline = Pipeline(open_source(path.resolve(), config.source), scorer, config, [sink])
    pipeline.start()
    try:
        while not pipeline.wait(_POLL_S):
            pass
    except BaseException:
        with suppress(FakewatchError):
            pipeline.stop()
        raise
    pipeline.stop()
