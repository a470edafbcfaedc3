"""From a voice to how far the mouth is open that it comes from.

Loudness alone says little of that: a hum is loud behind closed lips, an *s* behind closed teeth.
How the sound is spread over its bands says more, since an open mouth lets through what lies above
600 Hz, which closed lips keep in. One line through the bands is enough; `benchmarks.lipsync` fits
it, together with the line through the shapes of a mouth, as the first pair of canonical variates
(Hotelling, "Relations Between Two Sets of Variates", Biometrika 28, 1936).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating[Any]]

EDGES_HZ: Final = (100, 300, 600, 1000, 1600, 2400, 3400, 5000, 7500)
"""Eight bands; of what comes through a telephone the last three are silent."""
BANDS: Final = len(EDGES_HZ) - 1
LINE: Final = np.array([-0.81, -0.81, 0.97, -0.3, 1.69, 1.65, 0.98, -0.36])
"""What each band adds, per nat of its level, in units of no meaning. Fitted on the 14 clips of the
table *aligned* of `benchmarks.lipsync`, ten of them forged."""

_QUIET: Final = -8.0
_DEPTH: Final = 3.0
"""So far below the loudest of late, in nats, a band counts as silent: below is the room."""
_FADES: Final = 0.2
"""Nats a second by which what was loud is forgotten."""
_WINDOW_POWER: Final = 0.375
"""Mean square of a Hann window."""


def bands(frames: Samples, sample_hz: int, step_s: float, loudest: Samples) -> Samples:
    """Level ``(K, 8)`` of each band in frames ``(K, W)``, never less than `_DEPTH` below the
    loudest so far.

    Natural logarithm of the root mean square, full scale 0. ``step_s`` lies between two frames.
    ``loudest`` ``(8,)`` is what was loudest before them, -inf at first, and is brought up to date.
    """
    width = frames.shape[1]
    size = 1 << (width - 1).bit_length()
    scale = 2 / (size * width * _WINDOW_POWER)
    power = scale * np.abs(np.fft.rfft(frames * np.hanning(width), size)) ** 2
    at = np.searchsorted(np.fft.rfftfreq(size, 1 / sample_hz), EDGES_HZ)
    inside = np.add.reduceat(power, at, axis=1)[:, :BANDS]
    level = np.maximum(0.5 * np.log(np.maximum(inside, 1e-20)), _QUIET)
    faded = _FADES * step_s * np.arange(len(level) + 1)[:, None]
    peaks = np.maximum.accumulate(np.vstack((loudest, level)) + faded, axis=0) - faded
    loudest[:] = peaks[-1]
    return np.asarray(np.maximum(level, peaks[1:] - _DEPTH))
