"""Changes of profiles, as backends and devices say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushcore.audience.attributes import Value, check_attribute_name, parse_value
from pushcore.codes.results import ResultCode, ResultError

# Names in one list of a device's request.
MAX_LISTED = 100
_LISTS = ("set", "add", "remove")


@dataclass(frozen=True, slots=True)
class NamesChange:
    """A change of a profile's tags or topics.

    Attributes:
        only: Whether all that are not added are taken away.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    only: bool = False

    @classmethod
    def of(cls, only: Sequence[str] | None, add: Sequence[str], remove: Sequence[str], path: str = "") -> NamesChange:
        """Make a change of the lists that say it.

        Args:
            only: The names that a profile shall have, and no others; None where it keeps some.
            add: Names that it has too.
            remove: Names that it has no more.
            path: What the message of an error begins with.

        Raises:
            ResultError: INVALID_PARAM: nothing changes, or it is told in two ways.
        """
        if only is not None and (add or remove):
            raise ResultError(ResultCode.INVALID_PARAM, f"{path}set does not stand beside add and remove")
        if only is None and not (add or remove):
            raise ResultError(ResultCode.INVALID_PARAM, f"{path}set, add or remove is needed")
        if both := next((name for name in add if name in remove), None):
            raise ResultError(ResultCode.INVALID_PARAM, f"{path}{both[:64]!r} is in add and in remove")
        if only is not None:
            return cls(add=tuple(only), only=True)
        return cls(add=tuple(add), remove=tuple(remove))


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What changes in profiles. Attributes that are None are removed."""

    tags: NamesChange = NamesChange()
    topics: NamesChange = NamesChange()
    attributes: Mapping[str, Value | None] = field(default_factory=dict)


def attributes_of(given: object) -> dict[str, Value | None]:
    """Read a change of attributes: values by name, None for one that is removed.

    Raises:
        ResultError: INVALID_PARAM, naming what is wrong.
    """
    if not isinstance(given, Mapping) or not given:
        raise ResultError(ResultCode.INVALID_PARAM, "attributes: an object with one attribute or more is expected")
    return {
        check_attribute_name(name): None if value is None else parse_value(value, f"attributes.{name}")
        for name, value in given.items()
    }


def says_profile(given: Mapping[str, Any]) -> bool:
    """Return whether a device's request says something of its profile."""
    return any(given.get(name) is not None for name in ("tags", "topics", "attributes"))


def change_of(given: Mapping[str, Any]) -> ProfileChange:
    """Read a change as a device says it: `tags`, `topics` and `attributes`, each of which may be absent.

    Raises:
        ResultError: INVALID_PARAM, naming what is wrong.
    """
    if not says_profile(given):
        raise ResultError(ResultCode.INVALID_PARAM, "tags, topics or attributes are needed")
    attributes = given.get("attributes")
    return ProfileChange(
        _names_of("tags", given.get("tags")),
        _names_of("topics", given.get("topics")),
        {} if attributes is None else attributes_of(attributes),
    )


def _names_of(what: str, given: object) -> NamesChange:
    if given is None:
        return NamesChange()
    if not isinstance(given, Mapping):
        raise ResultError(ResultCode.INVALID_PARAM, f"{what}: an object with set, add or remove is expected")
    if other := next((name for name in given if name not in _LISTS), None):
        raise ResultError(ResultCode.INVALID_PARAM, f"{what}.{str(other)[:64]} is none of {', '.join(_LISTS)}")
    for name, listed in given.items():
        if (
            not isinstance(listed, list)
            or len(listed) > MAX_LISTED
            or not all(isinstance(entry, str) for entry in listed)
        ):
            raise ResultError(ResultCode.INVALID_PARAM, f"{what}.{name}: a list of at most {MAX_LISTED} names")
    return NamesChange.of(given.get("set"), given.get("add", ()), given.get("remove", ()), f"{what}: ")
