"""Twenty kinds of user info that have slipped through somebody's masking, with what must not show.

The secret parts are words that occur nowhere else, so that finding one anywhere is a leak.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

HOST = "127.0.0.1:9/live"
"""Nothing listens on the discard port."""


@dataclass(frozen=True)
class Odd:
    """One URL as a person may write it; none of ``secrets`` may be seen in any output."""

    name: str
    url: str
    secrets: tuple[str, ...]


def _at(user_info: str, host: str = HOST) -> str:
    return f"rtsp://{user_info}@{host}"


ODD = (
    Odd("plain", _at("usr:kvq01"), ("kvq01",)),
    Odd("colon", _at("usr:kvq02:wjz02"), ("kvq02", "wjz02")),
    Odd("at", _at("usr:kvq03@wjz03"), ("kvq03", "wjz03")),
    Odd("two at", _at("usr:kvq04@@wjz04"), ("kvq04", "wjz04")),
    Odd("percent", _at("usr:50%kvq05"), ("kvq05",)),
    Odd("percent-encoded", _at("usr:kvq06%2F%40wjz06"), ("kvq06", "wjz06")),
    Odd("slash", _at("usr:kvq07/wjz07"), ("kvq07", "wjz07")),
    Odd("two slashes", _at("usr:kvq08//wjz08"), ("kvq08", "wjz08")),
    Odd("spaces", _at("usr:kvq09 wjz09 kvq09"), ("kvq09", "wjz09")),
    Odd("empty user", _at(":kvq10"), ("kvq10",)),
    Odd("user without password", _at("kvq11"), ("kvq11",)),
    Odd("IPv6 host", _at("usr:kvq12", "[::1]:9/live"), ("kvq12",)),
    Odd("unicode", _at("üsr:kvqé13名前"), ("kvqé13", "名前")),
    Odd("hash", _at("usr:kvq14#wjz14"), ("kvq14", "wjz14")),
    Odd("question mark", _at("usr:kvq15?wjz15"), ("kvq15", "wjz15")),
    Odd("quotes", _at("usr:kvq16'a\"wjz16"), ("kvq16", "wjz16")),
    Odd("line break", _at("usr:kvq17\nwjz17"), ("kvq17", "wjz17")),
    Odd("very long", _at("usr:" + "kvq18" * 400), ("kvq18",)),
    Odd("in the query", f"rtsp://{HOST}?user=usr&p=kvq19/wjz19==", ("kvq19", "wjz19")),
    Odd("backslash", _at("usr:kvq20\\wjz20"), ("kvq20", "wjz20")),
)


def leaks(text: str, odd: Odd) -> list[str]:
    """The secrets that stand in ``text``, as they are or as Python, JSON or a URL write them."""
    forms = {
        form
        for secret in odd.secrets
        for form in (secret, secret.encode("unicode_escape").decode(), ascii(secret), quote(secret))
    }
    return sorted(form for form in forms if form.strip("'") in text)
