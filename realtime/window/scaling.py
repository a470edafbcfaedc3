"""Brings a picture to another size, fast and without moire; no Qt."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.types import Image


def scale_into(target: Image, image: Image, *, sharp: bool = False) -> None:
    """Fill ``target`` with ``image`` at the target's size.

    Halved while it is more than twice too large, then interpolated: as free of moire as
    averaging over areas, and five times as fast. ``sharp``: pixels stay squares.
    """
    high, wide = target.shape[:2]
    while image.shape[1] >= 2 * wide and image.shape[0] >= 2 * high:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if image.shape == target.shape:
        np.copyto(target, image)
    else:
        kind = cv2.INTER_NEAREST if sharp else cv2.INTER_LINEAR
        cv2.resize(image, (wide, high), dst=target, interpolation=kind)
