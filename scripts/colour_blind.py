"""Shows pictures as people see them who lack a kind of cone, to find what colour alone says.

    .venv/bin/python scripts/colour_blind.py window.png            # window-deuteranopia.png
    .venv/bin/python scripts/colour_blind.py --kind protanopia *.png

The matrices are those of Machado, Oliveira and Fernandes, "A physiologically-based model for
simulation of color vision deficiency" (IEEE TVCG 15, 2009), at severity 1.0, on linear RGB.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KINDS: Final = {
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def seen(picture: NDArray[np.uint8], kind: str) -> NDArray[np.uint8]:
    """An RGB picture (height, width, 3) as it is seen with that kind of sight.

    Raises:
        KeyError: if there is no such kind.
    """
    share = picture.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    other = np.clip(linear @ np.array(KINDS[kind]).T, 0, 1)
    back = np.where(other <= 0.0031308, 12.92 * other, 1.055 * other ** (1 / 2.4) - 0.055)
    return np.round(back * 255).astype(np.uint8)


def main() -> None:
    """Write a picture beside each that is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--kind", default="deuteranopia", choices=KINDS)
    options = parser.parse_args()
    for path in options.pictures:
        with Image.open(path) as image:
            picture = np.asarray(image.convert("RGB"))
        out = path.with_name(f"{path.stem}-{options.kind}.png")
        Image.fromarray(seen(picture, options.kind)).save(out)


if __name__ == "__main__":
    main()
