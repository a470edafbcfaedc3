"""What the container says of a file beside its pictures, and its sound, read as far as wanted."""

from __future__ import annotations

import logging
import math
import os
from bisect import bisect_left, bisect_right
from typing import Any, Final

import av
from av.audio.frame import AudioFrame
from av.error import FFmpegError

from realtime.config import SourceConfig
from realtime.cues.stretch import Hearing
from realtime.cues.timing import StreamFacts
from realtime.errors import SourceError
from realtime.redact import redact
from realtime.sources.media import MediaFile, open_container, open_file
from realtime.sources.mono import Mono

log = logging.getLogger(__name__)

_KEEP_S: Final = 60.0
_AHEAD_S: Final = 2.0
"""Pictures that are shown later may come first in the file."""
_NEAR_S: Final = 0.004
_MAX_BAD: Final = 50
_UNKNOWN: Final = -1
_KEY: Final = -2
_LONGEST_GROUP: Final = 100


class FileInspection:
    """Reads the packets of a file once more, beside its frames; used by one thread at a time.

    Time 0 is the first picture's, as for `realtime.sources.FileSource`. Video is not decoded:
    that a picture is a key picture, one that others follow, or one of those between two such, is
    seen from the order of the packets. A file that cannot be read so far simply says no more.
    """

    def __init__(self, path: str | bytes | os.PathLike[Any], config: SourceConfig) -> None:
        self._path = path
        self._config = config
        self._name = redact(os.fsdecode(path))
        self._hearing = Hearing()
        self._media: MediaFile | None = None
        self._container: Any = None
        self._video: Any = None
        self._audio: Any = None
        self._packets: Any = None
        self._mono = Mono()
        self._zero_s: float | None = None
        self._done_s = -math.inf
        self._bad = 0
        self._over = False
        self._forget()

    @property
    def hearing(self) -> Hearing:
        """What listens to the sound."""
        return self._hearing

    def facts(self) -> StreamFacts:
        """What the container states; everything None if it cannot be opened."""
        if self._container is None and not self._over:
            self._open()
        video, audio = self._video, self._audio
        return StreamFacts(
            nominal_rate=_number(video.guessed_rate) if video is not None else None,
            average_rate=_number(video.average_rate) if video is not None else None,
            video_s=_duration(video),
            audio_s=_duration(audio),
            sample_hz=int(audio.rate) if audio is not None else None,
            has_sound=audio is not None,
        )

    def until(self, time_s: float) -> None:
        """Read so far that everything that is shown or heard before ``time_s`` is known."""
        if self._container is None and not self._over:
            self._open()
        while not self._over and self._done_s < time_s + _AHEAD_S:
            try:
                self._take(next(self._packets))
            except StopIteration:
                self._over = True
            except FFmpegError as error:
                self._bad += 1
                if self._bad > _MAX_BAD:
                    self._say(error)

    def restart(self, time_s: float) -> None:
        """Go on from ``time_s``, after the viewer went there."""
        self._hearing.reset()
        self._forget()
        if self._container is None or self._packets is None:
            return
        try:
            self._container.seek(int((max(0.0, time_s) + (self._zero_s or 0.0)) * av.time_base))
        except FFmpegError as error:
            self._say(error)
            return
        self._over = False
        self._begin()

    def orders(self, times: list[float]) -> list[int]:
        """The turn of the picture at each time in the codec's order, as a number for each turn.

        Pictures between two that others follow are told apart by their place among them.
        """
        stamps = sorted(stamp for stamp, _, _ in self._seen)
        anchors = sorted((stamp, key) for stamp, key, anchor in self._seen if anchor)
        at = [stamp for stamp, _ in anchors]
        return [self._order(time_s, stamps, at, anchors) for time_s in times]

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._over = True
        container, self._container = self._container, None
        media, self._media = self._media, None
        self._packets = self._video = self._audio = None
        if container is not None:
            container.close()
        if media is not None:
            media.close()

    def _open(self) -> None:
        try:
            self._media = open_file(self._path)
            self._media.extend(self._config.open_timeout_s)
            self._container = open_container(self._media, self._name, self._config.max_pixels)
            self._media.extend(math.inf)
        except SourceError as error:
            self._say(error)
            return
        streams = self._container.streams
        self._video = streams.best("video")
        self._audio = streams.best("audio")
        if self._video is None:
            self._over = True
            return
        self._begin()

    def _begin(self) -> None:
        wanted = [stream for stream in (self._video, self._audio) if stream is not None]
        self._mono = Mono()
        self._packets = self._container.demux(*wanted)
        self._done_s = -math.inf

    def _forget(self) -> None:
        self._seen: list[tuple[float, bool, bool]] = []
        self._newest = -math.inf

    def _take(self, packet: Any) -> None:
        if packet.stream is self._audio:
            for frame in packet.decode():
                self._hear(frame)
        elif packet.size:
            ticks = packet.dts if packet.pts is None else packet.pts
            if ticks is None:
                self._over = True  # nothing says when, so that nothing says how far to read
                return
            stamp = float(ticks * packet.time_base)
            if self._zero_s is None:
                self._zero_s = stamp
            stamp -= self._zero_s
            anchor = stamp > self._newest
            self._newest = max(stamp, self._newest)
            self._seen.append((stamp, bool(packet.is_keyframe), anchor))
            self._done_s = max(self._done_s, stamp)
            if self._seen[0][0] < stamp - 1.5 * _KEEP_S:
                self._seen = [seen for seen in self._seen if seen[0] >= stamp - _KEEP_S]

    def _hear(self, frame: AudioFrame) -> None:
        if frame.time is None:
            return
        samples = self._mono.samples(frame)
        if len(samples):
            self._hearing.add(frame.time - (self._zero_s or 0.0), samples)

    @staticmethod
    def _order(
        time_s: float, stamps: list[float], at: list[float], anchors: list[tuple[float, bool]]
    ) -> int:
        place = bisect_left(stamps, time_s - _NEAR_S)
        if place >= len(stamps) or stamps[place] > time_s + _NEAR_S:
            return _UNKNOWN
        stamp = stamps[place]
        i = bisect_left(at, stamp)
        if i >= len(at):
            return _UNKNOWN
        if at[i] == stamp and anchors[i][1]:
            return _KEY
        first = bisect_right(stamps, at[i - 1]) if i else 0
        length = bisect_left(stamps, at[i]) - first + 1
        return min(length, _LONGEST_GROUP) * _LONGEST_GROUP + min(place - first, _LONGEST_GROUP - 1)

    def _say(self, error: Exception) -> None:
        self._over = True
        log.info("The packets of %s cannot be read further: %s", self._name, redact(error))


def _number(value: Any) -> float | None:
    return float(value) if value and value > 0 else None


def _duration(stream: Any) -> float | None:
    if stream is None or not stream.duration or stream.duration <= 0 or not stream.time_base:
        return None
    return float(stream.duration * stream.time_base)
