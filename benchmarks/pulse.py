"""How well a pulse of known rate is measured, and how often one is claimed where there is none.

    python -m benchmarks.pulse [--data DATA] [--json FILE]

A portrait in the public domain drifts a little before a camera with noise, and its skin takes on
the colour of a pulse: the direction of blood volume in RGB is (0.33, 0.77, 0.53), as de Haan and
van Leest ("Improved motion robustness of remote-PPG by using the blood volume pulse signature",
2014) give it. The pictures go through H.264, the face tracker and the witness. Without a pulse the
same pictures are the null: every rate that is claimed there is false. The highest peak of the
spectrum is the estimate that the witness begins with, and most of which it keeps to itself. With
``--data`` the real and fake clips of a folder are watched as they are.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models import catalog
from models.console import count, exit_code, write_json
from models.footage import frames_of, tracked
from realtime.config import Config
from realtime.cues import rppg
from realtime.cues.base import Sighting
from realtime.cues.pulse import PulseWitness
from realtime.faces import FaceTracker
from realtime.types import Clock, Cue, FaceQuality, FloatArray, Frame, Image

_BLOOD: Final = np.array([0.53, 0.77, 0.33]) / 0.77
"""BGR, in shares of green."""

_NOISES: Final = 16
"""Pictures of noise that are drawn, then shifted by chance for every frame."""


@dataclass(frozen=True, slots=True)
class Heart:
    """What the face does. ``bpm`` beats a minute; ``amplitude`` of the pulse and ``noise`` of the
    camera in grey levels of green; ``light`` a factor; ``motion`` pixels of sway at 0.4 Hz;
    ``left_bpm`` another rate for the cheek on the viewer's left, 0 for the same.
    """

    bpm: float
    amplitude: float
    noise: float = 1.5
    light: float = 1.0
    motion: float = 2.0
    seed: int = 0
    left_bpm: float = 0.0

    def wave(self, time_s: float, bpm: float) -> float:
        """Blood volume, -1 to 1: a beat with the notch after it, at a rate that breathing sways."""
        phase = 2 * np.pi * bpm / 60 * time_s + 0.3 * np.sin(2 * np.pi * 0.25 * time_s)
        return float(np.sin(phase) + 0.3 * np.sin(2 * phase + 0.6)) / 1.3


@dataclass(frozen=True, slots=True, eq=False)
class PortraitFace:
    """A picture, the landmarks in it and how good they are."""

    image: Image
    landmarks: FloatArray
    box: FloatArray
    quality: FaceQuality

    @classmethod
    def find(cls) -> PortraitFace:
        """NASA's portrait of Eileen Collins, as scikit-image ships it."""
        astronaut: Callable[[], Image] = skimage.data.astronaut
        image = np.ascontiguousarray(astronaut()[20:220, 130:318, ::-1])
        tracker = FaceTracker(Config().faces)
        try:
            faces = tracker.track(Frame("portrait", 0, 0, 0.0, 0.0, None, Clock.PTS, image))
        finally:
            tracker.close()
        return cls(image, faces.landmarks[0], faces.boxes[0], faces.quality[0])


def pictures(face: PortraitFace, heart: Heart, times: Sequence[float]) -> Iterator[Image]:
    """The face at each time; sensor noise is new every time."""
    rng = np.random.default_rng(heart.seed)
    skin, left = _halves(face)
    base = face.image.astype(np.float32) * heart.light
    shape = face.image.shape
    noise = heart.noise * rng.standard_normal((_NOISES, *shape), np.float32)
    drift = 0.0
    for time_s in times:
        drift += float(rng.standard_normal()) * 0.002
        beat = heart.wave(time_s, heart.bpm)
        other = heart.wave(time_s, heart.left_bpm) if heart.left_bpm else beat
        volume = skin * np.where(left, other, beat) * heart.amplitude / 130
        image = base * (1 + 0.01 * np.tanh(drift) + volume[..., None] * _BLOOD.astype(np.float32))
        x, y = _sway(heart, time_s)
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        image = cv2.warpAffine(image, move, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        if heart.noise > 0:
            image = image + np.roll(noise[rng.integers(_NOISES)], int(rng.integers(shape[0])), 0)
        yield np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def beating(face: PortraitFace, heart: Heart, times: Sequence[float]) -> Iterator[Sighting]:
    """The same as sightings with landmarks that follow the sway exactly."""
    for time_s, image in zip(times, pictures(face, heart, times), strict=True):
        x, y = _sway(heart, time_s)
        marks = face.landmarks + np.array([x, y, 0], np.float32)
        yield Sighting(time_s, image, face.box, marks, face.quality, None, False, None)


def _sway(heart: Heart, time_s: float) -> tuple[float, float]:
    turn = 2 * np.pi * 0.4 * time_s
    return heart.motion * float(np.sin(turn)), 0.5 * heart.motion * float(np.cos(0.6 * turn))


def _halves(face: PortraitFace) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where the face is, softly, and what is left of its middle and below the eyes."""
    hull = cv2.convexHull(np.rint(face.landmarks[:, :2]).astype(np.int32))
    mask = np.zeros(face.image.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, hull, (1.0,))
    columns = np.arange(face.image.shape[1])[None, :] < face.landmarks[1, 0]
    rows = np.arange(face.image.shape[0])[:, None] > face.landmarks[6, 1]
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 3), np.float32), columns & rows


def encode(path: Path, images: Iterable[Image], rate_hz: int, crf: int) -> None:
    """Write pictures as H.264 (x264, veryfast)."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(rate_hz))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "preset": "veryfast"}
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        out.mux(stream.encode(None))


def watch(path: Path) -> tuple[Cue, PulseWitness] | None:
    """What the witness says at the end of a clip of the face that was seen longest, if it ever
    gave a rate the last time that it did; and the witness. None without a face.
    """
    witnesses: dict[int, PulseWitness] = {}
    seen: dict[int, list[Cue]] = {}
    for frame, faces in tracked(frames_of(path)):
        for i, track in enumerate(faces.track_ids.tolist()):
            if not faces.has_landmarks(i):
                continue
            own = witnesses.setdefault(track, PulseWitness())
            own.see(_sighting(frame, faces.landmarks[i], faces.boxes[i], faces.quality[i]))
            said = seen.setdefault(track, [])
            if not said or len(said) < frame.time_s:
                said.append(own.cue(frame.time_s))
    if not seen:
        return None
    longest = max(seen, key=lambda track: len(seen[track]))
    clear = [cue for cue in seen[longest] if cue.assessable]
    return (clear or seen[longest])[-1], witnesses[longest]


def clarity(witness: PulseWitness, bpm: float) -> tuple[float, float | None]:
    """Of a rate that is known, in what the witness has kept, by POS: its SNR in dB, -inf without;
    and how far off the highest peak is, whatever the witness says of it.
    """
    times, colours = witness.colours
    if len(times) < 2 or times[-1] - times[0] < 2 or not np.isfinite(colours).all():
        return -np.inf, None
    signal = rppg.pos(rppg.even(times, colours).mean(1))
    peak = rppg.peak(signal)
    return rppg.snr_at(signal, bpm), None if peak is None else abs(peak.bpm - bpm)


def _sighting(
    frame: Frame, landmarks: FloatArray, box: FloatArray, quality: FaceQuality
) -> Sighting:
    return Sighting(frame.time_s, frame.image, box, landmarks, quality, None, False, None)


@dataclass(frozen=True, slots=True)
class Trial:
    """One beating portrait: the clarity of its own rate, and how far off the highest peak and the
    rate given are.
    """

    snr_db: float
    peak_bpm: float | None
    error_bpm: float | None


def synthetic(
    amplitudes: Sequence[float], crfs: Sequence[int], hearts: int
) -> tuple[list[Trial], int, int]:
    """Trials with a pulse; then how many clips without one there were, and rates given there."""
    face = PortraitFace.find()
    rng = np.random.default_rng(11)
    trials, still, false = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="fakewatch-") as folder:
        clip = Path(folder) / "clip.mkv"
        for crf, amplitude, seed in itertools.product(crfs, amplitudes, range(hearts)):
            heart = Heart(float(rng.uniform(48, 150)), amplitude, seed=seed)
            rate = (15, 25, 30)[seed % 3]
            encode(clip, pictures(face, heart, [i / rate for i in range(12 * rate)]), rate, crf)
            found = watch(clip)
            if found is None:
                continue
            cue, witness = found
            if amplitude == 0:
                still += 1
                false += cue.assessable
            else:
                off = None if cue.value is None else abs(cue.value - heart.bpm)
                trials.append(Trial(*clarity(witness, heart.bpm), off))
    return trials, still, false


def by_clarity(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """A row for each range of SNR at the true rate: clips, rates given, errors of those."""
    rows = []
    edges = (-np.inf, -3.0, 0.0, 3.0, 6.0, np.inf)
    for low, high in itertools.pairwise(edges):
        own = [t for t in trials if low <= t.snr_db < high]
        errors = [t.error_bpm for t in own if t.error_bpm is not None]
        peaks = [t.peak_bpm for t in own if t.peak_bpm is not None]
        rows.append(
            {
                "snr_db": f"{low:g} to {high:g}",
                "clips": len(own),
                "worst_peak_bpm": round(max(peaks), 1) if peaks else None,
                "given": len(errors),
                "median_error_bpm": round(float(np.median(errors)), 1) if errors else None,
                "worst_error_bpm": round(max(errors), 1) if errors else None,
            }
        )
    return rows


def clips(data: Path) -> list[dict[str, Any]]:
    """What is said of every clip."""
    rows = []
    for clip in catalog.clips(data):
        found = watch(clip.path)
        if found is not None:
            cue = found[0]
            rows.append(
                {
                    "clip": clip.path.name,
                    "fake": clip.fake,
                    "bpm": cue.value,
                    "llr": cue.llr,
                    "text": cue.text,
                    **cue.details,
                }
            )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.pulse", description=__doc__)
    parser.add_argument("--data", type=Path, help="a data folder with clips")
    parser.add_argument("--hearts", type=count, default=12, help="clips of each kind")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    def work() -> None:
        trials, still, false = synthetic((0.0, 1.0, 2.0, 4.0), (18, 26), options.hearts)
        rows = by_clarity(trials)
        found: dict[str, Any] = {"by_snr": rows, "still": still, "false_rates": false}
        table = Table(
            "SNR dB", "clips", "worst peak bpm", "rate given", "median error bpm", "worst error bpm"
        )
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        Console().print(table)
        Console().print(f"without a pulse: {false} of {still} clips were given a rate")
        if options.data:
            found["clips"] = clips(options.data)
            for fake in (False, True):
                own = [row for row in found["clips"] if row["fake"] is fake]
                given = sum(row["bpm"] is not None for row in own)
                Console().print(f"{'fake' if fake else 'real'}: {given} of {len(own)} with a rate")
        if options.json:
            write_json(options.json, found)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
