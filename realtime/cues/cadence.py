"""Repeated, left out and made-up pictures: how regularly each lies between its neighbours.

A picture of a steady recording lies half way between the one before and the one after, give or
take what moves. A repeated picture lies at one of them; where pictures were left out, or made up
between two others, it lies elsewhere, again and again with the period of the conversion. So the
place of each picture between its neighbours is looked at as a signal, and its spectrum for lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import gamma

FloatArray = NDArray[np.float64]

STANDARD_RATES: Final = (
    5.0, 7.5, 8.0, 10.0, 12.0, 12.5, 15.0, 20.0, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0,
    48.0, 50.0, 60000 / 1001, 60.0, 90.0, 100.0, 120000 / 1001, 120.0, 240.0,
)  # fmt: skip
"""Pictures a second that cameras, films, television, screens and slow webcams have."""
LENGTHS: Final = (2, 3, 4, 5, 6, 8, 10, 12)
"""Periods in pictures that are looked for: those of 24, 25, 30, 50 and 60 pictures a second turned
into each other and of 0.5, 0.75, 0.9, 1.25 and 1.5 times the speed. Others would only add what
chance can take for one."""
CLEAR_NATS: Final = 25.0
"""From here on a pattern counts. Of recordings that were not converted the highest on the clips
that this was chosen on is 10; real ones are no white noise, so that it is far from 0."""
_SAME_RATE: Final = 0.004
"""Rates that differ by less are the same: 24 and 23.976 are, 22.5 and 24 are not."""
_STEPS: Final = (0.4, 1.6)
_SMALLEST: Final = 0.5
"""The difference in grey levels, root mean square over a thumbnail, below which nothing moves."""
_CLIP: Final = 0.75
_AROUND: Final = 0.12
_HIGHEST: Final = 1000.0
_LOW, _HIGH = -0.8, 0.35
"""Logarithms of the step to a picture, against the median of a pattern, at which it is a repeated
one, or one before which another was left out."""
_EXACT: Final = -1.9
_MOST_LEFT_OUT: Final = Fraction(3, 10)
_NEARLY: Final = 0.9
"""The shortest period that stands out so nearly as the clearest is taken; its multiples do, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What thumbnails show of each of N pictures that have neighbours.

    ``place`` ``(N,)``: where it lies between its neighbours, 0 at the one before, 1 at the one
    after. ``step`` ``(N,)``: root mean square difference from the one before, in grey levels.
    ``span`` ``(N,)``: that between its neighbours.
    """

    place: FloatArray
    step: FloatArray
    span: FloatArray


@dataclass(frozen=True, slots=True)
class Pattern:
    """A cadence with a period of ``length`` pictures.

    ``steps`` are the pictures of the recording that may go by with each that is shown: all that
    have this period. ``likely`` are those that the sizes of the changes speak for, as ``kind``:
    one where pictures are "repeated" or "left out", two where they are "made up". ``nats`` is how
    far it stands out of chance. ``hidden`` says that the codec's own order of pictures has the
    same period, so that it explains the pattern as well.
    """

    kind: str
    length: int
    steps: tuple[Fraction, ...]
    likely: tuple[Fraction, ...]
    nats: float
    hidden: bool


def relate(
    before: NDArray[np.uint8], here: NDArray[np.uint8], after: NDArray[np.uint8]
) -> tuple[float, float, float]:
    """Place, step and span of one picture as in `Motion`, from grey thumbnails ``(h, w)``.

    The place is that of the mixture of the neighbours that comes nearest (least squares).
    """
    step = here.astype(np.float32) - before
    span = after.astype(np.float32) - before
    energy = float((span * span).mean())
    place = float((step * span).mean()) / max(energy, 1e-6)
    return place, float((step * step).mean()) ** 0.5, energy**0.5


def standard(rate: float) -> float | None:
    """The usual rate that this is, in pictures a second, None if it is none."""
    near = min(STANDARD_RATES, key=lambda r: abs(r - rate))
    return near if abs(near / rate - 1) < _SAME_RATE else None


def moving(motion: Motion) -> float:
    """The share of pictures around which anything moves, 0 to 1."""
    return float((motion.span > _SMALLEST).mean()) if len(motion.span) else 0.0


def pattern(motion: Motion, orders: Sequence[int]) -> Pattern | None:
    """The cadence of the pictures, None if there is none that is clear.

    ``orders`` ``(N,)`` name the turn of each picture in the codec's order (I, P and each B of a
    group); what goes with the turns is taken off before a pattern is believed.
    """
    values = _places(motion)
    if len(values) < 5 * max(LENGTHS):
        return None
    raw = _standing_out(values)
    most = max(raw.values())
    if most < CLEAR_NATS:
        return None
    length = next(each for each in LENGTHS if raw[each] >= _NEARLY * most)
    nats = min(raw[length], _standing_out(_without(values, orders))[length])
    every = (Fraction(k, length) for k in range(1, 2 * length))
    low, high = _STEPS
    steps = tuple(s for s in every if s.denominator == length and low <= s <= high)
    kind, likely, exact = _kind(motion, length, steps)
    return Pattern(kind, length, steps, likely, raw[length], nats < CLEAR_NATS and not exact)


def _places(motion: Motion) -> FloatArray:
    """The place of each picture less the half, nothing where nothing moves."""
    trust = motion.span**2 / (motion.span**2 + _SMALLEST**2)
    return np.asarray(np.clip(motion.place - 0.5, -_CLIP, _CLIP) * trust)


def _without(values: FloatArray, classes: Sequence[int]) -> FloatArray:
    """``values`` less the mean of each class."""
    out = values.copy()
    labels = np.asarray(classes)
    for label in np.unique(labels):
        inside = labels == label
        out[inside] -= out[inside].mean()
    return out


def _standing_out(values: FloatArray) -> dict[int, float]:
    """How far each of `LENGTHS` stands out, in nats.

    The powers of all its harmonics are added (Z squared of Buccheri et al. 1983); of white noise
    their sum has a gamma distribution.
    """
    if not np.any(values):
        return dict.fromkeys(LENGTHS, 0.0)
    frequency, power = _spectrum(values)
    half = 0.75 / len(values)
    lines: dict[Fraction, float] = {}
    found = {}
    for length in LENGTHS:
        harmonics = [Fraction(k, length) for k in range(1, length // 2 + 1)]
        for line in harmonics:
            if line not in lines:
                near = np.abs(frequency - float(line)) <= half
                lines[line] = min(_HIGHEST, float(power[near].max()))
        total = sum(lines[line] for line in harmonics)
        nats = -float(gamma.logsf(total, len(harmonics)))
        found[length] = min(nats, _HIGHEST)
    return found


def _spectrum(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Frequencies in cycles a picture to 0.5, and the power there in units of that around it."""
    count = len(values)
    tapered = (values - values.mean()) * np.hanning(count)
    power = np.abs(np.fft.rfft(tapered, 4 * count)) ** 2
    width = round(_AROUND * 4 * count) | 1
    floor = median_filter(power, width, mode="reflect") / np.log(2)
    floor = np.maximum(floor, 1e-4 * max(float(power.mean()), 1e-12))
    return np.fft.rfftfreq(4 * count), np.asarray(power / floor)


def _kind(
    motion: Motion, length: int, steps: Sequence[Fraction]
) -> tuple[str, tuple[Fraction, ...], bool]:
    """What was done and the steps that speak for it, from the sizes of the changes by their turn;
    and whether pictures are repeated so exactly that no codec does it by itself."""
    moves = motion.span >= max(_SMALLEST, float(np.median(motion.span)))
    turn = np.arange(len(motion.step)) % length
    sizes = np.array(
        [_middle(np.log(motion.step[moves & (turn == k)] + 0.1)) for k in range(length)]
    )
    usual = float(np.median(sizes)) if length > 2 else float(sizes.max())
    low = int((sizes < usual + _LOW).sum())
    high = int((sizes > usual + _HIGH).sum())
    repeated, left_out = Fraction(length - low, length), Fraction(length + high, length)
    if low and low >= high and repeated in steps:
        return "repeated", (repeated,), bool(sizes.min() < usual + _EXACT)
    if high and length > 2 and left_out in steps and left_out - 1 <= _MOST_LEFT_OUT:
        return "left out", (left_out,), False
    nearest = min((abs(step - 1) for step in steps), default=Fraction(0))
    return "made up", tuple(step for step in steps if abs(step - 1) == nearest), False


def _middle(values: NDArray[Any]) -> float:
    return float(np.median(values)) if len(values) else 0.0
