"""Light as a question: the screen shows colours in an order that nobody can know beforehand.

A face before that screen takes on its hues a moment later; a face that was painted by a machine
elsewhere does not, or follows another order. After Gerstner and Farid, "Detecting Real-Time
Deep-Fake Videos Using Active Illumination" (CVPR Workshops 2022). Nothing but maths in here: who
shows the colours and who measures the skin is others' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

SLOT_S: Final = 0.6
"""Each colour stays so long. WCAG 2.2, 2.3.1 allows no more than three flashes a second; these are
under two changes, of hue at nearly the same brightness, and none is a saturated red."""
MAX_DELAY_S: Final = 1.5
"""A call's way there and back is rarely longer."""
SURE_P: Final = 0.01
"""An answer is taken for one if an order drawn at random does as well in fewer cases than this."""
NEEDS_S: Final = 6.0

_HUES: Final = 6
_LUMA: Final = 140.0
_CHROMA: Final = 100.0
_MIN_RATE_HZ: Final = 7.0
_GRID_HZ: Final = 15.0
_DRIFT_S: Final = 6.0
"""Changes slower than this are the camera's white balance and the day."""
_OTHERS: Final = 999
"""Other orders that the one shown is compared with."""
_GAMMA: Final = 2.2
_DARK: Final = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class FlashSequence:
    """Colours to be shown, one after another.

    ``starts_s`` ``(K,)`` seconds since the first, ``colours`` ``(K, 3)`` uint8 BGR, ``seconds``
    how long all of them take.
    """

    starts_s: NDArray[np.float64]
    colours: NDArray[np.uint8]
    seconds: float

    def colour(self, time_s: float) -> tuple[int, int, int] | None:
        """BGR to be shown ``time_s`` seconds after the start; None before and after it."""
        if not 0 <= time_s < self.seconds:
            return None
        blue, green, red = self.colours[int(np.searchsorted(self.starts_s, time_s, "right")) - 1]
        return int(blue), int(green), int(red)


@dataclass(frozen=True, slots=True)
class LightResponse:
    """How a face answered.

    ``correlation`` -1..1 between what was shown and the hue of the face, at the delay where it is
    best; ``delay_s`` that delay, None if there was too little to look at. ``p_value`` is the share
    of orders drawn at random that would have done as well, 1 if there was too little to look at.
    ``text`` says it to a person.
    """

    correlation: float
    delay_s: float | None
    p_value: float
    text: str

    @property
    def answered(self) -> bool:
        """Whether the face was lit by this screen; False is no proof of the contrary."""
        return self.p_value <= SURE_P


def flash_sequence(seed: int, seconds: float) -> FlashSequence:
    """The order of colours for a seed, the same for ever; draw the seed from `secrets`.

    Neighbours differ by at least 120 degrees of hue.

    Raises:
        ValueError: unless it lasts `NEEDS_S` or longer.
    """
    if not seconds >= NEEDS_S:
        raise ValueError(f"a sequence of colours must last {NEEDS_S:.0f} s or longer")
    count = int(np.ceil(seconds / SLOT_S - 1e-9))
    hues = _orders(np.random.default_rng(seed), 1, count)[0]
    return FlashSequence(SLOT_S * np.arange(count), _palette()[hues], float(seconds))


def response(
    times: Array,
    face_bgr: Array,
    sequence: FlashSequence,
    max_delay_s: float = MAX_DELAY_S,
    *,
    background_bgr: Array | None = None,
) -> LightResponse:
    """Whether a face takes on the colours of a sequence.

    What is compared are the logarithms of red and of blue over green, less those of the
    background, without their drift. For the light of a screen that adds to another, they follow
    the linear light of the screen. Significance is that of a randomisation test: the same best
    correlation over all delays is taken for 999 other orders.

    Args:
        times: ``(N,)`` growing seconds since the first colour was shown, by the clock of who shows.
        face_bgr: ``(N, 3)`` mean colour of the skin (`realtime.cues.skin`), 0 to 255; rows with
            NaN are left out.
        sequence: what was shown.
        max_delay_s: the longest way there and back.
        background_bgr: ``(N, 3)`` the same of what is behind the face; the camera's white balance
            moves it like the face, the screen hardly. None or NaN where there is none.

    Raises:
        ValueError: if the arrays do not fit together.
    """
    times, face = np.asarray(times, np.float64), np.asarray(face_bgr, np.float64)
    if times.ndim != 1 or face.shape != (len(times), 3):
        raise ValueError("face_bgr must have a row of three numbers for each time")
    hue = _log_hue(face)
    if background_bgr is not None:
        behind = np.asarray(background_bgr, np.float64)
        if behind.shape != face.shape:
            raise ValueError("background_bgr must be of the shape of face_bgr")
        behind = _log_hue(behind)
        if np.isfinite(behind).all(1).mean() > 0.5:
            hue = hue - behind
    use = (times >= 0) & (times <= sequence.seconds + max_delay_s) & np.isfinite(hue).all(1)
    times, hue = times[use], hue[use]
    why = _too_little(times)
    if why:
        return LightResponse(0.0, None, 1.0, f"not assessable: {why}")
    return _compare(*_thinned(times, hue), sequence, max_delay_s)


def _compare(
    times: Array, hue: Array, sequence: FlashSequence, max_delay_s: float
) -> LightResponse:
    count = len(sequence.starts_s)
    others = _palette()[_orders(np.random.default_rng(0), _OTHERS, count)]
    shown = _screen(np.concatenate([sequence.colours[None], others]))  # (C, K, 2)
    drift = _drift(times)
    hue = _without(drift, hue.T[None])[0]  # (2, N)
    hue /= np.maximum(np.linalg.norm(hue, axis=1, keepdims=True), 1e-12)
    delays = np.arange(0.0, max_delay_s + 1e-9, 1 / _GRID_HZ)
    table = np.stack([_fit(shown, sequence, times - delay, hue, drift) for delay in delays])
    best = table.max(0)
    at = int(table[:, 0].argmax())
    p_value = (1 + int((best[1:] >= best[0]).sum())) / len(best)
    correlation, delay = float(best[0]), float(delays[at])
    numbers = f"correlation {correlation:.2f}, p {p_value:.3f}"
    if p_value <= SURE_P:
        text = f"the face answers the light of the screen after {delay:.1f} s ({numbers})"
    else:
        text = f"the face shows no answer to the light of the screen ({numbers})"
    return LightResponse(correlation, delay, p_value, text)


def _fit(shown: Array, sequence: FlashSequence, times: Array, hue: Array, drift: Array) -> Array:
    """Correlation ``(C,)`` of each order with the face, mean of both hues, at one delay."""
    slots = np.searchsorted(sequence.starts_s, times, "right") - 1
    lit = (slots >= 0) & (times < sequence.seconds)
    light = shown[:, np.clip(slots, 0, None)] * lit[None, :, None]  # (C, N, 2)
    light = _without(drift, light.transpose(0, 2, 1))
    size = np.maximum(np.linalg.norm(light, axis=2), 1e-12)
    return np.asarray((np.einsum("chn,hn->ch", light, hue) / size).mean(1))


def _screen(colours: NDArray[np.uint8]) -> Array:
    """Linear red less green and blue less green ``(..., 2)`` of colours ``(..., 3)`` BGR."""
    linear = (colours / 255.0) ** _GAMMA
    return np.stack([linear[..., 2] - linear[..., 1], linear[..., 0] - linear[..., 1]], -1)


def _log_hue(bgr: Array) -> Array:
    """``(N, 2)`` log of red and of blue over green; NaN where it is too dark for a hue."""
    seen = np.where(bgr >= _DARK, bgr, np.nan)
    return np.asarray(np.log(seen[:, [2, 0]] / seen[:, 1:2]))


def _too_little(times: Array) -> str:
    seconds = float(times[-1] - times[0]) if len(times) > 1 else 0.0
    if seconds < NEEDS_S - 0.5:
        return f"needs {NEEDS_S:.0f} s of the face while colours are shown"
    rate = len(times) / seconds
    return f"{rate:.0f} pictures a second, needs {_MIN_RATE_HZ:.0f}" if rate < _MIN_RATE_HZ else ""


def _thinned(times: Array, hue: Array) -> tuple[Array, Array]:
    """Means over a fifteenth of a second, which keeps the work small at any rate."""
    _, cell, counts = np.unique(np.floor(times * _GRID_HZ), return_inverse=True, return_counts=True)
    columns = [np.bincount(cell, each) / counts for each in (times, hue[:, 0], hue[:, 1])]
    return columns[0], np.stack(columns[1:], 1)


def _drift(times: Array) -> Array:
    """Orthonormal slow waves ``(N, m)``, a constant among them."""
    length = float(times[-1] - times[0])
    order = np.arange(1 + int(2 * length / _DRIFT_S))
    waves = np.cos(np.pi * order[None, :] * ((times - times[0]) / length)[:, None])
    return np.linalg.qr(waves)[0]


def _without(drift: Array, signals: Array) -> Array:
    """``signals`` ``(C, 2, N)`` with nothing left that is as slow as ``drift``."""
    return np.asarray(signals - (signals @ drift) @ drift.T)


def _orders(rng: np.random.Generator, orders: int, count: int) -> NDArray[np.int64]:
    """Hues ``(orders, count)``: each at least two sixths of the circle from the one before."""
    steps = rng.integers(2, _HUES - 1, (orders, count))
    steps[:, 0] = rng.integers(0, _HUES, orders)
    return np.asarray(steps.cumsum(1) % _HUES, np.int64)


def _palette() -> NDArray[np.uint8]:
    """``(6, 3)`` BGR: hues around the circle of ITU-R BT.601 chroma at one luma."""
    turn = 2 * np.pi * np.arange(_HUES) / _HUES
    cb, cr = _CHROMA * np.cos(turn), _CHROMA * np.sin(turn)
    bgr = _LUMA + np.stack([1.772 * cb, -0.344 * cb - 0.714 * cr, 1.402 * cr], 1)
    return np.asarray(np.clip(np.rint(bgr), 0, 255), np.uint8)
