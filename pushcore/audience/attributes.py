"""Attributes of profiles: a text, a number or a time each.

They are kept in the form in which they are given: a time is `{"time": milliseconds since 1970}`, which tells it from a
number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pushcore.codes.results import ResultCode, ResultError

# Of a profile.
MAX_ATTRIBUTES = 50
MAX_TEXT_LENGTH = 256
# What a double holds exactly; numbers in between have a fraction.
_MAX_NUMBER = 2**53
# The end of the year 9999.
_MAX_TIME = 253_402_300_799_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)

# A text, a number, or a time as an object.
Value = str | int | float | dict[str, int]


def check_attribute_name(name: str) -> str:
    """Return the name.

    Raises:
        ResultError: INVALID_PARAM, quoting it.
    """
    if not _NAME.fullmatch(name):
        raise ResultError(
            ResultCode.INVALID_PARAM,
            f"attribute {name[:64]!r}: a name has a letter, then up to 63 letters, digits and _",
        )
    return name


def parse_value(given: object, path: str) -> Value:
    """Return an attribute's value.

    Args:
        given: What was sent.
        path: What the message of an error calls it.

    Raises:
        ResultError: INVALID_PARAM: it is no text of at most 256 characters, no number up to 2^53, no time.
    """
    if isinstance(given, str) and len(given) <= MAX_TEXT_LENGTH:
        return given
    if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) <= _MAX_NUMBER:
        return given
    if isinstance(given, Mapping) and set(given) == {"time"}:
        at = given["time"]
        if isinstance(at, int) and not isinstance(at, bool) and 0 <= at <= _MAX_TIME:
            return {"time": at}
    raise ResultError(
        ResultCode.INVALID_PARAM,
        f"{path} is a text of at most {MAX_TEXT_LENGTH} characters, a number up to 2^53,"
        ' or {"time": milliseconds since 1970}',
    )
