"""Settings with many sources: names, secrets, what is shown of them, and what explains them."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime import config, settings_help
from realtime.config import Config
from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.sinks.jsonl import JsonlSink
from realtime.sources.address import SourceKind, Transport
from realtime.sources.listed import listed
from realtime.toml_tables import element_of, settings_of
from realtime.types import ModelInfo, RunStart, SourceInfo

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MANY = """
[[sources]]
name = "door"
url = "rtsp://viewer:${FW_TEST_PASSWORD}@cam-1/live"
transport = "udp"
[[sources]]
source = "screen:1"
[[sources]]
name = "off"
source = "3"
enabled = false
[metrics]
address = "127.0.0.1:9464"
"""


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "cameras.toml"
    path.write_text(text, "utf-8")
    return config.load(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        listed(load(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_sources_become_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FW_TEST_PASSWORD", "p@s/s w%")
    found = listed(load(tmp_path, MANY))
    assert list(found) == ["door", "source-2"]
    door = found["door"]
    # What is filled in is data: its signs do not change how the URL is read.
    assert door.target == "rtsp://viewer:p%40s%2Fs%20w%25@cam-1/live"
    assert door.name == "rtsp://***@cam-1/live"
    assert door.transport is Transport.UDP
    assert found["source-2"].kind is SourceKind.SCREEN


def test_a_whole_address_may_be_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FW_TEST_URL", "rtsp://cam/hunter2/live")
    loaded = load(tmp_path, '[[sources]]\nurl = "${FW_TEST_URL}"\n')
    (address,) = listed(loaded).values()
    assert address.target == "rtsp://cam/hunter2/live"
    assert address.name == "${FW_TEST_URL}"
    assert "hunter2" not in f"{loaded!r} {loaded.as_dict()}"


def test_a_secret_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", "utf-8")
    text = f'[[sources]]\nurl = "rtsp://u:${{file:{secret}}}@cam/1"\n'
    (address,) = listed(load(tmp_path, text)).values()
    assert address.target == "rtsp://u:hunter2@cam/1"


def test_bad_secret_files_are_told_without_their_content(tmp_path: Path) -> None:
    def said(path: Path) -> str:
        text = f'[[sources]]\nname = "door"\nurl = "rtsp://u:${{file:{path}}}@cam/1"\n'
        words = refusal(tmp_path, text)
        assert "'sources[0].url'" in words
        assert str(path) in words
        assert "hunter2" not in words
        return words

    assert "No such file" in said(tmp_path / "missing")
    assert "directory" in said(tmp_path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"hunter2\xff")
    assert "UTF-8" in said(binary)
    huge = tmp_path / "huge"
    huge.write_text("hunter2" * 10_000, "utf-8")
    assert "larger" in said(huge)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no regular file" in said(pipe)


def test_a_secret_file_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    secret = tmp_path / "password"
    secret.write_text("hunter2", "utf-8")
    secret.chmod(0)
    words = refusal(tmp_path, f'[[sources]]\nurl = "${{file:{secret}}}"\n')
    assert "Permission denied" in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sources]\nname = 1", "'sources' must be a list of tables"),
        ("sources = [1]", "'sources' must be a list of tables"),
        ("[[sources]]\nurll = 'x'", "'sources[0].urll'"),
        ("[[sources]]\nurl = 3", "'sources[0].url' must be a text"),
        ("[[sources]]\nurl = 'x'\nenabled = 1", "'sources[0].enabled' must be true or false"),
        ("[[sources]]\nname = 'a'", "'sources[0]': it must have one of url and source"),
        ("[[sources]]\nurl = 'a'\nsource = 'b'", "'sources[0]': it must have one of url and"),
        ("[[sources]]\nurl = 'a'\ntransport = 'ip'", "'sources[0]': its transport"),
        ("[[sources]]\nurl = 'a'\nname = 'a b'", "'sources[0]': its name"),
        ("[[sources]]\nurl = 'a'\nname = '../a'", "'sources[0]': its name"),
        (
            "[[sources]]\nurl = 'a'\nname = 'source-2'\n[[sources]]\nurl = 'b'",
            "'sources[0].name' and 'sources[1].name' are the same",
        ),
        ("[[sources]]\nurl = 'ftp://u:hunter2@h'", "'sources[0].url': "),
        ("[[sources]]\nurl = 'http://h/x'", "allow_http = true"),
        ("[[sources]]\nsource = 'screen:x'", "'sources[0].source': "),
        ("[[sources]]\nurl = '${FW_NOT_SET}'", "FW_NOT_SET"),
        ("[[sources]]\nurl = '${a b}'", "placeholder"),
        ("[[sources]]\nurl = '${}'", "placeholder"),
        ("[[sources]]\nurl = 'x'\n" * 1025, "more than 1024"),
        ("[live]\nworkers = 1000000", "'live.workers' must be at most"),
        ("[live]\nworkers = -1", "'live.workers' must be 0 or greater"),
        ("[live]\nretry_first_s = 9\nretry_max_s = 3", "'live.retry_max_s'"),
        ("[scorer]\nrate_hz = 1" + "0" * 400, "'scorer.rate_hz' is too large"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    said = refusal(tmp_path, text)
    assert words in said
    assert "hunter2" not in said


def test_no_secret_is_in_what_a_run_says_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FW_TEST_PASSWORD", "hunter2/x")
    monkeypatch.setenv("FW_TEST_MODEL", "/models/hunter2.onnx")
    loaded = load(tmp_path, MANY + '[scorer]\nmodel = "${FW_TEST_MODEL}"\n')
    changed = dataclasses.replace(loaded, live=loaded.live)
    assert changed.scorer.model == "/models/hunter2.onnx"
    out = tmp_path / "out.jsonl"
    sink = JsonlSink(out)
    info = SourceInfo("door", 64, 48, None, None, seekable=False, live=True, codec="h264")
    model = ModelInfo("m", "0" * 64, "CPU")
    sink.start(RunStart(info, "now", "0", model, changed.as_dict(), "door"))
    sink.close()
    written = json.loads(out.read_text("utf-8"))["config"]
    assert written["scorer"]["model"] == "${FW_TEST_MODEL}"
    # Masked, because user info is, even where it is but a placeholder.
    assert written["sources"][0]["url"] == "rtsp://***@cam-1/live"
    assert "hunter2" not in out.read_text("utf-8")
    assert "hunter2" not in repr(changed)


def test_a_password_in_the_file_itself_is_shown_nowhere(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[[sources]]\nurl = 'rtsp://u:hunter2@cam/1'\n")
    assert "hunter2" not in f"{loaded!r} {loaded.as_dict()}"


def test_explain_is_a_file_of_settings_that_changes_nothing() -> None:
    assert config.from_table(tomllib.loads(settings_help.explain())) == Config()


def test_explain_names_every_setting() -> None:
    lines = settings_help.explain().splitlines()
    for section, kind in settings_of(Config).items():
        element = element_of(kind)
        head = f"[{section}]" if element is None else f"# [[{section}]]"
        assert head in lines
        names = settings_of(kind if element is None else element)
        mark = "" if element is None else "# "
        below = lines[lines.index(head) :]
        for name in names:
            assert any(line.startswith(f"{mark}{name} = ") for line in below), name


def test_every_setting_is_documented() -> None:
    for section, kind in settings_of(Config).items():
        owner = element_of(kind) or kind
        documented = settings_help.documentation(owner)
        assert set(settings_of(owner)) <= set(documented), section
        assert not (owner.__doc__ or "").startswith(f"{owner.__name__}("), section


def test_the_example_of_a_source_can_be_filled_in() -> None:
    text = settings_help.explain()
    example = text[text.index("# [[sources]]") :]
    lines = [line.removeprefix("# ") for line in example.splitlines() if line.startswith("# ")]
    table = tomllib.loads("\n".join(lines).replace('url = ""', 'url = "rtsp://cam/1"'))
    (entry,) = config.from_table(table).sources
    assert entry == config.SourceEntry(url="rtsp://cam/1")


def test_check_says_what_the_file_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FW_TEST_PASSWORD", "hunter2")
    path = tmp_path / "cameras.toml"
    path.write_text(MANY, "utf-8")
    lines = settings_help.check(path)
    assert lines[0].startswith("ok: 2 sources and 1 disabled")
    assert "127.0.0.1:9464" in lines[0]
    assert lines[1:] == ["  door: rtsp://***@cam-1/live", "  source-2: screen:1"]
    path.write_text('[metrics]\naddress = "nowhere"\n', "utf-8")
    with pytest.raises(ConfigError, match="HOST:PORT"):
        settings_help.check(path)


SECRET = "§sëcret§"
SECTIONS = list(settings_of(Config))
KEYS = st.sampled_from(
    [*SECTIONS, "name", "url", "source", "transport", "enabled", "rate_hz", "workers", "address"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "tcp", "udp", "cpu", "0", "screen:1", f"rtsp://u:{SECRET}@h/1"])
    | st.sampled_from(["${FW_FUZZ}", "rtsp://u:${FW_FUZZ}@h", "${FW_FUZZ}://x", "${file:/}"])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
@given(st.dictionaries(st.sampled_from(SECTIONS), VALUES, max_size=4))
def test_any_table_gives_settings_or_a_sentence(
    monkeypatch: pytest.MonkeyPatch, table: dict[str, Any]
) -> None:
    monkeypatch.setenv("FW_FUZZ", SECRET)
    try:
        loaded = config.from_table(table)
        said = f"{loaded!r} {loaded.as_dict()}"
        said += "".join(redact(address.name) for address in listed(loaded).values())
    except ConfigError as exc:
        said = redact(exc)
        assert "\n" not in str(exc)  # noqa: PT017 - either way is good
    assert SECRET not in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_any_file_gives_settings_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzz.toml"
    path.write_bytes(content)
    try:
        config.load(path)
    except ConfigError as exc:
        assert len(redact(exc).splitlines()) == 1  # noqa: PT017 - either way is good
