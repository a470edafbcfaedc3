"""Whom the detector serves worse: results by age and by an estimate of skin tone.

Ages are those that a list of faces gives. Skin tone is nowhere annotated; it is estimated by the
individual typology angle (Chardon et al., Int. J. Cosmetic Science 1991) of cheek pixels, in
the groups that are usual for it. That is a measure of pixels, not of people: light, camera and
white balance move it, and nothing here is calibrated against a colour chart.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models import masks
from models.masks import Points
from realtime.contract import Calibration, Thresholds
from realtime.errors import ConfigError
from realtime.evaluation import metrics
from realtime.evaluation.metrics import Scores
from realtime.types import Image

AGES: Final = ((0, "under 18"), (18, "18 to 29"), (30, "30 to 44"), (45, "45 to 59"), (60, "60 up"))
TONES: Final = (
    (-90.0, "dark"),
    (-30.0, "brown"),
    (10.0, "tan"),
    (28.0, "intermediate"),
    (41.0, "light"),
    (55.0, "very light"),
)
"""Lower bounds in degrees; below -90 there is nothing."""
_CHEEKS: Final = (50, 280, 205, 425, 187, 411)
_PATCH: Final = 0.03
"""Half the side of a patch of cheek, in units of the face."""
_MID_GREY: Final = 50.0


def age_groups(data: Path) -> dict[str, str]:
    """Group by the name of the picture file, of those pictures whose age is known.

    None are where the data folder has no list ``faces.csv``.

    Raises:
        ConfigError: if the list is there and cannot be read.
    """
    path = data / "faces.csv"
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(row.get("file"), row.get("age")) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ConfigError(f"Cannot read the list {path}; a data folder needs it.") from None
    return {
        str(name): group_of(float(age), AGES)
        for name, age in rows
        if name and age and age.replace(".", "", 1).isdigit()
    }


def group_of(value: float, bounds: Sequence[tuple[float, str]]) -> str:
    """The last group whose lower bound is not above ``value``; empty if there is none."""
    names = [name for low, name in bounds if value >= low]
    return names[-1] if names else ""


def typology_angle(image: Image, landmarks: Points) -> float:
    """The individual typology angle in degrees, from the medians of cheek pixels.

    ``image`` ``(H, W, 3)`` uint8 BGR, taken to be sRGB under daylight; ``landmarks``
    ``(>=468, 2)`` in its pixels. NaN if the cheeks lie outside.
    """
    extent = masks.extent(landmarks)
    half = max(1, round(_PATCH * extent))
    found = [_patch(image, landmarks[i], half) for i in _CHEEKS]
    pixels = np.concatenate(found)
    if not len(pixels):
        return float("nan")
    lab = cv2.cvtColor((pixels[None] / 255).astype(np.float32), cv2.COLOR_BGR2LAB)[0]
    lightness, _, yellow = np.median(lab, axis=0).tolist()
    # As the angle of a vector it is defined for skin that is not yellow at all, too.
    return math.degrees(math.atan2(lightness - _MID_GREY, max(yellow, 1e-6)))


def by_group(
    groups: Sequence[str],
    real: Scores,
    fake: Scores,
    owners: NDArray[np.int64],
    made: tuple[Calibration, Thresholds],
) -> dict[str, Any]:
    """Numbers for each group of photos.

    Args:
        groups: of every photo, empty where it is unknown.
        real: logits ``(P,)`` of real crops.
        fake: logits ``(P,)`` of the pseudo-fakes of the same.
        owners: ``(P,)`` which photo each pair was made from.
        made: what turns logits into probabilities and into words.
    """
    calibration, thresholds = made
    bound = math.log(thresholds.strong / (1 - thresholds.strong)) - calibration.bias
    limit = bound * calibration.temperature
    of_pair = np.array([groups[i] for i in owners.tolist()], np.str_)
    table = {}
    for _, name in (*AGES, *TONES):
        mine = of_pair == name
        if not mine.any():
            continue
        photos = np.unique(owners[mine])
        parts = [(real[mine & (owners == i)], fake[mine & (owners == i)]) for i in photos]
        table[name] = {
            "photos": len(photos),
            "pairs": int(mine.sum()),
            "auc": metrics.estimate(
                metrics.auc(real[mine], fake[mine]),
                metrics.bootstrap_groups(parts, metrics.auc, 500),
            ),
            "mean_real_logit": round(float(real[mine].mean()), 3),
            "real_crops_above_strong": metrics.share(
                int((real[mine] >= limit).sum()), int(mine.sum())
            ),
        }
    return table


def _patch(image: Image, point: NDArray[np.floating[Any]], half: int) -> Image:
    x, y = (round(float(value)) for value in point[:2])
    low_x, low_y = max(0, x - half), max(0, y - half)
    cut = image[low_y : max(0, y + half + 1), low_x : max(0, x + half + 1)]
    return cut.reshape(-1, 3)
