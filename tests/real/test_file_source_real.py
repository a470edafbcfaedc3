"""Every real clip opens, decodes to the last frame and can be sought in."""

from __future__ import annotations

import csv
import itertools
import math
import random
import zlib
from pathlib import Path

import pytest

from realtime.config import SourceConfig
from realtime.sources.file import FileSource
from tests.conftest import DATA, needs_data

pytestmark = needs_data


def _clips() -> list[tuple[str, dict[str, str]]]:
    clips = []
    for kind in ("real", "fake"):
        table = DATA / "videos" / f"{kind}.csv"
        if table.is_file():
            with table.open(newline="", encoding="utf-8") as lines:
                clips += [(f"{kind}/{row['file']}", row) for row in csv.DictReader(lines)]
    return clips


CLIPS = _clips()


@pytest.mark.parametrize(("name", "row"), CLIPS, ids=[name for name, _ in CLIPS])
def test_every_frame_is_delivered(videos: Path, name: str, row: dict[str, str]) -> None:
    with FileSource(videos / name, SourceConfig()) as source:
        info = source.open()
        assert (info.width, info.height) == (int(row["width"]), int(row["height"]))
        times = []
        while (frame := source.read()) is not None:
            assert frame.image.shape == (info.height, info.width, 3)
            times.append(frame.time_s)
        assert source.decode_errors == 0
    assert len(times) == int(row["frames"])
    assert times[0] == 0
    assert all(a < b for a, b in itertools.pairwise(times))


@pytest.mark.parametrize("name", [name for name, _ in CLIPS[::12]])
def test_seeking_shows_the_same_picture_as_playing(videos: Path, name: str) -> None:
    with FileSource(videos / name, SourceConfig()) as source:
        source.open()
        played = []
        while (frame := source.read()) is not None:
            played.append((frame.time_s, zlib.crc32(frame.image)))
        chance = random.Random(name)
        for index in [0, len(played) - 1, *chance.sample(range(len(played)), 3)]:
            behind = played[index + 1][0] if index + 1 < len(played) else math.inf
            for wanted in (played[index][0], math.nextafter(behind, 0)):
                source.seek(wanted)
                frame = source.read()
                assert frame is not None
                assert (frame.time_s, zlib.crc32(frame.image)) == played[index]
