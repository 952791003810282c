"""Bindings of users to devices: those that hold and those that have ended."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access.rights import Right, Scope
from console.components.columns import identifier, label
from console.components.empty_state import EmptyState, NextStep
from console.components.filters import WorkspaceFilter
from console.components.large_table_admin import LargeTableAdmin
from pushcore.models import Binding


@admin.register(Binding)
class BindingAdmin(LargeTableAdmin):
    """Read-only list of bindings, searched by user ID or Ad-token."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No user bound yet"),
        _("A user is bound to a device at the login in the app, or by a backend. Pushes by user ID need it."),
        NextStep(_("Bind a user in the device simulator"), "admin:device_simulator", right=Right.PUSH),
    )
    list_display = ("user_id", "device_token", "workspace", "state", "bound_at", "unbound_at")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace__app", "device")
    search_help_text = _("Exact user ID or Ad-token")
    fields = ("user_id", "device_token", "workspace", "state", "bound_at", "unbound_at")
    readonly_fields = fields

    def find(self, rows: QuerySet[Binding], scope: Scope, term: str) -> QuerySet[Binding]:
        """Search the visible workspaces by user ID and, if nothing is bound to such a user, by Ad-token."""
        mine = rows.filter(workspace_id__in=scope.workspace_ids)
        by_user = mine.filter(user_id=term)
        return by_user if by_user.exists() else mine.filter(device__ad_token=term)

    @display(description=_("device"))
    def device_token(self, binding: Binding) -> SafeString:
        """Show the Ad-token as a link to its device."""
        url = reverse("admin:pushcore_device_change", args=[binding.device_id])
        return format_html('<a class="text-link" href="{}">{}</a>', url, identifier(binding.device.ad_token))

    @display(description=_("state"))
    def state(self, binding: Binding) -> SafeString:
        """Show whether the binding holds or has ended."""
        return label("grey", _("ended")) if binding.unbound_at else label("green", _("bound"))
