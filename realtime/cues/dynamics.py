"""Landmark dynamics: how features move within a second or two, judged by a small learned model.

Landmarks survive the compression that takes the fine detail of a picture (LRNet, Sun et al.,
CVPR 2021), and a network on short windows of them needs no recurrence (BioLip, 2026). What the
model says of single windows is averaged, for a second of movement shows little.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from realtime.cues.base import Sighting
from realtime.cues.dynamics_model import DynamicsModel
from realtime.cues.landmark_windows import WINDOW_S, select, why_not, window
from realtime.types import Cue, FloatArray

NAME: Final = "dynamics"

SCORE_EVERY_S: Final = 0.5
"""Windows that overlap by more than half say nothing new."""
AVERAGE_S: Final = 20.0
"""What happened longer ago counts no more."""
HOLD_S: Final = 3.0
"""What was said stands for so long when the face turns away or is covered."""
MAX_YAW: Final = 40.0
"""Degrees beyond which the far half of the face is guessed by the tracker."""

_KEEP_S: Final = WINDOW_S + 0.25
_LEAST_STEP_S: Final = 1 / 130
"""Sightings that come faster are left out, which bounds the memory."""
_ROUNDING_S: Final = 1e-3
_FULL_S: Final = 10.0
"""Watched for so long, the view was as good as it gets."""
_WORTH_SAYING: Final = 0.2


class DynamicsWitness:
    """Keeps the landmarks of one window and the logits of those of the last 20 seconds."""

    def __init__(self, model: DynamicsModel) -> None:
        self._model = model
        self._times: deque[float] = deque()
        self._points: deque[FloatArray] = deque()
        self._logits: deque[tuple[float, float]] = deque()
        self._why = "not seen yet"
        self._seen_s = 0.0

    @property
    def name(self) -> str:
        """As in `Cue` and in the settings."""
        return NAME

    def see(self, sighting: Sighting) -> None:
        """Take in one sighting; one that cannot be judged by ends the window."""
        self._why = _obstacle(sighting)
        if self._why:
            self._times.clear()
            self._points.clear()
            return
        time_s = sighting.time_s
        if self._times and time_s - self._times[-1] < _LEAST_STEP_S:
            return
        self._times.append(time_s)
        self._points.append(select(sighting.landmarks))
        while time_s - self._times[0] > _KEEP_S:
            self._times.popleft()
            self._points.popleft()

    def cue(self, time_s: float) -> Cue:
        """What the windows of the last 20 seconds say together."""
        why = self._score(time_s)
        while self._logits and time_s - self._logits[0][0] > AVERAGE_S:
            self._logits.popleft()
        if not self._logits or time_s - self._logits[-1][0] > HOLD_S:
            return Cue.silent(NAME, why or "no window could be judged lately", self._seen_s)
        mean = float(np.mean([logit for _, logit in self._logits]))
        llr = self._model.contract.llr(mean)
        watched = len(self._logits) * SCORE_EVERY_S
        return Cue(
            NAME,
            mean,
            llr,
            min(1.0, watched / _FULL_S),
            self._seen_s,
            _words(llr),
            {"windows": float(len(self._logits))},
        )

    def _score(self, time_s: float) -> str | None:
        """Judge the newest window if it is due; why that was not possible, else None."""
        if self._why:
            return self._why
        times = np.array(self._times)
        end_s = float(times[-1])
        if time_s - end_s > HOLD_S:
            return "the face is out of sight"
        why = why_not(times, end_s)
        if why:
            return why
        if self._logits and end_s - self._logits[-1][0] < SCORE_EVERY_S - _ROUNDING_S:
            return None
        found = window(times, np.stack(self._points), self._model.contract.reference)
        if found is None:
            return "the landmarks make no face"
        logit = float(self._model.logits(found[None])[0])
        if np.isfinite(logit):
            self._logits.append((end_s, logit))
            self._seen_s += SCORE_EVERY_S if self._seen_s else WINDOW_S
        return None


def _obstacle(sighting: Sighting) -> str:
    if abs(sighting.quality.yaw) > MAX_YAW:
        return "the head is turned away"
    if sighting.hidden:
        return "the face is too small, blurred, dark or covered"
    return ""


def _words(llr: float) -> str:
    if llr > _WORTH_SAYING:
        return "features move a little more as in forged clips"
    if llr < -_WORTH_SAYING:
        return "features move a little more as in filmed clips"
    return "how features move tells little"
