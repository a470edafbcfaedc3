"""The sheet of what the network is shown, on a portrait in the public domain."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from models import generators
from models.preview import Gallery, main

KINDS = 7
"""Without generators."""
SIDES = 5
"""Blocks after the kinds: the life of a video, and two codecs at two rates."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people's folders with the same portrait, mirrored or darker."""
    found = tmp_path_factory.mktemp("data")
    portrait = np.asarray(pictures.astronaut()[:300, 80:380, ::-1], np.uint8)
    portrait = np.asarray(cv2.resize(portrait, (220, 220), interpolation=cv2.INTER_AREA))
    looks = (portrait, portrait[:, ::-1], portrait // 2 + 20, portrait[:, ::-1] // 2 + 60)
    for i, image in enumerate(looks * 3):
        path = found / "faces" / f"person {i}" / "1.png"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), image)
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(folder: Path, cache: Path, output: Path, *more: str) -> int:
    places = ("--data", str(folder), "--cache", str(cache), "--output", str(output))
    return main([*places, "--columns", "2", "--steps", "0", *more])


def test_every_kind_is_on_the_sheet_and_equal_seeds_give_equal_sheets(
    folder: Path, cache: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(folder, cache, tmp_path / f"{name}.png", "--seed", seed) == 0
    sheets = [(tmp_path / f"{name}.png").read_bytes() for name in "abc"]
    assert sheets[0] == sheets[1] != sheets[2]
    image = cv2.imread(str(tmp_path / "a.png"))
    blocks = np.split(image, KINDS + SIDES)
    assert image.shape[1] == 2 * 128
    for block in blocks:
        label, real, fake, weight = np.split(block, (20, 20 + 128, 20 + 256))
        assert label.max() > 200
        assert weight.max() > 150
        inside = weight[..., 0] > 128
        assert np.abs(real.astype(int) - fake)[inside].mean() > 1


def test_each_kind_changes_what_it_says_and_nothing_else(folder: Path, cache: Path) -> None:
    gallery = Gallery(folder, cache, 300, 0, lambda text: None)
    kinds = gallery.kinds(0.3)
    assert len(kinds) == KINDS
    for name, make in kinds.items():
        for index in range(4):
            draft = make(index, np.random.default_rng(index))
            outside = draft.weight == 0
            assert outside.any(), name
            if name != "self-blend":  # there the real picture may be either layer
                assert (draft.real[outside] == draft.fake[outside]).all(), name
            assert (draft.real != draft.fake).any(), name


def test_generators_are_one_more_kind(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators, "DESIGNS", (generators.Design("nearest", 2, 3, 4),))
    gallery = Gallery(folder, cache, 300, 2, lambda text: None)
    kinds = gallery.kinds(0.3)
    assert len(kinds) == KINDS + 1
    draft = kinds["redrawn by a generator"](0, np.random.default_rng(0))
    assert draft.real.shape == draft.fake.shape
    assert (draft.real != draft.fake).any()


@pytest.mark.parametrize(
    ("name", "words"),
    [("none/sheet.png", "Cannot write"), ("sheet.nothing", "end it in .png or .jpg")],
)
def test_an_output_that_cannot_be_written_is_one_sentence(
    *, folder: Path, cache: Path, tmp_path: Path, name: str, words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(folder, cache, tmp_path / name) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_folders_that_cannot_be_shown_are_one_sentence(
    folder: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faces").mkdir()
    assert run(tmp_path, cache, tmp_path / "sheet.png") == 2
    assert "There is no picture in" in capsys.readouterr().err
    image = (folder / "faces" / "person 0" / "1.png").read_bytes()
    (tmp_path / "faces" / "1.png").write_bytes(image)
    assert run(tmp_path, cache, tmp_path / "sheet.png") == 2
    assert "show a single person" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [("--difficulty", "2"), ("--columns", "0"), ("--pictures", "x"), ("--arch", "none")]
)
def test_options_out_of_range_are_refused(
    folder: Path, cache: Path, tmp_path: Path, more: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(folder, cache, tmp_path / "sheet.png", *more)
    assert ended.value.code == 2
