"""The witnesses of all tracks of one source."""

from __future__ import annotations

from collections.abc import Mapping

from realtime import verdict
from realtime.config import Config, VerdictConfig
from realtime.cues import pose
from realtime.cues.base import Sighting
from realtime.cues.sound import Sound
from realtime.cues.track import Kit, TrackCues
from realtime.types import Cue, Faces, Frame, Score


class SourceCues:
    """Shows every face of a source to the witnesses of its track; used by one thread at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config.verdict
        self._sound: Sound | None = None
        self._kit = Kit.of(config.cues, lambda: self._sound)
        self._tracks: dict[int, TrackCues] = {}

    def listen(self, sound: Sound | None) -> None:
        """Hear the source from now on, or no more."""
        self._sound = sound

    def see(
        self, frame: Frame, faces: Faces, scores: Mapping[int, Score]
    ) -> dict[int, tuple[Cue, ...]]:
        """What is said of each face of the frame; ``scores`` are those that came since the last."""
        said: dict[int, tuple[Cue, ...]] = {}
        for i, track_id in enumerate(faces.track_ids.tolist()):
            track = self._tracks.get(track_id)
            if track is None:
                track = self._tracks[track_id] = TrackCues(self._kit)
            if faces.has_landmarks(i):
                seen = sighting(frame, faces, i, scores.get(track_id), self._config)
                said[track_id] = track.see(seen)
            else:
                said[track_id] = track.ask(frame.time_s)
        return said

    def end(self, track_id: int) -> tuple[Cue, ...]:
        """Forget a track; what was said of it last."""
        track = self._tracks.pop(track_id, None)
        return () if track is None else track.said


def sighting(
    frame: Frame, faces: Faces, i: int, score: Score | None, config: VerdictConfig
) -> Sighting:
    """What the witnesses are shown of face ``i``, whose landmarks were found."""
    landmarks, quality = faces.landmarks[i], faces.quality[i]
    height, width = frame.image.shape[:2]
    return Sighting(
        time_s=frame.time_s,
        image=frame.image,
        box=faces.boxes[i],
        landmarks=landmarks,
        quality=quality,
        pose=pose.solve(landmarks, (width, height)),
        hidden=bool(verdict.obstacles(quality, True, config)),
        score=score,
    )
