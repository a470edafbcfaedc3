"""Takes apart what a person writes for a source, and says what is wrong with it.

An existing file always wins, whatever it is called. Credentials are for the source alone: the
``name`` of an address and every message have them masked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from realtime.errors import ConfigError
from realtime.redact import redact
from realtime.sources.address import Address, SourceKind, Transport

MAX_URL: Final = 4096
MAX_SCREEN_SIDE: Final = 65_535

URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)", re.DOTALL)
_HOST: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.\-]+)?\]|[^\s:@\[\]/?#\"<>\\^`{|}%]+)(?::(?P<port>[0-9]{1,5}))?"
)
_CAMERA: Final = re.compile(r"[0-9]{1,2}|/dev/(?:video[0-9]+|v4l/.+)", re.DOTALL)
_REGION: Final = re.compile(r"@([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6})$")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PATH: Final = re.compile(r"[/\\]|\.[A-Za-z0-9]{2,4}$")
_LITERAL_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

_RTSP: Final = ("rtsp", "rtsps")
_HTTP: Final = ("http", "https")
_FORMS: Final = (
    "give a video file, a camera (0, /dev/video0, its name), an rtsp:// or rtsps:// URL, "
    'screen:1, or window:"title"'
)


def parse(
    text: str | bytes | os.PathLike[str],
    *,
    transport: Transport = Transport.TCP,
    allow_http: bool = False,
    shown: str | None = None,
    camera_names: Callable[[], Sequence[str]] | None = None,
) -> Address:
    """The address that ``text`` stands for; opens nothing.

    ``0``, ``/dev/video0``, ``camera:NAME`` and the name of a camera that is connected, ``rtsp://``
    and ``rtsps://``, ``http://`` and ``https://`` with ``allow_http``, ``screen``, ``screen:2``,
    ``screen:2@x,y,width,height``, ``window:"title*"``, also with a region; anything else, and
    whatever exists as a file, is a file. ``screen`` is the first screen, ``screen:0`` all of them.

    User info in a URL may be written plainly: signs that a URL cannot hold there are encoded.
    ``shown`` replaces ``text`` in the name and in messages, for a text that was put together
    from secrets. ``camera_names`` is asked only for words that nothing else explains.

    Raises:
        ConfigError: for an empty text, a URL of another kind or without a host, one whose user
            info can be read in two ways, HTTP that was not allowed, and a screen, region or
            window that makes no sense.
    """
    given = os.fsdecode(text)
    if not given:
        raise ConfigError(f"The name of the source is empty; {_FORMS}.")
    told = redact(given if shown is None else shown)
    if os.path.isfile(given):
        return Address(SourceKind.FILE, given, told)
    if match := URL.match(given):
        url = _Url.split(match["scheme"].lower(), match["rest"], told)
        url.require_allowed(allow_http)
        return Address(SourceKind.STREAM, url.text, told, transport=transport)
    if _CAMERA.fullmatch(given):
        return Address(SourceKind.CAMERA, given, told)
    for word, read in (("camera", _camera), ("screen", _screen), ("window", _window)):
        if given == word or given.startswith((f"{word}:", f"{word}@")):
            return read(given[len(word) :], told)
    if _is_camera_name(given, camera_names or _connected):
        return Address(SourceKind.CAMERA, given, told)
    return Address(SourceKind.FILE, given, told)


@dataclass(frozen=True, slots=True)
class _Url:
    """A URL in parts; ``user_info`` is None where there is none and may hold any sign."""

    scheme: str
    user_info: str | None
    host: str
    tail: str
    told: str

    @classmethod
    def split(cls, scheme: str, rest: str, told: str) -> _Url:
        if len(rest) > MAX_URL or _CONTROL.search(rest):
            raise ConfigError(
                f"A URL may have {MAX_URL} characters and no line breaks or other control "
                "characters; check how it was pasted."
            )
        end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
        authority, tail = rest[:end], rest[end:]
        if "@" in authority:
            if "@" in tail:
                raise ConfigError(
                    f"The URL {told} can be read in two ways; write a slash in a password as %2F, "
                    "and an at sign in a password or a path as %40."
                )
            user_info, _, host = authority.rpartition("@")
        elif "@" in tail and not _is_host(authority):
            # A password with a slash: nothing but user info can stand before this @.
            user_info, _, after = rest.rpartition("@")
            end = min((i for i in map(after.find, "/?#") if i >= 0), default=len(after))
            host, tail = after[:end], after[end:]
        else:
            user_info, host = None, authority
        return cls(scheme, user_info, host, tail, told)

    def require_allowed(self, allow_http: bool) -> None:
        """Raises `ConfigError` for what is not to be opened."""
        if self.scheme in _HTTP and not allow_http:
            raise ConfigError(
                f"{self.told} is read over HTTP, which has to be allowed; add --allow-http, or "
                "allow_http = true to its entry in the configuration."
            )
        if self.scheme not in (*_RTSP, *_HTTP):
            raise ConfigError(f"{self.told} cannot be watched; {_FORMS}.")
        if not _is_host(self.host):
            raise ConfigError(f"The URL {self.told} names no host that could be asked; check it.")

    @property
    def text(self) -> str:
        """The whole, encoded so that FFmpeg reads it as it was meant."""
        user = "" if self.user_info is None else f"{_encode_user(self.user_info)}@"
        # Spaces and letters that are not ASCII would break the request line.
        tail = "".join(c if "!" <= c <= "~" else quote(c, errors="replace") for c in self.tail)
        return f"{self.scheme}://{user}{self.host}{tail}"


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return match is not None and (match["port"] is None or 0 < int(match["port"]) <= 65_535)


def _encode_user(text: str) -> str:
    """User and password with every sign encoded that is not yet, as RFC 3986 asks for."""
    user, colon, password = text.partition(":")

    def encode(part: str) -> str:
        return quote(_LITERAL_PERCENT.sub("%25", part), safe="%-._~", errors="replace")

    return encode(user) + colon + encode(password)


def _camera(rest: str, told: str) -> Address:
    name = rest[1:].strip()
    if not rest.startswith(":") or not name or _CONTROL.search(name):
        raise ConfigError(
            f"{told} names no camera; write camera:NAME or 0, `fakewatch devices` lists them."
        )
    return Address(SourceKind.CAMERA, name, told)


def _screen(rest: str, told: str) -> Address:
    number, region = _split_region(rest, told)
    if not re.fullmatch(r"(?::[0-9]{1,2})?", number):
        raise ConfigError(
            f"{told} is no screen; write screen, screen:1 or screen:1@0,0,640,480, "
            "`fakewatch devices` lists them."
        )
    return Address(SourceKind.SCREEN, str(int(number[1:] or "1")), told, region)


def _window(rest: str, told: str) -> Address:
    pattern, region = _split_region(rest, told)
    title = pattern[1:]
    if len(title) > 1 and title[0] == title[-1] and title[0] in "\"'":
        title = title[1:-1]
    if not pattern.startswith(":") or not title.strip() or _CONTROL.search(title):
        raise ConfigError(f'{told} names no window; write window:"title", * stands for anything.')
    return Address(SourceKind.WINDOW, title, told, region)


def _split_region(rest: str, told: str) -> tuple[str, tuple[int, int, int, int] | None]:
    match = _REGION.search(rest)
    if match is None:
        return rest, None
    x, y, width, height = (int(number) for number in match.groups())
    if not (min(width, height) > 0 and max(x + width, y + height) <= MAX_SCREEN_SIDE):
        raise ConfigError(
            f"The region of {told} is empty or too large; write screen:1@0,0,640,480 for x, y, "
            "width and height in pixels."
        )
    return rest[: match.start()], (x, y, width, height)


def _is_camera_name(text: str, camera_names: Callable[[], Sequence[str]]) -> bool:
    # A mistyped file name is no reason to ask every camera for its name.
    if _PATH.search(text) or _CONTROL.search(text) or os.path.lexists(text):
        return False
    wanted = text.casefold()
    return any(wanted in name.casefold() for name in camera_names())


def _connected() -> Sequence[str]:
    from realtime.sources.camera import connected  # noqa: PLC0415 - rarely needed

    return [camera.name for camera in connected()]
