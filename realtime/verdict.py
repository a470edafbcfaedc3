"""From noisy scores to a verdict for each track: gates, weights, smoothing, hysteresis.

Channel A of the decision. Each score's calibrated log-odds are weighted by the quality of the
crop and averaged with a half-life in seconds, so that the frame rate plays no part; a constant
gain Kalman filter is the same thing. The average must ask for another state for a dwell time
before the state changes, to "uncertain" excepted, and must fall clearly below a threshold to leave
its state again.

Each view of the crops has an average of its own, judged by the same thresholds. All of them must
ask for strong evidence before that much is said, and none of them while "little" is said; where
they disagree, it is uncertain, and the first reason says by how much.

The witnesses beside the classifier, the change detector (channel B) among them, join here: what
`realtime.cues.fusion` makes of them adds to the averaged log-odds, of the views too. Alone they
make no verdict: without a score of the classifier a face is not assessable.
"""

from __future__ import annotations

import math
from collections import deque

from realtime.agreement import ViewAverages, bounded, explain_view, logistic, state_for
from realtime.config import VerdictConfig
from realtime.contract import Thresholds
from realtime.cues.fusion import Evidence
from realtime.types import FaceQuality, Obstacle, Score, TrackSummary, Verdict, VerdictState

_PRIOR_WEIGHT = 1.0
"""The average starts as if one good crop had said "even odds"."""

NO_EVIDENCE = Evidence()

_MAX_GAP_S = 0.5
"""Longer pauses between two sightings count neither as assessable nor as not assessable."""


def obstacles(quality: FaceQuality, has_landmarks: bool, config: VerdictConfig) -> list[Obstacle]:
    """Why a face of this quality must not be judged; empty if it may be."""
    checks = (
        (quality.size_px < config.min_size_px, Obstacle.TOO_SMALL),
        (not has_landmarks, Obstacle.NO_LANDMARKS),
        (
            abs(quality.yaw) > config.max_yaw or abs(quality.pitch) > config.max_pitch,
            Obstacle.TURNED_AWAY,
        ),
        (quality.occlusion > config.max_occlusion, Obstacle.COVERED),
        (quality.brightness < config.min_brightness, Obstacle.TOO_DARK),
        (quality.blur < config.min_blur, Obstacle.TOO_BLURRED),
        (quality.blockiness > config.max_blockiness, Obstacle.TOO_COMPRESSED),
    )
    return [obstacle for failed, obstacle in checks if failed]


def weight(quality: FaceQuality, config: VerdictConfig) -> float:
    """How much a score of a face that passed the gates counts, 0.1 to 1."""
    size = min(1.0, quality.size_px / (2.0 * config.min_size_px))
    sharpness = min(1.0, quality.blur / (4.0 * config.min_blur)) if config.min_blur > 0 else 1.0
    frontal = math.cos(math.radians(min(80.0, max(abs(quality.yaw), abs(quality.pitch)))))
    visible = 1.0 - min(1.0, max(0.0, quality.occlusion))
    return max(0.1, size * sharpness * frontal * visible)


def explain(obstacle: Obstacle, quality: FaceQuality, config: VerdictConfig) -> str:
    """The obstacle as one phrase with its number."""
    details = {
        Obstacle.TOO_SMALL: f"face {quality.size_px:.0f} px, needs {config.min_size_px:.0f}",
        Obstacle.TURNED_AWAY: f"turned away {max(abs(quality.yaw), abs(quality.pitch)):.0f}°",
        Obstacle.COVERED: f"face {quality.occlusion:.0%} covered",
        Obstacle.TOO_DARK: "too dark",
        Obstacle.TOO_BLURRED: "too blurred",
        Obstacle.TOO_COMPRESSED: "too compressed",
        Obstacle.NO_LANDMARKS: "features of the face not found",
        Obstacle.NO_SCORE: "no usable score",
        Obstacle.WARMING_UP: "measuring",
    }
    return details[obstacle]


class TrackVerdict:
    """What is known of one track; used by one thread."""

    def __init__(
        self,
        track_id: int,
        epoch: int,
        time_s: float,
        config: VerdictConfig,
        thresholds: Thresholds,
    ) -> None:
        self.track_id = track_id
        self.epoch = epoch
        self.first_s = time_s
        self.last_s = time_s
        self._config = config
        self._thresholds = thresholds
        self._sum = 0.0
        self._weight = 0.0
        self._views = ViewAverages()
        self._doubt: str | None = None
        self._averaged_at = time_s
        self._scored_at: float | None = None
        self._warm_s = 0.0
        self._state = VerdictState.NOT_ASSESSABLE
        self._since = time_s
        self._wanted = VerdictState.NOT_ASSESSABLE
        self._wanted_since = time_s
        self._assessable_s = 0.0
        self._not_assessable: dict[Obstacle, float] = {}
        self._recent: deque[tuple[float, float]] = deque()
        self._kept_state = VerdictState.NOT_ASSESSABLE
        self._kept_probability: float | None = None
        self._last: tuple[VerdictState, float] | None = None
        self._evidence = NO_EVIDENCE

    @property
    def log_odds(self) -> float:
        """What the classifier says, averaged over seconds; 0 before the first score."""
        return self._sum / (self._weight + _PRIOR_WEIGHT)

    @property
    def probability(self) -> float:
        """Smoothed probability of fake, of classifier and witnesses together."""
        return logistic(self.log_odds + self._evidence.llr)

    @property
    def views(self) -> dict[str, float]:
        """The same of each changed copy of the crops by its name in `VIEWS`, empty without."""
        whole = self._weight + _PRIOR_WEIGHT
        plain = self.log_odds + self._evidence.llr
        return self._views.probabilities(plain, self._weight / whole)

    def update(
        self,
        time_s: float,
        quality: FaceQuality,
        has_landmarks: bool,
        score: Score | None,
        evidence: Evidence = NO_EVIDENCE,
    ) -> Verdict:
        """Take in one sighting, with a score if this frame's crop was scored.

        ``evidence`` is what the witnesses say now. ``time_s`` must not run backwards within a
        track.
        """
        self._evidence = evidence
        step = max(0.0, time_s - self.last_s)
        step = step if step <= _MAX_GAP_S else 0.0
        self.last_s = max(self.last_s, time_s)
        blocking = obstacles(quality, has_landmarks, self._config)
        if score is not None and not blocking:
            self._average(score, weight(quality, self._config), time_s)
        found = self._obstacles_now(time_s, step, blocking)
        if found:
            self._set_state(VerdictState.NOT_ASSESSABLE, time_s)
            self._views.forget()
            self._recent.clear()
            self._not_assessable[found[0]] = self._not_assessable.get(found[0], 0.0) + step
        else:
            self._assessable_s += step
            self._decide(time_s)
        return self._verdict(time_s, found, quality)

    def take(self, score: Score, weight: float) -> None:
        """Take in a score of an earlier sighting, whose crop had this quality ``weight`` (0..1).

        It counts for the time at which its crop was cut and makes nothing younger than that.
        """
        self._average(score, weight, score.time_s)

    def summary(self) -> TrackSummary:
        """The whole track up to now."""
        state, probability = self._kept_state, self._kept_probability
        if state is VerdictState.NOT_ASSESSABLE and self._last is not None:
            # Too short for any state to be kept for the dwell time: what was said last.
            state, probability = self._last
        return TrackSummary(
            track_id=self.track_id,
            epoch=self.epoch,
            first_s=self.first_s,
            last_s=self.last_s,
            state=state,
            probability=probability,
            assessable_s=self._assessable_s,
            not_assessable=dict(self._not_assessable),
        )

    def _average(self, score: Score, weight: float, time_s: float) -> None:
        decay = 0.5 ** (max(0.0, time_s - self._averaged_at) / self._config.half_life_s)
        self._sum = self._sum * decay + weight * bounded(score.log_odds)
        self._weight = self._weight * decay + weight
        self._views.add(score, weight, decay)
        self._averaged_at = time_s
        self._scored_at = time_s

    def _obstacles_now(
        self, time_s: float, step: float, blocking: list[Obstacle]
    ) -> list[Obstacle]:
        """What stands in the way now: nothing while the last score is fresh and warm."""
        if self._scored_at is None or time_s - self._scored_at > self._config.stale_after_s:
            if self._scored_at is not None and time_s - self._scored_at > self._config.half_life_s:
                self._warm_s = 0.0
            if blocking:
                return blocking
            # Nothing blocks, yet no score came: either it is about to, or the model gives none.
            waiting = time_s - (self.first_s if self._scored_at is None else self._scored_at)
            late = waiting > self._config.stale_after_s
            return [Obstacle.NO_SCORE if late else Obstacle.WARMING_UP]
        self._warm_s += step
        if self._warm_s < self._config.warm_up_s:
            return [*blocking, Obstacle.WARMING_UP]
        return []

    def _decide(self, time_s: float) -> None:
        probability = self.probability
        wanted = self._wanted_state(probability)
        if wanted is not self._wanted:
            self._wanted, self._wanted_since = wanted, time_s
        if self._state is VerdictState.NOT_ASSESSABLE:
            # A first word has few crops behind it: what is graver must last for the dwell time.
            self._set_state(min(wanted, VerdictState.UNCERTAIN, key=lambda s: s.rank), time_s)
            self._wanted_since = time_s
        elif (
            wanted is VerdictState.UNCERTAIN
            or time_s - self._wanted_since >= self._config.min_dwell_s
        ):
            # Doubt needs no patience: little evidence must not be said beside a number that
            # says more, nor strong evidence once a view contradicts it.
            self._set_state(wanted, time_s)
        self._last = (self._state, probability)
        self._keep(time_s, probability)

    def _wanted_state(self, probability: float) -> VerdictState:
        """What the plain average asks for, or uncertain if a view contradicts it."""
        hysteresis = self._config.hysteresis
        wanted = state_for(probability, self._state, self._thresholds, hysteresis)
        self._doubt = self._views.against(wanted, self.views, self._thresholds, hysteresis)
        return VerdictState.UNCERTAIN if self._doubt else wanted

    def _keep(self, time_s: float, probability: float) -> None:
        """Remember the gravest state and probability that lasted for the dwell time."""
        self._recent.append((time_s, probability))
        # The oldest entry stays at or just before the start of the window.
        while len(self._recent) > 1 and time_s - self._recent[1][0] >= self._config.min_dwell_s:
            self._recent.popleft()
        if time_s - self._recent[0][0] < self._config.min_dwell_s:
            return
        kept = min(p for _, p in self._recent)
        if self._kept_probability is None or kept > self._kept_probability:
            self._kept_probability = kept
        long_enough = time_s - self._since >= self._config.min_dwell_s
        if long_enough and self._state.rank > self._kept_state.rank:
            self._kept_state = self._state

    def _set_state(self, state: VerdictState, time_s: float) -> None:
        if state is not self._state:
            self._state, self._since = state, time_s

    def _verdict(self, time_s: float, found: list[Obstacle], quality: FaceQuality) -> Verdict:
        if found:
            reasons = tuple(explain(obstacle, quality, self._config) for obstacle in found)
            probability = None
        else:
            probability = self.probability
            reasons = self._reasons()
            if self._doubt is not None:
                seen = self.views[self._doubt]
                reasons = (explain_view(self._doubt, probability, seen), *reasons)
        return Verdict(
            track_id=self.track_id,
            state=self._state,
            probability=probability,
            since_s=time_s - self._since,
            assessable_s=self._assessable_s,
            reasons=reasons,
            obstacles=tuple(found),
            evidence=self._evidence.llr,
        )

    def _reasons(self) -> tuple[str, ...]:
        """Classifier and witnesses, the two that move the log-odds most first."""
        own = f"classifier {logistic(self.log_odds):.2f} over {self._assessable_s:.0f} s"
        parts = sorted([(abs(self.log_odds), own), *self._evidence.reasons], key=lambda p: -p[0])
        return tuple(text for _, text in parts)
