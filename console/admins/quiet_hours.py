"""Quiet hours of workspaces."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.scoped_admin import ScopedModelAdmin
from pushcore.categories import quiet_hours
from pushcore.models import QuietHours


class QuietHoursForm(forms.ModelForm):
    """The form of a workspace's quiet hours."""

    def clean_time_zone(self) -> str:
        """Require a name of the time zone database."""
        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise forms.ValidationError(_("Not a time zone name, such as Asia/Shanghai or UTC."))
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse hours that end when they start."""
        given = super().clean() or {}
        if not self.errors and given["starts"] == given["ends"]:
            self.add_error("ends", _("Quiet hours end at another time than they start."))
        return given


@admin.register(QuietHours)
class QuietHoursAdmin(ScopedModelAdmin):
    """Admin of quiet hours, which are switched off instead of deleted."""

    app_path = "workspace__app"
    form = QuietHoursForm
    empty_state = EmptyState(
        _("No quiet hours yet"),
        _("In quiet hours, messages of categories that keep them wait. They are those of each device's own clock."),
        NextStep(_("Add quiet hours"), "admin:pushcore_quiethours_add"),
    )
    list_display = ("workspace", "enabled", "hours", "time_zone")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app",)
    search_fields = ("workspace__workspace_id",)
    search_help_text = _("Workspace ID")
    fields = ("workspace", "enabled", "starts", "ends", "time_zone")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make the workspace read-only once it has quiet hours."""
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "workspace") if obj else shown

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone: switched off, they let go what they held."""
        return False

    def save_model(self, request: HttpRequest, obj: QuietHours, form: Any, change: bool) -> None:
        """Save them, and have offered what they do not hold any more."""
        super().save_model(request, obj, form, change)
        quiet_hours.changed(obj.pk)

    @display(description=_("quiet hours"))
    def hours(self, hours: QuietHours) -> str:
        """Show from when to when."""
        return str(hours)
