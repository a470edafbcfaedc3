"""A sheet of what the network is shown: ``python -m models.preview --data DIR --output PNG``.

For each kind of pseudo-fake three rows: real crops, their pseudo-fakes, and where these are
forged. First come the kinds as they are made; then some of them as they are shown, after the
life of a video and after a video codec. The sheet shows people: it is for looking at, not for
publishing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np

from models import catalog, generators, masks
from models.augment import Life
from models.bank import face_bank
from models.blending import Blend, redrawn_blend, self_blend
from models.codecs import Coding, quantiser, round_trip_pairs
from models.console import count, exit_code, say, share
from models.contracts import contract_for
from models.lookalikes import Lookalikes
from models.makers import Draft, Pair, View
from models.networks import ARCHITECTURES
from models.prepare import photo_faces
from models.swaps import Swap, swap_face
from realtime.contract import ModelContract
from realtime.errors import ConfigError
from realtime.types import Image

_CELL: Final = 128
_LABEL: Final = 20
_EXTENT_PX: Final = 180.0
_MIN_SCALE: Final = 0.35

Make: TypeAlias = Callable[[int, np.random.Generator], Draft]
"""A pair from the picture of a number."""


class Gallery:
    """Real pictures, and the kinds of pseudo-fake that can be made of them."""

    def __init__(
        self, data: Path, cache: Path, pictures: int, steps: int, report: Callable[[str], None]
    ) -> None:
        """Finds landmarks, and trains the generators for so many ``steps``; 0 leaves them out.

        Raises:
            ConfigError: if the folder has no picture with a face, or of one person only.
        """
        listed = [photo for photo in catalog.photos(data) if photo.split == "train"]
        chosen = np.unique(np.linspace(0, len(listed) - 1, pictures).astype(int)) if listed else []
        faces = photo_faces([listed[i] for i in chosen], cache, report)
        self._landmarks = np.stack([face.landmarks for face in faces]).astype(np.float64)
        self._pictures = face_bank(faces, cache, report)
        self._lookalikes = Lookalikes(faces, neighbours=8)
        self._nets = []
        for design in generators.DESIGNS if steps else ():
            report(f"training a generator ({design.upsampling}) for {steps} steps")
            self._nets.append(generators.train(design, self._pictures, steps, "cpu")[0])

    def __len__(self) -> int:
        return len(self._pictures)

    def kinds(self, difficulty: float) -> dict[str, Make]:
        """Each kind by its name; ``difficulty`` in 0..1."""

        def swaps(**fixed: object) -> Make:
            return lambda index, rng: self._swap(index, rng, difficulty, **fixed)

        plain = {"poisson": False, "ratio": 1.0}
        found: dict[str, Make] = {
            "self-blend": lambda index, rng: self._self_blend(index, rng, difficulty),
            "swap by triangles": swaps(region="face", triangles=True, **plain),
            "swap by one similarity": swaps(region="oval", triangles=False, **plain),
            "swap with a Poisson edge": swaps(region="inner_chin", triangles=True, poisson=True),
            "swap of the mouth": swaps(region="lower", triangles=True, **plain),
            "swap of the eyes": swaps(region="eyes", triangles=True, **plain),
            "swap as drawn": swaps(),
        }
        if self._nets:
            found["redrawn by a generator"] = lambda i, rng: self._redrawn(i, rng, difficulty)
        return found

    def _self_blend(self, index: int, rng: np.random.Generator, difficulty: float) -> Draft:
        image, points = self._view(index, rng)
        how = Blend.draw(rng, difficulty)
        real, fake, weight = self_blend(image, points, how)
        return Draft(real, fake, weight, points, how)

    def _swap(
        self, index: int, rng: np.random.Generator, difficulty: float, **fixed: object
    ) -> Draft:
        image, points = self._view(index, rng)
        other = self._lookalikes.partner(index, rng)
        how = replace(Swap.draw(rng, difficulty), **fixed)  # type: ignore[arg-type]
        source = self._pictures.picture(other)
        fake, weight = swap_face(image, points, source, self._landmarks[other], how)
        return Draft(image, fake, weight, points)

    def _redrawn(self, index: int, rng: np.random.Generator, difficulty: float) -> Draft:
        picture, landmarks = self._pictures.picture(index), self._landmarks[index]
        view = View.draw(rng, picture, landmarks, _EXTENT_PX)
        drawn = generators.redraw(self._nets[int(rng.integers(len(self._nets)))], picture)
        how, points = Blend.draw(rng, difficulty), view.place(landmarks)
        real, fake, weight = redrawn_blend(view.show(picture), view.show(drawn), points, how)
        return Draft(real, fake, weight, points, how)

    def _view(self, index: int, rng: np.random.Generator) -> tuple[Image, masks.Points]:
        picture, landmarks = self._pictures.picture(index), self._landmarks[index]
        view = View.draw(rng, picture, landmarks, _EXTENT_PX)
        return view.show(picture), view.place(landmarks)


def sheet(
    gallery: Gallery, contract: ModelContract, columns: int, difficulty: float, seed: int
) -> Image:
    """The whole sheet ``(H, W, 3)`` uint8 BGR; equal seeds give equal sheets."""
    kinds = gallery.kinds(difficulty)
    rows = []
    for name, make in kinds.items():
        drafts = _draw(gallery, make, columns, np.random.default_rng(seed))
        rows += _rows(name, drafts, contract)
    half = max(1, columns // 2)
    makes = [kinds["self-blend"], kinds["swap as drawn"]]
    rng = np.random.default_rng(seed)
    mixed = [d for m in makes for d in _draw(gallery, m, half, rng)]
    rows += _rows(
        "after the life of a video", [_lived(d, rng, difficulty) for d in mixed], contract
    )
    for codec, label in (("libx264", "H.264"), ("libvpx", "VP8")):
        for kbps in (100, 400):
            how = Coding(codec, quantiser(codec, kbps), 4, 1.5, 0.004, 1.0, seed)
            rows += _rows(f"after {label} at {kbps} kb/s", _coded(mixed, rng, how), contract)
    widest = max(row.shape[1] for row in rows)
    return np.vstack([cv2.copyMakeBorder(r, 0, 0, 0, widest - r.shape[1], 0) for r in rows])


def write(image: Image, output: Path) -> None:
    """Write a picture file.

    Raises:
        ConfigError: if it cannot be written.
    """
    try:
        done, coded = cv2.imencode(output.suffix or ".png", image)
    except cv2.error:
        done = False
    if not done:
        raise ConfigError(f"A sheet named {output.name} cannot be written; end it in .png or .jpg.")
    try:
        output.write_bytes(coded.tobytes())
    except OSError as exc:
        raise ConfigError(f"Cannot write {output}: {exc.strerror}; name another file.") from None


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="models.preview", description=__doc__)
    found.add_argument("--data", type=Path, required=True, help="a data folder, see models.catalog")
    found.add_argument("--output", type=Path, required=True, help="a picture file to write")
    found.add_argument("--arch", choices=sorted(ARCHITECTURES), default="cellnet")
    found.add_argument("--difficulty", type=share, default=0.5, help="of the blends, 0 to 1 (0.5)")
    found.add_argument("--columns", type=count, default=8, help="pairs of each kind (8)")
    found.add_argument("--pictures", type=count, default=300, help="pictures to choose from (300)")
    found.add_argument("--steps", type=int, default=150, help="of the generators; 0 for none (150)")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--cache", type=Path, default=Path("runs/cache"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = parser().parse_args(arguments)

    def work() -> None:
        cv2.setNumThreads(1)
        gallery = Gallery(options.data, options.cache, options.pictures, options.steps, say)
        contract = contract_for(options.arch)
        made = sheet(gallery, contract, options.columns, options.difficulty, options.seed)
        write(made, options.output)
        say(f"{options.output} shows {made.shape[1]}x{made.shape[0]} pixels; it shows people.")

    return exit_code(work)


def _draw(gallery: Gallery, make: Make, count: int, rng: np.random.Generator) -> list[Draft]:
    """The same people for every kind that is drawn with an equally seeded ``rng``."""
    people = rng.permutation(len(gallery))[:count].tolist()
    return [make(index, np.random.default_rng((index, 1))) for index in people]


def _lived(draft: Draft, rng: np.random.Generator, harshness: float) -> Draft:
    life = Life.draw(rng, harshness, _MIN_SCALE)
    real, fake = life.apply(draft.real), life.apply(draft.fake)
    size = (real.shape[1], real.shape[0])
    weight = np.asarray(cv2.resize(draft.weight, size, interpolation=cv2.INTER_AREA), np.float32)
    scale = (size[0] / draft.real.shape[1], size[1] / draft.real.shape[0])
    return replace(draft, real=real, fake=fake, weight=weight, landmarks=draft.landmarks * scale)


def _coded(drafts: Sequence[Draft], rng: np.random.Generator, how: Coding) -> list[Draft]:
    reals, fakes = round_trip_pairs([d.real for d in drafts], [d.fake for d in drafts], rng, how)
    return [replace(d, real=r, fake=f) for d, r, f in zip(drafts, reals, fakes, strict=True)]


def _rows(name: str, drafts: Sequence[Draft], contract: ModelContract) -> list[Image]:
    """A line of text and three rows of crops."""
    pairs = [pair for draft in drafts if (pair := draft.crop(contract)) is not None]
    if not pairs:
        raise ConfigError("None of the faces can be cropped; give pictures with whole faces.")
    rows = [np.hstack([_small(look(pair)) for pair in pairs]) for look in _LOOKS]
    text = np.full((_LABEL, rows[0].shape[1], 3), 32, np.uint8)
    cv2.putText(
        *(text, name, (4, _LABEL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255)),
        lineType=cv2.LINE_AA,
    )
    return [text, *rows]


def _show_weight(pair: Pair) -> Image:
    grey = np.rint(np.clip(pair.weight, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


_LOOKS: Final[tuple[Callable[[Pair], Image], ...]] = (
    lambda pair: pair.real,
    lambda pair: pair.fake,
    _show_weight,
)


def _small(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (_CELL, _CELL), interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
