"""Readers of command line arguments, and options that commands share. A reader raises `ArgumentTypeError`."""

from __future__ import annotations

import argparse
import json
import re
from datetime import datetime
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
TARGET_TYPES = {"user": 3, "android": 1, "ios": 2, "harmonyos": 7, "web": 8, "other": 9}


def add_command(commands: Any, name: str, handler: Any, help_text: str) -> argparse.ArgumentParser:
    """Add a command with the options that all have; returns its parser."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_text, description=help_text)
    command.add_argument("--credentials", default="", help="file of credentials")
    command.set_defaults(handler=handler)
    return command


def pair(text: str) -> tuple[str, str]:
    """Read `name=value`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name, value


def json_value(text: str) -> tuple[str, Any]:
    """Read `name=value`; the value is an object, a list or a quoted text of JSON, or else text as it is.

    Numbers stay as they are spelled: the API takes every scalar as text, and `1e5` or `null` may be a title.
    """
    name, value = pair(text)
    if not value.lstrip().startswith(("{", "[", '"')):
        return name, value
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def json_object(text: str) -> Any:
    """Read JSON, or text where it begins as none."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no JSON: {error}") from None
    except RecursionError:
        raise argparse.ArgumentTypeError("the JSON is nested too deep") from None


def seconds(text: str) -> int:
    """Read a time span such as `90s`, `10m`, `12h`, `3d`; a bare number is in seconds."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time span such as 90s, 10m, 12h or 3d")
    return int(found[1]) * _UNITS[found[2] or "s"]


def moment(text: str) -> int:
    """Read an ISO 8601 time, in the machine's time zone if it names none; returns milliseconds since 1970."""
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-12-24T18:00") from None
