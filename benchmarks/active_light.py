"""How often a face that a screen lights is told from one that it does not.

    python -m benchmarks.active_light [--faces N]

Mean colours of a face and of what is behind it: skin under a light of its own and a share of the
screen's, white balance that wanders, noise, at 8, 15 and 30 pictures a second. The share is that
of the screen's light in the light on the face. Asked for colours that were shown, every answer
counts as found; of a face in constant light, or lit by another order, every answer is false.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.pulse import PortraitFace
from models.console import count, exit_code
from realtime.cues import skin
from realtime.cues.active_light import FlashSequence, flash_sequence, response
from realtime.types import Image

_GAMMA = 2.2
_SECONDS = 10.0
_BEHIND = np.array([0.2, 0.2, 0.2])
_SKIN = np.array([0.15, 0.22, 0.35])
Colours = NDArray[np.float64]


def screen(sequence: FlashSequence | None, times: Sequence[float], delay_s: float) -> Colours:
    """Linear light ``(N, 3)`` of the screen that reaches the camera's picture at each time."""
    shown = [sequence.colour(t - delay_s) if sequence else None for t in times]
    return np.array([(np.array(c or (0, 0, 0)) / 255) ** _GAMMA for c in shown])


def balance(rng: np.random.Generator, times: Sequence[float], drift: float) -> Colours:
    """Gains ``(N, 3)`` of a white balance that wanders by ``drift`` in a second."""
    steps = np.diff(times, prepend=times[0])[:, None] ** 0.5
    return np.asarray(np.exp(drift * np.cumsum(steps * rng.standard_normal((len(times), 3)), 0)))


def lit(
    sequence: FlashSequence | None, share: float, delay_s: float, rate_hz: float, seed: int
) -> tuple[Colours, Colours, Colours]:
    """Times ``(N,)``, mean colours of skin and of what is behind ``(N, 3)``."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, _SECONDS + 1, 1 / rate_hz)
    light = screen(sequence, times.tolist(), delay_s)
    gains = balance(rng, times.tolist(), 0.01)
    face = 255 * (_SKIN * (1 + share * light) * gains) ** (1 / _GAMMA)
    behind = 255 * (_BEHIND * gains) ** (1 / _GAMMA)
    noise = 0.15 * rng.standard_normal((2, len(times), 3))
    return times, face + noise[0], behind + noise[1]


def pictures(
    face: PortraitFace,
    sequence: FlashSequence | None,
    share: float,
    delay_s: float,
    times: Sequence[float],
) -> Iterator[Image]:
    """The portrait before a screen, with white balance that wanders and noise of the sensor."""
    rng = np.random.default_rng(1)
    base = (face.image / 255) ** _GAMMA
    light, gains = screen(sequence, times, delay_s), balance(rng, times, 0.01)
    for glow, gain in zip(light, gains, strict=True):
        image = 255 * (base * (1 + share * glow) * gain) ** (1 / _GAMMA)
        image += 2.0 * rng.standard_normal(image.shape, np.float32)
        yield np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def measured(face: PortraitFace, images: Iterator[Image]) -> Colours:
    """Mean colour ``(N, 3)`` of the skin in each picture."""
    return np.array([skin.mean_colours(image, face.landmarks).mean(0) for image in images])


def answers(share: float, faces: int, *, other: bool = False) -> int:
    """How many of so many faces answer; ``other``: lit by an order that was not asked for."""
    found = 0
    for seed in range(faces):
        asked = flash_sequence(seed, _SECONDS)
        shown = flash_sequence(seed + 1_000_000, _SECONDS) if other else asked
        delay = 0.2 + 0.6 * (seed % 7) / 6
        times, face, behind = lit(shown, share, delay, (8, 15, 30)[seed % 3], seed)
        found += response(times, face, asked, background_bgr=behind).answered
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.active_light", description=__doc__)
    parser.add_argument("--faces", type=count, default=200, help="of each kind")
    options = parser.parse_args(arguments)

    def work() -> None:
        table = Table("light of the screen", "answers", "faces")
        kinds = [(0.0, False), (0.05, True), *((share, False) for share in (0.002, 0.005, 0.02))]
        for share, other in kinds:
            name = f"{share:.1%}" + (" of another order" if other else "")
            table.add_row(name, str(answers(share, options.faces, other=other)), str(options.faces))
        Console().print(table)

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
