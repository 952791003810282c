"""Conditions as text, as FCM writes those of topics: `'a' in topics && !('b' in topics || 'c' in tags)`."""

from __future__ import annotations

import re
from typing import Any

from pushcore.codes.results import ResultCode, ResultError

MAX_LENGTH = 4096
# Beyond the depth of any condition: a text cannot exhaust the stack before its depth is judged.
_MAX_NESTED = 32
_TOKEN = re.compile(r"""\s*(?:'([^']*)'\s+in\s+(topics|tags)\b|(&&|\|\||[!()]))""")
_TERMS = {"topics": "topic", "tags": "tag"}


def to_json_form(text: str, path: str = "condition") -> dict[str, Any]:
    """Return the JSON form of a condition; `!` binds closest, then `&&`, then `||`.

    Raises:
        ResultError: CONDITION_INVALID, with the place of the first character that does not belong there, from 1 on.
    """
    if len(text) > MAX_LENGTH:
        raise ResultError(ResultCode.CONDITION_INVALID, f"{path}: over {MAX_LENGTH} characters", parameter="condition")
    return _Parser(text, path).parse()


class _Parser:
    """Parses by recursive descent."""

    def __init__(self, text: str, path: str) -> None:
        self._text, self._path = text, path
        self._place = 0
        self._nested = 0

    def parse(self) -> dict[str, Any]:
        made = self._joined("||", "or")
        if self._text[self._place :].strip():
            raise self._fault()
        return made

    def _joined(self, sign: str, group: str) -> dict[str, Any]:
        """Parse what is joined by `||`, or by `&&` within it."""
        parts = []
        while True:
            parts.append(self._joined("&&", "and") if sign == "||" else self._part())
            if not self._take(sign):
                return parts[0] if len(parts) == 1 else {group: parts}

    def _part(self) -> dict[str, Any]:
        self._nested += 1
        if self._nested > _MAX_NESTED:
            raise self._fault()
        made: dict[str, Any]
        if self._take("!"):
            made = {"not": self._part()}
        elif self._take("("):
            made = self._joined("||", "or")
            if not self._take(")"):
                raise self._fault()
        else:
            found = _TOKEN.match(self._text, self._place)
            if found is None or found[3]:
                raise self._fault()
            self._place = found.end()
            made = {_TERMS[found[2]]: found[1]}
        self._nested -= 1
        return made

    def _take(self, sign: str) -> bool:
        found = _TOKEN.match(self._text, self._place)
        if found is None or found[3] != sign:
            return False
        self._place = found.end()
        return True

    def _fault(self) -> ResultError:
        place = len(self._text) - len(self._text[self._place :].lstrip()) + 1
        return ResultError(
            ResultCode.CONDITION_INVALID,
            f"{self._path}: at character {place} one of 'name' in topics, 'name' in tags, &&, ||, ! and brackets"
            " is expected",
            parameter="condition",
        )
