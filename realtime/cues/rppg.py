"""From the colour of skin over time to a pulse: two projections, a spectrum and its clarity.

POS is the plane orthogonal to the skin's tone (Wang, den Brinker, Stuijk and de Haan,
"Algorithmic Principles of Remote PPG", IEEE TBME 64, 2017), CHROM the older projection on
chrominance (de Haan and Jeanne, "Robust Pulse Rate From Chrominance-Based rPPG", IEEE TBME 60,
2013). Signals are on an even grid of `RATE_HZ`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, hilbert, sosfiltfilt

Signal = NDArray[np.floating[Any]]

RATE_HZ: Final = 30.0
LOW_HZ: Final = 0.7
HIGH_HZ: Final = 3.0
_TOP_HZ: Final = 4.0
"""Up to here a spectrum is searched for what is not the pulse."""
_POS_WINDOW_S: Final = 1.6
_NEAR_HZ: Final = 0.1
"""Half the width of a peak, for the fundamental; the harmonic gets twice as much."""
_SLOWEST_HZ: Final = 0.2
_FOOT: Final = 0.003
"""Power of a peak against the greatest at any frequency: the window's own side lobes stay below."""
_STEP_HZ: Final = 1 / 120
"""Half a beat a minute between two values of the spectrum."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The clearest rate of a signal. ``bpm`` beats a minute, ``snr_db`` as de Haan and Jeanne
    define it: power at the rate and its first harmonic over all else from 0.7 to 4 Hz.
    """

    bpm: float
    snr_db: float


def even(times: Signal, colours: Signal) -> Signal:
    """``colours`` ``(N, ...)`` at ``times`` ``(N,)``, growing seconds, on a grid of `RATE_HZ`."""
    grid = np.arange(times[0], times[-1], 1 / RATE_HZ)
    flat = colours.reshape(len(times), -1)
    out = np.stack([np.interp(grid, times, column) for column in flat.T], 1)
    return out.reshape(len(grid), *colours.shape[1:])


def pos(bgr: Signal) -> Signal:
    """Pulse ``(N,)`` of mean colours ``(N, 3)`` by POS with windows of 1.6 s."""
    window = min(len(bgr), round(_POS_WINDOW_S * RATE_HZ))
    parts = np.lib.stride_tricks.sliding_window_view(bgr, window, axis=0)  # (K, 3, window)
    normal = parts / np.maximum(parts.mean(2, keepdims=True), 1e-9)
    blue, green, red = normal[:, 0], normal[:, 1], normal[:, 2]
    first, second = green - blue, green + blue - 2 * red
    spread = second.std(1, keepdims=True)
    pulses = first + first.std(1, keepdims=True) / np.where(spread > 0, spread, np.inf) * second
    pulses -= pulses.mean(1, keepdims=True)
    out = np.zeros(len(bgr))
    for offset in range(window):
        out[offset : offset + len(pulses)] += pulses[:, offset]
    return out


def chrom(bgr: Signal) -> Signal:
    """Pulse ``(N,)`` of mean colours ``(N, 3)`` by CHROM over the whole signal."""
    normal = bgr[:, ::-1] / np.maximum(bgr.mean(0)[::-1], 1e-9)
    x = in_band(3 * normal[:, 0] - 2 * normal[:, 1])
    y = in_band(1.5 * normal[:, 0] + normal[:, 1] - 1.5 * normal[:, 2])
    spread = y.std()
    return np.asarray(x - (x.std() / spread if spread > 0 else 0.0) * y)


def in_band(signal: Signal, low: float = LOW_HZ, high: float = HIGH_HZ) -> Signal:
    """What of ``signal`` ``(N,)`` lies between two frequencies, without delay.

    Butterworth of order 3, forth and back. Shorter than a second: nothing is left.
    """
    if len(signal) < RATE_HZ:
        return np.zeros(len(signal))
    return np.asarray(sosfiltfilt(_sections(low, high), signal, padlen=min(len(signal) - 1, 60)))


@lru_cache(maxsize=256)
def _sections(low: float, high: float) -> Signal:
    return np.asarray(butter(3, (low, high), "bandpass", fs=RATE_HZ, output="sos"))


def peak(signal: Signal) -> Peak | None:
    """The clearest rate of a pulse signal ``(N,)``, None for one without any peak in the band.

    The foot of slower changes, highest at the edge of the band, is no peak.
    """
    power, step = _spectrum(signal)
    freqs = np.arange(len(power)) * step
    band = (freqs >= LOW_HZ) & (freqs <= HIGH_HZ)
    band[1:-1] &= (power[1:-1] >= power[:-2]) & (power[1:-1] >= power[2:])
    if not power[band].max(initial=0.0) > _FOOT * power.max():
        return None
    at = float(freqs[band][int(np.argmax(power[band]))])
    return Peak(bpm=60 * at, snr_db=_snr(power, freqs, at))


def snr_at(signal: Signal, bpm: float) -> float:
    """Clarity in dB, as in `Peak`, of a rate that is known; -inf for a signal that is still."""
    power, step = _spectrum(signal)
    return _snr(power, np.arange(len(power)) * step, bpm / 60)


def _snr(power: Signal, freqs: Signal, at: float) -> float:
    everything = (freqs >= LOW_HZ) & (freqs <= _TOP_HZ)
    own = (np.abs(freqs - at) <= _NEAR_HZ) | (np.abs(freqs - 2 * at) <= 2 * _NEAR_HZ)
    inside, outside = power[everything & own].sum(), power[everything & ~own].sum()
    if not inside > 0:
        return -np.inf
    return float(10 * np.log10(inside / max(outside, 1e-12 * inside)))


def swing(place: Signal) -> float | None:
    """Hertz at which a place ``(N,)`` swings to and fro, from 0.2 to 3; None if at no one rate.

    One rate: half of the power lies within 0.1 Hz of it.
    """
    power, step = _spectrum(place)
    freqs = np.arange(len(power)) * step
    power = np.where((freqs >= _SLOWEST_HZ) & (freqs <= HIGH_HZ), power, 0.0)
    at = float(freqs[int(power.argmax())])
    clear = power[np.abs(freqs - at) <= _NEAR_HZ].sum() > 0.5 * power.sum()
    return at if clear else None


def coherence(one: Signal, two: Signal, hertz: float) -> tuple[float, float]:
    """How far two pulse signals go together around a rate, 0 to 1, and the phase between them.

    Size and angle of the complex correlation of the analytic signals; degrees, positive if the
    second is behind. (0, 0) where one does not move.
    """
    low, high = round(max(0.5, hertz - 0.3), 2), round(hertz + 0.3, 2)
    a, b = (np.asarray(hilbert(in_band(x, low, high))) for x in (one, two))
    size = float(np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real))
    if not size > 0:
        return 0.0, 0.0
    together = complex(np.vdot(b, a)) / size
    return min(1.0, abs(together)), float(np.degrees(np.angle(together)))


def _spectrum(signal: Signal) -> tuple[Signal, float]:
    """Power under a Hann window, from 0 Hz in steps that the length is filled up for."""
    length = max(len(signal), round(RATE_HZ / _STEP_HZ))
    tapered = (signal - signal.mean()) * np.hanning(len(signal))
    return np.asarray(np.abs(np.fft.rfft(tapered, length)) ** 2, np.float64), RATE_HZ / length
