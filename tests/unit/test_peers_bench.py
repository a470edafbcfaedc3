"""The table that sets detectors side by side: which clips count where, and what is summed."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks import detectors
from models.catalog import Clip
from models.judging import ClipLogits
from realtime.errors import ExitCode
from realtime.types import FaceQuality
from tests.conftest import DATA, needs_data

QUALITY = FaceQuality(200, 300, 0, 0, 0, 0, 0, 120)


def said(
    name: str,
    logits: list[float],
    *,
    kind: str = "x",
    fake: bool = False,
    pair: str = "",
    split: str = "validation",
    start: float = 0.0,
) -> ClipLogits:
    clip = Clip(Path(name), kind, fake, pair, split)  # type: ignore[arg-type]
    times = start + np.arange(len(logits), dtype=float)
    return ClipLogits(clip, times, np.array(logits, float), (QUALITY,) * len(logits))


def test_each_area_has_its_own_clips() -> None:
    swap = "DeepFaceLive"
    clips = [
        said("r0", [-2.0, 0.0], pair="a"),
        said("f0", [1.0], kind=swap, fake=True, pair="a"),
        said("r1", [3.0], pair="b"),
        said("f1", [2.0], kind=swap, fake=True, pair="b"),
        said("r2", [5.0], pair="c"),
        said("f2", [4.5], kind="Wav2Lip", fake=True, pair="c"),
        said("r3", [9.0], split="train"),
        said("r4", [0.5]),
        said("f3", [0.0], kind="Wav2Lip", fake=True),
        said("f4", [8.0], kind=swap, fake=True, pair="no counterpart"),
    ]
    found = detectors.areas(clips)
    assert {key: (value["fakes"], value["reals"]) for key, value in found.items()} == {
        "all": (5, 4),
        "pairs": (3, 3),
        "live_swaps": (2, 2),
    }
    # fakes 1 and 2 against reals -1 and 3: two of four comparisons are won
    assert found["live_swaps"]["auc"] == 0.5
    # 1, 2, 4.5 against -1, 3, 5: 1 + 1 + 2 of nine
    assert found["pairs"]["auc"] == round(4 / 9, 3)
    # 1, 2, 4.5, 0, 8 against -1, 3, 5, 0.5: 2 + 2 + 3 + 1 + 4 of twenty
    assert found["all"]["auc"] == 0.6
    for area in found.values():
        low, high = area["interval_95"]
        assert 0 <= low <= area["auc"] <= high <= 1


def test_without_pairs_there_is_no_number_and_the_table_says_so() -> None:
    rows = detectors.summary([detectors.Result("one", "", [said("r", [1.0])], 2.0)])
    assert rows[0]["pairs"]["auc"] is None
    assert rows[0]["crops_per_s"] == 500
    json.dumps(rows, allow_nan=False)
    console = Console(width=120, record=True, file=StringIO())
    detectors.show(rows, console)
    assert console.export_text().count("no clips") == 3


def test_the_sum_averages_probabilities_at_the_moments_that_both_saw() -> None:
    one = detectors.Result("a", "", [said("x", [2.0, -1.0, 0.0]), said("y", [1.0])], 1.0)
    other = detectors.Result("b", "", [said("x", [0.0, 3.0], start=1.0)], 2.5)
    both = detectors.summed("both", one, other)
    assert both.milliseconds == 3.5
    assert [found.clip.path.name for found in both.clips] == ["x"]
    assert both.clips[0].times.tolist() == [1.0, 2.0]
    assert len(both.clips[0].qualities) == 2

    def real(logit: float) -> float:
        return float(1 / (1 + np.exp(logit)))

    means = [(real(-1.0) + real(0.0)) / 2, (real(0.0) + real(3.0)) / 2]
    want = [np.log((1 - mean) / mean) for mean in means]
    assert both.clips[0].logits == pytest.approx(want)
    extreme = detectors.summed(
        "x",
        detectors.Result("a", "", [said("x", [900.0, -900.0])], 1.0),
        detectors.Result("b", "", [said("x", [900.0, -900.0])], 1.0),
    )
    assert np.isfinite(extreme.clips[0].logits).all()


def test_what_is_missing_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faces").mkdir()
    for weights, data in ((tmp_path / "none", tmp_path), (tmp_path, tmp_path / "none")):
        arguments = ["--weights", str(weights), "--data", str(data), "--cache", str(tmp_path)]
        assert detectors.main(arguments) == ExitCode.USAGE
        assert capsys.readouterr().err.count("\n") == 1


@needs_data
def test_one_command_gives_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "real": ("DeepFaceLive_input__Dean_Wiesel_0.mp4", "faceswapGAN_input__mask_vis.mp4"),
        "fake": ("DeepFaceLive__Dean_Wiesel_0.mp4", "faceswapGAN__mask_vis.mp4"),
    }
    for label, names in files.items():
        folder = tmp_path / "videos" / label
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).symlink_to(DATA / "videos" / label / name)
        _copy_rows(f"{label}.csv", names, tmp_path / "videos")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "Meso4_DF.h5").symlink_to(DATA / "weights" / "Meso4_DF.h5")
    arguments = ["--weights", str(tmp_path / "weights"), "--data", str(tmp_path)]
    more = ["--cache", str(tmp_path / "cache"), "--json", str(tmp_path / "out.json")]
    assert detectors.main([*arguments, *more]) == ExitCode.OK
    printed = capsys.readouterr()
    assert "MiniFASNetV2.pth is not in" in printed.err
    assert "Meso4 DF" in printed.out
    rows = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert [row["detector"] for row in rows][1:] == ["Meso4 DF"]
    assert rows[1]["pairs"]["fakes"] == 2
    assert rows[1]["live_swaps"]["fakes"] == 1
    assert len(rows[1]["sha256"]) == 64


def _copy_rows(name: str, files: tuple[str, ...], folder: Path) -> None:
    with (DATA / "videos" / name).open(newline="") as source:
        reader = csv.DictReader(source)
        rows = [row for row in reader if row["file"] in files]
        assert reader.fieldnames is not None
        with (folder / name).open("w", newline="") as target:
            writer = csv.DictWriter(target, reader.fieldnames)
            writer.writeheader()
            writer.writerows(rows)
