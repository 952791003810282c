"""From what callers send to Python values: text, numbers, maps, flattened lists. Everything here is bounded."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from rest_framework import serializers

from pushcore.api import decoding

MAX_MAP_TEXT = 262_144
MAX_LIST_INDEX = 1_000


class Text(serializers.CharField):
    """Text as it is: blanks kept, empty allowed, numbers read as their text. Raises `ResultError` for text that no
    column holds (`pushcore.api.decoding`)."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"allow_blank": True, "trim_whitespace": False}
        if not options.get("required"):
            defaults["default"] = ""
        super().__init__(**(defaults | options))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str):
            decoding.check_text(str(self.field_name or ""), data)
            # Nearly every text is this; nothing of what the field checks can be wrong with it.
            if data and data.isascii():
                return str(data)
        return super().run_validation(data)


# As JSON, forms and the packages write one; Python reads more (`1_000`, other scripts' digits).
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,20}(?:\.0*)?\s*", re.ASCII)


class WholeNumber(serializers.IntegerField):
    """A whole number, as such or as text, from `low` to `high`; true and false are none."""

    def __init__(self, *, low: int, high: int, **options: Any) -> None:
        super().__init__(**options)
        self._low, self._high = low, high

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or (isinstance(data, float) and not data.is_integer()):
            self.fail("invalid")
        if isinstance(data, str) and not _WHOLE.fullmatch(data):
            self.fail("invalid")
        value: int = super().to_internal_value(data)
        if not self._low <= value <= self._high:
            self.fail("invalid")
        return value


class Number(WholeNumber):
    """A number of 32 bits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"low": -(2**31), "high": 2**31 - 1} | options))


class Moment(WholeNumber):
    """A time in milliseconds since 1970, up to the end of the year 9999, read as an aware datetime."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"low": 0, "high": 253_402_300_799_000} | options))

    def to_internal_value(self, data: Any) -> Any:
        return datetime.fromtimestamp(super().to_internal_value(data) / 1000, tz=UTC)


def as_object(data: Any, name: str) -> Any:
    """What the JSON text of the parameter says; anything else as it is."""
    return (_parse_map(data, name) if data.strip() else {}) if isinstance(data, str) else data


class TextMap(serializers.DictField):
    """A map of text to text: a JSON object, or its JSON text, or (as the 2019 package sends dicts) a Python literal."""

    child = Text()

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"default": dict}
        super().__init__(**(defaults | options))

    def to_internal_value(self, data: Any) -> dict[str, str]:
        data = as_object(data, str(self.field_name or ""))
        if not isinstance(data, Mapping):
            self.fail("not_a_dict", input_type=type(data).__name__)
        if any(isinstance(value, Mapping | list | tuple | set | bytes) or value is None for value in data.values()):
            raise serializers.ValidationError("a value is not text", code="nested")
        made = {str(name): _as_text(value) for name, value in data.items()}
        decoding.check(made, str(self.field_name or ""))
        return made


class JsonObject(serializers.JSONField):
    """A JSON object of any shape, or its text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        name = str(self.field_name or "")
        value = as_object(data, name)
        if not isinstance(value, dict):
            self.fail("invalid")
        try:
            # A Python literal may hold what JSON does not: it is made JSON, or refused.
            made: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
        except (ValueError, TypeError):
            self.fail("invalid")
        decoding.check(made, name)
        return made


def _as_text(value: Any) -> str:
    """Numbers and truth values as JSON writes them."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _parse_map(text: str, name: str) -> Any:
    """Parse the text of a map, the parameter's `name`; None where it is none. A literal is parsed, never evaluated.

    Raises `ResultError` for what it holds and nobody can keep.
    """
    if len(text) > MAX_MAP_TEXT:
        return None
    try:
        return decoding.json_of(text, name)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def unflatten(parameters: Mapping[str, str], maps: Mapping[str, bool] = MappingProxyType({})) -> dict[str, Any]:
    """Fold what the packages flatten; other names stay as they are.

    `X.1.Y` and `X.1` are lists, in the order of their indexes, `X.key` with X among `maps` (names in lower camel case)
    is a map; whether a further dot leads into a map within, or is part of the key, `maps` says. Indexes that are no
    number from 1 to `MAX_LIST_INDEX` leave the name alone (an unknown parameter, ignored later).
    """
    plain: dict[str, Any] = {}
    folded: dict[str, _Branch] = {}
    for name, value in parameters.items():
        head, *rest = name.split(".")
        nests = maps.get(head[:1].lower() + head[1:])
        if head and rest and nests is not None:
            deepest = _DEEPEST if nests else 0
            folded.setdefault(head, _Branch()).put([*rest[:deepest], *_joined(rest[deepest:])], value)
        elif head and rest and _index(rest[0]):
            # A target of a list may have maps of texts of its own.
            folded.setdefault(head, _Branch()).put([*rest[:2], ".".join(rest[2:])][: len(rest)], value)
        else:
            plain[name] = value
    for head, branch in folded.items():
        nests = maps.get(head[:1].lower() + head[1:])
        plain.setdefault(head, branch.as_map(typed=bool(nests)) if nests is not None else branch.as_list())
    return plain


# Deeper than any value that is taken: what lies below is not told apart.
_DEEPEST = 2 * decoding.MAX_DEPTH


def _joined(parts: Sequence[str]) -> list[str]:
    return [".".join(parts)] if parts else []


def _index(text: str) -> int:
    """The index a part of a name is, 0 where it is none."""
    index = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    return index if index <= MAX_LIST_INDEX else 0


class _Branch(dict[str, Any]):
    """Parts of names that begin alike, and the values or branches they lead to."""

    def put(self, path: Sequence[str], value: str) -> None:
        """What stands there already stays."""
        branch = self
        for part in path[:-1]:
            following = branch.setdefault(part, _Branch())
            if not isinstance(following, _Branch):
                return
            branch = following
        branch.setdefault(path[-1], value)

    def as_list(self) -> list[Any]:
        return [_plain(self[part]) for part in sorted(self, key=_index)]

    def as_map(self, *, typed: bool) -> dict[str, Any]:
        """`typed`: numbers and truth values as such, and what has indexes for keys as lists, as before they were
        flattened."""
        return {name: _typed(value) if typed else _plain(value) for name, value in self.items()}


def _plain(value: Any) -> Any:
    return {name: _plain(within) for name, within in value.items()} if isinstance(value, _Branch) else value


# As JSON writes a number: what else looks like one (an order's number with zeros before it, 20 digits) is text.
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)
_TRUTH = {"true": True, "True": True, "false": False, "False": False}


def _typed(value: Any) -> Any:
    """The value as it was before a package made text of it, as far as text can tell."""
    if isinstance(value, _Branch):
        is_list = sorted(map(_index, value)) == list(range(1, len(value) + 1))
        return [_typed(value[part]) for part in sorted(value, key=_index)] if is_list else value.as_map(typed=True)
    if value in _TRUTH:
        return _TRUTH[value]
    return json.loads(value) if _JSON_NUMBER.fullmatch(value) else value
