"""Splits by person, and data folders that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import catalog
from realtime.errors import ConfigError
from tests.conftest import DATA, needs_data


def folder(tmp_path: Path, rows: str = "a.jpg,utkface_mohanish,1_0.jpg\n") -> Path:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.jpg").write_bytes(b"x")
    (tmp_path / "faces.csv").write_text("file,source,original\n" + rows)
    return tmp_path


def test_one_person_is_in_one_split() -> None:
    source = "balajisrinivas_nomask"
    for person in ("aidai", "qiqi", "yangmi", "hanxue", "lixirui", "anhu"):
        splits = {
            catalog.photo_split(source, f"{mask}_0_{person}_{i:04}.jpg")
            for mask in (0, 1)
            for i in range(30)
        }
        assert len(splits) == 1


def test_about_as_many_people_are_held_out_as_said() -> None:
    splits = [catalog.photo_split("utkface_mohanish", f"{i}.jpg") for i in range(4000)]
    for name in ("validation", "calibration"):
        assert 0.05 < splits.count(name) / 4000 < 0.09  # type: ignore[arg-type]


def test_sources_that_do_not_tell_people_apart_are_for_training() -> None:
    assert catalog.photo_split("balajisrinivas_gender", "face_1.jpg") == "train"
    assert catalog.photo_split("a source of tomorrow", "x.jpg") == "train"
    assert catalog.photo_split("balajisrinivas_nomask", "287.jpg") == "train"


def test_clips_that_have_a_fake_counterpart_are_never_trained_on() -> None:
    for name in ("DeepFaceLive_input__Ava_0.mp4", "HyperLips_input__video2.mp4", "unknown.mp4"):
        assert catalog.clip_split(name) != "train"


def test_a_folder_is_read(tmp_path: Path) -> None:
    found = catalog.photos(folder(tmp_path))
    assert [photo.source for photo in found] == ["utkface_mohanish"]
    assert catalog.clips(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no data folder"):
        catalog.photos(tmp_path / "none")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read the list .*faces\.csv"):
        catalog.photos(tmp_path)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "names no picture"),
        ("b.jpg,s,o\n", "b.jpg, which is not in"),
        ("a.jpg\n", "too few fields"),
    ],
)
def test_a_list_that_is_wrong_is_named(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        catalog.photos(folder(tmp_path, rows))


def test_a_list_without_a_column_is_named(tmp_path: Path) -> None:
    data = folder(tmp_path)
    (data / "faces.csv").write_text("file,where\na.jpg,x\n")
    with pytest.raises(ConfigError, match="lacks the column 'source'"):
        catalog.photos(data)


def test_a_list_that_is_no_text_is_named(tmp_path: Path) -> None:
    data = folder(tmp_path)
    (data / "faces.csv").write_bytes(bytes(range(256)))
    with pytest.raises(ConfigError, match="Cannot read the list"):
        catalog.photos(data)


def test_a_clip_list_that_is_missing_is_named(tmp_path: Path) -> None:
    data = folder(tmp_path)
    (data / "videos").mkdir()
    with pytest.raises(ConfigError, match=r"real\.csv"):
        catalog.clips(data)


@needs_data
def test_the_real_data_has_every_split_and_no_clip_in_two() -> None:
    photos, clips = catalog.photos(DATA), catalog.clips(DATA)
    assert {photo.split for photo in photos} == {"train", "validation", "calibration"}
    assert {clip.split for clip in clips if not clip.fake} == {"train", "validation", "calibration"}
    paired = {clip.pair for clip in clips if clip.fake and clip.pair}
    assert not [c for c in clips if not c.fake and c.pair in paired and c.split == "train"]
    assert all(clip.path.is_file() for clip in clips)
