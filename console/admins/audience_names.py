"""Tags and topics of workspaces: listed, and taken away from all that have them (docs/audiences.md)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from console.access.rights import Right, scope_of
from console.components.chips import ColumnChipFilter
from console.components.empty_state import EmptyState
from console.components.filters import WorkspaceFilter
from console.components.row_links import RowLink, row_links
from console.components.scoped_admin import ScopedModelAdmin
from console.pages.segment_count import TIMEOUT_MS
from pushcore.audience import names, resolve
from pushcore.audience.conditions import HasName
from pushcore.models import AudienceName
from pushcore.storage.timeouts import StatementTimeoutError


class NameKindFilter(ColumnChipFilter):
    """Filter by what the name is of."""

    title = _("kind")
    parameter_name = "kind"
    choices_of_column = [(str(kind.value), capfirst(kind.label)) for kind in AudienceName.Kind]


@admin.register(AudienceName)
class AudienceNameAdmin(ScopedModelAdmin):
    """Admin of tags and topics. Backends make them by using them; administrators may take them away."""

    app_path = "workspace__app"
    empty_state = EmptyState(
        _("No tag or topic yet"),
        _("A tag or topic is listed once the app's backend has given it to a device or user over the API."),
    )
    list_display = ("name", "kind", "workspace", "created_at", "row_actions")
    list_filter = (WorkspaceFilter, NameKindFilter)
    list_select_related = ("workspace__app",)
    search_fields = ("name",)
    search_help_text = _("A part of the name")
    ordering = ("name", "pk")
    fields = ("workspace", "kind", "name", "created_at", "devices")
    readonly_fields = ("devices",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out names that were removed: their rows stay until the last profile is rid of them."""
        return super().get_queryset(request).filter(removed_at__isnull=True)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to everyone: a name is made where it is given to somebody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | str | None = None) -> bool:
        """Refuse to everyone: another name is another tag."""
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Take the name from the workspace, and from all that have it."""
        names.remove(obj.workspace_id, names.Kind(obj.kind), [obj.name])

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Note on each row whether the user may remove it."""
        super().prepare_rows(request, rows)
        scope = scope_of(request)
        for name in rows:
            name.may_remove = scope.may(Right.CONFIGURE, self.app_id_of(name))

    @display(description=_("devices that have it, or whose user has it"))
    def devices(self, name: AudienceName) -> str:
        """Count the devices now."""
        condition = HasName(names.Kind(name.kind), name.name, "")
        try:
            return intcomma(resolve.count(name.workspace_id, condition, timeout_ms=TIMEOUT_MS))
        except StatementTimeoutError:
            return gettext("They could not be counted in time.")

    @display(description=_("actions"))
    def row_actions(self, name: Any) -> SafeString:
        """Offer to remove it."""
        if not name.may_remove:
            return row_links(())
        address = reverse("admin:pushcore_audiencename_delete", args=[name.pk])
        return row_links([RowLink(_("Delete"), "delete", address, name.name)])
