"""The sound of a live stream, decoded beside its pictures and on their clock."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, Final

from av.audio.frame import AudioFrame
from av.error import FFmpegError

from realtime.cues.sound import Sound
from realtime.sources.mono import Mono

log = logging.getLogger(__name__)

_MAX_BAD: Final = 50


class StreamSound:
    """Feeds a `Sound` from the packets of one connection; `Sound` is what other threads read.

    Sound is a guest: whatever is wrong with it ends the hearing, never the stream. ``name`` is
    for the log and must be redacted.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sound = Sound()
        self._mono = Mono()
        self._bad = 0
        self._deaf = False

    @property
    def sound(self) -> Sound:
        """What is heard, on the clock of the frames."""
        return self._sound

    def close(self) -> None:
        """Hear no more; may be called twice."""
        self._deaf = True

    def take(self, packet: Any, place: Callable[[float], float | None]) -> None:
        """Hear one packet; ``place`` turns seconds of the stream's clock into those of frames,
        or gives None while there was no frame."""
        if self._deaf or not packet.size:
            return
        try:
            for frame in packet.decode():
                self._hear(frame, place)
            self._bad = 0
        except (FFmpegError, ValueError) as error:
            self._mono = Mono()
            self._bad += 1
            if self._bad > _MAX_BAD:
                self._deaf = True
                log.info("The sound of %s cannot be used (%s).", self._name, type(error).__name__)

    def _hear(self, frame: AudioFrame, place: Callable[[float], float | None]) -> None:
        begin = None if frame.time is None else place(frame.time)
        if begin is None or not math.isfinite(begin):
            return
        self._sound.add(begin, self._mono.samples(frame))
