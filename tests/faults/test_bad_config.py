"""Settings and addresses that are wrong or hostile, as the command line meets them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from realtime.cli import main
from realtime.errors import ConfigError
from realtime.sources.parsing import parse
from tests.odd_credentials import ODD, Odd, leaks


def one_sentence(err: str) -> str:
    (sentence,) = [row for row in err.splitlines() if row.strip()]
    assert sentence.startswith("fakewatch: ")
    assert "Traceback" not in err
    return sentence


def quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def is_watched(odd: Odd) -> bool:
    try:
        parse(odd.url)
    except ConfigError:
        return False
    return True


WATCHED = [odd for odd in ODD if is_watched(odd)]
REFUSED = [odd for odd in ODD if not is_watched(odd)]


def test_credentials_are_in_no_output_of_a_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All that can be tried at once, on a port where nothing listens, with everything told."""
    assert len(WATCHED) >= 15
    out = tmp_path / "out.jsonl"
    common = ["--max-seconds", "1.5", "--jsonl", str(out), "--log-level", "debug"]
    for arguments in ([odd.url for odd in WATCHED], ["--config", str(listing(tmp_path))]):
        assert main(["analyze", *arguments, *common]) == 3
        said = "".join(capfd.readouterr()) + out.read_text("utf-8")
        assert said.count("not one picture came") == len(WATCHED)
        for odd in WATCHED:
            assert not leaks(said, odd), odd.name


def listing(folder: Path) -> Path:
    path = folder / "cameras.toml"
    entries = (f"[[sources]]\nurl = {quoted(odd.url)}\n" for odd in WATCHED)
    path.write_text("".join(entries), "utf-8")
    return path


@pytest.mark.parametrize("odd", REFUSED, ids=lambda odd: odd.name)
def test_credentials_are_in_no_refusal(
    odd: Odd, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text(f"[[sources]]\nurl = {quoted(odd.url)}\n", "utf-8")
    for arguments in (
        ["analyze", odd.url],
        ["analyze", "--config", str(path)],
        ["config", "check", str(path)],
    ):
        assert main(arguments) == 2
        assert not leaks(one_sentence(capfd.readouterr().err), odd)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_credentials_are_not_shown_by_usage_errors_and_checks(
    odd: Odd, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["analyze", odd.url, "--nonsense"], ["devices", odd.url], [odd.url]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert not leaks("".join(capfd.readouterr()), odd)
    path = tmp_path / "cameras.toml"
    path.write_text(f"[[sources]]\nurl = {quoted(odd.url)}\n", "utf-8")
    main(["config", "check", str(path)])
    assert not leaks("".join(capfd.readouterr()), odd)
    # As a key, as a name, and where a number belongs.
    for text in (f"{quoted(odd.url)} = 1", f"[[sources]]\nname = {quoted(odd.url)}\nurl = 'x'"):
        path.write_text(text, "utf-8")
        assert main(["config", "check", str(path)]) == 2
        assert not leaks(one_sentence(capfd.readouterr().err), odd)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "lists no source"),
        (b"[[sources]]\nsource = '0'\nenabled = false\n", "lists no source"),
        (b"[[sources]]\n", "one of url and source"),
        (b"\xff\xfe", "not valid TOML"),
        (b"a = " + b"[" * 20_000, "TOML|nested too deeply"),
        (b"[a]\n" * 3, "TOML"),
        (b"sources = 'x'", "list of tables"),
        (b"[metrics]\naddress = 'x'\n[[sources]]\nsource = '0'", "HOST:PORT"),
    ],
)
def test_bad_files_are_one_sentence_before_anything_is_opened(
    content: bytes, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.toml"
    path.write_bytes(content)
    assert main(["analyze", "--config", str(path), "--headless"]) == 2
    sentence = one_sentence(capfd.readouterr().err)
    assert any(word in sentence for word in words.split("|"))


def test_a_pipe_in_place_of_a_file_does_not_hang(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["config", "check", str(tmp_path / "pipe")]) == 2
    assert "no regular file" in one_sentence(capfd.readouterr().err)


def test_two_sources_of_one_name_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text("[[sources]]\nname='a'\nsource='0'\n" * 2, "utf-8")
    assert main(["config", "check", str(path)]) == 2
    assert "are the same" in one_sentence(capfd.readouterr().err)


def test_http_is_refused_unless_it_is_allowed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "http://usr:kvq30@127.0.0.1:9/x"]) == 2
    sentence = one_sentence(capfd.readouterr().err)
    assert "--allow-http" in sentence
    assert "kvq30" not in sentence
