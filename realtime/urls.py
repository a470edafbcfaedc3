"""How the address of a source is shown: without anything in it that may be a password."""

from __future__ import annotations

import re
from typing import Final

from realtime.redact import MASK, redact

URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)", re.DOTALL)

_VALUE: Final = re.compile(r"=(?![0-9]{1,3}(?:[&;/?#]|$))[^=&;/?#]+")


def shown(text: str) -> str:
    """``text`` redacted; of all ``key=value`` in a URL only short numbers stay besides.

    Cameras want passwords in queries and even in paths, under names of all kinds.
    """
    # In this order, because a password may hold the signs that end a value.
    told = redact(text)
    return _VALUE.sub(f"={MASK}", told) if URL.match(text) else told
