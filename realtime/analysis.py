"""From the faces of a frame to its result: which crops to score, and what follows from them.

No thread in here, and no clock but the frames' own: the same frames always give the same result.
"""

from __future__ import annotations

import time
from statistics import median

from realtime import verdict
from realtime.capture import FrameCounter
from realtime.config import Config
from realtime.crops import crop_face
from realtime.scorer import Scorer
from realtime.types import Cue, Faces, Frame, FrameResult, Score, TrackSummary, Verdict
from realtime.verdict import TrackVerdict
from realtime.views import score_crops

_HEAT_FOR_S = 1.0
"""A heat map older than this is not painted: the face has moved on."""

_VIEWS_EVERY_S = 0.5
"""What a view changes depends on the picture more than on the moment, so that fewer crops than
are scored, the track's first included, tell it."""

_ROUNDING_S = 5e-4
"""Time stamps are rounded to the units of their container."""


class ScoreSchedule:
    """Decides when a track's face is worth scoring: at the set rate, on its better crops.

    A face is due once the interval has passed, if its crop is nearly as good as usual. After
    half an interval more any crop that passes the gates will do.
    """

    _HISTORY = 15
    _GOOD_SHARE = 0.9

    def __init__(self, rate_hz: float) -> None:
        self._interval = 1.0 / rate_hz
        self._last: float | None = None
        self._weights: list[float] = []

    def due(self, time_s: float, weight: float) -> bool:
        """Whether to score now a crop of this quality ``weight`` (0..1)."""
        usual = median(self._weights) if self._weights else 0.0
        self._weights = [*self._weights[-self._HISTORY + 1 :], weight]
        if self._last is not None:
            waited = time_s - self._last
            if waited < self._interval - _ROUNDING_S:
                return False
            if weight < self._GOOD_SHARE * usual and waited < 1.5 * self._interval:
                return False
        self._last = time_s
        return True


class Analysis:
    """Keeps the state of every track of one source; used by one thread."""

    def __init__(self, scorer: Scorer, config: Config, counter: FrameCounter) -> None:
        self._scorer = scorer
        self._config = config
        self._counter = counter
        self._epoch: int | None = None
        self._last_time: float | None = None
        self._tracks: dict[int, TrackVerdict] = {}
        self._schedules: dict[int, ScoreSchedule] = {}
        self._viewed_at: dict[int, float] = {}
        self._heat: dict[int, Score] = {}
        self._ended: list[TrackSummary] = []
        self.media_s = 0.0

    def analyse(self, frame: Frame, faces: Faces) -> FrameResult:
        """Score what is due, update every verdict and put the result together.

        Raises:
            ModelError: if the model fails to run.
        """
        ended = self._begin(frame)
        scores = self._score(frame, faces)
        verdicts: dict[int, Verdict] = {}
        for i, track_id in enumerate(faces.track_ids.tolist()):
            verdicts[track_id] = self._tracks[track_id].update(
                frame.time_s, faces.quality[i], faces.has_landmarks(i), scores.get(track_id)
            )
        self._heat.update(scores)
        heat = {
            track_id: score
            for track_id, score in self._heat.items()
            if track_id in verdicts and frame.time_s - score.time_s <= _HEAT_FOR_S
        }
        # The place of the cues: witnesses beside the classifier, from the same frame and faces.
        cues: dict[int, tuple[Cue, ...]] = dict.fromkeys(verdicts, ())
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
            age_s=max(0.0, time.monotonic() - frame.captured_mono),
        )

    def finish(self) -> tuple[TrackSummary, ...]:
        """End every track and give the summaries of all that ever were, in order of start."""
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
            summaries.append(self._tracks.pop(track_id).summary())
            self._schedules.pop(track_id, None)
            self._viewed_at.pop(track_id, None)
            self._heat.pop(track_id, None)
        self._ended.extend(summaries)
        return tuple(summaries)

    def _score(self, frame: Frame, faces: Faces) -> dict[int, Score]:
        contract = self._scorer.contract
        crops = []
        for i, track_id in enumerate(faces.track_ids.tolist()):
            if track_id not in self._tracks:
                self._tracks[track_id] = TrackVerdict(
                    track_id, frame.epoch, frame.time_s, self._config.verdict, contract.thresholds
                )
                self._schedules[track_id] = ScoreSchedule(self._config.scorer.rate_hz)
            quality, landmarks = faces.quality[i], faces.landmarks[i]
            if verdict.obstacles(quality, faces.has_landmarks(i), self._config.verdict):
                continue
            good = verdict.weight(quality, self._config.verdict)
            if self._schedules[track_id].due(frame.time_s, good):
                crop = crop_face(frame.image, faces.boxes[i], landmarks, contract, track_id)
                if crop is not None:
                    crops.append(crop)
        viewed = [crop.track_id for crop in crops if self._views_due(crop.track_id, frame.time_s)]
        scores = score_crops(self._scorer, crops, viewed, frame.time_s)
        return {score.track_id: score for score in scores if score is not None}

    def _views_due(self, track_id: int, time_s: float) -> bool:
        if not self._config.scorer.views:
            return False
        last = self._viewed_at.get(track_id)
        if last is not None and time_s - last < _VIEWS_EVERY_S - _ROUNDING_S:
            return False
        self._viewed_at[track_id] = time_s
        return True
