"""Folders of labelled clips as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from realtime.errors import ConfigError
from realtime.evaluation.layouts import labelled_clips, need_both
from tests.conftest import DATA, needs_data


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def facts(folder: Path) -> dict[str, tuple[str, bool, str]]:
    return {
        c.path.relative_to(folder).as_posix(): (c.kind, c.fake, c.pair)
        for c in labelled_clips(folder)
    }


@pytest.mark.parametrize("inside", ["", "videos/"])
def test_our_own_layout(tmp_path: Path, inside: str) -> None:
    put(tmp_path, *(f"{inside}{n}.mp4" for n in ("real/a", "real/b", "fake/c", "fake/d")))
    (tmp_path / inside / "real.csv").write_text("file,source,pair\na.mp4,s,p\nb.mp4,s,\n")
    (tmp_path / inside / "fake.csv").write_text("file,method,pair\nc.mp4,m,p\nd.mp4,m,q\n")
    assert facts(tmp_path) == {
        f"{inside}real/a.mp4": ("s", False, "p"),
        f"{inside}real/b.mp4": ("s", False, ""),
        f"{inside}fake/c.mp4": ("m", True, "p"),
        f"{inside}fake/d.mp4": ("m", True, ""),  # its other side is not there
    }


def test_bare_folders(tmp_path: Path) -> None:
    put(tmp_path, "real/phone/a.MOV", "real/b.mp4", "fake/swap/c.webm", "fake/notes.txt")
    put(tmp_path, "fake/.hidden.mp4")
    assert facts(tmp_path) == {
        "real/b.mp4": ("real", False, ""),
        "real/phone/a.MOV": ("phone", False, ""),
        "fake/swap/c.webm": ("swap", True, ""),
    }


def test_face_forensics(tmp_path: Path) -> None:
    put(tmp_path, "original_sequences/youtube/c23/videos/033.mp4")
    put(tmp_path, "original_sequences/youtube/c40/videos/033.mp4")
    put(tmp_path, "original_sequences/actors/c23/videos/01__walking_down.mp4")
    put(tmp_path, "manipulated_sequences/Face2Face/c23/videos/033_097.mp4")
    put(tmp_path, "manipulated_sequences/Face2Face/masks/videos/033_097.mp4")
    put(tmp_path, "manipulated_sequences/FaceSwap/c23/videos/097_033.mp4")
    fake = "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__walking_down__YB7RZVTT.mp4"
    put(tmp_path, fake)
    assert facts(tmp_path) == {
        "original_sequences/actors/c23/videos/01__walking_down.mp4": (
            *("actors", False, "ff/01__walking_down"),
        ),
        "original_sequences/youtube/c23/videos/033.mp4": ("youtube", False, "ff/033"),
        "manipulated_sequences/Face2Face/c23/videos/033_097.mp4": ("Face2Face", True, "ff/033"),
        "manipulated_sequences/FaceSwap/c23/videos/097_033.mp4": ("FaceSwap", True, ""),
        fake: ("DeepFakeDetection", True, "ff/01__walking_down"),
    }


def test_celeb(tmp_path: Path) -> None:
    put(tmp_path, "Celeb-real/id0_0000.mp4", "Celeb-real/id1_0000.mp4", "YouTube-real/00001.mp4")
    put(tmp_path, "Celeb-synthesis/id0_id16_0000.mp4", "Celeb-synthesis/id7_id0_0000.mp4")
    assert facts(tmp_path) == {
        "Celeb-real/id0_0000.mp4": ("Celeb-real", False, "celeb/id0_0000"),
        "Celeb-real/id1_0000.mp4": ("Celeb-real", False, ""),
        "YouTube-real/00001.mp4": ("YouTube-real", False, ""),
        "Celeb-synthesis/id0_id16_0000.mp4": ("Celeb-synthesis", True, "celeb/id0_0000"),
        "Celeb-synthesis/id7_id0_0000.mp4": ("Celeb-synthesis", True, ""),
    }


@pytest.mark.parametrize("part", ["", "dfdc_train_part_3/"])
def test_challenge(tmp_path: Path, part: str) -> None:
    put(tmp_path, f"{part}a.mp4", f"{part}b.mp4", f"{part}c.mp4")
    listed = {
        "a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
        "b.mp4": {"label": "REAL", "split": "train", "original": None},
        "c.mp4": {"label": "REAL", "split": "train"},
        "thinned.mp4": {"label": "FAKE", "split": "train", "original": "c.mp4"},
    }
    (tmp_path / part / "metadata.json").write_text(json.dumps(listed))
    assert facts(tmp_path) == {
        f"{part}a.mp4": ("DFDC", True, "dfdc/b"),
        f"{part}b.mp4": ("DFDC", False, "dfdc/b"),
        f"{part}c.mp4": ("DFDC", False, ""),
    }


def test_df40_finds_its_reals_in_the_sets_beside_it(tmp_path: Path) -> None:
    put(tmp_path, "simswap/ff/033_097.mp4", "fomm/cdf/videos/id0_id1_0002.mp4")
    put(tmp_path, "heygen/real/x.mp4", "heygen/fake/y.mp4")
    put(tmp_path, "original_sequences/youtube/c23/videos/033.mp4", "Celeb-real/id0_0002.mp4")
    assert facts(tmp_path) == {
        "original_sequences/youtube/c23/videos/033.mp4": ("youtube", False, "ff/033"),
        "Celeb-real/id0_0002.mp4": ("Celeb-real", False, "celeb/id0_0002"),
        "heygen/real/x.mp4": ("heygen", False, ""),
        "fomm/cdf/videos/id0_id1_0002.mp4": ("fomm", True, "celeb/id0_0002"),
        "heygen/fake/y.mp4": ("heygen", True, ""),
        "simswap/ff/033_097.mp4": ("simswap", True, "ff/033"),
    }


def test_frames_instead_of_clips_are_named(tmp_path: Path) -> None:
    put(tmp_path, "simswap/ff/frames/033_097/000.png")
    with pytest.raises(ConfigError, match=r"simswap/ff holds single frames.*give the clips"):
        labelled_clips(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", '{"a.mp4": {"label": "MAYBE"}}', '{"a.mp4": 3}'])
def test_a_damaged_challenge_list_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(ConfigError, match="is not that of DFDC"):
        labelled_clips(tmp_path)


def test_a_listed_clip_that_is_missing_is_named(tmp_path: Path) -> None:
    put(tmp_path, "real/a.mp4")
    (tmp_path / "real.csv").write_text("file,source,pair\nb.mp4,s,\n")
    with pytest.raises(ConfigError, match=r"real\.csv names b\.mp4, which is not in real/"):
        labelled_clips(tmp_path)


def test_one_list_of_two_is_named(tmp_path: Path) -> None:
    put(tmp_path, "real/a.mp4", "fake/b.mp4")
    (tmp_path / "real.csv").write_text("file,source,pair\na.mp4,s,\n")
    with pytest.raises(ConfigError, match=r"Cannot read the list .*fake\.csv"):
        labelled_clips(tmp_path)


def test_a_folder_without_clips_is_named(tmp_path: Path) -> None:
    put(tmp_path, "real/a.txt")
    with pytest.raises(ConfigError, match="holds no labelled clips"):
        labelled_clips(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no folder"):
        labelled_clips(tmp_path / "none")


@pytest.mark.parametrize(("fake", "words"), [(True, "needs real ones"), (False, "needs fake")])
def test_one_class_alone_is_named(fake: bool, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        need_both([fake, fake], Path("somewhere"))
    need_both([fake, not fake], Path("somewhere"))


@needs_data
def test_the_real_data_is_read_whole() -> None:
    clips = labelled_clips(DATA)
    assert clips == labelled_clips(DATA / "videos")
    assert (sum(not c.fake for c in clips), sum(c.fake for c in clips)) == (68, 43)
    assert all(c.path.is_file() for c in clips)
    pairs = {fake: {c.pair for c in clips if c.pair and c.fake is fake} for fake in (False, True)}
    assert pairs[True] == pairs[False]
    assert len(pairs[True]) == 20
