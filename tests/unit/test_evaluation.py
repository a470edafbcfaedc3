"""From clips to a report: what is gathered, what follows from it, and what can go wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime.cli import main
from realtime.config import Config, ScorerConfig
from realtime.errors import OutputClosed
from realtime.evaluation import command, recode, run, store
from realtime.evaluation.layouts import LabelledClip
from realtime.evaluation.observe import Observation, observe
from realtime.evaluation.page import Section, in_words, page
from realtime.evaluation.recode import CONDITIONS, Alteration, conditions
from realtime.evaluation.run import Gathered, chosen, robustness
from realtime.evaluation.store import Store
from realtime.evaluation.summary import Judged, summarise
from realtime.scorer import load_scorer
from realtime.sources import FileSource
from realtime.sources.synthetic import write_demo_clip
from tests.conftest import DATA, needs_data
from tests.contract import onnx_models
from tests.contract.clips import make_clip


def clip(kind: str, *, fake: bool, pair: str = "", name: str = "x") -> LabelledClip:
    return LabelledClip(Path(f"/none/{kind}-{name}.mp4"), kind, fake, pair)


def seen(log_odds: float | None, **changes: Any) -> Observation:
    usual: dict[str, Any] = {
        "media_s": 36.0,
        "scores": 10,
        "log_odds": log_odds,
        "probability": None if log_odds is None else float(1 / (1 + np.exp(-log_odds))),
        "face_px": 120.0,
        "peak": 0.5,
        "reached": "uncertain",
        "alarms": (),
        "assessable_s": 30.0,
        "not_assessable": {"warming_up": 0.5},
        "no_face_s": 1.0,
    }
    return Observation(**{**usual, **changes})


def strong(log_odds: float, *alarms: float) -> Observation:
    return seen(log_odds, reached="strong", alarms=alarms)


JUDGED = [
    Judged(clip("camera", fake=False, pair="a"), seen(-1.0)),
    Judged(clip("camera", fake=False, pair="b"), strong(0.5, 4.0, 20.0)),
    Judged(clip("studio", fake=False), seen(-2.0)),
    Judged(clip("swap", fake=True, pair="a"), strong(1.0, 3.0)),
    Judged(clip("swap", fake=True, pair="b"), seen(0.0)),
    Judged(clip("lips", fake=True, pair="a", name="2"), strong(2.0, 7.0, 9.0)),
    Judged(clip("lips", fake=True), seen(None, reached="not_assessable", assessable_s=0.0)),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a talking portrait."""
    path = tmp_path_factory.mktemp("clip") / "demo.mp4"
    write_demo_clip(path, seconds=4.0, size=(320, 240), fps=15)
    return path


@pytest.fixture(scope="module")
def suspicious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds every face suspicious."""
    model = onnx_models.linear(onnx_models.contract(), bias=6.0)
    return onnx_models.save(model, tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path: Path, demo: Path) -> Path:
    """One clip of each class, which show the same; an empty box at the end tells them apart."""
    for name, rest in (("real", b""), ("fake", b"\0\0\0\x08free")):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / f"{name}.mp4").write_bytes(demo.read_bytes() + rest)
    return tmp_path / "set"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def evaluate(folder: Path, *options: object) -> int:
    return main(["eval", str(folder), "--device", "cpu", *map(str, options)])


def test_the_numbers_of_a_few_clips_by_hand() -> None:
    found = summarise(JUDGED)
    assert found["clips"] == {
        "real": 3,
        "fake": 4,
        "real_scored": 3,
        "fake_scored": 3,
        "median_s": 36.0,
    }
    # Of nine comparisons one is lost: 0.0 against 0.5.
    assert found["overall"]["auc"]["value"] == pytest.approx(8 / 9, abs=1e-4)
    # Pairs: reals -1 and 0.5, fakes 1, 2 and 0; again 0.0 against 0.5 alone is lost.
    assert found["pairs"]["auc"]["value"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["pairs"]["groups"] == 2
    assert found["pairs"]["fake_above_its_real"]["count"] == 2
    assert found["pairs"]["fake_above_its_real"]["of"] == 3
    assert found["methods"]["swap"]["auc"]["value"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["methods"]["lips"]["clips"] == 2
    assert found["methods"]["lips"]["scored"] == 1
    assert found["sources"]["camera"]["mean_log_odds"] == -0.25
    assert found["sources"]["camera"]["reach_strong"]["value"] == 0.5


def test_false_alarms_delay_and_what_was_not_assessable_by_hand() -> None:
    found = summarise(JUDGED)
    alarms = found["false_alarms"]
    assert (alarms["alarms"], alarms["hours"]) == (2, 0.03)
    assert alarms["per_hour"]["value"] == pytest.approx(2 / 0.03, abs=1e-3)
    assert alarms["clips_reaching_strong"]["count"] == 1
    assert found["detection"]["detected"]["count"] == 2
    assert found["detection"]["median_delay_s"] == 5.0
    assert found["detection"]["delays_s"] == [3.0, 7.0]
    assessed = found["assessability"]
    assert assessed["share_not_assessable"] == pytest.approx(3.5 / 183.5, abs=1e-4)
    assert assessed["seconds_by_reason"] == {"warming_up": 3.5}
    assert assessed["no_face_s"] == 7.0
    assert assessed["clips_without_score"] == 1


def test_calibration_is_that_of_what_was_shown_at_even_odds() -> None:
    sure = [
        *(Judged(clip("r", fake=False), seen(0.0, probability=0.25)) for _ in range(6)),
        *(Judged(clip("f", fake=True), seen(0.0, probability=0.75)) for _ in range(2)),
    ]
    found = summarise(sure)["calibration"]
    assert found["expected_calibration_error"]["value"] == 0.25
    assert found["brier"]["value"] == 0.0625


@pytest.mark.parametrize("fake", [True, False])
def test_one_class_alone_says_what_it_cannot_say(fake: bool) -> None:
    found = summarise([j for j in JUDGED if j.clip.fake is fake])
    assert found["overall"]["auc"] is None
    assert found["calibration"] is None
    assert found["pairs"]["auc"] is None
    assert (found["false_alarms"]["per_hour"] is None) is fake
    assert any(("no real" if fake else "no fake") in s for s in found["missing"])


def test_nothing_at_all_is_still_a_report() -> None:
    found = summarise([])
    assert found["assessability"]["share_not_assessable"] is None
    assert len(found["missing"]) == 2


def test_robustness_compares_the_same_clips_only() -> None:
    real, other = clip("camera", fake=False), clip("studio", fake=False)
    fake = clip("swap", fake=True)
    changed = {
        "original": [Judged(real, seen(-1.0)), Judged(other, seen(5.0)), Judged(fake, seen(1.0))],
        "crf33": [
            Judged(real, strong(0.5, 2.0)),
            Judged(other, seen(None)),
            Judged(fake, seen(0.25)),
        ],
    }
    first, second = robustness(changed)
    assert first["auc"]["value"] == 0.5
    assert (first["shift_real"], first["shift_fake"]) == (0.0, 0.0)
    assert (second["real"], second["fake"], second["tried"]) == (1, 1, 3)
    assert second["auc"]["value"] == 0.0
    assert second["auc_before"]["value"] == 1.0
    assert (second["shift_real"], second["shift_fake"]) == (1.5, -0.75)
    assert second["real_became_strong"] == 1


def test_a_limit_takes_as_many_of_each_class_from_the_whole_list() -> None:
    clips = [clip(str(i), fake=i >= 60) for i in range(70)]
    found = chosen(clips, 3)
    assert [c.kind for c in found] == ["0", "30", "59", "60", "64", "69"]
    assert len(chosen(clips, 40)) == 50
    assert chosen(clips, None) == clips


def test_the_page_is_whole_escaped_and_alone() -> None:
    evil = "<script>alert(1)</script>"
    judged = [*JUDGED, Judged(clip(evil, fake=True), seen(1.0))]
    table = {
        "format": run.FORMAT,
        "version": "0",
        "created": "today",
        "complete": False,
        "model": {"name": evil, "sha256": "ab", "provider": "CPU", "trained_on": evil},
        **summarise(judged),
        "failed": {"real/x.mp4": evil},
        "results": [run._line(j) for j in judged],
        "robustness": {"seconds": 4.0, "conditions": robustness({"original": judged})},
    }
    section = Section("More", (evil,), ("what", "value"), ((evil, "1"),))
    text = page(table, [section])
    assert evil not in text
    assert "&lt;script&gt;" in text
    assert "broken off" in text
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(sources) >= 6
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "://" not in re.sub(r"data:[^\"]*", "", text)
    _balanced(text)
    words = in_words(table)
    assert "3 real and 5 fake clips, 3 and 4 with a score" in words[0]
    assert "real clips that reach strong: 1 of 3" in "\n".join(words)


def _balanced(text: str) -> None:
    still_open: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br", "img"):
                still_open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert still_open.pop() == tag

    Reader().feed(text)
    assert still_open == []


def test_a_clip_is_judged_by_the_engine_and_alarms_are_counted(
    demo: Path, suspicious: Path
) -> None:
    scorer = load_scorer(ScorerConfig(model=str(suspicious), device="cpu"))
    try:
        found = observe(demo, scorer, Config())
    finally:
        scorer.close()
    assert found.log_odds is not None
    assert found.log_odds > 6
    assert 8 <= found.scores <= 18
    assert found.strong
    assert len(found.alarms) == 1
    assert 2.0 < found.alarms[0] < 4.0
    assert found.probability is not None
    assert found.peak is not None
    assert found.peak >= found.probability > 0.8
    assert found.media_s == pytest.approx(59 / 15)
    assert found.assessable_s + sum(found.not_assessable.values()) == pytest.approx(
        found.media_s, abs=0.4
    )
    assert Observation.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_what_is_kept_is_found_again_and_what_is_damaged_is_not(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"clip")
    about = onnx_models.contract()
    kept = Store(tmp_path / "cache", "ab", about, Config())
    assert kept.get(path, "") is None
    kept.put(path, "", seen(1.0))
    assert kept.get(path, "") == seen(1.0)
    assert kept.get(path, "crf 33") is None
    assert Store(tmp_path / "cache", "cd", about, Config()).get(path, "") is None
    faster = replace(Config(), scorer=ScorerConfig(rate_hz=8.0))
    assert Store(tmp_path / "cache", "ab", about, faster).get(path, "") is None
    elsewhere = replace(Config(), scorer=ScorerConfig(model="x.onnx", device="cpu", threads=2))
    assert Store(tmp_path / "cache", "ab", about, elsewhere).get(path, "") == seen(1.0)
    other = onnx_models.contract(calibration__bias=1.0)
    assert Store(tmp_path / "cache", "ab", other, Config()).get(path, "") is None
    for file in (tmp_path / "cache").rglob("*.json"):
        file.write_text('{"log_odds": 3}')
    assert kept.get(path, "") is None
    assert kept.get(tmp_path / "gone.mp4", "") is None


def test_every_condition_does_what_its_name_says() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(40, 200, (60, 80, 3)).astype(np.uint8)

    def under(name: str, face_px: float = 160.0) -> np.ndarray:
        return Alteration(CONDITIONS[name], face_px).apply(image)

    assert (under("original") == image).all()
    assert (under("crf40") == image).all()  # the encoder does the rest
    assert (under("flip") == image[:, ::-1]).all()
    assert under("face64", 128.0).shape == (30, 40, 3)
    assert under("face160", 128.0).shape == image.shape
    assert np.abs(under("dark") - image * 0.6).max() <= 0.5
    assert np.abs(under("bright") - np.minimum(255, image * 1.4)).max() <= 0.5
    spread = (under("noise8").astype(float) - image).std()
    assert 7.5 < spread < 8.5
    assert under("blur0.5").std() > under("blur2").std() > under("blur2", 320.0).std()
    assert (
        np.abs(under("jpeg30").astype(int) - image).mean()
        > np.abs(under("jpeg90").astype(int) - image).mean()
    )


def test_recoded_clips_keep_their_time_and_all_else_unless_asked(
    demo: Path, tmp_path: Path
) -> None:
    sizes = {}
    for name in ("original", "crf18", "crf40", "face48", "800k", "100k"):
        output = tmp_path / f"{name}.mkv"
        recode.recode(demo, output, CONDITIONS[name], 1.5, 80.0)
        sizes[name] = output.stat().st_size
        with FileSource(demo, Config().source) as one, FileSource(output, Config().source) as two:
            one.open()
            info = two.open()
            frames = 0
            while (after := two.read()) is not None:
                before = one.read()
                assert before is not None
                assert after.time_s == pytest.approx(before.time_s, abs=1e-3)
                if name == "original":
                    assert (after.image == before.image).all()
                frames += 1
        assert frames == 23  # those before 1.5 s at 15 frames a second
        assert info.width == (192 if name == "face48" else 320)
    assert sizes["crf40"] < sizes["crf18"] < sizes["original"]
    assert sizes["100k"] < sizes["800k"]


def test_unknown_conditions_are_named_and_the_reference_is_always_there() -> None:
    assert [c.name for c in conditions("flip, crf33")] == ["original", "crf33", "flip"]
    assert len(conditions("")) == len(CONDITIONS)
    with pytest.raises(Exception, match=r"no condition 'crf99'; known are original, crf18"):
        conditions("crf99")


def test_the_demo_clip_from_end_to_end(
    folder: Path, tmp_path: Path, suspicious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = ("--json", tmp_path / "e.json", "--html", tmp_path / "e.html")
    options = ("--model", suspicious, "--conditions", "flip", "--seconds", "2", *outputs)
    assert evaluate(folder, *options) == 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert found["format"] == "fakewatch-evaluation/1"
    assert found["complete"] is True
    assert found["overall"]["auc"] == {"value": 0.5, "interval_95": None}
    assert found["false_alarms"]["clips_reaching_strong"]["count"] == 1
    assert found["detection"]["median_delay_s"] == pytest.approx(2.9, abs=0.6)
    assert [c["name"] for c in found["robustness"]["conditions"]] == ["original", "flip"]
    assert all(c["real"] == 1 for c in found["robustness"]["conditions"])
    assert "<html" in (tmp_path / "e.html").read_text()
    assert "real clips that reach strong: 1 of 1" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.part"))


def test_a_second_run_analyses_nothing_anew(
    folder: Path, suspicious: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--model", suspicious, "--conditions", "flip", "--seconds", "1.5")
    assert evaluate(folder, *options, "--json", tmp_path / "1.json") == 0

    def fail(*_: object) -> None:
        raise AssertionError("analysed again")

    monkeypatch.setattr(run, "observe", fail)
    assert evaluate(folder, *options, "--json", tmp_path / "2.json") == 0
    one, two = (json.loads((tmp_path / f"{i}.json").read_text()) for i in (1, 2))
    one.pop("created")
    two.pop("created")
    assert one == two


def test_a_clip_that_cannot_be_read_is_named_and_costs_itself_only(
    folder: Path, tmp_path: Path, suspicious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "real" / "broken.mp4").write_bytes(b"no video")
    assert evaluate(folder, "--model", suspicious, "--json", tmp_path / "e.json") == 3
    found = json.loads((tmp_path / "e.json").read_text())
    assert list(found["failed"]) == ["real/broken.mp4"]
    assert found["clips"]["real"] == 1
    assert "broken.mp4" in capsys.readouterr().err


def test_reals_alone_are_worth_measuring(
    folder: Path, suspicious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder / "fake")
    assert evaluate(folder, "--model", suspicious) == 0
    out = capsys.readouterr().out
    assert "There is no fake clip" in out
    assert "real clips that reach strong: 1 of 1" in out


def test_no_face_anywhere_ends_with_its_own_code(tmp_path: Path, suspicious: Path) -> None:
    for name in ("real", "fake"):
        (tmp_path / name).mkdir()
        make_clip(tmp_path / name / "blank.mp4", 10)
    assert evaluate(tmp_path, "--model", suspicious, "--html", tmp_path / "e.html") == 5
    assert "In no real clip was a face assessed" in (tmp_path / "e.html").read_text()


@pytest.mark.parametrize(
    "case",
    [
        (("--model", "none.onnx"), 4, "none.onnx"),
        (("--conditions", "sepia"), 2, "no condition 'sepia'"),
        (("--json", "no/such/folder/e.json"), 2, "Cannot write"),
        (("--html", "."), 2, "Cannot write"),
        (("--cache", "/dev/null/x"), 2, "Cannot keep results"),
    ],
)
def test_bad_input_is_one_sentence_before_any_work(
    case: tuple[tuple[str, ...], int, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(run, "observe", None)
    arguments, code, says = case
    assert evaluate(folder, *arguments) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("fakewatch: ")
    assert says in lines[0]


def test_an_empty_folder_and_wrong_numbers_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path) == 2
    assert "holds no labelled clips" in capsys.readouterr().err
    for option, value in (("--limit", "0"), ("--seconds", "nan"), ("--limit", "x")):
        with pytest.raises(SystemExit, match="2"):
            evaluate(tmp_path, option, value)


def test_an_interrupt_keeps_what_was_gathered(
    folder: Path, tmp_path: Path, suspicious: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def once(*arguments: Any) -> Observation:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return observe(*arguments)

    monkeypatch.setattr(run, "observe", once)
    outputs = ("--json", tmp_path / "e.json", "--html", tmp_path / "e.html")
    assert evaluate(folder, "--model", suspicious, *outputs) == 130
    found = json.loads((tmp_path / "e.json").read_text())
    assert found["complete"] is False
    assert found["clips"]["real"] == 1
    assert "broken off" in (tmp_path / "e.html").read_text()


def test_json_on_stdout_is_nothing_but_json(
    folder: Path, suspicious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(folder, "--model", suspicious, "--json", "-") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["clips"]["fake"] == 1
    assert "AUC of clips" in captured.err


def test_a_reader_that_goes_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, outer = os.pipe()
    os.close(inner)  # nobody will read
    plan = command.Plan((), 4.0, None, Path("none"), "-", None)
    stream = os.fdopen(outer, "w")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(OutputClosed):
        command.deliver({"format": run.FORMAT}, plan)
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):  # what was never read is still in there
        stream.close()


def test_results_are_kept_beside_the_demo_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert store.default_folder() == Path("/somewhere/fakewatch")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert store.default_folder() == Path.home() / ".cache" / "fakewatch"
    assert command.outcome(Gathered()) == 5


@needs_data
def test_two_real_clips_from_end_to_end(tmp_path: Path) -> None:
    names = {
        "real": "kirichovka_signs__bad.mp4",
        "fake": "DeepFaceLive__Albica_Johns_0.mp4",
    }
    for name, file in names.items():
        (tmp_path / name).mkdir()
        os.symlink(DATA / "videos" / name / file, tmp_path / name / file)
    assert evaluate(tmp_path, "--json", tmp_path / "e.json", "--html", tmp_path / "e.html") == 0
    found = json.loads((tmp_path / "e.json").read_text())
    lines = {line["fake"]: line for line in found["results"]}
    assert lines[False]["scores"] >= 3
    assert lines[True]["scores"] >= 10
    assert all(-6 < line["log_odds"] < 6 for line in lines.values())
    assert found["assessability"]["face_s"] > 5
