"""The sound that goes with a screen, a window or a camera: of this computer's own devices."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from typing import IO, Final

import numpy as np

from realtime.cues.sound import Sound
from realtime.redact import redact
from realtime.sources.sound_process import HEADER, SAMPLES, SENTENCE

log = logging.getLogger(__name__)

_END_S: Final = 2.0
_LONGEST: Final = 1 << 20
"""Bytes of a record; there are no longer ones."""


class DeviceSound:
    """Hears ``what`` from now on until it is closed; see ``cues.hear`` in the settings.

    A process of its own records and one thread takes down what it hears, on the monotonic clock,
    which is that of the frames of devices. What goes wrong is logged in one sentence, and then
    there is no sound.
    """

    def __init__(self, what: str) -> None:
        self._sound = Sound()
        self._closing = False
        command = [sys.executable, "-m", "realtime.sources.sound_process", what]
        # Its own standard error is that of libraries, which say nothing that we do not.
        self._process = subprocess.Popen(  # noqa: S603 - one argument of one program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._listen, name="fw-sound", daemon=True)
        self._thread.start()

    @property
    def sound(self) -> Sound:
        """What is heard."""
        return self._sound

    def close(self) -> None:
        """Hear no more; may be called twice."""
        self._closing = True
        self._process.kill()
        self._process.wait()
        self._thread.join(_END_S)

    def _listen(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        with pipe:
            while (record := _read(pipe)) is not None:
                kind, time_s, body = record
                if kind == SAMPLES:
                    samples = np.frombuffer(body, "<f4")
                    self._sound.add(time_s, np.nan_to_num(samples).astype(np.float64))
                elif kind == SENTENCE:
                    log.warning("Nothing is heard: %s", redact(body.decode("utf-8", "replace")))
                    return
        if not self._closing:
            log.warning("Nothing is heard any more: the system's sound has ended.")


def _read(pipe: IO[bytes]) -> tuple[bytes, float, bytes] | None:
    """The next record; None at the end, and where there is none that makes sense."""
    head = pipe.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    kind, time_s, size = HEADER.unpack(head)
    if size > _LONGEST:
        return None
    body = pipe.read(size)
    return (kind, time_s, body) if len(body) == size else None
