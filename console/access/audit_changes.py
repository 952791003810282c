"""What was changed or deleted, for the audit log: each field with its value before and after, secrets by name alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import FieldDoesNotExist
from django.db.models import BinaryField, BooleanField, Field, JSONField, Model
from django.forms import ModelForm, PasswordInput
from django.forms.models import ModelChoiceField
from django.utils.translation import override

from console.access.audit import MAX_DETAILS, MAX_TEXT, sounds_like_a_secret
from pushcore.models.fields import RandomCharField


class FieldChange(TypedDict):
    """A field of an object that was added, changed or deleted.

    Attributes:
        field: Its English name, which pages translate.
        before: What it held, empty for an object that was added; None where values are not kept.
        after: What it holds now, empty for one that was deleted; None where values are not kept.
        worded: The values are words of the console, which pages translate, and nobody's own.
    """

    field: str
    before: str | None
    after: str | None
    worded: bool


def changes_of(form: ModelForm[Any], *, added: bool) -> list[FieldChange]:
    """Return what a valid form changed, or gave an object that it added: at most `MAX_DETAILS` fields, in English.

    Values are kept of the model's own columns alone: what else a form asks for may be a credential. Of fields that the
    form names in `unaudited` nothing is said.
    """
    left_out = getattr(form, "unaudited", ())
    with override("en"):
        changes = [_change(form, name, added) for name in form.changed_data if name not in left_out]
    return changes[:MAX_DETAILS]


def values_of(obj: Model) -> list[FieldChange]:
    """Return what an object about to be deleted holds, at most `MAX_DETAILS` fields that are not empty, in English."""
    with override("en"):
        columns = [column for column in obj._meta.concrete_fields if column.editable and not column.primary_key]
        held = [(column, getattr(obj, column.name)) for column in columns]
        values = [_value(column, value) for column, value in held if value not in (None, "", {}, [])]
    return values[:MAX_DETAILS]


def changes_between(before: Model | None, after: Model, names: Iterable[str]) -> list[FieldChange]:
    """Return what differs in the named columns of two objects that both have them, in English.

    Args:
        before: The object as it was; None for one that was added, of which all that is not empty differs.
        after: The object as it is.
        names: The columns.
    """
    with override("en"):
        columns = [column for name in names if (column := _column(after, name)) is not None]
        pairs = [(one, getattr(before, one.name) if before else None, getattr(after, one.name)) for one in columns]
        changes = [
            _unkept(str(column.verbose_name))
            if _is_secret(column)
            else FieldChange(
                field=str(column.verbose_name),
                before="" if before is None else _text(column, was),
                after=_text(column, now),
                worded=_is_worded(column),
            )
            for column, was, now in pairs
            if was != now and (before is not None or now not in ("", {}, []))
        ]
    return changes[:MAX_DETAILS]


def _change(form: ModelForm[Any], name: str, added: bool) -> FieldChange:
    column = _column(form.instance, name)
    asked = form.fields[name]
    if column is None or _is_secret(column) or isinstance(asked.widget, PasswordInput):
        return _unkept(str(column.verbose_name if column else asked.label or name))
    return FieldChange(
        field=str(column.verbose_name),
        before="" if added else _text(column, _related(asked, form.initial.get(name))),
        after=_text(column, form.cleaned_data.get(name)),
        worded=_is_worded(column),
    )


def _value(column: Field[Any, Any], value: Any) -> FieldChange:
    name = str(column.verbose_name)
    if _is_secret(column):
        return _unkept(name)
    return FieldChange(field=name, before=_text(column, value), after="", worded=_is_worded(column))


def _unkept(name: str) -> FieldChange:
    return FieldChange(field=name[:MAX_TEXT], before=None, after=None, worded=False)


def _is_secret(column: Field[Any, Any]) -> bool:
    """Tell whether a column may hold a secret: by its name, by its kind, or because anything may be in it."""
    return sounds_like_a_secret(column.name) or isinstance(column, RandomCharField | JSONField | BinaryField)


def _is_worded(column: Field[Any, Any]) -> bool:
    return bool(column.choices) or isinstance(column, BooleanField)


def _column(instance: Model, name: str) -> Field[Any, Any] | None:
    try:
        found = instance._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, Field) else None


def _related(asked: Any, value: Any) -> Any:
    """Return the object that a form's initial value stands for."""
    if isinstance(asked, ModelChoiceField) and not isinstance(value, Model | list | tuple | None):
        return asked.queryset.model._default_manager.filter(pk=value).first()  # type: ignore[union-attr]
    return value


def _text(column: Field[Any, Any], value: Any) -> str:
    """Write a value as short text; an address without what may be a key in it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if column.choices:
        return str(dict(column.flatchoices).get(value, value))
    if value is None:
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(sorted(map(str, value)))[:MAX_TEXT]
    return _without_keys(str(value))[:MAX_TEXT]


def _without_keys(text: str) -> str:
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return "..."
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "..." if parts.query else "", ""))
