"""Takes credentials out of every string that leaves the program, and fails closed.

FFmpeg puts the whole URL, password and all, into its error texts, and users put anything into
passwords, line breaks included. So no attempt is made to understand user info: whatever stands
between the beginning of a URL and the last ``@`` of the text goes, and so do the values of
parameters in URLs and of everything else that is named like a secret. Harmless words go with
them at times: that is the side to err on. Everything takes time linear in the text.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"
UNPARSEABLE: Final = "<unprintable>"

# Where user info may begin: after a scheme, mistyped slashes or not, or after two slashes.
_URL_START = re.compile(
    r"(?i)(?:\b(?:rtsps?|rtmpt?e?s?|s?rtp|https?|hls|srt|rist|mms[ht]?|udp|tcp|tls|s?ftps?|wss?)"
    r"\s{0,4}:(?=\S)|://|//)[\\/]*"
)
_ENCODED_START = re.compile(r"(?i)%3a%2f%2f")
# The region of a screen, as in screen:1@0,0,640,480.
_REGION = re.compile(r"[0-9]{1,6},[0-9]{1,6},[0-9]{1,6},[0-9]{1,6}\b")
_URL_REST = re.compile(r"://[^\s]+")
_QUERY = re.compile(r"[/?][^/?=]*=")
_WORD = re.compile(r"^\S+")
_HOST_END = re.compile(r"[/?#\\]")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.\-]+)?\]|[^:\[\]]*)(?::[0-9]{0,5})?[:,.;)'\"\]}>]*")
# Short numbers (channel=1) tell nothing.
_VALUE = re.compile(r"=(?![0-9]{1,3}(?:[^\w%]|$))[^&\s]+")
_AUTHORIZATION = re.compile(r"(?i)(?P<key>authorization[\"']?\s{0,16}[=:])[^\r\n]+")
_BEARER = re.compile(r"(?i)(?P<key>\bbearer\s{1,16})\S+")
_SECRET = re.compile(
    r"(?i)(?P<key>(?:passw(?:or)?d|passphrase|loginpas|pwd|secret|token|(?:api|access)[_\-]?key"
    r"|signature|credential|(?<![a-z])(?:auth|pass|pw|psw)(?![a-z]))[\w\-]{0,64}[\"']?"
    r"\s{0,16}[=:]\s{0,16})"
    r"(?:(?P<quote>[\"'])(?:[^\"'\\\r\n]|\\.|(?!(?P=quote))[\"'])*(?P=quote)?[^\s&,}\])]*|[^\s&]+)"
)
_CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]"
)


def redact(text: object) -> str:
    """``text`` without credentials, on one line and without control characters.

    Line breaks, escape sequences and bidirectional overrides become visible escapes, so that a
    file name can neither forge a log line nor turn text round. Anything that cannot be handled
    becomes `UNPARSEABLE` rather than leave as it is.
    """
    return "\\n".join(redact_lines(text))


def redact_lines(text: object) -> list[str]:
    """The same for a text of several lines, such as a traceback, which stay apart.

    A URL is followed over their ends, so that a password with a line break in it goes as well.
    """
    try:
        # Written so that surrogates of undecodable file names stay printable.
        raw = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
        masked = _mask(raw)
        return [_CONTROL.sub(_escape, line) for line in masked.split("\n")]
    except Exception:  # noqa: BLE001 - whatever it is, it must not leave
        return [UNPARSEABLE]


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def _mask(text: str) -> str:
    text = _mask_encoded(_mask_user_info(text))
    text = _URL_REST.sub(_mask_parameters, text)
    text = _AUTHORIZATION.sub(rf"\g<key> {MASK}", text)
    text = _BEARER.sub(rf"\g<key>{MASK}", text)
    return _SECRET.sub(rf"\g<key>{MASK}", text)


def _mask_user_info(text: str) -> str:
    at = text.rfind("@")
    if at < 0:
        return text
    start = _URL_START.search(text, 0, at)
    if start is None:
        return "".join(map(_mask_token, re.split(r"(\s+)", text)))
    before = "".join(map(_mask_token, re.split(r"(\s+)", text[: start.end()])))
    if _QUERY.search(text, start.end(), at):
        # Or was the @ part of a value? Then what follows is not the host but the value's end.
        return f"{before}{MASK}{_WORD.sub('', text[at:], count=1)}"
    return f"{before}{MASK}{text[at:]}"


def _mask_token(token: str) -> str:
    """A word such as ``user:password@host``, which has no scheme before it."""
    at, colon = token.rfind("@"), token.find(":")
    if not 0 <= colon < at or _REGION.match(token, at + 1):
        return token
    start = 1 + max(token.rfind(sign, 0, colon) for sign in "\"'`(<[{/\\,;=")
    return f"{token[:start]}{MASK}{token[at:]}"


def _mask_encoded(text: str) -> str:
    """A whole URL that was percent-encoded, as it stands in the query of another one."""
    start, at = _ENCODED_START.search(text), text.rfind("%40")
    if start is None or start.end() > at:
        return text
    return f"{text[: start.end()]}{MASK}{text[at:]}"


def _mask_parameters(match: re.Match[str]) -> str:
    """A URL from its slashes to the next space: no odd port, no value that says something."""
    rest = match.group()[3:]
    end = _HOST_END.search(rest)
    host = rest[: end.start()] if end else rest
    if "@" not in host and not _HOST.fullmatch(host):
        # A user and a password whose host is missing.
        return f"://{MASK}"
    return "://" + _VALUE.sub(f"={MASK}", rest)
