"""Percent-encoding of text that becomes part of a URL."""

from __future__ import annotations

import re
from urllib.parse import quote

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")


def percent_encode(text: str) -> str:
    """Percent-encode all but letters, digits, `-`, `_`, `.` and `~` (RFC 3986), so that the text stays in its part.

    Bytes that are no UTF-8, which `text` has as halves of surrogate pairs, are encoded as they came.
    """
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="", errors="surrogateescape")
