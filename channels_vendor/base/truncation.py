"""Make texts fit a vendor's limit: cut between graphemes (what people take for one character), and marked as cut.

A family, a flag or an accented letter is several code points, of which a part is another picture or none (UAX #29).
Vendors' servers and Android count a text's length in UTF-16 code units, as Java and JavaScript do; iOS takes bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import regex

ELLIPSIS = "…"
_GRAPHEME = regex.compile(r"\X")


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 code units: one for a code point, two for one above U+FFFF."""
    return len(text) + sum(character > "\uffff" for character in text)


def truncate(text: str, most: int, length: Callable[[str], int] = utf16_length) -> str:
    """Return the text, or its longest beginning that fits with the mark, at most `most` long; at least the mark."""
    kept = truncate_by(text, length, most)
    return ELLIPSIS if kept is None else kept


def truncate_by(text: str, size: Callable[[str], int], most: int) -> str | None:
    """Return the longest beginning of a text that fits, marked as cut.

    Args:
        text: The text.
        size: Returns the size of what a text becomes part of; it grows with the text.
        most: What `size` may return at most.

    Returns:
        The text where it fits, None where not even the mark does.
    """
    if size(text) <= most:
        return text
    ends = [0, *(found.end() for found in _GRAPHEME.finditer(text))]
    fits = bisect_right(ends, most, hi=len(ends) - 1, key=lambda end: size(text[:end] + ELLIPSIS))
    return text[: ends[fits - 1]] + ELLIPSIS if fits else None
