"""RSA keys: backends' public keys are pasted in; the service generates the key pairs that sign receipts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access.rights import Right
from console.components.columns import copyable, label
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import ChoiceFilter, WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin, take_over
from pushcore.models import RsaKey
from pushcore.security import keys


class PurposeFilter(ChoiceFilter):
    """Filter by purpose: keys that verify REST calls, or keys that sign receipts."""

    title = _("purpose")
    parameter_name = "purpose"
    choices_of_column = [(RsaKey.Purpose.API, _("REST calls")), (RsaKey.Purpose.CALLBACK, _("receipts"))]


@admin.register(RsaKey)
class RsaKeyAdmin(ScopedModelAdmin):
    """Admin of RSA keys. Only backends' public keys can be added; private keys are never shown."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No RSA key yet"),
        _("Calls of the REST API are verified with a backend's public key."),
        NextStep(_("Add a public key"), "admin:pushcore_rsakey_add", right=Right.CONFIGURE),
    )
    list_display = ("workspace", "use", "active", "created_at")
    list_filter = (WorkspaceFilter, PurposeFilter)
    list_select_related = ("workspace__app",)
    fields = ("workspace", "use", "active", "public_key", "created_at")
    add_fieldsets = (
        (
            None,
            {
                "fields": ("workspace", "public_pem"),
                "description": _(
                    "The public key a backend's REST calls are verified with, as PEM or as the bare base64 "
                    "between its markers."
                ),
            },
        ),
    )
    readonly_fields = ("use", "public_key", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RsaKey]:
        """Leave the sealed private key in the database, and fetch workspace and app in the same query."""
        return super().get_queryset(request).defer("private_sealed").select_related("workspace__app")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make the workspace read-only once the key exists."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "workspace") if obj else shown

    def save_model(self, request: HttpRequest, obj: RsaKey, form: forms.ModelForm[RsaKey], change: bool) -> None:
        """Add a backend's public key with `keys.add_api_key`, which normalises the PEM."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made = keys.add_api_key(obj.workspace, obj.public_pem)
        take_over(obj, made)

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse for an active key, which has to be deactivated first."""
        if isinstance(obj, RsaKey) and obj.active:
            return False
        return super().has_delete_permission(request, obj)

    @display(description=_("purpose"))
    def use(self, key: RsaKey) -> SafeString:
        """Show the purpose as a coloured label."""
        return label("blue", _("REST calls")) if key.purpose == RsaKey.Purpose.API else label("green", _("receipts"))

    @display(description=_("public key"))
    def public_key(self, key: RsaKey) -> SafeString:
        """Show the public key as PEM, with a button that copies it."""
        return copyable(key.public_pem)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Explain beside `active` what deactivating a key does."""
        form = super().get_form(request, obj, change, **kwargs)
        if "active" in form.base_fields:
            form.base_fields["active"].help_text = _(
                "Deactivated, a backend's key verifies nothing; a receipts key is replaced by a new one at next use."
            )
        return form
