"""Apps: superusers create them, the administrators of an app rename and disable it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access.rights import Right, scope_of
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import EnabledFilter
from console.components.identifiers import check_identifier
from console.components.scoped_admin import ScopedModelAdmin
from pushcore.models import App


@admin.register(App)
class AppAdmin(ScopedModelAdmin):
    """Admin of apps. Nobody deletes an app: its messages would go with it."""

    app_path = "pk"
    empty_state = EmptyState(
        _("No app yet"),
        _("An app holds its workspaces, keys, channels and members."),
        NextStep(_("Add an app"), "admin:pushcore_app_add", right=Right.CONFIGURE),
    )
    list_display = ("name", "app_id", "enabled", "workspace_count", "created_at")
    list_filter = (EnabledFilter,)
    ordering = ("app_id",)
    search_fields = ("app_id", "name")
    search_help_text = _("App ID or name")
    fields = ("app_id", "name", "enabled", "created_at")
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[App]:
        """Count the workspaces of each app in the same query."""
        return super().get_queryset(request).annotate(workspace_total=Count("workspaces"))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:
        """Make the app ID read-only once the app exists."""
        # Backends and devices in use send this ID.
        shown = super().get_readonly_fields(request, obj)
        return (*shown, "app_id") if obj else shown

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Check the spelling of a new app ID."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "app_id":
            field.validators.append(check_identifier)
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Require a superuser."""
        return scope_of(request).superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone, superusers included: apps are disabled instead."""
        return False

    @display(description=_("workspaces"))
    def workspace_count(self, app: App) -> int:
        """Show the count that `get_queryset` annotates."""
        return app.workspace_total  # type: ignore[attr-defined]
