"""No credential and no control character survives `redact`."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime.redact import MASK, UNPARSEABLE, redact, redact_lines
from tests.odd_credentials import ODD, Odd, leaks

ODD_USER_INFO = [
    "user:pass",
    "us.er:pa%40ss",
    ":onlypassword",
    "useronly",
    "user:p@ss",
    "user:p@ss@more",
    "user:pa/ss",
    "user:pa?ss#x",
    "user:pa ss word",
    "üser:pässwörd",
    "user:名前",
    "us%3Aer:pa:ss:word",
    "us\"er:pa'ss",
    "user:<secret>",
    "user:$(reboot);x",
    "user:\\backslash",
]


@pytest.mark.parametrize("user_info", ODD_USER_INFO)
@pytest.mark.parametrize("host", ["camera.local/stream", "[::1]:8554/live", "10.0.0.1"])
def test_user_info_is_masked(user_info: str, host: str) -> None:
    text = redact(f"Cannot open rtsp://{user_info}@{host}: refused")
    assert text == f"Cannot open rtsp://{MASK}@{host}: refused"


@given(st.text(min_size=4, alphabet=st.characters(exclude_characters="\r\n@", codec="utf-8")))
@example("p:/a//s@s")
def test_no_password_survives(password: str) -> None:
    # Marked at both ends, so that it cannot occur in the rest of the sentence by chance.
    secret = f"§{password}§"
    assert secret not in redact(f"rtsp://u:{secret}@h/s failed, try rtsp://u:{secret}@h/s again")


@pytest.mark.parametrize(
    "text",
    [
        "http://h/x?token=hunter2&a=1",
        "http://h/x?a=1&api_key=hunter2",
        "password=hunter2",
        "{'access_token': 'hunter2'}",
        "Camera(name='a', password='a b hunter2')",
        "password='it\\'s hunter2'",
        "http://h/x?p=hunter2&channel=1",
        "http://h/user=admin_password=hunter2_channel=1",
        "http://h/x?token=a/b+c'hunter2\"==",
        "http://h/x?src=rtsp%3A%2F%2Fu%3Ahunter2%40h",
        "rtsp%3a%2f%2fu%3ahunter2%40h",
        "Authorization: Basic hunter2==",
        "'Authorization': 'Digest username=\"a\", response=\"hunter2\"'",
        "Bearer hunter2",
        "rtsp://admin:hunter2",
        "rtsp://[admin:hunter2",
        "rtsp:/admin:a hunter2@cam",
        "rtsp:admin:hunter2@cam",
        "//admin:a hunter2@cam",
        "admin:hunter2@cam/stream",
        "://admin:hunter2@cam",
        '{"client-secret": "hunter2"}',
    ],
)
def test_secret_parameters_are_masked(text: str) -> None:
    for sentence in (text, f"Cannot open {text}", f"Cannot open {text}: refused, try again"):
        assert "hunter2" not in redact(sentence)
        assert MASK in redact(sentence)


def test_plain_text_is_left_alone() -> None:
    text = "Cannot open /tmp/clip one.mp4: not a video (12 %, 3 @ 4)."
    assert redact(text) == text


@given(st.text())
def test_stays_on_one_line_and_never_raises(text: str) -> None:
    line = redact(text)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_direction_override_and_escape_become_visible() -> None:
    assert redact("a\u202eb\x1b[2Jc\nd") == r"a\u202eb\x1b[2Jc\nd"


def test_undecodable_file_name_stays_printable() -> None:
    assert redact("clip\udcff.mp4") == r"clip\udcff.mp4"


def test_fails_closed() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("rtsp://user:password@host")

    assert redact(Unprintable()) == UNPARSEABLE


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
@pytest.mark.parametrize(
    "sentence", ["{}", "Cannot open {}: timed out; try again.", "('{}', 5)", "a {}\nb"]
)
def test_odd_credentials(odd: Odd, sentence: str) -> None:
    for url in (odd.url, odd.url.replace("rtsp", "HTTPS"), repr(odd.url), ascii(odd.url)):
        text = redact(sentence.format(url))
        assert not leaks(text, odd)
        assert MASK in text
        assert "\n" in sentence or redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://cam.local:554/live?channel=1&subtype=0: refused",
        "http://[fe80::1%eth0]:8080/a.m3u8 (timed out)",
        "rtsp://camera: no answer",
        "screen:1@0,0,640,480",
        'window:"Zoom*"@1,2,3,4',
        "file:///tmp/clip.mp4",
        "the password was refused (auth_failed)",
        "C:\\clips\\a.mp4",
    ],
)
def test_what_holds_no_secret_is_told(text: str) -> None:
    assert redact(text) == text


@given(
    st.sampled_from(["rtsp://", "http:/", "//", "rtsps:", "://"]),
    st.text(max_size=40),
    st.text(max_size=40),
    st.sampled_from(["Cannot open {}: refused.", "{}", "a\n{}\nb", "x='{}'"]),
)
def test_no_user_info_survives_whatever_is_in_it(
    scheme: str, user: str, password: str, sentence: str
) -> None:
    url = f"{scheme}{user}:kvq{password}wjz@host/live"
    told = redact(sentence.format(url))
    assert "kvq" not in told
    assert "wjz" not in told
    assert told.count("\n") == 0


@given(st.text(alphabet=st.characters(exclude_characters="&", exclude_categories=("Z", "C"))))
def test_no_parameter_survives_whatever_is_in_it(value: str) -> None:
    for text in (f"rtsp://h/a?x=kvq{value}wjz failed", f"token: {('kvq' + value + ' wjz')!r}"):
        told = redact(text)
        assert "kvq" not in told
        assert "wjz" not in told


def test_lines_stay_apart_but_a_password_does_not_survive_in_their_ends() -> None:
    assert redact_lines("a\nrtsp://u:p\nw@h\nb") == ["a", f"rtsp://{MASK}@h", "b"]


@pytest.mark.parametrize(
    "unit", ["a:/", "rtsp://", "token", "token=", "@", "password='", "%3a%2f%2f", "=a", "a@b:c "]
)
def test_a_long_text_takes_no_more_than_its_share(unit: str) -> None:
    # What is quadratic takes minutes here.
    redact(unit * (1_000_000 // len(unit)))
