"""Erasures of users: who asked for one, when it was finished. A new one is asked for here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from console.access.audit_changes import FieldChange
from console.access.rights import Right
from console.components.columns import label
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin, take_over
from console.pages.create.explanations import explain
from pushcore.codes.results import ResultError
from pushcore.devices.target_names import clean_user_id
from pushcore.models import Erasure, PushTask
from pushcore.privacy import erasure


class ErasureForm(forms.ModelForm):
    """The form that asks for an erasure: the user's ID, and that it is meant."""

    user_id = forms.CharField(
        label=_("User ID"),
        max_length=256,
        help_text=_("The user's own ID, not an alias."),
        widget=UnfoldAdminTextInputWidget(),
    )
    confirmed = forms.BooleanField(
        label=_("Erase for good"),
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("Bindings, profile, aliases and messages of the user cannot be brought back."),
    )

    class Meta:
        model = Erasure
        fields = ("workspace", "user_id")

    def clean_user_id(self) -> str:
        """Apply the API's checks, so that both accept the same IDs."""
        try:
            return clean_user_id(self.cleaned_data["user_id"])
        except ResultError as error:
            raise ValidationError(str(explain(error).sentence)) from None


@admin.register(Erasure)
class ErasureAdmin(ScopedModelAdmin):
    """List of erasures; adding one erases a user. None is changed, and the worker deletes old ones."""

    app_path = "workspace__app"
    form = ErasureForm
    empty_state = EmptyState(
        _("Nobody was erased yet"),
        _("An erasure takes a user out of bindings, profile, aliases and messages. What was counted stays counted."),
        NextStep(_("Erase a user"), "admin:pushcore_erasure_add", right=Right.CONFIGURE),
    )
    list_display = ("number", "workspace", "state", "bindings", "messages", "author", "requested_at", "finished_at")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    ordering = ("-pk",)
    fields = ("number", "workspace", "state", "bindings", "messages", "source", "author", "requested_at", "finished_at")
    readonly_fields = fields
    add_fieldsets = (
        (
            None,
            {
                "fields": ("workspace", "user_id", "confirmed"),
                "description": _(
                    "Bindings, profile and aliases end at once, and what waits for the user is delivered no more. "
                    "A message whose receipt was not sent yet keeps the user's ID until it was, for a day at most. "
                    "Devices, counts and the audit log stay."
                ),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Leave the fields of the form that asks for an erasure."""
        return super().get_readonly_fields(request, obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: Erasure, form: forms.ModelForm, change: bool) -> None:
        """Erase the user."""
        made = erasure.erase(
            obj.workspace, obj.user_id, source=PushTask.Source.CONSOLE, author=request.user.get_username()
        )
        take_over(obj, made)

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse: what was asked for stays."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse: it is the proof."""
        return False

    def _changes(self, request: HttpRequest) -> list[FieldChange]:
        """Keep the user's ID out of the audit log, which nobody can erase."""
        super()._changes(request)
        return []

    @display(description=_("Erasure"))
    def number(self, obj: Erasure) -> str:
        """Show the erasure's number: the user has no name any more."""
        return str(obj.pk)

    @display(description=_("state"))
    def state(self, obj: Erasure) -> SafeString:
        """Show whether anything is left."""
        return label("green", _("finished")) if obj.finished_at else label("amber", _("under way"))
