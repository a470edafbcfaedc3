"""Packages that would silently overwrite one another are installed once."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from realtime.machine import owners_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", ["cv2/__init__.py", "onnxruntime/__init__.py"])
def test_one_distribution_owns_the_package(path: str) -> None:
    assert len(owners_of(path)) == 1


def test_opencv_is_the_flavour_that_mediapipe_asks_for() -> None:
    assert owners_of("cv2/__init__.py") == ["opencv-contrib-python"]
    wanted = [Requirement(text).name for text in metadata.requires("mediapipe") or ()]
    assert "opencv-contrib-python" in wanted


def test_python_and_numpy_are_what_mediapipe_needs() -> None:
    assert (3, 10) <= sys.version_info[:2] <= (3, 12)
    assert np.__version__.startswith("1.")


def test_everything_installed_is_what_the_lock_says() -> None:
    locked: dict[str, list[Requirement]] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    here = {
        name: requirement
        for name, requirements in locked.items()
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }
    wrong, found = [], 0
    for distribution in metadata.distributions():
        wanted = here.get(canonicalize_name(distribution.metadata["Name"]))
        found += wanted is not None
        if wanted is not None and not wanted.specifier.contains(distribution.version):
            wrong.append(f"{wanted} is locked, {distribution.version} is installed")
    assert found > 20
    assert not wrong
