"""Pseudo-fakes that join two people: the face of one in the picture of another.

Two ways from the papers: the source is moved as a whole, so that its landmarks lie as near as
possible to those of the target (Li et al., "Face X-ray for More General Face Forgery
Detection", CVPR 2020), or triangle by triangle, so that they lie on them (the landmark-based
FaceSwap of Rössler et al., "FaceForensics++", ICCV 2019). Then come a texture of its own, colours
made like those around it (Reinhard et al., "Color Transfer between Images", 2001), and a soft
edge or one without a step in brightness (Pérez et al., "Poisson Image Editing", 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from models import masks
from models.augment import Jitter
from models.blending import blend
from models.masks import FloatArray, Points
from realtime.types import Image

_CORNERS: Final = np.array(
    sorted(
        {
            *masks.REGIONS["oval"],
            *masks.REGIONS["inner_chin"],
            # inner lips, forehead, sides of the nose and cheeks
            *(78, 81, 13, 311, 308, 402, 14, 178),
            *(151, 9, 69, 299, 48, 278, 101, 330, 123, 352, 147, 376, 214, 434),
        }
    )
)
"""The landmarks that are corners of triangles."""

_RING: Final = np.array(masks.REGIONS["oval"])[::3]
_RING_REACH: Final = 1.35
"""Corners outside the face, at this multiple of the outline's distance from the middle."""

_FLAT_PX2: Final = 0.05
_FOLDED: Final = 0.006
"""Share of the area that may be turned over. More is a head turned so far that its landmarks
overlap: about every tenth of the training faces, with noses drawn twice."""
_FINEST: Final = 1.4
"""A source this many times larger than the target is shrunk before it is warped."""


@dataclass(frozen=True, slots=True)
class Swap:
    """How the face of a source comes into a target.

    ``region`` is a key of `masks.REGIONS`; ``triangles`` says whether the landmarks are met one
    by one, which a head that is turned far does not allow. ``jitter`` changes the source;
    ``colour`` in 0..1 says how far its colours are moved to those of the target afterwards,
    ``poisson`` whether the edge is the one of Pérez et al. ``elastic``, ``shrink`` and ``edge``
    are fractions of the face's extent, ``ratio`` the greatest weight of the source.
    """

    region: str
    triangles: bool
    jitter: Jitter
    colour: float
    poisson: bool
    elastic: float
    shrink: float
    edge: float
    ratio: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, difficulty: float) -> Swap:
        """``difficulty`` in 0..1: from strong changes with a hard edge to faint ones."""
        ease = 1 - difficulty
        whole = rng.random() < 0.6 + 0.2 * ease
        poisson = bool(rng.random() < 0.1 + 0.3 * difficulty)
        return cls(
            region=str(rng.choice(masks.WHOLE_FACE if whole else masks.PARTS)),
            # parts that do not meet their landmarks would be seen at a glance
            triangles=bool(not whole or rng.random() < 0.7),
            jitter=Jitter.draw(rng, 0.15 + 0.5 * ease),
            colour=float(np.clip(rng.uniform(0.5, 1.3) - 0.5 * ease * rng.random(), 0, 1)),
            poisson=poisson,
            elastic=float(rng.uniform(0.01, 0.06)),
            shrink=float(rng.uniform(0.005, 0.03)),
            edge=float(rng.uniform(0.005, 0.015 + 0.05 * difficulty)),
            ratio=1.0 if poisson or rng.random() < 0.75 else float(rng.uniform(0.7, 1.0)),
            seed=int(rng.integers(2**31)),
        )


def swap_face(
    target: Image, target_landmarks: Points, source: Image, source_landmarks: Points, how: Swap
) -> tuple[Image, FloatArray]:
    """Put a region of the source's face into the target.

    Args:
        target: ``(H, W, 3)`` uint8 BGR.
        target_landmarks: ``(>=468, >=2)``, pixels of ``target``.
        source: ``(h, w, 3)`` uint8 BGR, of any size.
        source_landmarks: ``(>=468, >=2)``, pixels of ``source``; of a mirrored picture with
            indices kept, the face comes out mirrored.
        how: what to do; equal values give equal results.

    Returns:
        The pseudo-fake, equal to ``target`` where the weight is 0, and the weight of the source
        ``(H, W)`` float32 in 0..1.
    """
    to = np.asarray(target_landmarks[: masks.POINTS, :2], np.float64)
    source, start = _shrunk(source, np.asarray(source_landmarks[: masks.POINTS, :2]), to)
    weight = _weight(to, target.shape[:2], how)
    left, top, width, height = _box(weight)
    if not width:
        return target.copy(), weight
    part = (slice(top, top + height), slice(left, left + width))
    upper = _warp(source, start, to - (left, top), (height, width), triangles=how.triangles)
    upper = how.jitter.apply(upper)
    upper = match_colour(upper, target[part], weight[part], how.colour)
    fake = target.copy()
    if how.poisson:
        fake[part] = _clone(target[part], upper, weight[part] > 0)
        weight = (weight > 0).astype(np.float32)
    else:
        fake[part] = blend(target[part], upper, weight[part])
    return fake, weight


def match_colour(image: Image, like: Image, weight: FloatArray, strength: float) -> Image:
    """Mean and deviation of each Lab channel moved to those of ``like`` by ``strength`` in 0..1.

    All three have the same height and width; ``weight`` says how much each pixel counts.
    """
    if strength <= 0 or not weight.any():
        return image
    one, two = _to_lab(image), _to_lab(like)
    (mean, spread), (wanted, wanted_spread) = _moments(one, weight), _moments(two, weight)
    # a face lit from one side must not blow up the contrast of one lit evenly
    factor = np.clip(wanted_spread / np.maximum(spread, 1e-3), 0.5, 2.0)
    factor = 1 + strength * (factor - 1)
    one = (one - mean) * factor + mean + strength * (wanted - mean)
    back = cv2.cvtColor(one.astype(np.float32), cv2.COLOR_LAB2BGR)
    return np.asarray(np.clip(np.rint(back * 255), 0, 255), np.uint8)


def align(points: Points, onto: Points) -> NDArray[np.float64]:
    """The similarity ``(2, 3)`` that brings ``points`` nearest to ``onto``, both ``(N, 2)``.

    Least squares after Umeyama, 1991, but a mirror image is allowed where it fits better.
    """
    middle, goal = points.mean(axis=0), onto.mean(axis=0)
    left, size, right = np.linalg.svd((onto - goal).T @ (points - middle))
    spread = max(float(((points - middle) ** 2).sum()), 1e-9)
    turn = (size.sum() / spread) * (left @ right)
    return np.column_stack((turn, goal - turn @ middle))


def _shrunk(source: Image, points: Points, to: Points) -> tuple[Image, NDArray[np.float64]]:
    """Near the size of the target, for a warp that skips pixels makes patterns."""
    scale = masks.extent(to) / max(masks.extent(points), 1e-6)
    if scale * _FINEST >= 1:
        return source, np.asarray(points, np.float64)
    height, width = source.shape[:2]
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, points * (size[0] / width, size[1] / height)


def _weight(points: Points, size: tuple[int, ...], how: Swap) -> FloatArray:
    rng = np.random.default_rng(how.seed)
    extent = masks.extent(points)
    region = masks.hull(points, (size[0], size[1]), how.region)
    # small regions would be eaten up by an edge made for a whole face
    scale = extent * min(1.0, float(np.sqrt(float(region.sum()) / (0.7 * extent**2 + 1e-6))))
    region = (masks.deform(region, rng, how.elastic * scale) > 0.5).astype(np.float32)
    soft = masks.soften(region, how.shrink * scale, how.edge * scale)
    return np.minimum(soft, np.float32(1)) * np.float32(how.ratio)


def _box(weight: FloatArray) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is not 0, with one pixel around where there is room."""
    left, top, width, height = cv2.boundingRect((weight > 0).astype(np.uint8))
    if not width:
        return 0, 0, 0, 0
    right, bottom = min(weight.shape[1], left + width + 1), min(weight.shape[0], top + height + 1)
    left, top = max(0, left - 1), max(0, top - 1)
    return left, top, right - left, bottom - top


def _warp(
    source: Image, start: Points, to: Points, size: tuple[int, int], *, triangles: bool
) -> Image:
    """The source as seen by the target: ``start`` comes to lie on ``to``."""
    whole = align(to, start)
    maps = _map_triangles(start, to, size, whole) if triangles else None
    if maps is not None:
        moved = cv2.remap(source, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    else:
        moved = cv2.warpAffine(
            source,
            whole,
            size[::-1],
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return np.asarray(moved, np.uint8)


def _map_triangles(
    start: Points, to: Points, size: tuple[int, int], whole: NDArray[np.float64]
) -> tuple[FloatArray, FloatArray] | None:
    """Where each pixel of the target is in the source, ``(h, w)`` float32 x and y.

    The triangles are those of Delaunay in the target, so that they never overlap there; None if
    they do in the source. What lies in none is moved by the similarity ``whole``.
    """
    a, b = _corners(start), _corners(to)
    sides = Delaunay(b).simplices
    edges = b[sides[:, 1:]] - b[sides[:, :1]]
    area = np.linalg.det(edges)
    solid = np.abs(area) > _FLAT_PX2
    sides, edges, area = sides[solid], edges[solid], np.abs(area[solid])
    slope = (np.linalg.inv(edges) @ (a[sides[:, 1:]] - a[sides[:, :1]])).transpose(0, 2, 1)
    over = np.sign(np.linalg.det(slope)) != np.sign(np.linalg.det(whole[:, :2]))
    if area[over].sum() > _FOLDED * area.sum():
        return None
    shift = a[sides[:, 0]] - np.einsum("tij,tj->ti", slope, b[sides[:, 0]])
    parts = np.concatenate((whole[None], np.concatenate((slope, shift[..., None]), axis=2)))
    labels = np.zeros(size, np.int32)
    fine = np.round(b * 16).astype(np.int32)
    for number, side in enumerate(sides):
        cv2.fillConvexPoly(labels, fine[side], (number + 1,), cv2.LINE_8, 4)
    y, x = np.indices(size, np.float32, sparse=True)
    factors = np.ascontiguousarray(parts.transpose(1, 2, 0), np.float32)
    found_x, found_y = (
        np.take(row[0], labels) * x + np.take(row[1], labels) * y + np.take(row[2], labels)
        for row in factors
    )
    return found_x, found_y


def _corners(points: Points) -> Points:
    middle = points[_CORNERS].mean(axis=0)
    return np.concatenate((points[_CORNERS], middle + (points[_RING] - middle) * _RING_REACH))


def _clone(lower: Image, upper: Image, inside: NDArray[np.bool_]) -> Image:
    """``upper`` inside, its gradients fitted to the values of ``lower`` along the edge."""
    frame = 2  # the solver needs pixels around the region
    mask = cv2.copyMakeBorder(
        inside.astype(np.uint8) * 255, frame, frame, frame, frame, cv2.BORDER_CONSTANT
    )
    low, high = (
        cv2.copyMakeBorder(layer, frame, frame, frame, frame, cv2.BORDER_REPLICATE)
        for layer in (lower, upper)
    )
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    mixed = np.asarray(cv2.seamlessClone(high, low, mask, centre, cv2.NORMAL_CLONE), np.uint8)
    mixed = mixed[frame:-frame, frame:-frame]
    return np.where(inside[..., None], mixed, lower)


def _to_lab(image: Image) -> FloatArray:
    values = image.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_BGR2LAB), np.float32)


def _moments(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    pixels, counts = values.reshape(-1, 3), weight.reshape(-1)
    total = counts.sum()
    mean = counts @ pixels / total
    variance = counts @ (pixels - mean) ** 2 / total
    return mean, np.sqrt(variance)
