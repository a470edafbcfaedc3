"""Takes credentials out of every string that leaves the program, and fails closed.

FFmpeg puts the whole URL, password and all, into its error texts, and users put anything into
passwords. So no attempt is made to understand user info: whatever stands between ``//`` and
the last ``@`` before the host ends goes, and so do the values of parameters that look secret.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"
UNPARSEABLE: Final = "<unprintable>"

# From the scheme to the last @ on the same line. A password may hold any sign, slashes, quotes
# and spaces included, and so an @ further on in the text can cost harmless words: that is the
# side to err on.
_USER_INFO = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.\-]*:/{2,})[^\r\n]*@")
_SECRET_PARAMETER = re.compile(
    r"(?i)(?P<key>[?&;\s,{\"'](?:[\w\-]*(?:passw(?:or)?d|passwd|pwd|secret|token|api[_\-]?key|auth"
    r"|signature|credential)[\w\-]*)[\"']?\s*[=:]\s*[\"']?)[^&;\s\"',}]+"
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
    try:
        # Written so that surrogates of undecodable file names stay printable.
        raw = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
        raw = _USER_INFO.sub(rf"\g<scheme>{MASK}@", raw)
        raw = _SECRET_PARAMETER.sub(rf"\g<key>{MASK}", raw)
        return _CONTROL.sub(lambda m: m.group().encode("unicode_escape").decode("ascii"), raw)
    except Exception:  # noqa: BLE001 - whatever it is, it must not leave
        return UNPARSEABLE
