"""What a form changed, for the audit log: each field with its value before and after, secrets by name alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, Field, JSONField, Model
from django.forms import ModelForm, PasswordInput
from django.forms.models import ModelChoiceField
from django.utils.translation import override

from console.access.audit import MAX_DETAILS, MAX_TEXT, sounds_like_a_secret


class Change(TypedDict):
    """A field that a form changed.

    Attributes:
        field: Its English name, which pages translate.
        before: What it held; None where values are not kept.
        after: What it holds now; None where values are not kept.
        worded: The values are words of the console, which pages translate, and nobody's own.
    """

    field: str
    before: str | None
    after: str | None
    worded: bool


def changes_of(form: ModelForm[Any]) -> list[Change]:
    """Return what a valid form changed, at most `MAX_DETAILS` fields, in English.

    Values are kept of the model's own columns alone: what else a form asks for may be a credential.
    """
    with override("en"):
        return [_change(form, name) for name in form.changed_data[:MAX_DETAILS]]


def _change(form: ModelForm[Any], name: str) -> Change:
    column = _column(form.instance, name)
    asked = form.fields[name]
    secret = sounds_like_a_secret(name) or isinstance(asked.widget, PasswordInput)
    if column is None or secret or isinstance(column, JSONField):
        label = str(column.verbose_name if column else asked.label or name)
        return Change(field=label[:MAX_TEXT], before=None, after=None, worded=False)
    return Change(
        field=str(column.verbose_name),
        before=_text(column, _related(asked, form.initial.get(name))),
        after=_text(column, form.cleaned_data.get(name)),
        worded=bool(column.choices) or isinstance(column, BooleanField),
    )


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
