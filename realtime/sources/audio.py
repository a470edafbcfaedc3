"""The sound of a file, decoded as far as it is asked for, on the clock of its frames."""

from __future__ import annotations

import logging
import math
import os
from typing import Any, Final

import av
from av.audio.frame import AudioFrame
from av.error import FFmpegError

from realtime.config import SourceConfig
from realtime.cues.sound import Sound
from realtime.errors import SourceError
from realtime.redact import redact
from realtime.sources.media import open_container, open_file
from realtime.sources.mono import Mono

log = logging.getLogger(__name__)

_BACK_S: Final = 1.0
"""Going back by more than this, or forward by more than `_AHEAD_S`, is a seek."""
_AHEAD_S: Final = 30.0
_LEAD_S: Final = 12.0
"""After a seek decoding begins so much before the wanted time: what a witness looks back on."""
_MAX_BAD: Final = 50


class FileSound:
    """Feeds a `Sound` from a second reader of the same file; used by one thread at a time.

    Time 0 is the first picture's, as for `realtime.sources.FileSource`. A file without sound, or
    with sound that cannot be decoded, simply has none: the pictures are what is judged. ``ears``
    are what it is fed to.
    """

    def __init__(
        self,
        path: str | bytes | os.PathLike[Any],
        config: SourceConfig,
        ears: type[Sound] = Sound,
    ) -> None:
        self._path = path
        self._config = config
        self._sound = ears(self._until)
        self._container: Any = None
        self._media: Any = None
        self._frames: Any = None
        self._mono = Mono()
        self._zero_s = 0.0
        self._done_s = -math.inf
        self._over = False

    @property
    def sound(self) -> Sound:
        """What is heard."""
        return self._sound

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._over = True
        container, self._container = self._container, None
        media, self._media = self._media, None
        self._frames = None
        if container is not None:
            container.close()
        if media is not None:
            media.close()

    def _until(self, time_s: float) -> None:
        """Decode up to ``time_s``."""
        if self._over:
            return
        if self._container is None and not self._open():
            self.close()
            return
        self._media.extend(self._config.read_timeout_s)
        if not -_BACK_S <= time_s - max(self._done_s, 0.0) <= _AHEAD_S:
            self._seek(time_s)
        bad = 0
        while self._done_s < time_s and not self._over:
            try:
                self._take(next(self._frames))
                bad = 0
            except (StopIteration, EOFError):
                return
            except FFmpegError as error:
                bad += 1
                if bad > _MAX_BAD:
                    self._say(error)
                    return

    def _open(self) -> bool:
        try:
            self._media = open_file(self._path)
            self._media.extend(self._config.open_timeout_s)
            limit = self._config.max_pixels
            self._container = open_container(self._media, redact(os.fsdecode(self._path)), limit)
            if not self._container.streams.audio or not self._container.streams.video:
                return False
            video = self._container.streams.video[0]
            video.codec_context.options = {"max_pixels": str(limit)}
            first = next(self._container.decode(video))
            if first.time is not None:
                self._zero_s = first.time
            self._container.seek(0)
            self._begin()
        except (FFmpegError, SourceError, OSError, StopIteration, ValueError) as error:
            self._say(error)
            return False
        return True

    def _begin(self) -> None:
        stream = self._container.streams.audio[0]
        self._mono = Mono()
        self._frames = self._container.decode(stream)

    def _seek(self, time_s: float) -> None:
        wanted = max(0.0, time_s - _LEAD_S) + self._zero_s
        try:
            self._container.seek(int(wanted * av.time_base))
        except FFmpegError:
            return
        self._done_s = -math.inf
        self._begin()

    def _take(self, frame: AudioFrame) -> None:
        begin = self._done_s if frame.time is None else frame.time - self._zero_s
        if not math.isfinite(begin):
            begin = 0.0
        self._sound.add(begin, self._mono.samples(frame))
        self._done_s = begin + frame.samples / max(1, frame.sample_rate)

    def _say(self, error: Exception) -> None:
        log.info(
            "The sound of %s cannot be used: %s", redact(os.fsdecode(self._path)), redact(error)
        )
