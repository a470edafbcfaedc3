"""The list of what was used: whole, repeatable, and clear about what differs."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.manifest import main
from tests.contract.clips import make_clip


def data_folder(tmp_path: Path, *, fake: bool = True, real: bool = True) -> Path:
    """Two people's pictures and, if asked for, clips."""
    data = tmp_path / "data"
    for i, name in enumerate(("ann/1.png", "ann/2.png", "bob/1.jpg")):
        path = data / "faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((32, 32, 3), 40 * i, np.uint8))
    for label in ("real",) * real + ("fake",) * fake:
        folder = data / "videos" / label
        folder.mkdir(parents=True)
        make_clip(folder / "a.mp4", 3)
    return data


def run(data: Path, option: str, file: Path) -> int:
    return main(["--data", str(data), option, str(file)])


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_everything_is_listed_with_its_hash(tmp_path: Path) -> None:
    data, file = data_folder(tmp_path), tmp_path / "list.csv"
    assert run(data, "--output", file) == 0
    found = {row["file"]: row for row in rows(file)}
    assert list(found) == sorted(
        (
            *("faces/ann/1.png", "faces/ann/2.png", "faces/bob/1.jpg"),
            *("videos/fake/a.mp4", "videos/real/a.mp4"),
        )
    )
    for name, row in found.items():
        content = (data / name).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert int(row["bytes"]) == len(content)
    assert found["faces/ann/2.png"]["person"] == "ann"
    assert found["videos/fake/a.mp4"]["label"] == "fake"
    again = tmp_path / "again.csv"
    assert run(data, "--output", again) == 0
    assert again.read_bytes() == file.read_bytes()


def test_a_folder_as_listed_is_found_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, file = data_folder(tmp_path), tmp_path / "list.csv"
    run(data, "--output", file)
    assert run(data, "--check", file) == 0
    assert "All 5 files are as listed." in capsys.readouterr().err


def test_each_difference_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, file = data_folder(tmp_path), tmp_path / "list.csv"
    run(data, "--output", file)
    (data / "faces" / "ann" / "1.png").unlink()
    cv2.imwrite(str(data / "faces" / "ann" / "2.png"), np.zeros((9, 9, 3), np.uint8))
    cv2.imwrite(str(data / "faces" / "bob" / "new.png"), np.zeros((9, 9, 3), np.uint8))
    text = file.read_text().replace("bob/1.jpg,real,own", "bob/1.jpg,real,theirs")
    file.write_text(text)
    capsys.readouterr()
    assert run(data, "--check", file) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "faces/ann/1.png is listed, but missing or damaged.",
        "faces/ann/2.png has other content than the one listed.",
        "faces/bob/1.jpg is listed with kind 'theirs', but has kind 'own' now.",
        "faces/bob/new.png is not listed.",
        f"error: 4 of 5 listed files differ; results on {data} will too.",
    ]


def test_damaged_files_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, file = data_folder(tmp_path), tmp_path / "list.csv"
    cut = data / "faces" / "ann" / "2.png"
    cut.write_bytes(cut.read_bytes()[:50])
    (data / "faces" / "ann" / "none.jpg").write_bytes(b"no picture")
    (data / "videos" / "real" / "b.mp4").write_bytes(b"no clip")
    assert run(data, "--output", file) == 0
    assert "3 damaged files are left out: " in capsys.readouterr().err
    assert len(rows(file)) == 4


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda data: None, "There is no data folder"),
        (lambda data: data.mkdir(), "holds no labelled clips"),
        (lambda data: (data / "faces").mkdir(parents=True), "There is no picture in"),
    ],
)
def test_an_empty_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], prepare, words: str
) -> None:
    prepare(tmp_path / "data")
    assert run(tmp_path / "data", "--output", tmp_path / "list.csv") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert not (tmp_path / "list.csv").exists()


def test_a_folder_of_damaged_files_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.jpg").write_bytes(b"")
    assert run(tmp_path, "--output", tmp_path / "list.csv") == 2
    assert "can be decoded" in capsys.readouterr().err


def test_fakes_alone_are_one_sentence_and_reals_alone_are_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = data_folder(tmp_path / "fakes", real=False)
    assert run(alone, "--output", tmp_path / "list.csv") == 2
    assert capsys.readouterr().err.count("needs real ones too.\n") == 1
    assert run(data_folder(tmp_path / "reals", fake=False), "--output", tmp_path / "l.csv") == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "Cannot read the list"),
        ("a,b\n1,2\n", "lacks the column 'file'"),
        ("file,label,kind,split,person,bytes,sha256\na,b,c,d,e,many,f\n", "is not a number"),
    ],
)
def test_a_list_that_is_none_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    data, file = data_folder(tmp_path), tmp_path / "list.csv"
    if text is not None:
        file.write_text(text)
    assert run(data, "--check", file) == 2
    assert words in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data_folder(tmp_path), "--output", tmp_path / "none" / "list.csv") == 2
    assert capsys.readouterr().err.startswith("error: Cannot write ")
