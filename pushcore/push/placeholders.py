"""Placeholders in a template's title, body and URL: a known name between two number signs. Without I/O.

Known are the names a template declares; where it declares none, whatever looks like a name: letters and digits of any
script, `_`, `-`, `.`. Everything else is text: "C# and F#", the fragment of `https://m.example.com/#/order?id=#id#`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from pushcore.http.percent_encoding import percent_encode

MAX_NAME = 64
_LOOKS_LIKE_A_NAME = rf"[\w.-]{{1,{MAX_NAME}}}"
_ENDS_A_WORD = re.compile(r"[A-Za-z0-9]\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://)?")

Known = Collection[str] | None


class AmbiguousError(ValueError):
    """Two names share a number sign, so nobody can tell which of the two is meant."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text with placeholders.

    Attributes:
        texts: What stands before, between and after the names.
        names: The names of the placeholders, in order.
        encoded: Of each name whether its value is percent-encoded.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]
    encoded: tuple[bool, ...]

    @property
    def may_be_blank(self) -> bool:
        """Whether values may leave nothing of the text: it is made of placeholders alone."""
        return bool(self.names) and not "".join(self.texts).strip()

    def fill(self, values: Mapping[str, str]) -> str:
        """Put values in the places of names, once: a value that looks like a placeholder stays text.

        Raises:
            KeyError: A name has no value.
        """
        parts = [self.texts[0]]
        for text, name, encoded in zip(self.texts[1:], self.names, self.encoded, strict=True):
            parts += (percent_encode(values[name]) if encoded else values[name], text)
        return "".join(parts)

    def values_in(self, filled: str) -> dict[str, str] | None:
        """Return values with which `fill` makes a text; None where none are found.

        Each value ends where the text that follows it comes first, and the last one at the end. Of placeholders side by
        side nobody can tell.
        """
        if not filled.startswith(self.texts[0]) or "" in self.texts[1:-1]:
            return None
        values: dict[str, str] = {}
        position = len(self.texts[0])
        last = len(self.names) - 1
        for number, (text, name) in enumerate(zip(self.texts[1:], self.names, strict=True)):
            end = len(filled) - len(text) if number == last else filled.find(text, position)
            if end < position or not filled.startswith(text, end):
                return None
            value = unquote(filled[position:end]) if self.encoded[number] else filled[position:end]
            if values.setdefault(name, value) != value:
                return None
            position = end + len(text)
        return values if position == len(filled) else None


@lru_cache(maxsize=4096)
def text_pattern(text: str, known: tuple[str, ...] | None) -> Pattern:
    """Find the placeholders of a text; of two that share a sign, the first counts."""
    texts, names = _split(text, known)
    return Pattern(texts, names, (False,) * len(names))


@lru_cache(maxsize=4096)
def url_pattern(url: str, known: tuple[str, ...] | None) -> Pattern:
    """Find the placeholders of a URL.

    Values in its path, query or fragment are percent-encoded; one that is the whole URL, its scheme or its host is not.
    """
    texts, names = _split(url, known)
    encoded = tuple(_is_past_host("x".join(texts[: place + 1])) for place in range(len(names)))
    return Pattern(texts, names, encoded)


def check(text: str, known: Known) -> None:
    """Check that no two placeholders share a number sign.

    Where no names are declared, an even number of signs in a row pair up: "#name#您的#item#" has two placeholders and
    text between them, as people write where words are not spaced. Not after a letter or digit, whose sign the first may
    be ("C#和F#课程#name#").

    Raises:
        AmbiguousError: Two do; the message names them.
    """
    for row in _rows(_candidates(text, known)):
        one, *others = row
        pairs_up = known is None and len(row) % 2 == 1 and not _ENDS_A_WORD.search(text[: one.start()])
        if others and not pairs_up:
            raise AmbiguousError(f"#{one[1]}#{others[0][1]}# may be #{one[1]}# or #{others[0][1]}#")


def names_of(text: str, known: Known) -> tuple[str, ...]:
    """Return the names of a text's placeholders, in order."""
    return _split(text, known)[1]


def _candidates(text: str, known: Known) -> Sequence[re.Match[str]]:
    names = _LOOKS_LIKE_A_NAME if known is None else "|".join(map(re.escape, known))
    return list(re.finditer(rf"(?=#({names})#)", text)) if names else []


def _rows(candidates: Sequence[re.Match[str]]) -> list[list[re.Match[str]]]:
    """Group the candidates that share signs: so many and one signs in a row."""
    rows: list[list[re.Match[str]]] = []
    for one in candidates:
        if rows and rows[-1][-1].end(1) >= one.start():
            rows[-1].append(one)
        else:
            rows.append([one])
    return rows


def _split(text: str, known: Known) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts, names, position = [], [], 0
    for candidate in _candidates(text, known):
        if candidate.start() >= position:
            texts.append(text[position : candidate.start()])
            names.append(candidate[1])
            position = candidate.end(1) + 1
    return (*texts, text[position:]), tuple(names)


def _is_past_host(before: str) -> bool:
    """Tell whether what follows this beginning of a URL is in its path, query or fragment."""
    return re.search("[/?#]", _SCHEME.sub("", before, count=1)) is not None
