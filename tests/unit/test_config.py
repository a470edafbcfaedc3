"""Settings: defaults hold, mistakes are named by their key."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime import config
from realtime.errors import ConfigError, ExitCode


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "fakewatch.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, "[faces]\nmax_faces = 3\n[scorer]\nrate_hz = 2\n"))
    assert loaded.faces.max_faces == 3
    assert loaded.scorer.rate_hz == 2.0
    assert loaded.source == config.SourceConfig()


def test_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert config.load(write(tmp_path, "\ufeff[faces]\nmax_faces = 2\n")).faces.max_faces == 2


def test_environment_variables_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKEWATCH_TEST_MODEL", "/models/a.onnx")
    loaded = config.load(write(tmp_path, '[scorer]\nmodel = "${FAKEWATCH_TEST_MODEL}"\n'))
    assert loaded.scorer.model == "/models/a.onnx"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[faces]\nmax_facse = 3\n", "faces.max_facse"),
        ("[nonsense]\n", "nonsense"),
        ('[faces]\nmax_faces = "3"\n', "faces.max_faces"),
        ("[faces]\nmax_faces = true\n", "faces.max_faces"),
        ("[faces]\nmax_faces = 0\n", "faces.max_faces"),
        ("faces = 3\n", "faces"),
        ("[scorer]\nrate_hz = nan\n", "scorer.rate_hz"),
        ("[scorer]\nrate_hz = inf\n", "scorer.rate_hz"),
        ('[scorer]\ndevice = "tpu"\n', "scorer.device"),
        ("[verdict]\nhalf_life_s = -1\n", "verdict.half_life_s"),
        ('[scorer]\nmodel = "${FAKEWATCH_NOT_SET}"\n', "FAKEWATCH_NOT_SET"),
        ("[faces\n", "TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named.replace(".", r"\.")) as caught:
        config.load(write(tmp_path, text))
    assert caught.value.exit_code is ExitCode.USAGE


def test_unreadable_and_huge_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        config.load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="Cannot read"):
        config.load(tmp_path)
    huge = write(tmp_path, "#" * (config.MAX_CONFIG_BYTES + 1))
    with pytest.raises(ConfigError, match="larger"):
        config.load(huge)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load(tmp_path / "binary.toml")
