"""A small data folder of chosen real clips and photos."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.conftest import DATA


def linked(data: Path, chosen: Mapping[str, Iterable[str]], photos: int = 0) -> Path:
    """Links to clips by class, ``real`` or ``fake``, and to the first ``photos`` of all."""
    for kind, wanted in chosen.items():
        names = set(wanted)
        (data / "videos" / kind).mkdir(parents=True)
        with (DATA / "videos" / f"{kind}.csv").open(encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if row["file"] in names]
        with (data / "videos" / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, reader.fieldnames or ())
            writer.writeheader()
            writer.writerows(rows)
        for name in names:
            (data / "videos" / kind / name).symlink_to(DATA / "videos" / kind / name)
    (data / "faces").mkdir()
    for path in sorted((DATA / "faces").glob("*.jpg"))[:photos]:
        (data / "faces" / path.name).symlink_to(path)
    return data
