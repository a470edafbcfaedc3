"""From a data folder to what a trainer draws pairs from, and what it is validated with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models import catalog
from models.bank import Bank, face_bank
from models.catalog import Clip
from models.dataset import Batch, collate, draw_pairs
from models.folds import FOLDS
from models.forgeries import Forged, forged_clips
from models.generators import redrawn
from models.lookalikes import lookalikes_if_any
from models.makers import Forgeries, Mixture, PairMaker, RealFaces
from models.prepare import Face, clip_faces, photo_faces
from realtime.contract import ModelContract
from realtime.errors import ConfigError

_VALIDATION_SEED: Final = 99
_CALL: Final = "DeepFaceLive_input"
"""The real clips that are filmed calls and streams."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Which forged clips, with their inputs, training must not see: a fold or a method."""

    fold: int | None = None
    method: str = ""

    @classmethod
    def parse(cls, text: str) -> HeldOut:
        """``fold:N``, ``method:NAME``, or empty for none.

        Raises:
            ConfigError: if it is something else.
        """
        kind, _, value = text.partition(":")
        if not text:
            return cls()
        if kind == "fold" and value.isdecimal() and int(value) < FOLDS:
            return cls(fold=int(value))
        if kind == "method" and value:
            return cls(method=value)
        raise ConfigError(
            f"{text!r} is nothing to hold out; give fold:0 to fold:{FOLDS - 1}, or method:NAME."
        )

    def holds(self, clip: Clip) -> bool:
        """Whether this clip is kept from training."""
        return clip.fold == self.fold if self.fold is not None else clip.kind == self.method


@dataclass(frozen=True, slots=True)
class Supply:
    """``maker`` gives pairs to train on; ``validation`` batches of held-out faces by domain.

    ``faces`` is how many real faces there are, ``forged`` how many forged clips.
    """

    maker: PairMaker
    validation: dict[str, list[Batch]]
    faces: int
    forged: int


@dataclass(frozen=True, slots=True)
class Order:
    """``forged`` is the share of pairs with a finished forgery, 0..1."""

    forged: float = 0.0
    held_out: HeldOut = HeldOut()


@dataclass(frozen=True, slots=True)
class Stock:
    """Everything there is, for any number of runs; ``validation`` and ``faces`` as in `Supply`.

    ``forged`` holds every forged clip, ``partners`` the real faces that may stand beside those
    without input.
    """

    reals: RealFaces
    validation: dict[str, list[Batch]]
    faces: int
    forged: Sequence[Forged]
    partners: Sequence[int]

    def supply(self, order: Order) -> Supply:
        """What one run draws from.

        Raises:
            ConfigError: if forgeries are ordered and there are none.
        """
        if not order.forged:
            return Supply(self.reals, self.validation, self.faces, 0)
        kept = [f for f in self.forged if not order.held_out.holds(f.clip)]
        if not kept:
            raise ConfigError("There is no forged clip to train on; train without --forged.")
        forgeries = Forgeries(kept, self.reals, self.partners)
        maker = Mixture((self.reals, forgeries), (1 - order.forged, order.forged))
        return Supply(maker, self.validation, self.faces, len(kept))


@dataclass(frozen=True, slots=True)
class Making:
    """How a `Stock` is made: ``generator_steps`` is how long each generator is fitted.

    0 leaves the generators out; ``forged`` says whether forged clips are cut.
    """

    generator_steps: int = 1500
    validation_pairs: int = 384
    forged: bool = False
    device: str = "cpu"


def stock(
    data: Path,
    cache: Path,
    contract: ModelContract,
    making: Making,
    report: Callable[[str], None],
) -> Stock:
    """Slow the first time, as faces are found and generators fitted.

    Raises:
        ConfigError: if the folder cannot be used.
    """
    clips = catalog.clips(data)
    photos = photo_faces(catalog.photos(data), cache, report)
    recorded = clip_faces([c for c in clips if c.split == "train" and not c.fake], cache, report)
    train = [face for face in photos if face.split == "train"] + recorded
    if not train:
        raise ConfigError(f"Every face in {data} is held out; nothing to train on.")
    pictures = face_bank(train, cache, report)
    held_out = [c for c in clips if c.split != "train" and not c.fake]
    domains = {
        "photo": [face for face in photos if face.split == "validation"],
        "video": clip_faces([c for c in held_out if c.kind != _CALL], cache, report),
        "call": clip_faces([c for c in held_out if c.kind == _CALL], cache, report),
    }
    if not domains["photo"]:
        raise ConfigError("No picture of a held-out person is left to validate with.")
    validation = {
        name: _validation(faces, contract, making.validation_pairs, cache, report)
        for name, faces in domains.items()
        if faces
    }
    reals = _real_faces(train, pictures, cache, making, report)
    forged: Sequence[Forged] = ()
    if making.forged:
        fakes, others = [c for c in clips if c.fake], [c for c in clips if not c.fake]
        forged = forged_clips(fakes, others, cache, report)
    # as many frames of recordings as photos, however many of each there are
    first = len(train) - len(recorded)
    again = max(1, first // len(recorded)) if recorded else 0
    partners = [*range(first), *(again * list(range(first, len(train))))]
    return Stock(reals, validation, len(train), forged, partners)


def _real_faces(
    faces: Sequence[Face],
    pictures: Bank,
    cache: Path,
    making: Making,
    report: Callable[[str], None],
) -> RealFaces:
    drawn: Sequence[Bank] = ()
    if making.generator_steps:
        drawn = redrawn(pictures, cache, making.generator_steps, making.device, report)
    return RealFaces(faces, pictures, drawn, lookalikes_if_any(faces))


def _validation(
    faces: Sequence[Face],
    contract: ModelContract,
    count: int,
    cache: Path,
    report: Callable[[str], None],
) -> list[Batch]:
    """The same pairs at every call, of all difficulties, from faces that training never saw."""
    pictures = face_bank(faces, cache, report)
    maker = RealFaces(faces, pictures, lookalikes=lookalikes_if_any(faces))
    rng = np.random.default_rng(_VALIDATION_SEED)
    sizes = [16] * (count // 16) + ([count % 16] if count % 16 else [])
    return [collate(draw_pairs(maker, contract, rng, size, 1.0), contract) for size in sizes]
