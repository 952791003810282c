"""Request schemas: one declaration reads a call's parameters, names their faults, and documents them (OpenAPI).

A schema is a DRF serializer. Fields are spelled as in the API; `source` is the attribute of the request object that a
field becomes, and `group.name` puts it into a dictionary within. Schemas check shape and type; limits belong to the
services (`pushcore.push.limits`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, NamedTuple

from rest_framework import serializers

from pushcore.api.fields import JsonObject, ParsedText, Text, TextMap, WholeNumber, as_object
from pushcore.codes.results import ResultCode, ResultError

OPTIONAL: dict[str, Any] = {"required": False, "default": None, "allow_null": True}


class RequestSchema(serializers.Serializer[Any]):
    """The parameters of an operation. Subclasses add fields.

    Attributes:
        codes: The result code of each field's fault; INVALID_PARAM where it has none here.
    """

    codes: ClassVar[dict[str, ResultCode]] = {}

    appId = Text(help_text="App ID.", required=True, source="scope.appId")
    workspaceId = Text(help_text="Workspace ID.", required=True, source="scope.workspaceId")

    @classmethod
    def build(cls, values: dict[str, Any]) -> Any:
        """Make the request object, which the operation gets. A schema without one leaves the values as they are.

        Args:
            values: What the fields read, by `source`.

        Raises:
            ResultError: Fields contradict each other, or one that is needed is missing.
        """
        return values

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> Any:
        """Read the parameters of a call into the request object.

        Raises:
            ResultError: For the first field that is at fault, with its code.
        """
        values: dict[str, Any] = {}
        for name, field, group, attribute, has_default in _plan(cls):
            value_given = parameters.get(name)
            # A null is a parameter left out, and so is a number without digits.
            if has_default and (value_given is None or (value_given == "" and isinstance(field, WholeNumber))):
                value = field.default() if callable(field.default) else field.default
            else:
                try:
                    value = field.run_validation(value_given)
                except serializers.ValidationError:
                    raise ResultError(cls.codes.get(name, ResultCode.INVALID_PARAM), name) from None
            if group is None:
                values[attribute] = value
            elif group in values:
                values[group][attribute] = value
            else:
                values[group] = {attribute: value}
        del values["scope"]  # was read when the caller's access was checked
        return cls.build(values)

    @classmethod
    def names(cls) -> Collection[str]:
        """Return the names of all parameters."""
        return _fields(cls).keys()

    @classmethod
    def map_parameters(cls) -> Mapping[str, bool]:
        """Return the parameters that are maps, and whether a map may lie within each."""
        return _map_fields(cls)

    @classmethod
    def refuse_unknown(cls, parameters: Mapping[str, Any], beside: Collection[str] = ()) -> None:
        """Refuse parameters that the operation does not have, those within lists of objects included.

        Args:
            parameters: What was given.
            beside: Names that belong to every call (timestamp, nonce).

        Raises:
            ResultError: INVALID_PARAM, naming the first.
        """
        fields = _fields(cls)
        refuse_unknown_names(parameters, {*fields, *beside})
        for name, field in fields.items():
            entries = parameters.get(name)
            if isinstance(field, serializers.ListSerializer) and isinstance(entries, list):
                known = field.child.fields.keys()  # type: ignore[union-attr]
                for place, entry in enumerate(entries):
                    if isinstance(entry, Mapping):
                        refuse_unknown_names(entry, known, f"{name}[{place}].")


class NestedObject(serializers.Serializer[Any]):
    """A parameter that is an object with members of its own, or the JSON text of one."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the members. Raises `ResultError` (INVALID_PARAM) naming one that it does not have."""
        name = str(self.field_name)
        content = as_object(data, name)
        if isinstance(content, Mapping):
            refuse_unknown_names(content, self.fields.keys(), f"{name}.")
        return super().to_internal_value(content)


def refuse_unknown_names(given: Mapping[str, Any], known: Collection[str], path: str = "") -> None:
    """Refuse names that are not known.

    Args:
        given: What has the names.
        known: All that may be given.
        path: What stands before a name in the message.

    Raises:
        ResultError: INVALID_PARAM, naming the first, and a known name that is similar.
    """
    unknown = next((name for name in given if name not in known), None)
    if unknown is None:
        return
    near = get_close_matches(unknown, known, n=1)
    meant = f"; is {near[0]} meant?" if near else ""
    raise ResultError(ResultCode.INVALID_PARAM, f"{path}{unknown[:64]} is no parameter of this operation{meant}")


def needed(values: Mapping[str, Any], name: str) -> Any:
    """Return the value of a parameter. Raises `ResultError` (INVALID_PARAM) where it was left out."""
    if values[name] is None:
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is missing")
    return values[name]


@cache
def _fields(schema: type[RequestSchema]) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return a schema's fields by name.

    They are made once and shared by all calls, for they keep nothing of what they read; a serializer would copy each of
    them for every request. Those that are not required have a default.
    """
    return dict(schema().fields)


class _FieldPlan(NamedTuple):
    """How one field is read: it sets `attribute` of the request, or of the dictionary `group` within it."""

    name: str
    field: serializers.Field[Any, Any, Any, Any]
    group: str | None
    attribute: str
    has_default: bool


@cache
def _plan(schema: type[RequestSchema]) -> list[_FieldPlan]:
    plan = []
    for name, field in _fields(schema).items():
        *group, attribute = field.source_attrs
        has_default = not field.required and not isinstance(field, ParsedText)
        plan.append(_FieldPlan(name, field, group[0] if group else None, attribute, has_default))
    return plan


@cache
def _map_fields(schema: type[RequestSchema]) -> dict[str, bool]:
    return {
        name: not isinstance(field, TextMap)
        for name, field in _fields(schema).items()
        if isinstance(field, TextMap | JsonObject | NestedObject)
    }
