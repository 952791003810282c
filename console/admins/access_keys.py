"""Access keys: the service generates ID and secret, and the console shows the secret once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from console.access.rights import Right
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import EnabledFilter
from console.components.scoped_admin import ScopedModelAdmin, is_long, take_over
from console.components.shown_once import Property, ShownOnce, ShownOnceAdmin
from pushcore.models import AccessKey, Workspace
from pushcore.security import keys


class AccessKeyForm(forms.ModelForm):
    """The form of an access key. It does not ask for the app, which is that of the chosen workspaces."""

    def clean_workspaces(self) -> QuerySet[Workspace]:
        """Require at least one workspace, and that all belong to one app."""
        workspaces: QuerySet[Workspace] = self.cleaned_data["workspaces"]
        if not workspaces:
            raise forms.ValidationError(_("A key is of use in at least one workspace."))
        if len({workspace.app_id for workspace in workspaces}) > 1:
            raise forms.ValidationError(_("All workspaces of a key belong to one app."))
        return workspaces


@admin.register(AccessKey)
class AccessKeyAdmin(ShownOnceAdmin, ScopedModelAdmin):
    """Admin of access keys; adding one leads to a page that shows its secret once."""

    app_path = "app"
    form = AccessKeyForm
    empty_state = EmptyState(
        _("No AccessKey yet"),
        _("A backend signs its calls of the API with an AccessKey."),
        NextStep(_("Create an AccessKey"), "admin:pushcore_accesskey_add", right=Right.CONFIGURE),
    )
    list_display = ("access_key_id", "name", "app", "enabled", "granted", "last_used_at", "created_at")
    list_filter = (EnabledFilter,)
    list_select_related = ("app",)
    search_fields = ("access_key_id", "name", "app__app_id")
    search_help_text = _("AccessKey ID, name or app ID")
    fields = ("access_key_id", "app", "name", "enabled", "workspaces", "last_used_at", "created_at")
    add_fieldsets = ((None, {"fields": ("name", "workspaces")}),)
    readonly_fields = ("access_key_id", "app", "last_used_at", "created_at")
    shown_once = ShownOnce(
        "secret",
        title=_("The new access key"),
        warning=_("Copy the secret now: it is shown this once and never again."),
        refusal=_("An access key's secret is shown once, right after the key was made."),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessKey]:
        """Leave the sealed secret in the database, and fetch the workspaces for `granted`."""
        return super().get_queryset(request).defer("secret_sealed").prefetch_related("workspaces")

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField[Any] | None:
        """Offer the workspaces as checkboxes, or by a search where there are many."""
        long = is_long(self.choices_of(db_field, request))
        kwargs["widget"] = (
            AutocompleteSelectMultiple(db_field, self.admin_site) if long else UnfoldAdminCheckboxSelectMultipleWidget()
        )
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None:
            field.help_text = _("Where the key may push.")
        return field

    def choices_of(
        self, db_field: ForeignKey[Any, Any] | ManyToManyField[Any, Any], request: HttpRequest
    ) -> QuerySet[Any]:
        """Offer an existing key only the workspaces of its app."""
        choices = super().choices_of(db_field, request)
        match = request.resolver_match
        of_key = match.kwargs.get("object_id") if match else None
        if db_field.name == "workspaces" and of_key:
            key = self.get_object(request, of_key)
            assert isinstance(key, AccessKey)
            return choices.filter(app=key.app_id)
        return choices

    def save_model(self, request: HttpRequest, obj: AccessKey, form: Any, change: bool) -> None:
        """Create a key with `keys.create_access_key`."""
        if change:
            super().save_model(request, obj, form, change)
            return
        workspaces = form.cleaned_data["workspaces"]
        made, _ = keys.create_access_key(workspaces[0].app, workspaces, obj.name)
        take_over(obj, made)

    def response_add(self, request: HttpRequest, obj: AccessKey, post_url_continue: str | None = None) -> HttpResponse:
        """Redirect to the page that shows the secret."""
        return self.show_once(request, obj)

    def properties_shown_once(self, request: HttpRequest, obj: Model) -> Sequence[Property]:
        """Return ID and secret, and where the key may push."""
        assert isinstance(obj, AccessKey)
        return (
            Property(_("AccessKey ID"), obj.access_key_id, copyable=True),
            Property(_("AccessKey secret"), obj.secret, copyable=True),
            Property(_("App"), str(obj.app)),
            Property(_("Workspaces"), self.granted(obj)),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse for an enabled key: disabling can be undone, so it has to come before deleting."""
        if isinstance(obj, AccessKey) and obj.enabled:
            return False
        return super().has_delete_permission(request, obj)

    @display(description=_("workspaces"))
    def granted(self, key: AccessKey) -> str:
        """List the IDs of the workspaces the key may push in."""
        return ", ".join(workspace.workspace_id for workspace in key.workspaces.all()) or "-"
