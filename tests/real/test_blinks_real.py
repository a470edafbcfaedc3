"""Blinks counted in real recordings against those seen by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.blinks import Count, blinks_of, compare, labels
from tests.conftest import needs_data

pytestmark = needs_data

CLIPS = [
    "DeepFaceLive_input__Ava_de_Addario_2.mp4",
    "DeepFaceLive_input__David_Kovalniy_0.mp4",
    "alpyksl_lipreading__ofke.mp4",
    "liveportrait__d18.mp4",
    "liveportrait__s20.mp4",
    "tpsmm__driving.mp4",
]
"""Short ones with many blinks; `benchmarks.blinks` runs them all."""


@pytest.mark.parametrize(("step", "least"), [(1, 0.9), (2, 0.8)])
def test_blinks_are_those_seen_by_eye(videos: Path, step: int, least: float) -> None:
    seen = labels()
    counts = [compare(blinks_of(videos / "real" / name, step), seen[name]) for name in CLIPS]
    total = sum(counts, Count())
    assert total.found + total.missed == sum(label.clear for name in CLIPS for label in seen[name])
    assert total.f1 >= least, total


def test_labels_are_of_clips_that_exist(videos: Path) -> None:
    seen = labels()
    assert len(seen) >= 12
    assert sum(label.clear for own in seen.values() for label in own) >= 100
    for name, own in seen.items():
        assert (videos / "real" / name).is_file()
        assert all(label.from_s <= label.to_s for label in own)
