"""User and password of a URL: taken out of it, and put back."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]+\]|[\w.\-]+)(?::[0-9]{1,5})?")


def split_user(url: str) -> tuple[str, str, str]:
    """A URL without its user info, the user, and the password, both as they are meant.

    Where it can be read in two ways, all before the last @ is user info, lest a part of a
    password stays to be read.
    """
    scheme, found, rest = url.partition("://")
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    if not found or "@" not in rest or _HOST.fullmatch(rest[:end]):
        return url, "", ""  # an @ behind a host belongs to the path
    user_info, _, after = rest.rpartition("@")
    user, _, password = user_info.partition(":")
    return f"{scheme}://{after}", unquote(user), unquote(password)


def join_user(url: str, user: str, password: str) -> str:
    """The whole URL again; signs that it cannot hold are encoded."""
    scheme, found, rest = url.partition("://")
    if not found or not (user or password):
        return url
    both = (
        f"{quote(user, safe='')}:{quote(password, safe='')}" if password else quote(user, safe="")
    )
    return f"{scheme}://{both}@{rest}"
