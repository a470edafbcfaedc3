"""From the faces of a frame to its result: which crops to score, and what follows from them.

No thread in here, and no clock but the frames' own: the same frames always give the same result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, Protocol

from realtime import verdict
from realtime.capture import FrameCounter
from realtime.config import Config
from realtime.contract import ModelContract
from realtime.crops import crop_face
from realtime.cues import fusion
from realtime.cues.timing import TimingWatch
from realtime.cues.watch import SourceCues
from realtime.scorer import Scorer
from realtime.sources.base import Audible, FrameSource, Inspectable, Listener
from realtime.types import Crop, Cue, Faces, Frame, FrameResult, Score, TrackSummary, Verdict
from realtime.verdict import TrackVerdict
from realtime.views import score_crops

_HEAT_FOR_S = 1.0
"""A heat map older than this is not painted: the face has moved on."""

_VIEWS_EVERY_S = 1.0
"""What a view changes depends on the picture more than on the moment, so that fewer crops than
are scored, the track's first included, tell it."""

_ROUNDING_S = 5e-4
"""Time stamps are rounded to the units of their container."""


_MAX_SUMMARIES: Final = 4096
"""Ended tracks that are kept for the summary of a run that may last for months."""


class Scoring(Protocol):
    """How crops become scores: at once, or later on another thread."""

    @property
    def contract(self) -> ModelContract:
        """How crops must be cut."""
        ...

    @property
    def ready(self) -> bool:
        """Whether a request would be taken now."""
        ...

    def submit(self, crops: Sequence[Crop], viewed: Collection[int], time_s: float) -> bool:
        """Ask for scores of crops cut at ``time_s``, and of the views of those in ``viewed``.

        False, with nothing asked, unless `ready`.

        Raises:
            ModelError: if the model fails to run.
        """
        ...

    def collect(self) -> Sequence[Score] | None:
        """The scores of the last request, once; None while there are none. Raises `ModelError`."""
        ...


class ScoringAtOnce:
    """Scores in the caller's thread before ``submit`` returns, so that nothing is ever skipped."""

    ready = True

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._answer: list[Score] | None = None

    @property
    def contract(self) -> ModelContract:
        """How crops must be cut."""
        return self._scorer.contract

    def submit(self, crops: Sequence[Crop], viewed: Collection[int], time_s: float) -> bool:
        """Score now; raises `ModelError` if the model fails to run."""
        scores = score_crops(self._scorer, crops, viewed, time_s)
        self._answer = [score for score in scores if score is not None]
        return True

    def collect(self) -> Sequence[Score] | None:
        """The scores of the last request, once."""
        answer, self._answer = self._answer, None
        return answer


class ScoreSchedule:
    """Decides when a track's face is worth scoring: at the set rate, on its better crops.

    A face is due once the interval has passed, if its crop is nearly as good as usual. After
    half an interval more any crop that passes the gates will do.
    """

    _HISTORY = 15
    _GOOD_SHARE = 0.9

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._last: float | None = None
        self._weights: list[float] = []

    def due(self, time_s: float, weight: float, *, possible: bool = True) -> bool:
        """Whether to score now a crop of this quality ``weight`` (0..1).

        A face stays due while scoring is not ``possible``.
        """
        usual = median(self._weights) if self._weights else 0.0
        self._weights = [*self._weights[-self._HISTORY + 1 :], weight]
        interval = 1.0 / self.rate_hz
        if not possible:
            return False
        if self._last is not None:
            waited = time_s - self._last
            if waited < interval - _ROUNDING_S:
                return False
            if weight < self._GOOD_SHARE * usual and waited < 1.5 * interval:
                return False
        self._last = time_s
        return True


class Analysis:
    """Keeps the state of every track of one source; used by one thread at a time.

    Without a ``scoring`` of its own it scores at once and with every result. Where scores come
    later, each counts for the time of its own frame, and those of tracks that have ended since,
    with an epoch or by themselves, count for nothing. ``clock`` is that of ``captured_mono``.
    """

    def __init__(
        self,
        scorer: Scorer,
        config: Config,
        counter: FrameCounter,
        scoring: Scoring | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scoring = ScoringAtOnce(scorer) if scoring is None else scoring
        self._contract = scorer.contract
        self._config = config
        self._counter = counter
        self._clock = clock
        self._rate_hz = config.scorer.rate_hz
        self._epoch: int | None = None
        self._last_time: float | None = None
        self._tracks: dict[int, TrackVerdict] = {}
        self._schedules: dict[int, ScoreSchedule] = {}
        self._viewed_at: dict[int, float] = {}
        self._asked: dict[int, float] = {}
        self._heat: dict[int, Score] = {}
        self._cues = SourceCues(config)
        self._timing: TimingWatch | None = None
        self._listener: Listener | None = None
        self._fusion = fusion.built_in() if config.cues.fuse else fusion.NOTHING
        self._ended: list[TrackSummary] = []
        self.media_s = 0.0

    @property
    def tracks(self) -> int:
        """How many faces are followed now."""
        return len(self._tracks)

    def attend(self, source: FrameSource, *, file: bool) -> None:
        """Frames come from ``source`` from now on: hear it, if it can be heard, until `hush`.

        Of a ``file``, whose every picture comes, timing is judged as well; what is read beside its
        frames for that is closed with `source_cues`.
        """
        self.hush()
        cues = self._config.cues
        if cues.lipsync and isinstance(source, Audible):
            self._listener = source.listener()
        self._cues.listen(None if self._listener is None else self._listener.sound)
        if file and cues.timing:
            inspection = source.inspection() if isinstance(source, Inspectable) else None
            self._timing = TimingWatch(inspection)

    def hush(self) -> None:
        """Hear no more; may be called twice, and by the thread that analyses alone."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    @property
    def source_cues(self) -> tuple[Cue, ...]:
        """What is noticed of the source as a whole, at its end."""
        return () if self._timing is None else (self._timing.finish(),)

    def set_rate(self, rate_hz: float) -> None:
        """Score each face so many times a second from now on."""
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz
            for schedule in self._schedules.values():
                schedule.rate_hz = rate_hz

    def analyse(self, frame: Frame, faces: Faces) -> FrameResult:
        """Ask for the scores that are due, update every verdict and put the result together.

        Raises:
            ModelError: if the model fails to run.
        """
        ended = self._begin(frame)
        scores = self._score(frame, faces)
        cues = self._cues.see(frame, faces, scores)
        verdicts: dict[int, Verdict] = {}
        for i, track_id in enumerate(faces.track_ids.tolist()):
            verdicts[track_id] = self._tracks[track_id].update(
                frame.time_s,
                faces.quality[i],
                faces.has_landmarks(i),
                None,
                self._fusion.evidence(cues[track_id]),
            )
        self._heat.update(scores)
        heat = {
            track_id: score
            for track_id, score in self._heat.items()
            if track_id in verdicts and frame.time_s - score.time_s <= _HEAT_FOR_S
        }
        self._counter.analysed()
        return FrameResult(
            frame=frame,
            faces=faces,
            scores=scores,
            heat=heat,
            cues=cues,
            verdicts=verdicts,
            ended=ended,
            counts=self._counter.snapshot(),
            age_s=max(0.0, self._clock() - frame.captured_mono),
            source_cues=() if self._timing is None else (self._timing.look(frame),),
        )

    def finish(self) -> tuple[TrackSummary, ...]:
        """End every track and give the summaries of all that ever were, in order of start.

        Of very many the gravest and the newest are kept.
        """
        self._end(list(self._tracks))
        return tuple(self._ended)

    def _begin(self, frame: Frame) -> tuple[TrackSummary, ...]:
        if frame.epoch != self._epoch:
            over = list(self._tracks)
            self._epoch = frame.epoch
        else:
            lost_after = self._config.faces.lost_after_s
            over = [i for i, t in self._tracks.items() if frame.time_s - t.last_s > lost_after]
            if self._last_time is not None:
                self.media_s += frame.time_s - self._last_time
        self._last_time = frame.time_s
        return self._end(over)

    def _end(self, track_ids: list[int]) -> tuple[TrackSummary, ...]:
        summaries = []
        for track_id in track_ids:
            cues = self._cues.end(track_id)
            summaries.append(replace(self._tracks.pop(track_id).summary(), cues=cues))
            self._schedules.pop(track_id, None)
            self._viewed_at.pop(track_id, None)
            self._asked.pop(track_id, None)
            self._heat.pop(track_id, None)
        self._ended.extend(summaries)
        if len(self._ended) > _MAX_SUMMARIES:
            self._ended = _gravest_and_newest(self._ended, _MAX_SUMMARIES // 2)
        return tuple(summaries)

    def _score(self, frame: Frame, faces: Faces) -> dict[int, Score]:
        scores = self._arrived()
        possible = self._scoring.ready
        crops = []
        for i, track_id in enumerate(faces.track_ids.tolist()):
            if track_id not in self._tracks:
                self._tracks[track_id] = TrackVerdict(
                    track_id,
                    frame.epoch,
                    frame.time_s,
                    self._config.verdict,
                    self._contract.thresholds,
                )
                self._schedules[track_id] = ScoreSchedule(self._rate_hz)
            quality, landmarks = faces.quality[i], faces.landmarks[i]
            if verdict.obstacles(quality, faces.has_landmarks(i), self._config.verdict):
                continue
            good = verdict.weight(quality, self._config.verdict)
            if self._schedules[track_id].due(frame.time_s, good, possible=possible):
                crop = crop_face(frame.image, faces.boxes[i], landmarks, self._contract, track_id)
                if crop is not None:
                    crops.append(crop)
                    self._asked[track_id] = good
        viewed = [crop.track_id for crop in crops if self._views_due(crop.track_id, frame.time_s)]
        if possible:
            self._scoring.submit(crops, viewed, frame.time_s)
            scores.update(self._arrived())
        return scores

    def _arrived(self) -> dict[int, Score]:
        """Give the scores that have come to their tracks, if those still go on."""
        scores: dict[int, Score] = {}
        for score in self._scoring.collect() or ():
            # Ids are never used again, so a track that is there is that of the crop.
            if score.track_id in self._tracks:
                self._tracks[score.track_id].take(score, self._asked[score.track_id])
                scores[score.track_id] = score
        return scores

    def _views_due(self, track_id: int, time_s: float) -> bool:
        if not self._config.scorer.views:
            return False
        last = self._viewed_at.get(track_id)
        if last is not None and time_s - last < _VIEWS_EVERY_S - _ROUNDING_S:
            return False
        self._viewed_at[track_id] = time_s
        return True


def _gravest_and_newest(tracks: list[TrackSummary], each: int) -> list[TrackSummary]:
    """``each`` newest tracks and of the others ``each`` gravest at most, in their order."""
    older = tracks[:-each]
    order = sorted(
        range(len(older)), key=lambda i: (older[i].state.rank, older[i].probability or 0.0)
    )
    return [*(older[i] for i in sorted(order[-each // 2 :])), *tracks[-each:]]
