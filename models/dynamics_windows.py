"""Windows of landmarks to learn from: of real and forged recordings, and pseudo-fakes of them.

The recordings differ in their frame rate, and forged ones more often have 25 pictures a second,
so every window is cut from a stretch whose rate was drawn anew: frames are left out, and time
is stretched by a fifth at most. Neither tells a class, then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.catalog import Clip
from models.dynamics_data import Track
from models.dynamics_fakes import MAKERS, Maker
from realtime.cues.dynamics import MAX_YAW, SCORE_EVERY_S
from realtime.cues.landmark_windows import (
    LANDMARKS,
    SAMPLES,
    WINDOW_S,
    align,
    mean_face,
    resample,
    why_not,
)
from realtime.types import FloatArray

RATES_HZ: Final = (12.5, 15.0, 20.0, 24.0, 25.0, 25.0, 30.0, 30.0)
"""What the rate of a source is drawn from."""
_STRETCH: Final = 1.2
_FRONTAL: Final = 15.0
_TRIES: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """``values`` ``(N, SAMPLES, POINTS, 2)`` float32; ``clip`` ``(N,)`` which one they are of.

    ``maker`` ``(N,)`` is -1 for a window as it was recorded, else the place in `MAKERS`.
    """

    values: FloatArray
    clip: NDArray[np.int64]
    maker: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> Windows:
        """Those of them that a mask ``(N,)`` names."""
        return Windows(self.values[chosen], self.clip[chosen], self.maker[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A track without the movement of its head: ``points`` ``(M, POINTS, 2)``, at ``times``.

    ``usable`` ``(M,)``: whether the witness would look at it.
    """

    times: NDArray[np.float64]
    points: NDArray[np.float64]
    usable: NDArray[np.bool_]


def reference_of(found: Sequence[tuple[Clip, Track]]) -> NDArray[np.float64]:
    """The mean face ``(POINTS, 3)`` of the real clips, of each where it looks at the camera."""
    faces = []
    for clip, track in found:
        frontal = np.flatnonzero(np.abs(track.yaw) < _FRONTAL)
        if not clip.fake and len(frontal):
            faces.append(track.landmarks[frontal[len(frontal) // 2], LANDMARKS])
    return mean_face(np.stack(faces))


def aligned(track: Track, reference: NDArray[np.float64]) -> Aligned:
    """The track as windows are cut from it."""
    points = align(track.landmarks[:, LANDMARKS], reference)[..., :2]
    seen = np.isfinite(points).all(axis=(1, 2))
    usable = track.usable & (np.abs(track.yaw) <= MAX_YAW) & seen
    return Aligned(track.times, np.nan_to_num(points), usable)


def as_judged(track: Aligned) -> FloatArray:
    """The windows ``(N, SAMPLES, POINTS, 2)`` that the witness judges: two a second."""
    found, last = [], -np.inf
    for start, stop in _stretches(track):
        times = track.times[start:stop]
        for end in range(1, len(times)):
            if times[end] - last < SCORE_EVERY_S - 1e-3:
                continue
            first = int(np.searchsorted(times, times[end] - WINDOW_S - 0.25))
            if why_not(times[first : end + 1], float(times[end])) is None:
                points = track.points[start + first : start + end + 1]
                found.append(resample(times[first : end + 1], points, float(times[end])))
                last = times[end]
    shape = (0, SAMPLES, track.points.shape[1], 2)
    return np.array(found, np.float32) if found else np.zeros(shape, np.float32)


def drawn(
    track: Aligned,
    count: int,
    rng: np.random.Generator,
    maker: Maker | None = None,
    donors: Sequence[Aligned] = (),
) -> FloatArray:
    """Up to ``count`` windows of a track at rates drawn anew, changed by ``maker`` if given.

    ``donors`` are the tracks that another mouth may come from.
    """
    found = []
    for _ in range(count):
        stretch = _tried(track, rng)
        if stretch is None:
            break
        times, points = stretch
        if maker is not None:
            donor = _donor(donors, rng)
            if donor is None:
                break
            points = maker(times, points, _over(times, *donor), rng)
        found.append(resample(times, points, float(times[-1])))
    shape = (0, SAMPLES, track.points.shape[1], 2)
    return np.array(found, np.float32) if found else np.zeros(shape, np.float32)


def gather(
    clips: Sequence[Clip], tracks: Sequence[Aligned], plain: int, made: int, seed: int
) -> Windows:
    """Windows to learn from: ``plain`` of each clip, ``made`` by each maker of each real one.

    Another mouth comes from a real clip of the same fold, so that a fold stays unseen.
    """
    rng = np.random.default_rng(seed)
    values: list[FloatArray] = []
    rows: list[tuple[int, int, int]] = []
    for i, (clip, track) in enumerate(zip(clips, tracks, strict=True)):
        values.append(drawn(track, plain, rng))
        rows.append((i, -1, len(values[-1])))
        if clip.fake:
            continue
        donors = [
            other
            for one, other in zip(clips, tracks, strict=True)
            if not one.fake and one.fold == clip.fold and one is not clip
        ]
        for number, maker in enumerate(MAKERS.values()):
            values.append(drawn(track, made, rng, maker, donors))
            rows.append((i, number, len(values[-1])))
    counts = [count for _, _, count in rows]
    return Windows(
        np.concatenate(values),
        np.repeat([clip for clip, _, _ in rows], counts),
        np.repeat([maker for _, maker, _ in rows], counts),
    )


def _stretches(track: Aligned) -> list[tuple[int, int]]:
    """Runs of usable sightings, first and after the last."""
    edges = np.diff(np.concatenate(([0], track.usable.astype(np.int8), [0])))
    return list(
        zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True)
    )


def _donor(
    tracks: Sequence[Aligned], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """A stretch of any of the tracks that are long enough; None if none is."""
    for other in rng.permutation(len(tracks)):
        found = _tried(tracks[int(other)], rng)
        if found is not None:
            return found
    return None


def _tried(
    track: Aligned, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    for _ in range(_TRIES):
        found = _stretch(track, rng)
        if found is not None:
            return found
    return None


def _stretch(
    track: Aligned, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """A little more than a window, at another rate and pace; None if the track has none."""
    pace = rng.uniform(1 / _STRETCH, _STRETCH)
    runs = [
        (a, b)
        for a, b in _stretches(track)
        if b - a > 2 and track.times[b - 1] - track.times[a] >= WINDOW_S * pace
    ]
    if not runs:
        return None
    lengths = np.array([track.times[b - 1] - track.times[a] for a, b in runs])
    start, stop = runs[int(rng.choice(len(runs), p=lengths / lengths.sum()))]
    times = track.times[start:stop]
    ends = np.flatnonzero(times - times[0] >= WINDOW_S * pace)
    end = int(rng.choice(ends))
    wanted = rng.choice(RATES_HZ) / pace
    keep, last = [end], times[end]
    for at in range(end - 1, -1, -1):
        gap = last - times[at]
        # what a source of the wanted rate would have shown next
        if gap >= 1 / wanted - 0.25 * (times[at + 1] - times[at]):
            keep.append(at)
            last = times[at]
        if times[end] - last > WINDOW_S * pace + 0.3:
            break
    chosen = np.array(keep[::-1])
    found = (times[chosen] - times[chosen[-1]]) / pace
    if why_not(found, float(found[-1])) is not None:
        return None
    return found, track.points[start + chosen]


def _over(
    times: NDArray[np.float64], own: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points of another stretch at these times, both of which end at their last."""
    when = times - times[-1] + own[-1]
    flat = points.reshape(len(own), -1)
    columns = [np.interp(when, own, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(times), *points.shape[1:])
