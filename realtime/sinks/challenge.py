"""Drives a challenge with what the engine sees: prompts go to a person, the outcome to a file."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable

import numpy as np

from realtime.challenge import WORDS, Challenge, Observed, StepReport
from realtime.cues import pose
from realtime.redact import redact
from realtime.sinks.jsonl import SCHEMA
from realtime.sinks.lines import JsonlFile
from realtime.types import FloatArray, FrameResult, RunStart, RunSummary

_INNER = (33, 133, 362, 263, 4, 98, 327, 168, 61, 291)


class ChallengeSink:
    """Asks the largest face of one source; a run that starts anew begins at the first act.

    ``say`` gets each prompt and each outcome as a line, ``lines`` one record ``challenge`` at the
    end of a run.
    """

    needs_pictures = False
    challenge: Challenge

    def __init__(self, say: Callable[[str], None], lines: JsonlFile | None = None) -> None:
        self._say = say
        self._lines = lines
        self._epoch, self._last = 0, -math.inf
        self._prompt: str | None = None
        self._shape: FloatArray | None = None
        self._begin("file")

    def start(self, start: RunStart) -> None:
        """Begin with the first act."""
        self._begin(redact(start.source_id))

    def write(self, result: FrameResult) -> None:
        """Show the frame to the challenge, and say what it asks."""
        frame = result.frame
        if frame.epoch != self._epoch:
            self._epoch, self._last, self._shape = frame.epoch, -math.inf, None
        if frame.time_s <= self._last or self.challenge.over:
            return
        self._last = frame.time_s
        self._tell(self.challenge.take(self._observed(result)))
        if (prompt := self.challenge.prompt) is not None and prompt != self._prompt:
            self._say(f"challenge: {prompt}")
        self._prompt = self.challenge.prompt

    def finish(self, summary: RunSummary) -> None:  # noqa: ARG002 - as every sink
        """Say the outcome and write it; ``summary`` adds nothing."""
        report = self.challenge.report()
        self._say(f"challenge: {report.outcome.value}")
        if self._lines is not None:
            record = {"type": "challenge", "schema": SCHEMA, "source_id": self._source_id}
            self._lines.write([json.dumps({**record, **report.as_dict()}, allow_nan=False)])

    def close(self) -> None:
        """Nothing to release: the lines belong to others."""

    def _begin(self, source_id: str) -> None:
        self._source_id = source_id
        self._epoch, self._last = 0, -math.inf
        self._prompt = self._shape = None
        self.challenge = Challenge(words=secrets.SystemRandom().sample(WORDS, 4))

    def _tell(self, step: StepReport | None) -> None:
        if step is not None:
            self._say(f"challenge: {step.act.value}: {step.outcome.value} ({step.text})")

    def _observed(self, result: FrameResult) -> Observed:
        frame, faces = result.frame, result.faces
        with_landmarks = [i for i in range(len(faces)) if faces.has_landmarks(i)]
        if not with_landmarks:
            self._shape = None
            return Observed(frame.time_s, found=False)
        i = max(with_landmarks, key=lambda k: faces.quality[k].size_px)
        points, quality = faces.landmarks[i], faces.quality[i]
        found = pose.solve(points, (frame.image.shape[1], frame.image.shape[0]))
        width = max(float(np.linalg.norm(points[234] - points[454])), 1.0)
        left, right = (float(np.linalg.norm(points[4] - points[k])) for k in (280, 50))
        score = result.scores.get(int(faces.track_ids[i]))
        return Observed(
            frame.time_s,
            found=True,
            yaw=quality.yaw if found is None else found.yaw,
            size_px=quality.size_px,
            occlusion=quality.occlusion,
            cheeks=math.log(max(left, 1.0) / max(right, 1.0)),
            mouth=float(np.linalg.norm(points[13] - points[14])) / width,
            jump=self._jump(points, width),
            log_odds=None if score is None else score.log_odds,
        )

    def _jump(self, points: FloatArray, width: float) -> float:
        """How far features moved in the plane of the mesh's own axes, in widths of the face."""
        inner = points[list(_INNER)] - points[list(_INNER)].mean(axis=0)
        before, self._shape = self._shape, inner / width
        if before is None:
            return math.nan
        # The turn that fits best (Kabsch 1976) is the head's and no jump.
        u, _, v = np.linalg.svd(before.T @ self._shape)
        turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))]) @ v
        return float(np.sqrt(((before @ turn - self._shape) ** 2).sum(axis=1).mean()))
