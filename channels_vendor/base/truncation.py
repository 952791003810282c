"""Texts made to fit a vendor's limit: cut between graphemes (what people take for one character), and marked as cut.

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
    """How long a text is in UTF-16 code units: one for a code point, two for one above U+FFFF."""
    return len(text) + sum(character > "\uffff" for character in text)


def truncate(text: str, most: int, length: Callable[[str], int] = utf16_length) -> str:
    """The text, or its longest beginning that is, marked as cut, at most `most` long; at least the mark."""
    kept = truncate_by(text, length, most)
    return ELLIPSIS if kept is None else kept


def truncate_by(text: str, size: Callable[[str], int], most: int) -> str | None:
    """The longest beginning of `text` with which `size` is at most `most`, marked as cut; None where none is.

    `size` is asked for a text and grows with it.
    """
    if size(text) <= most:
        return text
    ends = [0, *(found.end() for found in _GRAPHEME.finditer(text))]
    fits = bisect_right(ends, most, hi=len(ends) - 1, key=lambda end: size(text[:end] + ELLIPSIS))
    return text[: ends[fits - 1]] + ELLIPSIS if fits else None
