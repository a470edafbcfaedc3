"""What makes pairs: a real picture and one that is forged, before they are cropped.

Both pictures of a pair go through the same flip, size, `Life` and framing, so that nothing but
the forgery tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, cast

import cv2
import numpy as np

from models import masks
from models.augment import Life
from models.bank import Bank
from models.blending import Blend, redrawn_blend, self_blend
from models.forgeries import Forged, mix
from models.lookalikes import Lookalikes
from models.masks import FloatArray, Points
from models.prepare import Face
from models.swaps import Swap, swap_face
from realtime.contract import ModelContract
from realtime.crops import crop_face, warp
from realtime.types import Image

_AROUND: Final = 0.85
"""Half the side of what is kept around a face, in units of its extent: the crop and its jitter."""
_MIN_FACE_PX: Final = 56.0
"""No face is shown smaller than this, about where the live program stops to judge."""
_EXTENT_PX: Final = (72.0, 190.0)
_KINDS: Final = ("self", "swap", "redrawn")
_SHARES: Final = (0.35, 0.25, 0.4)
_MIXED_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """``(h, w, 3)`` uint8 BGR crops and the ``(h, w)`` float32 blend weight in the same place.

    ``how`` is the blend that made the pseudo-fake, None where it was made another way.
    """

    real: Image
    fake: Image
    weight: FloatArray
    how: Blend | None


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A pair before it is cropped: pictures with their surroundings.

    ``weight`` ``(H, W)`` float32 is where ``fake`` is forged, ``landmarks`` ``(468, 2)`` those
    that frame the crop of both. ``real_landmarks``, if given, frame the real picture instead.
    """

    real: Image
    fake: Image
    weight: FloatArray
    landmarks: Points
    how: Blend | None = None
    real_landmarks: Points | None = None

    def crop(self, contract: ModelContract) -> Pair | None:
        """As the live program would, None if a face lies outside its picture."""
        own = self.landmarks if self.real_landmarks is None else self.real_landmarks
        box = (0, 0, 0, 0)  # the crop is made from the landmarks
        one = crop_face(self.real, box, own, contract)
        two = crop_face(self.fake, box, self.landmarks, contract)
        if one is None or two is None:
            return None
        spec = replace(contract.crop, padding="black")
        matrix = two.to_crop.astype(np.float64)
        shown = warp(self.weight, matrix, contract.input.size, spec)
        return Pair(one.pixels, two.pixels, np.asarray(shown, np.float32), self.how)


class PairMaker(Protocol):
    """Draws pairs; can be sent to another process."""

    def draft(self, rng: np.random.Generator, difficulty: float) -> Draft | None:
        """One pair, ``difficulty`` in 0..1; None where the chosen face does not allow it."""
        ...


class RealFaces:
    """Pseudo-fakes from nothing but real faces.

    ``pictures`` are those of ``faces`` in their order, each of ``drawn`` the same as generators
    give them back; ``lookalikes`` says whose face may be put into whose picture.
    """

    def __init__(
        self,
        faces: Sequence[Face],
        pictures: Bank,
        drawn: Sequence[Bank] = (),
        lookalikes: Lookalikes | None = None,
    ) -> None:
        self._landmarks = np.stack([face.landmarks for face in faces])
        self._pictures = pictures
        self._drawn = tuple(drawn)
        self._lookalikes = lookalikes
        usable = np.array((True, lookalikes is not None, bool(drawn)))
        self._shares = np.where(usable, _SHARES, 0) / np.where(usable, _SHARES, 0).sum()

    def draft(self, rng: np.random.Generator, difficulty: float) -> Draft | None:
        """See `PairMaker`."""
        index = int(rng.integers(len(self._pictures)))
        kind = str(rng.choice(_KINDS, p=self._shares))
        image, landmarks = self._pictures.picture(index), self._points(index)
        if kind == "self":
            return self_blended(image, landmarks, rng, difficulty)
        if kind == "redrawn":
            bank = self._drawn[int(rng.integers(len(self._drawn)))]
            view = View.draw(rng, image, landmarks)
            one, two = view.show(image), view.show(bank.picture(index))
            points = view.place(landmarks)
            how = Blend.draw(rng, difficulty)
            real, fake, weight = redrawn_blend(one, two, points, how)
            return live(Draft(real, fake, weight, points, how), rng, difficulty)
        assert self._lookalikes is not None
        other = self._lookalikes.partner(index, rng)
        view = View.draw(rng, image, landmarks)
        real, points = view.show(image), view.place(landmarks)
        fake, weight = swap_face(
            real, points, self._pictures.picture(other), self._points(other),
            Swap.draw(rng, difficulty),
        )  # fmt: skip
        return live(Draft(real, fake, weight, points), rng, difficulty)

    def picture(self, index: int) -> tuple[Image, Points]:
        """A real picture and the landmarks in it."""
        return self._pictures.picture(index), self._points(index)

    def _points(self, index: int) -> Points:
        return np.asarray(self._landmarks[index], np.float64)


class Forgeries:
    """Finished forgeries beside their inputs, or beside real frames of other recordings.

    ``reals`` and ``partners`` (indices into it) are the frames for forgeries without input.
    """

    def __init__(self, clips: Sequence[Forged], reals: RealFaces, partners: Sequence[int]) -> None:
        self._clips = tuple(clips)
        self._reals = reals
        self._partners = np.array(partners, np.int64)

    def draft(self, rng: np.random.Generator, difficulty: float) -> Draft | None:
        """See `PairMaker`."""
        clip = self._clips[int(rng.integers(len(self._clips)))]
        index = int(rng.integers(clip.count))
        forged, landmarks = clip.forged(index), clip.landmarks[index].astype(np.float64)
        view = View.draw(rng, forged, landmarks)
        weight = view.show_weight(clip.weight(index))
        fake, points = view.show(forged), view.place(landmarks)
        if clip.paired:
            real = view.show(clip.original(index))
            if rng.random() < _MIXED_SHARE:
                fake, weight = mix(real, fake, weight, rng)
            return live(Draft(real, fake, weight, points), rng, difficulty)
        image, own = self._reals.picture(int(rng.choice(self._partners)))
        like = View.draw(rng, image, own, masks.extent(points))
        real, own = _onto(like.show(image), like.place(own), fake, points)
        return live(Draft(real, fake, weight, points, real_landmarks=own), rng, difficulty)


class Mixture:
    """Several makers, drawn from by ``shares`` that add up to 1."""

    def __init__(self, makers: Sequence[PairMaker], shares: Sequence[float]) -> None:
        self._makers = tuple(makers)
        self._shares = np.array(shares)

    def draft(self, rng: np.random.Generator, difficulty: float) -> Draft | None:
        """See `PairMaker`."""
        maker = self._makers[int(rng.choice(len(self._makers), p=self._shares))]
        return maker.draft(rng, difficulty)


def self_blended(
    image: Image, landmarks: Points, rng: np.random.Generator, difficulty: float
) -> Draft:
    """A self-blended pair of one picture ``(H, W, 3)`` uint8 BGR with its landmarks."""
    view = View.draw(rng, image, landmarks)
    points = view.place(landmarks)
    how = Blend.draw(rng, difficulty)
    real, fake, weight = self_blend(view.show(image), points, how)
    return live(Draft(real, fake, weight, points, how), rng, difficulty)


def _onto(image: Image, own: Points, canvas: Image, points: Points) -> tuple[Image, Points]:
    """``image`` shifted, cut and mirrored outwards to the size of ``canvas``.

    Its face lies where that of ``canvas`` does; returns its landmarks there as well.
    """
    shift = (points.min(axis=0) + points.max(axis=0) - own.min(axis=0) - own.max(axis=0)) / 2
    by = np.round(shift)
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]])
    size = (canvas.shape[1], canvas.shape[0])
    moved = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8), own + by


@dataclass(frozen=True, slots=True)
class View:
    """A picture cut to the face and its surroundings, mirrored or not, never enlarged.

    ``window`` is left, top, right, bottom in the picture, ``size`` (width, height) what it is
    shrunk to.
    """

    window: tuple[int, int, int, int]
    size: tuple[int, int]
    mirrored: bool

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        image: Image,
        landmarks: Points,
        extent: float | None = None,
    ) -> View:
        """``extent`` of the face in pixels afterwards; drawn where it is not given."""
        wanted = float(rng.uniform(*_EXTENT_PX)) if extent is None else extent
        own = masks.extent(landmarks)
        middle = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
        limit = (image.shape[1], image.shape[0])
        start = np.clip(np.floor(middle - _AROUND * own), 0, limit).astype(int)
        end = np.clip(np.ceil(middle + _AROUND * own), 0, limit).astype(int)
        span = np.maximum(end - start, 2)
        size = np.maximum(np.round(span * min(1.0, wanted / own)), 2).astype(int)
        window = (int(start[0]), int(start[1]), int(start[0] + span[0]), int(start[1] + span[1]))
        return cls(window, (int(size[0]), int(size[1])), bool(rng.random() < 0.5))

    def show(self, image: Image) -> Image:
        """The part of a picture of this size."""
        return np.asarray(self._show(image), np.uint8)

    def show_weight(self, weight: FloatArray) -> FloatArray:
        """The same of a weight ``(H, W)``, a copy."""
        return np.array(self._show(weight), np.float32)

    def place(self, landmarks: Points) -> Points:
        """Where landmarks lie in what is shown; of a mirrored face they keep their indices."""
        left, top, right, bottom = self.window
        scale = (self.size[0] / (right - left), self.size[1] / (bottom - top))
        points = (landmarks - (left, top)) * scale
        return points * (-1, 1) + (self.size[0], 0) if self.mirrored else points

    def _show(self, values: Image | FloatArray) -> Image | FloatArray:
        left, top, right, bottom = self.window
        part = values[top:bottom, left:right]
        part = np.ascontiguousarray(part[:, ::-1] if self.mirrored else part)
        if part.shape[1::-1] == self.size:
            return part
        shrunk: Any = cv2.resize(part, self.size, interpolation=cv2.INTER_AREA)
        return cast("Image | FloatArray", shrunk)


def live(draft: Draft, rng: np.random.Generator, difficulty: float) -> Draft:
    """Both pictures after the same life, and framed as roughly as live landmarks are."""
    low = _MIN_FACE_PX / masks.extent(draft.landmarks)
    life = Life.draw(rng, 0.3 + 0.7 * difficulty, low)
    fake, real = life.apply(draft.fake), life.apply(draft.real)
    size = fake.shape[1::-1]
    framing = _Framing.draw(rng)

    def follow(landmarks: Points, before: Image, after: Image) -> Points:
        scale = (after.shape[1] / before.shape[1], after.shape[0] / before.shape[0])
        return framing.apply(landmarks * scale)

    own = draft.real_landmarks
    return Draft(
        real,
        fake,
        np.asarray(cv2.resize(draft.weight, size, interpolation=cv2.INTER_AREA), np.float32),
        follow(draft.landmarks, draft.fake, fake),
        draft.how,
        None if own is None else follow(own, draft.real, real),
    )


@dataclass(frozen=True, slots=True)
class _Framing:
    """How far the landmarks that frame the crop are off, as fractions of the extent."""

    dx: float
    dy: float
    scale: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Framing:
        dx, dy = rng.uniform(-0.03, 0.03, 2)
        return cls(float(dx), float(dy), float(rng.uniform(0.96, 1.05)))

    def apply(self, landmarks: Points) -> Points:
        middle = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
        shift = np.array((self.dx, self.dy)) * masks.extent(landmarks)
        return np.asarray((landmarks - middle) * self.scale + middle + shift)
