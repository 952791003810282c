"""Serializer fields of the API's parameters: text, numbers, times, maps, lists. Every value is bounded.

A field whose fault needs words of its own raises `ResultError` itself; of any other, `RequestSchema.read` names the
parameter and takes the result code from the schema.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from pushcore.codes.results import ResultCode, ResultError
from pushcore.inbound import decoding
from pushcore.storage import ids

MAX_MAP_TEXT = 262_144


class Text(serializers.CharField):
    """Text as it is: blanks kept, empty allowed, numbers read as their text.

    Raises `ResultError` for text that no column of the database holds (`pushcore.inbound.decoding`).
    """

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"allow_blank": True, "trim_whitespace": False}
        if not options.get("required"):
            defaults["default"] = ""
        super().__init__(**(defaults | options))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the text; most takes a shortcut past the checks of `CharField`, which it cannot fail."""
        if isinstance(data, str):
            decoding.check_text(str(self.field_name or ""), data)
            if data and data.isascii():
                return str(data)
        return super().run_validation(data)


# As JSON, forms and the packages write one; Python reads more (`1_000`, other scripts' digits).
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,20}(?:\.0*)?\s*", re.ASCII)


class WholeNumber(serializers.IntegerField):
    """A whole number from `low` to `high`, written as a number or as text. True and false are not numbers."""

    def __init__(self, *, low: int, high: int, **options: Any) -> None:
        super().__init__(**options)
        self._low, self._high = low, high

    def to_internal_value(self, data: Any) -> Any:
        """Return the number."""
        if isinstance(data, bool) or (isinstance(data, float) and not data.is_integer()):
            self.fail("invalid")
        if isinstance(data, str) and not _WHOLE.fullmatch(data):
            self.fail("invalid")
        value: int = super().to_internal_value(data)
        if not self._low <= value <= self._high:
            self.fail("invalid")
        return value


class Number(WholeNumber):
    """A whole number of 32 bits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"low": -(2**31), "high": 2**31 - 1} | options))


class Moment(WholeNumber):
    """A time in milliseconds since 1970, up to the end of the year 9999, read as an aware datetime."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"low": 0, "high": 253_402_300_799_000} | options))

    def to_internal_value(self, data: Any) -> Any:
        """Return the time in UTC."""
        return datetime.fromtimestamp(super().to_internal_value(data) / 1000, tz=UTC)


class PageNumber(Number):
    """The number of a page or its size: from 1 to `most`."""

    def __init__(self, *, most: int = 1_000_000, **options: Any) -> None:
        super().__init__(required=False, **options)
        self._most = most

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises `ResultError` (INVALID_PARAM) that says what may be given."""
        value: int = super().to_internal_value(data)
        if not 1 <= value <= self._most:
            raise ResultError(ResultCode.INVALID_PARAM, f"{self.field_name} is from 1 to {self._most}")
        return value


class ParsedText(Text):
    """Text that says something else. Text that is missing is read as empty text, not replaced by a default."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return what the text says. Raises `ResultError` (INVALID_PARAM) where it does not say it."""
        return self.parse(super().run_validation("" if data is None else data))

    def parse(self, text: str) -> Any:
        """Return what the text says."""
        raise NotImplementedError


class Id(ParsedText):
    """The ID of a task, schedule or occurrence, read as a number; empty text, where it is optional, as None."""

    def __init__(self, *, optional: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._optional = optional

    def parse(self, text: str) -> int | None:
        """Return the ID. Raises `ResultError` (INVALID_PARAM) that quotes the text."""
        return None if self._optional and not text else _id_of(text, str(self.field_name))


class Ids(ParsedText):
    """IDs, separated by commas."""

    def parse(self, text: str) -> list[int]:
        """Return the IDs. Raises `ResultError` (INVALID_PARAM) that quotes the first that is none."""
        return [_id_of(part.strip(), str(self.field_name)) for part in text.split(",") if part.strip()]


def _id_of(text: str, name: str) -> int:
    if (number := ids.parse(text)) is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name}: {text[:50]!r} is not an ID")
    return number


class Names(ParsedText):
    """Names, separated by commas."""

    def parse(self, text: str) -> list[str] | None:
        """Return the names without the blanks around them; None where there are none."""
        return [name.strip() for name in text.split(",") if name.strip()] or None


class Choice(ParsedText):
    """One of several names, in either case, read as what it stands for; empty text as None.

    `known` returns the names when a call is read, for channels are added while the service starts.
    """

    def __init__(self, known: Callable[[], Mapping[str, Any]], **options: Any) -> None:
        super().__init__(**options)
        self._known = known

    def parse(self, text: str) -> Any:
        """Return what the name stands for. Raises `ResultError` (INVALID_PARAM) that lists the names."""
        if not text:
            return None
        known = self._known()
        if text.upper() not in known:
            raise ResultError(ResultCode.INVALID_PARAM, f"{self.field_name} is one of {', '.join(known)}")
        return known[text.upper()]


def as_object(data: Any, name: str) -> Any:
    """Return what the JSON text of a parameter says; a value that is no text as it is."""
    return (_parse_map(data, name) if data.strip() else {}) if isinstance(data, str) else data


class TextMap(serializers.DictField):
    """A map of text to text: a JSON object, or its JSON text, or (as the 2019 package sends dicts) a Python literal."""

    child = Text()

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"default": dict}
        super().__init__(**(defaults | options))

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the map; numbers and truth values in it become text."""
        data = as_object(data, str(self.field_name or ""))
        if not isinstance(data, Mapping):
            self.fail("not_a_dict", input_type=type(data).__name__)
        if any(isinstance(value, Mapping | list | tuple | set | bytes) or value is None for value in data.values()):
            raise serializers.ValidationError("a value is not text", code="nested")
        made = {str(name): _as_text(value) for name, value in data.items()}
        decoding.check_storable(made, str(self.field_name or ""))
        return made


class JsonObject(serializers.JSONField):
    """A JSON object of any shape, or its JSON text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object, made of JSON's types only."""
        name = str(self.field_name or "")
        value = as_object(data, name)
        if not isinstance(value, dict):
            self.fail("invalid")
        try:
            # A Python literal may hold what JSON does not: it is made JSON, or refused.
            made: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
        except (ValueError, TypeError):
            self.fail("invalid")
        decoding.check_storable(made, name)
        return made


class TextList(serializers.ListField):
    """A list of texts, or its JSON text."""

    child = Text()

    def __init__(self, *, most: int = 1000, **options: Any) -> None:
        defaults: dict[str, Any] = {} if options.get("required", True) else {"default": list}
        super().__init__(**(defaults | options))
        self._most = most

    def to_internal_value(self, data: Any) -> list[str]:
        """Return the texts; numbers in the list become text. Raises `ResultError` (INVALID_PARAM) for too many."""
        name = str(self.field_name or "")
        data = as_object(data, name)
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if len(data) > self._most:
            raise ResultError(ResultCode.INVALID_PARAM, f"{name}: at most {self._most} in a call")
        texts = [self.child.run_validation(entry) for entry in data]
        decoding.check_storable(texts, name)
        return texts


@extend_schema_field({"oneOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}]})
class ConditionValue(JsonObject):
    """A condition on devices: a JSON object, its JSON text, or text of another form that is no JSON."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the object, or the text."""
        if isinstance(data, str) and not data.lstrip().startswith("{"):
            decoding.check_text(str(self.field_name or ""), data)
            return data
        return super().to_internal_value(data)


def _as_text(value: Any) -> str:
    """Write numbers and truth values as JSON does."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _parse_map(text: str, name: str) -> Any:
    """Parse the text of a map, the parameter's `name`; None where it is none. A literal is parsed, never evaluated.

    Raises `ResultError` for what it holds and nobody can keep.
    """
    if len(text) > MAX_MAP_TEXT:
        return None
    try:
        return decoding.parse_json(text, name)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
