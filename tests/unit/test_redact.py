"""No credential and no control character survives `redact`."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime.redact import MASK, UNPARSEABLE, redact

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
        '{"client-secret": "hunter2"}',
    ],
)
def test_secret_parameters_are_masked(text: str) -> None:
    # The key must follow something, as it does in every sentence of ours.
    assert "hunter2" not in redact(f"Cannot open {text}")
    assert MASK in redact(f"Cannot open {text}")


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
