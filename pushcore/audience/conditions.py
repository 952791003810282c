"""Conditions that choose devices: their JSON form, read into one tree (docs/audiences.md).

A condition may also be text, such as `'news' in topics && !('vip' in tags)`, which `condition_text` turns into the JSON
form first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pushcore.audience.attributes import Value, check_attribute_name, parse_value
from pushcore.audience.condition_text import to_json_form
from pushcore.audience.names import Kind, check_name
from pushcore.channels import Channel, Platform, third_channel_named, third_channels
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.info import parse_platform
from pushcore.devices.region import parse_country, parse_language

T = TypeVar("T")

MAX_DEPTH = 8
MAX_TERMS = 20
MAX_DAYS = 3650
# Comparisons, and how jsonpath writes them.
COMPARISONS = {"eq": "==", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
# What a term calls the channel of devices that no vendor reaches.
SELF_BUILT = "self_built"
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class HasName:
    """The device or its user has a tag or a topic. `path` is where the condition says so."""

    kind: Kind
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class AttributeIs:
    """The device or its user has an attribute of the value's type that compares so with the value."""

    name: str
    comparison: str
    value: Value


@dataclass(frozen=True, slots=True)
class OnPlatform:
    """The device is of the platform."""

    platform: Platform


@dataclass(frozen=True, slots=True)
class OnChannel:
    """A vendor's channel reaches the device, or (`Channel.SELF_BUILT`) none does."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class AppVersionIs:
    """The version of the device's app compares so with a version, number by number."""

    comparison: str
    version: str


@dataclass(frozen=True, slots=True)
class InCountry:
    """The device says that it is used in the country (two letters)."""

    country: str


@dataclass(frozen=True, slots=True)
class HasLanguage:
    """The device's language is this one, or a kind of it: `zh` has `zh-Hans-CN`."""

    language: str


@dataclass(frozen=True, slots=True)
class SeenWithin:
    """The device was seen within so many days."""

    days: int


@dataclass(frozen=True, slots=True)
class IsBound:
    """A user is bound to the device, or none is."""

    bound: bool


Condition = (
    And
    | Or
    | Not
    | HasName
    | AttributeIs
    | OnPlatform
    | OnChannel
    | AppVersionIs
    | InCountry
    | HasLanguage
    | SeenWithin
    | IsBound
)


def parse(given: Mapping[str, Any] | str, path: str = "condition") -> Condition:
    """Read a condition.

    Args:
        given: Its JSON form, or text.
        path: What the message of an error calls the whole of it.

    Raises:
        ResultError: CONDITION_INVALID, with the path of the term that is wrong.
    """
    if isinstance(given, str):
        given = to_json_form(given, path)
    parser = _Parser()
    return parser.parse(given, path, 1)


class _Parser:
    """Reads one condition, whose terms it counts."""

    def __init__(self) -> None:
        self._terms = 0

    def parse(self, given: object, path: str, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise fault(path, f"more than {MAX_DEPTH} levels")
        if not isinstance(given, Mapping) or not given:
            raise fault(path, "an object with one term is expected")
        term = next((name for name in given if name in _GROUPS or name in _TERMS), None)
        if term is None:
            raise fault(path, f"{str(next(iter(given)))[:64]!r} is none of {', '.join((*_GROUPS, *_TERMS))}")
        if term not in _GROUPS:
            self._terms += 1
            if self._terms > MAX_TERMS:
                raise fault(path, f"more than {MAX_TERMS} terms")
            if term != "attribute":
                _only(given, {term}, path)
            return _TERMS[term](given, f"{path}.{term}")
        _only(given, {term}, path)
        inner = given[term]
        if term == "not":
            return Not(self.parse(inner, f"{path}.not", depth + 1))
        if not isinstance(inner, list) or not inner:
            raise fault(f"{path}.{term}", "a list of conditions is expected")
        parts = [self.parse(part, f"{path}.{term}[{place}]", depth + 1) for place, part in enumerate(inner)]
        return (And if term == "and" else Or)(tuple(parts))


def fault(path: str, what: str) -> ResultError:
    """Return the error of a term."""
    return ResultError(ResultCode.CONDITION_INVALID, f"{path}: {what}", parameter="condition")


def _only(given: Mapping[str, Any], known: set[str], path: str) -> None:
    if other := next((name for name in given if name not in known), None):
        raise fault(path, f"{str(other)[:64]!r} does not stand beside {' and '.join(sorted(known))}")


def _name(kind: Kind) -> Callable[[Mapping[str, Any], str], Condition]:
    def read(given: Mapping[str, Any], path: str) -> Condition:
        name = given[kind.name.lower()]
        if not isinstance(name, str):
            raise fault(path, "a name is expected")
        _rephrased(path, lambda: check_name(kind, name))
        return HasName(kind, name, path)

    return read


def _attribute(given: Mapping[str, Any], path: str) -> Condition:
    name = given["attribute"]
    if not isinstance(name, str):
        raise fault(path, "a name is expected")
    _rephrased(path, lambda: check_attribute_name(name))
    beside = [key for key in given if key != "attribute"]
    if len(beside) != 1 or beside[0] not in COMPARISONS:
        raise fault(path, f"one of {', '.join(COMPARISONS)} stands beside attribute")
    comparison = beside[0]
    value = _rephrased(path, lambda: parse_value(given[comparison], comparison))
    return AttributeIs(name, comparison, value)


def _platform(given: Mapping[str, Any], path: str) -> Condition:
    return OnPlatform(_rephrased(path, lambda: parse_platform(given["platform"])))


def _channel(given: Mapping[str, Any], path: str) -> Condition:
    name = given["channel"]
    channel = Channel.SELF_BUILT if name == SELF_BUILT else third_channel_named(str(name).lower())
    if channel is None:
        known = ", ".join((SELF_BUILT, *(channel.label for channel in third_channels())))
        raise fault(path, f"one of {known} is expected")
    return OnChannel(channel)


def _app_version(given: Mapping[str, Any], path: str) -> Condition:
    inner = given["app_version"]
    if not isinstance(inner, Mapping) or len(inner) != 1 or next(iter(inner)) not in COMPARISONS:
        raise fault(path, f"an object with one of {', '.join(COMPARISONS)} is expected")
    [(comparison, version)] = inner.items()
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise fault(f"{path}.{comparison}", "a version is expected: numbers with points between, such as '2.10'")
    return AppVersionIs(comparison, version)


def _country(given: Mapping[str, Any], path: str) -> Condition:
    name = given["country"]
    if not isinstance(name, str) or not (country := parse_country(name)):
        raise fault(path, "two letters are expected (ISO 3166-1), such as 'CN'")
    return InCountry(country)


def _language(given: Mapping[str, Any], path: str) -> Condition:
    name = given["language"]
    if not isinstance(name, str) or not (language := parse_language(name)):
        raise fault(path, "a language tag is expected (BCP 47), such as 'zh' or 'zh-Hans'")
    return HasLanguage(language)


def _seen(given: Mapping[str, Any], path: str) -> Condition:
    days = given["last_seen_within_days"]
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MAX_DAYS:
        raise fault(path, f"a whole number from 1 to {MAX_DAYS} is expected")
    return SeenWithin(days)


def _bound(given: Mapping[str, Any], path: str) -> Condition:
    if not isinstance(given["bound"], bool):
        raise fault(path, "true or false is expected")
    return IsBound(given["bound"])


def _rephrased(path: str, check: Callable[[], T]) -> T:
    """Return what the check does; what it refuses is a fault of the condition."""
    try:
        return check()
    except ResultError as error:
        raise fault(path, error.message.partition(": ")[2] or error.message) from None


_GROUPS = ("and", "or", "not")
_TERMS: dict[str, Callable[[Mapping[str, Any], str], Condition]] = {
    "tag": _name(Kind.TAG),
    "topic": _name(Kind.TOPIC),
    "attribute": _attribute,
    "platform": _platform,
    "channel": _channel,
    "app_version": _app_version,
    "country": _country,
    "language": _language,
    "last_seen_within_days": _seen,
    "bound": _bound,
}
