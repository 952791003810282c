"""From what callers send to Python values: text, numbers, maps, flattened lists. Everything here is bounded."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

MAX_MAP_TEXT = 262_144
MAX_LIST_INDEX = 1_000


class Text(serializers.CharField):
    """Text as it is: blanks kept, empty allowed, a NUL refused (PostgreSQL holds none), numbers read as their text."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"allow_blank": True, "trim_whitespace": False}
        if not options.get("required"):
            defaults["default"] = ""
        super().__init__(**(defaults | options))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Nearly every text is this; nothing of what the field checks can be wrong with it.
        if type(data) is str and data and data.isascii() and "\0" not in data:
            return data
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isascii() and any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            self.fail("invalid")
        return text


class Number(serializers.IntegerField):
    """A whole number, as such or as text; true and false are none."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or (isinstance(data, float) and not data.is_integer()):
            self.fail("invalid")
        if isinstance(data, str) and not data.strip().lstrip("-").isascii():
            self.fail("invalid")
        value: int = super().to_internal_value(data)
        if not -(2**31) <= value < 2**31:
            self.fail("invalid")
        return value


class Moment(serializers.IntegerField):
    """A time in milliseconds since 1970, read as an aware datetime."""

    _LATEST = 253_402_300_799_000  # the end of the year 9999

    def to_internal_value(self, data: Any) -> datetime:  # type: ignore[override]
        if isinstance(data, bool) or (isinstance(data, float) and not data.is_integer()):
            self.fail("invalid")
        value: int = super().to_internal_value(data)
        if not 0 <= value <= self._LATEST:
            self.fail("invalid")
        return datetime.fromtimestamp(value / 1000, tz=UTC)


def as_object(data: Any) -> Any:
    """What a JSON text says; anything else as it is."""
    return (_parse_map(data) if data.strip() else {}) if isinstance(data, str) else data


class TextMap(serializers.DictField):
    """A map of text to text: a JSON object, or its JSON text, or (as the 2019 package sends dicts) a Python literal."""

    child = Text()

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"default": dict}
        super().__init__(**(defaults | options))

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, str):
            data = {} if not data.strip() else _parse_map(data)
        if not isinstance(data, Mapping):
            self.fail("not_a_dict", input_type=type(data).__name__)
        if any(isinstance(value, Mapping | list | tuple | set | bytes) or value is None for value in data.values()):
            raise serializers.ValidationError("a value is not text", code="nested")
        return {
            self.child.run_validation(str(name)): self.child.run_validation(_as_text(value))
            for name, value in data.items()
        }


class JsonObject(serializers.JSONField):
    """A JSON object of any shape, or its text; such as a column can hold: no NUL, no half of a surrogate pair."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = as_object(data)
        if not isinstance(value, dict):
            self.fail("invalid")
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, TypeError, RecursionError):
            self.fail("invalid")
        if "\\u0000" in text:
            self.fail("invalid")
        made: dict[str, Any] = json.loads(text)
        return made


def _as_text(value: Any) -> str:
    """Numbers and truth values as JSON writes them."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _parse_map(text: str) -> Any:
    """Parse the text of a map; None where it is none. A literal is parsed, never evaluated."""
    if len(text) > MAX_MAP_TEXT:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def unflatten(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Fold `X.1.Y` and `X.1` into lists, in the order of their indexes; other names stay as they are.

    Indexes that are no number from 1 to `MAX_LIST_INDEX` leave the name alone (an unknown parameter, ignored later).
    """
    plain: dict[str, Any] = {}
    lists: dict[str, dict[int, Any]] = {}
    for name, value in parameters.items():
        head, *rest = name.split(".")
        index = int(rest[0]) if rest and rest[0].isascii() and rest[0].isdigit() and len(rest[0]) <= 4 else 0
        if not head or len(rest) > 2 or not 1 <= index <= MAX_LIST_INDEX:
            plain[name] = value
            continue
        entries = lists.setdefault(head, {})
        if len(rest) == 1:
            entries[index] = value
        elif isinstance(entries.setdefault(index, {}), dict):
            entries[index][rest[1]] = value
    for head, entries in lists.items():
        plain.setdefault(head, [entries[index] for index in sorted(entries)])
    return plain
