"""What a person writes for a source becomes an address, or one sentence without a secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.config import Config, SourceConfig
from realtime.errors import ConfigError, ExitCode
from realtime.redact import redact
from realtime.sources import FileSource, open_source
from realtime.sources.address import Address, SourceKind, Transport
from realtime.sources.parsing import parse
from tests.contract.clips import make_clip
from tests.odd_credentials import ODD, Odd, leaks

STREAM, CAMERA, SCREEN = SourceKind.STREAM, SourceKind.CAMERA, SourceKind.SCREEN
WINDOW, FILE = SourceKind.WINDOW, SourceKind.FILE


def address_or_words(text: str, **options: Any) -> Address | str:
    """What comes of a text: an address, or the one sentence that says what is wrong."""
    try:
        return parse(text, **options)
    except ConfigError as exc:
        return str(exc)


def cameras(*names: str) -> Callable[[], Sequence[str]]:
    return lambda: names


@pytest.mark.parametrize(
    ("text", "kind", "target", "region"),
    [
        ("0", CAMERA, "0", None),
        ("12", CAMERA, "12", None),
        ("/dev/video0", CAMERA, "/dev/video0", None),
        ("/dev/v4l/by-id/usb-x", CAMERA, "/dev/v4l/by-id/usb-x", None),
        ("camera:Front door", CAMERA, "Front door", None),
        ("camera:3", CAMERA, "3", None),
        ("Logitech C920", CAMERA, "Logitech C920", None),
        ("c920", CAMERA, "c920", None),
        ("rtsp://cam/stream", STREAM, "rtsp://cam/stream", None),
        ("RTSPS://cam:322/a?b=1", STREAM, "rtsps://cam:322/a?b=1", None),
        ("rtsp://[::1]:8554/a", STREAM, "rtsp://[::1]:8554/a", None),
        ("rtsp://cam/a b/ä", STREAM, "rtsp://cam/a%20b/%C3%A4", None),
        ("rtsp://cam/live@2", STREAM, "rtsp://cam/live@2", None),
        ("screen", SCREEN, "1", None),
        ("screen:0", SCREEN, "0", None),
        ("screen:02", SCREEN, "2", None),
        ("screen:1@10,20,640,480", SCREEN, "1", (10, 20, 640, 480)),
        ("screen@0,0,64,48", SCREEN, "1", (0, 0, 64, 48)),
        ('window:"Zoom*"', WINDOW, "Zoom*", None),
        ("window:Zoom: a, b@c", WINDOW, "Zoom: a, b@c", None),
        ("window:'x'@1,2,30,40", WINDOW, "x", (1, 2, 30, 40)),
        ("clip.mp4", FILE, "clip.mp4", None),
        ("missing/0", FILE, "missing/0", None),
        ("Logitech C920.mp4", FILE, "Logitech C920.mp4", None),
        ("-", FILE, "-", None),
        ("a\0b", FILE, "a\0b", None),
        ("C:\\clips\\a.mp4", FILE, "C:\\clips\\a.mp4", None),
    ],
)
def test_every_form(
    text: str, kind: SourceKind, target: str, region: tuple[int, int, int, int] | None
) -> None:
    found = parse(text, camera_names=cameras("HD Pro Webcam", "Logitech C920 HD"))
    assert (found.kind, found.target, found.region) == (kind, target, region)
    assert found.live is (kind is not FILE)


def test_how_rtsp_travels() -> None:
    assert parse("rtsp://cam/1").transport is Transport.TCP
    assert parse("rtsp://cam/1", transport=Transport.UDP).transport is Transport.UDP


def test_http_has_to_be_allowed() -> None:
    for url in ("http://cam/x.m3u8", "https://u:hunter2@cam/x"):
        with pytest.raises(ConfigError, match="--allow-http") as caught:
            parse(url)
        assert "hunter2" not in str(caught.value)
        assert parse(url, allow_http=True).kind is STREAM


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("ftp://user:hunter2@host/x", "cannot be watched"),
        ("file:///x.mp4", "cannot be watched"),
        ("rtsp://", "no host"),
        ("rtsp:///x", "no host"),
        ("rtsp://user:hunter2@/x", "no host"),
        ("rtsp://cam:99999/x", "no host"),
        ("rtsp://cam:0/x", "no host"),
        ("rtsp://user:hunter2@cam/a@b", "two ways"),
        ("rtsp://cam/a\r\nDESCRIBE x", "control characters"),
        ("rtsp://cam/" + "a" * 5000, "4096"),
        ("screen:x", "is no screen"),
        ("screen:1@1,2,3", "is no screen"),
        ("screen:1@0,0,0,10", "region"),
        ("screen:1@0,0,70000,10", "region"),
        ("window:", "names no window"),
        ('window:" "', "names no window"),
        ("camera:", "names no camera"),
    ],
)
def test_nonsense_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse(text, camera_names=cameras())
    said = str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "hunter2" not in said
    assert "\n" not in said
    # What is said must survive being redacted on its way out.
    assert words in redact(said)


@pytest.mark.parametrize(
    "name", ["0", "screen", "screen:1", "camera:x", "window:x", "http:x.mp4", "Logitech C920"]
)
def test_an_existing_file_wins(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", 2).rename(tmp_path / name)
    assert parse(name, camera_names=cameras("Logitech C920")).kind is FILE
    with open_source(name, Config(), "door") as source:
        assert isinstance(source, FileSource)
        assert source.open().width > 0
        assert source.source_id == "door"


def test_a_file_whose_name_looks_like_a_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rtsp:" / "cam").mkdir(parents=True)
    make_clip(tmp_path / "rtsp:" / "cam" / "a.mp4", 2)
    monkeypatch.chdir(tmp_path)
    assert parse("rtsp://cam/a.mp4").kind is FILE
    with open_source("rtsp://cam/a.mp4", SourceConfig()) as source:
        assert source.open().width > 0


def test_a_folder_does_not_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "screen").mkdir()
    assert parse("screen").kind is SCREEN


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.mp4"
    assert parse(name).target == os.fsdecode(name)
    assert "\\udcff" in parse(name).name


def test_cameras_are_asked_for_words_only() -> None:
    def refuse() -> Sequence[str]:
        raise AssertionError("a camera was asked")

    for text in ("missing.mp4", "a/b", "0", "rtsp://cam/1", "screen", "window:x", "a\nb"):
        parse(text, camera_names=refuse)
    with pytest.raises(AssertionError):
        parse("Front door", camera_names=refuse)


def test_plain_credentials_reach_the_server_as_they_were_meant() -> None:
    for user_info, user, password in (
        ("admin:p@ss", "admin", "p@ss"),
        ("admin:pa/ss", "admin", "pa/ss"),
        ("admin:p a?ss#1", "admin", "p a?ss#1"),
        ("admin:100%", "admin", "100%"),
        ("admin:a%2Fb", "admin", "a/b"),
        ("admin:a:b", "admin", "a:b"),
        (":only", "", "only"),
        ("üser:名前", "üser", "名前"),
    ):
        parts = urlsplit(parse(f"rtsp://{user_info}@cam:554/live").target)
        assert (parts.hostname, parts.port, parts.path) == ("cam", 554, "/live"), user_info
        assert unquote(parts.username or "") == user
        assert unquote(parts.password or "") == password


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_odd_credentials_are_in_no_name(odd: Odd) -> None:
    found = address_or_words(odd.url)
    assert not leaks(f"{found} {found!r}", odd)
    if isinstance(found, Address):
        assert found.kind is STREAM
        assert not leaks(found.name, odd)


def test_a_text_made_of_secrets_is_shown_as_written() -> None:
    found = parse("rtsp://cam/hunter2/live", shown="rtsp://cam/${PATH}/live")
    assert found.target == "rtsp://cam/hunter2/live"
    assert found.name == "rtsp://cam/${PATH}/live"
    for text in ("hunter2://cam", "screen:hunter2", "camera:", "window:\x00hunter2"):
        with pytest.raises(ConfigError) as caught:
            parse(text, shown="${WHOLE}")
        assert "hunter2" not in str(caught.value)


SIGNS = st.sampled_from([*'@:/%[],?#é0a \0\n"', "\udc80", "://", "%2F", "1,2,3,4", "§sec§"])
WORDS = st.sampled_from(["rtsp://", "http://", "screen", "window:", "camera:"])
PIECES = SIGNS | WORDS


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=60), st.booleans())
def test_whatever_is_written_gives_an_address_or_a_sentence(text: str, allow_http: bool) -> None:
    found = address_or_words(text, allow_http=allow_http, camera_names=cameras("A camera"))
    shown = found if isinstance(found, str) else found.name
    assert len(shown.splitlines()) == 1
    if isinstance(found, str):
        return
    assert found.target
    if found.kind is STREAM:
        # What goes to FFmpeg is plain ASCII on one line.
        assert found.target.isascii() or not urlsplit(found.target).netloc.isascii()
        assert not any(sign <= " " for sign in found.target)


LETTERS_AND_SIGNS = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])


@given(
    st.text(LETTERS_AND_SIGNS, min_size=1, max_size=30),
    st.sampled_from(["cam", "[::1]:8554", "10.0.0.1:554"]),
)
def test_no_password_is_shown(password: str, host: str) -> None:
    secret = f"§{password}§"
    found = address_or_words(f"rtsp://user:{secret}@{host}/live")
    assert secret not in (found if isinstance(found, str) else found.name)
