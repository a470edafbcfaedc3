"""Whether a tilted photograph is told from a head that turns, and a fake from a real recording.

``python -m benchmarks.flat --data DATA`` runs the tracker and the witness over every recording,
real and fake, and over photographs: one frame of each labelled recording, turned as a plane by
20 to 35 degrees to the sides and 8 to 20 up and down, with noise, rendered as a homography. In the
end comes how well each number that the witnesses of head and blinks show tells fake from real.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.blinks import labels, sighting_of
from models.catalog import clips
from models.footage import frames_of, tracked
from realtime.cues import pose
from realtime.cues.blink import BlinkWitness
from realtime.cues.head import HeadWitness
from realtime.evaluation.metrics import auc
from realtime.types import Clock, Cue, Frame, Image

CHOSEN_ON: Final = (0, 1)
"""The folds (`models.folds`) whose clips were looked at when constants were chosen."""
_KINDS: Final = ("real", "fake", "photo")
_SECONDS: Final = 6.0
_RATE_HZ: Final = 30.0
_WIDEST: Final = 960
_PHOTO_AT: Final = 20


def said(frames: Iterator[Frame]) -> tuple[Cue, Cue]:
    """What the witnesses of head and blinks say in the end of the first face in these frames."""
    head, blink, last = HeadWitness(), BlinkWitness(), 0.0
    for frame, faces in tracked(frames):
        last = frame.time_s
        if len(faces) and faces.has_landmarks(0):
            sighting = sighting_of(frame, faces)
            head.see(sighting)
            blink.see(sighting)
    return head.cue(last), blink.cue(last)


def photograph(path: Path) -> Image:
    """One frame of a recording, 960 pixels wide at most."""
    image = np.zeros((1, 1, 3), np.uint8)
    for frame in frames_of(path):
        image = frame.image
        if frame.index >= _PHOTO_AT:
            break
    scale = _WIDEST / image.shape[1]
    if scale < 1:
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)
    return image


def tilted(image: Image, seed: int, seconds: float = _SECONDS) -> Iterator[Frame]:
    """A camera's view of a photograph that somebody turns in their hands; same for a seed."""
    noise = np.random.default_rng(seed)
    aside, up, phase = noise.uniform(20, 35), noise.uniform(8, 20), noise.uniform(0, 6)
    height, width = image.shape[:2]
    middle = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    for i in range(int(seconds * _RATE_HZ)):
        t = i / _RATE_HZ
        yaw = np.radians(aside) * np.sin(2 * np.pi * t / 2.6)
        pitch = np.radians(up) * np.sin(2 * np.pi * t / 3.7 + phase)
        turn = cv2.Rodrigues(np.array([pitch, 0, 0.0]))[0]
        turn = cv2.Rodrigues(np.array([0, yaw, 0.0]))[0] @ turn
        shift = 0.03 * width * np.array([np.sin(2 * t), np.sin(1.3 * t), 0])
        plane = np.column_stack([turn[:, 0], turn[:, 1], shift + np.array([0, 0, width / 0.9])])
        view = pose.camera((width, height)) @ plane @ middle
        seen = cv2.warpPerspective(image, view, (width, height), borderValue=(90, 90, 90))
        rough = seen + noise.normal(0, 2, seen.shape)
        shown = np.clip(rough, 0, 255).astype(np.uint8)
        shown.setflags(write=False)
        yield Frame("photo", 0, i, t, t, None, Clock.PTS, shown)


def main() -> None:
    """Print a row for each clip and photograph and how well they are told apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/")
    parser.add_argument("--kind", choices=_KINDS, nargs="+", default=_KINDS)
    arguments = parser.parse_args()
    rows: list[tuple[str, bool, Cue]] = []
    shown_of: dict[str, list[dict[str, float]]] = {kind: [] for kind in _KINDS}
    photos = labels()
    for seed, clip in enumerate(clips(arguments.data)):
        chosen = clip.fold in CHOSEN_ON
        kind = "fake" if clip.fake else "real"
        shown = {kind: frames_of(clip.path)}
        if clip.path.name in photos and not clip.fake:
            shown["photo"] = tilted(photograph(clip.path), seed)
        for kind in shown.keys() & set(arguments.kind):
            head, blink = said(shown[kind])
            rows.append((kind, chosen, head))
            shown_of[kind].append({**head.details, **blink.details})
            print(f"{kind:6} {clip.path.stem:40} {_row(rows[-1][2])}", flush=True)
    for chosen in (True, False):
        for kind in arguments.kind:
            cues = [cue for k, c, cue in rows if k == kind and c is chosen]
            heard = [cue for cue in cues if cue.value is not None]
            which = "constants chosen on" if chosen else "the others"
            suspected = sum(cue.llr > 0 for cue in heard)
            print(f"{which}, {kind}: {len(cues)}, of which assessable {len(heard)}, ", end="")
            print(f"suspected to be flat {suspected}")
    names = {name for own in shown_of["real"] + shown_of["fake"] for name in own}
    for name in sorted(names):
        real, fake = (
            np.array([own[name] for own in shown_of[kind] if name in own])
            for kind in ("real", "fake")
        )
        print(f"{name}: AUC {auc(real, fake):.2f} of {len(real)} real and {len(fake)} fake")


def _row(cue: Cue) -> str:
    if cue.value is None:
        return cue.text
    return f"parallax {cue.value:.2f}, llr {cue.llr:+.2f}, turns {cue.details['turns']:.0f}"


if __name__ == "__main__":
    main()
