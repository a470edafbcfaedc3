"""Records what this computer plays, or a microphone, in a process of its own.

Libraries of sound hang and end processes when their server goes away; this way that is no more
than a silence. Run as ``python -m realtime.sources.sound_process WHAT`` by `DeviceSound`, it writes
records to its standard output until nobody reads them any more: `HEADER`, then the body. A body
of `SAMPLES` is 32-bit floats, mono, 16 kHz, that began at the time of the header on
``time.monotonic``, which all processes of a machine share; one of `SENTENCE` says why there is
nothing to hear.
"""

from __future__ import annotations

import os
import struct
import sys
import time
import warnings
from typing import Any, Final

import numpy as np

from realtime.cues.sound import SAMPLE_HZ

HEADER: Final = struct.Struct("<cdI")
"""Kind, time in seconds, bytes that follow."""
SAMPLES: Final = b"s"
SENTENCE: Final = b"e"
SPEAKER, MICROPHONE = "speaker", "microphone"
_BLOCK: Final = SAMPLE_HZ // 10
_RESYNC_S: Final = 0.2
"""A clock of sound that is off by so much has lost something."""


def main() -> None:
    """Record until the reader has gone."""
    kind, _, name = sys.argv[1].partition(":")
    try:
        _record(_device(kind, name.strip()))
    except BrokenPipeError:
        # Nobody is left to flush for.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except LookupError as error:
        _say(str(error.args[0]))
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001 - libraries of sound raise whatever they like
        _say(f"The system's sound broke off ({type(error).__name__}).")


def _device(kind: str, name: str) -> Any:
    """What to record; raises LookupError with a sentence."""
    try:
        import soundcard  # noqa: PLC0415 - needs a server of sound as soon as it is imported
    except Exception:  # noqa: BLE001
        # An assertion that fails, a library that is missing, a system that it does not know.
        raise LookupError(
            "This system offers no sound to record; start its sound server."
        ) from None
    loopback = kind == SPEAKER
    found = soundcard.all_microphones(include_loopback=True)
    found = [device for device in found if device.isloopback == loopback]
    if not found:
        what = "sound of its speakers" if loopback else "microphone"
        raise LookupError(f"This system offers no {what}; name a virtual one as a microphone.")
    if name:
        fits = [device for device in found if name.casefold() in device.name.casefold()]
        names = ", ".join(device.name for device in found)
        if not fits:
            raise LookupError(f"No {kind} is called {name}; there are: {names}.")
        return fits[0]
    usual = soundcard.default_speaker() if loopback else soundcard.default_microphone()
    same = [device for device in found if usual.name in device.name]
    return (same or found)[0]


def _record(device: Any) -> None:
    # Silence before anything is played is told by a warning on some systems.
    warnings.simplefilter("ignore")
    due: float | None = None
    with device.recorder(SAMPLE_HZ, channels=1, blocksize=_BLOCK) as recorder:
        while True:
            block = np.asarray(recorder.record(_BLOCK), np.float32).reshape(-1)
            begin = time.monotonic() - len(block) / SAMPLE_HZ
            # Blocks come unevenly; the samples themselves do not.
            if due is None or abs(begin - due) > _RESYNC_S:
                due = begin
            else:
                due += 0.02 * (begin - due)
            _write(SAMPLES, due, block.astype("<f4").tobytes())
            due += len(block) / SAMPLE_HZ


def _say(sentence: str) -> None:
    try:
        _write(SENTENCE, time.monotonic(), sentence.encode())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(kind: bytes, time_s: float, body: bytes) -> None:
    sys.stdout.buffer.write(HEADER.pack(kind, time_s, len(body)) + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
