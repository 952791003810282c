"""The form of an account at a vendor or a provider, with the fields that it asks for (`AccountField`).

A secret that is left empty stays as it is, unless its removal is asked for, or the place it is sent to changes: then it
has to be entered again, by somebody who knows it. A file or password that a browser does not send again survives an
error: the form carries it, sealed (`entered_secrets`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from django import forms
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from console.components import entered_secrets
from console.locale.sentences import said
from pushcore.security.account_fields import AccountField

_PREFIX = "value_"
_REMOVE = "remove_"
MAX_FILE_BYTES = 65_536


class AnyAccount(Protocol):
    """An account as its form needs it: values that are shown, and sealed ones."""

    public_values: dict[str, str]

    def secrets(self) -> dict[str, str]:
        """Return the secrets in the clear, by field name."""


class AccountForm(forms.ModelForm):
    """Base of the forms of accounts; `form_with` adds the fields.

    Attributes:
        account_fields: What is asked for.
        destination: The columns that decide where the secrets go, and who is believed to be there.
    """

    account_fields: tuple[AccountField, ...] = ()
    destination: tuple[str, ...] = ()
    entered = forms.CharField(label="", required=False, widget=forms.HiddenInput)

    def wrong_values(self, values: Mapping[str, str], *, is_complete: bool) -> Mapping[str, str]:
        """Return what is wrong with the values, by name. `is_complete`: what is needed has to be there."""
        raise NotImplementedError

    def wrong_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with where the secrets would go, by column."""
        raise NotImplementedError

    def full_clean(self) -> None:
        """Check the form; where something is wrong, have it carry what the browser will not send again."""
        self._given_values: dict[str, str] = {}
        super().full_clean()
        if self.is_bound and self.errors:
            self._carry_secrets()

    def _carry_secrets(self) -> None:
        """Seal files and, unless a secret is at fault, passwords into the form, and say so beside their fields."""
        hidden = [entry for entry in self.account_fields if entry.secret and not entry.multiline]
        at_fault = any(_PREFIX + entry.name in self.errors for entry in hidden)
        carried = {
            entry.name: value
            for entry in hidden
            if (value := self._given_values.get(entry.name)) and (entry.file or not at_fault)
        }
        data = cast(QueryDict, self.data).copy()
        data["entered"] = entered_secrets.seal(self.instance, carried) if carried else ""
        self.data = data
        for name in carried:
            self[_PREFIX + name].help_text = _("Kept until the form is saved; leave empty.")

    def clean(self) -> dict[str, Any]:
        """Merge the entered values with the kept secrets, check them, and set them on the account."""
        cleaned = super().clean() or {}
        carried = entered_secrets.unseal(self.instance, cleaned.get("entered", ""))
        for entry in self.account_fields:
            given = self._given(entry, cleaned.get(_PREFIX + entry.name))
            self._given_values[entry.name] = given or carried.get(entry.name, "")
        if not self.account_fields or self.errors:
            return cleaned
        kept, moves = self.instance.secrets(), self._check_destination(cleaned)
        values: dict[str, str] = {}
        is_new = False
        for entry in self.account_fields:
            given = self._given_values[entry.name]
            stays = entry.secret and not cleaned.get(_REMOVE + entry.name)
            values[entry.name] = given or (kept.get(entry.name, "") if stays else "")
            is_new = is_new or (entry.secret and bool(given))
            if moves and stays and not given and kept.get(entry.name):
                self.add_error(_PREFIX + entry.name, _("Enter it again: an address it is sent to has changed."))
        # An account that is off may be half filled in; one whose values have become invalid can still be switched off.
        is_complete = bool(cleaned.get("enabled"))
        wrong = self.wrong_values(values, is_complete=is_complete) if is_complete or is_new else {}
        for name, reason in wrong.items():
            self.add_error(_PREFIX + name, capfirst(said(reason)))
        secret = {entry.name for entry in self.account_fields if entry.secret}
        self.instance.public_values = {name: value for name, value in values.items() if name not in secret and value}
        self.instance.set_secrets({name: value for name, value in values.items() if name in secret and value})
        return cleaned

    def _check_destination(self, cleaned: dict[str, Any]) -> bool:
        """Check where the secrets are to be sent, and note at the form what is wrong with it.

        Returns:
            Whether that is elsewhere than before, or at servers that another authority vouches for.
        """
        given = {name: cleaned.get(name) or "" for name in self.destination}
        moved = {name for name, value in given.items() if value.split() != getattr(self.instance, name).split()}
        for name, reason in self.wrong_destination(given).items():
            if name in moved:
                self.add_error(name, translated(reason))
        return bool(moved)

    def _given(self, entry: AccountField, value: Any) -> str:
        """Return what was entered for a field as text, an uploaded file encoded; empty if nothing was."""
        if not entry.file:
            return str(value or "").strip()
        if value is None:
            return ""
        if value.size > MAX_FILE_BYTES:
            self.add_error(_PREFIX + entry.name, _("The file is too large."))
            return ""
        return base64.b64encode(value.read()).decode()


def form_with(base: type[AccountForm], row: AnyAccount, entries: Sequence[AccountField]) -> type[AccountForm]:
    """Return a form class for an existing account, with fields for what it asks for.

    Each secret that is already kept gets a checkbox that removes it.
    """
    kept = row.secrets()
    made: dict[str, Any] = {}
    for entry in entries:
        made[_PREFIX + entry.name] = _form_field(entry, row, entry.name in kept)
        if entry.name in kept:
            made[_REMOVE + entry.name] = forms.BooleanField(
                label=gettext("Remove: %(name)s") % {"name": translated(entry.label)},
                required=False,
                widget=UnfoldBooleanWidget,
            )
    return type(base.__name__, (base,), made | {"account_fields": tuple(entries)})


def field_names(entries: Sequence[AccountField], row: AnyAccount) -> list[str]:
    """Return the names of the form's fields for what an account asks for, in their order."""
    names, kept = ["entered"], row.secrets()
    for entry in entries:
        names.append(_PREFIX + entry.name)
        if entry.name in kept:
            names.append(_REMOVE + entry.name)
    return names


def translated(words: str) -> str:
    """Return a text of a description in the user's language."""
    return gettext(words) if words else ""


def _form_field(entry: AccountField, row: AnyAccount, is_kept: bool) -> forms.Field:
    hint = gettext("Entered; leave empty to keep it.") + " " if is_kept else ""
    common: dict[str, Any] = {
        "label": translated(entry.label),
        "required": False,
        "help_text": hint + translated(entry.help_text),
    }
    if entry.file:
        return forms.FileField(widget=UnfoldAdminFileFieldWidget, **common)
    initial = "" if entry.secret else row.public_values.get(entry.name, "")
    if entry.choices:
        choices = [(choice, translated(choice) or "-") for choice in entry.choices]
        return forms.ChoiceField(choices=choices, initial=initial or None, widget=UnfoldAdminSelectWidget, **common)
    if entry.multiline:
        attrs = {"autocomplete": "off", "rows": 5, "spellcheck": "false"}
        return forms.CharField(initial=initial, widget=UnfoldAdminTextareaWidget(attrs=attrs), **common)
    if entry.secret:
        return forms.CharField(widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}), **common)
    return forms.CharField(initial=initial, widget=UnfoldAdminTextInputWidget, **common)
