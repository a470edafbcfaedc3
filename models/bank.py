"""Pictures of any size side by side in one file, so that a trainer reads them without decoding."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.prepare import Face, read_picture
from realtime.types import Image

_FORMAT: Final = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """N pictures ``(h, w, 3)`` uint8 BGR in the file ``path``.

    ``sizes`` ``(N, 2)`` int64, height and width; ``starts`` ``(N,)`` int64, the first byte. It
    can be sent to another process: only the name of the file travels.
    """

    path: Path
    sizes: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sizes)

    def picture(self, index: int) -> Image:
        """A read-only view."""
        height, width = self.sizes[index].tolist()
        start = int(self.starts[index])
        flat = _open(self.path)[start : start + height * width * 3]
        return flat.reshape(height, width, 3)


def face_bank(faces: Sequence[Face], cache: Path, report: Callable[[str], None]) -> Bank:
    """The pictures of ``faces`` in their order, unpacked once and kept in ``cache``."""
    names = [f"{face.path.parent.name}/{face.path.name}" for face in faces]
    place = cache / f"bank-{fingerprint(names)}"
    found = load(place)
    if found is not None and len(found) == len(faces):
        return found
    report(f"unpacking {len(faces)} pictures, once")
    return save(place, (_readable(face) for face in faces))


def fingerprint(lines: Iterable[str]) -> str:
    """A short name for a list of texts."""
    return hashlib.sha256("\n".join((_FORMAT, *lines)).encode()).hexdigest()[:16]


def save(place: Path, pictures: Iterable[Image]) -> Bank:
    """Write ``place.raw`` and then ``place.npz``, which says that the first is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    raw, index = place.with_suffix(".raw"), place.with_suffix(".npz")
    index.unlink(missing_ok=True)
    sizes, starts, end = [], [], 0
    with raw.open("wb") as file:
        for picture in pictures:
            sizes.append(picture.shape[:2])
            starts.append(end)
            end += file.write(np.ascontiguousarray(picture, np.uint8).tobytes())
    bank = Bank(raw, np.array(sizes, np.int64).reshape(-1, 2), np.array(starts, np.int64))
    _open.cache_clear()
    np.savez(index, sizes=bank.sizes, starts=bank.starts)
    return bank


def load(place: Path) -> Bank | None:
    """What `save` wrote, None if it is not there or not whole."""
    raw = place.with_suffix(".raw")
    try:
        with np.load(place.with_suffix(".npz"), allow_pickle=False) as found:
            bank = Bank(raw, found["sizes"], found["starts"])
        whole = raw.stat().st_size == int((bank.sizes.prod(1) * 3).sum())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return bank if whole else None


def _readable(face: Face) -> Image:
    picture = read_picture(face.path)
    if picture is None:  # it was readable when its landmarks were found
        return np.zeros((2, 2, 3), np.uint8)
    return picture


@functools.lru_cache(maxsize=8)
def _open(path: Path) -> NDArray[np.uint8]:
    return np.memmap(path, np.uint8, "r")
