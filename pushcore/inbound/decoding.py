"""Decode JSON and text that callers and devices send, in one way for all of them.

What comes out can be stored and sent on: text without a NUL (PostgreSQL's text holds none) and without half of a
surrogate pair (UTF-8 has none; JSON can write one, RFC 8259, 8.2), finite numbers of bounded length, objects of bounded
depth. What cannot be is the caller's fault, answered with INVALID_PARAM naming the parameter.
"""

from __future__ import annotations

import json
import math
import re
from itertools import islice
from typing import Any

from pushcore.codes.results import ResultCode, ResultError

MAX_DEPTH = 32
MAX_DIGITS = 100
_MAX_LOOKED_AT = 20_000

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Without one of these, and with few objects and lists, JSON can hold none of the faults that are looked for.
_SUSPICIOUS = re.compile(
    r"\\u(?:[dD][89a-fA-F]|0000)|[0-9]{%d}|[eE]\+?[0-9]{3}|NaN|Infinity" % (MAX_DIGITS + 1)  # noqa: UP031
)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class _Unstorable(str):
    """Stands for a number that cannot be stored, and says what is wrong with it."""

    __slots__ = ()


def decode_json(raw: bytes, *, what: str = "the body") -> Any:
    """Return what a JSON text in UTF-8 says; a byte order mark before it is ignored.

    Args:
        raw: The text.
        what: What the message of an error calls the whole of it.

    Raises:
        ResultError: REQUEST_SHOULD_BE_UTF8, INVALID_PARAM.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ResultError(ResultCode.REQUEST_SHOULD_BE_UTF8) from None
    try:
        return parse_json(text)
    except ValueError:
        raise ResultError(ResultCode.INVALID_PARAM, f"{what} is not JSON") from None


def parse_json(text: str, name: str = "") -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: It is not JSON.
        ResultError: INVALID_PARAM, naming the parameter whose value cannot be stored.
    """
    if text.count("{") + text.count("[") <= MAX_DEPTH and not _SUSPICIOUS.search(text):
        return json.loads(text)
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)
    except RecursionError:
        raise _refusal(_member_at_depth(text, name), _TOO_DEEP) from None
    if not _is_storable(value):
        _refuse(value, name)
    return value


def check_storable(value: Any, name: str = "") -> None:
    """Check that a value can be stored. Raises `ResultError` (INVALID_PARAM) naming the first part that cannot."""
    if not _is_storable(value):
        _refuse(value, name)


def _is_storable(value: Any) -> bool:
    """Return whether all of the value can be stored. It is searched level by level: a body may have a million parts."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        texts = [part for part in level if isinstance(part, str)]
        level = [part for part in level if isinstance(part, dict | list)]
        for part in level:
            if isinstance(part, dict):
                texts += part
        if any(isinstance(text, _Unstorable) for text in texts) or _UNSTORABLE.search("".join(texts)):
            return False
        if not level:
            return True
        level = [entry for part in level for entry in (part.values() if isinstance(part, dict) else part)]
    return False


def _refuse(value: Any, name: str) -> None:
    """Raise the error of a value that cannot be stored, searching no more than its first `_MAX_LOOKED_AT` parts."""
    waiting: list[tuple[str, Any, int]] = [(name, value, 0)]
    for _ in range(_MAX_LOOKED_AT):
        if not waiting:
            break
        path, part, depth = waiting.pop()
        if isinstance(part, _Unstorable):
            raise _refusal(path, part)
        if isinstance(part, str):
            check_text(path, part)
        elif isinstance(part, dict | list):
            if depth >= MAX_DEPTH:
                raise _refusal(_head(path), _TOO_DEEP)
            if isinstance(part, dict):
                first = islice(part.items(), _MAX_LOOKED_AT)
                members = [(f".{key}" if path else str(key), entry) for key, entry in first]
                for step, _ in members:
                    check_text(path + step, step)
            else:
                members = [(f"[{place}]", entry) for place, entry in enumerate(part[:_MAX_LOOKED_AT])]
            # In reverse, so that the first fault of the text is the one that is named.
            waiting += [(path + step, entry, depth + 1) for step, entry in reversed(members)]
    raise _refusal("", "holds what cannot be kept as text")


def check_text(name: str, text: str) -> None:
    """Check that a column can hold the text. Raises `ResultError` (INVALID_PARAM) naming the parameter."""
    fault = None if text.isascii() and "\0" not in text else _UNSTORABLE.search(text)
    if fault is not None:
        raise _refusal(name, "holds a NUL character" if fault[0] == "\0" else "holds half of a character")


_TOO_DEEP = f"is nested more than {MAX_DEPTH} deep"


def _refusal(path: str, fault: str) -> ResultError:
    """Return the error. The caller made the path: what of it no answer can hold is written as escapes."""
    shown = (path or "the body").encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return ResultError(ResultCode.INVALID_PARAM, f"{shown[:200]} {fault}")


def _head(path: str) -> str:
    """Return the parameter that a path begins with."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _member_at_depth(text: str, name: str) -> str:
    """Return the outermost member in which a text is nested too deep, for texts that are too deep to be parsed."""
    if name:
        return name
    depth, last = 0, ""
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                break
        elif token[0] in "}]":
            depth -= 1
        elif depth == 1:
            last = token[0][1:-1]
    return last


def _whole(text: str) -> int | _Unstorable:
    return int(text) if len(text) <= MAX_DIGITS else _Unstorable(f"is a number of more than {MAX_DIGITS} digits")


def _fraction(text: str) -> float | _Unstorable:
    if len(text) > MAX_DIGITS:
        return _Unstorable(f"is a number of more than {MAX_DIGITS} digits")
    value = float(text)
    return value if math.isfinite(value) else _Unstorable("is a number beyond all that can be kept")


def _constant(text: str) -> _Unstorable:
    return _Unstorable(f"is {text}, which is no JSON")
