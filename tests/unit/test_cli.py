"""The command line as a user meets it: exit codes, one sentence, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime.cli import main
from realtime.config import Config
from realtime.sources.synthetic import write_demo_clip
from tests.contract import onnx_models
from tests.contract.clips import make_clip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a talking portrait."""
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    write_demo_clip(path, 4.0)
    return path


@pytest.fixture(scope="module")
def suspicious_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds every face suspicious."""
    model = onnx_models.linear(onnx_models.contract(), bias=6.0)
    return onnx_models.save(model, tmp_path_factory.mktemp("model"))


@pytest.fixture
def blank_clip(tmp_path: Path) -> Path:
    """A clip without any face."""
    return make_clip(tmp_path / "blank.mp4", 20)


@pytest.fixture
def command() -> Iterator[list[str]]:
    """The program in a process of its own."""
    return [sys.executable, "-m", "realtime"]


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def one_sentence(err: str) -> str:
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    assert lines[0].startswith("fakewatch: ")
    assert "Traceback" not in err
    return lines[0]


def test_a_face_is_analysed_and_stdout_is_data_only(
    face_clip: Path, suspicious_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["analyze", str(face_clip), "--jsonl", "-", "--model", str(suspicious_model)])
    assert code == 0
    found = records(capsys.readouterr().out)
    assert found[0]["type"] == "run_start"
    end = found[-1]
    assert end["type"] == "run_end"
    assert end["frames"] == {"captured": 120, "analysed": 120, "dropped": {}}
    assert end["summary"]["state"] == "very_strong"
    faces = [record for record in found if record["type"] == "face"]
    assert len(faces) > 100
    assert {record["track"] for record in faces} == {1}


def test_fail_on_is_told_by_the_exit_code(
    face_clip: Path, suspicious_model: Path, tmp_path: Path
) -> None:
    options = ["--model", str(suspicious_model), "--quiet"]
    assert main(["analyze", str(face_clip), "--fail-on", "strong", *options]) == 10
    calm = onnx_models.save(onnx_models.linear(onnx_models.contract(), bias=-6.0), tmp_path)
    calm_options = ["--model", str(calm), "--quiet", "--fail-on", "uncertain"]
    assert main(["analyze", str(face_clip), *calm_options]) == 0


def test_nothing_to_judge_is_5(blank_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["analyze", str(blank_clip), "--jsonl", str(out)]) == 5
    assert records(out.read_text("utf-8"))[-1]["summary"] is None


def test_a_broken_source_does_not_cost_the_others_their_turn(
    blank_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    missing = str(tmp_path / "missing.mp4")
    assert main(["analyze", missing, str(blank_clip), "--jsonl", str(out), "--quiet"]) == 3
    assert "missing.mp4" in one_sentence(capsys.readouterr().err)
    assert [r["type"] for r in records(out.read_text("utf-8"))] == ["run_start", "run_end"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["analyze", "CLIP", "--model", "missing.onnx"], 4),
        (["analyze", "CLIP", "--model", "CLIP"], 4),
        (["analyze", "CLIP", "--model-sha256", "00" * 32], 4),
        (["analyze", "CLIP", "--device", "cuda"], 4),
        (["analyze", "CLIP", "--jsonl", "missing/out.jsonl"], 2),
        (["analyze", "CLIP", "--jsonl", "CLIP"], 2),
        (["analyze", "CLIP", "--video", "CLIP"], 2),
        (["analyze", "CLIP", "--video", "missing/out.mp4"], 2),
        (["analyze", "CLIP", "--video", "out.xyz"], 2),
        (["analyze", "CLIP", "--config", "missing.toml"], 2),
    ],
)
def test_one_sentence_and_the_right_code(
    arguments: list[str],
    code: int,
    blank_clip: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "cuda" in arguments and has_cuda():
        arguments, code = [*arguments[:2]], 5
    before = blank_clip.read_bytes()
    monkeypatch.chdir(blank_clip.parent)
    given = [str(blank_clip) if a == "CLIP" else a for a in arguments]
    assert main([*given, "--quiet"]) == code
    if code != 5:
        one_sentence(capsys.readouterr().err)
    assert blank_clip.read_bytes() == before


def has_cuda() -> bool:
    return Path("/dev/nvidia0").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["analyze"],
        ["analyze", "a.mp4", "--fail-on", "sometimes"],
        ["demo", "--seconds", "nan"],
        ["demo", "--seconds", "0"],
    ],
)
def test_usage_is_2_and_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    one_sentence(capsys.readouterr().err)


def test_a_name_like_an_option_is_explained(command: list[str], tmp_path: Path) -> None:
    make_clip(tmp_path / "-rf.mp4", 5)
    run = subprocess.run(
        [*command, "analyze", "-rf.mp4"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "./-rf.mp4" in one_sentence(run.stderr)


def test_without_a_display_watch_says_what_to_do(
    blank_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    if not sys.platform.startswith("linux"):
        return
    assert main(["watch", str(blank_clip)]) == 2
    assert "analyze" in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_complete_results(
    command: list[str], face_clip: Path, suspicious_model: Path, tmp_path: Path, number: int
) -> None:
    out = tmp_path / "out.jsonl"
    options = ["--jsonl", str(out), "--model", str(suspicious_model), "--quiet"]
    with subprocess.Popen(
        [*command, "analyze", *[str(face_clip)] * 50, *options],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                if out.exists() and '"type": "face"' in out.read_text("utf-8"):
                    break
                time.sleep(0.05)
            run.send_signal(number)
            _, err = run.communicate(timeout=20)
        finally:
            run.kill()
    assert run.returncode == 130
    assert "interrupted" in one_sentence(err)
    end = records(out.read_text("utf-8"))[-1]
    assert end["type"] == "run_end"
    frames = end["frames"]
    assert frames["captured"] == frames["analysed"] + sum(frames["dropped"].values())


def test_a_reader_that_goes_away_is_no_error(
    command: list[str], face_clip: Path, suspicious_model: Path
) -> None:
    options = ["--jsonl", "-", "--model", str(suspicious_model), "--quiet"]
    with subprocess.Popen(
        [*command, "analyze", str(face_clip), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        try:
            assert '"run_start"' in run.stdout.readline()
            run.stdout.close()
            assert run.wait(60) == 0
            assert run.stderr.read() == ""
        finally:
            run.kill()


def test_odd_names_work_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [
        "with space.mp4",
        "quote'\".mp4",
        "a;b$(x).mp4",
        "名前 ü.mp4",
        "http:x.mp4",
        "n\nl.mp4",
    ]
    monkeypatch.chdir(tmp_path)
    for name in names:
        make_clip(tmp_path / name, 3, format="mp4")
    out = tmp_path / "out.jsonl"
    assert main(["analyze", *names, "--jsonl", str(out), "--quiet"]) == 5
    assert capsys.readouterr().err == ""
    ends = [r for r in records(out.read_text("utf-8")) if r["type"] == "run_end"]
    assert [end["frames"]["analysed"] for end in ends] == [3] * len(names)


def test_a_video_of_several_sources_is_one_file(blank_clip: Path, tmp_path: Path) -> None:
    from realtime.config import SourceConfig
    from realtime.sources import open_source

    out = tmp_path / "out.mp4"
    assert main(["analyze", str(blank_clip), str(blank_clip), "--video", str(out), "--quiet"]) == 5
    with open_source(str(out), SourceConfig()) as source:
        source.open()
        times = []
        while (frame := source.read()) is not None:
            times.append(frame.time_s)
    assert len(times) == 40
    assert np.all(np.diff(times) > 0)


def test_settings_are_explained_and_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "explain"]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    path = tmp_path / "all.toml"
    path.write_text(out.out, "utf-8")
    assert main(["config", "check", str(path)]) == 0
    assert capsys.readouterr().out.startswith("ok: 0 sources, 0 settings changed")
    path.write_text("[live]\nmax_age_s = 0\n", "utf-8")
    assert main(["config", "check", str(path)]) == 2
    assert "'live.max_age_s'" in one_sentence(capsys.readouterr().err)


def test_devices_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    out = capsys.readouterr().out
    assert all(head in out for head in ("Cameras", "Screens", "Windows"))


def test_files_listed_in_the_settings_run_one_after_another(
    blank_clip: Path, tmp_path: Path
) -> None:
    out, path = tmp_path / "out.jsonl", tmp_path / "clips.toml"
    path.write_text(f"[[sources]]\nsource = '{blank_clip}'\n" * 2, "utf-8")
    options = ["--jsonl", str(out), "--quiet"]
    assert main(["analyze", "--config", str(path), "--headless", *options]) == 5
    kinds = [r["type"] for r in records(out.read_text("utf-8"))]
    assert kinds == ["run_start", "run_end"] * 2


def test_a_file_may_be_analysed_for_a_while_only(face_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    arguments = [str(face_clip), "--max-seconds", "0.3", "--jsonl", str(out), "--quiet"]
    assert main(["analyze", *arguments]) in (0, 5)
    frames = records(out.read_text("utf-8"))[-1]["frames"]
    assert frames["captured"] == frames["analysed"] + sum(frames["dropped"].values())


@pytest.mark.parametrize("text", ["0", "nan", "-1", "soon"])
def test_a_while_is_a_number_of_seconds(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["analyze", "a.mp4", f"--max-seconds={text}"])
    assert caught.value.code == 2
    assert "seconds" in one_sentence(capsys.readouterr().err)


def test_watch_hands_live_sources_to_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the window is asked to show; the window itself is tested in tests/gui."""
    asked: list[tuple[str | None, Any]] = []

    def window(text: str | None, config: Any, **_options: Any) -> int:
        asked.append((text, config.sources))
        return 0

    monkeypatch.setattr("realtime.window.app.run_window", window)
    arguments = ["rtsp://cam/1", "--transport", "udp", "--allow-http"]
    assert main(["watch", *arguments]) == 0
    assert main(["watch", "clip.mp4"]) == 0
    (text, (entry,)), (file, none) = asked
    assert text is None
    assert (entry.text, entry.transport, entry.allow_http) == ("rtsp://cam/1", "udp", True)
    assert (file, none) == ("clip.mp4", ())


def test_a_password_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAMERA", "127.0.0.1:9")
    monkeypatch.setenv("PASSWORD", "tr@ub/4dor")
    source = "rtsp://admin:${PASSWORD}@${CAMERA}/live"
    assert main(["analyze", source, "--max-seconds", "4"]) == 3  # a busy machine takes its time
    told = capsys.readouterr()
    assert "Nothing listens at" in told.err
    for part in ("tr@ub", "4dor", "tr%40ub"):
        assert part not in told.err + told.out
    monkeypatch.delenv("PASSWORD")
    assert main(["analyze", source]) == 2
    assert "needs the environment variable PASSWORD" in capsys.readouterr().err


def test_watch_fills_the_environment_in(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Config] = []

    def window(_text: str | None, config: Config, **_options: Any) -> int:
        asked.append(config)
        return 0

    monkeypatch.setattr("realtime.window.app.run_window", window)
    monkeypatch.setenv("PASSWORD", "s3cret")
    assert main(["watch", "rtsp://admin:${PASSWORD}@camera/live"]) == 0
    assert asked[0].sources[0].text == "rtsp://admin:s3cret@camera/live"
    assert "s3cret" not in f"{asked[0]!r} {asked[0].as_dict()}"
