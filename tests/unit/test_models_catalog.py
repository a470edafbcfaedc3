"""Splits by person, and data folders that cannot be used."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from models import catalog
from models.folds import FOLDS, folds, groups
from realtime.errors import ConfigError
from realtime.evaluation.layouts import LabelledClip
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


def test_a_folder_of_ones_own_is_split_by_person(tmp_path: Path) -> None:
    for person in range(40):
        for i in range(3):
            path = tmp_path / "faces" / f"person {person}" / "deeper" / f"{i}.PNG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    (tmp_path / "faces" / "notes.txt").write_text("x")
    found = catalog.photos(tmp_path)
    assert len(found) == 120
    splits = {photo.person: photo.split for photo in found}
    assert len(splits) == 40
    assert all(splits[photo.person] == photo.split for photo in found)
    assert Counter(splits.values()) == {"train": 34, "validation": 3, "calibration": 3}
    assert catalog.clips(tmp_path) == []


def test_pictures_in_no_folder_are_one_person_each(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / "faces" / name).write_bytes(b"x")
    found = catalog.photos(tmp_path)
    assert [photo.person for photo in found] == ["a", "b", "c"]
    assert sorted(photo.split for photo in found) == ["calibration", "train", "validation"]


def test_a_folder_of_ones_own_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    with pytest.raises(ConfigError, match="There is no picture in"):
        catalog.photos(tmp_path)


def labelled(name: str, kind: str = "k", fake: bool = True, pair: str = "") -> LabelledClip:
    return LabelledClip(Path(name), kind, fake, pair)


@pytest.mark.parametrize(
    ("one", "two", "together"),
    [
        ("DeepFaceLive__Ava_de_Addario_0.mp4", "DeepFaceLive__Ava_de_Addario_3.mp4", True),
        ("DeepFaceLive__Ava_de_Addario_0.mp4", "DeepFaceLive_input__Ava_de_Addario_2.mp4", True),
        ("DeepFaceLive__Ava_de_Addario_0.mp4", "DeepFaceLive__Ewon_Spice_0.mp4", False),
        ("AniPortrait__Aragaki.mp4", "AniPortrait_driver__Aragaki_driver.mp4", True),
        ("AniPortrait__lyl.mp4", "AniPortrait__zl.mp4", False),
        ("SadTalker__art0_japanese.mp4", "SadTalker__art0_japanese_es1.mp4", True),
        ("SadTalker__art0_japanese.mp4", "SadTalker__art2.mp4", False),
        ("alpyksl_lipreading__ofke.mp4", "alpyksl_lipreading__Arabic(we).mp4", True),
        ("liveportrait__d0.mp4", "liveportrait_hist__d1.mp4", False),
        ("033_097.mp4", "097_033.mp4", True),
        ("033_097.mp4", "033.mp4", True),
        ("033_097.mp4", "034.mp4", False),
        ("01_02__walking__ABC.mp4", "02__talking.mp4", True),
        ("id0_id16_0003.mp4", "id16_0001.mp4", True),
        ("id0_0003.mp4", "id16_0003.mp4", False),
    ],
)
def test_what_may_show_the_same_person_belongs_together(one: str, two: str, together: bool) -> None:
    names = groups([labelled(one), labelled("something else.mp4"), labelled(two, fake=False)])
    assert (names[0] == names[2]) is together
    assert names[1] not in (names[0], names[2])


def test_pairs_and_chains_belong_together() -> None:
    clips = [labelled("a", pair="p"), labelled("b", fake=False, pair="p"), labelled("c")]
    assert len(set(groups(clips))) == 2
    chain = [labelled("001_002.mp4"), labelled("003_004.mp4"), labelled("002_003.mp4")]
    assert len(set(groups(chain))) == 1


def test_folds_are_even_and_do_not_depend_on_the_order() -> None:
    clips = [labelled(f"{kind}-{i}", kind) for kind in "abcd" for i in range(11)]
    found = dict(zip(clips, folds(clips), strict=True))
    mixed = random.Random(1).sample(clips, len(clips))
    assert dict(zip(mixed, folds(mixed), strict=True)) == found
    for kind in "abcd":
        counts = Counter(fold for clip, fold in found.items() if clip.kind == kind)
        assert sorted(counts.values()) == [2, 2, 2, 2, 3]
    assert max(Counter(found.values()).values()) - min(Counter(found.values()).values()) <= 1


@needs_data
def test_the_real_data_has_folds_that_divide_nobody() -> None:
    clips = catalog.clips(DATA)
    where: dict[str, set[int]] = {}
    for clip in clips:
        where.setdefault(clip.group, set()).add(clip.fold)
        if clip.pair:
            where.setdefault(f"pair {clip.pair}", set()).add(clip.fold)
    assert all(len(found) == 1 for found in where.values())
    live = [clip for clip in clips if clip.fake and clip.kind == "DeepFaceLive"]
    assert len({clip.group for clip in live}) == 7
    assert {len({c.group for c in live if c.fold == f}) for f in range(FOLDS)} == {1, 2}
    assert all(7 <= sum(c.fake and c.fold == f for c in clips) <= 11 for f in range(FOLDS))
    assert all(len({c.kind for c in clips if c.fake and c.fold == f}) >= 4 for f in range(FOLDS))


@needs_data
def test_the_real_data_has_every_split_and_no_clip_in_two() -> None:
    photos, clips = catalog.photos(DATA), catalog.clips(DATA)
    assert {photo.split for photo in photos} == {"train", "validation", "calibration"}
    assert {clip.split for clip in clips if not clip.fake} == {"train", "validation", "calibration"}
    paired = {clip.pair for clip in clips if clip.fake and clip.pair}
    assert not [c for c in clips if not c.fake and c.pair in paired and c.split == "train"]
    assert all(clip.path.is_file() for clip in clips)
